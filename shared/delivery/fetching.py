"""Fetching: an aiokafka consumer that loses nothing when a fetch fails, and knows what is not applied yet."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint

EMPTY_MS = 1000
"""How long one poll waits where nothing comes; a record that comes ends the wait at once."""

HELD_MS, HELD_IDLE_MS = 100, 2000
"""How long the broker holds a fetch for which it has nothing, while records come and while none do.

A record ends it at once, if its partition is in that fetch. While records come it may not be, because some of
its records were still waiting here: then it waits for this fetch to end. When a poll was empty, all are in it.
"""

Batch = dict[TopicPartition, list[ConsumerRecord]]


class Fetching(AIOKafkaConsumer):  # type: ignore[misc]
    """What FastStream's subscriber polls.

    aiokafka decodes records while it hands them out. What it cannot decode raises out of `getmany` after the
    positions of all partitions drained in that call have moved on, and those records would be gone without a
    trace at the next commit. Here the positions are put back. The one such record that any client may write, with
    a header *name* that is not UTF-8, is read all the same (`_ForgivingBatch`).
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._handed: dict[TopicPartition, int] = {}
        self.handed_ms: int | None = None
        """The time of the oldest record of the batch that is being worked; None between batches."""

    def next_to_apply(self, partition: TopicPartition) -> int | None:
        """The offset below which everything is applied here; None while that is not known.

        The first offset of the batch that is being worked, else the consumer's own position, which passes over
        what no record will ever have (transaction markers, what retention took).
        """
        return self._handed.get(partition, self._position(partition))

    @property
    def has_joined(self) -> bool:
        """Whether its group has given it a share, be it an empty one."""
        return bool(self._coordinator.generation > 0)

    def ask_for_a_new_share(self) -> None:
        """Have the group share its partitions anew, if this member leads it; else nothing happens.

        Who takes the place of a static member is handed the share that this one had (KIP-345): an empty one where
        there was no topic yet, or one without the topics that only the new version hears. It stays so until the
        leader asks, and its own look for new topics sees none, for they are not new to it (KIP-814).
        """
        self._coordinator.request_rejoin()

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> Batch:
        """As aiokafka's; asked again, so the batch before was either committed or given back by a seek."""
        self._handed, self.handed_ms = {}, None
        before = self._positions()
        try:
            wait = max(timeout_ms, EMPTY_MS)
            batch: Batch = await super().getmany(*partitions, timeout_ms=wait, max_records=max_records)
        except Exception:
            self._rewind(before)
            raise
        self._fetcher._fetch_max_wait_ms = HELD_MS if batch else HELD_IDLE_MS
        self._handed = {tp: records[0].offset for tp, records in batch.items() if records}
        self.handed_ms = min((r.timestamp for records in batch.values() for r in records), default=None)
        return batch

    def _positions(self) -> dict[TopicPartition, int]:
        found = {tp: self._position(tp) for tp in self.assignment()}
        return {tp: offset for tp, offset in found.items() if offset is not None}

    def _position(self, partition: TopicPartition) -> int | None:
        """Without asking the broker: None while the position is still being looked up."""
        subscription = self._subscription.subscription
        assignment = subscription.assignment if subscription is not None else None
        if assignment is None or partition not in assignment.tps:
            return None
        state = assignment.state_value(partition)
        position: int | None = state.position if state.has_valid_position else None
        return position

    def _rewind(self, before: Mapping[TopicPartition, int]) -> None:
        """A partition whose position became known only since goes back to where its group stands, as if new."""
        for tp in self.assignment():
            now = self._position(tp)
            if now is None or now == before.get(tp):
                continue
            if tp in before:
                self.seek(tp, before[tp])
            else:
                self._fetcher.request_offset_reset([tp], None)


class _ForgivingRecords(_MemoryRecordsPy):  # type: ignore[misc]
    """What a fetch brought, batch by batch; aiokafka's own class, with batches that forgive."""

    def next_batch(self) -> object:
        batch: memoryview | None = self._next_slice
        self._cache_next()
        if batch is None:
            return None
        magic = batch[self.MAGIC_OFFSET]
        return _ForgivingBatch(batch) if magic >= 2 else LegacyRecordBatch(batch, magic)


class _ForgivingBatch:
    """A batch read by aiokafka's C decoder; from a header name that it cannot take on, by a patient one.

    Has what aiokafka's fetcher asks of a batch.
    """

    def __init__(self, batch: memoryview) -> None:
        self._bytes = batch
        self._quick = DefaultRecordBatch(batch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._quick, name)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._quick:
                yield record
                read += 1
        except UnicodeDecodeError:
            yield from islice(_PatientBatch(self._bytes), read, None)

    def __next__(self) -> Any:
        return next(self._quick)


class _PatientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """Reads header names that are not UTF-8, with the odd bytes escaped; for the rest as aiokafka in Python."""

    _pos: int

    def _read_msg(self, decode_varint: Any = decode_varint) -> _DefaultRecordPy:
        # Record => Length Attributes TimestampDelta OffsetDelta Key Value [HeaderKey HeaderValue]
        at: int = self._pos

        def number() -> int:
            nonlocal at
            value, at = decode_varint(self._buffer, at)
            return int(value)

        def some_bytes() -> bytes | None:
            nonlocal at
            size = number()
            if size < 0:
                return None
            at += size
            return bytes(self._buffer[at - size : at])

        number()
        number()
        timestamp = self.first_timestamp + number()
        offset = self.base_offset + number()
        key, value = some_bytes(), some_bytes()
        headers = [
            ((some_bytes() or b"").decode("utf-8", "backslashreplace"), some_bytes()) for _ in range(number())
        ]
        self._pos = at
        if self.timestamp_type == self.LOG_APPEND_TIME:
            timestamp = self.max_timestamp
        return _DefaultRecordPy(offset, timestamp, self.timestamp_type, key, value, headers)


fetcher.MemoryRecords = _ForgivingRecords
"""There is no door to hand it in by: aiokafka's fetcher looks the class up in its own module."""
