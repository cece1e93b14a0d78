"""The gauges that only the store knows: outbox, dead letters, parked keys, and each service's own; and the
partitions of next month."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from prometheus_client import Gauge

from shared.database import Connection
from shared.delivery import republishing, saying
from shared.delivery.desk import Desk


async def refresh(desk: Desk[Any, Any]) -> float:
    """One turn, every 5 seconds."""
    now = desk.clock()
    async with desk.pool.acquire() as connection:
        waiting = await connection.fetchval("SELECT count(*) FROM delivery.outbox")
        oldest = await republishing.oldest_unpublished(connection)
        dead = await connection.fetchrow(
            "SELECT count(*), min(since) FROM delivery.dead_letters WHERE status IN ('open', 'releasing')"
        )
        parked = await connection.fetch(
            "SELECT p.why ->> 'cause', count(DISTINCT k.key) FROM delivery.keys AS k"
            " CROSS JOIN LATERAL jsonb_each(k.parked) AS p (topic, why) WHERE k.parked IS NOT NULL GROUP BY 1"
        )
        await saying.make_months(connection, now.date())
    assert dead is not None
    metrics = desk.metrics
    metrics.outbox.set(waiting)
    metrics.outbox_age.set((now - oldest).total_seconds() if oldest else 0)
    metrics.dead.set(dead[0])
    metrics.dead_age.set((now - dead[1]).total_seconds() if dead[1] else 0)
    causes = {"gap": 0, "unworkable": 0} | {row[0]: row[1] for row in parked}
    for cause, count in causes.items():
        metrics.parked.labels(cause).set(count)
    metrics.stopped.set(1 if await desk.why_stopped() else 0)
    return 5.0


class Counting:
    """A loop that keeps a service's own gauges: name → what it is, and the numbers for them in that order.

    They are made when its desk is there: the registry is the process's.
    """

    def __init__(
        self,
        told: Mapping[str, str],
        count: Callable[[Connection, datetime], Awaitable[Sequence[float]]],
        *,
        seconds: float = 15.0,
    ) -> None:
        self._told = told
        self._count = count
        self._seconds = seconds
        self._gauges: list[Gauge] = []

    async def turn(self, desk: Desk[Any, Any]) -> float:
        """One turn; seconds until the next."""
        if not self._gauges:
            registry = desk.metrics.registry
            self._gauges = [Gauge(name, what, registry=registry) for name, what in self._told.items()]
        async with desk.read() as connection:
            counts = await self._count(connection, desk.clock())
        for gauge, count in zip(self._gauges, counts, strict=True):
            gauge.set(count)
        return self._seconds
