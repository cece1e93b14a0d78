"""The CloudEvents binding: the official SDK reads what we write, and we read what it writes."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, to_binary_event
from cloudevents.core.v1.event import CloudEvent

from shared.delivery import envelope, reading
from shared.delivery.record import KeptRecord
from shared.events.catalogue import OWNER_TOPICS
from shared.events.fact import Event
from shared.events.submissions import SubmissionPosted
from tests.contracts.examples import (
    AT,
    CAUSE,
    CORRELATION,
    EXAMPLES,
    ID,
    NUMBER,
    ONE_OF_EACH,
    SOURCE,
    SUBJECT,
    headers_of,
)
from tests.shared.folds import fold_of

Examples = pytest.mark.parametrize(("kind", "example"), EXAMPLES)


def record_of(event: Event, headers: Any, value: bytes) -> KeptRecord:
    key = event.record_key(SUBJECT).encode()
    return KeptRecord(event.topic, 3, 41, 1_773_368_130_000, key, value, headers)


@Examples
def test_the_sdk_reads_the_attributes_and_the_data_that_we_wrote(kind: type[Event], example: bytes) -> None:
    event = kind.read(example)
    key = event.record_key(SUBJECT).encode()
    told = from_binary_event(KafkaMessage(dict(headers_of(event)), key, event.write()))

    assert told.get_specversion() == "1.0"
    assert told.get_id() == str(ID)
    assert told.get_source() == f"/simpul/{SOURCE}"
    assert told.get_type() == kind.type
    assert told.get_time() == AT
    assert told.get_subject() == str(SUBJECT)
    assert told.get_datacontenttype() == "application/json"
    assert told.get_extension("sequence") == ("1.7" if kind.topic in OWNER_TOPICS else None)
    assert told.get_extension("causationid") == str(CAUSE)
    assert told.get_extension("correlationid") == str(CORRELATION)
    assert told.get_extension("partitionkey") == key.decode()
    assert told.get_data() == json.loads(event.write())


@Examples
def test_the_schema_is_named_by_an_absolute_uri(kind: type[Event], example: bytes) -> None:
    schema = from_binary_event(
        KafkaMessage(dict(headers_of(kind.read(example))), None, b"{}")
    ).get_dataschema()
    assert schema is not None
    assert re.fullmatch(r"[a-z][a-z0-9+.-]*:[!-~]+", schema)


@Examples
def test_what_the_sdk_writes_we_read(kind: type[Event], example: bytes) -> None:
    event = kind.read(example)
    attributes: dict[str, Any] = {
        "id": str(ID),
        "source": "/somebody/else",
        "type": kind.type,
        "time": AT,
        "subject": str(SUBJECT),
        "datacontenttype": "application/json",
        "causationid": str(CAUSE),
        "correlationid": str(CORRELATION),
        "partitionkey": event.record_key(SUBJECT),
    }
    if kind.topic in OWNER_TOPICS:
        attributes["sequence"] = "1.7"
    message = to_binary_event(CloudEvent(attributes, json.loads(event.write())))

    item = reading.read(record_of(event, list(message.headers.items()), message.value), fold_of(kind))

    assert item.problem is None
    assert isinstance(item.fact, kind)
    assert item.fact.write() == event.write()
    assert item.key == SUBJECT
    assert item.number == (NUMBER if kind.topic in OWNER_TOPICS else None)
    assert item.cause is not None
    assert item.cause.correlation == CORRELATION
    if kind is not SubmissionPosted:
        assert item.fact.id == ID


@Examples
def test_we_read_what_we_wrote(kind: type[Event], example: bytes) -> None:
    event = kind.read(example)
    item = reading.read(record_of(event, headers_of(event), event.write()), fold_of(kind))
    assert item.problem is None
    assert isinstance(item.fact, kind)
    assert item.fact.write() == event.write()
    assert item.key == SUBJECT


@pytest.mark.parametrize(("kind", "example"), ONE_OF_EACH)
def test_the_sdk_and_we_write_the_same_headers(kind: type[Event], example: bytes) -> None:
    event = kind.read(example)
    ours = dict(headers_of(event))
    told = from_binary_event(KafkaMessage(ours, event.record_key(SUBJECT).encode(), event.write()))
    theirs = to_binary_event(told)
    trace = {"traceparent": ours["traceparent"]}
    assert theirs.headers | trace == ours
    assert theirs.key == event.record_key(SUBJECT)


@pytest.mark.parametrize(
    ("at", "written"),
    [
        (datetime(2026, 3, 13, 2, 15, 30, tzinfo=UTC), "2026-03-13T02:15:30Z"),
        (datetime(2026, 3, 13, 2, 15, 30, 5, tzinfo=UTC), "2026-03-13T02:15:30.000005Z"),
        (
            datetime(2026, 3, 13, 9, 15, 30, tzinfo=timezone(timedelta(hours=7))),
            "2026-03-13T09:15:30+07:00",
        ),
    ],
)
def test_an_instant_is_written_as_rfc_3339(at: datetime, written: str) -> None:
    assert envelope.instant(at) == written
    assert datetime.fromisoformat(written) == at


def test_a_submission_may_come_without_any_header() -> None:
    event = SubmissionPosted.read(
        b'{"source":"radio","reference":"7","channel":"mass_media",'
        b'"reported_at":"2026-03-13T02:10:00Z","text":"Sampah menumpuk."}'
    )
    item = reading.read(record_of(event, [], event.write()), fold_of(SubmissionPosted))
    assert item.problem is None
    assert isinstance(item.fact, SubmissionPosted)
    assert item.fact.write() == event.write()
    assert item.cause is not None
    assert item.cause.id == item.cause.correlation != UUID(int=0)
