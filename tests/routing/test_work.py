"""What officials do with a case, beyond the table."""

import pytest
from pydantic import ValidationError

from services.routing.domain.acts import (
    DOERS,
    Accept,
    Act,
    Answer,
    Close,
    HandBack,
    Progress,
    Reject,
    Route,
)
from services.routing.domain.case import Case
from shared.decision import Refused
from shared.events.routing import (
    ComplaintClassified,
    ComplaintHandedBack,
    ComplaintRejected,
    ComplaintRouted,
    TriageRequested,
)
from tests.routing.world import ABROAD, AT_LAMPS, NOW, VERIFIER, a_case, done, fold, kinds, received


def test_a_verifiers_route_is_pinned_and_says_where_the_choice_stood() -> None:
    decision = fold(a_case("routed"), done(Route(opd="JALAN", note="Tiang di bahu jalan.")))
    [routed] = decision.says
    assert isinstance(routed, ComplaintRouted)
    assert (routed.disposition, routed.by, routed.at, routed.note) == (
        2,
        VERIFIER,
        NOW,
        "Tiang di bahu jalan.",
    )
    assert routed.trace == ("Dipilih petugas: kandidat ke-2 dari 2.",)
    assert decision.state.pinned


def test_routing_to_the_opd_that_has_it_only_pins_it() -> None:
    decision = fold(a_case("in_work"), done(Route(opd="LAMPU")))
    assert decision.says == ()
    assert decision.state.pinned
    assert decision.state.state == "in_work"


@pytest.mark.parametrize("opd", ["TIDAK-ADA", "LAMA", "PEMKOT", "LISTRIK"])
def test_only_an_agency_of_the_city_that_is_in_force_can_be_routed_to(opd: str) -> None:
    with pytest.raises(Refused) as refused:
        fold(a_case("triage"), done(Route(opd=opd)))
    assert not refused.value.conflict
    assert [error.field for error in refused.value.errors] == ["opd"]


def test_the_rules_category_is_said_only_where_their_owner_was_chosen() -> None:
    abroad = fold(Case(), received(ABROAD, category_hint="Listrik Padam")).state
    assert abroad.state == "triage"
    classified = fold(abroad, done(Route(opd="JALAN"))).says[0]
    assert isinstance(classified, ComplaintClassified)
    assert (classified.category, classified.by, classified.confidence) == ("Listrik Padam", VERIFIER, None)
    unhinted = fold(fold(Case(), received(ABROAD)).state, done(Route(opd="JALAN"))).says[0]
    assert isinstance(unhinted, ComplaintClassified)
    assert unhinted.category is None


def test_a_hand_back_asks_for_triage_with_the_suggestion_first_and_without_the_opd_itself() -> None:
    act = done(HandBack(reason="Tiang milik PLN.", suggested_opd="LISTRIK"), AT_LAMPS)
    decision = fold(a_case("in_work"), act)
    back, asked = decision.says
    assert isinstance(back, ComplaintHandedBack)
    assert (back.disposition, back.opd, back.suggested_opd) == (1, "LAMPU", "LISTRIK")
    assert isinstance(asked, TriageRequested)
    assert asked.reasons == ("handed_back",)
    assert [candidate.opd for candidate in asked.candidates] == ["LISTRIK", "JALAN"]
    assert decision.state.opd is None
    assert decision.state.dispositions[0].ended == "handed_back"


def test_what_a_person_chose_is_pinned_until_it_is_handed_back() -> None:
    chosen = fold(a_case("triage"), done(Route(opd="LAMPU"))).state
    assert chosen.pinned
    assert not fold(chosen, done(HandBack(reason="Bukan kami."), AT_LAMPS)).state.pinned


def test_a_suggestion_that_no_registry_knows_is_refused_by_field() -> None:
    with pytest.raises(Refused) as refused:
        fold(a_case("in_work"), done(HandBack(reason="Bukan kami.", suggested_opd="XYZ"), AT_LAMPS))
    assert [error.field for error in refused.value.errors] == ["suggested_opd"]


def test_an_opd_that_gave_the_case_back_may_say_so_twice_but_do_nothing_else() -> None:
    back = fold(a_case("routed"), done(HandBack(reason="Bukan kami."), AT_LAMPS)).state
    assert fold(back, done(HandBack(reason="Bukan kami."), AT_LAMPS, name="again")).says == ()
    with pytest.raises(Refused):
        fold(back, done(HandBack(reason="Sungguh bukan."), AT_LAMPS, name="other words"))
    with pytest.raises(Refused):
        fold(back, done(Accept(), AT_LAMPS))


def test_a_case_that_was_handed_back_is_classified_only_once() -> None:
    decision = fold(
        a_case("routed"), done(HandBack(reason="Bukan kami."), AT_LAMPS), done(Route(opd="JALAN"))
    )
    assert kinds(decision.says) == ["complaint.handed_back", "triage.requested", "complaint.routed"]
    assert [d.number for d in decision.state.dispositions] == [1, 2]


def test_a_rejection_names_who_would() -> None:
    [rejected] = fold(
        a_case("triage"), done(Reject(kind="not_ours", reason="Jaringan PLN.", refer_to="PLN 123"))
    ).says
    assert isinstance(rejected, ComplaintRejected)
    assert (rejected.kind, rejected.refer_to) == ("not_ours", "PLN 123")


def test_each_report_of_progress_counts_but_the_same_words_twice_in_a_row_do_not() -> None:
    decision = fold(
        a_case("routed"),
        done(Progress(text="Berangkat."), AT_LAMPS, "p1"),
        done(Progress(text="Berangkat."), AT_LAMPS, "p2"),
        done(Progress(text="Tiba."), AT_LAMPS, "p3"),
        done(Progress(text="Berangkat."), AT_LAMPS, "p4"),
    )
    assert kinds(decision.says) == ["complaint.progressed"] * 3


def test_another_answer_to_an_answered_case_is_refused_not_swallowed() -> None:
    with pytest.raises(Refused, match="answered"):
        fold(a_case("answered"), done(Answer(text="Lain lagi."), AT_LAMPS))


def test_a_closed_case_refuses_another_closing() -> None:
    with pytest.raises(Refused, match="closed"):
        fold(a_case("closed"), done(Close(reason="Sekali lagi.")))


@pytest.mark.parametrize("words", ["", "   ", "a\x00b", "x" * 10_001, "\ud800"])
def test_words_that_cannot_be_kept_are_refused_by_field(words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Answer(text=words)
    assert refused.value.errors()[0]["loc"] == ("text",)


def test_every_act_has_its_doers() -> None:
    assert set(DOERS) == set(Act.__subclasses__())
