"""Every stored example, as (class, value bytes), and the headers it travels under."""

import json
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import pytest

from ops import contracts
from shared.delivery import envelope, sequence
from shared.delivery.reading import begun_trace
from shared.events.catalogue import EVENTS, OWNER_TOPICS
from shared.events.fact import Event

SUBJECT = UUID("0b7f6a52-7a4e-5d55-9d3a-1f0b0c8f6f01")
ID = UUID("7d1f0c3e-52a6-5a0b-8f52-9a0e6a1f2b11")
CAUSE = UUID("2f8a7c1d-9b3e-5c4f-a1d2-3e4f5a6b7c22")
CORRELATION = UUID("9c0d1e2f-3a4b-5c6d-8e7f-0a1b2c3d4e33")
AT = datetime(2026, 3, 13, 2, 15, 30, 123456, tzinfo=UTC)
NUMBER = sequence.parse("1.7")
SOURCE = "tests"

EXAMPLES = [
    pytest.param(EVENTS[type_], json.dumps(example, ensure_ascii=False).encode(), id=f"{type_}-{number}")
    for type_, contract in contracts.read().items()
    for number, example in enumerate(contract.get("examples", ()), 1)
]

ONE_OF_EACH = [
    pytest.param(*cast("tuple[type[Event], bytes]", example.values), id=str(example.id).removesuffix("-1"))
    for example in EXAMPLES
    if str(example.id).endswith("-1")
]


def headers_of(event: Event) -> envelope.Headers:
    """The headers of an event as the relay writes them."""
    return envelope.headers(
        SOURCE,
        SUBJECT,
        event.topic,
        event.record_key(SUBJECT),
        event.type,
        ID,
        NUMBER if event.topic in OWNER_TOPICS else None,
        AT,
        CAUSE,
        CORRELATION,
        begun_trace(CORRELATION),
    )
