"""More time on a clock, and a case that comes back: what moves, what stays met."""

from datetime import timedelta

import pytest

from services.sla_monitor.domain.calendar import Term
from services.sla_monitor.domain.policies import Step
from services.sla_monitor.domain.schedule import _term
from shared.events.sla import ClockRescheduled
from tests.sla_monitor.world import (
    JAMBI,
    LAPOR,
    Monitor,
    answered,
    asked,
    at,
    classified,
    closed,
    end_of,
    extended,
    in_lapor,
    only,
    progressed,
    received,
    rejected,
    reopened,
    replied,
    routed,
    told,
    triage,
    withdrawn,
)

MONDAY = at("2026-11-02")
"""No holiday from here to Christmas."""


def at_pupr() -> Monitor:
    monitor = Monitor()
    monitor.hears(received(MONDAY), classified(MONDAY), routed(MONDAY))
    return monitor


def test_an_extended_clock_is_due_so_many_working_days_later_and_says_so() -> None:
    monitor = at_pupr()
    assert monitor.clock("first_response", 1).due_at == end_of("2026-11-09")
    says = monitor.hears(extended(at("2026-11-05"), "first_response", 3, 1))
    moved = only(says, "first_response rescheduled")
    assert isinstance(moved, ClockRescheduled)
    assert (moved.due_at, moved.reason, moved.at) == (end_of("2026-11-12"), "extended", at("2026-11-05"))
    assert told(says) == ["first_response rescheduled"]
    assert monitor.clock("first_response", 1).due_at == end_of("2026-11-12")


def test_extensions_add_up_and_skip_weekends() -> None:
    monitor = at_pupr()
    monitor.hears(
        extended(at("2026-11-05"), "resolution", 2, name="one"),
        extended(at("2026-11-06"), "resolution", 5, name="two"),
    )
    assert monitor.clock("resolution").due_at == end_of("2026-12-01")


def test_it_is_warned_again_before_the_new_deadline() -> None:
    monitor = at_pupr()
    assert told(monitor.sweeps(at("2026-11-07")), "first_response") == ["first_response warned"]
    monitor.hears(extended(at("2026-11-08"), "first_response", 3, 1))
    assert monitor.clock("first_response", 1).warned_at is not None
    assert told(monitor.sweeps(at("2026-11-12", 5)), "first_response") == ["first_response warned"]
    assert told(monitor.sweeps(at("2026-11-14")), "first_response") == ["first_response breached"]


def test_another_dispositions_clock_is_not_moved() -> None:
    monitor = at_pupr()
    monitor.hears(extended(at("2026-11-03"), "first_response", 3, 1), routed(at("2026-11-04"), 2, "DLH"))
    assert monitor.clock("first_response", 2).due_at == end_of("2026-11-11")


def test_time_given_after_the_deadline_does_not_undo_the_breach() -> None:
    monitor = at_pupr()
    monitor.sweeps(at("2026-11-10", 12))
    says = monitor.hears(extended(at("2026-11-10", 13), "first_response", 5, 1))
    assert told(says) == []
    assert monitor.clock("first_response", 1).status == "breached"


def test_time_given_in_time_and_heard_late_withdraws_the_breach() -> None:
    monitor = at_pupr()
    monitor.sweeps(at("2026-11-10", 12))
    says = monitor.hears(extended(at("2026-11-09"), "first_response", 5, 1), now=at("2026-11-10", 13))
    assert told(says) == ["first_response breach_withdrawn", "first_response rescheduled"]
    assert monitor.clock("first_response", 1).status == "running"


def test_time_given_in_time_that_does_not_reach_leaves_the_breach() -> None:
    monitor = at_pupr()
    monitor.sweeps(at("2026-11-20"))
    monitor.hears(extended(at("2026-11-09"), "first_response", 2, 1), now=at("2026-11-20", 11))
    clock = monitor.clock("first_response", 1)
    assert (clock.status, clock.breached_at) == ("breached", end_of("2026-11-11"))


def test_a_second_extension_is_in_time_if_the_first_was() -> None:
    monitor = at_pupr()
    monitor.hears(
        extended(at("2026-11-09"), "first_response", 2, 1, name="one"),
        extended(at("2026-11-11"), "first_response", 2, 1, name="two"),
    )
    assert monitor.clock("first_response", 1).due_at == end_of("2026-11-13")


def test_time_given_while_the_reporter_is_asked_counts_when_the_clock_runs_on() -> None:
    monitor = at_pupr()
    monitor.hears(asked(at("2026-11-03")), extended(at("2027-01-20"), "resolution", 5))
    assert monitor.clock("resolution").due_at is None
    without = at_pupr()
    without.hears(asked(at("2026-11-03")), replied(at("2027-02-01")))
    monitor.hears(replied(at("2027-02-01")))
    assert monitor.clock("resolution").due_at == without.clock("resolution").due_at + timedelta(days=7)  # type: ignore[operator]


def test_a_clock_that_was_met_is_not_moved_any_more() -> None:
    monitor = at_pupr()
    before = monitor.hears(progressed(at("2026-11-04"))) and monitor.clock("first_response", 1)
    assert told(monitor.hears(extended(at("2026-11-05"), "first_response", 5, 1))) == []
    assert monitor.clock("first_response", 1) == before


@pytest.mark.parametrize(
    ("warn", "extra", "day"), [(1, 3, "2026-11-10"), (3, 3, "2026-11-06"), (4, 2, "2026-11-04")]
)
def test_the_warning_counts_back_from_the_new_end_whatever_the_unit(warn: int, extra: int, day: str) -> None:
    step = Step(days=4, unit="calendar", warn_days_before=warn)
    term = _term(JAMBI.edition(1).calendar, MONDAY.date(), step, extra, [])
    assert isinstance(term, Term)
    assert str(term.warn) == day


def test_a_reopened_complaint_restarts_neither_verify_nor_resolution() -> None:
    monitor = at_pupr()
    monitor.hears(answered(at("2026-11-04")), closed(at("2026-11-05")))
    says = monitor.hears(reopened(at("2027-03-01")), triage(at("2027-03-01")))
    assert told(says) == []
    assert monitor.stated.case_state == "triage"
    assert monitor.stated.opd is None
    assert [monitor.clock(name).status for name in ("verify", "resolution")] == ["met", "met"]
    assert told(monitor.sweeps(at("2027-06-01"))) == []


def test_the_next_disposition_of_a_reopened_complaint_has_its_own_first_response() -> None:
    monitor = at_pupr()
    monitor.hears(answered(at("2026-11-04")), closed(at("2026-11-05")), reopened(at("2026-11-09")))
    monitor.hears(routed(at("2026-11-10"), 2, "DLH"), answered(at("2026-11-11"), 2, "DLH", "answered 2"))
    assert monitor.clock("first_response", 2).status == "met"
    assert [monitor.clock("silence", number).status for number in (1, 2)] == ["cancelled", "running"]


def test_what_the_reporter_took_back_before_it_was_reopened_does_not_end_what_follows() -> None:
    monitor = at_pupr()
    monitor.hears(withdrawn(at("2026-11-04")), closed(at("2026-11-04"), "withdrawn"))
    monitor.hears(reopened(at("2026-11-05")), triage(at("2026-11-05")), routed(at("2026-11-06"), 2))
    states = [monitor.stated.case_state]
    assert monitor.clock("first_response", 2).status == "running"
    monitor.hears(withdrawn(at("2026-11-09"), "again"))
    assert [*states, monitor.stated.case_state] == ["routed", "closed"]
    assert monitor.clock("first_response", 2).status == "cancelled"


def test_a_report_that_came_closed_and_was_reopened_has_clocks_from_its_first_disposition_here() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY, lapor=in_lapor("closed")), classified(MONDAY), closed(MONDAY))
    monitor.hears(reopened(at("2026-11-09")), triage(at("2026-11-09")), routed(at("2026-11-10")))
    assert monitor.clock("first_response", 1).due_at == end_of("2026-11-17")
    assert monitor.clock("resolution").status == "unobserved"


def test_a_rejection_that_was_reopened_stays_the_answer_to_verify() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY), triage(MONDAY), rejected(at("2026-11-03")), reopened(at("2026-11-04")))
    assert monitor.clock("verify").status == "met"


def test_what_follows_a_reopening_does_not_end_a_clock_of_before() -> None:
    monitor = at_pupr()
    monitor.hears(closed(None, by=LAPOR), now=at("2026-11-03"))
    monitor.hears(reopened(at("2026-11-04")), routed(at("2026-11-04"), 2))
    monitor.hears(answered(at("2026-11-05"), 2))
    resolution = monitor.clock("resolution")
    assert (resolution.status, resolution.met_at) == ("met", None)
    assert monitor.clock("first_response", 1).status == "cancelled"
