"""Work of a service's own: what a loop states, or finds to be due, done under the locks of its complaints."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

import asyncpg

from shared.database import Transaction
from shared.delivery.folding import Folding, Outcome
from shared.delivery.keys import KeyRow
from shared.delivery.reading import handed_in
from shared.delivery.transacting import Transacting
from shared.events.fact import Event, Fact

S = TypeVar("S")
C = TypeVar("C")


class Busy(Exception):
    """Somebody else holds this complaint's row; nothing was done, try again (503)."""


class Work(Generic[S, C]):
    """A transaction with its key rows locked; what else is written through `tx` commits with it."""

    def __init__(self, folding: Folding[S, C]) -> None:
        self._folding = folding
        self.tx: Transaction = folding.tx
        self.now: datetime = folding.now
        self.outcome: Outcome[S] = Outcome()

    @property
    def rows(self) -> Mapping[UUID, KeyRow]:
        """The locked key rows."""
        return self._folding.rows

    async def apply(self, facts: Sequence[tuple[UUID, Fact]]) -> Mapping[UUID, S]:
        """Fold these facts in order; the states that follow. One that fails is left out and counted."""
        outcome = await self._folding.settle([handed_in(key, fact) for key, fact in facts])
        self.outcome = self.outcome.joined(outcome)
        return outcome.states

    async def say(self, says: Sequence[tuple[UUID, Event]]) -> None:
        """Say what a loop states, each event under its locked key."""
        await self._folding.say(says)
        self.outcome.said += len(says)


@dataclass
class Working(Transacting[S, C]):
    """The desk's room for loops, and for whoever writes more than a fold does."""

    async def hand_in(
        self, facts: Sequence[tuple[UUID, Fact]], *, now: datetime | None = None
    ) -> Sequence[tuple[UUID, Fact]]:
        """Fold facts about many complaints in one transaction; a loop may bring its own `now`.

        Those that no rule could work are given back (counted and logged they are): they changed nothing, so whoever
        found them due must put them off.
        """
        async with self.transaction([key for key, _ in facts], now=now) as work:
            await work.apply(facts)
        return [
            (item.key, item.fact)
            for item in work.outcome.failed
            if item.key is not None and item.fact is not None
        ]

    @asynccontextmanager
    async def transaction(
        self, named: Sequence[UUID], *, now: datetime | None = None, lock_timeout: float | None = None
    ) -> AsyncGenerator[Work[S, C], None]:
        """Lock these complaints, and do what is done to `Work` in one transaction.

        Raises Busy where a row stays locked for `lock_timeout` seconds.
        """
        try:
            async with self._folding(named, now=now, lock_timeout=lock_timeout) as folding:
                work = Work(folding)
                yield work
        except asyncpg.LockNotAvailableError:
            raise Busy from None
        self._account(work.outcome)
