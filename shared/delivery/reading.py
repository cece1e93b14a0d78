"""Reading one record: which complaint, which number, which event; or why it cannot be worked."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid4, uuid5

from pydantic import ValidationError

from shared.addresses import HIDDEN, IS_AN_ADDRESS, is_address
from shared.database import Transaction
from shared.decision import Unworkable
from shared.delivery import envelope, sequence
from shared.delivery.fold import Fold
from shared.delivery.record import Record
from shared.events.fact import Event, Fact
from shared.events.ids import SIMPUL
from shared.events.parts import FieldError


class Cause(NamedTuple):
    """What the events said because of a fact carry on: its id, its correlation, its trace."""

    id: UUID
    correlation: UUID
    traceparent: str


class Item(NamedTuple):
    """One thing to be folded: a record that was read, or a fact handed in.

    `fact` None with `problem` None: a type this service does not list; its number advances, nothing else.
    `number` None: not numbered. `key` None: it cannot be said which complaint it is about, or only by the store
    (`located`).
    """

    key: UUID | None
    fact: Fact | None
    cause: Cause | None
    topic: str = ""
    number: int | None = None
    record: Record | None = None
    problem: str | None = None
    errors: Sequence[FieldError] = ()
    sender: tuple[str, str] | None = None
    """(source, reference) of a stranger whose record cannot be worked but who can be told so."""


def read(record: Record, fold: Fold[Any, Any]) -> Item:
    """The item in a record. Never raises: what cannot be read is an item with a `problem`."""
    read_it = _read_strangers if record.topic in fold.inbound else _read_owners
    found = dict(record.headers)
    try:
        return read_it(record, found, fold)
    except Exception as error:
        problem = f"{type(error).__name__} while it was read"
        return Item(_subject(record, found), None, None, record.topic, None, record, problem=problem)


def _read_owners(record: Record, found: Mapping[str, bytes | None], fold: Fold[Any, Any]) -> Item:
    """A record of a topic that the hub itself writes: its headers are a contract."""
    key: UUID | None = None
    number: int | None = None
    try:
        key = _subject(record, found)
        if fold.is_numbered(record.topic):
            try:
                number = sequence.parse(envelope.required(found, "ce_sequence"))
            except ValueError as wrong:
                raise Unworkable(str(wrong)) from None
        kind = fold.types.get(envelope.required(found, "ce_type"))
        if kind is None or kind.topic != record.topic:
            return Item(key, None, None, record.topic, number, record)
        cause = _cause(found, envelope.uuid_in(found, "ce_id"))
        event = _event(kind, record).known_as(cause.id)
        if kind in fold.keys:
            key = fold.keys[kind](event)
            if key is None:
                return Item(None, None, None, record.topic, number, record)
        elif key is None:
            raise Unworkable("it names no complaint, neither in ce_subject nor in its key")
        return Item(key, event, cause, record.topic, number, record)
    except (Unworkable, ValueError) as wrong:
        return Item(key, None, None, record.topic, number, record, problem=str(wrong))
    except _Contract as broken:
        return Item(key, None, None, record.topic, number, record, problem=str(broken), errors=broken.errors)


def _subject(record: Record, found: Mapping[str, bytes | None]) -> UUID | None:
    """The complaint in ce_subject; failing that, in the record's key."""
    try:
        return envelope.uuid_in(found, "ce_subject")
    except ValueError:
        try:
            return UUID((record.key or b"").decode("ascii"))
        except (ValueError, UnicodeDecodeError):
            return None


def _read_strangers(record: Record, found: Mapping[str, bytes | None], fold: Fold[Any, Any]) -> Item:
    """A record of a topic that strangers write to: headers are optional, the body wins over the key.

    Its id is the record's own place in the topic, so that a redelivery is the same fact and a record sent
    again is another one, with a receipt of its own.
    """
    kind = fold.inbound[record.topic]
    place = uuid5(SIMPUL, f"record:{record.topic}:{record.partition}:{record.offset}:{record.timestamp}")
    cause = _cause(found, place)
    try:
        claimed = envelope.text(found, "ce_type")
    except ValueError:
        claimed = None
    try:
        if claimed is not None and claimed != kind.type:
            raise _Contract([FieldError(field="ce_type", reason=f"this topic takes {kind.type}")])
        event = _event(kind, record).known_as(place)
        _refuse_addresses(event)
        key = None if kind in fold.lookups else fold.keys[kind](event)
        return Item(key, event, cause, record.topic, None, record)
    except _Contract as broken:
        return Item(
            None,
            None,
            cause,
            record.topic,
            None,
            record,
            problem=str(broken),
            errors=broken.errors,
            sender=_sender(kind, record.value),
        )


async def located(tx: Transaction, items: Sequence[Item], fold: Fold[Any, Any]) -> list[Item]:
    """The items with the complaints that only the store can name; one that names none has a `problem`."""
    found = list(items)
    for kind, lookup in fold.lookups.items():
        places = [at for at, item in enumerate(found) if isinstance(item.fact, kind) and item.key is None]
        if not places:
            continue
        answers = await lookup(tx, [found[at].fact for at in places])
        for at, answer in zip(places, answers, strict=True):
            found[at] = (
                found[at]._replace(problem=answer.reason, errors=(answer,))
                if isinstance(answer, FieldError)
                else found[at]._replace(key=answer)
            )
    return found


class _Contract(Exception):
    """The body is not what the contract says. Names fields and reasons, never values."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.reason}" for error in errors)[:2000])
        self.errors = errors


def _event(kind: type[Event], record: Record) -> Event:
    if record.value is None:
        raise _Contract([FieldError(field="value", reason="the record has no value")])
    if b"\\u0000" in record.value:
        _refuse_null_character(record.value)
    try:
        return kind.read(record.value)
    except ValidationError as wrong:
        raise _Contract(field_errors(wrong)) from None


def _refuse_addresses(event: Event) -> None:
    """What a stranger is known by, and calls what it sends, goes to others: neither may lead to a person."""
    names = [name for name in ("source", "reference") if is_address(str(getattr(event, name, "")))]
    if names:
        raise _Contract([FieldError(field=name, reason=IS_AN_ADDRESS) for name in names])


def _refuse_null_character(value: bytes) -> None:
    """PostgreSQL text cannot hold U+0000; say so by field before any store has to."""
    try:
        body = json.loads(value)
        names = [name for name, inner in body.items() if _holds_null(inner)] if isinstance(body, dict) else []
    except (ValueError, RecursionError):
        return  # pydantic says what is wrong with it
    if names:
        raise _Contract(
            [FieldError(field=name, reason="may not hold the character U+0000") for name in names]
        )


def _holds_null(inner: object) -> bool:
    if isinstance(inner, str):
        return "\x00" in inner
    if isinstance(inner, dict):
        return any(_holds_null(value) for value in inner.values())
    return isinstance(inner, list) and any(_holds_null(value) for value in inner)


def field_errors(wrong: ValidationError) -> list[FieldError]:
    """pydantic's findings as field and reason; the input is never quoted. At most 50."""
    return [
        FieldError(field=".".join(str(part) for part in error["loc"]) or "value", reason=error["msg"])
        for error in wrong.errors(include_input=False, include_url=False, include_context=False)[:50]
    ]


def _sender(kind: type[Event], value: bytes | None) -> tuple[str, str] | None:
    """Who sent it and under what name, where both can be read out of a body that is otherwise wrong.

    A name that is an address is not told to everybody who reads receipts.
    """
    try:
        body = json.loads(value or b"")
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    both = []
    for name in ("source", "reference"):
        given = body.get(name)
        try:
            kind.__pydantic_validator__.validate_assignment(kind.model_construct(), name, given)
        except (ValidationError, AttributeError):
            return None
        both.append(HIDDEN if is_address(str(given)) else str(given))
    return both[0], both[1]


def _cause(found: Mapping[str, bytes | None], fact_id: UUID) -> Cause:
    """Correlation and trace are carried on where they can be read, begun anew where not."""
    try:
        correlation = envelope.uuid_in(found, "ce_correlationid")
    except ValueError:
        correlation = fact_id
    return Cause(fact_id, correlation, _trace(found, correlation))


def _trace(found: Mapping[str, bytes | None], correlation: UUID) -> str:
    given = (found.get("traceparent") or b"").decode("ascii", "replace")
    return given if envelope.is_traceparent(given) else begun_trace(correlation)


def begun_trace(correlation: UUID) -> str:
    """A W3C trace context whose trace id is the correlation, so that logs and traces find each other."""
    return f"00-{correlation.hex}-{correlation.hex[:16]}-00"


def handed_in(key: UUID, fact: Fact) -> Item:
    """An act or a clock's fact as an item; one that nobody named gets an id of its own."""
    named = fact if fact.has_id else fact.model_copy().known_as(uuid4())
    return Item(key, named, Cause(named.id, named.id, begun_trace(named.id)))
