"""What the monitor tells about clocks, as far as a list is ordered by it."""

from datetime import timedelta
from typing import Any

import pytest

from services.routing.domain.case import Case
from shared.events.sla import (
    ClockBreached,
    ClockBreachWithdrawn,
    ClockCancelled,
    ClockMet,
    ClockPaused,
    ClockRescheduled,
    ClockResumed,
    ClockStarted,
    ClockUnobserved,
    ClockWarned,
)
from tests.routing.world import NOW, a_case, fold, received, told

LATER = NOW + timedelta(days=3)


def after(*facts: Any) -> Case:
    decision = fold(a_case("routed"), *facts)
    assert decision.says == ()
    return decision.state


def test_the_earliest_open_deadline_counts() -> None:
    case = after(told(ClockStarted, "resolution", due_at=LATER), told(ClockStarted, due_at=NOW))
    assert case.due_at == NOW
    assert fold(case, told(ClockMet)).state.due_at == LATER


@pytest.mark.parametrize("end", [ClockMet, ClockCancelled, ClockUnobserved])
def test_a_clock_that_ended_is_nobodys_care(end: Any) -> None:
    case = after(told(ClockStarted), told(ClockWarned), told(end))
    assert (case.due_at, case.pressing, case.clocks) == (None, False, ())


def test_a_paused_clock_has_no_deadline_until_it_runs_on() -> None:
    paused = after(told(ClockStarted, "resolution"), told(ClockPaused, "resolution", due_at=None))
    assert paused.due_at is None
    assert fold(paused, told(ClockResumed, "resolution", due_at=LATER)).state.due_at == LATER


def test_what_was_warned_of_or_breached_presses_until_that_is_taken_back_or_moved() -> None:
    for alarm in (ClockWarned, ClockBreached):
        pressed = after(told(ClockStarted), told(alarm))
        assert pressed.pressing
        assert not fold(pressed, told(ClockRescheduled, due_at=LATER)).state.pressing
        assert not fold(pressed, told(ClockBreachWithdrawn)).state.pressing


def test_a_breach_that_is_said_after_the_clock_was_met_late_presses_nobody() -> None:
    case = after(told(ClockStarted), told(ClockMet), told(ClockBreached))
    assert (case.pressing, case.due_at) == (False, None)


def test_the_reporters_own_time_is_not_an_officials_deadline() -> None:
    assert after(told(ClockStarted, "silence", binds="reporter")).clocks == ()


def test_each_disposition_has_a_clock_of_its_own() -> None:
    case = after(told(ClockStarted), told(ClockStarted, disposition=2, due_at=LATER), told(ClockCancelled))
    assert [(one.disposition, one.due_at) for one in case.clocks] == [(2, LATER)]


def test_a_clock_that_is_told_before_the_complaint_is_kept() -> None:
    early = fold(Case(), told(ClockStarted)).state
    assert not early.arrived
    assert fold(early, received()).state.due_at == NOW


def test_the_same_again_changes_nothing() -> None:
    case = after(told(ClockStarted), told(ClockWarned))
    assert fold(case, told(ClockWarned)).state is case
