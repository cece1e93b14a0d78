"""Reports that came in from SP4N-LAPOR with a past, and facts whose instant nobody knows."""

from typing import Any

import pytest

from tests.sla_monitor.world import (
    LAPOR,
    Monitor,
    answered,
    asked,
    at,
    classified,
    closed,
    end_of,
    handed_back,
    in_lapor,
    only,
    progressed,
    received,
    rejected,
    replied,
    routed,
    told,
    triage,
)

REPORTED = at("2026-06-02")
GOT = at("2026-11-02")
LONG_AFTER = at("2027-03-01")


def imported(*facts: Any, state: str = "open", opd: str | None = "PUPR", now: Any = GOT) -> Monitor:
    """A report of June that came in in November, and what routing said about it."""
    monitor = Monitor()
    monitor.hears(received(REPORTED, GOT, lapor=in_lapor(state, opd=opd)))
    monitor.hears(*facts, now=now)
    return monitor


@pytest.mark.parametrize("state", ["closed", "archived", "blocked"])
def test_what_arrived_ended_is_unobserved_at_once_and_nothing_else_starts(state: str) -> None:
    monitor = imported(classified(GOT), closed(None, "archived"), state=state, opd=None)
    assert {clock.clock: clock.status for clock in monitor.stated.clocks} == {
        "verify": "unobserved",
        "resolution": "unobserved",
    }
    assert told(monitor.said) == ["verify unobserved", "resolution unobserved"]
    assert monitor.sweeps(LONG_AFTER) == []
    assert monitor.stated.case_state == "closed"


def test_what_arrived_disposed_is_not_verified_by_us() -> None:
    monitor = imported(classified(GOT), routed(at("2026-10-26"), by=LAPOR))
    assert told(monitor.said, "verify") == ["verify unobserved"]


def test_its_first_response_runs_from_the_dispositions_own_instant() -> None:
    monitor = imported(routed(at("2026-10-26"), by=LAPOR))
    clock = monitor.clock("first_response", 1)
    assert (clock.started_at, clock.due_at) == (at("2026-10-26"), end_of("2026-11-02"))


def test_or_from_receipt_where_that_instant_is_unknown() -> None:
    clock = imported(routed(None, by=LAPOR)).clock("first_response", 1)
    assert (clock.started_at, clock.due_at) == (GOT, end_of("2026-11-09"))


def test_whether_lapors_opd_is_the_citys_is_for_routing_to_say() -> None:
    """PLN is known and not of the city: then a verifier has to decide, and verify runs."""
    monitor = imported(opd="PLN")
    assert not monitor.has("verify")
    monitor.hears(triage(GOT))
    assert (monitor.clock("verify").status, monitor.clock("verify").due_at) == (
        "running",
        end_of("2026-11-05"),
    )
    assert told(monitor.said, "verify") == ["verify started"]


def test_an_open_report_without_an_opd_is_verified_like_any_other() -> None:
    monitor = imported(triage(GOT), rejected(at("2026-11-04")), opd=None, now=at("2026-11-04"))
    assert monitor.clock("verify").status == "met"


def test_an_old_open_report_is_overdue_from_its_true_instant_but_settles_first() -> None:
    monitor = imported(routed(at("2026-06-04"), by=LAPOR))
    assert told(monitor.sweeps(GOT)) == []
    breached = only(monitor.sweeps(at("2026-11-03")), "resolution breached")
    assert breached.at == end_of("2026-06-23")


def test_an_answer_from_lapor_that_arrives_within_the_settling_time_leaves_no_alarm() -> None:
    monitor = imported(routed(at("2026-06-04"), by=LAPOR))
    monitor.hears(answered(at("2026-06-08")), replied(at("2026-06-09")), now=GOT)
    assert told(monitor.sweeps(LONG_AFTER)) == []


# An unknown instant never makes a breach.


def test_a_disposition_of_unknown_instant_is_unobserved_unless_the_report_came_with_it() -> None:
    monitor = imported(triage(GOT), routed(None, 1, "PERKIM", by=LAPOR), opd=None)
    assert monitor.clock("first_response", 1).status == "unobserved"
    assert "first_response breached" not in told(monitor.sweeps(LONG_AFTER))


@pytest.mark.parametrize(
    "work", [progressed(None), asked(None), answered(None)], ids=["progress", "ask", "answer"]
)
def test_a_response_of_unknown_instant_is_not_late(work: Any) -> None:
    monitor = imported(routed(at("2026-06-04"), by=LAPOR), work)
    clock = monitor.clock("first_response", 1)
    assert (clock.status, clock.met_at) == ("met", None)
    assert "first_response breached" not in told(monitor.sweeps(LONG_AFTER))


def test_an_answer_of_unknown_instant_settles_the_citizens_clock_without_judgement() -> None:
    monitor = imported(routed(None, by=LAPOR), answered(None))
    assert monitor.clock("resolution").status == "met"
    assert told(monitor.sweeps(LONG_AFTER)) == []
    assert only(monitor.said, "resolution met").reason == "answered, instant_unknown"


def test_a_breach_that_was_said_is_withdrawn_by_an_answer_of_unknown_instant() -> None:
    monitor = imported(routed(at("2026-06-04"), by=LAPOR))
    monitor.sweeps(at("2026-11-03"))
    said = monitor.hears(answered(None), now=at("2026-11-04"))
    assert "resolution breach_withdrawn" in told(said)


def test_but_not_by_one_that_its_owner_told_after_a_late_one() -> None:
    monitor = imported(routed(at("2026-06-04"), by=LAPOR), progressed(at("2026-08-03")), answered(None))
    assert monitor.clock("first_response", 1).met_at == at("2026-08-03")
    assert "first_response breached" in told(monitor.sweeps(LONG_AFTER))


def test_silence_after_an_answer_of_unknown_instant_is_unobserved() -> None:
    monitor = imported(routed(None, by=LAPOR), answered(None))
    assert monitor.clock("silence", 1).status == "unobserved"


def test_a_reply_of_unknown_instant_is_in_time() -> None:
    monitor = imported(routed(GOT, by=LAPOR), answered(GOT), replied(None))
    assert (monitor.clock("silence", 1).status, monitor.clock("silence", 1).met_at) == ("met", None)
    assert "silence lapsed" not in told(monitor.sweeps(LONG_AFTER))


def test_a_reply_of_unknown_instant_counts_once() -> None:
    """The question must have had a reply, since the OPD went on; the answer after it is still waiting."""
    monitor = imported(routed(GOT, by=LAPOR), asked(GOT), progressed(GOT), answered(GOT), replied(None))
    assert monitor.clock("completion", 1).status == "met"
    assert "silence lapsed" in told(monitor.sweeps(LONG_AFTER))


def test_a_question_of_unknown_instant_pauses_for_as_long_as_it_may_have_stood() -> None:
    monitor = Monitor()
    monitor.hears(received(GOT), routed(GOT))
    monitor.hears(asked(None), replied(at("2026-11-06")), now=at("2026-11-06"))
    pause = monitor.clock("resolution").pauses[0]
    assert (pause.from_, pause.to) == (GOT, at("2026-11-06"))


def test_a_pause_that_ended_at_an_unknown_instant_lasts_until_the_next_known_one() -> None:
    monitor = Monitor()
    monitor.hears(received(GOT), routed(GOT), asked(at("2026-11-03")))
    monitor.hears(replied(None), now=at("2026-11-04"))
    assert monitor.clock("resolution").status == "paused"
    monitor.hears(progressed(at("2026-11-10")))
    assert monitor.clock("resolution").pauses[0].to == at("2026-11-10")


def test_a_closing_of_unknown_instant_ends_everything_without_a_breach() -> None:
    monitor = imported(routed(at("2026-06-04"), by=LAPOR), closed(None))
    assert told(monitor.sweeps(LONG_AFTER)) == []
    assert {clock.status for clock in monitor.stated.clocks} == {"unobserved", "cancelled", "met"}


def test_a_hand_back_of_unknown_instant_cancels_without_a_breach() -> None:
    monitor = imported(routed(at("2026-06-04"), by=LAPOR), handed_back(None), triage(GOT))
    assert monitor.clock("first_response", 1).status == "cancelled"
