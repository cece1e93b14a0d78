"""Every field of every event that could hold words is either erased, or known to hold none."""

import types
import typing
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import pytest
from pydantic import BaseModel

from ops import contracts
from shared.events.catalogue import EVENTS
from shared.events.fact import Event
from shared.events.intake import CitizenReplied, ComplaintReceived
from shared.events.words import STATEMENTS, WHO, WORDS, wordless

NO_WORDS = {
    "ticket", "source", "reference", "channel", "opd", "suggested_opd", "language", "template", "category",
    "klasifikasi", "lapor_id", "item", "operation", "status", "institution", "institution_id", "rule", "clock",
    "policy", "calendar", "by", "into", "merged", "refer_to", "reasons", "field", "errors", "act",
    "masked",
}  # fmt: skip
"""Codes, numbers, names of offices; `reasons`, `errors` and `masked` are our own words."""

OUR_OWN_REASON = {"simpul.lapor.delivery_failed.v1"} | {name for name in EVENTS if ".clock." in name}
"""Types whose `reason` is a code or a sentence of ours."""

NEVER_SAID = {"simpul.submission.posted.v1", "simpul.opd.update.posted.v1"}
"""What others hand in: it is in no `said`, and a dead letter of it is not ours to read."""


def _may_hold_words(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _may_hold_words(get_args(annotation)[0])
    if origin in (Union, types.UnionType, tuple):
        return any(_may_hold_words(one) for one in get_args(annotation))
    if origin is Literal:
        return False
    return annotation is str or (isinstance(annotation, type) and issubclass(annotation, BaseModel))


@pytest.mark.parametrize("kind", [k for n, k in EVENTS.items() if n not in NEVER_SAID], ids=lambda k: k.type)
def test_each_field_is_erased_or_holds_no_words(kind: type[Event]) -> None:
    if kind in STATEMENTS:
        return
    hints = typing.get_type_hints(kind, include_extras=True)
    known = NO_WORDS | set(WORDS.get(kind, ())) | set(WHO.get(kind, ()))
    known |= {"reason"} if kind.type in OUR_OWN_REASON else set()
    open_ = {name for name in kind.model_fields if _may_hold_words(hints[name])} - known
    assert open_ == set(), "say in shared/events/words.py whether erasure takes it"


def test_what_is_erased_are_fields_that_there_are() -> None:
    for table in (WHO, WORDS):
        for kind, fields in table.items():
            assert set(fields) <= set(kind.model_fields), kind.type


@pytest.mark.parametrize("kind", [*WORDS, *WHO], ids=lambda k: k.type)
def test_without_words_it_is_still_valid_by_its_class(kind: type[Event]) -> None:
    for event in _examples(kind):
        for scope in ("identity", "complaint"):
            assert kind.read(wordless(event, scope).write()) == wordless(event, scope)


def test_no_word_of_a_complaint_is_left_and_its_numbers_are() -> None:
    event = _examples(ComplaintReceived)[0].known_as(UUID(int=7))
    bare = wordless(event, "complaint")
    assert isinstance(event, ComplaintReceived)
    assert isinstance(bare, ComplaintReceived)
    assert (bare.title, bare.text, bare.reporter) == ("", "", "")
    assert (bare.id, bare.ticket, bare.reported_at) == (event.id, event.ticket, event.reported_at)
    assert event.place is None or (bare.place is not None and bare.place.kelurahan == event.place.kelurahan)


def test_with_scope_identity_only_the_reporter_goes() -> None:
    event = _examples(ComplaintReceived)[0]
    bare = wordless(event, "identity")
    assert isinstance(event, ComplaintReceived)
    assert bare == event.model_copy(update={"reporter": ""})
    reply = CitizenReplied(at=None, text="ya").known_as(UUID(int=8))
    assert wordless(reply, "identity") is reply


def _examples(kind: type[Event]) -> list[Event]:
    return [kind.model_validate(example) for example in contracts.read()[kind.type]["examples"]]
