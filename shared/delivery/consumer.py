"""The consumer: FastStream's batch subscriber, bound to the desk, with what KAFKA.md says it needs."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError
from faststream import AckPolicy, Context
from faststream.exceptions import NackMessage
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage

from shared.delivery.desk import Desk, Stopped
from shared.delivery.fetching import Fetching
from shared.delivery.patience import bounded
from shared.logging import where

log = structlog.get_logger(__name__)

REBUILD_SECONDS = 15.0

_STOPPED = "stopped: "
MOST_RECORDS = 2000
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds to back off after a passing failure, doubled each time: far below max_poll_interval_ms (5 min)."""


async def _bare(
    records: tuple[ConsumerRecord, ...], original: Callable[[Any], Awaitable[KafkaMessage]]
) -> KafkaMessage:
    """The batch as FastStream parses it, with headers and values left alone.

    Its own parser decodes every header as UTF-8 and raises where one is not, after which the record is
    neither acknowledged nor refused and later committed past. The desk reads the raw records, so one of them is
    parsed, without its words, for all.
    """
    message = await original((dataclasses.replace(records[0], headers=(), value=b""),))
    message.raw_message = records
    return message


async def _undecoded(_: KafkaMessage) -> None:
    return None


class Consumer:
    """Hears a service's topics and hands them to its desk, batch by batch."""

    def __init__(self, broker: KafkaBroker, desk: Desk[Any, Any], replica: int | None) -> None:
        self._desk = desk
        self._pause = FIRST_PAUSE
        self._leaving = asyncio.Event()
        self._may_be_stopped = True
        self.last_ms: dict[tuple[str, int], int] = {}
        """The time of the last record applied, per topic and partition."""
        self.batches = 0
        """How many batches were applied since the process began."""
        self.backing_off: str | None = None
        """What the consumer waits for: a passing failure, or an operator; None while it works."""
        self._subscriber = broker.subscriber(
            *desk.fold.topics,
            group_id=desk.name,
            # two with the same id would fence each other: only a true ordinal makes one
            group_instance_id=None if replica is None else f"{desk.name}-{replica}",
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
        self.batches += 1
        self._desk.metrics.batch_records.observe(len(records))
        for record in records:
            self.last_ms[record.topic, record.partition] = record.timestamp

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

    @property
    def kafka(self) -> Fetching | None:
        """The client as it is now; None before the start, after the end, and while it is being built anew."""
        return self._subscriber.consumer

    @property
    def is_leaving(self) -> bool:
        return self._leaving.is_set()

    async def mind_the_stop(self) -> None:
        """See whether this consumer was stopped, here or by another replica, or is let go on."""
        if await self._desk.why_stopped() is not None:
            self._may_be_stopped = True
        elif self._may_be_stopped:
            self._goes_on()

    def nothing_waits(self) -> None:
        """There is no record left: whatever it backed off from is over."""
        if not self._may_be_stopped:
            self.backing_off = None

    async def rebuild(self) -> None:
        """Throw the Kafka client away and join the group anew, under the same name.

        What was not committed comes again. Raises what Kafka's client raises; then the next turn tries again.
        """
        try:
            await bounded(self._subscriber.stop(), REBUILD_SECONDS)
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("the old client would not stop and is left behind", error=type(error).__name__)
            self._subscriber.consumer = None
        await bounded(self._subscriber.start(), REBUILD_SECONDS)


def fetch_carefully(broker: KafkaBroker) -> None:
    """Have a connected broker's subscribers poll through `Fetching`."""
    config = broker.config.broker_config
    config.builder = partial(Fetching, **config.builder.keywords)  # type: ignore[attr-defined]
