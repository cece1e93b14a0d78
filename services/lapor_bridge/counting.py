"""What the bridge counts for its metrics: for how long LAPOR is away, and what waits for a person."""

from collections.abc import Mapping
from datetime import datetime

from services.lapor_bridge import store
from shared.database import Connection

GAUGES: Mapping[str, str] = {
    "simpul_lapor_away_seconds": "For how long SP4N-LAPOR gives no answer that can be used; 0 while it does",
    "simpul_lapor_unfinished_seconds": "Age of the oldest write to SP4N-LAPOR that is not done and not stuck",
    "simpul_lapor_stuck_writes": "Writes to SP4N-LAPOR that wait for a person",
    "simpul_lapor_diverged": "Fields in which a complaint and its report differ",
    "simpul_lapor_exposed": "Those of them that are about what must not be public",
}


async def count(connection: Connection, now: datetime) -> tuple[float, ...]:
    """The numbers, in the order of `GAUGES`."""
    away = await store.away(connection)
    oldest = await store.oldest_waiting(connection)
    diverged = await store.count_diverged(connection)
    return (
        (now - away.since).total_seconds() if away else 0.0,
        (now - oldest).total_seconds() if oldest else 0.0,
        await store.count_stuck(connection),
        sum(diverged.values()),
        sum(diverged.get(flag, 0) for flag in ("anonymous", "confidential")),
    )
