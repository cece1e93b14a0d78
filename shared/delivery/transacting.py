"""A service's transactions: complaints locked, the clock read once, facts folded; and what came of it counted."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

import structlog

from shared import clock
from shared.database import Connection, Pool, Transaction
from shared.delivery import keys, restoring
from shared.delivery.fold import Fold
from shared.delivery.folding import Folding, Outcome
from shared.delivery.metrics import Metrics
from shared.delivery.reading import Item, located
from shared.sealing import Seal

S = TypeVar("S")
C = TypeVar("C")

log = structlog.get_logger(__name__)


@dataclass
class Transacting(Generic[S, C]):
    """What every room of the desk stands on. `seals`: the seal for dead letters of a topic, where one is due."""

    name: str
    pool: Pool
    fold: Fold[S, C]
    epoch: int
    metrics: Metrics
    seals: Callable[[str], Seal | None]
    clock: Callable[[], datetime] = field(default=clock.now, kw_only=True)
    said: asyncio.Event = field(default_factory=asyncio.Event, kw_only=True)
    """Set when something was said: the relay's wake-up within this process."""

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Connection, None]:
        """A connection for reading."""
        async with self.pool.acquire() as connection:
            yield connection

    @asynccontextmanager
    async def _folding(
        self,
        named: Sequence[UUID] | set[UUID],
        *,
        now: datetime | None = None,
        lock_timeout: float | None = None,
        strict: bool = False,
    ) -> AsyncGenerator[Folding[S, C], None]:
        """A transaction that folds: key rows locked, everything in it or nothing."""
        async with self.pool.acquire() as connection, connection.transaction():
            if lock_timeout is not None:
                await connection.execute(f"SET LOCAL lock_timeout = '{int(lock_timeout * 1000)}ms'")
            yield await self._begin(connection, named, now=now, strict=strict)

    @asynccontextmanager
    async def _folding_of(
        self, read_items: Sequence[Item]
    ) -> AsyncGenerator[tuple[Folding[S, C], list[Item]], None]:
        """A transaction that folds these items, each with its complaint named and locked."""
        async with self.pool.acquire() as connection, connection.transaction():
            items = await located(connection, read_items, self.fold)
            yield await self._begin(connection, complaints_of(items)), items

    async def _begin(
        self,
        tx: Transaction,
        named: Sequence[UUID] | set[UUID],
        *,
        now: datetime | None = None,
        strict: bool = False,
    ) -> Folding[S, C]:
        """Lock the key rows, then read the clock, once: that reading is `now` for all of the transaction."""
        rows = await keys.lock(tx, named)
        wall = self.clock()
        return Folding(
            tx,
            self.fold,
            rows,
            city=await self.fold.city(tx),
            now=now or wall,
            today=wall.date(),
            epoch=self.epoch,
            seals=self.seals,
            strict=strict,
            said_before=await restoring.said_before(tx, named) if self.epoch > 1 else {},
        )

    def _account(self, outcome: Outcome[S]) -> None:
        """Count it, log what failed, and wake the relay."""
        counts = {
            "applied": len(outcome.applied),
            "repeat": outcome.repeats,
            "skipped": len(outcome.skipped),
            "waiting": len(outcome.waiting),
            "refused": len(outcome.refused),
            "dead": len(outcome.dead),
        }
        for name, count in counts.items():
            if count:
                self.metrics.records.labels(name).inc(count)
        for item in outcome.dead:
            log.error("dead letter", key=str(item.key), **_where(item), reason=item.problem)
        for item in outcome.failed:
            self.metrics.failed.inc()
            log.error("fact failed", key=str(item.key), fact=type(item.fact).__name__, reason=item.problem)
        if outcome.said:
            self.metrics.said.inc(outcome.said)
            self.said.set()


def complaints_of(items: Sequence[Item]) -> set[UUID]:
    return {item.key for item in items if item.key is not None}


def _where(item: Item) -> dict[str, object]:
    record = item.record
    if record is None:
        return {}
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}
