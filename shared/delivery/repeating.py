"""Repeating: the present state said once more, and what a backup brought back forgotten once more."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

import structlog

from shared.database import Connection
from shared.delivery.folding import Folding
from shared.delivery.transacting import Transacting
from shared.events.fact import Event
from shared.events.words import Scope

S = TypeVar("S")
C = TypeVar("C")

Restate = Callable[[Connection, Sequence[UUID]], Awaitable[Sequence[tuple[UUID, Event]]]]
"""(tx, keys) -> the present state of these complaints, as events for a compacted topic."""

log = structlog.get_logger(__name__)


@dataclass
class Repeating(Transacting[S, C]):
    """The desk's room for what is done again though nothing new was heard."""

    restate: Restate | None = field(default=None, kw_only=True)
    """For a compacted topic: what the present state of some complaints is, to be said again."""

    async def say_again(self, named: Sequence[UUID]) -> int:
        """Say the present state of these complaints once more, under their locks; how many were said."""
        async with self._folding(named) as folding:
            said = await self._say_again(folding, named)
        self.said.set()
        return said

    async def say_again_what_is_wanted(self) -> float:
        """One turn: the present state of up to 500 complaints that `./simpul republish` asks for; seconds until
        the next."""
        async with self.read() as connection:
            rows = await connection.fetch("SELECT key FROM delivery.restating ORDER BY key LIMIT 500")
        if not rows:
            return 1.0
        named = [row[0] for row in rows]
        async with self._folding(named) as folding:
            still = await folding.tx.fetch(
                "DELETE FROM delivery.restating WHERE key = ANY($1::uuid[]) RETURNING key", named
            )
            await self._say_again(folding, sorted(row[0] for row in still))
        self.said.set()
        return 0.0

    async def _say_again(self, folding: Folding[S, C], named: Sequence[UUID]) -> int:
        if self.restate is None:
            return 0
        says = await self.restate(folding.tx, named)
        await folding.say(says)
        return len(says)

    async def erase_what_came_back(self) -> float:
        """One turn: up to 500 complaints that a backup brought back are forgotten again; seconds until the next."""
        async with self.read() as connection:
            rows = await connection.fetch("SELECT key, scope FROM delivery.erasing ORDER BY key LIMIT 500")
        if not rows:
            return 5.0
        scopes: dict[UUID, Scope] = {row["key"]: row["scope"] for row in rows}
        async with self._folding(sorted(scopes)) as folding:
            await folding.forget(scopes)
            await folding.tx.execute("DELETE FROM delivery.erasing WHERE key = ANY($1::uuid[])", list(scopes))
        log.info("erased again what a backup brought back", complaints=len(scopes))
        return 0.0
