"""What the relay takes in one round: the oldest first, so many bytes at most, whichever months they were said in."""

import asyncio
from datetime import UTC, date, datetime
from uuid import uuid4

import asyncpg
import pytest

from ops.stack.stack import Stack
from shared.delivery.desk import Desk
from shared.delivery.relay import MOST_BYTES, Relay, Session
from tests.conftest import MakeStore
from tests.shared.world import Tally, World, open_desk

pytestmark = pytest.mark.store

MEGABYTE = 1_000_000


@pytest.fixture
async def desk(store_of: MakeStore) -> Desk[Tally, World]:
    return await open_desk(await store_of("routing"))


def months() -> tuple[date, date]:
    """This month and the next; `said` has partitions for both."""
    first = datetime.now(UTC).date().replace(day=1)  # noqa: TID251
    return first, date(first.year + first.month // 12, first.month % 12 + 1, 1)


async def say(desk: Desk[Tally, World], position: int, month: date, size: int) -> None:
    async with desk.read() as connection:
        await connection.execute(
            "INSERT INTO delivery.said (month, position, key, topic, record_key, type, id, said_at, correlation,"
            " traceparent, value) VALUES ($1, $2, $3, 'routing.events', 'k', 't', $3, now(), $3, '',"
            " convert_to(repeat('x', $4), 'UTF8'))",
            month,
            position,
            uuid4(),
            size,
        )
        await connection.execute(
            "INSERT INTO delivery.outbox (position, month, key) SELECT position, month, key FROM delivery.said"
            " WHERE position = $1",
            position,
        )


async def taken(desk: Desk[Tally, World]) -> list[int]:
    async def nobody() -> Session:
        raise AssertionError("nobody is asked for")

    relay = Relay(desk, ["127.0.0.1:1"], nobody)
    async with desk.read() as connection:
        assert isinstance(connection, asyncpg.pool.PoolConnectionProxy)
        rows = await relay.unpublished(connection)  # type: ignore[arg-type]
    assert all(row.value is not None and dict(row.headers)["ce_source"] == b"/simpul/toy" for row in rows)
    return [row.position for row in rows]


async def test_what_was_said_in_two_months_is_taken_in_the_order_in_which_it_was_said(
    desk: Desk[Tally, World],
) -> None:
    this, following = months()
    for position, month in ((1, this), (2, following), (3, this), (4, following)):
        await say(desk, position, month, 10)
    assert await taken(desk) == [1, 2, 3, 4]


async def test_a_round_takes_so_many_bytes_and_nothing_that_was_said_after_them(
    desk: Desk[Tally, World],
) -> None:
    this, following = months()
    fitting = MOST_BYTES // MEGABYTE + 1
    await say(desk, 1, following, 10)
    for position in range(2, fitting + 5):
        await say(desk, position, this, MEGABYTE)
    await say(desk, fitting + 5, following, 10)
    assert await taken(desk) == [*range(1, fitting + 2)]


async def a_relay(desk: Desk[Tally, World], postgres: Stack) -> Relay:
    """A relay over connections of its own to this desk's store, with no Kafka to send to."""
    name = await desk.pool.fetchval("SELECT current_database()")

    async def session() -> Session:
        connection: Session = await asyncpg.connect(postgres.database_dsn(name, role="routing"))
        return connection

    return Relay(desk, ["127.0.0.1:1"], session)


async def test_who_does_not_lead_says_nothing_of_what_the_leader_publishes(
    desk: Desk[Tally, World], postgres: Stack
) -> None:
    leader, other = [await a_relay(desk, postgres) for _ in range(2)]
    assert await leader.drain(5) is True
    assert await other.drain(5) is None
    await leader.close()
    assert await other.drain(5) is True
    await other.close()


async def test_a_replica_that_does_not_lead_calls_the_one_that_does_when_it_has_said_something(
    desk: Desk[Tally, World], postgres: Stack
) -> None:
    """The leader looks by itself too, but not often enough for somebody who waits."""
    other_desk = await open_desk(desk.pool)
    leader, other = [await a_relay(one, postgres) for one in (desk, other_desk)]
    assert await leader.drain(5) is True
    standing_by = asyncio.create_task(other.run())
    try:
        for _ in range(3):
            desk.said.clear()
            other_desk.said.set()
            await asyncio.wait_for(desk.said.wait(), 5)
    finally:
        other.leave()
        await standing_by
        await other.close()
        await leader.close()
