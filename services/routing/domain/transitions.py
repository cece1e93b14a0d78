"""Which act a case allows in which state, and where it leads: CONTRACTS' table of case states."""

from collections.abc import Mapping
from typing import Literal

from services.routing.domain.case import Case, CaseState
from shared.decision import Refused
from shared.events.parts import FieldError

ActName = Literal[
    "route",
    "reject",
    "accept",
    "progress",
    "ask",
    "hand_back",
    "answer",
    "reply",  # the reporter spoke
    "lapse_of_completion",  # the reporter was asked and stayed silent
    "lapse_of_silence",  # the reporter was answered and stayed silent
    "close",
    "reopen",
    "classify",
    "extend_verify",  # one deadline each: who gives more time says for which
    "extend_first_response",
    "extend_resolution",
    "withdraw",
    "end_in_lapor",
]

ARRIVALS: frozenset[CaseState] = frozenset({"triage", "routed", "closed"})
"""What a received complaint may begin as; closed only where LAPOR had done with it."""

_ANY: tuple[CaseState, ...] = ("triage", "routed", "in_work", "asked", "answered", "rejected")
"""Every state of a case that has arrived; where it is closed already, closing it holds and says nothing."""

_OPEN: tuple[CaseState, ...] = ("triage", "routed", "in_work", "asked", "answered")
_WORKED_ON: tuple[CaseState, ...] = ("routed", "in_work")
_UNANSWERED: tuple[CaseState, ...] = ("triage", "routed", "in_work", "asked")

_ROWS: tuple[tuple[tuple[CaseState, ...], ActName, CaseState], ...] = (
    (("triage", "routed", "in_work"), "route", "routed"),
    (("triage",), "reject", "rejected"),
    (("routed",), "accept", "in_work"),
    (("routed", "in_work"), "progress", "in_work"),
    (("routed", "in_work"), "ask", "asked"),
    (("routed", "in_work"), "hand_back", "triage"),
    (("routed", "in_work", "asked"), "answer", "answered"),
    (("asked",), "reply", "in_work"),
    (("asked",), "lapse_of_completion", "closed"),
    (("answered",), "reply", "in_work"),
    (("answered",), "close", "closed"),
    (("answered",), "lapse_of_silence", "closed"),
    (("closed", "rejected"), "reopen", "triage"),
    *(((state,), "classify", state) for state in _OPEN),
    (("triage",), "extend_verify", "triage"),
    *(((state,), "extend_first_response", state) for state in _WORKED_ON),
    *(((state,), "extend_resolution", state) for state in _UNANSWERED),
    (_ANY, "withdraw", "closed"),
    (_ANY, "end_in_lapor", "closed"),
)

TRANSITIONS: Mapping[tuple[CaseState, ActName], CaseState] = {
    (state, act): to for states, act, to in _ROWS for state in states
}


def follows(case: Case, act: ActName) -> CaseState | None:
    """The state that the act leads to; None where the case does not allow it."""
    return TRANSITIONS.get((case.state, act))


def required(case: Case, act: ActName) -> CaseState:
    """The state that the act leads to. Raises Refused (conflict), naming state and act."""
    if case.merged_into is not None:
        reason = f"the case is {case.state}, merged into {case.merged_into.ticket}; {act} is for that one"
        raise Refused([FieldError(field="act", reason=reason)], conflict=True)
    to = follows(case, act)
    if to is None:
        allowed = ", ".join(state for state, possible in TRANSITIONS if possible == act)
        reason = f"the case is {case.state}; {act} is possible only where it is {allowed}"
        raise Refused([FieldError(field="act", reason=reason)], conflict=True)
    return to
