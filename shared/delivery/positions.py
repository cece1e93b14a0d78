"""How far this replica's consumer is on each of its partitions, in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.delivery.record import Record

Partition = tuple[str, int]


@dataclass
class Positions:
    """Per partition: `applied`, the next offset to apply; `last_ms`, the time of the last record applied."""

    applied: dict[Partition, int] = field(default_factory=dict)
    last_ms: dict[Partition, int] = field(default_factory=dict)
    in_hand_ms: int | None = None
    """The time of the oldest record of the batch that is being worked; None between batches."""
    batches: int = 0
    """How many batches were applied since the process began."""

    def taken(self, records: Iterable[Record]) -> None:
        self.in_hand_ms = min(record.timestamp for record in records)

    def done(self, records: Iterable[Record]) -> None:
        """These are applied and committed in the store."""
        for record in records:
            place = (record.topic, record.partition)
            self.applied[place] = record.offset + 1
            self.last_ms[place] = record.timestamp
        self.in_hand_ms = None
        self.batches += 1

    def keep_only(self, assigned: set[Partition]) -> None:
        """Forget partitions that another replica has now: what it applies we do not see."""
        for gone in self.applied.keys() - assigned:
            del self.applied[gone]
            self.last_ms.pop(gone, None)
