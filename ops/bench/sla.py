"""The monitor on the day that many deadlines end: open clocks in its store, a part of them due in one second."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from ops.bench.chain import listening
from ops.bench.events import publish
from ops.bench.measuring import Size, Spread
from ops.bench.report import Figure
from ops.bench.scene import Scene
from ops.refusal import Refusal

COMPLAINTS = 500_000
"""Each with two open clocks, verify and resolution."""

DUE = 100_000
AHEAD = 8.0
"""Seconds from the end of the preparations to the instant at which they are due."""

AGO = timedelta(days=14)
"""When they were received: the verify clock has run out since, and was not looked at yet."""

A_DAY = "86400"
"""Seconds to settle: nothing is said of what was overdue when it was first seen."""

COPY = """
INSERT INTO complaints (complaint_id, ticket, history, told, stated, counted_by)
SELECT gen_random_uuid(), t, jsonb_set(history, '{{received,ticket}}', to_jsonb(t)), told,
    jsonb_set(stated, '{{ticket}}', to_jsonb(t)), counted_by
FROM (SELECT * FROM complaints ORDER BY complaint_id LIMIT 1) AS one, generate_series(1, {count}) AS n,
LATERAL (SELECT 'B' || lpad(n::text, 10, '0') AS t) AS named;
INSERT INTO delivery.keys (key, heard_intake, said, next_due_at)
SELECT complaint_id, k.heard_intake, k.said, 'infinity' FROM complaints
CROSS JOIN (SELECT heard_intake, said FROM delivery.keys ORDER BY key LIMIT 1) AS k
ON CONFLICT DO NOTHING;
"""

PLAIN = """
CREATE TABLE plain AS SELECT complaint_id, ticket, history, told, stated FROM complaints LIMIT {count};
ALTER TABLE plain ADD PRIMARY KEY (complaint_id);
"""


async def measure(scene: Scene, size: Size) -> list[Figure]:
    """One hub full of clocks; each run makes others of them due."""
    due = size.events(DUE)
    await _fill(scene, size.events(COMPLAINTS), due)
    took, late, plain, twice = [], [], [], 0
    for _ in range(size.runs):
        plain.append(await _update(scene))
        seconds, first, again = await _breach(scene, due)
        took.append(seconds)
        late.append(first * 1000)
        twice += again
    return [
        Figure("sla", f"until {due:,} breaches are published", "s", Spread.of(took), 6, "at most"),
        Figure("sla", "the first of them is late by", "ms", Spread.of(late), 300, "at most"),
        Figure("sla", f"yardstick: one UPDATE of {due:,} rows", "s", Spread.of(plain)),
        Figure("sla", "breaches said more than once", "", Spread.of([twice]), 0, "at most"),
    ]


async def _fill(scene: Scene, complaints: int, due: int) -> None:
    """One complaint through the monitor, whose deadline is not spoken of yet; then as many like it as are wanted."""
    await scene.start("sla_monitor", SIMPUL_SETTLE_SECONDS=A_DAY)
    async with scene.looking() as ends, scene.superuser("sla_monitor") as store:
        before = await ends.count("sla.state")
        await publish(scene.bootstrap, "sla", 1, ago=AGO)
        await ends.until("sla.state", before + 1, 60)
        await scene.stop("sla_monitor")
        if not await store.fetchval("SELECT count(*) FROM complaints"):
            raise Refusal("the monitor knows no complaint")
        await store.execute(COPY.format(count=complaints))
        await store.execute("DROP TABLE IF EXISTS plain")
        await store.execute(PLAIN.format(count=due))
        await store.execute("TRUNCATE untallied")
        await store.execute("VACUUM ANALYZE complaints")
        await store.execute("VACUUM ANALYZE delivery.keys")
    await scene.start("sla_monitor", SIMPUL_SETTLE_SECONDS="5")


async def _update(scene: Scene) -> float:
    """The yardstick: seconds for one plain UPDATE of as many rows of that size."""
    async with scene.superuser("sla_monitor") as store:
        began = time.monotonic()
        await store.execute("UPDATE plain SET told = told || '{}'", timeout=300)
        return time.monotonic() - began


async def _breach(scene: Scene, due: int) -> tuple[float, float, int]:
    """Make so many due at one instant: seconds until all are published, until the first one is; said twice."""
    async with listening(scene, due, "sla") as heard, scene.superuser("sla_monitor") as store:
        at = datetime.fromtimestamp(time.time() + AHEAD, UTC)
        marked = await store.execute(
            "UPDATE delivery.keys SET next_due_at = $1 WHERE key IN"
            " (SELECT key FROM delivery.keys WHERE next_due_at = 'infinity' LIMIT $2)",
            at,
            due,
            timeout=300,
        )
        if time.time() > at.timestamp():  # a slow machine: they were due before they were marked
            at = datetime.fromtimestamp(time.time(), UTC)
        if marked != f"UPDATE {due}":
            raise Refusal(f"fewer clocks are left than are to be due: {marked}")
        told = await heard
    instants = told["breached"].values()
    if len(instants) < due:
        raise Refusal(f"only {len(instants)} of {due} breaches were published")
    await asyncio.sleep(1)
    begin = at.timestamp()
    return max(instants) - begin, min(instants) - begin, sum(int(n) - 1 for n in told["times"].values())
