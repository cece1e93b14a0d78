"""What operators do to the delivery of a service: release, discard, accept a gap, resume (DESIGN §4.6-4.8).

The CLI (`./simpul dead`) and HTTP (`/v1/operations`) are two doors to these.

These write down what is wanted; the running service's own loop does the folding, under the complaint's lock and
with its own rules, within a second (`Desk.free_what_can_be`). So the tool needs no service's code, and doing it
twice is harmless.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared import audit
from shared.database import Connection
from shared.delivery import keys
from shared.delivery.record import unpack_headers


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter as operators see it; the value stays in the store."""

    id: int
    topic: str
    partition: int
    offset: int
    key: UUID | None
    sequence: int | None
    status: str
    reason: str
    attempts: int
    since: datetime
    sealed: bool
    worked_by: str | None
    note: str | None
    edits: int


class NotThere(LookupError):
    """There is no such dead letter, or nothing is parked there."""


_LETTER = (
    "SELECT id, topic, partition, record_offset, key, sequence, status, reason, attempts, since, sealed,"
    " worked_by, note, (SELECT count(*) FROM delivery.letter_edits AS e WHERE e.letter = d.id)"
    " FROM delivery.dead_letters AS d"
)


async def dead_letters(
    connection: Connection, *, every: bool = False, after: int = 0, limit: int | None = None
) -> list[DeadLetter]:
    """The open dead letters behind `after`, oldest first; with `every` those that were worked too."""
    rows = await connection.fetch(
        f"{_LETTER} WHERE id > $2 AND ($1 OR status IN ('open', 'releasing')) ORDER BY id LIMIT $3",
        every,
        after,
        limit,
    )
    return [DeadLetter(*row) for row in rows]


async def dead_letter(connection: Connection, letter: int) -> DeadLetter:
    """One of them. Raises NotThere."""
    row = await connection.fetchrow(f"{_LETTER} WHERE id = $1", letter)
    if row is None:
        raise NotThere(f"there is no dead letter {letter}")
    return DeadLetter(*row)


async def stopped(connection: Connection) -> tuple[datetime, str] | None:
    """Since when and why the consumer of this service stopped itself; None where it runs."""
    row = await connection.fetchrow("SELECT since, reason FROM delivery.stops")
    return None if row is None else (row["since"], row["reason"])


async def headers(connection: Connection, letter: int) -> list[tuple[str, str | None]]:
    """A dead letter's headers, read as far as they can be; none where they are sealed. Raises NotThere."""
    row = await connection.fetchrow("SELECT headers, sealed FROM delivery.dead_letters WHERE id = $1", letter)
    if row is None:
        raise NotThere(f"there is no dead letter {letter}")
    if row["sealed"]:
        return []
    return [
        (name, None if value is None else value.decode("utf-8", "backslashreplace"))
        for name, value in unpack_headers(row["headers"])
    ]


async def parked(connection: Connection) -> list[tuple[UUID, str, str, datetime, int]]:
    """Complaint, topic, cause, since, and how many events wait, of every parked stream."""
    rows = await connection.fetch(
        "SELECT k.key, p.topic, p.why ->> 'cause', (p.why ->> 'since')::timestamptz,"
        " (SELECT count(*) FROM delivery.waiting AS w WHERE w.key = k.key AND w.topic = p.topic)"
        " FROM delivery.keys AS k CROSS JOIN LATERAL jsonb_each(k.parked) AS p (topic, why)"
        " WHERE k.parked IS NOT NULL ORDER BY 4, 1"
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


async def release(
    connection: Connection, letters: Sequence[int], who: audit.Who, reason: str, now: datetime
) -> int:
    """Have these dead letters worked again by the service; the number of them that were open."""
    async with connection.transaction():
        rows = await connection.fetch(
            "UPDATE delivery.dead_letters SET status = 'releasing', worked_at = $2, worked_by = $3, note = $4"
            " WHERE id = ANY($1::bigint[]) AND status = 'open' RETURNING id, key",
            list(letters),
            now,
            who.name,
            reason,
        )
        for row in rows:
            await audit.note(
                connection,
                who,
                "release dead letter",
                row["key"],
                now,
                f"{row['id']}: {reason}",
            )
    return len(rows)


async def discard(connection: Connection, letter: int, who: audit.Who, reason: str, now: datetime) -> None:
    """Give a dead letter up: its number is heard, what waited behind it goes on. Raises NotThere."""
    async with connection.transaction():
        row = await connection.fetchrow(
            "SELECT key, topic, sequence FROM delivery.dead_letters WHERE id = $1 AND status IN ('open', 'releasing')",
            letter,
        )
        if row is None:
            raise NotThere(f"there is no open dead letter {letter}")
        if row["key"] is not None and row["sequence"] is not None:
            locked = (await keys.lock(connection, [row["key"]]))[row["key"]]
            if row["sequence"] > locked.heard[row["topic"]]:
                await keys.save(connection, [locked.hearing(row["topic"], row["sequence"])])
        discarded = await connection.fetchval(
            "UPDATE delivery.dead_letters SET status = 'discarded', worked_at = $2, worked_by = $3, note = $4"
            " WHERE id = $1 AND status IN ('open', 'releasing') RETURNING id",
            letter,
            now,
            who.name,
            reason,
        )
        if discarded is None:  # released while we waited for the lock: nothing of this holds
            raise NotThere(f"dead letter {letter} was released meanwhile")
        await audit.note(connection, who, "discard dead letter", row["key"], now, f"{letter}: {reason}")


async def accept_gap(
    connection: Connection, key: UUID, topic: str, who: audit.Who, reason: str, now: datetime
) -> None:
    """Give up the numbers that are missing before the first one that waits. Raises NotThere."""
    async with connection.transaction():
        locked = (await keys.lock(connection, [key]))[key]
        why = locked.parked.get(topic)
        if why is None or why.cause != "gap":
            raise NotThere(f"no gap is parked for {key} on {topic}")
        first: int | None = await connection.fetchval(
            "SELECT min(sequence) FROM delivery.waiting WHERE key = $1 AND topic = $2", key, topic
        )
        if first is not None:
            await keys.save(connection, [locked.hearing(topic, first - 1)])
        await audit.note(connection, who, "accept gap", key, now, f"{topic}: {reason}")


async def resume(connection: Connection, who: audit.Who, reason: str, now: datetime) -> str:
    """Let a consumer that stopped itself go on; why it had stopped. Raises NotThere."""
    async with connection.transaction():
        stopped: str | None = await connection.fetchval("DELETE FROM delivery.stops RETURNING reason")
        if stopped is None:
            raise NotThere("this consumer has not stopped itself")
        await audit.note(connection, who, "resume", None, now, f"{stopped}: {reason}")
        return stopped
