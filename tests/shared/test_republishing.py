"""What was said can be said again: the same ids and numbers, in order, whatever is said meanwhile."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ops.stack.stack import Stack
from shared import audit, clock
from shared.database import Connection
from shared.delivery import cluster, republishing, watermark
from shared.delivery.desk import Desk
from shared.delivery.relay import Relay, Session, forget
from shared.delivery.republishing import Progress, Wanted
from shared.events.fact import Event
from shared.events.parts import By
from shared.events.routing import ComplaintClosed
from tests.shared.world import Tally, World, Write

pytestmark = pytest.mark.store
Toy = Desk[Tally, World]
TOPIC = "routing.events"


async def write(desk: Toy, key: UUID, *words: str) -> None:
    """Each word is one event about this complaint."""
    for word in words:
        await desk.command(key, Write(text=word).known_as(uuid4()))


async def again(desk: Toy, wanted: Wanted | None = None, compacted: Sequence[str] = ()) -> Progress:
    async with desk.read() as connection:
        return await republishing.put_back(connection, wanted or Wanted(), compacted, None)


async def outbox(desk: Toy) -> list[int]:
    """The numbers that are to be published, in order."""
    rows = await desk.pool.fetch(
        "SELECT s.sequence % 1000 FROM delivery.outbox AS o JOIN delivery.said AS s USING (month, position)"
        " ORDER BY o.position"
    )
    return [row[0] for row in rows]


async def empty(desk: Toy) -> None:
    await desk.pool.execute("DELETE FROM delivery.outbox")


async def test_all_of_it_goes_back_in_order_and_twice_is_harmless(desk: Toy) -> None:
    key = uuid4()
    await write(desk, key, "1", "2", "3")
    await empty(desk)
    done = await again(desk)
    assert (done.complaints, done.events, done.beheaded, done.last) == (1, 3, 0, key)
    await write(desk, key, "4")
    await again(desk)
    assert await outbox(desk) == [1, 2, 3, 4]


async def test_only_what_is_wanted_goes_back(desk: Toy) -> None:
    one, other = uuid4(), uuid4()
    await write(desk, one, "1", "2", "3")
    await write(desk, other, "1")
    await empty(desk)
    assert (await again(desk, Wanted(keys=[other]))).events == 1
    assert (await again(desk, Wanted(topics=["intake.events"]))).events == 0
    assert (await again(desk, Wanted(since=clock.now() + timedelta(hours=1)))).events == 0
    await empty(desk)
    second = await desk.pool.fetchval(
        "SELECT said_at FROM delivery.said WHERE key = $1 ORDER BY position OFFSET 1 LIMIT 1", one
    )
    await again(desk, Wanted(keys=[one], since=second))
    assert await outbox(desk) == [2, 3]


async def test_complaints_come_portion_by_portion_and_each_once(desk: Toy) -> None:
    keys = sorted(uuid4() for _ in range(7))
    for key in keys:
        await write(desk, key, "1")
    await empty(desk)
    async with desk.read() as connection:
        done = await republishing.put_back(connection, Wanted(), (), keys[3])
        assert (done.complaints, done.last) == (3, keys[6])
        done = await republishing.put_back(connection, Wanted(), (), keys[6])
        assert (done.complaints, done.last) == (0, None)


async def test_a_complaint_whose_first_month_is_gone_is_told(desk: Toy) -> None:
    key = uuid4()
    await write(desk, key, "1", "2")
    await write(desk, uuid4(), "1")
    await desk.pool.execute("DELETE FROM delivery.said WHERE key = $1 AND sequence % 1000 = 1", key)
    assert (await again(desk)).beheaded == 1


async def test_on_a_compacted_topic_the_present_state_is_said_instead(desk: Toy) -> None:
    key = uuid4()
    await write(desk, key, "old", "new")
    await empty(desk)

    async def restate(_: Connection, keys: Sequence[UUID]) -> Sequence[tuple[UUID, Event]]:
        return [(one, _closed("as it stands now")) for one in keys]

    desk.restate = restate
    done = await again(desk, compacted=[TOPIC])
    assert (done.events, done.restated) == (0, 1)
    assert await desk.say_again_what_is_wanted() == 0.0
    assert await desk.say_again_what_is_wanted() == 1.0
    assert await outbox(desk) == [3]


def _closed(reason: str) -> Event:
    return ComplaintClosed(
        at=datetime(2026, 3, 2, tzinfo=UTC), by=By(kind="rule"), kind="closed", reason=reason
    )


@pytest.fixture
async def relay(desk: Toy, kafka: Stack) -> AsyncIterator[Relay]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        if TOPIC not in await admin.list_topics():
            await admin.create_topics([NewTopic(TOPIC, 3, 1)])
    finally:
        await admin.close()
    cluster._own = None
    relay = Relay(desk, [kafka.bootstrap], lambda: connect(desk, kafka))
    yield relay
    await relay.close()


async def connect(desk: Toy, stack: Stack) -> Session:
    name = await desk.pool.fetchval("SELECT current_database()")
    made: Session = await asyncpg.connect(stack.database_dsn(name, role="routing"))
    return made


async def published(kafka: Stack, key: UUID) -> list[tuple[str, str]]:
    """(number, id) of each record about this complaint, in the topic's order."""
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        found: list[tuple[str, str]] = []
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    headers = {name: value.decode() for name, value in record.headers}
                    if record.key == str(key).encode():
                        found.append((headers["ce_sequence"], headers["ce_id"]))
        return found
    finally:
        await consumer.stop()


async def test_readers_get_the_new_ids_and_numbers_again_and_what_is_new_behind_them(
    desk: Toy, kafka: Stack, relay: Relay
) -> None:
    key = uuid4()
    await write(desk, key, "1", "2")
    assert await relay.drain(20)
    first = await published(kafka, key)
    await again(desk)
    await write(desk, key, "3")
    assert await relay.drain(20)
    told = await published(kafka, key)
    assert told[:2] == told[2:4] == first
    assert [number for number, _ in told] == ["1.1", "1.2", "1.1", "1.2", "1.3"]


async def test_what_was_under_way_when_it_was_put_back_goes_out_once_more_in_its_order(
    desk: Toy, relay: Relay
) -> None:
    key = uuid4()
    await write(desk, key, "1", "2")
    await empty(desk)
    await write(desk, key, "3")
    async with desk.read() as connection:
        under_way = await relay.unpublished(connection)  # type: ignore[arg-type]
        await again(desk)
        assert await forget(connection, under_way) == 0  # type: ignore[arg-type]
        assert await outbox(desk) == [1, 2, 3]
        assert await forget(connection, await relay.unpublished(connection)) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("new_id", ["the old one", "a new one"])
async def test_a_store_moves_to_another_kafka_only_when_told_and_is_silent_until_it_is_filled(
    desk: Toy, new_id: str
) -> None:
    who = audit.Operator("sari")
    async with desk.read() as connection:
        await cluster.adopt(connection, "the old one")
        assert not await cluster.has_moved(connection)
        partitions = {TOPIC: 1}
        reached = watermark.Reached(TOPIC, 0, clock.now())
        await watermark.store(connection, [reached])
        assert await watermark.lowest(connection, partitions) == reached.at

        assert await republishing.adopt_cluster(connection, new_id, who, "its disk died", clock.now())
        assert await cluster.has_moved(connection)
        assert await republishing.still_there(connection, "tests") == 1
        assert not await republishing.adopt_cluster(connection, new_id, who, "again", clock.now())
        assert await watermark.lowest(connection, partitions) is None

        at_its_end = watermark.Reached(TOPIC, 0, clock.now())
        await watermark.store(connection, [at_its_end])
        assert await watermark.lowest(connection, partitions) is None
        await republishing.end_silence(connection, at_its_end.at + timedelta(seconds=5))
        assert await watermark.lowest(connection, partitions) is None
        later = watermark.Reached(TOPIC, 0, at_its_end.at + timedelta(seconds=6))
        await watermark.store(connection, [later])
        assert await watermark.lowest(connection, partitions) == later.at
    cluster._own = None
    acts = await desk.pool.fetch("SELECT act FROM audit.acts")
    assert [act[0] for act in acts] == ["adopt another Kafka"]
