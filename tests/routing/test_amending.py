"""What intake says of a complaint after it came: the case says it too, and who has it keeps it."""

import pytest

from services.routing.domain.acts import Classify, HandBack
from services.routing.domain.case import Case, CaseState
from shared.decision import Refused
from shared.events.fact import Fact
from shared.events.routing import ComplaintClassified
from tests.routing.world import (
    ACTS,
    AT_LAMPS,
    CLEAR,
    OTHER,
    VAGUE,
    a_case,
    amended,
    an_act,
    done,
    fold,
    kinds,
    lapsed,
    merged,
    received,
    replied,
    status_changed,
    unmerged,
    withdrawn,
)

CLEAR_NOW = {"title": CLEAR[0], "text": CLEAR[1]}


def test_a_verifier_sees_what_the_rules_make_of_the_new_words() -> None:
    before = a_case("triage")
    decision = fold(before, amended(**CLEAR_NOW))
    case = decision.state
    assert (case.state, decision.says) == ("triage", ())
    assert case.complaint is not None
    assert (case.complaint.title, case.complaint.text) == CLEAR
    assert case.found is not None
    assert before.found is not None
    assert before.found.opd is None
    assert case.found.opd == "LAMPU"
    assert case.found.candidates[0].opd == "LAMPU"
    assert case.found.reasons == before.found.reasons


def test_why_a_case_was_handed_back_stays_whatever_the_words_say() -> None:
    back = fold(
        a_case("routed"), done(HandBack(reason="Bukan kami.", suggested_opd="BERSIH"), AT_LAMPS)
    ).state
    case = fold(back, amended(text="Jalan berlubang, jalan rusak di depan pasar.")).state
    assert case.found is not None
    assert case.found.reasons == ("handed_back",)
    assert case.found.candidates[0].opd == "BERSIH"
    assert "LAMPU" not in [one.opd for one in case.found.candidates]


def test_whom_the_category_of_a_verifier_names_stays_first() -> None:
    classified = fold(a_case("triage"), done(Classify(category="Jalan Rusak"))).state
    case = fold(classified, amended(**CLEAR_NOW)).state
    assert case.found is not None
    assert [one.opd for one in case.found.candidates][:2] == ["JALAN", "LAMPU"]


@pytest.mark.parametrize("state", ["routed", "in_work", "asked", "answered", "closed", "rejected"])
def test_a_case_that_left_triage_stays_where_it_is_and_notes_the_change(state: CaseState) -> None:
    before = a_case(state)
    decision = fold(before, amended(text="Jalan berlubang, jalan rusak.", confidential=True))
    case = decision.state
    assert decision.says == ()
    assert (case.state, case.opd, case.found) == (before.state, before.opd, before.found)
    assert case.complaint is not None
    assert case.complaint.confidential
    assert case.history[-1].text == "Diubah: isi, rahasia."
    assert case.waits_on == before.waits_on


def test_a_lapse_still_closes_what_was_amended_since() -> None:
    case = a_case("answered")
    since = case.waits_on
    assert fold(case, amended(anonymous=True), lapsed("silence", since)).state.state == "closed"


def test_another_klasifikasi_is_said_where_the_city_only_followed_the_sender() -> None:
    (said,) = fold(a_case("routed"), amended(klasifikasi="aspirasi")).says
    assert isinstance(said, ComplaintClassified)
    assert (said.klasifikasi, said.by.kind, said.category) == ("aspirasi", "citizen", "Lampu Jalan")


def test_the_citys_own_klasifikasi_holds_against_the_senders() -> None:
    given = fold(a_case("routed"), done(Classify(klasifikasi="berkadar_pengawasan"))).state
    decision = fold(given, amended(klasifikasi="aspirasi"))
    assert decision.says == ()
    assert decision.state.classified == given.classified


@pytest.mark.parametrize("state", ["closed", "rejected"])
def test_of_a_case_that_is_done_with_no_klasifikasi_is_said(state: CaseState) -> None:
    assert fold(a_case(state), amended(klasifikasi="aspirasi")).says == ()


def test_the_klasifikasi_of_a_case_in_triage_is_said_when_it_is_routed() -> None:
    case = fold(a_case("triage"), amended(klasifikasi="aspirasi")).state
    said = fold(case, an_act("route")).says
    assert isinstance(said[0], ComplaintClassified)
    assert said[0].klasifikasi == "aspirasi"


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("state", ["triage", "routed", "in_work", "asked", "answered", "closed", "rejected"])
def test_nobody_works_on_a_merged_case_and_the_survivor_is_named(state: CaseState, name: str) -> None:
    case = fold(a_case(state), merged()).state
    assert case.state == state
    assert case.merged_into == OTHER
    if fold_or_refusal(a_case(state), name) == ():  # it held already, and holds still
        assert fold(case, an_act(name)).says == ()
        return
    with pytest.raises(Refused, match=OTHER.ticket) as refused:
        fold(case, an_act(name))
    assert refused.value.conflict


def fold_or_refusal(case: Case, name: str) -> object:
    """What the act says; where it is refused, why."""
    try:
        return fold(case, an_act(name)).says
    except Refused as refused:
        return refused


def test_one_that_is_set_apart_goes_on_from_where_it_rested() -> None:
    rested = fold(a_case("routed"), merged(), unmerged()).state
    assert rested.merged_into is None
    assert kinds(fold(rested, an_act("answer")).says) == ["complaint.answered"]


def test_the_survivor_is_worked_on_as_before_and_knows_of_the_other() -> None:
    case = fold(a_case("routed"), merged(role="survivor")).state
    assert case.history[-1].text == f"{OTHER.ticket} digabungkan ke sini."
    assert kinds(fold(case, an_act("answer")).says) == ["complaint.answered"]
    assert fold(case, unmerged(role="survivor")).state.merged_into is None


@pytest.mark.parametrize(
    ("fact", "state"),
    [(withdrawn(), "closed"), (status_changed("closed"), "closed"), (replied(), "in_work")],
)
def test_what_the_reporter_and_lapor_do_reaches_a_merged_case_all_the_same(
    fact: Fact, state: CaseState
) -> None:
    assert fold(a_case("asked"), merged(), fact).state.state == state


@pytest.mark.parametrize("fact", [amended(text="Lain."), merged(), unmerged()])
def test_what_comes_before_its_complaint_waits_and_comes_once(fact: Fact) -> None:
    early = fold(Case(), fact, fact).state
    assert len(early.early) == 1
    arrived = fold(early, received(VAGUE)).state
    assert arrived == fold(Case(), received(VAGUE), fact).state
    assert fold(arrived, fact).state == arrived
