"""An edit that would break a reader or a writer of the released contracts is caught; an added field is not."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops import compatibility, contracts
from ops.refusal import Refusal
from shared.events.intake import ComplaintReceived
from shared.events.lapor import LaporLinked
from shared.events.routing import TriageRequested
from shared.events.sla import ClockLapsed, ClocksStated
from shared.events.submissions import SubmissionPosted

Schema = dict[str, Any]
Edit = Callable[[Schema], object]

MAYBE_TEXT: Schema = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}


def breaches(type_: str, edit: Edit) -> list[str]:
    """What the gate says of an edit planted in a copy of one stored contract."""
    released = {type_: contracts.read()[type_]}
    edited = copy.deepcopy(released)
    edit(edited[type_])
    return compatibility.breaches(released, edited)


def fields(schema: Schema, part: str | None = None) -> Schema:
    properties: Schema = (schema["$defs"][part] if part else schema)["properties"]
    return properties


def renamed(schema: Schema) -> None:
    clock = fields(schema, "ClockState")
    clock["tier"] = clock.pop("level")


def a_new_required_field(schema: Schema) -> None:
    fields(schema)["urgency"] = {"type": "string"}
    schema["required"].append("urgency")


INCOMPATIBLE: dict[str, tuple[str, Edit]] = {
    "a new field that is required": (ComplaintReceived.type, a_new_required_field),
    "a required field made optional": (ComplaintReceived.type, lambda s: s["required"].remove("at")),
    "an optional field made required": (ComplaintReceived.type, lambda s: s["required"].append("place")),
    "an optional field removed": (ComplaintReceived.type, lambda s: fields(s).pop("category_hint")),
    "a required field removed": (
        ComplaintReceived.type,
        lambda s: (fields(s).pop("ticket"), s["required"].remove("ticket")),
    ),
    "a field of a part renamed": (ClocksStated.type, renamed),
    "a field of a part made required": (
        ClocksStated.type,
        lambda s: s["$defs"]["ClockState"]["required"].append("opd"),
    ),
    "a longer text": (ComplaintReceived.type, lambda s: fields(s)["title"].update(maxLength=500)),
    "a shorter text": (ComplaintReceived.type, lambda s: fields(s)["title"].update(maxLength=100)),
    "another pattern": (ComplaintReceived.type, lambda s: fields(s)["ticket"].update(pattern="^[0-9]{11}$")),
    "no pattern": (ComplaintReceived.type, lambda s: fields(s)["ticket"].pop("pattern")),
    "another format": (ComplaintReceived.type, lambda s: fields(s)["received_at"].update(format="date")),
    "no format, deep inside": (ClockLapsed.type, lambda s: fields(s)["since"]["anyOf"][0].pop("format")),
    "another default": (SubmissionPosted.type, lambda s: fields(s)["anonymous"].update(default=True)),
    "another type": (ComplaintReceived.type, lambda s: fields(s).update(anonymous={"type": "string"})),
    "numbers where integers were": (
        ClocksStated.type,
        lambda s: fields(s, "ClockState")["level"].update(type="number"),
    ),
    "integers where numbers were": (
        TriageRequested.type,
        lambda s: fields(s, "Candidate")["score"].update(type="integer"),
    ),
    "a word more in a closed list": (LaporLinked.type, lambda s: fields(s)["origin"]["enum"].append("both")),
    "a word less in a closed list": (LaporLinked.type, lambda s: fields(s)["origin"]["enum"].remove("hub")),
    "null allowed": (
        ComplaintReceived.type,
        lambda s: fields(s).update(reporter={"anyOf": [{"type": "string"}, {"type": "null"}]}),
    ),
    "null forbidden": (ComplaintReceived.type, lambda s: fields(s)["place"]["anyOf"].pop()),
    "fewer attachments": (
        SubmissionPosted.type,
        lambda s: fields(s)["attachments"]["anyOf"][0].update(maxItems=5),
    ),
    "fields that no longer exclude each other": (
        SubmissionPosted.type,
        lambda s: s["$defs"]["SentAttachment"].pop("oneOf"),
    ),
    "a narrower range": (
        ComplaintReceived.type,
        lambda s: fields(s, "Place")["lat"]["anyOf"][0].update(minimum=-10),
    ),
}

COMPATIBLE: dict[str, tuple[str, Edit]] = {
    "nothing": (ComplaintReceived.type, lambda _: None),
    "an optional field more": (ComplaintReceived.type, lambda s: fields(s).update(landmark=MAYBE_TEXT)),
    "an optional list more": (
        ComplaintReceived.type,
        lambda s: fields(s).update(tags={"type": "array", "items": {"type": "string"}, "default": []}),
    ),
    "an optional field more in a part": (
        ClocksStated.type,
        lambda s: fields(s, "ClockState").update(note=MAYBE_TEXT),
    ),
    "other words about it": (ComplaintReceived.type, lambda s: s.update(description="told better")),
    "another example": (ComplaintReceived.type, lambda s: s.update(examples=[])),
}


@pytest.mark.parametrize(("type_", "edit"), INCOMPATIBLE.values(), ids=INCOMPATIBLE)
def test_an_incompatible_edit_is_caught(type_: str, edit: Edit) -> None:
    found = breaches(type_, edit)
    assert found
    assert all(sentence.startswith(f"{type_}: ") for sentence in found)


@pytest.mark.parametrize(("type_", "edit"), COMPATIBLE.values(), ids=COMPATIBLE)
def test_a_compatible_edit_passes(type_: str, edit: Edit) -> None:
    assert breaches(type_, edit) == []


@pytest.mark.parametrize("type_", contracts.read())
def test_a_contract_is_compatible_with_itself(type_: str) -> None:
    assert breaches(type_, lambda _: None) == []


def test_a_released_type_may_not_vanish() -> None:
    released = contracts.read()
    found = compatibility.breaches(released, {t: s for t, s in released.items() if t != LaporLinked.type})
    assert found == [
        f"{LaporLinked.type}: was released and is gone; once nobody reads it, remove it there too"
    ]


def test_a_next_major_version_beside_the_released_one_is_compatible() -> None:
    released = contracts.read()
    assert compatibility.breaches(released, {**released, "simpul.lapor.linked.v2": {}}) == []


def test_what_was_released_is_what_the_next_edit_is_held_against(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(contracts.FOLDER, tmp_path / "contracts"))
    shutil.rmtree(folder / contracts.RELEASED, ignore_errors=True)
    contracts.release(folder)
    assert contracts.differences(folder) == []
    assert contracts.release(folder) == []

    path = folder / "lapor.events" / f"{LaporLinked.type}.json"
    edited = json.loads(path.read_text())
    edited["properties"]["origin"]["enum"].append("both")
    path.write_text(contracts.render(edited))

    told = f"{LaporLinked.type}: a reader of the released contract refuses what is written by the new one"
    assert told in contracts.differences(folder)
    with pytest.raises(Refusal, match="a reader of the released contract refuses"):
        contracts.release(folder)
