"""A consumer that goes deaf, as Kafka's client sometimes does after a broker restart, is built anew."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from faststream.kafka import KafkaBroker

from ops.stack.stack import Stack
from shared.database import AWAY
from shared.delivery.consumer import Consumer, fetch_carefully
from shared.delivery.desk import Desk
from shared.delivery.record import KeptRecord
from shared.delivery.watch import Watch
from tests.shared.world import Owner, Tally, World

pytestmark = pytest.mark.store


@pytest.fixture
async def desk(desk: Desk[Tally, World], kafka: Stack) -> Desk[Tally, World]:
    desk.name = f"deaf-{uuid4().hex[:6]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    there = await admin.list_topics()
    await admin.create_topics([NewTopic(t, 12, 1) for t in desk.fold.topics if t not in there])
    await admin.close()
    return desk


async def publish(bootstrap: str, record: KeptRecord) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    await producer.send_and_wait(record.topic, record.value, record.key, headers=list(record.headers))
    await producer.stop()


@asynccontextmanager
async def hearing(
    desk: Desk[Tally, World], kafka: Stack, **patience: Any
) -> AsyncGenerator[tuple[Consumer, Watch], None]:
    """A consumer at this desk, and its watch."""
    broker = KafkaBroker([kafka.bootstrap], consumer_only=True, logger=logging.getLogger("simpul.kafka"))
    consumer = Consumer(broker, desk, 0)
    watch = Watch(desk, consumer, [kafka.bootstrap], 0, **patience)
    await broker.connect()
    fetch_carefully(broker)
    await broker.start()
    try:
        yield consumer, watch
    finally:
        await broker.stop()


@pytest.mark.parametrize("how", ["its fetcher stopped", "its client hears nothing"])
async def test_a_deaf_consumer_is_built_anew_and_hears_what_it_missed(
    desk: Desk[Tally, World], kafka: Stack, how: str
) -> None:
    second = timedelta(seconds=1)
    # a fetch of an idle consumer holds its connection for two seconds, and with it whatever else is asked over it
    async with hearing(desk, kafka, answer_within=4 * second, rebuild_after=second) as (consumer, watch):
        intake, key = Owner(), uuid4()
        await publish(kafka.bootstrap, intake.replies(key, "before"))
        await heard(desk, key, ["before"], watch)
        client = consumer.kafka
        assert client is not None
        if how == "its fetcher stopped":
            for task in [client._fetcher._fetch_task, *client._fetcher._pending_tasks]:
                task.cancel()
        else:
            for connection in list(client._client._conns.values()):
                connection.close()
            client._client._get_conn = never
        await publish(kafka.bootstrap, intake.replies(key, "missed"))
        await heard(desk, key, ["before", "missed"], watch)
        assert consumer.kafka is not client
        await watch.turn(desk)
        assert watch.deaf_for(desk.clock()) == 0


async def test_a_consumer_that_takes_over_an_empty_share_asks_for_its_own(
    desk: Desk[Tally, World], kafka: Stack
) -> None:
    """As after a new Kafka: the process before it joined while there was no topic yet, and left without a word."""
    before = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, group_id=desk.name, group_instance_id=f"{desk.name}-0"
    )
    await before.start()
    before.subscribe(["not-there-yet"])
    while before._coordinator.generation < 0:  # noqa: ASYNC110 — aiokafka has no event for it
        await asyncio.sleep(0.1)
    assert before.assignment() == set()
    await before.stop()
    async with hearing(desk, kafka) as (_, watch):
        intake, key = Owner(), uuid4()
        await publish(kafka.bootstrap, intake.replies(key, "waits"))
        await heard(desk, key, ["waits"], watch)


async def test_while_the_store_is_away_nobody_says_that_the_broker_is(
    desk: Desk[Tally, World], kafka: Stack
) -> None:
    async with hearing(desk, kafka) as (_, watch):
        desk.pool.terminate()
        with pytest.raises(AWAY):
            await watch.turn(desk)
        assert "broker" not in watch.complaints(desk.clock())


async def never(*_: object, **__: object) -> None:
    """Somebody who is asked for a connection and never comes back."""
    await asyncio.sleep(3600)


async def heard(desk: Desk[Tally, World], key: object, texts: list[str], watch: Watch) -> None:
    for _ in range(150):
        found = await desk.pool.fetchval("SELECT texts FROM tallies WHERE key = $1", key)
        if found == texts:
            return
        await watch.turn(desk)
        await asyncio.sleep(0.3)
    raise AssertionError(f"heard {found}, not {texts}")
