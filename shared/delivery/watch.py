"""The watch: how far this replica's consumer is, and whether it has gone deaf; then it is built anew."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.database import AWAY
from shared.delivery import watermark
from shared.delivery.consumer import Consumer
from shared.delivery.desk import Desk
from shared.delivery.fetching import Fetching
from shared.delivery.patience import bounded

log = structlog.get_logger(__name__)


class Watch:
    """Looks at the consumer turn by turn.

    A consumer may sit silent after a broker restart, with no error to show for it (ak#1154, ak#1037): records
    wait and none is taken in hand; or its client never hears the broker again while a fresh one does; or it
    has no partition though it should. Each is deafness; after `rebuild_after` the consumer is built anew.
    Store or broker away is no deafness. `answer_within`: how long the broker may take to answer one question.
    """

    def __init__(
        self,
        desk: Desk[Any, Any],
        consumer: Consumer,
        brokers: list[str],
        replica: int | None,
        *,
        answer_within: timedelta = timedelta(seconds=10),
        rebuild_after: timedelta = timedelta(seconds=20),
    ) -> None:
        self._desk = desk
        self._consumer = consumer
        self._brokers = brokers
        self._replica = replica
        self._answer_within = answer_within
        self._rebuild_after = rebuild_after
        self._batches_seen = 0
        self._answered_at: datetime | None = None
        self._deaf_since: datetime | None = None
        self._rebuilt_at: datetime | None = None
        self._asked: Fetching | None = None
        self._asker: AIOKafkaConsumer | None = None

    def heard_broker(self, now: datetime) -> bool:
        """Whether the broker has answered our consumer of late."""
        return self._answered_at is not None and now - self._answered_at < 1.5 * self._answer_within

    def complaints(self, now: datetime) -> dict[str, str]:
        """What keeps this replica from being ready: the broker, or that no partition is its own."""
        kafka = self._consumer.kafka
        if (kafka is None or not kafka.assignment()) and self._should_have_partitions():
            return {"assignment": "no partition is assigned yet"}
        return {} if self.heard_broker(now) else {"broker": "it does not answer"}

    def deaf_for(self, now: datetime) -> float:
        """Seconds of deafness; 0 where there is no sign of it."""
        return 0.0 if self._deaf_since is None else (now - self._deaf_since).total_seconds()

    async def turn(self, _: Desk[Any, Any]) -> float:
        """One look; seconds until the next."""
        deaf_since, self._deaf_since = self._deaf_since, None
        try:
            await self._consumer.mind_the_stop()
        except AWAY:  # of the store; whether the broker answers is another question
            await self._ask_broker()
            raise
        now = self._desk.clock()
        kafka = self._consumer.kafka
        if kafka is None:
            deaf = self._rebuilt_at is not None
        else:
            deaf = await self._looks_deaf(kafka, now)
        if deaf:
            self._deaf_since = deaf_since or now
            await self._mend(now)
        return 2.0

    async def keep_watermark(self) -> None:
        """Find out how far this replica's partitions are applied, and keep it. A broker that is away moves nothing."""
        kafka = self._consumer.kafka
        assigned = [] if kafka is None else sorted(kafka.assignment())
        if kafka is None or not assigned:
            return
        applied = {tp: kafka.next_to_apply(tp) for tp in assigned}  # before the ends are asked
        last_ms, asked_at = dict(self._consumer.last_ms), self._desk.clock()
        try:
            ends = await bounded(self._ends(assigned), self._answer_within.total_seconds())
        except (KafkaError, OSError, TimeoutError):
            await self.close()
            return
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
        async with self._desk.read() as connection:
            await watermark.store(connection, [reached for reached in found if reached is not None])

    async def _ends(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Where these end, asked over a connection of its own: on the consumer's own a fetch is being held, and the
        broker answers what comes over one connection in turn."""
        if self._asker is None:
            asker = AIOKafkaConsumer(bootstrap_servers=self._brokers, request_timeout_ms=5_000)
            self._asker = asker
            await asker.start()
        ends: Mapping[TopicPartition, int] = await self._asker.end_offsets(partitions)
        return ends

    async def close(self) -> None:
        """Let go of the connection that the watermark is asked over; the next question makes another."""
        asker, self._asker = self._asker, None
        if asker is not None:
            try:
                await bounded(asker.stop(), 3)
            except (KafkaError, OSError, TimeoutError):
                log.warning("a client would not close")

    async def _ask_broker(self) -> None:
        now, kafka = self._desk.clock(), self._consumer.kafka
        if kafka is None:
            return
        try:
            await bounded(kafka.topics(), self._answer_within.total_seconds())
        except (KafkaError, TimeoutError):
            return
        self._answered_at = now

    async def _looks_deaf(self, kafka: Fetching, now: datetime) -> bool:
        """Look once, and tell the metrics what is seen."""
        assigned = sorted(kafka.assignment())
        applied = {tp: kafka.next_to_apply(tp) for tp in assigned}  # before the ends are asked
        last_ms = dict(self._consumer.last_ms)
        self._learn_partitions(kafka)
        self._see_to_its_share(kafka, assigned)
        ends: Mapping[TopicPartition, int] = {}
        patience = self._answer_within.total_seconds()
        try:
            if assigned:
                ends = await bounded(kafka.end_offsets(assigned), patience)
            else:
                await bounded(kafka.topics(), patience)
        except (KafkaError, TimeoutError):
            return not self.heard_broker(now) and await self._fresh_client_hears()
        self._answered_at = now
        lag = {
            tp: end - offset
            for tp, end in ends.items()
            if (offset := applied[tp]) is not None and end > offset
        }
        self._show(lag, last_ms, kafka.handed_ms, now)
        moved = self._consumer.batches != self._batches_seen or kafka.handed_ms is not None
        self._batches_seen = self._consumer.batches
        if not lag:
            self._consumer.nothing_waits()
        return (bool(lag) and not moved) or (not assigned and self._should_have_partitions())

    async def _mend(self, now: datetime) -> None:
        """Build the consumer anew, once per `rebuild_after`, while it stays deaf."""
        last = max(filter(None, (self._deaf_since, self._rebuilt_at)))
        if now - last >= self._rebuild_after and not self._consumer.is_leaving:
            self._rebuilt_at = now
            self._desk.metrics.consumers_rebuilt.inc()
            log.error("the consumer is deaf and is built anew", deaf_seconds=self.deaf_for(now))
            await self._consumer.rebuild()

    def _should_have_partitions(self) -> bool:
        """A replica beyond the partition count is a spare and rightly has none."""
        return (self._replica or 0) < max(self._desk.partitions.values(), default=1)

    async def _fresh_client_hears(self) -> bool:
        """Whether the broker answers somebody who has just come."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._brokers, request_timeout_ms=5_000)
        try:
            await bounded(admin.start(), 5)
            await bounded(admin.list_topics(), 5)
        except (KafkaError, OSError, TimeoutError):
            return False
        finally:
            await _close(admin)
        return True

    def _see_to_its_share(self, kafka: Fetching, assigned: Sequence[TopicPartition]) -> None:
        """Where a topic is missing from its share, ask for a new one; once, for with many replicas it may be right."""
        if self._asked is kafka or not kafka.has_joined or not self._should_have_partitions():
            return
        missing = set(self._desk.fold.topics) - {tp.topic for tp in assigned}
        if missing:
            self._asked = kafka
            log.info("asks for a new share", without=sorted(missing))
            kafka.ask_for_a_new_share()

    def _learn_partitions(self, kafka: Fetching) -> None:
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


async def _close(admin: AIOKafkaAdminClient) -> None:
    try:
        await bounded(admin.close(), 3)
    except (KafkaError, OSError, TimeoutError):
        log.warning("a client would not close")
