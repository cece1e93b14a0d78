"""Editing a dead letter: it keeps its place, its id, its number and its complaint, and what it was before."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from shared import audit
from shared.database import Connection
from shared.decision import Refused
from shared.delivery import envelope, letters
from shared.delivery.operators import NotThere
from shared.delivery.reading import field_errors
from shared.delivery.record import KeptRecord
from shared.events.catalogue import EVENTS, OWNER_TOPICS
from shared.events.fact import Event
from shared.events.parts import FieldError
from shared.sealing import Seal

KEPT = ("ce_id", "ce_sequence", "ce_subject", "ce_partitionkey")
"""Headers that say which event it is. Whoever would change these wants another event."""

Seals = Callable[[str], Seal | None]


@dataclass(frozen=True, slots=True)
class Change:
    """What to change. `value`: the whole new value; `patch`: only these fields of it, so that a letter can be
    mended by somebody who may not read it. `headers`: new ones by name, None removes one.
    """

    value: bytes | None = None
    patch: Mapping[str, Any] | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shape:
    """A letter's value without a word of it: size, what kind of JSON, the contract's fields, what is wrong."""

    bytes: int | None
    json: str
    fields: Mapping[str, str]
    other_fields: int
    errors: Sequence[FieldError]


async def edit(
    connection: Connection,
    letter: int,
    change: Change,
    seals: Seals,
    who: audit.Who,
    reason: str,
    now: datetime,
) -> None:
    """Change an open dead letter; it still has to be released.

    Raises NotThere, Refused where it would break its contract even then, LookupError where it is sealed and
    this process has no key.
    """
    async with connection.transaction():
        record = await _opened(connection, letter, seals, only_open=True)
        edited = changed(record, change)
        if errors := broken(edited):
            raise Refused(errors)
        await connection.execute(
            "INSERT INTO delivery.letter_edits (letter, at, author, reason, headers, value)"
            " SELECT id, $2, $3, $4, headers, value FROM delivery.dead_letters WHERE id = $1",
            letter,
            now,
            who.name,
            reason,
        )
        sealed = await connection.fetchval("SELECT sealed FROM delivery.dead_letters WHERE id = $1", letter)
        _, headers, value = letters.content(edited, seals(edited.topic) if sealed else None)
        key = await connection.fetchval(
            "UPDATE delivery.dead_letters SET headers = $2, value = $3 WHERE id = $1 RETURNING key",
            letter,
            headers,
            value,
        )
        await audit.note(connection, who, "edit dead letter", key, now, f"{letter}: {reason}")


async def opened(connection: Connection, letter: int, seals: Seals) -> KeptRecord:
    """A dead letter's record as it is now. Raises NotThere, and LookupError where there is no key to open it."""
    return await _opened(connection, letter, seals, only_open=False)


async def _opened(connection: Connection, letter: int, seals: Seals, *, only_open: bool) -> KeptRecord:
    row = await connection.fetchrow(
        "SELECT sealed, topic, partition, record_offset, record_time, record_key, headers, value"
        " FROM delivery.dead_letters WHERE id = $1 AND (status = 'open' OR NOT $2) FOR UPDATE",
        letter,
        only_open,
    )
    if row is None:
        raise NotThere(f"there is no {'open ' if only_open else ''}dead letter {letter}")
    return letters.opened(row["sealed"], tuple(row)[1:], seals)


def changed(record: KeptRecord, change: Change) -> KeptRecord:
    """The record with what is to be changed. Raises Refused where it cannot be. Pure."""
    kept = [name for name in change.headers if name in KEPT]
    if kept:
        raise Refused(
            [FieldError(field=name, reason="a letter keeps its id and its number") for name in kept]
        )
    headers = [(name, value) for name, value in record.headers if name not in change.headers]
    headers += [(name, value.encode()) for name, value in change.headers.items() if value is not None]
    value = record.value if change.value is None else change.value
    if change.patch is not None:
        value = json.dumps(_merged(_object(value), change.patch), ensure_ascii=False).encode()
    return replace(record, headers=tuple(headers), value=value)


def _object(value: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(value or b"")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused(
            [FieldError(field="patch", reason="the value is no JSON object; give a whole new value")]
        )
    return found


def _merged(target: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """Objects are merged; anything else, null too, takes the old one's place. Contracts name nullable fields."""
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        merged[name] = _merged(merged.get(name), value) if isinstance(value, dict) else value
    return merged


def kind_of(record: KeptRecord) -> type[Event] | None:
    """The event class that a record claims, or that its topic takes; None where that is not known."""
    try:
        claimed = envelope.text(dict(record.headers), "ce_type")
    except ValueError:
        claimed = None
    if claimed is None and record.topic not in OWNER_TOPICS:
        taken = [kind for kind in EVENTS.values() if kind.topic == record.topic]
        return taken[0] if len(taken) == 1 else None
    kind = EVENTS.get(claimed or "")
    return kind if kind is not None and kind.topic == record.topic else None


def broken(record: KeptRecord) -> list[FieldError]:
    """By field, what of its contract a record breaks; nothing where its type is not known here. Quotes nothing."""
    kind = kind_of(record)
    if kind is None:
        return []
    if record.value is None:
        return [FieldError(field="value", reason="the record has no value")]
    try:
        kind.read(record.value)
    except ValidationError as wrong:
        return field_errors(wrong)
    return []


def shape(record: KeptRecord) -> Shape:
    """What can be told of a record's value to somebody who may not read it."""
    kind = kind_of(record)
    if record.value is None:
        return Shape(None, "nothing", {}, 0, broken(record))
    try:
        value = json.loads(record.value)
    except (ValueError, RecursionError):
        return Shape(len(record.value), "unreadable", {}, 0, broken(record))
    if not isinstance(value, dict):
        return Shape(len(record.value), _kind_of_json(value), {}, 0, broken(record))
    known = {one.alias or name for name, one in kind.model_fields.items()} if kind is not None else set()
    fields = {name: _kind_of_json(inner) for name, inner in value.items() if name in known}
    return Shape(len(record.value), "object", fields, len(value) - len(fields), broken(record))


def _kind_of_json(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"
