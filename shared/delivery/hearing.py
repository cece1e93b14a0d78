"""Hearing: batches of records folded, each in one transaction; and when too much fails, the stop."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import asyncpg

from shared.database import Transaction, is_overtaken, refuses_the_row
from shared.delivery.folding import Outcome
from shared.delivery.reading import read
from shared.delivery.record import Record
from shared.delivery.releasing import Releasing
from shared.delivery.streak import Streak

S = TypeVar("S")
C = TypeVar("C")


class Overtaken(Exception):
    """A newer version of this service is taking over, and this one met what it cannot work: left to its successor."""


class Stopped(Exception):
    """Too many complaints failed in a row: the batch is rolled back, the consumer waits for an operator."""


@dataclass
class Hearing(Releasing[S, C]):
    """The desk's room for the consumer; a number that was missing and is heard frees what waited for it."""

    _streak: Streak = field(default_factory=Streak, init=False)
    _pardoned: bool = field(default=False, init=False)

    async def batch(self, records: Sequence[Record]) -> Outcome[S]:
        """Fold a batch of records in one transaction; commit. Raises Stopped, Overtaken, or whatever is transient.

        The happy path takes no savepoint; only when PostgreSQL refuses a row is the batch begun again and
        halved until the bad row stands alone.
        """
        read_items = [read(record, self.fold) for record in records]
        await self.fold.look_into(item.fact for item in read_items)
        try:
            async with self._folding_of(read_items) as (folding, items):
                outcome = await folding.attempt(items)
                streak = await self._judged(folding.tx, outcome)
        except asyncpg.PostgresError as error:
            if not refuses_the_row(error):
                raise
            self.metrics.bisected.inc()
            async with self._folding_of(read_items) as (folding, items):
                outcome = await folding.settle(items)
                streak = await self._judged(folding.tx, outcome)
        self._streak, self._pardoned = streak, False
        self._account(outcome)
        for key, topic in outcome.closing:
            await self.release(key, topic)
        return outcome

    async def _judged(self, tx: Transaction, outcome: Outcome[S]) -> Streak:
        """The streak after this batch. Raises Stopped or Overtaken in the transaction, so that it is rolled back."""
        if self._pardoned:
            return Streak()
        went_wrong = (outcome.dead or outcome.refused) and not all(well for _, well in outcome.trail)
        if went_wrong and await is_overtaken(tx, self.name):
            raise Overtaken
        streak = self._streak.after(outcome.trail)
        if (reason := streak.stops) is not None:
            raise Stopped(f"{reason}; the first: {outcome.dead[0].problem}" if outcome.dead else reason)
        return streak

    async def why_stopped(self) -> str | None:
        """Why the consumer of this service stopped itself; None where it runs."""
        async with self.read() as connection:
            reason: str | None = await connection.fetchval("SELECT reason FROM delivery.stops")
            return reason

    def pardon(self) -> None:
        """An operator resumed: the next batch goes through, its failures to the dead letters."""
        self._streak, self._pardoned = Streak(), True

    async def remember_stop(self, reason: str) -> None:
        """Stay stopped over restarts, until an operator resumes."""
        self._streak = Streak()
        await self.pool.execute(
            "INSERT INTO delivery.stops (since, reason) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            self.clock(),
            reason,
        )
