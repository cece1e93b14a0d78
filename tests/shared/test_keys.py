"""Key rows: made, locked and written back, many at once."""

import asyncio
from uuid import UUID, uuid4

import pytest

from shared.database import Pool
from shared.delivery import keys
from tests.shared.world import NOON

pytestmark = pytest.mark.store


async def test_rows_known_before_and_rows_made_now_are_locked_together_and_hold_what_was_written(
    toy_store: Pool,
) -> None:
    known = [uuid4() for _ in range(3)]
    new = [uuid4() for _ in range(2)]
    async with toy_store.acquire() as connection, connection.transaction():
        made = await keys.lock(connection, known)
        first, second, third = (made[key] for key in known)
        written = [
            first.hearing("intake.events", 10**12 + 1).saying(10**12 + 4),
            second.hearing("intake.events", 10**12 + 1).parking("sla.events", "unworkable", 7, NOON),
            third.hearing("intake.events", 10**12 + 1).forgetting("identity"),
        ]
        await keys.save(connection, written)
    async with toy_store.acquire() as connection, connection.transaction():
        found = await keys.lock(connection, [*new, *known])
    assert list(found) == sorted([*new, *known])
    assert [found[row.key] for row in written] == written
    blank = {(row.said, *row.heard.values(), *row.parked, row.erased) for key in new for row in [found[key]]}
    assert blank == {(0, 0, 0, 0, 0, None)}


async def test_a_row_that_was_just_made_is_nobody_elses_until_it_is_written(toy_store: Pool) -> None:
    key = uuid4()

    async def heard(at: UUID) -> int:
        async with toy_store.acquire() as connection, connection.transaction():
            return (await keys.lock(connection, [at]))[at].heard["intake.events"]

    async with toy_store.acquire() as connection, connection.transaction():
        row = (await keys.lock(connection, [key]))[key]
        other = asyncio.create_task(heard(key))
        await asyncio.sleep(0.3)
        assert not other.done()
        await keys.save(connection, [row.hearing("intake.events", 10**12 + 1)])
    assert await other == 10**12 + 1
