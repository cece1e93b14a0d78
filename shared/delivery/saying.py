"""Saying: what a decision says becomes numbered records in `said` and `outbox`, in the same transaction."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from shared.database import Connection, Transaction
from shared.decision import Unworkable
from shared.delivery import sequence
from shared.delivery.keys import KeyRow
from shared.delivery.reading import Cause, begun_trace
from shared.events.catalogue import OWNER_TOPICS
from shared.events.fact import Event
from shared.events.ids import event_id

_MONTHS = 7_305_003
_HAS_TABLE = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = 'delivery'::regnamespace AND relname = $1)
"""
"""Asked of the catalogue itself: to_regclass answers from a cache that another replica's table is not in yet."""

LARGEST_EVENT = 1_000_000
"""Bytes that one event may have: the broker's 1 MiB less headers and framing."""


_COLUMNS = (
    "month", "position", "key", "topic", "record_key", "type", "id",
    "sequence", "said_at", "cause", "correlation", "traceparent", "value",
)  # fmt: skip


class Saying(NamedTuple):
    """One event as it will stand in `said`."""

    key: UUID
    topic: str
    record_key: str
    type: str
    id: UUID
    number: int | None
    cause: UUID | None
    correlation: UUID
    traceparent: str
    value: bytes | None


def word(row: KeyRow, says: Sequence[Event], cause: Cause | None, epoch: int) -> tuple[KeyRow, list[Saying]]:
    """The records of what is said about one complaint, and its row with the numbers they took.

    Raises Unworkable for an event that the broker would not take.
    """
    said: list[Saying] = []
    number = row.said
    ordinals: dict[str, int] = {}
    for event in says:
        ordinal = ordinals.get(event.type, 0)
        ordinals[event.type] = ordinal + 1
        numbered = event.topic in OWNER_TOPICS
        if numbered:
            number = sequence.following(number, epoch)
        about = row.key if numbered else event.about or row.key
        said.append(_saying(about, event, cause, ordinal, number if numbered else None))
    return (row if number == row.said else row.saying(number)), said


def named(says: Sequence[Event], cause: Cause | None) -> list[Event]:
    """These events, each under the id that `word` would give it."""
    ordinals: Counter[str] = Counter()
    found: list[Event] = []
    for event in says:
        found.append(event if event.has_id else event.known_as(_id(event, cause, ordinals[event.type])))
        ordinals[event.type] += 1
    return found


def refusal(key: UUID, event: Event, cause: Cause) -> Saying:
    """The record of a receipt about something that never became a complaint here; it takes no number."""
    return _saying(key, event, cause, 0, None)


def _saying(key: UUID, event: Event, cause: Cause | None, ordinal: int, number: int | None) -> Saying:
    this = _id(event, cause, ordinal)
    value = None if event.is_tombstone else event.write()
    if value is not None and len(value) > LARGEST_EVENT:
        raise Unworkable(f"{event.type} would have {len(value)} bytes; the broker takes {LARGEST_EVENT}")
    correlation = cause.correlation if cause else this
    return Saying(
        key,
        event.topic,
        event.record_key(key),
        event.type,
        this,
        number,
        cause.id if cause else None,
        correlation,
        cause.traceparent if cause else begun_trace(correlation),
        value,
    )


def _id(event: Event, cause: Cause | None, ordinal: int) -> UUID:
    if event.has_id:
        return event.id
    if cause is not None:
        return event_id(cause.id, event.type, ordinal)
    raise LookupError(f"{event.type} has neither an id of its own nor a cause to derive one from")


async def answered(tx: Transaction, causes: Sequence[tuple[UUID, UUID]]) -> set[UUID]:
    """Which of these (complaint, fact) had something said because of them already, under that complaint's key.

    What a restored store only found on Kafka (`said_before`) its old self had said: the fact is still to be worked.
    """
    if not causes:
        return set()
    rows = await tx.fetch(
        "SELECT DISTINCT s.cause FROM unnest($1::uuid[], $2::uuid[]) AS asked (key, cause)"
        " JOIN delivery.said AS s ON s.key = asked.key AND s.cause = asked.cause"
        " WHERE NOT EXISTS (SELECT FROM delivery.said_before AS b"
        " WHERE b.key = s.key AND b.id = s.id AND b.found_at IS NULL)",
        [key for key, _ in causes],
        [cause for _, cause in causes],
    )
    return {row[0] for row in rows}


async def say(tx: Transaction, said: Sequence[Saying], now: datetime, today: date) -> None:
    """Write what is said, in order; the keys are locked, so per key positions rise as the numbers do.

    `now` stamps the events; `today`, the wall clock's day, chooses the partition: in the sweep `now` is the
    watermark, which may lie in a month that has no partition (any more).
    """
    if not said:
        return
    positions = await write_down(tx, [(one, now) for one in said], today)
    month = today.replace(day=1)
    await tx.copy_records_to_table(
        "outbox",
        schema_name="delivery",
        columns=("position", "month", "key"),
        records=[(position, month, s.key) for position, s in zip(positions, said, strict=True)],
    )


async def write_down(tx: Transaction, said: Sequence[tuple[Saying, datetime]], today: date) -> list[int]:
    """Keep these in `said`, each with when it was said, without publishing them; their positions."""
    positions: list[int] = await tx.fetchval(
        "SELECT array(SELECT nextval('delivery.positions') FROM generate_series(1, $1))", len(said)
    )
    month = today.replace(day=1)
    await tx.copy_records_to_table(
        "said",
        schema_name="delivery",
        columns=_COLUMNS,
        records=[
            (
                month,
                position,
                s.key,
                s.topic,
                s.record_key,
                s.type,
                s.id,
                s.number,
                at,
                s.cause,
                s.correlation,
                s.traceparent,
                s.value,
            )
            for position, (s, at) in zip(positions, said, strict=True)
        ],
    )
    return positions


async def make_months(connection: Connection, today: date) -> None:
    """See that `said` has partitions for this month and the next two; a missing one would stop all saying.

    The owner's function makes them: a service may not change its tables. One replica at a time.
    """
    first = today.replace(day=1)
    for _ in range(3):
        if not await connection.fetchval(_HAS_TABLE, f"said_{first:%Y_%m}"):
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _MONTHS)
                await connection.execute("SET LOCAL lock_timeout = '2s'")
                await connection.execute("SELECT delivery.make_month($1)", first)
        first = (first + timedelta(days=32)).replace(day=1)


def fresh_cause() -> Cause:
    """A cause for what nobody sent: a command without a name of its own."""
    this = uuid4()
    return Cause(this, this, begun_trace(this))
