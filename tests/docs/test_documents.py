"""What the documents point at is there, and what they quote stands so in the code."""

import re
from pathlib import Path

import pytest

from ops.cli import COMMANDS
from ops.stack.roots import CLONE
from services.intake import counting as of_intake
from services.lapor_bridge import counting as of_the_bridge
from services.routing import counting as of_routing
from shared.delivery.metrics import Metrics

DOCUMENTS = [
    *(CLONE / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((CLONE / "docs").rglob("*.md")),
]
IDS = [str(path.relative_to(CLONE)) for path in DOCUMENTS]

_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
_QUOTE = re.compile(r"^```python\n# (\S+/\S+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLACE = re.compile(r"\]\(([^)#:\s]*\.md)?#([^)\s]+)\)")
_COMMAND = re.compile(r"\./simpul ([a-z]+)")
_FILE = re.compile(r"`((?:services|shared|ops|simulators|tests|deploy)/[\w/.-]+\.(?:py|yaml|md|sql))`")

OWN = {*of_intake.GAUGES, *of_routing.GAUGES, *of_the_bridge.GAUGES}
"""What single services count, made where their loop begins."""


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


def test_operators_are_told_of_every_metric_and_of_no_other() -> None:
    told = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for page in ("operations.md", "runbooks.md")
        for name in re.findall(r"\b(simpul_\w+)", (CLONE / "docs" / page).read_text(encoding="utf-8"))
    }
    names = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in Metrics().registry.collect()
    }
    assert told == names | OWN


def test_every_place_on_a_page_that_is_pointed_at_is_there() -> None:
    """Headings as they are linked: in lower case, without what is neither letter, digit nor hyphen."""
    lost = []
    for document in DOCUMENTS:
        for page, place in _PLACE.findall(document.read_text(encoding="utf-8")):
            text = (document.parent / page if page else document).read_text(encoding="utf-8")
            titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
            if place not in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}:
                lost.append(f"{document.name}: {page}#{place}")
    assert not lost
