"""A dead letter can be edited: it keeps its id and number, what it was is kept, and nobody has to read it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import clock
from shared.decision import Refused
from shared.delivery import editing, letters, operators
from shared.delivery.desk import Desk
from shared.delivery.editing import Change, changed
from shared.delivery.record import KeptRecord
from shared.events.intake import CitizenReplied
from shared.sealing import Seal
from tests.shared.test_desk import SARI, count, parked, release_all, said, texts
from tests.shared.test_desk import letters as letters_of
from tests.shared.world import NOON, Owner, Tally, World, submission

Toy = Desk[Tally, World]


async def edit(desk: Toy, letter: int, change: Change) -> None:
    async with desk.read() as connection:
        await editing.edit(connection, letter, change, desk.seals, SARI, "the app's mistake", clock.now())


@pytest.mark.store
@pytest.mark.parametrize(
    "change",
    [
        Change(value=b'{"at": "2026-03-02T05:00:00Z", "text": "mended"}'),
        Change(patch={"at": "2026-03-02T05:00:00Z", "text": "mended"}),
    ],
    ids=["whole", "patch"],
)
async def test_an_edited_letter_is_worked_under_its_own_id_and_number(
    desk: Toy, intake: Owner, change: Change
) -> None:
    key = uuid4()
    one, bad, three = (intake.replies(key, text) for text in ("1", "?", "3"))
    await desk.batch([one, replace(bad, value=b'{"at": "yesterday"}'), three])
    (letter,) = await letters_of(desk)
    await edit(desk, letter.id, change)
    await release_all(desk)
    assert await texts(desk, key) == ["1", "mended", "3"]
    assert await said(desk, key) == ["1.1", "1.2", "1.3"]
    assert await parked(desk) == []
    cause = await desk.pool.fetchval("SELECT cause FROM delivery.said ORDER BY position OFFSET 1 LIMIT 1")
    assert str(cause).encode() == dict(bad.headers)["ce_id"]
    kept = await desk.pool.fetchrow("SELECT letter, author, reason, value FROM delivery.letter_edits")
    assert tuple(kept or ()) == (letter.id, "sari", "the app's mistake", b'{"at": "yesterday"}')
    assert (await desk.batch([replace(bad, value=b'{"at": "yesterday"}')])).repeats == 1


@pytest.mark.store
async def test_a_header_that_was_not_utf8_can_be_edited(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    bad = intake.replies(key, "hello")
    await desk.batch([replace(bad, headers=[(n, b"\xff" if n == "ce_type" else v) for n, v in bad.headers])])
    (letter,) = await letters_of(desk)
    await edit(desk, letter.id, Change(headers={"ce_type": CitizenReplied.type}))
    await release_all(desk)
    assert await texts(desk, key) == ["hello"]


@pytest.mark.store
async def test_what_would_break_its_contract_even_so_is_refused_by_field(desk: Toy, intake: Owner) -> None:
    bad = replace(intake.replies(uuid4(), "?"), value=b'{"at": "yesterday"}')
    await desk.batch([bad])
    (letter,) = await letters_of(desk)
    with pytest.raises(Refused) as refused:
        await edit(desk, letter.id, Change(patch={"at": None, "text": 5}))
    assert [error.field for error in refused.value.errors] == ["text"]
    with pytest.raises(operators.NotThere):
        await edit(desk, letter.id + 1, Change(patch={"at": None}))
    assert await count(desk, "letter_edits") == 0
    assert await count(desk, "letter_edits") == 0


@pytest.mark.store
async def test_a_letter_that_is_worked_already_is_edited_no_more(desk: Toy, intake: Owner) -> None:
    await desk.batch([replace(intake.replies(uuid4(), "?"), value=b"{}")])
    (letter,) = await letters_of(desk)
    async with desk.read() as connection:
        await operators.release(connection, [letter.id], SARI, "mended", clock.now())
    with pytest.raises(operators.NotThere):
        await edit(desk, letter.id, Change(value=b'{"at": null, "text": "x"}'))


@pytest.mark.store
async def test_a_sealed_letter_stays_sealed_and_is_mended_by_who_never_read_it(desk: Toy) -> None:
    seal = Seal(bytes(32))
    desk.seals = lambda topic: seal if topic == "intake.submissions" else None
    whole = submission("r-1", "Budi Contoh writes", offset=7)
    broken = replace(whole, value=(whole.value or b"").replace(b'"source":"warga"', b'"source":7'))
    await desk.batch([broken])
    (letter,) = await letters_of(desk)
    await edit(desk, letter.id, Change(patch={"source": "warga"}))
    stored = await desk.pool.fetch(
        "SELECT value FROM delivery.letter_edits UNION ALL SELECT value FROM delivery.dead_letters"
    )
    assert len(stored) == 2
    assert not any(b"Budi" in row["value"] for row in stored)
    async with desk.read() as connection:
        with pytest.raises(LookupError, match="sealed"):
            await editing.opened(connection, letter.id, lambda _: None)
        record = await editing.opened(connection, letter.id, desk.seals)
        before = await connection.fetchrow(
            "SELECT d.topic, d.partition, d.record_offset, d.record_time, d.record_key, e.headers, e.value"
            " FROM delivery.letter_edits AS e JOIN delivery.dead_letters AS d ON d.id = e.letter"
        )
    assert before is not None
    assert letters.opened(True, tuple(before), desk.seals).value == broken.value
    assert "Budi" not in repr(editing.shape(record))
    await release_all(desk)
    assert (await desk.pool.fetchval("SELECT texts FROM tallies")) == ["Budi Contoh writes"]


def letter_of(value: bytes | None, **headers: bytes) -> KeptRecord:
    return KeptRecord("intake.events", 0, 0, 0, None, value, tuple(headers.items()))


@pytest.mark.parametrize("name", editing.KEPT)
def test_id_number_and_complaint_are_kept(name: str) -> None:
    with pytest.raises(Refused):
        changed(letter_of(b"{}"), Change(headers={name: "another"}))


def test_what_is_no_json_object_cannot_be_patched() -> None:
    for value in (None, b"rubbish", b"[1]"):
        with pytest.raises(Refused, match="whole new value"):
            changed(letter_of(value), Change(patch={"a": 1}))


def test_the_shape_of_a_value_tells_no_word_of_it() -> None:
    reply = letter_of(b'{"at": [5], "text": "rahasia", "Budi": 1}', ce_type=CitizenReplied.type.encode())
    shape = editing.shape(reply)
    assert shape.fields == {"at": "array", "text": "string"}
    assert (shape.bytes, shape.json, shape.other_fields) == (41, "object", 1)
    assert [error.field for error in shape.errors] == ["at"]
    assert "rahasia" not in repr(shape)
    assert "Budi" not in repr(shape)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), json_values, max_size=4))
def test_a_patch_leaves_alone_what_it_does_not_name(patch: Mapping[str, Any]) -> None:
    value = CitizenReplied(at=NOON, text="x").write()
    before = json.loads(value)
    after = json.loads(changed(letter_of(value), Change(patch=patch)).value or b"")
    assert {name: inner for name, inner in after.items() if name not in patch} == {
        name: inner for name, inner in before.items() if name not in patch
    }
    assert {name: after[name] for name, inner in patch.items() if not isinstance(inner, dict)} == {
        name: inner for name, inner in patch.items() if not isinstance(inner, dict)
    }
