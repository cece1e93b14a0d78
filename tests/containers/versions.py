"""A next version of this tree: the same code with a mark on it, and migrations of its own."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from ops.stack.roots import CLONE

_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".simpul", ".ci", "__pycache__", ".*_cache", ".hypothesis", "tests", "docs"
)
_TITLE = 'title=f"Simpul {name}"'


def next_version(place: Path, mark: str, migrations: Mapping[str, str], after: Path = CLONE) -> Path:
    """The tree at `place`: each service shows `mark` in the title of its OpenAPI document, and has one migration more.

    `migrations`: SQL by service; `after`: the tree that it follows on.
    """
    shutil.copytree(after, place, ignore=_LEFT_OUT)
    frame = place / "shared" / "service.py"
    plain = frame.read_text()
    assert _TITLE in plain or after != CLONE
    frame.write_text(plain.replace(_TITLE, f'title=f"Simpul {{name}} {mark}"'))
    for service, sql in migrations.items():
        folder = place / "services" / service / "migrations"
        last = max(int(file.name[:4]) for file in folder.glob("*.sql"))
        (folder / f"{last + 1:04}_{mark}.sql").write_text(sql)
    return place
