"""What the documents point at is there, and what they quote stands so in the code."""

import re
from pathlib import Path

import pytest

from ops.cli import COMMANDS
from ops.stack.roots import CLONE
from shared.delivery.metrics import Metrics

DOCUMENTS = [
    *(CLONE / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((CLONE / "docs").rglob("*.md")),
]
IDS = [str(path.relative_to(CLONE)) for path in DOCUMENTS]

_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
_QUOTE = re.compile(r"^```python\n# (\S+/\S+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"\./simpul ([a-z]+)")
_FILE = re.compile(r"`((?:services|shared|ops|simulators|tests|deploy)/[\w/.-]+\.(?:py|yaml|md|sql))`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_every_link_and_every_named_file_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    missing = [link for link in _LINK.findall(text) if not (document.parent / link).exists()]
    missing += [name for name in _FILE.findall(text) if not (CLONE / name).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_every_command_is_one(document: Path) -> None:
    named = set(_COMMAND.findall(document.read_text(encoding="utf-8")))
    assert named <= COMMANDS.keys()


def test_quoted_code_stands_so_in_its_file() -> None:
    quotes = _QUOTE.findall((CLONE / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert quotes
    for name, quoted in quotes:
        code = (CLONE / name).read_text(encoding="utf-8").splitlines()
        assert [line for line in quoted.splitlines() if line not in code] == [], name


def test_the_operations_guide_tells_of_every_metric() -> None:
    guide = (CLONE / "docs" / "operations.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(simpul_\w+)", guide))
    names = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in Metrics().registry.collect()
    }
    assert names <= told
