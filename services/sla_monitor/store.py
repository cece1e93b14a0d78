"""The monitor's tables: complaints, and the city's rules. All of its SQL is here; whoever opened `tx` ends it."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.sla_monitor.domain.history import History
from services.sla_monitor.domain.registry import Edition, Registry, read_edition
from services.sla_monitor.domain.statement import ClocksErased, restated
from services.sla_monitor.domain.watched import Told, Watched
from shared.database import Connection, Transaction
from shared.events.fact import Event
from shared.events.sla import ClocksStated

if TYPE_CHECKING:
    from asyncpg import Record

_editions: dict[tuple[int, bytes], Edition] = {}
"""Editions as this process has read them, by version and digest."""


async def load_watched(tx: Transaction, keys: Sequence[UUID]) -> Mapping[UUID, Watched]:
    """What is kept about each complaint asked for; a blank one for a complaint that is not known."""
    rows = await tx.fetch(
        "SELECT c.complaint_id, c.history, c.told, c.stated, c.counted_by, k.next_due_at"
        " FROM complaints AS c JOIN delivery.keys AS k ON k.key = c.complaint_id"
        " WHERE c.complaint_id = ANY($1::uuid[])",
        keys,
    )
    return {key: Watched(key) for key in keys} | {row["complaint_id"]: _watched(row) for row in rows}


async def save_watched(tx: Transaction, watched: Mapping[UUID, Watched]) -> None:
    """Keep these complaints as they are now, and when the sweep has to look at them, in two statements."""
    if not watched:
        return
    rows = [_row(one) for one in watched.values()]
    await tx.execute(
        "INSERT INTO complaints AS c (complaint_id, ticket, history, told, stated, counted_by)"
        " SELECT k, ticket, history::jsonb, told::jsonb, stated::jsonb, counted_by"
        " FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])"
        " AS n (k, ticket, history, told, stated, counted_by)"
        " ON CONFLICT (complaint_id) DO UPDATE SET ticket = excluded.ticket, history = excluded.history,"
        " told = excluded.told, stated = excluded.stated, counted_by = excluded.counted_by",
        *zip(*rows, strict=True),
    )
    await _look_at(tx, [(one.key, one.look_at) for one in watched.values()])


async def _look_at(tx: Transaction, looks: Sequence[tuple[UUID, datetime | None]]) -> None:
    await tx.execute(
        "UPDATE delivery.keys AS k SET next_due_at = n.at"
        " FROM unnest($1::uuid[], $2::timestamptz[]) AS n (key, at)"
        " WHERE k.key = n.key AND k.next_due_at IS DISTINCT FROM n.at",
        [key for key, _ in looks],
        [at for _, at in looks],
    )


async def due_keys(connection: Connection, watermark: datetime, limit: int) -> list[UUID]:
    """Complaints that the sweep has to look at by this watermark, the longest due first; parked ones left out.

    A guess, without locks: look again with `still_due` once the keys are locked.
    """
    rows = await connection.fetch(
        "SELECT key FROM delivery.keys WHERE next_due_at <= $1 AND parked IS NULL"
        " ORDER BY next_due_at LIMIT $2",
        watermark,
        limit,
    )
    return [row[0] for row in rows]


async def still_due(tx: Transaction, keys: Sequence[UUID], watermark: datetime) -> list[UUID]:
    """Those of these locked complaints that are due and not parked, now that nobody else can change that."""
    rows = await tx.fetch(
        "SELECT key FROM delivery.keys"
        " WHERE key = ANY($1::uuid[]) AND next_due_at <= $2 AND parked IS NULL ORDER BY next_due_at, key",
        keys,
        watermark,
    )
    return [row[0] for row in rows]


async def postpone(tx: Transaction, keys: Sequence[UUID], until: datetime) -> None:
    """Let the sweep look at these complaints then, whatever they say themselves."""
    await _look_at(tx, [(key, until) for key in keys])


async def counted_by_older(connection: Connection, limit: int) -> list[UUID]:
    """Complaints with an open clock that counts by an older calendar than the newest loaded."""
    rows = await connection.fetch(
        "SELECT complaint_id FROM complaints"
        " WHERE counted_by < (SELECT max(version) FROM city_versions) ORDER BY counted_by LIMIT $1",
        limit,
    )
    return [row[0] for row in rows]


async def restate(tx: Transaction, keys: Sequence[UUID]) -> list[tuple[UUID, Event]]:
    """The last statement of each of these complaints again, under the next version, which is kept too.

    Of an erased one its end again.
    """
    rows = await tx.fetch(
        "SELECT complaint_id, stated, coalesce((history -> 'erased')::boolean, false) FROM complaints"
        " WHERE complaint_id = ANY($1::uuid[]) AND stated IS NOT NULL ORDER BY complaint_id",
        keys,
    )
    again = [(key, restated(key, _stated(stated))) for key, stated, erased in rows if not erased]
    await tx.execute(
        "UPDATE complaints AS c SET stated = n.stated::jsonb"
        " FROM unnest($1::uuid[], $2::text[]) AS n (key, stated) WHERE c.complaint_id = n.key",
        [key for key, _ in again],
        [stated.write().decode() for _, stated in again],
    )
    return [*again, *((key, ClocksErased()) for key, _, erased in rows if erased)]


async def watched_of(connection: Connection, ticket: str) -> Watched | None:
    """What is kept about the complaint of a ticket; None where the monitor has not heard of it."""
    key = await connection.fetchval("SELECT complaint_id FROM complaints WHERE ticket = $1", ticket)
    return None if key is None else (await load_watched(connection, [key]))[key]


def registry_reader(settle: timedelta) -> Callable[[Transaction], Awaitable[Registry]]:
    """How the fold gets the city's rules: every version, each parsed once by this process."""
    known: dict[tuple[int, bytes], Registry] = {}

    async def load_registry(tx: Transaction) -> Registry:
        """Raises LookupError while no version is loaded, and RulesRefused for one that cannot be used."""
        row = await tx.fetchrow("SELECT version, digest FROM city_versions ORDER BY version DESC LIMIT 1")
        if row is None:
            raise LookupError("no city loaded: run ./simpul city load")
        newest = (row["version"], row["digest"])
        if newest not in known:
            editions = await _read_editions(tx)
            known.clear()
            known[newest] = Registry(editions, settle)
        return known[newest]

    return load_registry


async def _read_editions(tx: Transaction) -> dict[int, Edition]:
    editions: dict[int, Edition] = {}
    for version, digest in await tx.fetch("SELECT version, digest FROM city_versions"):
        if (version, digest) not in _editions:
            documents = await tx.fetchval("SELECT documents FROM city_versions WHERE version = $1", version)
            _editions[version, digest] = read_edition(json.loads(documents), version)
        editions[version] = _editions[version, digest]
    return editions


def _watched(row: "Record") -> Watched:
    return Watched(
        key=row["complaint_id"],
        history=History.model_validate_json(row["history"], extra="ignore"),
        told=Told.model_validate_json(row["told"], extra="ignore"),
        stated=_stated(row["stated"]) if row["stated"] else None,
        look_at=row["next_due_at"],
        counted_by=row["counted_by"],
    )


def _stated(stated: str) -> ClocksStated:
    return ClocksStated.read(stated.encode())


def _row(watched: Watched) -> tuple[Any, ...]:
    received, stated = watched.history.received, watched.stated
    return (
        watched.key,
        received.ticket if received else None,
        watched.history.model_dump_json(exclude_defaults=True),
        watched.told.model_dump_json(exclude_defaults=True),
        stated.write().decode() if stated else None,
        watched.counted_by,
    )
