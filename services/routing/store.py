"""Routing's tables: cases, and the city's registry. All of its SQL is here; whoever opened `tx` ends it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import TypeAdapter

from services.routing.domain.case import (
    Case,
    CaseState,
    Classified,
    Complaint,
    Deadline,
    Disposition,
    Found,
    InLapor,
    Moment,
)
from services.routing.domain.city import City, parse_city
from services.routing.domain.updates import unknown_ticket
from services.routing.domain.worklists import OPEN, VIEWS, Narrowing, Order, Wanted
from shared.database import Connection, Transaction
from shared.events.catalogue import EVENTS
from shared.events.fact import Event
from shared.events.parts import FieldError
from shared.events.updates import OpdUpdatePosted

if TYPE_CHECKING:
    from asyncpg import Record

_COLUMNS = (
    "complaint_id, ticket, state, opd, received_at, pinned,"
    " complaint, found, classified, dispositions, in_lapor, history, early,"
    " category, kecamatan, given, handed_back, clocks, due_at, pressing, merged, given_again"
)
_BLANK = Case()
_DISPOSITIONS = TypeAdapter(tuple[Disposition, ...])
_HISTORY = TypeAdapter(tuple[Moment, ...])
_CLOCKS = TypeAdapter(tuple[Deadline, ...])

_parsed: dict[tuple[int, bytes], City] = {}
"""The city as last read, by version and digest."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A place in the list of cases: the one that a page ended with, by the instant that orders it."""

    at: datetime
    complaint_id: UUID


async def load_cases(tx: Transaction, keys: Sequence[UUID]) -> Mapping[UUID, Case]:
    """The case of each complaint asked for; a blank one for a complaint that is not known."""
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM cases WHERE complaint_id = ANY($1::uuid[])",  # noqa: S608
        keys,
    )
    return dict.fromkeys(keys, _BLANK) | {row["complaint_id"]: _case(row) for row in rows}


async def save_cases(tx: Transaction, cases: Mapping[UUID, Case]) -> None:
    """Keep these cases as they are now, in bulk, and the names of the updates that they took."""
    if not cases:
        return
    rows = [_row(key, case) for key, case in cases.items()]
    await tx.execute(
        f"INSERT INTO cases ({_COLUMNS})"  # noqa: S608
        " SELECT k, ticket, state, opd, received_at, pinned, complaint::jsonb, found::jsonb,"
        " classified::jsonb, dispositions::jsonb, in_lapor::jsonb, history::jsonb, early::jsonb,"
        " category, kecamatan, given, handed_back, clocks::jsonb, due_at, pressing, merged, given_again"
        " FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::boolean[],"
        " $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],"
        " $14::text[], $15::text[], $16::integer[], $17::integer[], $18::text[], $19::timestamptz[],"
        " $20::boolean[], $21::boolean[], $22::integer[])"
        " AS n (k, ticket, state, opd, received_at, pinned, complaint, found, classified,"
        " dispositions, in_lapor, history, early, category, kecamatan, given, handed_back, clocks, due_at,"
        " pressing, merged, given_again)"
        " ON CONFLICT (complaint_id) DO UPDATE SET ticket = excluded.ticket, state = excluded.state,"
        " opd = excluded.opd, received_at = excluded.received_at, pinned = excluded.pinned,"
        " complaint = excluded.complaint, found = excluded.found, classified = excluded.classified,"
        " dispositions = excluded.dispositions, in_lapor = excluded.in_lapor, history = excluded.history,"
        " early = excluded.early, category = excluded.category, kecamatan = excluded.kecamatan,"
        " given = excluded.given, handed_back = excluded.handed_back, clocks = excluded.clocks,"
        " due_at = excluded.due_at, pressing = excluded.pressing,"
        " merged = excluded.merged, given_again = excluded.given_again",
        *zip(*rows, strict=True),
    )
    await _keep_updates(tx, cases)


async def _keep_updates(tx: Transaction, cases: Mapping[UUID, Case]) -> None:
    """Write the updates that were taken now. An identity that another case has taken meanwhile is refused."""
    fresh = [(update.source, update.reference, key) for key, case in cases.items() for update in case.fresh]
    if fresh:
        await tx.execute(
            "INSERT INTO opd_updates (source, reference, complaint_id)"
            " SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[])",
            *zip(*fresh, strict=True),
        )


async def cases_of_updates(
    tx: Transaction, updates: Sequence[OpdUpdatePosted]
) -> Sequence[UUID | FieldError]:
    """Which complaint each update is about: the one that took an update of this name, else its ticket's.

    Neither ever changes, so it may be asked before anything is locked.
    """
    rows = await tx.fetch(
        "SELECT coalesce(u.complaint_id, c.complaint_id) AS complaint_id"
        " FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS n (source, reference, ticket, at)"
        " LEFT JOIN opd_updates AS u ON u.source = n.source AND u.reference = n.reference"
        " LEFT JOIN cases AS c ON c.ticket = n.ticket ORDER BY n.at",
        [update.source for update in updates],
        [update.reference for update in updates],
        [update.ticket for update in updates],
    )
    return [row["complaint_id"] or unknown_ticket() for row in rows]


async def case_of(connection: Connection, ticket: str) -> tuple[UUID, Case] | None:
    """The complaint that a ticket stands for, and its case; None where routing has not heard of it."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM cases WHERE ticket = $1", ticket)  # noqa: S608
    return None if row is None else (row["complaint_id"], _case(row))


async def listed(
    connection: Connection, wanted: Wanted, *, after: Bookmark | None, limit: int
) -> list[tuple[Bookmark, Case]]:
    """A page of cases as they are wanted, from behind `after`; each with a bookmark, to go on from.

    Measured on 100,000 made-up cases of 3 kB, 12,000 of them open, 40 OPDs, on 2 busy cores (2026-11-24): a page
    of 50 is found in 1 to 8 ms, however it is narrowed or ordered, and read in as much again.
    """
    column, way, beyond = _ORDERS[wanted.order]
    where, values = _conditions(wanted)
    if wanted.order == "due":
        where.append("due_at IS NOT NULL")
    if after is not None:
        values += [after.at, after.complaint_id]
        where.append(f"({column}, complaint_id) {beyond} (${len(values) - 1}, ${len(values)})")
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM cases WHERE {' AND '.join(where)}"  # noqa: S608
        f" ORDER BY {column} {way}, complaint_id {way} LIMIT {limit:d}",
        *values,
    )
    return [(Bookmark(row[column], row["complaint_id"]), _case(row)) for row in rows]


async def counted(connection: Connection, opd: str | None) -> Mapping[str, int]:
    """How many cases stand in each worklist: an OPD's own, or (None) the city's.

    Measured as above: an OPD's in 1 to 4 ms, the city's, which counts every open case, in 40 ms.
    """
    views = VIEWS["city" if opd is None else "opd"]
    counts = ", ".join(
        f"count(*) FILTER (WHERE {' AND '.join(_narrowed(view))}) AS {name}" for name, view in views.items()
    )
    row = await connection.fetchrow(
        f"SELECT {counts} FROM cases WHERE {_among(OPEN)} AND NOT merged{'' if opd is None else ' AND opd = $1'}",  # noqa: S608
        *([] if opd is None else [opd]),
    )
    assert row is not None
    return {name: row[name] for name in views}


async def count_bounced(connection: Connection) -> tuple[int, int]:
    """Open cases that an OPD gave back, and those of them that went to one of these OPDs again."""
    row = await connection.fetchrow(
        "SELECT count(*), count(*) FILTER (WHERE given_again > 0) FROM cases"  # noqa: S608
        f" WHERE handed_back > 0 AND {_among(OPEN)}"
    )
    assert row is not None
    return row[0], row[1]


_ORDERS: Mapping[Order, tuple[str, str, str]] = {
    "newest": ("received_at", "DESC", "<"),
    "oldest": ("received_at", "ASC", ">"),
    "due": ("due_at", "ASC", ">"),
}
"""By which column, which way, and what lies beyond a bookmark."""


def _conditions(wanted: Wanted) -> tuple[list[str], list[Any]]:
    where, values = ["ticket IS NOT NULL"], list[Any]()
    if wanted.states is not None:
        where += [_among(wanted.states), _unmerged(wanted.states)]
    if wanted.within is not None:
        where += _narrowed(wanted.within)
    bounds = [
        ("opd =", wanted.opd),
        ("category =", wanted.category),
        ("kecamatan =", wanted.kecamatan),
        ("received_at >=", wanted.since),
    ]
    for comparing, value in bounds:
        if value is not None:
            values.append(value)
            where.append(f"{comparing} ${len(values)}")
    if wanted.ticket is not None:  # few at most: found first, whatever the planner thinks of it
        values += [wanted.ticket, f"{wanted.ticket}~"]
        begins = f"ticket ~>=~ ${len(values) - 1} AND ticket ~<~ ${len(values)}"
        where.append(f"complaint_id = ANY(ARRAY(SELECT complaint_id FROM cases WHERE {begins}))")  # noqa: S608
    return where, values


def _narrowed(view: Narrowing) -> list[str]:
    where = [_among(view.states), "NOT merged"]
    if view.pressing:
        where.append("pressing")
    if view.never_given:
        where.append("given = 0")
    if view.handed_back:
        where.append("handed_back > 0")
    return where


def _unmerged(states: Sequence[CaseState]) -> str:
    """Nobody works on a case that is merged into another: among open ones it is not listed."""
    return "NOT merged" if set(states) <= set(OPEN) else f"(NOT merged OR NOT {_among(OPEN)})"


def _among(states: Sequence[CaseState]) -> str:
    """In these states, spelled out, so that the planner sees which partial index holds them."""
    return f"state IN ({', '.join(repr(state) for state in states)})"


async def load_city(tx: Transaction) -> City:
    """The newest version of the city, which this process parses once.

    Raises LookupError while none is loaded, and CityRefused for one that cannot be used.
    """
    row = await tx.fetchrow("SELECT version, digest FROM city_versions ORDER BY version DESC LIMIT 1")
    if row is None:
        raise LookupError("no city loaded: run ./simpul city load")
    version = (row["version"], row["digest"])
    if version not in _parsed:
        documents = await tx.fetchval("SELECT documents FROM city_versions WHERE version = $1", version[0])
        _parsed.clear()
        _parsed[version] = parse_city(json.loads(documents), version[0], strict=False)
    return _parsed[version]


def _case(row: "Record") -> Case:
    complaint, found, classified = row["complaint"], row["found"], row["classified"]
    return Case(
        state=row["state"],
        complaint=Complaint.model_validate_json(complaint, extra="ignore") if complaint else None,
        found=Found.model_validate_json(found, extra="ignore") if found else None,
        classified=Classified.model_validate_json(classified, extra="ignore") if classified else None,
        dispositions=_DISPOSITIONS.validate_json(row["dispositions"], extra="ignore"),
        pinned=row["pinned"],
        in_lapor=InLapor.model_validate_json(row["in_lapor"], extra="ignore"),
        history=_HISTORY.validate_json(row["history"], extra="ignore"),
        early=_early(row["early"]) if row["early"] != "[]" else (),
        clocks=_CLOCKS.validate_json(row["clocks"], extra="ignore"),
    )


def _row(key: UUID, case: Case) -> tuple[Any, ...]:
    complaint = case.complaint
    return (
        key,
        complaint.ticket if complaint else None,
        case.state,
        case.opd,
        complaint.received_at if complaint else None,
        case.pinned,
        complaint.model_dump_json(exclude_defaults=True) if complaint else None,
        case.found.model_dump_json(exclude_defaults=True) if case.found else None,
        case.classified.model_dump_json(exclude_defaults=True) if case.classified else None,
        _DISPOSITIONS.dump_json(case.dispositions, exclude_defaults=True).decode(),
        case.in_lapor.model_dump_json(exclude_defaults=True),
        _HISTORY.dump_json(case.history, exclude_defaults=True).decode(),
        json.dumps([_kept(fact) for fact in case.early]),
        case.classified.category if case.classified else None,
        case.kecamatan,
        len(case.dispositions),
        len(case.handed_back),
        _CLOCKS.dump_json(case.clocks, exclude_defaults=True).decode(),
        case.due_at,
        case.pressing,
        case.merged_into is not None,
        case.given_again,
    )


def _kept(fact: Event) -> dict[str, Any]:
    return {"type": fact.type, "id": str(fact.id), "event": json.loads(fact.write())}


def _early(kept: str) -> tuple[Event, ...]:
    return tuple(
        EVENTS[fact["type"]].read(json.dumps(fact["event"]).encode()).known_as(UUID(fact["id"]))
        for fact in json.loads(kept)
    )
