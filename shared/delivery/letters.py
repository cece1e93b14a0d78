"""What could not be folded now: events that wait behind a gap, and dead letters. Both kept as bytes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.database import Transaction
from shared.delivery.reading import Item
from shared.delivery.record import KeptRecord, Record, pack_headers, unpack_headers
from shared.sealing import Seal


async def keep_waiting(tx: Transaction, items: Iterable[Item], now: datetime) -> None:
    """Put these behind their stream; one that is there already stays as it is."""
    await tx.executemany(
        "INSERT INTO delivery.waiting (key, sequence, since, topic, partition, record_offset, record_time,"
        " record_key, headers, value) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        [
            (item.key, item.number, now, *_place(item.record), *content(item.record, None))
            for item in items
            if item.record is not None
        ],
    )


async def waiting(tx: Transaction, key: UUID, topic: str) -> list[KeptRecord]:
    """All that waits on one stream of one complaint, in order."""
    rows = await tx.fetch(
        "SELECT topic, partition, record_offset, record_time, record_key, headers, value"
        " FROM delivery.waiting WHERE key = $1 AND topic = $2 ORDER BY sequence",
        key,
        topic,
    )
    return [_kept(row) for row in rows]


async def forget_waiting(tx: Transaction, key: UUID, topic: str, up_to: int) -> None:
    """Those numbers are heard, or are dead letters now."""
    await tx.execute(
        "DELETE FROM delivery.waiting WHERE key = $1 AND topic = $2 AND sequence <= $3", key, topic, up_to
    )


async def keep_dead(
    tx: Transaction, items: Iterable[Item], now: datetime, seals: Callable[[str], Seal | None]
) -> None:
    """Write dead letters, one per place in a topic; one that failed again on release is open again."""
    await tx.executemany(
        "INSERT INTO delivery.dead_letters AS d (key, sequence, since, reason, sealed, topic, partition,"
        " record_offset, record_time, record_key, headers, value)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        " ON CONFLICT (topic, partition, record_offset) DO UPDATE"
        " SET status = 'open', reason = excluded.reason, attempts = d.attempts + 1"
        " WHERE d.status = 'releasing'",
        [
            (
                item.key,
                item.number,
                now,
                (item.problem or "").replace("\x00", "�"),
                seals(record.topic) is not None,
                *_place(record),
                *content(record, seals(record.topic)),
            )
            for item in items
            if (record := item.record) is not None
        ],
    )


async def keep_superseded(
    tx: Transaction, items: Sequence[Item], now: datetime, seals: Callable[[str], Seal | None]
) -> None:
    """Write down, as discarded, what waited in vain: its owner began a new epoch without the missing numbers."""
    if not items:
        return
    await keep_dead(tx, [item._replace(problem="its owner began a new epoch") for item in items], now, seals)
    await tx.execute(
        "UPDATE delivery.dead_letters SET status = 'discarded', worked_at = $3, worked_by = 'the service'"
        " WHERE key = $1 AND sequence = ANY($2::bigint[]) AND status = 'open'",
        items[0].key,
        [item.number for item in items],
        now,
    )


async def known_dead(tx: Transaction, items: Sequence[Item]) -> set[tuple[str, int, int]]:
    """Which of these records are dead letters already and not being released: topic, partition, offset."""
    places = [
        (item.record.topic, item.record.partition, item.record.offset)
        for item in items
        if item.record is not None
    ]
    if not places:
        return set()
    rows = await tx.fetch(
        "SELECT topic, partition, record_offset FROM delivery.dead_letters"
        " WHERE (topic, partition, record_offset) IN"
        " (SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[])) AND status <> 'releasing'",
        [place[0] for place in places],
        [place[1] for place in places],
        [place[2] for place in places],
    )
    return {(row[0], row[1], row[2]) for row in rows}


async def releasing(
    tx: Transaction, key: UUID, topic: str, seals: Callable[[str], Seal | None]
) -> tuple[list[KeptRecord], bool]:
    """The dead letters of a stream that an operator released, in order; and whether others are still open."""
    rows = await tx.fetch(
        "SELECT status, sealed, topic, partition, record_offset, record_time, record_key, headers, value"
        " FROM delivery.dead_letters WHERE key = $1 AND topic = $2 AND status IN ('open', 'releasing')"
        " ORDER BY sequence NULLS FIRST, record_offset",
        key,
        topic,
    )
    letters = [opened(row[1], tuple(row)[2:], seals) for row in rows if row[0] == "releasing"]
    return letters, any(row[0] == "open" for row in rows)


async def keyless_releasing(
    tx: Transaction, seals: Callable[[str], Seal | None]
) -> tuple[list[int], list[KeptRecord]]:
    """Released dead letters that belong to no parked stream (ids and records, 100 at most), locked."""
    rows = await tx.fetch(
        "SELECT id, sealed, topic, partition, record_offset, record_time, record_key, headers, value"
        " FROM delivery.dead_letters AS d WHERE status = 'releasing'"
        " AND (d.key IS NULL OR sequence IS NULL) AND NOT EXISTS"
        " (SELECT FROM delivery.keys AS k WHERE k.key = d.key AND k.parked ? d.topic)"
        " ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED"
    )
    return [row[0] for row in rows], [opened(row[1], tuple(row)[2:], seals) for row in rows]


async def released_ids(tx: Transaction, ids: Sequence[int], now: datetime) -> None:
    """Of these, the ones that are not open again are done."""
    await tx.execute(
        "UPDATE delivery.dead_letters SET status = 'released', attempts = attempts + 1, worked_at = $2"
        " WHERE id = ANY($1::bigint[]) AND status = 'releasing'",
        ids,
        now,
    )


async def released(tx: Transaction, key: UUID, topic: str, now: datetime) -> None:
    """Those that were being released and are not open again are done."""
    await tx.execute(
        "UPDATE delivery.dead_letters SET status = 'released', attempts = attempts + 1, worked_at = $3"
        " WHERE key = $1 AND topic = $2 AND status = 'releasing'",
        key,
        topic,
        now,
    )


def _place(record: Record) -> tuple[str, int, int, int]:
    return record.topic, record.partition, record.offset, record.timestamp


def content(record: Record, seal: Seal | None) -> tuple[bytes | None, bytes, bytes | None]:
    """Key, headers and value as bytes; sealed where the topic carries identity, which any of them may hold."""
    plain = (record.key, pack_headers(record.headers), record.value)
    if seal is None:
        return plain
    key, headers, value = (None if part is None else seal.seal(part, _context(record)) for part in plain)
    assert headers is not None
    return key, headers, value


def _context(record: Record) -> bytes:
    return f"dead letter {record.topic}/{record.partition}/{record.offset}".encode()


def _kept(row: asyncpg.Record | Sequence[Any], seal: Seal | None = None) -> KeptRecord:
    """The record in a row of topic, partition, offset, time, key, headers, value."""
    record = KeptRecord(row[0], row[1], row[2], row[3], row[4], row[6], ())
    key, headers, value = row[4:7]
    if seal is not None:
        key, headers, value = (
            None if part is None else seal.open(part, _context(record)) for part in (key, headers, value)
        )
    return replace(record, key=key, value=value, headers=tuple(unpack_headers(headers)))


def opened(sealed: bool, row: Sequence[Any], seals: Callable[[str], Seal | None]) -> KeptRecord:
    """The record in a row as `_kept` takes it, with its seal broken. LookupError where there is no key for it."""
    if not sealed:
        return _kept(row)
    seal = seals(row[0])
    if seal is None:
        raise LookupError(f"dead letters of {row[0]} are sealed and this process has no key")
    return _kept(row, seal)
