"""What only the city does: a case brought back, classified by a person, given more time."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.routing.domain.acts import Answer, Classify, Extend, HandBack, Progress, Reject, Reopen, Route
from services.routing.domain.case import Case
from services.routing.domain.city import parse_city
from shared.decision import Refused
from shared.events.routing import ComplaintClassified, DeadlineExtended, TriageRequested
from tests.routing.world import (
    AT_LAMPS,
    CITY,
    DOCUMENTS,
    NOW,
    VAGUE,
    VERIFIER,
    a_case,
    done,
    fold,
    kinds,
    lapsed,
    received,
    replied,
)


def reopened(case: Case, reason: str = "Masih padam.") -> Case:
    return fold(case, done(Reopen(reason=reason))).state


def test_a_reopened_case_is_nobodys_and_whoever_had_it_is_the_first_candidate() -> None:
    decision = fold(a_case("closed"), done(Reopen(reason="Masih padam.")))
    asked = decision.says[1]
    assert isinstance(asked, TriageRequested)
    assert asked.reasons == ("reopened",)
    assert [candidate.opd for candidate in asked.candidates] == ["LAMPU", "JALAN"]
    assert (decision.state.opd, decision.state.pinned) == (None, False)


def test_reopening_twice_says_nothing_the_second_time_and_other_words_are_refused() -> None:
    case = reopened(a_case("closed"))
    assert fold(case, done(Reopen(reason="Masih padam."), name="again")).says == ()
    with pytest.raises(Refused, match="triage; reopen"):
        fold(case, done(Reopen(reason="Belum selesai."), name="other words"))


def test_a_reopened_case_goes_its_whole_way_again_under_the_next_disposition() -> None:
    says = fold(reopened(a_case("closed")), done(Route(opd="JALAN")), done(Answer(text="Kini menyala."))).says
    assert kinds(says) == ["complaint.routed", "complaint.answered"]
    assert [event.disposition for event in says] == [2, 2]  # type: ignore[attr-defined]


def test_a_rejected_case_that_was_reopened_may_be_rejected_again_for_another_reason() -> None:
    again = fold(reopened(a_case("rejected")), done(Reject(kind="unclear", reason="Tetap tidak jelas.")))
    assert (again.state.state, again.state.opd) == ("rejected", None)


def test_the_silence_that_followed_the_old_answer_does_not_close_a_reopened_case() -> None:
    answered = a_case("answered")
    assert answered.last_act is not None
    closed = fold(answered, lapsed("silence", answered.last_act.event)).state
    after = fold(reopened(closed), lapsed("silence", answered.last_act.event, "later"))
    assert (after.state.state, after.says) == ("triage", ())


# classify


def test_a_person_says_what_it_is_about_and_what_was_left_out_stays() -> None:
    before = a_case("routed")
    [said] = fold(before, done(Classify(klasifikasi="aspirasi"))).says
    assert isinstance(said, ComplaintClassified)
    assert before.classified is not None
    assert (said.category, said.urgency) == (before.classified.category, before.classified.urgency)
    assert (said.klasifikasi, said.by, said.confidence) == ("aspirasi", VERIFIER, None)


@pytest.mark.parametrize("called", ["2", "Jalan Rusak", "INFRASTRUKTUR / jalan rusak"])
def test_a_category_is_taken_by_any_of_its_names_and_said_by_one(called: str) -> None:
    [said] = fold(a_case("triage"), done(Classify(category=called))).says
    assert isinstance(said, ComplaintClassified)
    assert said.category == "Jalan Rusak"


def test_a_category_that_the_registry_does_not_know_is_refused_by_field_and_not_quoted() -> None:
    with pytest.raises(Refused) as refused:
        fold(a_case("triage"), done(Classify(category="Naga terbang")))
    [error] = refused.value.errors
    assert error.field == "category"
    assert "Naga" not in error.reason
    assert not refused.value.conflict


def test_the_same_classification_again_says_nothing() -> None:
    act = Classify(category="Jalan Rusak", klasifikasi="aspirasi", urgency="urgent")
    once = fold(a_case("in_work"), done(act)).state
    assert fold(once, done(act.model_copy(), name="again")).says == ()
    assert fold(once, done(Classify(urgency="urgent"), name="a part of it")).says == ()


@pytest.mark.parametrize("state", ["routed", "in_work", "asked", "answered"])
def test_a_classification_moves_no_case_and_unpins_none(state: Any) -> None:
    before = a_case(state)
    after = fold(before, done(Classify(category="Jalan Rusak"))).state
    assert (after.state, after.opd, after.dispositions) == (before.state, before.opd, before.dispositions)
    chosen = fold(a_case("triage"), done(Route(opd="LAMPU"))).state
    assert fold(chosen, done(Classify(category="Jalan Rusak"))).state.pinned


def test_the_verifier_sees_the_owner_of_the_category_as_the_first_candidate() -> None:
    case = fold(a_case("triage"), done(Classify(category="Jalan Rusak"))).state
    assert case.found is not None
    first = case.found.candidates[0]
    assert (first.opd, first.score) == ("JALAN", CITY.deciding.category_confidence["high"])
    assert "Jalan Rusak" in first.why


def test_what_a_person_classified_is_not_classified_anew_when_it_is_routed() -> None:
    says = fold(a_case("triage"), done(Classify(category="Jalan Rusak")), done(Route(opd="JALAN"))).says
    assert kinds(says) == ["complaint.classified", "complaint.routed"]


def test_a_classification_needs_something_to_say() -> None:
    with pytest.raises(ValidationError):
        Classify()


@pytest.mark.parametrize(
    "act", [Classify(urgency="normal"), Extend(clock="resolution", days=3, reason="Hujan.")]
)
def test_who_is_waited_for_is_still_waited_for_after_a_remark(act: Any) -> None:
    asked = a_case("asked")
    assert asked.last_act is not None
    since = asked.last_act.event
    remarked = fold(asked, done(act.model_copy()))
    assert len(remarked.says) == 1
    assert fold(remarked.state, lapsed("completion", since)).state.state == "closed"


# extend


def extend(clock: Any, days: int = 2, reason: str = "Hujan.") -> Extend:
    return Extend(clock=clock, days=days, reason=reason)


def test_an_extension_names_clock_days_reason_and_the_present_disposition() -> None:
    case = fold(a_case("routed"), done(Route(opd="JALAN"))).state
    [first] = fold(case, done(extend("first_response"))).says
    [whole] = fold(case, done(extend("resolution"))).says
    assert isinstance(first, DeadlineExtended)
    assert isinstance(whole, DeadlineExtended)
    assert (first.clock, first.days, first.disposition) == ("first_response", 2, 2)
    assert (first.reason, first.by, first.at) == ("Hujan.", VERIFIER, NOW)
    assert whole.disposition is None


@pytest.mark.parametrize(("clock", "days"), [("verify", 4), ("first_response", 6), ("resolution", 15)])
def test_more_days_than_the_city_gives_are_refused_by_field(clock: Any, days: int) -> None:
    with pytest.raises(Refused) as refused:
        fold(a_case("triage" if clock == "verify" else "routed"), done(extend(clock, days)))
    assert [error.field for error in refused.value.errors] == ["days"]


def test_a_clock_is_extended_so_often_and_no_more() -> None:
    case = fold(
        a_case("routed"), done(extend("resolution", 3, "Satu.")), done(extend("resolution", 3, "Dua."))
    ).state
    with pytest.raises(Refused, match="resolution clock was extended 2 times"):
        fold(case, done(extend("resolution", 3, "Tiga.")))
    once = fold(case, done(extend("first_response"))).state
    with pytest.raises(Refused, match="routed; extend"):
        fold(once, done(extend("first_response", 1, "Lagi.")))
    elsewhere = fold(once, done(Route(opd="JALAN"))).state
    assert kinds(fold(elsewhere, done(extend("first_response", 1, "Lagi."))).says) == ["deadline.extended"]


def test_the_same_extension_again_says_nothing() -> None:
    once = fold(a_case("routed"), done(extend("resolution"))).state
    assert fold(once, done(extend("resolution"), name="again")).says == ()


@pytest.mark.parametrize(
    ("case", "clock"),
    [
        (fold(a_case("routed"), done(HandBack(reason="Bukan kami."), AT_LAMPS)).state, "verify"),
        (fold(a_case("routed"), done(Progress(text="Jalan."), AT_LAMPS)).state, "first_response"),
        (fold(a_case("answered"), replied()).state, "resolution"),
        (reopened(a_case("rejected")), "verify"),
        (reopened(a_case("closed")), "resolution"),
    ],
)
def test_a_clock_that_has_been_met_cannot_be_extended(case: Case, clock: Any) -> None:
    with pytest.raises(Refused, match=f"extend is not possible: its {clock} clock") as refused:
        fold(case, done(extend(clock)))
    assert refused.value.conflict


def test_a_city_that_names_no_extension_gives_none() -> None:
    routing = {name: value for name, value in DOCUMENTS["routing"].items() if name != "extensions"}
    strict = parse_city({**DOCUMENTS, "routing": routing}, 8)
    with pytest.raises(Refused, match="no resolution"):
        fold(a_case("routed"), done(extend("resolution")), city=strict)


def test_an_extension_is_for_a_complaint_that_is_there() -> None:
    with pytest.raises(Refused, match="new"):
        fold(Case(), done(extend("verify")))
    late = fold(fold(Case(), received(VAGUE)).state, done(extend("verify")), now=NOW + timedelta(days=1))
    assert kinds(late.says) == ["deadline.extended"]
