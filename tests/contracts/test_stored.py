"""The stored contracts: current, complete, kept by hand where hands wrote them."""

import json
import shutil
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ops import contracts
from shared.events.catalogue import EVENTS
from shared.events.fact import Event, Instant
from shared.events.lapor import LaporLinked, LaporReplied
from shared.events.submissions import SubmissionPosted
from tests.contracts.examples import EXAMPLES, headers_of

LINKED = LaporLinked.type


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the stored contracts, to be spoiled."""
    return Path(shutil.copytree(contracts.FOLDER, tmp_path / "contracts"))


def spoil(folder: Path, **changes: Any) -> None:
    """Change top-level entries of one contract in a copy."""
    path = contracts.file_of(EVENTS[LINKED], folder)
    path.write_text(contracts.render(json.loads(path.read_text()) | changes))


def test_stored_contracts_agree_with_their_classes_and_with_the_last_release() -> None:
    assert contracts.differences() == []


def test_the_asyncapi_document_is_what_the_contracts_and_the_topics_make() -> None:
    assert contracts.ASYNCAPI.read_text(encoding="utf-8") == contracts.document()


def test_writing_again_changes_nothing(folder: Path) -> None:
    assert contracts.write(folder) == []


def test_every_type_tells_its_major_version_and_has_one_file() -> None:
    files = {path for path in contracts.FOLDER.glob("*/*.json") if path.parent.name != contracts.RELEASED}
    assert files == {contracts.file_of(kind) for kind in EVENTS.values()}
    for type_ in EVENTS:
        simpul, *_nouns, participle, version = type_.split(".")
        assert (simpul, version[0]) == ("simpul", "v")
        assert participle
        assert 1 <= len(_nouns) <= 2
        assert int(version[1:]) >= 1


@pytest.mark.parametrize(("kind", "example"), EXAMPLES)
def test_the_schema_an_event_names_in_its_header_is_the_one_that_is_stored(
    kind: type[Event], example: bytes
) -> None:
    stored = contracts.read()[kind.type]
    assert dict(headers_of(kind.read(example)))["ce_dataschema"].decode() == stored["$id"]


def test_a_class_that_gained_a_field_is_told_from_its_stored_contract(folder: Path) -> None:
    class LaporLinkedAnew(LaporLinked):
        type: ClassVar[str] = LINKED
        since: Instant | None = None

    kinds: contracts.Kinds = {**EVENTS, LINKED: LaporLinkedAnew}
    assert f"{LINKED}: its stored schema is not what its class says" in contracts.differences(folder, kinds)
    assert contracts.write(folder, kinds) == [contracts.file_of(LaporLinked, folder)]
    assert contracts.differences(folder, kinds) == []
    examples, before = contracts.read(folder)[LINKED]["examples"], contracts.read()[LINKED]["examples"]
    assert examples == [{**example, "since": None} for example in before]


def test_a_contract_without_a_class_and_a_class_without_a_contract_are_named(folder: Path) -> None:
    without = {type_: kind for type_, kind in EVENTS.items() if type_ != LINKED}
    assert contracts.differences(folder, without) == [f"{LINKED}: no class says it, yet a contract is stored"]
    contracts.file_of(LaporLinked, folder).unlink()
    assert contracts.differences(folder) == [f"{LINKED}: has no stored contract"]


def test_an_example_that_breaks_its_contract_is_named_and_not_quoted(folder: Path) -> None:
    spoil(folder, examples=[{"lapor_id": "9100311", "origin": "nowhere"}])
    assert contracts.differences(folder) == [f"{LINKED}: example 1: origin: Input should be 'hub' or 'lapor'"]


def test_a_contract_needs_an_example(folder: Path) -> None:
    spoil(folder, examples=[])
    assert contracts.differences(folder) == [f"{LINKED}: has 0 examples; 1 to 3 are wanted"]


def test_an_example_with_an_unknown_field_is_named(folder: Path) -> None:
    spoil(folder, examples=[{"origin": "hub", "lapor_id": "9100311", "unknown": 1}])
    assert contracts.differences(folder) == [f"{LINKED}: example 1: unknown: Extra inputs are not permitted"]


def test_an_example_left_short_by_hand_is_named_and_then_written_in_full(folder: Path) -> None:
    path = contracts.file_of(LaporReplied, folder)
    stored = json.loads(path.read_text())
    short = {"lapor_id": "9100234", "item": "881002", "by": {"kind": "citizen"}, "text": "Terima kasih."}
    path.write_text(contracts.render(stored | {"examples": [short]}))

    assert contracts.differences(folder) == [
        f"{LaporReplied.type}: example 1: is not written as the hub writes it"
    ]
    assert contracts.write(folder) == [path]
    assert contracts.differences(folder) == []


def test_no_example_could_be_a_real_person() -> None:
    reporters = [
        reporter
        for example in contracts.read()[SubmissionPosted.type]["examples"]
        if (reporter := example.get("reporter"))
    ]
    assert reporters
    for reporter in reporters:
        assert "Contoh" in reporter["name"]
        assert reporter["phone"].startswith("0800-000-")
        assert reporter["email"].endswith("@contoh.invalid")
        assert "nik" not in reporter


def test_every_schema_says_what_it_is_for() -> None:
    for type_, schema in contracts.read().items():
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["title"] == type_
        assert schema["description"]
        assert schema["additionalProperties"] is False
