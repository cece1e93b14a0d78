"""Every bug of the list can still be planted: its patch fits the code as it is."""

import ast
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from ops.stack.roots import CLONE
from tests.faults import bugs, menu


@pytest.mark.parametrize("name", bugs.BUGS)
def test_the_patch_of_a_bug_fits_the_code(name: str, tmp_path: Path) -> None:
    patch = (bugs.HERE / f"{name}.patch").read_text(encoding="utf-8")
    files = [line[6:].strip() for line in patch.splitlines() if line.startswith("+++ b/")]
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CLONE / file, tmp_path / file)
    bugs.apply(patch, tmp_path)
    for file in files:
        changed = (tmp_path / file).read_text(encoding="utf-8")
        ast.parse(changed)
        assert changed != (CLONE / file).read_text(encoding="utf-8")


def test_every_patch_is_in_the_list_and_its_faults_are_known() -> None:
    assert {file.stem for file in bugs.HERE.glob("*.patch")} == set(bugs.BUGS)
    assert {fault for bug in bugs.BUGS.values() for fault in bug.only} <= set(menu.ALL)


def test_a_patch_that_does_not_fit_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"hunk 1 of a\.py fits in 0 places"):
        bugs.apply("--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-two\n+three\n", tmp_path)


def test_every_bug_has_its_day() -> None:
    first = date(2026, 11, 24)
    assert {name for n in range(len(bugs.BUGS)) for name in bugs.of_day(first + timedelta(n))} == set(
        bugs.BUGS
    )
