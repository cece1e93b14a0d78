"""What happens in SP4N-LAPOR to a complaint that is here."""

from typing import Any

import pytest

from services.routing.domain.acts import Route
from shared.events.ids import event_id
from shared.events.routing import ComplaintAnswered, ComplaintClosed, ComplaintRouted
from tests.routing.world import (
    HOUR,
    NOW,
    a_case,
    done,
    fold,
    kinds,
    linked,
    reassigned,
    replied,
    replied_there,
    status_changed,
)


def test_the_reports_number_there_is_remembered() -> None:
    assert fold(a_case("routed"), linked()).state.in_lapor.lapor_id == "7000001"


@pytest.mark.parametrize("kind", ["closed", "archived", "blocked"])
def test_an_end_there_is_the_same_end_here(kind: Any) -> None:
    event = status_changed(kind, status="Diarsipkan oleh Admin", at=NOW - 5 * HOUR)
    decision = fold(a_case("in_work"), event)
    [closed] = decision.says
    assert isinstance(closed, ComplaintClosed)
    assert (closed.kind, closed.by.kind, closed.at) == (kind, "lapor", NOW - 5 * HOUR)
    assert closed.reason == "Diarsipkan oleh Admin"
    assert decision.state.dispositions[-1].ended == "closed"


@pytest.mark.parametrize("at", [None, NOW + HOUR])
def test_an_instant_there_is_unknown_or_never_in_the_future(at: Any) -> None:
    [closed] = fold(a_case("in_work"), status_changed(at=at)).says
    assert isinstance(closed, ComplaintClosed)
    assert closed.at == (None if at is None else NOW)


@pytest.mark.parametrize("state", ["open", "waiting", "answered", "unknown"])
def test_another_status_there_is_shown_and_moves_nothing(state: Any) -> None:
    decision = fold(a_case("routed"), status_changed(state, status="Proses"))
    assert decision.says == ()
    assert decision.state.state == "routed"
    assert decision.state.in_lapor.status == "Proses"


def test_a_case_closed_here_is_not_closed_again_by_lapor() -> None:
    decision = fold(a_case("closed"), status_changed("closed"))
    assert decision.says == ()
    assert decision.state.in_lapor.state == "closed"


def test_a_disposition_there_is_the_next_one_here() -> None:
    decision = fold(a_case("in_work"), reassigned("BERSIH", at=NOW - HOUR))
    [routed] = decision.says
    assert isinstance(routed, ComplaintRouted)
    assert (routed.disposition, routed.opd, routed.by.kind, routed.at) == (2, "BERSIH", "lapor", NOW - HOUR)
    first, second = decision.state.dispositions
    assert (first.ended, second.ended) == ("rerouted", None)


def test_a_disposition_there_to_the_opd_that_has_it_says_nothing() -> None:
    decision = fold(a_case("in_work"), reassigned("LAMPU"))
    assert decision.says == ()
    assert decision.state.state == "in_work"


@pytest.mark.parametrize("opd", [None, "PEMKOT", "LAMA", "TIDAK-ADA"])
def test_an_institution_we_do_not_know_is_kept_as_it_is_written(opd: str | None) -> None:
    decision = fold(a_case("routed"), reassigned(opd))
    assert decision.says == ()
    assert decision.state.in_lapor.institution == "Dinas Entah"
    assert decision.state.history[-1].text == "Dinas Entah"
    assert decision.state.opd == "LAMPU"


def test_in_triage_an_outsider_that_lapor_chose_becomes_the_first_candidate() -> None:
    case = fold(a_case("triage"), reassigned("LISTRIK")).state
    assert case.state == "triage"
    assert case.found is not None
    assert case.found.candidates[0].opd == "LISTRIK"


def test_an_opds_reply_there_is_its_answer_here_once_per_item() -> None:
    event = replied_there(item="9", at=NOW + HOUR)
    decision = fold(a_case("asked"), event, event, replied_there(item="9", name="said again"))
    [answered] = decision.says
    assert isinstance(answered, ComplaintAnswered)
    assert (answered.disposition, answered.opd, answered.by.kind) == (1, "LAMPU", "lapor")
    assert answered.at == NOW
    assert answered.id == event_id(event.id, ComplaintAnswered.type, 0)


def test_an_item_that_is_said_again_under_another_name_does_not_answer_again() -> None:
    decision = fold(
        a_case("asked"), replied_there("9", at=NOW), replied(), replied_there("9", "said again", at=NOW)
    )
    assert kinds(decision.says) == ["complaint.answered"]
    assert decision.state.state == "in_work"


def test_an_answer_there_never_lies_before_its_disposition() -> None:
    [answered] = fold(a_case("routed"), replied_there(at=NOW - 50 * HOUR)).says
    assert isinstance(answered, ComplaintAnswered)
    assert answered.at == NOW


def test_a_second_reply_there_to_an_answered_case_is_a_note_with_its_words() -> None:
    decision = fold(a_case("answered"), replied_there(item="10", text="Juga dicat."))
    assert decision.says == ()
    assert (decision.state.history[-1].note, decision.state.history[-1].text) == (True, "Juga dicat.")


@pytest.mark.parametrize("kind", ["citizen", "lapor", "system"])
def test_only_an_opds_words_there_are_an_answer(kind: str) -> None:
    decision = fold(a_case("routed"), replied_there(kind=kind))
    assert decision.says == ()
    assert decision.state.state == "routed"


def test_a_person_here_overrules_lapor_and_lapor_a_person_here_each_as_the_next_disposition() -> None:
    decision = fold(
        a_case("routed"),
        done(Route(opd="JALAN")),
        reassigned("BERSIH"),
        done(Route(opd="JALAN"), name="again"),
    )
    assert kinds(decision.says) == ["complaint.routed"] * 3
    assert [d.opd for d in decision.state.dispositions] == ["LAMPU", "JALAN", "BERSIH", "JALAN"]
    assert [d.number for d in decision.state.dispositions] == [1, 2, 3, 4]
