"""An erased complaint on a real PostgreSQL: no word of it is left in what the frame keeps, and none comes back."""

from uuid import UUID, uuid4

import pytest

from shared import audit, clock
from shared.delivery import editing, operators
from shared.delivery.commands import Once
from shared.delivery.desk import Applied, Desk
from shared.delivery.record import KeptRecord
from shared.events.intake import CitizenReplied, ComplaintErased
from shared.events.parts import By
from shared.events.words import Scope
from tests.shared.world import NOON, Owner, Tally, World, Write

pytestmark = pytest.mark.store
Toy = Desk[Tally, World]

SECRET = "saya Kenari Rahasia dari gang mawar"
ADMIN = By(kind="person", name="admin-1")


def erased(intake: Owner, key: UUID, scope: Scope = "complaint") -> KeptRecord:
    """Intake's next event about this complaint: it is erased."""
    number = intake.next_number(key)
    return intake.record(key, ComplaintErased(at=NOON, scope=scope, by=ADMIN), number)


async def holds(desk: Toy, word: str) -> set[str]:
    """The tables of the whole store in which this word stands, as text or as bytes."""
    tables = await desk.pool.fetch(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables"
        " WHERE table_schema IN ('public', 'delivery', 'audit') AND table_name !~ '^said_'"
    )
    found: set[str] = set()
    for (table,) in tables:
        for row in await desk.pool.fetch(f"SELECT * FROM {table}"):
            told = b" ".join(v if isinstance(v, bytes) else str(v).encode() for v in row.values())
            if word.encode() in told:
                found.add(table)
    return found


async def test_what_was_said_loses_its_words_and_keeps_its_numbers(desk: Toy, intake: Owner) -> None:
    key, other = uuid4(), uuid4()
    await desk.batch([intake.replies(key, SECRET), intake.replies(other, "yang lain")])
    before = await desk.pool.fetch("SELECT position, id, type, sequence FROM delivery.said ORDER BY position")
    assert await holds(desk, SECRET) == {"delivery.said", "public.tallies"}
    await desk.batch([erased(intake, key)])
    assert await holds(desk, SECRET) == set()
    assert await holds(desk, "yang lain") == {"delivery.said", "public.tallies"}
    after = await desk.pool.fetch("SELECT position, id, type, sequence FROM delivery.said ORDER BY position")
    assert after == before


async def test_what_was_not_published_yet_goes_out_without_words(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    await desk.batch([intake.replies(key, SECRET), erased(intake, key)])
    value = await desk.pool.fetchval(
        "SELECT s.value FROM delivery.outbox AS o JOIN delivery.said AS s USING (month, position)"
    )
    assert b'"reason":""' in value


async def test_months_of_before_are_blanked_too(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    await desk.batch([intake.replies(key, SECRET)])
    month = clock.now().date().replace(day=1)
    later = month.replace(year=month.year + (month.month == 12), month=month.month % 12 + 1)
    await desk.pool.execute("UPDATE delivery.said SET month = $1", later)
    await desk.batch([erased(intake, key)])
    assert await holds(desk, SECRET) == set()


async def test_a_later_fact_brings_no_words_back(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    await desk.batch([intake.replies(key, "1"), erased(intake, key)])
    await desk.batch([intake.replies(key, SECRET)])
    await desk.command(key, Write(text=SECRET).known_as(uuid4()))
    assert await holds(desk, SECRET) == set()
    assert await desk.pool.fetchval("SELECT texts FROM tallies") == ["", "", ""]


async def test_with_scope_identity_the_words_stay(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    await desk.batch([intake.replies(key, SECRET), erased(intake, key, "identity")])
    assert await holds(desk, SECRET) == {"delivery.said", "public.tallies"}
    await desk.batch([erased(intake, key)])
    assert await holds(desk, SECRET) == set()


async def test_what_is_erased_whole_is_never_erased_less(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    await desk.batch([erased(intake, key), erased(intake, key, "identity"), intake.replies(key, SECRET)])
    assert await holds(desk, SECRET) == set()


async def test_what_waits_behind_a_gap_is_blanked_where_it_waits(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    first, _lost, third = intake.replies(key, "1"), intake.replies(key, "2"), intake.replies(key, SECRET)
    await desk.batch([first, third])
    assert await holds(desk, SECRET) == {"delivery.waiting"}
    await desk.batch([erased(intake, key)])
    assert await desk.pool.fetchval("SELECT count(*) FROM delivery.waiting") == 2
    assert await holds(desk, SECRET) == set()
    await desk.batch([_lost])
    await desk.free_what_can_be()
    assert await desk.pool.fetchval("SELECT texts FROM tallies") == ["", "", ""]


async def test_an_erasure_does_not_wait_for_the_dead_letter_before_it(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    await desk.batch([intake.replies(key, SECRET), intake.replies(key, "raise")])
    await desk.batch([erased(intake, key), intake.replies(key, SECRET)])
    assert await desk.pool.fetchval("SELECT count(*) FROM delivery.waiting") == 2
    assert await holds(desk, SECRET) == set()


async def test_a_dead_letter_and_what_it_was_before_an_edit_are_blanked(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    rubbish = intake.record(key, CitizenReplied(at=NOON, text="raise"), 10**12 + 1)
    await desk.batch([rubbish])
    async with desk.read() as connection:
        (letter,) = await operators.dead_letters(connection)
        for text in (SECRET, "raise"):
            change = editing.Change(patch={"text": text})
            operator = audit.Operator("sari")
            await editing.edit(connection, letter.id, change, lambda _: None, operator, "try", clock.now())
    assert await holds(desk, SECRET) == {"delivery.letter_edits"}
    intake.replies(key, "")
    await desk.batch([erased(intake, key)])
    assert await holds(desk, SECRET) == set()
    value = await desk.pool.fetchval("SELECT value FROM delivery.dead_letters")
    assert b'"text":""' in value


async def test_a_dead_letter_that_nobody_can_read_is_not_kept(desk: Toy, intake: Owner) -> None:
    key = uuid4()
    await desk.batch([intake.record(key, CitizenReplied(at=NOON, text="x"), None, value=SECRET.encode())])
    assert await holds(desk, SECRET) == {"delivery.dead_letters"}
    await desk.batch([erased(intake, key)])
    assert await holds(desk, SECRET) == set()


async def test_the_answer_to_a_command_is_not_given_again_in_its_old_words(desk: Toy, intake: Owner) -> None:
    key = uuid4()

    def answer(applied: Applied[Tally]) -> bytes:
        return " ".join(applied.state.texts).encode() or b"nothing"

    async def write() -> bytes | None:
        act, once = Write(text=SECRET).known_as(uuid4()), Once("sari", "k1", b"body")
        return (await desk.command(key, act, once=once, answer=answer)).answer

    assert await write() == SECRET.encode()
    await desk.batch([erased(intake, key)])
    assert await holds(desk, SECRET) == set()
    assert await write() == b"nothing"
    assert await desk.pool.fetchval("SELECT texts FROM tallies") == [""]
