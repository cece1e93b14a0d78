"""Adopting: when the city loads another calendar, the clocks that still run count by it.

A decree that moves a holiday moves the deadlines of everybody who is waiting, not only of those who come later.
A policy, in contrast, stays the one a clock was started by.
"""

from services.sla_monitor import store
from services.sla_monitor.domain.registry import Registry
from services.sla_monitor.domain.rules import CalendarAdopted
from services.sla_monitor.domain.watched import Watched
from shared.delivery.desk import Desk

MOST = 500
"""Complaints in one transaction."""

IDLE_SECONDS = 10.0


async def adopt(desk: Desk[Watched, Registry]) -> float:
    """One turn: up to MOST complaints that count by an older calendar. Seconds until the next turn."""
    async with desk.read() as connection:
        found = await store.counted_by_older(connection, MOST)
    if not found:
        return IDLE_SECONDS
    async with desk.transaction(found) as work:
        await work.apply([(key, CalendarAdopted()) for key in found])
        failed = len(work.outcome.failed)
    return 0.0 if len(found) == MOST and not failed else IDLE_SECONDS
