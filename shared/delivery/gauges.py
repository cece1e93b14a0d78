"""The gauges that only the store knows: outbox, dead letters, parked keys; and the partitions of next month."""

from typing import Any

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
