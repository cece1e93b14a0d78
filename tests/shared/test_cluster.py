"""A store belongs to one Kafka cluster; whoever else answers at its address is not spoken with."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ops.stack.stack import Stack
from shared.database import Pool
from shared.delivery import cluster
from shared.delivery.envelope import Headers
from shared.delivery.producer import Producer

pytestmark = pytest.mark.store


@dataclass
class Row:
    topic: str
    record_key: bytes = b"k"
    value: bytes = b"v"
    headers: Headers = field(default_factory=list)


@pytest.fixture
def store(toy_store: Pool) -> Iterator[Pool]:
    yield toy_store
    cluster._own = None


async def id_of(kafka: Stack) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        if "of-a-cluster" not in await admin.list_topics():
            await admin.create_topics([NewTopic("of-a-cluster", 1, 1)])
        found: str = (await admin.describe_cluster())["cluster_id"]
        return found
    finally:
        await admin.close()


async def test_a_store_keeps_the_cluster_of_its_first_start(store: Pool) -> None:
    async with store.acquire() as connection:
        assert await cluster.adopt(connection, "first") is None
        assert await cluster.adopt(connection, "first") is None
        assert await cluster.adopt(connection, "another") == "first"


async def test_nothing_is_published_to_another_hubs_kafka(store: Pool, kafka: Stack) -> None:
    real = await id_of(kafka)
    async with store.acquire() as connection:
        await cluster.adopt(connection, "ours, which is gone")
    producer = Producer([kafka.bootstrap], "tests")
    assert await producer.send([Row("of-a-cluster")]) == [False]
    cluster._own = real
    assert await producer.send([Row("of-a-cluster")]) == [True]
    await producer.close()
