"""The monitor's tables: complaints, and the city's rules. All of its SQL is here; whoever opened `tx` ends it."""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.sla_monitor.domain.history import History
from services.sla_monitor.domain.registry import Edition, Registry, read_edition
from services.sla_monitor.domain.statement import ClocksErased, restated
from services.sla_monitor.domain.tally import Befallen, Cell, Standing, Tally
from services.sla_monitor.domain.watched import Told, Watched
from shared.database import Connection, Transaction
from shared.events.fact import Event
from shared.events.ids import aggregate_key, event_id
from shared.events.sla import ClocksAggregated, ClocksStated

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
    await tx.execute(
        "INSERT INTO untallied (complaint_id) SELECT k FROM unnest($1::uuid[]) AS k ORDER BY k"
        " ON CONFLICT DO NOTHING",
        sorted(watched),
    )


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


async def next_due(connection: Connection) -> datetime | None:
    """When the sweep next has to look at a complaint; None while no clock runs. Parked ones are left out."""
    instant: datetime | None = await connection.fetchval(
        "SELECT min(next_due_at) FROM delivery.keys WHERE next_due_at < 'infinity' AND parked IS NULL"
    )
    return instant


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
    """The last statement of each of these, complaints and aggregates, again under the next version, kept too.

    Of an erased complaint its end again.
    """
    return [*await _restate_clocks(tx, keys), *await _restate_aggregates(tx, keys)]


async def _restate_clocks(tx: Transaction, keys: Sequence[UUID]) -> list[tuple[UUID, Event]]:
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


async def _restate_aggregates(tx: Transaction, keys: Sequence[UUID]) -> list[tuple[UUID, ClocksAggregated]]:
    rows = await tx.fetch(_SAY_AGAIN, keys)
    return sorted(map(_aggregate, rows), key=lambda said: said[0])


async def count_up_to(tx: Transaction, today: date) -> None:
    """Count open clocks on each day up to this one; a day that begins marks whatever is open on it."""
    reached = await tx.fetchval("SELECT day FROM counted_day FOR UPDATE")
    if reached is None:
        await tx.execute("INSERT INTO counted_day (day) VALUES ($1) ON CONFLICT DO NOTHING", today)
    elif reached < today:
        rows = await tx.fetch(
            "SELECT DISTINCT nullif(s.opd, '') AS opd, s.clock, d.day::date AS day"
            " FROM generate_series($1::date + 1, $2::date, '1 day') AS d (day)"
            " JOIN standing AS s ON s.first <= d.day AND s.last >= d.day",
            reached,
            today,
        )
        await mark_uncounted(tx, {Cell(*row) for row in rows})
        await tx.execute("UPDATE counted_day SET day = $1", today)


async def counted_day(tx: Transaction) -> date:
    """The last day that is counted; it does not move on before this transaction ends."""
    day: date = await tx.fetchval("SELECT day FROM counted_day FOR SHARE")
    return day


async def untallied(connection: Connection, limit: int) -> list[UUID]:
    """Complaints that are marked. A guess, without locks: look again with `still_untallied`."""
    rows = await connection.fetch("SELECT complaint_id FROM untallied LIMIT $1", limit)
    return [row[0] for row in rows]


async def still_untallied(tx: Transaction, keys: Sequence[UUID]) -> list[UUID]:
    """Those of these locked complaints that are marked."""
    rows = await tx.fetch("SELECT complaint_id FROM untallied WHERE complaint_id = ANY($1::uuid[])", keys)
    return [row[0] for row in rows]


async def forget_untallied(tx: Transaction, keys: Sequence[UUID]) -> None:
    """These locked complaints are tallied as they are now."""
    await tx.execute("DELETE FROM untallied WHERE complaint_id = ANY($1::uuid[])", keys)


async def tallies(tx: Transaction, keys: Sequence[UUID]) -> Mapping[UUID, Tally]:
    """What each of these complaints was last tallied to add; nothing for one that never was."""
    standing: dict[UUID, list[Standing]] = {key: [] for key in keys}
    befallen: dict[UUID, list[Befallen]] = {key: [] for key in keys}
    for key, *row in await tx.fetch(
        "SELECT complaint_id, nullif(opd, ''), clock, first, nullif(last, 'infinity'), due_on FROM standing"
        " WHERE complaint_id = ANY($1::uuid[]) ORDER BY complaint_id, position",
        keys,
    ):
        standing[key].append(Standing(*row))
    for key, *row in await tx.fetch(
        "SELECT complaint_id, nullif(opd, ''), clock, day, what, minutes FROM befallen"
        " WHERE complaint_id = ANY($1::uuid[]) ORDER BY complaint_id, position",
        keys,
    ):
        befallen[key].append(Befallen(*row))
    return {key: Tally(tuple(standing[key]), tuple(befallen[key])) for key in keys}


async def keep_tallies(tx: Transaction, changed: Mapping[UUID, Tally]) -> None:
    """What these complaints add now, in place of what they added before."""
    if not changed:
        return
    standing = [
        (key, position, one.opd or "", one.clock, one.first, one.last or date.max, one.due_on)
        for key, now in changed.items()
        for position, one in enumerate(now.standing)
    ]
    befallen = [
        (key, position, one.opd or "", one.clock, one.day, one.what, one.minutes)
        for key, now in changed.items()
        for position, one in enumerate(now.befallen)
    ]
    for table, columns, records in (
        ("standing", ("complaint_id", "position", "opd", "clock", "first", "last", "due_on"), standing),
        ("befallen", ("complaint_id", "position", "opd", "clock", "day", "what", "minutes"), befallen),
    ):
        await tx.execute(f"DELETE FROM {table} WHERE complaint_id = ANY($1::uuid[])", list(changed))  # noqa: S608
        await tx.copy_records_to_table(table, columns=columns, records=records)


async def mark_uncounted(tx: Transaction, cells: Collection[Cell]) -> None:
    """The numbers of these may be others now."""
    rows = sorted((_key_of(cell), cell.opd or "", cell.clock, cell.day) for cell in cells)
    if rows:
        await tx.execute(
            "INSERT INTO aggregates AS a (key, opd, clock, day, uncounted)"
            " SELECT key, opd, clock, day, true"
            " FROM unnest($1::uuid[], $2::text[], $3::text[], $4::date[]) AS n (key, opd, clock, day)"
            " ORDER BY key ON CONFLICT (key) DO UPDATE SET uncounted = true WHERE NOT a.uncounted",
            *map(list, zip(*rows, strict=True)),
        )


def _key_of(cell: Cell) -> UUID:
    return aggregate_key(f"{cell.opd or 'CITY'}/{cell.clock}/{cell.day}")


async def uncounted(connection: Connection, limit: int) -> list[UUID]:
    """Keys of aggregates that are marked."""
    rows = await connection.fetch("SELECT key FROM aggregates WHERE uncounted LIMIT $1", limit)
    return [row[0] for row in rows]


_AGGREGATE = (
    "key, version, nullif(opd, '') AS opd, clock, day, open, due_today, warned, breached, met_in_time, met_late,"
    " median_working_minutes, p90_working_minutes"
)

_SAY_AGAIN = (
    "UPDATE aggregates SET version = version + 1 WHERE key = ANY($1::uuid[]) AND version > 0"  # noqa: S608
    f" RETURNING {_AGGREGATE}"
)

_COUNT = f"""
WITH counted AS (
    SELECT a.key, s.open, s.due_today, b.warned, b.breached, b.met_in_time, b.met_late, b.median, b.p90
      FROM aggregates AS a
     CROSS JOIN LATERAL (
        SELECT count(*) AS open, count(*) FILTER (WHERE due_on = a.day) AS due_today
          FROM standing WHERE opd = a.opd AND clock = a.clock AND last >= a.day AND first <= a.day) AS s
     CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE what = 'warned') AS warned,
               count(*) FILTER (WHERE what = 'breached') AS breached,
               count(*) FILTER (WHERE what = 'met_in_time') AS met_in_time,
               count(*) FILTER (WHERE what = 'met_late') AS met_late,
               percentile_disc(0.5) WITHIN GROUP (ORDER BY minutes) AS median,
               percentile_disc(0.9) WITHIN GROUP (ORDER BY minutes) AS p90
          FROM befallen WHERE opd = a.opd AND clock = a.clock AND day = a.day) AS b
     WHERE a.key = ANY($1::uuid[]) AND a.uncounted
), changed AS (
    SELECT n.* FROM counted AS n JOIN aggregates AS a USING (key)
     WHERE (n.open, n.due_today, n.warned, n.breached, n.met_in_time, n.met_late, n.median, n.p90)
        IS DISTINCT FROM (a.open, a.due_today, a.warned, a.breached, a.met_in_time, a.met_late,
                          a.median_working_minutes, a.p90_working_minutes)
), unchanged AS (
    UPDATE aggregates AS a SET uncounted = false
     WHERE a.key IN (SELECT key FROM counted EXCEPT SELECT key FROM changed)
), told AS (
    UPDATE aggregates AS a
       SET uncounted = false, version = a.version + 1, open = n.open, due_today = n.due_today,
           warned = n.warned, breached = n.breached, met_in_time = n.met_in_time, met_late = n.met_late,
           median_working_minutes = n.median, p90_working_minutes = n.p90
      FROM changed AS n WHERE a.key = n.key
    RETURNING a.*
)
SELECT {_AGGREGATE} FROM told
"""  # noqa: S608


async def count(tx: Transaction, keys: Sequence[UUID]) -> list[tuple[UUID, ClocksAggregated]]:
    """Count these marked aggregates, in one statement; those whose numbers are others than were last said.

    The rows are locked in a statement before, so that what was tallied by whoever had them is counted.
    """
    await tx.execute("SELECT FROM aggregates WHERE key = ANY($1::uuid[]) ORDER BY key FOR UPDATE", keys)
    return sorted(map(_aggregate, await tx.fetch(_COUNT, keys)), key=lambda said: said[0])


async def is_counting(connection: Connection) -> bool:
    """Whether something is marked that is not counted and said yet."""
    counting: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM untallied) OR EXISTS (SELECT FROM aggregates WHERE uncounted)"
    )
    return counting


async def aggregates_between(
    connection: Connection, opd: str | None, first: date, last: date
) -> list[ClocksAggregated]:
    """What was said of these days, of one OPD or (None) of all and the city; by day, OPD and clock."""
    rows = await connection.fetch(
        f"SELECT {_AGGREGATE} FROM aggregates"  # noqa: S608
        " WHERE version > 0 AND day BETWEEN $1 AND $2 AND ($3::text IS NULL OR opd = $3)"
        " ORDER BY day, aggregates.opd, clock",
        first,
        last,
        opd,
    )
    return [said for _, said in map(_aggregate, rows)]


def _aggregate(row: "Record") -> tuple[UUID, ClocksAggregated]:
    key, version, *numbers = row
    said = ClocksAggregated(**dict(zip(ClocksAggregated.model_fields, numbers, strict=True)))
    return key, said.known_as(event_id(key, ClocksAggregated.type, version))


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
            _editions[version, digest] = read_edition(json.loads(documents), version, strict=False)
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
