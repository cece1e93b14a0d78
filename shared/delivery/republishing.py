"""Saying again what was said: for readers that came late, for gaps, for a Kafka that was lost (DESIGN §4.5).

The same ids and numbers go out again, in order; readers drop what they have. Rows of `said` go back into the
outbox under the complaint's lock, so that whatever is said meanwhile comes after them, and the relay publishes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared import audit
from shared.database import Connection
from shared.events.catalogue import OWNER_TOPICS

KEYS_AT_ONCE = 500
"""Complaints in one transaction."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to say again. `topics`: of these alone; `since`: from the first event of that instant on, per complaint."""

    keys: Sequence[UUID] | None = None
    topics: Sequence[str] | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What one turn did. `beheaded`: complaints whose first numbers are no longer kept. `last`: where to go on."""

    complaints: int
    events: int
    restated: int
    beheaded: int
    last: UUID | None


async def put_back(
    connection: Connection, wanted: Wanted, compacted: Sequence[str], after: UUID | None
) -> Progress:
    """One turn: the next complaints behind `after`. Twice is harmless.

    On the topics in `compacted` an old value must not come after a newer one; there the running service says the
    present state instead.
    """
    keys = await _next_keys(connection, wanted, after)
    if not keys:
        return Progress(0, 0, 0, 0, None)
    async with connection.transaction():
        await connection.execute(
            "SELECT FROM delivery.keys WHERE key = ANY($1::uuid[]) ORDER BY key FOR UPDATE", keys
        )
        put = await connection.fetchrow(
            "WITH gone_back AS (INSERT INTO delivery.outbox AS o (position, month, key, again)"
            " SELECT s.position, s.month, s.key, 1 FROM delivery.said AS s"
            " LEFT JOIN (SELECT key, min(position) AS first FROM delivery.said"
            "   WHERE key = ANY($1::uuid[]) AND said_at >= $4 GROUP BY key) AS f ON f.key = s.key"
            " WHERE s.key = ANY($1::uuid[]) AND s.topic <> ALL($2::text[])"
            " AND ($3::text[] IS NULL OR s.topic = ANY($3)) AND ($4::timestamptz IS NULL OR s.position >= f.first)"
            " ORDER BY s.position ON CONFLICT (position) DO UPDATE SET again = o.again + 1 RETURNING key)"
            " SELECT count(*), count(DISTINCT key) FROM gone_back",
            keys,
            compacted,
            wanted.topics,
            wanted.since,
        )
        restated = await connection.fetchval(
            "WITH asked AS (INSERT INTO delivery.restating (key)"
            " SELECT DISTINCT key FROM delivery.said WHERE key = ANY($1::uuid[]) AND topic = ANY($2::text[])"
            " AND ($3::text[] IS NULL OR topic = ANY($3)) ON CONFLICT DO NOTHING RETURNING 1)"
            " SELECT count(*) FROM asked",
            keys,
            compacted,
            wanted.topics,
        )
        beheaded = await connection.fetchval(
            "SELECT count(*) FROM (SELECT key FROM delivery.said WHERE key = ANY($1::uuid[])"
            " AND topic = ANY($2::text[]) GROUP BY key HAVING min(sequence) % 1000000000000 <> 1) AS headless",
            keys,
            OWNER_TOPICS,
        )
    assert put is not None
    return Progress(put[1], put[0], restated, beheaded, keys[-1])


async def _next_keys(connection: Connection, wanted: Wanted, after: UUID | None) -> list[UUID]:
    if wanted.keys is not None:
        return sorted(key for key in wanted.keys if after is None or key > after)[:KEYS_AT_ONCE]
    rows = await connection.fetch(
        "SELECT DISTINCT key FROM delivery.said WHERE ($1::uuid IS NULL OR key > $1) ORDER BY key LIMIT $2",
        after,
        KEYS_AT_ONCE,
    )
    return [row[0] for row in rows]


async def waiting(connection: Connection) -> int:
    """How much is still to be published or said again."""
    found: int = await connection.fetchval(
        "SELECT (SELECT count(*) FROM delivery.outbox) + (SELECT count(*) FROM delivery.restating)"
    )
    return found


async def oldest_unpublished(connection: Connection) -> datetime | None:
    """When the first event was said that waits to be published for the first time; None where none does."""
    found: datetime | None = await connection.fetchval(
        "SELECT s.said_at FROM (SELECT month, position FROM delivery.outbox WHERE again = 0"
        " ORDER BY position LIMIT 1) AS o"
        " JOIN delivery.said AS s ON s.month = o.month AND s.position = o.position"
    )
    return found


async def is_led(connection: Connection, service: str) -> bool:
    """Whether some process of this service is there to publish."""
    led: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = $1 || '-relay')",
        service,
    )
    return led


async def oldest_month(connection: Connection) -> datetime | None:
    """The first month whose events are kept; None where nothing was said."""
    found: datetime | None = await connection.fetchval("SELECT min(month) FROM delivery.said")
    return found


async def adopt_cluster(
    connection: Connection, found: str, who: audit.Who, reason: str, now: datetime
) -> bool:
    """Bind this store to the Kafka that answers now, an empty one, whatever its id; False where that was begun before.

    How far the old one was read says nothing about the new one: the watermark begins again, and until
    `end_silence` nothing is said by time alone. Whoever runs on this store leaves.
    """
    async with connection.transaction():
        before = await connection.fetchrow(
            "SELECT id, silent_until = 'infinity' AS begun FROM delivery.cluster FOR UPDATE"
        )
        if before is not None and before["id"] == found and before["begun"]:
            return False
        await connection.execute(
            "INSERT INTO delivery.cluster (id, silent_until, adopted_at) VALUES ($1, 'infinity', now())"
            " ON CONFLICT (only_row) DO UPDATE SET id = excluded.id, silent_until = excluded.silent_until,"
            " adopted_at = excluded.adopted_at",
            found,
        )
        await connection.execute("DELETE FROM delivery.watermarks")
        about = f"{before['id'] if before else 'none'} → {found}: {reason}"
        await audit.note(connection, who, "adopt another Kafka", None, now, about)
    return True


async def still_there(connection: Connection, service: str) -> int:
    """Sessions of processes that began before this store was bound to its Kafka and have not left yet."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity AS a, delivery.cluster AS c WHERE a.datname = current_database()"
        " AND a.application_name IN ($1, $1 || '-relay') AND a.backend_start < c.adopted_at",
        service,
    )
    return found


async def end_silence(connection: Connection, filled_at: datetime) -> None:
    """Everything that was said is on the new Kafka by now: whoever has read up to this instant has read it all."""
    await connection.execute(
        "UPDATE delivery.cluster SET silent_until = $1 WHERE silent_until = 'infinity'", filled_at
    )
