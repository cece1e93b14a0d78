"""The sweep: says what time alone has brought about, up to the watermark."""

from datetime import datetime, timedelta

from services.sla_monitor import store
from services.sla_monitor.domain.registry import Registry
from services.sla_monitor.domain.rules import Swept
from services.sla_monitor.domain.watched import Watched
from shared.delivery.desk import Desk

MOST = 1000
"""Complaints in one transaction."""

FIRST = 100
"""Complaints in a transaction after a pause: what is due first need not wait for a whole thousand."""

IDLE_SECONDS = 2.0
"""How often it looks while nothing is due, and so how late it may learn of an instant that near."""

_A_MOMENT = timedelta(milliseconds=5)
"""Behind the due instant, so that a timer that is early has not to be set again."""

AGAIN_AFTER = timedelta(minutes=10)
"""When a complaint whose rule failed is looked at again; the frame has counted and logged the failure."""


class Sweep:
    """The loop. It sleeps until the next due instant, and then has the watermark brought up to it.

    Every replica does so at the same instant, each for its own partitions. `idle`: seconds it sleeps at most.
    """

    def __init__(self, idle: float = IDLE_SECONDS) -> None:
        self._idle = idle
        self._most = FIRST

    async def turn(self, desk: Desk[Watched, Registry]) -> float:
        """Up to MOST complaints whose instant the watermark has reached. Seconds until the next turn.

        Found without a lock, then locked in key order as everybody does, then looked at again: another replica
        may have swept them meanwhile, a fact may have moved them, a stream may have parked.
        """
        await desk.keep_watermark()
        async with desk.read() as connection:
            watermark = await desk.watermark(connection)
            found = await store.due_keys(connection, watermark, self._most) if watermark is not None else []
            next_due = None if found else await store.next_due(connection)
        if not found or watermark is None:
            self._most = FIRST
            return wait_for(next_due, desk.clock(), self._idle)
        async with desk.transaction(found, now=watermark) as work:
            due = await store.still_due(work.tx, found, watermark)
            await work.apply([(key, Swept()) for key in due])
            failed = [item.key for item in work.outcome.failed if item.key is not None]
            if failed:
                await store.postpone(work.tx, failed, watermark + AGAIN_AFTER)
        self._most = MOST
        return 0.0


def wait_for(next_due: datetime | None, now: datetime, idle: float = IDLE_SECONDS) -> float:
    """Seconds until it is worth looking again. Pure.

    What is due already waits for the watermark, because some input is not applied so far: the longer it has
    waited, the less often it is looked at.
    """
    if next_due is None:
        return idle
    ahead = (next_due + _A_MOMENT - now).total_seconds()
    return min(idle, ahead if ahead > 0 else max(0.02, -ahead))
