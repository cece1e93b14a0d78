"""The loop that brings the keys of complaints under the newest master key, and old rows under keys of their own."""

from typing import Any
from uuid import UUID

import structlog

from services.intake import vault
from shared.delivery.desk import Desk
from shared.sealing import Seal

AT_ONCE = 50
PAUSE = 60.0

log = structlog.get_logger(__name__)


class Rewrap:
    """Goes through all complaints, again and again; after a change of masters it re-wraps small keys only."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self._after = UUID(int=0)
        self._lost = 0

    async def turn(self, desk: Desk[Any, Any]) -> float:
        """Some complaints, each under its lock; seconds until the next turn."""
        async with desk.read() as connection:
            found = await vault.to_move(connection, self._after, self._seal, AT_ONCE)
        for complaint in found:
            try:
                async with desk.transaction([complaint]) as work:
                    await vault.move(work.tx, complaint, self._seal)
            except ValueError:  # this one's master is gone; the others go on
                self._lost += 1
        if found:
            self._after = found[-1]
            return 0.0
        if self._lost:
            log.error("sealed by a master key that is not in the file", complaints=self._lost)
        self._after, self._lost = UUID(int=0), 0
        return PAUSE
