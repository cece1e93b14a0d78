"""The sweep: says what time alone has brought about, up to the watermark."""

from datetime import timedelta

from services.sla_monitor import store
from services.sla_monitor.domain.registry import Registry
from services.sla_monitor.domain.rules import Swept
from services.sla_monitor.domain.watched import Watched
from shared.delivery.desk import Desk

MOST = 1000
"""Complaints in one transaction."""

IDLE_SECONDS = 0.5

AGAIN_AFTER = timedelta(minutes=10)
"""When a complaint whose rule failed is looked at again; the frame has counted and logged the failure."""


async def sweep(desk: Desk[Watched, Registry]) -> float:
    """One turn: up to MOST complaints whose instant the watermark has reached. Seconds until the next turn.

    Found without a lock, then locked in key order as everybody does, then looked at again: another replica
    may have swept them meanwhile, a fact may have moved them, a stream may have parked.
    """
    async with desk.read() as connection:
        watermark = await desk.watermark(connection)
        found = await store.due_keys(connection, watermark, MOST) if watermark is not None else []
    if not found or watermark is None:
        return IDLE_SECONDS
    async with desk.transaction(found, now=watermark) as work:
        due = await store.still_due(work.tx, found, watermark)
        await work.apply([(key, Swept()) for key in due])
        failed = [item.key for item in work.outcome.failed if item.key is not None]
        if failed:
            await store.postpone(work.tx, failed, watermark + AGAIN_AFTER)
    return 0.0 if len(found) == MOST else IDLE_SECONDS
