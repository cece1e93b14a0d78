"""The frame's promise on a real PostgreSQL: once, in order, and one bad record stops only its own complaint."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID, uuid4

import asyncpg
import pytest

from ops.stack.stack import Stack
from shared import audit, clock
from shared.decision import Refused, Unworkable
from shared.delivery import operators, saying, sequence
from shared.delivery.commands import Once
from shared.delivery.desk import Applied, Busy, Desk, Overtaken, Stopped
from shared.delivery.record import KeptRecord
from shared.events.ids import complaint_id
from shared.events.intake import CitizenReplied
from shared.sealing import Seal
from tests.shared import world
from tests.shared.world import Owner, Tally, World, Write, submission

pytestmark = pytest.mark.store
Toy = Desk[Tally, World]
SARI = audit.Operator("sari")


async def texts(desk: Toy, key: UUID) -> list[str]:
    found = await desk.pool.fetchval("SELECT texts FROM tallies WHERE key = $1", key)
    return list(found or [])


async def said(desk: Toy, key: UUID) -> list[str]:
    rows = await desk.pool.fetch("SELECT sequence FROM delivery.said WHERE key = $1 ORDER BY position", key)
    return [sequence.wire(row[0]) for row in rows if row[0] is not None]


async def count(desk: Toy, table: str) -> int:
    return int(await desk.pool.fetchval(f"SELECT count(*) FROM delivery.{table}"))


async def parked(desk: Toy) -> list[tuple[UUID, str]]:
    async with desk.read() as connection:
        return [(key, cause) for key, _, cause, _, _ in await operators.parked(connection)]


async def letters(desk: Toy, *, every: bool = False) -> Sequence[operators.DeadLetter]:
    async with desk.read() as connection:
        return await operators.dead_letters(connection, every=every)


async def test_a_batch_is_folded_in_order_and_what_it_says_is_numbered(desk: Toy, intake: Owner) -> None:
    a, b = uuid4(), uuid4()
    await desk.batch([intake.replies(a, "1"), intake.replies(b, "x"), intake.replies(a, "2")])
    assert await texts(desk, a) == ["1", "2"]
    assert await said(desk, a) == ["1.1", "1.2"]
    assert await said(desk, b) == ["1.1"]
    assert await count(desk, "outbox") == 3


async def test_a_redelivered_batch_changes_nothing(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    batch = [intake.replies(key, "1"), intake.replies(key, "2")]
    await desk.batch(batch)
    outcome = await desk.batch(batch)
    assert outcome.repeats == 2
    assert await texts(desk, key) == ["1", "2"]
    assert await count(desk, "said") == 2


async def test_ids_of_what_is_said_come_from_what_was_heard(desk: Toy, intake: Owner) -> None:
    record = intake.replies(uuid4(), "1")
    await desk.batch([record])
    first = await desk.pool.fetchval("SELECT id FROM delivery.said")
    await desk.pool.execute(
        "DELETE FROM delivery.keys; DELETE FROM delivery.said; DELETE FROM delivery.outbox; DELETE FROM tallies"
    )
    await desk.batch([record])
    assert await desk.pool.fetchval("SELECT id FROM delivery.said") == first


async def test_a_jump_parks_its_complaint_and_frees_itself(desk: Toy, intake: Owner) -> None:
    key, other = uuid4(), uuid4()
    one, two, three = (intake.replies(key, text) for text in "123")
    await desk.batch([one, three, intake.replies(other, "x")])
    assert await texts(desk, key) == ["1"]
    assert await texts(desk, other) == ["x"]
    assert await parked(desk) == [(key, "gap")]
    await desk.batch([two])
    assert await texts(desk, key) == ["1", "2", "3"]
    assert await parked(desk) == []
    assert await count(desk, "waiting") == 0


async def test_an_operator_may_accept_a_gap(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    one, _lost, three, four = (intake.replies(key, text) for text in "1234")
    await desk.batch([one, three, four])
    async with desk.read() as connection:
        await operators.accept_gap(connection, key, "intake.events", SARI, "lost in a fire", clock.now())
    await desk.free_what_can_be()
    assert await texts(desk, key) == ["1", "3", "4"]
    assert await parked(desk) == []


async def test_a_new_epoch_begins_again_at_one(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    first = intake.replies(key, "1")
    restored = intake.record(key, CitizenReplied(at=world.NOON, text="2"), sequence.parse("2.1"))
    late = intake.replies(key, "late from the old epoch")
    await desk.batch([first, restored, late])
    assert await texts(desk, key) == ["1", "2"]


BAD: dict[str, dict[str, object]] = {
    "not JSON": {"value": b"\xff\xfe no"},
    "wrong schema": {"value": b'{"at": null}'},
    "no value": {"value": None},
    "a null character": {"value": b'{"at": null, "text": "a\\u0000b"}'},
    "two mebibytes": {"value": b'{"at": null, "text": "' + b"x" * 2**21 + b'"}'},
}


@pytest.mark.parametrize("how", BAD)
async def test_an_unworkable_record_parks_its_own_complaint_only(desk: Toy, intake: Owner, how: str) -> None:
    bad, good = uuid4(), uuid4()
    await desk.batch(
        [
            intake.replies(bad, "before"),
            replace(intake.replies(bad, "?"), **BAD[how]),  # type: ignore[arg-type]
            intake.replies(bad, "after"),
            intake.replies(good, "unharmed"),
        ]
    )
    assert await texts(desk, bad) == ["before"]
    assert await texts(desk, good) == ["unharmed"]
    assert await parked(desk) == [(bad, "unworkable")]
    assert len(await letters(desk)) == 1
    assert await count(desk, "waiting") == 1


async def test_a_header_that_is_not_utf8_is_a_dead_letter(desk: Toy, intake: Owner) -> None:
    bad = intake.replies(uuid4(), "?")
    headers = [(name, b"\xff" if name == "ce_type" else value) for name, value in bad.headers]
    await desk.batch([replace(bad, headers=tuple(headers)), intake.replies(uuid4(), "unharmed")])
    assert [letter.reason for letter in await letters(desk)] == ["header ce_type is not UTF-8"]


@pytest.mark.parametrize("how", ["raise", "refused by the store"])
async def test_a_rule_or_a_store_that_says_no_is_found_among_its_neighbours(
    desk: Toy, intake: Owner, how: str
) -> None:
    keys = [uuid4() for _ in range(60)]
    bad = keys[37]
    records = [intake.replies(key, how if key == bad else "fine") for key in keys]
    await desk.batch([*records, intake.replies(bad, "after")])
    for key in keys:
        assert await texts(desk, key) == ([] if key == bad else ["fine"])
    (letter,) = await letters(desk)
    assert letter.key == bad
    assert "secret" not in letter.reason
    assert await parked(desk) == [(bad, "unworkable")]


async def test_what_a_rule_choked_on_is_released_in_order_once_the_rule_is_mended(
    desk: Toy, intake: Owner
) -> None:
    key = uuid4()
    World.broken = True
    try:
        await desk.batch([intake.replies(key, "1"), intake.replies(key, "breaks"), intake.replies(key, "3")])
        await release_all(desk)
        assert await texts(desk, key) == ["1"]
        (again,) = await letters(desk)
        assert (again.status, again.attempts) == ("open", 2)
    finally:
        World.broken = False
    await release_all(desk)
    await release_all(desk)
    assert await texts(desk, key) == ["1", "breaks", "3"]
    assert await parked(desk) == []
    assert [letter.status for letter in await letters(desk, every=True)] == ["released"]


async def release_all(desk: Toy) -> None:
    async with desk.read() as connection:
        found = [letter.id for letter in await operators.dead_letters(connection)]
        await operators.release(connection, found, SARI, "mended", clock.now())
    await desk.free_what_can_be()


async def test_a_discarded_letter_advances_the_number(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    batch = [intake.replies(key, "1"), intake.replies(key, "raise"), intake.replies(key, "3")]
    await desk.batch(batch)
    async with desk.read() as connection:
        (letter,) = await operators.dead_letters(connection)
        await operators.discard(connection, letter.id, SARI, "rubbish", clock.now())
        with pytest.raises(operators.NotThere):
            await operators.discard(connection, letter.id, SARI, "again", clock.now())
    await desk.free_what_can_be()
    assert await texts(desk, key) == ["1", "3"]
    assert (await desk.batch(batch)).repeats == 3
    assert await desk.pool.fetchval("SELECT count(*) FROM audit.acts") == 1


async def test_rubbish_without_a_number_can_be_discarded_and_stays_so(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    rubbish = replace(intake.record(key, CitizenReplied(at=None, text="?"), None), value=b"rubbish")
    await desk.batch([intake.replies(key, "1"), rubbish, intake.replies(key, "2")])
    assert await texts(desk, key) == ["1"]
    async with desk.read() as connection:
        (letter,) = await operators.dead_letters(connection)
        await operators.discard(connection, letter.id, SARI, "rubbish", clock.now())
    await desk.free_what_can_be()
    await desk.batch([rubbish])
    assert await texts(desk, key) == ["1", "2"]
    assert await parked(desk) == []


async def test_release_and_the_consumer_never_both_apply_a_number(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    texts_said = [str(n) if n != 6 else "breaks" for n in range(1, 41)]
    records = [intake.replies(key, text) for text in texts_said]
    World.broken = True
    try:
        await desk.batch(records[:20])
    finally:
        World.broken = False
    assert await texts(desk, key) == texts_said[:5]
    batches = [desk.batch(records[n : n + 4]) for n in range(10, 40, 3)]
    await asyncio.gather(release_all(desk), *batches, *(desk.free_what_can_be() for _ in range(6)))
    await desk.free_what_can_be()
    assert await texts(desk, key) == texts_said
    assert await said(desk, key) == [f"1.{n}" for n in range(1, 41)]


async def test_two_paths_to_a_complaint_that_nobody_knew_meet_one_row(desk: Toy, intake: Owner) -> None:
    for _ in range(20):
        key = complaint_id("warga", str(uuid4()))
        await asyncio.gather(
            desk.batch([intake.replies(key, "consumer")]),
            desk.command(key, Write(text="counter").known_as(uuid4())),
            desk.hand_in([(key, Write(text="sweep").known_as(uuid4()))]),
        )
        assert sorted(await texts(desk, key)) == ["consumer", "counter", "sweep"]
        assert await said(desk, key) == ["1.1", "1.2", "1.3"]


async def test_overlapping_batches_do_not_deadlock(desk: Toy, intake: Owner) -> None:
    keys = [uuid4() for _ in range(30)]
    batches = [[intake.replies(key, str(n)) for key in (keys if n % 2 else reversed(keys))] for n in range(8)]

    async def consume(batch: list[KeptRecord]) -> None:
        await desk.batch(batch)

    await asyncio.gather(*(consume(batch) for batch in batches))
    await desk.free_what_can_be()
    for key in keys:
        assert await texts(desk, key) == [str(n) for n in range(8)]


async def test_a_command_that_is_refused_changes_nothing(desk: Toy) -> None:
    key = uuid4()
    with pytest.raises(Refused):
        await desk.command(key, Write(text="forbidden").known_as(uuid4()))
    assert await texts(desk, key) == []


async def test_a_repeated_command_gets_the_answer_it_got_before(desk: Toy) -> None:
    key, once = uuid4(), Once("app", "k-1", b"body")

    def answer(applied: Applied[Tally]) -> bytes:
        return str(len(applied.state.texts)).encode()

    first = await desk.command(key, Write(text="a").known_as(uuid4()), once=once, answer=answer)
    await desk.command(key, Write(text="b").known_as(uuid4()))
    again = await desk.command(key, Write(text="a").known_as(uuid4()), once=once, answer=answer)
    assert (first.answer, again.answer, again.repeated) == (b"1", b"1", True)
    assert await texts(desk, key) == ["a", "b"]
    with pytest.raises(Refused, match="used before"):
        await desk.command(
            key, Write(text="c").known_as(uuid4()), once=Once("app", "k-1", b"other"), answer=answer
        )


async def test_a_command_does_not_wait_long_for_a_locked_complaint(desk: Toy) -> None:
    key = uuid4()
    async with desk.transaction([key]):
        with pytest.raises(Busy):
            await desk.command(key, Write(text="a").known_as(uuid4()), lock_timeout=0.1)


async def test_a_fact_that_fails_in_a_loop_leaves_its_neighbours_unharmed(desk: Toy) -> None:
    keys = [uuid4() for _ in range(9)]
    words = ["fine", "raise", "fine", "refused by the store", *["fine"] * 5]
    async with desk.transaction(keys) as work:
        await work.apply(
            [(key, Write(text=word).known_as(uuid4())) for key, word in zip(keys, words, strict=True)]
        )
        failed = {item.key for item in work.outcome.failed}
    assert failed == {keys[1], keys[3]}
    assert [len(await texts(desk, key)) for key in keys] == [1, 0, 1, 0, 1, 1, 1, 1, 1]


async def test_whoever_hands_facts_in_is_told_which_of_them_failed(desk: Toy) -> None:
    keys = [uuid4() for _ in range(3)]
    facts = [
        (key, Write(text=word).known_as(uuid4()))
        for key, word in zip(keys, ("fine", "raise", "refused by the store"), strict=True)
    ]
    assert await desk.hand_in(facts) == facts[1:]
    assert await texts(desk, keys[0]) == ["fine"]


async def test_strangers_are_told_what_is_wrong_and_nothing_parks(desk: Toy) -> None:
    wrong = b'{"source": "warga", "reference": "r-2", "text": "x"}'
    outcome = await desk.batch(
        [
            submission("r-1", "fine", offset=1),
            submission("r-2", "?", offset=2, value=wrong),
            submission("r-3", "raise", offset=3),
            submission("r-4", "refused by the store", offset=4),
            submission("r-5", "?", offset=5, value=b"not even JSON"),
            submission("r-6", "fine", offset=6),
        ]
    )
    assert (len(outcome.applied), len(outcome.refused), len(outcome.dead)) == (2, 3, 1)
    rows = await desk.pool.fetch("SELECT record_key, type, value FROM delivery.said ORDER BY record_key")
    assert [(row["record_key"], row["type"].split(".")[2]) for row in rows] == [
        ("warga:r-1", "accepted"),
        ("warga:r-2", "refused"),
        ("warga:r-3", "refused"),
        ("warga:r-4", "refused"),
        ("warga:r-6", "accepted"),
    ]
    assert b'"field":"channel"' in rows[1]["value"]
    assert await parked(desk) == []
    assert [letter.offset for letter in await letters(desk)] == [5]


async def test_what_a_stranger_calls_by_somebodys_number_is_refused_and_the_number_goes_no_further(
    desk: Toy,
) -> None:
    broken = b'{"source": "warga", "reference": "08000001234", "text": "x"}'
    outcome = await desk.batch(
        [
            submission("08000001234", "fine", offset=1),
            submission("r-2", "?", offset=2, value=broken),
            submission("r-3", "fine", offset=3),
        ]
    )
    assert (len(outcome.applied), len(outcome.refused), len(outcome.dead)) == (1, 2, 0)
    rows = await desk.pool.fetch("SELECT record_key, value FROM delivery.said ORDER BY position")
    assert [row["record_key"] for row in rows] == ["warga:[hidden]", "warga:[hidden]", "warga:r-3"]
    assert b'"field":"reference"' in rows[0]["value"]
    assert not [row for row in rows if b"08000001234" in row["value"]]


async def test_five_complaints_failing_in_a_row_stop_the_consumer_and_drain_nothing(
    desk: Toy, intake: Owner
) -> None:
    good, bad = [uuid4() for _ in range(3)], [uuid4() for _ in range(5)]
    batch = [intake.replies(key, "fine") for key in good] + [intake.replies(key, "raise") for key in bad]
    with pytest.raises(Stopped):
        await desk.batch(batch)
    assert await count(desk, "dead_letters") == 0
    assert await count(desk, "said") == 0
    await desk.remember_stop("the last 5 complaints all failed")
    assert await desk.why_stopped() == "the last 5 complaints all failed"
    async with desk.read() as connection:
        await operators.resume(connection, SARI, "rolled back", clock.now())
    assert await desk.why_stopped() is None


async def test_what_an_old_version_cannot_work_while_a_newer_takes_over_is_left_to_that_one(
    desk: Toy, intake: Owner, postgres: Stack
) -> None:
    name = await desk.pool.fetchval("SELECT current_database()")
    owner = await asyncpg.connect(postgres.database_dsn(name))
    await owner.execute("INSERT INTO public.migrations (name, digest) VALUES ('toy/0002_newer', '')")
    batch = [intake.replies(uuid4(), text) for text in ("fine", "raise")]
    rubbish = submission("r-1", "?", offset=1, value=b"{}")
    with pytest.raises(Overtaken):
        await desk.batch(batch)
    assert await count(desk, "said") == await count(desk, "dead_letters") == 0
    assert len((await desk.batch([rubbish])).dead) == 1  # a stranger's is nobody's to work
    await owner.execute("UPDATE public.migrations SET applied_at = now() - interval '1 hour'")
    assert len((await desk.batch(batch)).dead) == 1  # it is meant to stay
    await owner.execute("DELETE FROM public.migrations WHERE name = 'toy/0002_newer'")
    await owner.close()


async def test_single_failures_among_many_never_stop_the_consumer(desk: Toy, intake: Owner) -> None:
    for _ in range(3):
        records = [intake.replies(uuid4(), "raise" if n % 20 == 7 else "fine") for n in range(200)]
        await desk.batch(records)
    assert await count(desk, "dead_letters") == 30


async def test_a_type_that_is_not_listed_is_skipped_and_its_number_is_heard(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    other = intake.replies(key, "?")
    renamed = [
        (name, b"simpul.complaint.sung.v1" if name == "ce_type" else value) for name, value in other.headers
    ]
    outcome = await desk.batch([replace(other, headers=tuple(renamed)), intake.replies(key, "2")])
    assert len(outcome.skipped) == 1
    assert await texts(desk, key) == ["2"]


async def test_what_waits_for_an_epoch_that_is_over_is_written_down_as_given_up(
    desk: Toy, intake: Owner
) -> None:
    key = uuid4()
    one, _lost, three = (intake.replies(key, text) for text in "123")
    restored = intake.record(
        key, CitizenReplied(at=world.NOON, text="after the restore"), sequence.parse("2.1")
    )
    await desk.batch([one, three])
    await desk.batch([restored])
    await desk.free_what_can_be()
    assert await texts(desk, key) == ["1", "after the restore"]
    assert await parked(desk) == []
    (letter,) = await letters(desk, every=True)
    assert (letter.status, letter.reason) == ("discarded", "its owner began a new epoch")


async def test_failures_in_the_middle_of_a_batch_stop_the_consumer_too(desk: Toy, intake: Owner) -> None:
    words = ["fine"] * 20 + ["raise"] * 5 + ["fine"] * 200
    with pytest.raises(Stopped):
        await desk.batch([intake.replies(uuid4(), word) for word in words])
    assert await count(desk, "dead_letters") == 0


async def test_a_rule_that_chokes_on_strangers_stops_before_it_refuses_them_all(desk: Toy) -> None:
    with pytest.raises(Stopped):
        await desk.batch([submission(f"r-{n}", "raise", offset=n) for n in range(50)])
    assert await count(desk, "said") == 0


async def test_strangers_rubbish_however_much_never_stops_the_consumer(desk: Toy) -> None:
    outcome = await desk.batch([submission(f"r-{n}", "?", offset=n, value=b"{}") for n in range(50)])
    assert len(outcome.dead) == 50


async def test_a_resumed_consumer_gets_past_the_batch_that_had_stopped_it(desk: Toy, intake: Owner) -> None:
    batch = [intake.replies(uuid4(), "raise") for _ in range(6)]
    with pytest.raises(Stopped):
        await desk.batch(batch)
    desk.pardon()
    assert len((await desk.batch(batch)).dead) == 6
    with pytest.raises(Stopped):
        await desk.batch([intake.replies(uuid4(), "raise") for _ in range(5)])


async def test_a_stream_that_cannot_be_freed_holds_no_other_up(desk: Toy, intake: Owner) -> None:
    stuck, other = uuid4(), uuid4()
    for key in (stuck, other):
        one, _lost, three = (intake.replies(key, text) for text in "123")
        await desk.batch([one, three])
        async with desk.read() as connection:
            await operators.accept_gap(connection, key, "intake.events", SARI, "lost", clock.now())
    await desk.pool.execute("UPDATE delivery.waiting SET headers = 'torn' WHERE key = $1", stuck)
    await desk.free_what_can_be()
    assert await texts(desk, stuck) == ["1"]
    assert await texts(desk, other) == ["1", "3"]


async def test_sealed_letters_show_neither_key_nor_headers_nor_value_and_are_released_whole(
    desk: Toy,
) -> None:
    desk.seals = lambda _: Seal(b"k" * 32)
    phone = b"0800-000-1234"
    bad = submission("?", "?", offset=1, value=phone, key=b"warga:" + phone, headers=(("from", phone),))
    await desk.batch([bad])
    (row,) = await desk.pool.fetch("SELECT record_key, headers, value FROM delivery.dead_letters")
    assert not any(phone in column for column in row)
    await release_all(desk)
    (letter,) = await letters(desk)
    assert (letter.status, letter.attempts) == ("open", 2)


async def test_a_numbered_letter_that_names_no_complaint_can_be_released_and_discarded(
    desk: Toy, intake: Owner
) -> None:
    record = intake.replies(uuid4(), "1")
    nameless = tuple((name, value) for name, value in record.headers if name != "ce_subject")
    await desk.batch([replace(record, key=None, headers=nameless)])
    await release_all(desk)
    (letter,) = await letters(desk)
    assert (letter.key, letter.status, letter.attempts) == (None, "open", 2)
    async with desk.read() as connection:
        await operators.discard(connection, letter.id, SARI, "nobody's", clock.now())
    assert await letters(desk) == []


async def test_the_months_of_said_are_made_by_many_replicas_at_once(desk: Toy) -> None:
    async def make() -> None:
        async with desk.pool.acquire() as connection:
            await saying.make_months(connection, date(2031, 11, 30))

    await asyncio.gather(*(make() for _ in range(6)))
    found = await desk.pool.fetch("SELECT relname FROM pg_class WHERE relname ~ '^said_203[12]_[0-9]+$'")
    assert {row[0] for row in found} == {"said_2031_11", "said_2031_12", "said_2032_01"}


async def test_what_the_store_refuses_by_http_is_no_passing_trouble(desk: Toy) -> None:
    with pytest.raises(Unworkable, match="the store refuses"):
        await desk.command(uuid4(), Write(text="refused by the store").known_as(uuid4()))
