"""The consumer: FastStream's batch subscriber, bound to the desk, with what KAFKA.md says it needs."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy, Context
from faststream.exceptions import NackMessage
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage

from shared.delivery import watermark
from shared.delivery.desk import Desk, Stopped
from shared.delivery.fetching import Fetching
from shared.logging import where

log = structlog.get_logger(__name__)

_STOPPED = "stopped: "
MOST_RECORDS = 2000
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds to back off after a passing failure, doubled each time: far below max_poll_interval_ms (5 min)."""


async def _bare(
    records: tuple[ConsumerRecord, ...], original: Callable[[Any], Awaitable[KafkaMessage]]
) -> KafkaMessage:
    """The batch as FastStream parses it, with headers and values left alone.

    Its own parser decodes every header as UTF-8 and raises where one is not, after which the record is
    neither acknowledged nor refused and later committed past. The desk reads the raw records.
    """
    message = await original(tuple(dataclasses.replace(record, headers=(), value=b"") for record in records))
    message.raw_message = records
    return message


async def _undecoded(_: KafkaMessage) -> None:
    return None


class Consumer:
    """Hears a service's topics and hands them to its desk, batch by batch."""

    def __init__(self, broker: KafkaBroker, desk: Desk[Any, Any], replica: int) -> None:
        self._desk = desk
        self._pause = FIRST_PAUSE
        self._leaving = asyncio.Event()
        self._may_be_stopped = True
        self._answered_at: datetime | None = None
        self._last_ms: dict[tuple[str, int], int] = {}
        """The time of the last record applied, per topic and partition."""
        self._batches = self._batches_seen = 0
        self._silent_since: datetime | None = None
        self.backing_off: str | None = None
        """What the consumer waits for: a passing failure, or an operator; None while it works."""
        self._subscriber = broker.subscriber(
            *desk.fold.topics,
            group_id=desk.name,
            group_instance_id=f"{desk.name}-{replica}",
            batch=True,
            max_records=MOST_RECORDS,
            batch_timeout_ms=10,
            ack_policy=AckPolicy.NACK_ON_ERROR,
            auto_offset_reset="earliest",
            session_timeout_ms=10_000,
            heartbeat_interval_ms=3_000,
            max_poll_interval_ms=300_000,
            no_reply=True,
            parser=_bare,
            decoder=_undecoded,
        )
        self._subscriber(self._hear)

    async def _hear(self, message: KafkaMessage = Context()) -> None:  # noqa: B008 — FastStream's way
        records: tuple[ConsumerRecord, ...] = message.raw_message
        try:
            await self._wait_while_stopped()
            with self._desk.metrics.batch_seconds.time():
                await self._desk.batch(records)
        except Stopped as stop:
            log.critical("consumer stopped itself", reason=str(stop))
            await self._desk.remember_stop(str(stop))
            self.backing_off = f"{_STOPPED}{stop}"
            self._may_be_stopped = True
            raise NackMessage from None
        except NackMessage:
            raise
        except Exception as error:
            self._desk.metrics.retries.inc()
            self.backing_off = f"{type(error).__name__} while working a batch"
            log.warning("batch rolled back", error=type(error).__name__, at=where(error), pause=self._pause)
            await self._sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            raise NackMessage from None
        self._pause = FIRST_PAUSE
        self.backing_off = None
        self._batches += 1
        self._desk.metrics.batch_records.observe(len(records))
        for record in records:
            self._last_ms[record.topic, record.partition] = record.timestamp

    async def _wait_while_stopped(self) -> None:
        """Hold the batch until an operator resumes; give it back each minute, to stay in the group."""
        for _ in range(60):
            if not self._may_be_stopped:
                return
            reason = await self._desk.why_stopped()
            if reason is None:
                self._goes_on()
                return
            self.backing_off = f"{_STOPPED}{reason}"
            await self._sleep(1.0)
            if self._leaving.is_set():
                break
        raise NackMessage

    def _goes_on(self) -> None:
        """No stop is in force; where there was one, an operator has ended it."""
        self._may_be_stopped = False
        if self.backing_off is not None and self.backing_off.startswith(_STOPPED):
            self.backing_off = None
            self._desk.pardon()

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._leaving.wait()
        except TimeoutError:
            pass

    def leave(self) -> None:
        """Wake whoever is pausing: the service is going."""
        self._leaving.set()

    def heard_broker(self, now: datetime) -> bool:
        """Whether the broker answered within the last 15 seconds."""
        return self._answered_at is not None and now - self._answered_at < timedelta(seconds=15)

    def silent_for(self, now: datetime) -> float:
        """Seconds in which records were waiting, broker and store answered, and none was taken in hand.

        A consumer may sit silent after a broker restart, with no error to show for it (KAFKA.md trap 11).
        """
        return 0.0 if self._silent_since is None else (now - self._silent_since).total_seconds()

    @property
    def _kafka(self) -> Fetching | None:
        return self._subscriber.consumer

    @property
    def assigned(self) -> list[TopicPartition]:
        """The partitions this replica has now."""
        kafka = self._kafka
        return sorted(kafka.assignment()) if kafka is not None else []

    async def look(self, *, store_watermark: bool) -> float:
        """One turn of watching: how far each partition is; seconds until the next turn.

        Feeds the watermark (where the service has one), the lag and the age metrics. Store or broker away: no
        news, and no silence either.
        """
        self._silent_since, silent_since = None, self._silent_since
        if await self._desk.why_stopped() is not None:
            self._may_be_stopped = True
        elif self._may_be_stopped:
            self._goes_on()
        kafka = self._kafka
        if kafka is None:
            return 0.5
        assigned = self.assigned
        asked_at = self._desk.clock()
        applied = {tp: kafka.next_to_apply(tp) for tp in assigned}  # before the ends are asked
        last_ms = dict(self._last_ms)
        try:
            async with asyncio.timeout(10):
                await self._learn_partitions(kafka)
                ends = await kafka.end_offsets(assigned) if assigned else {}
        except (KafkaError, TimeoutError):
            return 1.0
        self._answered_at = asked_at
        lag = {
            tp: end - offset
            for tp, end in ends.items()
            if (offset := applied[tp]) is not None and end > offset
        }
        self._show(lag, last_ms, kafka.handed_ms, asked_at)
        if not lag and not self._may_be_stopped:
            self.backing_off = None
        moved = self._batches != self._batches_seen or kafka.handed_ms is not None
        self._batches_seen = self._batches
        if lag and not moved:
            self._silent_since = silent_since or asked_at
        if store_watermark:
            await self._store_watermark(applied, ends, last_ms, asked_at)
        return 0.5 if store_watermark else 2.0

    async def _store_watermark(
        self,
        applied: Mapping[TopicPartition, int | None],
        ends: Mapping[TopicPartition, int],
        last_ms: Mapping[tuple[str, int], int],
        asked_at: datetime,
    ) -> None:
        found = [
            watermark.reached(
                tp.topic,
                tp.partition,
                applied=offset,
                end=end,
                asked_at=asked_at,
                last_record_ms=last_ms.get((tp.topic, tp.partition)),
            )
            for tp, end in ends.items()
            if (offset := applied[tp]) is not None
        ]
        async with self._desk.pool.acquire() as connection:
            await watermark.store(connection, [reached for reached in found if reached is not None])

    async def _learn_partitions(self, kafka: Fetching) -> None:
        if not self._desk.partitions:
            counts = {topic: len(kafka.partitions_for_topic(topic) or ()) for topic in self._desk.fold.topics}
            if all(counts.values()):
                self._desk.partitions = counts

    def _show(
        self,
        lag: Mapping[TopicPartition, int],
        last_ms: Mapping[tuple[str, int], int],
        handed_ms: int | None,
        now: datetime,
    ) -> None:
        times = [last_ms[tp.topic, tp.partition] for tp in lag if (tp.topic, tp.partition) in last_ms]
        if handed_ms is not None:
            times.append(handed_ms)
        self._desk.metrics.lag.set(sum(lag.values()))
        self._desk.metrics.oldest.set(max(0.0, now.timestamp() - min(times) / 1000) if times else 0.0)


def fetch_carefully(broker: KafkaBroker) -> None:
    """Have a connected broker's subscribers poll through `Fetching`."""
    config = broker.config.broker_config
    config.builder = partial(Fetching, **config.builder.keywords)  # type: ignore[attr-defined]
