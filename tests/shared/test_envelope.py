"""The headers of an event: what is in them, and how they are read back."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delivery import envelope, sequence
from shared.delivery.reading import begun_trace

SUBJECT, ID, CAUSE, CORRELATION = (UUID(int=n, version=5) for n in (1, 2, 3, 4))
AT = datetime(2026, 3, 13, 2, 15, 30, tzinfo=UTC)


def headers(number: int | None, cause: UUID | None) -> dict[str, bytes]:
    return dict(
        envelope.headers(
            "intake",
            SUBJECT,
            "intake.events",
            str(SUBJECT),
            "simpul.citizen.replied.v1",
            ID,
            number,
            AT,
            cause,
            CORRELATION,
            begun_trace(CORRELATION),
        )
    )


def test_the_headers_say_which_event_it_is_of_whom_and_why() -> None:
    assert headers(sequence.parse("2.7"), CAUSE) == {
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_id": str(ID).encode(),
        "ce_source": b"/simpul/intake",
        "ce_type": b"simpul.citizen.replied.v1",
        "ce_time": b"2026-03-13T02:15:30Z",
        "ce_subject": str(SUBJECT).encode(),
        "ce_dataschema": b"urn:simpul:contracts:intake.events:simpul.citizen.replied.v1",
        "ce_partitionkey": str(SUBJECT).encode(),
        "ce_correlationid": str(CORRELATION).encode(),
        "traceparent": begun_trace(CORRELATION).encode(),
        "ce_sequence": b"2.7",
        "ce_causationid": str(CAUSE).encode(),
    }


def test_what_is_not_numbered_or_has_no_cause_says_so_by_leaving_it_out() -> None:
    assert headers(1, CAUSE).keys() - headers(None, None).keys() == {"ce_sequence", "ce_causationid"}


def test_every_header_is_ascii_and_none_is_written_twice() -> None:
    written = envelope.headers(
        "intake", SUBJECT, "t", "k", "simpul.a.b.v1", ID, 1, AT, CAUSE, CORRELATION, begun_trace(ID)
    )
    assert len({name for name, _ in written}) == len(written)
    assert all(value.isascii() for _, value in written)


@given(st.uuids(), st.datetimes(timezones=st.just(UTC)))
def test_ids_and_instants_read_back(event_id: UUID, at: datetime) -> None:
    assert envelope.uuid_in({"ce_id": str(event_id).encode()}, "ce_id") == event_id
    assert datetime.fromisoformat(envelope.instant(at)) == at


@given(st.uuids().filter(lambda one: one.int >> 64))
def test_a_trace_begun_here_may_be_carried_on(correlation: UUID) -> None:
    assert envelope.is_traceparent(begun_trace(correlation))


@given(st.text(max_size=60) | st.from_regex(r"[0-9a-zA-Z]{2}-.{32}-.{16}-[0-9a-z]{2}", fullmatch=True))
def test_whatever_is_carried_on_as_a_trace_is_plain_hex(value: str) -> None:
    if envelope.is_traceparent(value):
        assert set(value) <= set("0123456789abcdef-")
        assert len(value) == 55


@pytest.mark.parametrize("value", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80"])
def test_what_is_not_utf_8_is_told_by_the_headers_name(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"^header ce_type is not UTF-8$"):
        envelope.text({"ce_type": value}, "ce_type")


def test_a_header_that_is_not_there_is_none_or_missed() -> None:
    assert envelope.text({}, "ce_type") is None
    assert envelope.text({"ce_type": None}, "ce_type") is None
    for found in ({}, {"ce_type": None}, {"ce_type": b""}):
        with pytest.raises(ValueError, match=r"^header ce_type is missing$"):
            envelope.required(found, "ce_type")
