"""Fetching: what aiokafka's decoder cannot take is read all the same, and a fetch that fails loses nothing."""

import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from ops.stack.stack import Stack
from shared.delivery.fetching import Fetching

LZ4 = 3
_names = itertools.count()


class Misspelt(str):
    """A header name that encodes to bytes which no UTF-8 decoder takes."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"ce_\xff"


def batch_of(*names: str, compression: int) -> bytes:
    """A producer's batch with one record a name, as it lies in the log."""
    builder = _DefaultRecordBatchBuilderPy(
        magic=2,
        compression_type=compression,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1_000_000,
    )
    for offset, name in enumerate(names):
        builder.append(
            offset, 1_700_000_000_000 + offset, b"k", f"v{offset}".encode(), [(name, b"x"), ("b", None)]
        )
    return bytes(builder.build())


@pytest.mark.parametrize("compression", [0, LZ4])
def test_a_header_name_that_is_not_utf8_costs_neither_its_record_nor_its_neighbours(compression: int) -> None:
    records = fetcher.MemoryRecords(batch_of("a", Misspelt("?"), "c", compression=compression))
    assert records.has_next()
    batch = records.next_batch()
    assert batch.validate_crc()
    found = list(batch)
    assert [record.value for record in found] == [b"v0", b"v1", b"v2"]
    assert [record.headers[0][0] for record in found] == ["a", "ce_\\xff", "c"]
    assert [record.offset for record in found] == [0, 1, 2]
    assert [record.timestamp for record in found] == [1_700_000_000_000 + n for n in range(3)]
    assert not records.has_next()


def test_ordinary_batches_are_read_as_they_ever_were() -> None:
    records = fetcher.MemoryRecords(batch_of("a", "b", compression=0) + batch_of("c", compression=LZ4))
    assert [record.headers[0][0] for batch in iter(records.next_batch, None) for record in batch] == [
        "a",
        "b",
        "c",
    ]


@pytest.fixture
async def topic(kafka: Stack) -> AsyncIterator[str]:
    name = f"fetching-{next(_names)}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1)])
    yield name
    await admin.close()


@pytest.mark.store
@pytest.mark.parametrize("known", [True, False], ids=["positions known", "positions not yet known"])
async def test_a_fetch_that_fails_after_it_moved_the_positions_is_fetched_again(
    kafka: Stack, topic: str, known: bool
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
    await producer.start()
    for n in range(20):
        await producer.send_and_wait(topic, f"{n}".encode(), partition=n % 2)
    await producer.stop()
    consumer = Fetching(
        bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    consumer.assign([TopicPartition(topic, 0), TopicPartition(topic, 1)])
    await consumer.start()
    try:
        fetched, failures = consumer._fetcher.fetched_records, itertools.count()

        async def failing(*args: Any, **options: Any) -> Any:
            drained = await fetched(*args, **options)
            if drained and next(failures) < 2:
                raise ValueError("a record that cannot be decoded")
            return drained

        consumer._fetcher.fetched_records = failing
        if known:
            for place in consumer.assignment():
                await consumer.position(place)
        else:
            assert consumer._positions() == {}
        seen: list[int] = []
        refusals = 0
        deadline = time.monotonic() + 30
        while len(seen) < 20 and time.monotonic() < deadline:
            try:
                batch = await consumer.getmany(timeout_ms=500)
            except ValueError:
                refusals += 1
                continue
            for place, records in batch.items():
                assert consumer.next_to_apply(place) == records[0].offset
                seen += [int(record.value) for record in records]
        assert refusals == 2
        assert sorted(seen) == list(range(20))
    finally:
        await consumer.stop()
