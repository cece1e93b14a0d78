"""Sending to Kafka: idempotent, acknowledged by all, and thrown away when it does not answer."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from itertools import zip_longest
from typing import NamedTuple, Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.codec import lz4_encode
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record._crecords import default_records

from shared.delivery.envelope import Headers
from shared.delivery.partitioning import partition_of
from shared.delivery.patience import bounded

log = structlog.get_logger(__name__)

SEND_SECONDS = 12.0
"""How long one round may take before its producer is taken for wedged."""
STOP_SECONDS = 3.0


default_records.lz4_encode = partial(lz4_encode, level=1)
"""As Java's clients compress. aiokafka has no setting for it, and spends seven times the work to save a fifth more."""


class Sendable(Protocol):
    """What goes out: where to, under which key, with what."""

    @property
    def topic(self) -> str: ...
    @property
    def record_key(self) -> bytes: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class _Batch(NamedTuple):
    """Records of one partition, and the places of their rows in the round."""

    topic: str
    partition: int
    records: BatchBuilder
    places: list[int]

    def takes(self, row: Sendable, place: int) -> bool:
        """Add this one; False where there is no room left. The first always has room."""
        if (
            self.records.append(timestamp=None, key=row.record_key, value=row.value, headers=row.headers)
            is None
        ):
            return False
        self.places.append(place)
        return True


class Producer:
    """A producer that builds itself when first needed, and anew after it failed.

    An idempotent aiokafka producer never expires its batches and may stay broken after an out-of-order answer
    (ak#1101, ak#1017), so every round has a time-out and a failed one costs the producer.
    """

    def __init__(
        self, brokers: Sequence[str], client: str, rebuilt: Callable[[], None] = lambda: None
    ) -> None:
        self._brokers = list(brokers)
        self._client = client
        self._rebuilt = rebuilt
        self._kafka: AIOKafkaProducer | None = None

    async def send(self, rows: Sequence[Sendable]) -> list[bool]:
        """Send all, then gather; whether each was acknowledged, in order. Never raises for Kafka's sake."""
        try:
            answers = await bounded(self._round(rows), SEND_SECONDS)
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("kafka does not take what is sent", error=type(error).__name__, client=self._client)
            self._rebuilt()
            await self.close()
            return [False] * len(rows)
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if failures:
            log.warning("events not acknowledged", count=len(failures), error=type(failures[0]).__name__)
            self._rebuilt()
            await self.close()
        return [not isinstance(answer, BaseException) for answer in answers]

    async def _round(self, rows: Sequence[Sendable]) -> list[object]:
        if self._kafka is None:
            self._kafka = AIOKafkaProducer(
                bootstrap_servers=self._brokers,
                client_id=self._client,
                enable_idempotence=True,
                acks="all",
                compression_type="lz4",
                max_batch_size=524_288,
                linger_ms=0,
                request_timeout_ms=10_000,
                metadata_max_age_ms=30_000,
            )
            await self._kafka.start()
        kafka = self._kafka
        answers: list[object] = [None] * len(rows)
        under_way: list[tuple[asyncio.Future[object], list[int]]] = []
        for turn in zip_longest(*(await self._batches(kafka, rows)).values()):
            for batch in filter(None, turn):
                sent = await kafka.send_batch(batch.records, batch.topic, partition=batch.partition)
                under_way.append((sent, batch.places))
        found = await asyncio.gather(*(sent for sent, _ in under_way), return_exceptions=True)
        for answer, (_, places) in zip(found, under_way, strict=True):
            for place in places:
                answers[place] = answer
        return answers

    async def _batches(
        self, kafka: AIOKafkaProducer, rows: Sequence[Sendable]
    ) -> dict[tuple[str, int], list["_Batch"]]:
        """The rows as batches per partition, in order.

        Made here because aiokafka, handed them one by one, spends more on each than all of the relay's own work.
        """
        partitions = {topic: len(await kafka.partitions_for(topic)) for topic in {row.topic for row in rows}}
        made: dict[tuple[str, int], list[_Batch]] = {}
        for place, row in enumerate(rows):
            to = row.topic, partition_of(row.record_key, partitions[row.topic])
            batches = made.setdefault(to, [])
            if not batches or not batches[-1].takes(row, place):
                batches.append(_Batch(*to, kafka.create_batch(), []))
                batches[-1].takes(row, place)
        return made

    async def close(self) -> None:
        """Stop it, for a few seconds at most; the next send builds another."""
        kafka, self._kafka = self._kafka, None
        if kafka is not None:
            await _stop(kafka)


async def _stop(kafka: AIOKafkaProducer) -> None:
    """Flush and stop; what will not stop is cut off, so that it cannot send something old later on."""
    try:
        await bounded(kafka.stop(), STOP_SECONDS)
    except (KafkaError, OSError, TimeoutError):
        log.warning("a producer would not stop and is cut off")
        sender = kafka._sender.sender_task if kafka._sender is not None else None
        if sender is not None:
            sender.cancel()
        try:
            await bounded(kafka.client.close(), STOP_SECONDS)
        except (KafkaError, OSError, TimeoutError):
            log.warning("its connections would not close")
