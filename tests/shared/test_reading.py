"""Reading a record: every kind of bad one has its own words, none of them quotes, and reading never raises."""

import json
import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delivery import envelope, reading
from shared.delivery.reading import Item
from shared.delivery.record import KeptRecord
from shared.events.fact import Event
from shared.events.intake import CitizenReplied, ComplaintWithdrawn
from shared.events.receipts import SubmissionAccepted
from shared.events.sla import ClocksStated
from shared.events.submissions import SubmissionPosted
from tests.shared.folds import SUBJECT, fold_of

FOLD = fold_of(CitizenReplied, SubmissionAccepted, SubmissionPosted)
SECRET = "rahasia warga contoh"
"""What a citizen wrote; no reason may repeat it."""

ID = UUID("7d1f0c3e-52a6-5a0b-8f52-9a0e6a1f2b11")
CORRELATION = UUID("9c0d1e2f-3a4b-5c6d-8e7f-0a1b2c3d4e33")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

REPLY = {"at": "2026-03-17T11:20:00Z", "text": SECRET}
SUBMISSION = {
    "source": "sikesal",
    "reference": "2026-000123",
    "channel": "app",
    "reported_at": "2026-03-13T02:10:00Z",
    "text": SECRET,
}
HEADERS: dict[str, bytes | None] = {
    "content-type": b"application/json",
    "ce_specversion": b"1.0",
    "ce_id": str(ID).encode(),
    "ce_source": b"/simpul/intake",
    "ce_type": CitizenReplied.type.encode(),
    "ce_time": b"2026-03-17T11:20:01Z",
    "ce_subject": str(SUBJECT).encode(),
    "ce_sequence": b"1.4",
    "ce_correlationid": str(CORRELATION).encode(),
    "traceparent": TRACE.encode(),
}


def owners(
    value: Any = REPLY,
    *,
    topic: str = "intake.events",
    key: bytes | None = str(SUBJECT).encode(),
    without: str | None = None,
    changed: Mapping[str, bytes | None] = MappingProxyType({}),
) -> Item:
    """A record of intake's own topic, with some headers changed or one left out."""
    headers = {**HEADERS, **changed}
    if without is not None:
        del headers[without]
    return reading.read(_record(topic, key, value, headers), FOLD)


def strangers(value: Any = SUBMISSION, **headers: bytes | None) -> Item:
    """A record that somebody outside put into intake.submissions."""
    return reading.read(_record("intake.submissions", b"any key", value, headers), FOLD)


def _record(topic: str, key: bytes | None, value: Any, headers: dict[str, bytes | None]) -> KeptRecord:
    written = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
    return KeptRecord(topic, 3, 41, 1_773_368_130_000, key, written, list(headers.items()))


def written(fact: object) -> Any:
    assert isinstance(fact, Event)
    return json.loads(fact.write())


# What an owner says


def test_a_good_record_is_its_event_under_its_own_id() -> None:
    item = owners()
    assert item.problem is None
    assert item.key == SUBJECT
    assert item.number == 10**12 + 4
    assert isinstance(item.fact, CitizenReplied)
    assert item.fact.id == ID
    assert item.cause == reading.Cause(ID, CORRELATION, TRACE)


def test_fields_of_a_later_version_are_ignored() -> None:
    assert owners({**REPLY, "mood": "patient"}).problem is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "value: the record has no value"),
        (b"", "value: Invalid JSON: EOF while parsing a value"),
        (b"%PDF-1.7", "value: Invalid JSON: expected value"),
        (b'{"at": null, "text": "' + SECRET.encode(), "value: Invalid JSON: EOF while parsing a string"),
        (b'{"at": null, "text": "\xff\xfe"}', "value: Invalid JSON: invalid unicode code point"),
        (b'{"at": null, "text": "a\x00b"}', "value: Invalid JSON: control character"),
        (b'{"at": null, "text": "\\ud800"}', "value: Invalid JSON"),
        ([REPLY], "value: Input should be an object"),
        ("text", "value: Input should be an object"),
        ({}, "at: Field required; text: Field required"),
        ({**REPLY, "text": 5}, "text: Input should be a valid string"),
        ({**REPLY, "text": "x" * 10_001}, "text: String should have at most 10000 characters"),
        ({**REPLY, "at": "2026-03-17T11:20:00"}, "at: Input should have timezone info"),
        ({**REPLY, "at": SECRET}, "at: Input should be a valid datetime"),
        ({**REPLY, "answers": SECRET}, "answers: Input should be a valid UUID"),
        (
            {**REPLY, "attachments": [{"id": SECRET}]},
            "attachments.0.name: Field required; attachments.0.media_type: Field required",
        ),
        ({**REPLY, "text": "nol \x00"}, "text: may not hold the character U+0000"),
        ({**REPLY, "attachments": [{"id": "\x00"}]}, "attachments: may not hold the character U+0000"),
    ],
)
def test_a_value_that_breaks_the_contract_is_told_by_field(value: Any, problem: str) -> None:
    item = owners(value)
    assert item.problem is not None
    assert item.problem.startswith(problem)
    assert SECRET not in item.problem
    assert item.fact is None
    assert (item.key, item.number) == (SUBJECT, 10**12 + 4)
    assert "; ".join(f"{error.field}: {error.reason}" for error in item.errors) == item.problem


@pytest.mark.parametrize("header", ["ce_id", "ce_type", "ce_sequence"])
@pytest.mark.parametrize(
    ("value", "wrong"),
    [(b"\xff\xfe", "is not UTF-8"), (None, "is missing"), (b"", "is missing")],
)
def test_a_header_that_cannot_be_read_is_named(header: str, value: bytes | None, wrong: str) -> None:
    item = owners(changed={header: value})
    assert item.problem == f"header {header} {wrong}"
    assert item.key == SUBJECT


@pytest.mark.parametrize("header", ["ce_id", "ce_type", "ce_sequence"])
def test_a_header_that_is_not_there_is_named(header: str) -> None:
    assert owners(without=header).problem == f"header {header} is missing"


def test_an_id_that_is_no_uuid_is_named() -> None:
    assert owners(changed={"ce_id": SECRET.encode()}).problem == "header ce_id is not a UUID"


def test_a_number_that_is_none_is_told() -> None:
    assert owners(changed={"ce_sequence": b"7"}).problem == "ce_sequence must be <epoch>.<n>, both from 1"


@pytest.mark.parametrize(
    "header",
    [
        "ce_specversion",
        "ce_source",
        "ce_time",
        "ce_correlationid",
        "ce_dataschema",
        "traceparent",
        "content-type",
    ],
)
@pytest.mark.parametrize("value", [b"\xff\xfe", None, b"", b"\x00"])
def test_a_header_that_decides_nothing_may_be_rubbish(header: str, value: bytes | None) -> None:
    item = owners(changed={header: value})
    assert item.problem is None
    assert item.fact is not None


@pytest.mark.parametrize("value", [b"\xff\xfe", None, b"", b"not a uuid"])
def test_without_a_readable_subject_the_records_key_says_which_complaint(value: bytes | None) -> None:
    item = owners(changed={"ce_subject": value})
    assert item.problem is None
    assert item.key == SUBJECT


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"rumah"])
def test_an_event_that_names_no_complaint_is_not_passed_over_in_silence(key: bytes | None) -> None:
    item = owners(changed={"ce_subject": b"\xff"}, key=key)
    assert item.key is None
    assert item.problem == "it names no complaint, neither in ce_subject nor in its key"


def test_a_type_that_is_not_listed_only_advances_the_number() -> None:
    item = owners(b"not even JSON", changed={"ce_type": ComplaintWithdrawn.type.encode()})
    assert (item.fact, item.problem) == (None, None)
    assert (item.key, item.number) == (SUBJECT, 10**12 + 4)


def test_a_later_major_of_a_listed_type_is_not_listed() -> None:
    item = owners(changed={"ce_type": b"simpul.citizen.replied.v2"})
    assert (item.fact, item.problem, item.number) == (None, None, 10**12 + 4)


def test_a_listed_type_on_another_owners_topic_is_not_listed_there() -> None:
    item = owners(topic="routing.events")
    assert (item.fact, item.problem, item.number) == (None, None, 10**12 + 4)


def test_receipts_have_no_numbers() -> None:
    receipt = {
        "source": "lapor",
        "reference": "1",
        "ticket": "09963NB31RM",
        "complaint_id": str(SUBJECT),
        "repeated": False,
    }
    item = owners(
        receipt,
        topic="intake.receipts",
        key=b"lapor:1",
        without="ce_sequence",
        changed={"ce_type": SubmissionAccepted.type.encode()},
    )
    assert item.problem is None
    assert item.number is None
    assert item.key == SUBJECT


@pytest.mark.parametrize("value", [b"\xff", b"", b"x", None, b"5"])
def test_a_correlation_that_cannot_be_read_begins_anew_with_the_event(value: bytes | None) -> None:
    item = owners(changed={"ce_correlationid": value})
    assert item.cause is not None
    assert item.cause.correlation == ID


@pytest.mark.parametrize(
    "trace",
    [
        b"",
        b"00",
        TRACE.upper().encode(),
        TRACE.encode() + b"-00",
        TRACE.encode() + b"\n",
        b"ff" + TRACE.encode()[2:],
        b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01",
        b"00-0af7651916cd43dd8448eb211c80319c-" + b"0" * 16 + b"-01",
        b"00-" + b"\x00" * 32 + b"-" + b"\x00" * 16 + b"-00",
        b"00-" + b"\xff" * 32 + b"-" + b"\xff" * 16 + b"-00",
        b"00-" + b"x" * 32 + b"-" + b"y" * 16 + b"-zz",
    ],
)
def test_a_trace_that_is_none_is_not_carried_on(trace: bytes) -> None:
    for item in (owners(changed={"traceparent": trace}), strangers(traceparent=trace)):
        assert item.problem is None
        assert item.cause is not None
        assert item.cause.traceparent == reading.begun_trace(item.cause.correlation)
        assert envelope.is_traceparent(item.cause.traceparent)


# What strangers hand in


def test_a_submission_needs_no_header() -> None:
    item = strangers()
    assert item.problem is None
    assert item.key == SUBJECT
    assert item.number is None
    assert isinstance(item.fact, SubmissionPosted)


def test_the_body_wins_over_the_key_and_over_the_strangers_own_id() -> None:
    item = strangers(ce_id=str(ID).encode(), ce_subject=str(uuid.uuid4()).encode())
    assert item.problem is None
    assert item.key == SUBJECT
    assert item.fact is not None
    assert item.fact.id != ID


def test_a_redelivered_record_is_the_same_fact_and_one_sent_again_another() -> None:
    def sent(offset: int, timestamp: int = 0) -> UUID:
        value = json.dumps(SUBMISSION).encode()
        item = reading.read(KeptRecord("intake.submissions", 3, offset, timestamp, None, value, []), FOLD)
        assert item.fact is not None
        return item.fact.id

    assert sent(41) == sent(41)
    assert len({sent(41), sent(42), sent(41, timestamp=1)}) == 3


@pytest.mark.parametrize("header", [*HEADERS, "reply_to", "correlation_id"])
@pytest.mark.parametrize("value", [b"\xff\xfe\x00", None, b""])
def test_a_strangers_headers_may_be_rubbish(header: str, value: bytes | None) -> None:
    item = strangers(**{header: value})
    if header == "ce_type" and value == b"":
        assert item.problem == f"ce_type: this topic takes {SubmissionPosted.type}"
    else:
        assert item.problem is None
        assert item.fact is not None


@pytest.mark.parametrize("type_", ["simpul.submission.posted.v2", "complaint", CitizenReplied.type])
def test_another_type_than_the_topic_takes_is_refused_to_its_sender(type_: str) -> None:
    item = strangers(ce_type=type_.encode())
    assert item.problem == f"ce_type: this topic takes {SubmissionPosted.type}"
    assert item.sender == ("sikesal", "2026-000123")
    assert item.key is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"text": ""}, "text: String should have at least 1 character"),
        ({"text": None}, "text: Input should be a valid string"),
        ({"reported_at": SECRET}, "reported_at: Input should be a valid datetime"),
        ({"channel": "Kotak Saran"}, "channel: String should match pattern"),
        ({"place": {"lat": 91}}, "place.lat: Input should be less than or equal to 90"),
        ({"reporter": {"nik": SECRET}}, "reporter.nik: String should match pattern"),
        ({"reporter": {"name": "\x00"}}, "reporter: may not hold the character U+0000"),
        ({"text": f"{SECRET}\x00"}, "text: may not hold the character U+0000"),
        (
            {"attachments": [{"name": SECRET, "media_type": "image/png"}]},
            "attachments.0: Value error, give exactly one of url and inline",
        ),
    ],
)
def test_a_wrong_submission_is_refused_to_its_sender_by_field(change: Any, problem: str) -> None:
    item = strangers({**SUBMISSION, **change})
    assert item.problem is not None
    assert item.problem.startswith(problem)
    assert SECRET not in item.problem
    assert item.sender == ("sikesal", "2026-000123")
    assert item.cause is not None


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"not JSON",
        b"\xff\xfe",
        [],
        {},
        {**SUBMISSION, "source": None},
        {**SUBMISSION, "source": "two:words"},
        {**SUBMISSION, "source": ["sikesal"]},
        {**SUBMISSION, "reference": ""},
        {**SUBMISSION, "reference": "a\x00b"},
        {**SUBMISSION, "reference": "r" * 201},
        {"source": "sikesal"},
    ],
)
def test_who_cannot_be_named_cannot_be_told(value: Any) -> None:
    item = strangers(value)
    assert item.problem is not None
    assert item.sender is None
    assert item.key is None


# Whatever it is


@pytest.mark.parametrize("depth", [100, 300, 450, 600, 900, 5_000, 100_000])
@pytest.mark.parametrize("inner", [b'"\\u0000"', b"1"])
def test_json_however_deep_is_read_or_told(depth: int, inner: bytes) -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        deep = opening * depth + inner + closing * depth
        body = json.dumps(SUBMISSION).encode()[:-1] + b', "extra": ' + deep + b"}"
        assert strangers(body).problem is not None or depth <= 200
        assert owners(body).problem is not None


def test_a_huge_value_is_read_like_any_other() -> None:
    inline = "QUJD" * 340_000
    body = {
        **SUBMISSION,
        "attachments": [{"name": "foto.jpg", "media_type": "image/jpeg", "inline": inline}],
    }
    assert strangers(body).problem is None
    item = strangers({**SUBMISSION, "text": "x" * 2_100_000})
    assert item.problem == "text: String should have at most 10000 characters"
    assert item.sender == ("sikesal", "2026-000123")


def test_at_most_fifty_errors_are_told_and_shortly() -> None:
    body = {**REPLY, "attachments": [{} for _ in range(2_000)]}
    item = owners(body)
    assert len(item.errors) == 50
    assert item.problem is not None
    assert len(item.problem) <= 2_000


def test_the_words_backslash_u0000_are_not_the_character() -> None:
    assert owners({**REPLY, "text": "tertulis \\u0000 di layar"}).problem is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
values = (
    st.none()
    | st.binary(max_size=200)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from(list(SUBMISSION)), json_values).map(
        lambda change: json.dumps({**SUBMISSION, **change}).encode()
    )
)
headers = st.lists(
    st.tuples(st.sampled_from([*HEADERS, "x"]), st.none() | st.binary(max_size=60)), max_size=12
)
topics = st.sampled_from(["intake.events", "routing.events", "intake.receipts", "intake.submissions"])


@given(topics, st.none() | st.binary(max_size=40), values, headers)
def test_reading_never_raises_and_always_says_what_to_do(
    topic: str, key: bytes | None, value: bytes | None, given_headers: list[tuple[str, bytes | None]]
) -> None:
    item = reading.read(KeptRecord(topic, 0, 0, 0, key, value, given_headers), FOLD)
    assert item.record is not None
    assert item.fact is None or item.problem is None
    if item.fact is not None:
        assert item.key is not None
        assert item.cause is not None
        assert item.fact.id == item.cause.id
    if item.cause is not None:
        assert envelope.is_traceparent(item.cause.traceparent)


def test_an_act_is_its_own_cause() -> None:
    named = reading.handed_in(SUBJECT, CitizenReplied(at=None, text="ya").known_as(ID))
    assert named.cause == reading.Cause(ID, ID, reading.begun_trace(ID))
    assert named.number is None


def test_an_act_that_nobody_named_gets_an_id_of_its_own() -> None:
    one, other = (reading.handed_in(SUBJECT, CitizenReplied(at=None, text="ya")) for _ in range(2))
    assert one.cause is not None
    assert other.cause is not None
    assert one.fact is not None
    assert one.fact.id == one.cause.id != other.cause.id


def test_a_statement_of_clocks_is_read_without_a_number() -> None:
    assert not fold_of(ClocksStated).is_numbered("sla.state")
    assert fold_of(CitizenReplied).is_numbered("intake.events")
