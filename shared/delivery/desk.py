"""The desk: the one way into a service's stores, for batches, commands, loops and releases."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from shared.database import Connection
from shared.delivery import watermark
from shared.delivery.commanding import Applied, Commanding
from shared.delivery.hearing import Hearing, Overtaken, Stopped
from shared.delivery.posting import Poster
from shared.delivery.repeating import Repeating, Restate
from shared.delivery.working import Busy, Work, Working

__all__ = ["Applied", "Busy", "Desk", "Overtaken", "Restate", "Stopped", "Work"]

S = TypeVar("S")
C = TypeVar("C")


async def _nothing() -> None:
    return None


@dataclass
class Desk(Hearing[S, C], Commanding[S, C], Working[S, C], Repeating[S, C]):
    """Delivery as one service runs it. Its rooms share the transaction that locks first (`transacting.py`)."""

    poster: Poster
    """For topics that are not this service's own (the bridge's submissions)."""
    restored_at: datetime | None = None
    """When this store was last restored from a backup: what it did outside shortly before, it may not know."""
    keep_watermark: Callable[[], Awaitable[None]] = _nothing
    """Bring up to now what `watermark` knows of this replica's own partitions; what a consumer's watch does."""
    partitions: Mapping[str, int] = field(default_factory=dict)
    """How many partitions each input topic has, as the broker says; empty until it was asked."""

    async def watermark(self, connection: Connection) -> datetime | None:
        """Up to when all input has been applied (DESIGN §5); None while a partition is yet unheard of."""
        return await watermark.lowest(connection, self.partitions)
