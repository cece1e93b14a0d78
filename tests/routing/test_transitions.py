"""Every row of the table of case states, and every pair that is not in it."""

import pytest

from services.routing.domain.case import CaseState
from services.routing.domain.reporter import LAPSES
from services.routing.domain.transitions import TRANSITIONS, ActName
from shared.decision import Refused
from shared.events.fact import Fact
from tests.routing.world import (
    ACTS,
    AT_LAMPS,
    a_case,
    an_act,
    fold,
    kinds,
    lapsed,
    replied,
    status_changed,
    withdrawn,
)

STATES: tuple[CaseState, ...] = (
    "new", "triage", "routed", "in_work", "asked", "answered", "closed", "rejected",
)  # fmt: skip

# The table of the contracts, written a second time: from, act, to, what is said.
ROWS: list[tuple[CaseState, ActName, CaseState, list[str]]] = [
    ("triage", "route", "routed", ["complaint.classified", "complaint.routed"]),
    ("routed", "route", "routed", ["complaint.routed"]),
    ("in_work", "route", "routed", ["complaint.routed"]),
    ("triage", "reject", "rejected", ["complaint.rejected"]),
    ("routed", "accept", "in_work", ["complaint.accepted"]),
    ("routed", "progress", "in_work", ["complaint.progressed"]),
    ("in_work", "progress", "in_work", ["complaint.progressed"]),
    ("routed", "ask", "asked", ["information.requested"]),
    ("in_work", "ask", "asked", ["information.requested"]),
    ("routed", "hand_back", "triage", ["complaint.handed_back", "triage.requested"]),
    ("in_work", "hand_back", "triage", ["complaint.handed_back", "triage.requested"]),
    ("routed", "answer", "answered", ["complaint.answered"]),
    ("in_work", "answer", "answered", ["complaint.answered"]),
    ("asked", "answer", "answered", ["complaint.answered"]),
    ("asked", "reply", "in_work", []),
    ("asked", "lapse_of_completion", "closed", ["complaint.closed"]),
    ("answered", "reply", "in_work", []),
    ("answered", "close", "closed", ["complaint.closed"]),
    ("answered", "lapse_of_silence", "closed", ["complaint.closed"]),
    ("closed", "reopen", "triage", ["complaint.reopened", "triage.requested"]),
    ("rejected", "reopen", "triage", ["complaint.reopened", "triage.requested"]),
    ("triage", "classify", "triage", ["complaint.classified"]),
    ("routed", "classify", "routed", ["complaint.classified"]),
    ("in_work", "classify", "in_work", ["complaint.classified"]),
    ("asked", "classify", "asked", ["complaint.classified"]),
    ("answered", "classify", "answered", ["complaint.classified"]),
    ("triage", "extend_verify", "triage", ["deadline.extended"]),
    ("routed", "extend_first_response", "routed", ["deadline.extended"]),
    ("in_work", "extend_first_response", "in_work", ["deadline.extended"]),
    ("triage", "extend_resolution", "triage", ["deadline.extended"]),
    ("routed", "extend_resolution", "routed", ["deadline.extended"]),
    ("in_work", "extend_resolution", "in_work", ["deadline.extended"]),
    ("asked", "extend_resolution", "asked", ["deadline.extended"]),
    *(
        (state, act, "closed", ["complaint.closed"])
        for act in ("withdraw", "end_in_lapor")
        for state in ("triage", "routed", "in_work", "asked", "answered", "rejected")
    ),
]

HEARD: tuple[ActName, ...] = ("reply", "lapse_of_completion", "lapse_of_silence", "withdraw", "end_in_lapor")
COMMANDED: tuple[str, ...] = tuple(ACTS)

ALLOWED = {(state, act) for state, act, _, _ in ROWS}
HOLDING = {("in_work", "accept")}
"""What holds already, and so is neither refused nor said again."""


def fact_for(state: CaseState, act: str) -> Fact:
    """The fact that does this act to the case of that state."""
    if act in ACTS:
        return an_act(act)
    last = a_case(state).last_act
    since = last.event if last else None
    return {
        "reply": replied(),
        "lapse_of_completion": lapsed("completion", since),
        "lapse_of_silence": lapsed("silence", since),
        "withdraw": withdrawn(),
        "end_in_lapor": status_changed("closed"),
    }[act]


def test_the_code_has_the_contracts_table_and_nothing_more() -> None:
    assert {(state, act): to for state, act, to, _ in ROWS} == TRANSITIONS


@pytest.mark.parametrize(("state", "act", "to", "said"), ROWS)
def test_a_row_of_the_table_leads_where_it_says(
    state: CaseState, act: ActName, to: CaseState, said: list[str]
) -> None:
    decision = fold(a_case(state), fact_for(state, act))
    assert decision.state.state == to
    assert kinds(decision.says) == said


@pytest.mark.parametrize(
    ("state", "act"),
    [(state, act) for state in STATES for act in COMMANDED if (state, act) not in ALLOWED | HOLDING],
)
def test_an_act_that_is_not_in_the_table_is_refused_naming_state_and_act(state: CaseState, act: str) -> None:
    with pytest.raises(Refused) as refused:
        fold(a_case(state), fact_for(state, act))
    assert refused.value.conflict
    [error] = refused.value.errors
    assert error.field == "act"
    assert state in error.reason
    assert act in error.reason


@pytest.mark.parametrize(
    ("state", "act"),
    [(state, act) for state in STATES for act in HEARD if (state, act) not in ALLOWED and state != "new"],
)
def test_a_fact_that_cannot_apply_changes_nothing_and_is_noted_once(state: CaseState, act: str) -> None:
    before = a_case(state)
    fact = fact_for(state, act)
    after = fold(before, fact, fact)
    assert after.says == ()
    assert after.state.state == state
    assert after.state.dispositions == before.dispositions
    assert after.state.last_act == before.last_act
    [note] = after.state.history[len(before.history) :]
    assert note.note


@pytest.mark.parametrize(("state", "act"), sorted(HOLDING))
def test_what_holds_already_says_nothing(state: CaseState, act: str) -> None:
    before = a_case(state)
    decision = fold(before, fact_for(state, act))
    assert decision.state is before
    assert decision.says == ()


@pytest.mark.parametrize("act", ["accept", "progress", "ask", "answer", "hand_back"])
def test_an_opd_may_not_touch_the_case_of_another(act: str) -> None:
    with pytest.raises(Refused, match="LAIN") as refused:
        fold(a_case("routed"), an_act(act, by=AT_LAMPS.model_copy(update={"name": "LAIN"})))
    assert refused.value.conflict


@pytest.mark.parametrize("act", ["accept", "progress", "ask", "answer", "hand_back"])
def test_an_opd_works_on_its_own_case(act: str) -> None:
    assert fold(a_case("routed"), an_act(act, by=AT_LAMPS)).says


@pytest.mark.parametrize("act", [act for act in ACTS if act != "progress"])
def test_the_same_act_twice_says_nothing_the_second_time(act: str) -> None:
    state: CaseState = {
        "reject": "triage",
        "extend_verify": "triage",
        "close": "answered",
        "reopen": "closed",
    }.get(act, "routed")  # type: ignore[assignment]
    once = fold(a_case(state), an_act(act))
    assert once.says
    twice = fold(once.state, an_act(act, as_="the same again"))
    assert twice.says == ()
    assert twice.state is once.state


def test_only_two_clocks_lapse() -> None:
    assert set(LAPSES) == {"silence", "completion"}
