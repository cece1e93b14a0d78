"""The watermark: up to when everything that was published has been applied here (DESIGN §5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.database import Connection


@dataclass(frozen=True, slots=True)
class Reached:
    """One input partition, applied up to an instant."""

    topic: str
    partition: int
    at: datetime


def reached(
    topic: str, partition: int, *, applied: int, end: int, asked_at: datetime, last_record_ms: int | None
) -> Reached | None:
    """How far one partition is: caught up as of `asked_at`, else at the time of the last record applied.

    `applied`: the next offset to apply; `end`: the log's end, asked at `asked_at` or later, so that every
    record from before `asked_at` is below it. None where nothing can be said yet.
    """
    if applied > end:
        return None  # the log was made anew: what was applied is not what stands there
    if applied == end:
        return Reached(topic, partition, asked_at)
    if last_record_ms is None:
        return None
    return Reached(topic, partition, min(asked_at, datetime.fromtimestamp(last_record_ms / 1000, UTC)))


async def store(connection: Connection, found: list[Reached]) -> None:
    """Remember how far these partitions are; what was reached stays reached."""
    await connection.execute(
        "INSERT INTO delivery.watermarks AS w (topic, partition, reached)"
        " SELECT * FROM unnest($1::text[], $2::int[], $3::timestamptz[])"
        " ON CONFLICT (topic, partition) DO UPDATE SET reached = greatest(w.reached, excluded.reached)",
        [one.topic for one in found],
        [one.partition for one in found],
        [one.at for one in found],
    )


async def lowest(connection: Connection, partitions: Mapping[str, int]) -> datetime | None:
    """The least of all input partitions, whichever replica wrote them; None while one of them is missing, and while
    a Kafka that was lost is being filled again: to be at its end means nothing yet."""
    if not partitions:
        return None
    rows = await connection.fetch(
        "SELECT w.reached FROM unnest($1::text[], $2::int[]) AS p (topic, partitions)"
        " CROSS JOIN LATERAL generate_series(0, p.partitions - 1) AS n"
        " LEFT JOIN delivery.watermarks AS w ON w.topic = p.topic AND w.partition = n",
        list(partitions),
        list(partitions.values()),
    )
    instants = [row[0] for row in rows]
    if None in instants:
        return None
    silent = await connection.fetchval(
        "SELECT true FROM delivery.cluster WHERE silent_until > $1", min(instants)
    )
    return None if silent else min(instants)
