"""The bridge's tables: links, what is to be written, cursor, masters, and the city's documents. All of its SQL
is here; whoever opened `tx` ends it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel, TypeAdapter

from services.lapor_bridge.domain.city import City, parse_city
from services.lapor_bridge.domain.link import (
    LONGEST_WAIT,
    Content,
    Difference,
    Here,
    Link,
    Posting,
    Standing,
    Write,
)
from shared.database import Connection, Transaction
from shared.events.parts import FieldError
from shared.events.submissions import SubmissionPosted

if TYPE_CHECKING:
    from asyncpg import Record

LISTING = "listing"
"""The name of the cursor over LAPOR's listing by update time."""

_LINK = (
    "complaint_id, ticket, lapor_id, origin, linked, forwarding, why, opd, category, content, told, seen,"
    " updated_at, explained, items, posting_state, posting, look_at, post_at, work_at, here, agreed, differences"
)
_WRITE = (
    "complaint_id, n, operation, cause, text, opd, at, kind, refer_to, state, attempts, declined, lookups,"
    " begun_at, next_at, item, reason, queued_at"
)

_DIFFERENCES = TypeAdapter(tuple[Difference, ...])

_parsed: dict[tuple[int, bytes, datetime | None], City] = {}
"""The city as last read, by version, digest, and the last change in LAPOR's masters."""


@dataclass(frozen=True, slots=True)
class KnownReport:
    """A report of which the bridge has heard."""

    complaint: UUID
    linked: bool
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class OwnTicket:
    """A complaint whose ticket was found in a report; `awaits_report`: it is to have one, not yet known."""

    complaint: UUID
    awaits_report: bool
    lapor_id: str | None


@dataclass(frozen=True, slots=True)
class Diverged:
    """A complaint and its report that say different things in one field, since when."""

    ticket: str | None
    lapor_id: str
    field: str
    ours: str
    theirs: str
    agreed: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Away:
    """SP4N-LAPOR gives no answer that can be used."""

    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """A write that does not get through."""

    ticket: str | None
    lapor_id: str | None
    operation: str
    state: str
    attempts: int
    reason: str | None


async def load_links(tx: Transaction, keys: Sequence[UUID]) -> Mapping[UUID, Link]:
    """The link of each complaint asked for; a blank one where nothing is known."""
    rows = await tx.fetch(
        f"SELECT {_LINK} FROM links WHERE complaint_id = ANY($1::uuid[])",  # noqa: S608
        keys,
    )
    writes: dict[UUID, list[Write]] = {}
    for row in await tx.fetch(
        f"SELECT {_WRITE} FROM outbound WHERE complaint_id = ANY($1::uuid[]) ORDER BY complaint_id, n",  # noqa: S608
        keys,
    ):
        writes.setdefault(row["complaint_id"], []).append(Write(*list(row.values())[1:]))
    links = {key: Link(key) for key in keys}
    for row in rows:
        links[row["complaint_id"]] = _link(row, writes.get(row["complaint_id"], ()))
    return links


async def save_links(tx: Transaction, links: Mapping[UUID, Link]) -> None:
    """Keep these links as they are now, with their lines of writes, in a few statements."""
    if not links:
        return
    await tx.execute(_SAVE_LINKS, *zip(*[_link_row(link) for link in links.values()], strict=True))
    await tx.execute(
        "DELETE FROM outbound AS o USING unnest($1::uuid[], $2::integer[]) AS n (complaint_id, kept)"
        " WHERE o.complaint_id = n.complaint_id AND n.kept = 0",
        list(links),
        [len(link.writes) for link in links.values()],
    )
    writes = [_write_row(link.complaint, write) for link in links.values() for write in link.writes]
    if writes:
        await tx.execute(_SAVE_WRITES, *zip(*writes, strict=True))


LONGEST_LOOK = timedelta(hours=25)
"""No look is put off for longer: one that seems to be was put off by a clock that was wrong."""


async def due_to_work(connection: Connection, now: datetime, limit: int) -> list[UUID]:
    """Complaints whose next write is due, the longest waiting first."""
    rows = await connection.fetch(
        "SELECT complaint_id FROM links WHERE work_at <= $1 OR work_at > $3 ORDER BY work_at LIMIT $2",
        now,
        limit,
        now + LONGEST_WAIT,
    )
    return [row["complaint_id"] for row in rows]


async def due_to_post(
    connection: Connection, now: datetime, limit: int
) -> list[tuple[UUID, int, SubmissionPosted]]:
    """Submissions that are to be handed to intake, again or for the first time, with how often they were."""
    rows = await connection.fetch(
        "SELECT complaint_id, posting FROM links WHERE post_at <= $1 OR post_at > $3 ORDER BY post_at LIMIT $2",
        now,
        limit,
        now + LONGEST_WAIT,
    )
    postings = [(row["complaint_id"], _posting("waiting", row["posting"], None)) for row in rows]
    return [(key, posting.posts, posting.body) for key, posting in postings if posting.body is not None]


async def postpone_posts(connection: Connection, keys: Sequence[UUID], until: datetime) -> None:
    """Let these submissions be handed in again then, whatever their links say."""
    await connection.execute(
        "UPDATE links SET post_at = $2 WHERE complaint_id = ANY($1::uuid[])", keys, until
    )


async def postpone_looks(connection: Connection, keys: Sequence[UUID], until: datetime) -> None:
    """Let these reports be read again then, whatever their links say."""
    await connection.execute(
        "UPDATE links SET look_at = $2 WHERE complaint_id = ANY($1::uuid[])", keys, until
    )


async def due_to_look_at(connection: Connection, now: datetime, limit: int) -> list[tuple[UUID, str]]:
    """Linked reports that are to be read again, the longest waiting first."""
    rows = await connection.fetch(
        "SELECT complaint_id, lapor_id FROM links WHERE (look_at <= $1 OR look_at > $3) AND lapor_id IS NOT NULL"
        " ORDER BY look_at LIMIT $2",
        now,
        limit,
        now + LONGEST_LOOK,
    )
    return [(row["complaint_id"], row["lapor_id"]) for row in rows]


async def known_reports(connection: Connection, lapor_ids: Iterable[str]) -> dict[str, KnownReport]:
    """Which of these reports the bridge has heard of."""
    rows = await connection.fetch(
        "SELECT lapor_id, complaint_id, linked, updated_at FROM links WHERE lapor_id = ANY($1::text[])",
        list(lapor_ids),
    )
    return {
        row["lapor_id"]: KnownReport(row["complaint_id"], row["linked"], row["updated_at"]) for row in rows
    }


async def own_tickets(connection: Connection, tickets: Iterable[str]) -> dict[str, OwnTicket]:
    """Which of these tickets are complaints of ours, and whether their report is still being made."""
    rows = await connection.fetch(
        "SELECT l.ticket, l.complaint_id, l.lapor_id, l.lapor_id IS NULL AND o.n IS NOT NULL AS awaits"
        " FROM links AS l LEFT JOIN outbound AS o ON o.complaint_id = l.complaint_id AND o.n = 0"
        " WHERE l.ticket = ANY($1::text[])",
        list(tickets),
    )
    return {row["ticket"]: OwnTicket(row["complaint_id"], row["awaits"], row["lapor_id"]) for row in rows}


async def reached(connection: Connection) -> datetime | None:
    """How far the listing was read."""
    at: datetime | None = await connection.fetchval("SELECT reached FROM cursors WHERE name = $1", LISTING)
    return at


async def keep_reached(connection: Connection, at: datetime) -> None:
    """The listing has been read up to there; never back."""
    await connection.execute(
        "INSERT INTO cursors (name, reached) VALUES ($1, $2)"
        " ON CONFLICT (name) DO UPDATE SET reached = greatest(cursors.reached, excluded.reached)",
        LISTING,
        at,
    )


async def keep_institutions(
    connection: Connection, found: Sequence[tuple[str, str, str | None]], now: datetime
) -> None:
    """LAPOR's institutions as (id, name, OPD by that name); an OPD once found stays with its id."""
    await connection.execute(
        "INSERT INTO institutions (id, name, opd, changed_at)"
        " SELECT id, name, opd, $4 FROM unnest($1::text[], $2::text[], $3::text[]) AS n (id, name, opd)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
        " opd = coalesce(institutions.opd, excluded.opd), changed_at = excluded.changed_at"
        " WHERE (institutions.name, institutions.opd)"
        " IS DISTINCT FROM (excluded.name, coalesce(institutions.opd, excluded.opd))",
        [row[0] for row in found],
        [row[1] for row in found],
        [row[2] for row in found],
        now,
    )


async def keep_oddities(connection: Connection, odd: Mapping[str, str], now: datetime) -> None:
    """Reports that could not be worked, each with its reason; the first time that it was seen stays."""
    await connection.execute(
        "INSERT INTO oddities (lapor_id, reason, since)"
        " SELECT id, reason, $3 FROM unnest($1::text[], $2::text[]) AS n (id, reason)"
        " ON CONFLICT (lapor_id) DO UPDATE SET reason = excluded.reason",
        list(odd),
        list(odd.values()),
        now,
    )


async def forget_oddities(connection: Connection, lapor_ids: Iterable[str]) -> None:
    """These can be worked now."""
    await connection.execute("DELETE FROM oddities WHERE lapor_id = ANY($1::text[])", list(lapor_ids))


async def load_city(tx: Transaction) -> City:
    """The newest city documents with LAPOR's masters beside them. Raises LookupError where there are none."""
    row = await tx.fetchrow(
        "SELECT version, digest, (SELECT max(changed_at) FROM institutions) AS masters FROM city_versions"
        " ORDER BY version DESC LIMIT 1"
    )
    if row is None:
        raise LookupError("no city loaded: run ./simpul city load")
    held = (row["version"], row["digest"], row["masters"])
    city = _parsed.get(held)
    if city is None:
        documents = await tx.fetchval(
            "SELECT documents FROM city_versions WHERE version = $1", row["version"]
        )
        masters = await tx.fetch("SELECT id, opd FROM institutions WHERE opd IS NOT NULL ORDER BY id")
        city = parse_city(json.loads(documents), strict=False).knowing(
            {one["id"]: one["opd"] for one in masters}
        )
        _parsed.clear()
        _parsed[held] = city
    return city


async def counts(connection: Connection) -> dict[str, dict[str, int]]:
    """How many links, writes and postings stand where."""
    rows = await connection.fetch(_COUNTS)
    found: dict[str, dict[str, int]] = {"links": {}, "outbound": {}, "postings": {}, "forwarding": {}}
    for row in rows:
        found[row["what"]][row["name"]] = row["count"]
    return found


async def count_stuck(connection: Connection) -> int:
    """How many writes wait for a person."""
    found: int = await connection.fetchval("SELECT count(*) FROM outbound WHERE state IN ('held', 'failed')")
    return found


async def stuck(connection: Connection, limit: int) -> list[Stuck]:
    """Writes that wait for a person."""
    rows = await connection.fetch(
        "SELECT l.ticket, l.lapor_id, o.operation, o.state, o.attempts, o.reason"
        " FROM outbound AS o JOIN links AS l USING (complaint_id)"
        " WHERE o.state IN ('held', 'failed') ORDER BY o.begun_at LIMIT $1",
        limit,
    )
    return [Stuck(*row.values()) for row in rows]


async def diverged(connection: Connection, limit: int) -> list[Diverged]:
    """Where complaints and reports differ for longer than a change needs; what must not be public first."""
    rows = await connection.fetch(_DIVERGED_ROWS, limit)
    return [Diverged(*row.values()) for row in rows]


async def count_diverged(connection: Connection) -> dict[str, int]:
    """How many of them by field."""
    rows = await connection.fetch(_COUNT_DIVERGED)
    return {row["field"]: row["n"] for row in rows}


async def keep_away(connection: Connection, reason: str, now: datetime) -> None:
    """LAPOR gives no answer; the first time stays."""
    await connection.execute(
        "INSERT INTO away (since, reason) VALUES ($1, $2) ON CONFLICT (one) DO UPDATE SET reason = excluded.reason",
        now,
        reason,
    )


async def keep_back(connection: Connection) -> None:
    """LAPOR answers."""
    await connection.execute("DELETE FROM away")


async def away(connection: Connection) -> Away | None:
    """Since when LAPOR gives no answer; None while it does."""
    row = await connection.fetchrow("SELECT since, reason FROM away")
    return Away(row["since"], row["reason"]) if row else None


async def oddities(connection: Connection, limit: int) -> list[tuple[str, str, datetime]]:
    """Reports that nobody could make a complaint of: number, reason, since when."""
    rows = await connection.fetch(
        "SELECT lapor_id, reason, since FROM oddities ORDER BY since DESC LIMIT $1", limit
    )
    return [(row["lapor_id"], row["reason"], row["since"]) for row in rows]


async def refused(connection: Connection, limit: int) -> list[tuple[str, list[FieldError]]]:
    """Reports that intake refused, with its reasons."""
    rows = await connection.fetch(
        "SELECT lapor_id, posting FROM links WHERE posting_state = 'refused' ORDER BY lapor_id LIMIT $1",
        limit,
    )
    return [(row["lapor_id"], list(_posting("refused", row["posting"], None).errors)) for row in rows]


async def delayed(connection: Connection, before: datetime, limit: int) -> list[Stuck]:
    """Writes that have waited since before then and go on by themselves, the longest waiting first."""
    rows = await connection.fetch(
        f"SELECT l.ticket, l.lapor_id, o.operation, o.state, o.attempts, o.reason {_UNFINISHED}"
        " AND o.queued_at < $1 ORDER BY o.queued_at LIMIT $2",
        before,
        limit,
    )
    return [Stuck(*row.values()) for row in rows]


async def oldest_waiting(connection: Connection) -> datetime | None:
    """Since when the longest unfinished write waits, of those that nobody and nothing holds back."""
    at: datetime | None = await connection.fetchval(f"SELECT min(o.queued_at) {_UNFINISHED}")
    return at


_UNFINISHED = """
FROM outbound AS o JOIN links AS l USING (complaint_id)
WHERE o.state IN ('waiting', 'attempted') AND l.work_at IS NOT NULL
"""

_DIVERGED = """
FROM links AS l CROSS JOIN LATERAL jsonb_array_elements(l.differences) AS d
WHERE l.differences IS NOT NULL AND (d ->> 'said')::boolean
"""

_COUNT_DIVERGED = f"SELECT d ->> 'field' AS field, count(*) AS n {_DIVERGED} GROUP BY 1"

_DIVERGED_ROWS = f"""
SELECT l.ticket, l.lapor_id, d ->> 'field' AS field, d ->> 'ours' AS ours, d ->> 'theirs' AS theirs,
    l.agreed ->> (d ->> 'field') AS agreed, (d ->> 'since')::timestamptz AS since
{_DIVERGED} ORDER BY d ->> 'field' IN ('anonymous', 'confidential') DESC, since LIMIT $1
"""

_SAVE_LINKS = f"""
INSERT INTO links ({_LINK})
SELECT complaint_id, ticket, lapor_id, origin, linked, forwarding, why, opd, category, content::jsonb,
    told::jsonb, seen::jsonb, updated_at, explained::jsonb, items::jsonb, posting_state, posting::jsonb,
    look_at, post_at, work_at, here::jsonb, agreed::jsonb, differences::jsonb
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::text[], $15::text[],
    $16::text[], $17::text[], $18::timestamptz[], $19::timestamptz[], $20::timestamptz[], $21::text[],
    $22::text[], $23::text[]) AS n ({_LINK})
ON CONFLICT (complaint_id) DO UPDATE SET ticket = excluded.ticket, lapor_id = excluded.lapor_id,
    origin = excluded.origin, linked = excluded.linked, forwarding = excluded.forwarding, why = excluded.why,
    opd = excluded.opd, category = excluded.category, content = excluded.content, told = excluded.told,
    seen = excluded.seen, updated_at = excluded.updated_at, explained = excluded.explained,
    items = excluded.items, posting_state = excluded.posting_state, posting = excluded.posting,
    look_at = excluded.look_at, post_at = excluded.post_at, work_at = excluded.work_at, here = excluded.here,
    agreed = excluded.agreed, differences = excluded.differences
"""  # noqa: S608

_SAVE_WRITES = f"""
INSERT INTO outbound ({_WRITE})
SELECT {_WRITE}
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::timestamptz[],
    $8::text[], $9::text[], $10::text[], $11::integer[], $12::integer[], $13::integer[], $14::timestamptz[],
    $15::timestamptz[], $16::text[], $17::text[], $18::timestamptz[]) AS n ({_WRITE})
ON CONFLICT (complaint_id, n) DO UPDATE SET text = excluded.text, state = excluded.state,
    attempts = excluded.attempts, declined = excluded.declined, lookups = excluded.lookups,
    begun_at = excluded.begun_at, next_at = excluded.next_at, item = excluded.item, reason = excluded.reason
    WHERE (outbound.text, outbound.state, outbound.attempts, outbound.declined, outbound.lookups,
        outbound.begun_at, outbound.next_at, outbound.item, outbound.reason)
    IS DISTINCT FROM (excluded.text, excluded.state, excluded.attempts, excluded.declined, excluded.lookups,
        excluded.begun_at, excluded.next_at, excluded.item, excluded.reason)
"""  # noqa: S608

_COUNTS = """
SELECT 'links' AS what, coalesce(origin, 'none') AS name, count(*) FROM links WHERE linked GROUP BY 2
UNION ALL SELECT 'forwarding', forwarding, count(*) FROM links GROUP BY 2
UNION ALL SELECT 'postings', posting_state, count(*) FROM links WHERE posting_state IS NOT NULL GROUP BY 2
UNION ALL SELECT 'outbound', state, count(*) FROM outbound GROUP BY 2
"""


def _link(row: "Record", writes: Sequence[Write]) -> Link:
    return Link(
        complaint=row["complaint_id"],
        ticket=row["ticket"],
        lapor_id=row["lapor_id"],
        origin=row["origin"],
        linked=row["linked"],
        forwarding=row["forwarding"],
        why=row["why"],
        content=Content.model_validate_json(row["content"]) if row["content"] else None,
        opd=row["opd"],
        category=row["category"],
        told=_standing(row["told"]),
        seen=_standing(row["seen"]),
        updated_at=row["updated_at"],
        look_at=row["look_at"],
        explained=frozenset(json.loads(row["explained"])),
        items=frozenset(json.loads(row["items"])),
        posting=_posting(row["posting_state"], row["posting"], row["post_at"])
        if row["posting_state"]
        else None,
        writes=tuple(writes),
        here=Here.model_validate_json(row["here"]) if row["here"] else Here(),
        agreed=json.loads(row["agreed"] or "{}"),
        differences=_DIFFERENCES.validate_json(row["differences"]) if row["differences"] else (),
    )


def _link_row(link: Link) -> tuple[object, ...]:
    posting = link.posting
    return (
        link.complaint,
        link.ticket,
        link.lapor_id,
        link.origin,
        link.linked,
        link.forwarding,
        link.why,
        link.opd,
        link.category,
        _json(link.content),
        _json(link.told),
        _json(link.seen),
        link.updated_at,
        json.dumps(sorted(link.explained)),
        json.dumps(sorted(link.items)),
        posting.state if posting else None,
        _posting_json(posting) if posting else None,
        link.look_at,
        posting.next_at if posting else None,
        link.work_at,
        _json(link.here) if link.here != Here() else None,
        json.dumps(link.agreed) if link.agreed else None,
        _DIFFERENCES.dump_json(link.differences).decode() if link.differences else None,
    )


def _write_row(complaint: UUID, write: Write) -> tuple[object, ...]:
    return (
        complaint,
        write.n,
        write.operation,
        write.cause,
        write.text,
        write.opd,
        write.at,
        write.kind,
        write.refer_to,
        write.state,
        write.attempts,
        write.declined,
        write.lookups,
        write.begun_at,
        write.next_at,
        write.item,
        write.reason,
        write.queued_at,
    )


def _standing(told: str | None) -> Standing | None:
    return Standing.model_validate_json(told) if told else None


def _posting(state: Any, told: str, next_at: datetime | None) -> Posting:
    kept = json.loads(told)
    return Posting(
        state=state,
        body=SubmissionPosted.model_validate(kept["body"]) if kept["body"] else None,
        posts=kept["posts"],
        next_at=next_at,
        refused=bytes.fromhex(kept["refused"]) if kept["refused"] else None,
        errors=tuple(FieldError.model_validate(error) for error in kept["errors"]),
    )


def _posting_json(posting: Posting) -> str:
    return json.dumps(
        {
            "body": posting.body.model_dump(mode="json", exclude_none=True) if posting.body else None,
            "posts": posting.posts,
            "refused": posting.refused.hex() if posting.refused else None,
            "errors": [error.model_dump() for error in posting.errors],
        }
    )


def _json(part: BaseModel | None) -> str | None:
    return part.model_dump_json() if part is not None else None
