"""What could not be folded now: events that wait behind a gap, and dead letters. Both kept as bytes."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from shared.database import Transaction
from shared.delivery.reading import Item
from shared.delivery.record import KeptRecord, Record, pack_headers, unpack_headers
from shared.sealing import Seal


async def keep_waiting(tx: Transaction, items: Iterable[Item], now: datetime) -> None:
    """Put these behind their stream; one that is there already stays as it is."""
    rows = [(item, item.record) for item in items]
    if not rows:
        return
    await tx.executemany(
        "INSERT INTO delivery.waiting (key, sequence, topic, partition, record_offset, record_time,"
        " record_key, headers, value, since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT DO NOTHING",
        [
            (item.key, item.number, *_columns(record), record.value, now)
            for item, record in rows
            if record is not None
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
    return [_kept(tuple(row)) for row in rows]


async def forget_waiting(tx: Transaction, key: UUID, topic: str, up_to: int) -> None:
    """Those numbers are heard, or are dead letters now."""
    await tx.execute(
        "DELETE FROM delivery.waiting WHERE key = $1 AND topic = $2 AND sequence <= $3", key, topic, up_to
    )


async def keep_dead(
    tx: Transaction, items: Iterable[Item], now: datetime, seals: Callable[[str], Seal | None]
) -> None:
    """Write dead letters, one per place in a topic; one that failed again on release is open again."""
    rows = [(item, item.record) for item in items]
    await tx.executemany(
        "INSERT INTO delivery.dead_letters AS d (key, sequence, topic, partition, record_offset, record_time,"
        " record_key, headers, value, sealed, reason, since)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        " ON CONFLICT (topic, partition, record_offset) DO UPDATE"
        " SET status = 'open', reason = excluded.reason, attempts = d.attempts + 1"
        " WHERE d.status = 'releasing'",
        [
            (
                item.key,
                item.number,
                *_columns(record),
                *_sealed(record, seals(record.topic)),
                item.problem,
                now,
            )
            for item, record in rows
            if record is not None
        ],
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
    letters = [_opened(row[1], _kept(tuple(row)[2:]), seals) for row in rows if row[0] == "releasing"]
    return letters, any(row[0] == "open" for row in rows)


async def keyless_releasing(
    tx: Transaction, seals: Callable[[str], Seal | None]
) -> tuple[list[int], list[KeptRecord]]:
    """Released dead letters that belong to no parked stream (ids and records, 100 at most), locked."""
    rows = await tx.fetch(
        "SELECT id, sealed, topic, partition, record_offset, record_time, record_key, headers, value"
        " FROM delivery.dead_letters AS d WHERE status = 'releasing' AND sequence IS NULL AND NOT EXISTS"
        " (SELECT FROM delivery.keys AS k WHERE k.key = d.key AND k.parked ? d.topic)"
        " ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED"
    )
    return [row[0] for row in rows], [_opened(row[1], _kept(tuple(row)[2:]), seals) for row in rows]


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


def _columns(record: Record) -> tuple[str, int, int, int, bytes | None, bytes]:
    place = (record.topic, record.partition, record.offset, record.timestamp)
    return (*place, record.key, pack_headers(record.headers))


def _context(topic: str, partition: int, offset: int) -> bytes:
    return f"dead letter {topic}/{partition}/{offset}".encode()


def _sealed(record: Record, seal: Seal | None) -> tuple[bytes | None, bool]:
    if seal is None or record.value is None:
        return record.value, False
    return seal.seal(record.value, _context(record.topic, record.partition, record.offset)), True


def _opened(sealed: bool, record: KeptRecord, seals: Callable[[str], Seal | None]) -> KeptRecord:
    if not sealed or record.value is None:
        return record
    seal = seals(record.topic)
    if seal is None:
        raise LookupError(f"dead letters of {record.topic} are sealed and this process has no key")
    value = seal.open(record.value, _context(record.topic, record.partition, record.offset))
    return KeptRecord(
        record.topic, record.partition, record.offset, record.timestamp, record.key, value, record.headers
    )


def _kept(row: tuple[object, ...]) -> KeptRecord:
    topic, partition, offset, time, key, headers, value = row
    return KeptRecord(topic, partition, offset, time, key, value, unpack_headers(headers))  # type: ignore[arg-type]
