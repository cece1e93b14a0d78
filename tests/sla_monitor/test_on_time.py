"""A breach is said when its instant comes, and not before all input up to it is applied: with a real Kafka."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from faststream.kafka import KafkaBroker

from ops.stack.stack import Stack
from services.sla_monitor.handlers import make_fold
from services.sla_monitor.sweep import Sweep
from shared import clock
from shared.delivery.consumer import Consumer, fetch_carefully
from shared.delivery.saying import make_months
from shared.delivery.watch import Watch as WatchOfTheConsumer
from shared.service import Turn
from tests.conftest import MakeStore
from tests.sla_monitor.test_store import load_documents
from tests.sla_monitor.test_sweep import Watch, a_desk, heard, said
from tests.sla_monitor.world import received, shipped

pytestmark = pytest.mark.store

SETTLE = timedelta(seconds=3)
"""How long a clock that was overdue when it was first seen keeps silent: then it is due to be spoken of."""

PATIENCE = 20.0
"""Seconds within which what must come has come, on a machine that does other things."""


@pytest.fixture
async def desk(store_of: MakeStore, kafka: Stack) -> Watch:
    """The monitor's desk; its group begins where the topics end."""
    desk = a_desk(await store_of("sla_monitor"))
    desk.fold, desk.clock, desk.partitions = make_fold(SETTLE), clock.now, {}
    desk.name = f"on-time-{uuid4().hex[:6]}"
    async with desk.read() as connection:
        await make_months(connection, clock.now().date())
        await load_documents(connection, shipped())
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    there = await admin.list_topics()
    await admin.create_topics([NewTopic(t, 12, 1) for t in desk.fold.topics if t not in there])
    told = await admin.describe_topics([*desk.fold.topics])  # another test may have made them, with fewer
    await admin.close()
    reader = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, group_id=desk.name)
    await reader.start()
    partitions = [
        TopicPartition(one["topic"], part["partition"]) for one in told for part in one["partitions"]
    ]
    reader.assign(partitions)
    await reader.commit(await reader.end_offsets(partitions))
    await reader.stop()
    return desk


@asynccontextmanager
async def at_work(desk: Watch, kafka: Stack) -> AsyncIterator[None]:
    """The monitor's consumer and its watch."""
    broker = KafkaBroker([kafka.bootstrap], consumer_only=True, logger=logging.getLogger("simpul.kafka"))
    consumer = Consumer(broker, desk, 0)
    watch = WatchOfTheConsumer(desk, consumer, [kafka.bootstrap], 0)
    desk.keep_watermark = watch.keep_watermark
    await broker.connect()
    fetch_carefully(broker)
    await broker.start()
    try:
        async with turning(desk, watch.turn):
            yield
    finally:
        await watch.close()
        consumer.leave()
        await broker.stop()


@asynccontextmanager
async def turning(desk: Watch, turn: Turn) -> AsyncIterator[None]:
    """A loop, turning as often as it wants to."""

    async def turn_after_turn() -> None:
        while True:
            pause = await turn(desk)
            await asyncio.sleep(pause)

    task = asyncio.create_task(turn_after_turn())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def breached_at(desk: Watch, within: float) -> datetime | None:
    """When the breach of the verify clock was in the store; None where it was not in so many seconds."""
    until = clock.elapsed() + within
    while clock.elapsed() < until:
        if "verify breached" in await said(desk):
            return clock.now()
        await asyncio.sleep(0.02)
    return None


async def begin(desk: Watch) -> datetime:
    """A complaint of last month, heard now; when its breach may be said."""
    while not desk.partitions or not await reached(desk):
        await desk.keep_watermark()
        await asyncio.sleep(0.05)
    await heard(desk, received(clock.now() - timedelta(days=30)), now=clock.now())
    due: datetime = await desk.pool.fetchval("SELECT next_due_at FROM delivery.keys")
    return due


async def reached(desk: Watch) -> datetime | None:
    async with desk.read() as connection:
        return await desk.watermark(connection)


async def test_a_breach_is_said_at_its_instant_though_nobody_looks_that_often(
    desk: Watch, kafka: Stack
) -> None:
    async with at_work(desk, kafka):
        due = await begin(desk)
        async with turning(desk, Sweep(idle=10 * PATIENCE).turn):
            said_at = await breached_at(desk, PATIENCE)
    assert said_at is not None
    assert said_at >= due


async def test_while_a_record_from_before_is_not_applied_no_breach_is_said_and_then_at_once(
    desk: Watch, kafka: Stack
) -> None:
    await desk.remember_stop("somebody looks at it first")
    async with at_work(desk, kafka):
        due = await begin(desk)
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
        await producer.start()
        await producer.send_and_wait("routing.events", b"nobody can read this", b"somebody")
        await producer.stop()
        async with turning(desk, Sweep().turn):
            waits = (due - clock.now()).total_seconds()
            assert await breached_at(desk, waits + 1) is None
            await desk.pool.execute("DELETE FROM delivery.stops")
            assert await breached_at(desk, PATIENCE) is not None
