"""What every event is: frozen, strict when written, tolerant when read, under an id that is given once."""

from datetime import UTC, datetime, timedelta, timezone
from typing import ClassVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.events.catalogue import EVENTS, OWNER_TOPICS
from shared.events.fact import Event, Instant
from shared.events.intake import CitizenReplied
from shared.events.parts import Place, Reporter, SentAttachment
from shared.events.receipts import SubmissionRefused
from shared.events.sla import Pause

ID = UUID("7d1f0c3e-52a6-5a0b-8f52-9a0e6a1f2b11")
SUBJECT = UUID("0b7f6a52-7a4e-5d55-9d3a-1f0b0c8f6f01")
JAKARTA = timezone(timedelta(hours=7))


class Happened(Event):
    """An event with nothing but its instant."""

    topic: ClassVar[str] = "lapor.events"
    type: ClassVar[str] = "simpul.thing.happened.v1"
    at: Instant | None


def test_a_writer_may_not_add_a_field() -> None:
    with pytest.raises(ValidationError, match="mood"):
        CitizenReplied.model_validate({"at": None, "text": "ya", "mood": "patient"})


def test_a_reader_ignores_what_it_does_not_know_however_deep() -> None:
    read = CitizenReplied.read(
        b'{"at": null, "text": "ya", "mood": "patient", "attachments":'
        b' [{"id": "1", "name": "a", "media_type": "b", "size": 1, "sha256": "c", "colour": "red"}]}'
    )
    assert read.text == "ya"
    assert b"red" not in read.write()


def test_an_event_does_not_change() -> None:
    reply = CitizenReplied(at=None, text="ya")
    with pytest.raises(ValidationError, match="frozen"):
        setattr(reply, "text", "tidak")  # noqa: B010 — mypy would not let it


@given(st.datetimes(timezones=st.just(JAKARTA)).filter(lambda at: 1900 <= at.year < 3000))
def test_any_zone_is_read_and_utc_is_kept(at: datetime) -> None:
    kept = Happened.read(Happened(at=at).write()).at
    assert kept == at
    assert kept is not None
    assert kept.tzinfo is UTC or kept.utcoffset() == timedelta(0)
    assert Happened(at=at).write().endswith(b'Z"}')


def test_an_instant_without_a_zone_is_none() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        Happened.read(b'{"at": "2026-03-13T02:15:30"}')


def test_a_fact_has_the_id_it_came_under_and_none_before() -> None:
    reply = CitizenReplied(at=None, text="ya")
    assert not reply.has_id
    with pytest.raises(LookupError, match="CitizenReplied has no id yet"):
        _ = reply.id
    assert reply.known_as(ID).id == ID
    assert reply.has_id


def test_the_id_travels_beside_the_value_not_in_it() -> None:
    reply = CitizenReplied(at=None, text="ya")
    assert reply.write() == CitizenReplied(at=None, text="ya").known_as(ID).write()


def test_owners_topics_are_keyed_by_complaint() -> None:
    assert CitizenReplied(at=None, text="ya").record_key(SUBJECT) == str(SUBJECT)
    with pytest.raises(LookupError, match="is keyed by complaint and names none"):
        CitizenReplied(at=None, text="ya").record_key(None)


def test_receipts_are_keyed_as_their_sender_named_it() -> None:
    refused = SubmissionRefused(source="sikesal", reference="a:1", errors=())
    assert refused.record_key(None) == refused.record_key(SUBJECT) == "sikesal:a:1"


@pytest.mark.parametrize("kind", [kind for kind in EVENTS.values() if kind.topic in OWNER_TOPICS[:2]])
def test_every_fact_of_intake_and_routing_says_when_it_happened(kind: type[Event]) -> None:
    assert kind.model_fields["at"].is_required()


def test_from_and_to_are_written_as_the_contract_names_them() -> None:
    pause = Pause.model_validate({"from": "2026-03-17T02:00:00Z"})
    assert pause.model_dump_json() == '{"from":"2026-03-17T02:00:00Z","to":null}'
    assert Pause(from_=pause.from_) == pause


@pytest.mark.parametrize("sent", [{}, {"url": "https://contoh.invalid/a", "inline": "QUJD"}])
def test_a_sent_attachment_is_a_url_or_the_bytes(sent: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="give exactly one of url and inline"):
        SentAttachment.model_validate({"name": "foto.jpg", "media_type": "image/jpeg", **sent})


@pytest.mark.parametrize(
    "place",
    [{"lat": 90.1}, {"lon": -180.1}, {"lat": float("nan")}, {"kelurahan": "15.71"}, {"kecamatan": "1571"}],
)
def test_a_place_is_on_the_globe_and_its_codes_are_official(place: dict[str, float | str]) -> None:
    with pytest.raises(ValidationError):
        Place.model_validate(place)


@pytest.mark.parametrize("nik", ["", "157101", "1" * 17, "x" * 16, "١" * 16])
def test_a_nik_has_sixteen_digits(nik: str) -> None:
    with pytest.raises(ValidationError):
        Reporter(nik=nik)
