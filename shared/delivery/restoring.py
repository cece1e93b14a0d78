"""A store that was restored from a backup while Kafka is ahead of it (DESIGN §4.4).

It knows nothing of what it said after the backup. So its numbers begin again under a higher epoch, and what stands
on Kafka is written down: into `said`, so that it can be republished, and into `said_before`, so that what comes of the
input once more is not said twice (ids are derived: the same work says the same thing).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from shared import audit
from shared.database import Connection, Transaction
from shared.delivery import envelope, forgetting, saying, sequence
from shared.delivery.record import Record
from shared.events.intake import ComplaintErased
from shared.events.notices import NoticeRequested
from shared.events.words import Scope, wider


@dataclass(frozen=True, slots=True)
class SaidBefore:
    """One event that the store does not know it said."""

    key: UUID
    topic: str
    type: str
    said_at: datetime


async def who_runs(connection: Connection, service: str) -> int:
    """Sessions of this service's processes on its store."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name IN ($1, $1 || '-relay')",
        service,
    )
    return found


async def last_said(connection: Connection) -> datetime | None:
    """When this store last said something: what is on Kafka from well before then, it knows."""
    found: datetime | None = await connection.fetchval("SELECT max(said_at) FROM delivery.said")
    return found


_HEARD = {
    "intake.events": "heard_intake",
    "routing.events": "heard_routing",
    "lapor.events": "heard_lapor",
    "sla.events": "heard_sla",
}


async def highest_heard(connection: Connection, topic: str) -> int:
    """The highest number that another service has heard on this owner's topic; 0 where it hears none."""
    found: int | None = await connection.fetchval(f"SELECT max({_HEARD[topic]}) FROM delivery.keys")  # noqa: S608
    return found or 0


async def sum_heard(connection: Connection, topic: str) -> Decimal:
    """All the numbers last heard on this owner's topic, added up: never more than the owner's own, added up."""
    found: Decimal = await connection.fetchval(
        f"SELECT coalesce(sum({_HEARD[topic]}), 0) FROM delivery.keys"  # noqa: S608
    )
    return found


def spoken(record: Record) -> tuple[saying.Saying, datetime] | None:
    """The event in a record of our own, and when it was said; None where it is none of ours to read."""
    found = dict(record.headers)
    try:
        number = found.get("ce_sequence")
        said_at = datetime.fromisoformat(envelope.required(found, "ce_time"))
        cause = envelope.uuid_in(found, "ce_causationid") if "ce_causationid" in found else None
        return saying.Saying(
            key=envelope.uuid_in(found, "ce_subject"),
            topic=record.topic,
            record_key=(record.key or b"").decode(),
            type=envelope.required(found, "ce_type"),
            id=envelope.uuid_in(found, "ce_id"),
            number=None if number is None else sequence.parse(number.decode()),
            cause=cause,
            correlation=envelope.uuid_in(found, "ce_correlationid"),
            traceparent=envelope.text(found, "traceparent") or "",
            value=record.value or b"",
        ), said_at
    except ValueError:
        return None


async def remember(
    connection: Connection, heard: Sequence[tuple[saying.Saying, datetime]], today: date
) -> list[SaidBefore]:
    """Write down those of these events, in their order, that the store does not know; what they are.

    Of a complaint that the store knows to be erased they come back as erasure left them: without words, and no
    notices.
    """
    async with connection.transaction():
        heard = await _as_erasure_left_them(connection, heard)
        known = {
            row[0]
            for row in await connection.fetch(
                "SELECT id FROM delivery.said WHERE key = ANY($1::uuid[])",
                list({one.key for one, _ in heard}),
            )
        }
        new = list({one.id: (one, at) for one, at in heard if one.id not in known}.values())
        if not new:
            return []
        await saying.write_down(connection, new, today)
        await connection.executemany(
            "INSERT INTO delivery.said_before (key, id, topic, type, said_at) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT DO NOTHING",
            [(one.key, one.id, one.topic, one.type, at) for one, at in new],
        )
        last: dict[UUID, int] = {}
        for one, _ in new:
            if one.number is not None:
                last[one.key] = max(last.get(one.key, 0), one.number)
        await connection.execute(
            "INSERT INTO delivery.keys AS k (key, said) SELECT * FROM unnest($1::uuid[], $2::bigint[])"
            " ON CONFLICT (key) DO UPDATE SET said = greatest(k.said, excluded.said)",
            list(last),
            list(last.values()),
        )
        return [SaidBefore(one.key, one.topic, one.type, at) for one, at in new]


async def _as_erasure_left_them(
    connection: Connection, heard: Sequence[tuple[saying.Saying, datetime]]
) -> Sequence[tuple[saying.Saying, datetime]]:
    rows = await connection.fetch(
        "SELECT key, erased FROM delivery.keys WHERE key = ANY($1::uuid[]) AND erased IS NOT NULL",
        list({one.key for one, _ in heard}),
    )
    erased: dict[UUID, Scope] = {row["key"]: row["erased"] for row in rows}

    def left(one: saying.Saying) -> saying.Saying:
        scope = erased.get(one.key)
        if scope is None:
            return one
        return one._replace(value=forgetting.wordless_value(one.type, one.value, scope))

    return [
        (left(one), at) for one, at in heard if not (one.key in erased and one.topic == NoticeRequested.topic)
    ]


def erasure(record: Record) -> tuple[UUID, Scope] | None:
    """Which complaint a record of `intake.events` says was erased, and how much of it; None for all others."""
    found = dict(record.headers)
    try:
        if envelope.required(found, "ce_type") != ComplaintErased.type:
            return None
        return envelope.uuid_in(found, "ce_subject"), ComplaintErased.read(record.value or b"").scope
    except ValueError:
        return None


async def erased(connection: Connection) -> dict[UUID, Scope]:
    """What this store knows to be erased."""
    rows = await connection.fetch("SELECT key, erased FROM delivery.keys WHERE erased IS NOT NULL")
    return {row["key"]: row["erased"] for row in rows}


async def erase_again(connection: Connection, known: Mapping[UUID, Scope]) -> list[UUID]:
    """Forget what was erased after the backup; which complaints lost something.

    What the frame keeps loses its words now, and no later fact brings them back. The state is the service's own: it
    forgets that once it runs (`erasing`).
    """
    async with connection.transaction():
        own = await erased(connection)
        fresh = {
            key: wide for key, scope in known.items() if (wide := wider(own.get(key), scope)) != own.get(key)
        }
        keys, scopes = list(fresh), list(fresh.values())
        await connection.execute(
            "INSERT INTO delivery.keys AS k (key, erased) SELECT * FROM unnest($1::uuid[], $2::text[])"
            " ON CONFLICT (key) DO UPDATE SET erased = excluded.erased",
            keys,
            scopes,
        )
        await connection.execute(
            "INSERT INTO delivery.erasing (key, scope) SELECT * FROM unnest($1::uuid[], $2::text[])"
            " ON CONFLICT (key) DO UPDATE SET scope = excluded.scope",
            keys,
            scopes,
        )
        await forgetting.forget(connection, {key: scope for key, scope in fresh.items() if scope is not None})
    return keys


async def raise_epoch(
    connection: Connection, numbers: Iterable[int], who: audit.Who, reason: str, now: datetime
) -> int:
    """Begin an epoch above the store's own and above those of these numbers; which one it is."""
    async with connection.transaction():
        own: int = await connection.fetchval("SELECT epoch FROM delivery.epoch FOR UPDATE")
        epoch = max([own, *map(sequence.epoch_of, numbers)]) + 1
        await connection.execute("UPDATE delivery.epoch SET epoch = $1, raised_at = $2", epoch, now)
        await audit.note(connection, who, "raise epoch", None, now, f"{own} → {epoch}: {reason}")
    return epoch


async def said_before(tx: Transaction, keys: Iterable[UUID]) -> Mapping[UUID, set[UUID]]:
    """Ids of events about these complaints that were said before the store was restored and not found again yet."""
    rows = await tx.fetch("SELECT key, id FROM delivery.said_before WHERE key = ANY($1::uuid[])", list(keys))
    found: dict[UUID, set[UUID]] = {}
    for key, event in rows:
        found.setdefault(key, set()).add(event)
    return found


async def found_again(tx: Transaction, ids: Sequence[UUID], now: datetime) -> None:
    """These came of the input once more: the store knows what they stand for."""
    await tx.execute(
        "UPDATE delivery.said_before SET found_at = $2 WHERE id = ANY($1::uuid[]) AND found_at IS NULL",
        ids,
        now,
    )


async def still_unknown(connection: Connection) -> list[SaidBefore]:
    """What others have heard from this service and it does not know: acts of people, as a rule."""
    rows = await connection.fetch(
        "SELECT key, topic, type, said_at FROM delivery.said_before WHERE found_at IS NULL ORDER BY said_at, key"
    )
    return [SaidBefore(*row) for row in rows]
