"""The demo's hub is begun, gone on with or put away; its people have keys."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.demo import scene
from ops.demo.habits import WORKING_OPDS
from ops.demo.scene import Note
from ops.demo.script import publishers
from ops.refusal import Refusal
from ops.stack import credentials
from ops.stack.stack import Stack
from shared.access import Access

NOTE = Note(7, 320, datetime(2026, 11, 24, 2, 0, tzinfo=UTC))


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A hub with the keys that `up` writes."""
    stack = Stack(tmp_path, usual_ports=False)
    credentials.trial_keys(stack.places.hashed_keys, stack.places.trial_keys)
    return stack


def test_what_a_demo_is_made_from_is_remembered_with_how_far_it_came(tmp_path: Path) -> None:
    note = NOTE.after("past").after("city")
    scene.keep_note(tmp_path, note)
    assert scene.read_note(tmp_path) == note


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seed": 7}', '{"seed": 7, "began": "soon", "done": []}'])
def test_a_note_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    scene.note_file(tmp_path).write_text(text, encoding="utf-8")
    assert scene.read_note(tmp_path) is None


def test_an_unfinished_demo_goes_on_where_the_same_is_asked_for() -> None:
    assert scene.goes_on(NOTE, 7, 320)
    assert not scene.goes_on(NOTE, 8, 320)
    assert not scene.goes_on(NOTE, 7, 400)
    assert not scene.goes_on(None, 7, 320)


def test_a_finished_one_does_not() -> None:
    assert not scene.goes_on(Note(7, 320, NOTE.began, finished=True), 7, 320)


def test_everybody_on_stage_has_a_key_under_the_right_name(stack: Stack) -> None:
    keys = scene.keys_of_the_cast(stack)
    access = Access(stack.places.hashed_keys)
    for source in publishers():
        caller = access.find(f"Bearer {keys[source]}")
        assert (caller.name, caller.role) == (source, "publisher")
    for code in WORKING_OPDS:
        assert access.find(f"Bearer {keys[f'opd:{code}']}").opd == code
    assert access.find(f"Bearer {keys['verifier']}").role == "verifier"


def test_keys_are_made_once_and_those_for_trying_stay_good(stack: Stack) -> None:
    first = scene.keys_of_the_cast(stack)
    assert scene.keys_of_the_cast(stack) == first
    access = Access(stack.places.hashed_keys)
    trial = json.loads(stack.places.trial_keys.read_text(encoding="utf-8"))
    assert {access.find(f"Bearer {key}").role for key in trial.values()} == {
        "publisher",
        "opd",
        "verifier",
        "admin",
    }


def test_a_key_that_no_service_knows_any_more_is_made_anew(stack: Stack) -> None:
    lost = scene.keys_of_the_cast(stack)["verifier"]
    entries = json.loads(stack.places.hashed_keys.read_text(encoding="utf-8"))["keys"]
    kept = [entry for entry in entries if entry["name"] != "demo-verifier"]
    stack.places.hashed_keys.write_text(json.dumps({"keys": kept}), encoding="utf-8")
    fresh = scene.keys_of_the_cast(stack)["verifier"]
    assert fresh != lost
    assert Access(stack.places.hashed_keys).find(f"Bearer {fresh}").role == "verifier"


def test_two_demos_do_not_play_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMPUL_ROOT", str(tmp_path))
    with scene.only_demo(), pytest.raises(Refusal, match="playing here already"), scene.only_demo():
        pass
    with scene.only_demo():
        pass
