"""Verify, first_response and resolution: what begins, ends, pauses and cancels them."""

from datetime import datetime, time, timedelta

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla_monitor.domain.calendar import JAKARTA
from shared.events.fact import Event
from shared.events.routing import ComplaintRouted
from tests.sla_monitor.world import (
    Monitor,
    accepted,
    answered,
    asked,
    at,
    classified,
    closed,
    end_of,
    handed_back,
    only,
    progressed,
    received,
    rejected,
    replied,
    routed,
    told,
    triage,
    withdrawn,
)

MONDAY = at("2026-11-02")
"""No holiday from here to Christmas."""


def after(*facts: Event) -> Monitor:
    """A complaint of Monday 2 November, and then these facts."""
    monitor = Monitor()
    monitor.hears(received(MONDAY), *facts)
    return monitor


# verify: received → first routed or rejected


def test_a_complaint_starts_verify_and_resolution() -> None:
    assert told(Monitor().hears(received(MONDAY))) == ["verify started", "resolution started"]


def test_verify_is_due_after_three_working_days_from_receipt() -> None:
    monitor = Monitor()
    monitor.hears(received(at("2026-10-20"), MONDAY))
    verify = monitor.clock("verify")
    assert (verify.started_at, verify.due_at) == (MONDAY, end_of("2026-11-05"))


@pytest.mark.parametrize(
    "end", [routed(at("2026-11-04")), rejected(at("2026-11-04"))], ids=["routed", "rejected"]
)
def test_verify_is_met_by_the_first_disposition_or_a_rejection(end: Event) -> None:
    verify = after(triage(MONDAY), end).clock("verify")
    assert (verify.status, verify.met_at) == ("met", at("2026-11-04"))


@pytest.mark.parametrize(
    "end", [closed(at("2026-11-04"), "archived"), withdrawn(at("2026-11-04"))], ids=["closed", "withdrawn"]
)
def test_verify_is_cancelled_where_the_case_ends_before_it(end: Event) -> None:
    assert after(triage(MONDAY), end).clock("verify").status == "cancelled"


def test_triage_alone_does_not_meet_verify() -> None:
    assert after(triage(MONDAY)).clock("verify").status == "running"


def test_verify_does_not_restart_after_a_hand_back() -> None:
    monitor = after(routed(MONDAY), handed_back(at("2026-11-03")), triage(at("2026-11-03"), "again"))
    assert monitor.clock("verify").status == "met"
    assert told(monitor.said, "verify") == ["verify started", "verify met"]


# first_response: routed → progressed, asked or answered, per disposition


@pytest.mark.parametrize("work", [progressed, asked, answered], ids=["progressed", "asked", "answered"])
def test_first_response_is_met_by_the_first_word_of_the_opd(work: object) -> None:
    monitor = after(routed(MONDAY), work(at("2026-11-04")))  # type: ignore[operator]
    clock = monitor.clock("first_response", 1)
    assert (clock.status, clock.met_at, clock.opd) == ("met", at("2026-11-04"), "PUPR")
    assert clock.due_at == end_of("2026-11-09")


def test_accepting_is_no_response() -> None:
    assert after(routed(MONDAY), accepted(MONDAY)).clock("first_response", 1).status == "running"


def test_a_hand_back_cancels_that_disposition_and_the_next_one_gets_its_own_days() -> None:
    monitor = after(
        routed(MONDAY),
        handed_back(at("2026-11-06")),
        routed(at("2026-11-09"), 2, "PERKIM"),
        progressed(at("2026-11-10"), 2, "PERKIM"),
    )
    assert monitor.clock("first_response", 1).status == "cancelled"
    second = monitor.clock("first_response", 2)
    assert (second.status, second.opd, second.due_at) == ("met", "PERKIM", end_of("2026-11-16"))


def test_a_new_route_cancels_the_disposition_before_it() -> None:
    monitor = after(routed(MONDAY), routed(at("2026-11-04"), 2, "PERKIM"))
    assert only(monitor.said, "first_response cancelled").reason == "routed"
    assert monitor.clock("first_response", 2).status == "running"


def test_work_under_another_disposition_is_no_response_to_this_one() -> None:
    monitor = after(routed(MONDAY), routed(at("2026-11-04"), 2), progressed(at("2026-11-05"), 1))
    assert monitor.clock("first_response", 2).status == "running"


# resolution: reported → answered, rejected or closed; from the citizen's own instant, never reset


@pytest.mark.parametrize(
    ("klasifikasi", "due"),
    [
        ("permintaan_informasi", "2026-11-09"),
        ("tidak_berkadar_pengawasan", "2026-11-20"),
        ("aspirasi", "2026-11-20"),
        (None, "2026-11-20"),
        ("berkadar_pengawasan", "2027-01-29"),
    ],
)
def test_resolution_is_as_long_as_its_klasifikasi_says(klasifikasi: object, due: str) -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY, klasifikasi=klasifikasi))
    assert monitor.clock("resolution").due_at == end_of(due)


def test_resolution_runs_from_when_the_citizen_reported_not_from_receipt() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY, at("2026-11-04")))
    assert monitor.clock("resolution").started_at == MONDAY


@pytest.mark.parametrize(
    "end",
    [
        answered(at("2026-11-05")),
        rejected(at("2026-11-05")),
        closed(at("2026-11-05"), "closed"),
        closed(at("2026-11-05"), "archived"),
        closed(at("2026-11-05"), "blocked"),
    ],
    ids=["answered", "rejected", "closed", "archived", "blocked"],
)
def test_resolution_is_met_by_an_answer_a_rejection_or_a_closing(end: Event) -> None:
    resolution = after(end).clock("resolution")
    assert (resolution.status, resolution.met_at) == ("met", at("2026-11-05"))


@pytest.mark.parametrize(
    "end", [withdrawn(at("2026-11-05")), closed(at("2026-11-05"), "withdrawn")], ids=["intake", "routing"]
)
def test_resolution_is_cancelled_when_the_reporter_withdraws_whoever_tells_it(end: Event) -> None:
    assert after(end).clock("resolution").status == "cancelled"


def test_resolution_is_not_reset_by_hand_backs_or_new_routes() -> None:
    monitor = after(routed(MONDAY), handed_back(at("2026-11-10")), routed(at("2026-11-12"), 2, "PERKIM"))
    assert monitor.clock("resolution").due_at == end_of("2026-11-20")


def test_once_answered_resolution_stays_met_whatever_the_reporter_says() -> None:
    monitor = after(
        routed(MONDAY), answered(at("2026-11-05")), replied(at("2026-11-06")), progressed(at("2026-12-15"))
    )
    assert monitor.clock("resolution").met_at == at("2026-11-05")


def test_a_reclassification_recomputes_and_says_so() -> None:
    monitor = after(classified(MONDAY, "aspirasi"))
    said = monitor.hears(classified(at("2026-11-04"), "permintaan_informasi", "reclassified"))
    moved = only(said, "resolution rescheduled")
    assert (moved.due_at, moved.at) == (end_of("2026-11-09"), at("2026-11-04"))
    assert moved.klasifikasi == "permintaan_informasi"


def test_the_senders_klasifikasi_holds_where_the_city_gives_none() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY, klasifikasi="permintaan_informasi"), classified(MONDAY, None))
    assert monitor.stated.klasifikasi == "permintaan_informasi"
    assert monitor.clock("resolution").due_at == end_of("2026-11-09")


# its pauses


def test_resolution_pauses_while_the_reporter_is_asked_and_has_no_due_instant_then() -> None:
    monitor = after(routed(MONDAY), asked(at("2026-11-04")))
    resolution = monitor.clock("resolution")
    assert (resolution.status, resolution.due_at) == ("paused", None)
    assert only(monitor.said, "resolution paused").at == at("2026-11-04")


def test_a_pause_moves_the_deadline_by_the_working_days_that_ended_in_it() -> None:
    monitor = after(routed(MONDAY), asked(at("2026-11-04")), replied(at("2026-11-09")))
    resumed = only(monitor.said, "resolution resumed")
    assert (resumed.at, resumed.due_at) == (at("2026-11-09"), end_of("2026-11-25"))
    assert monitor.clock("resolution").status == "running"


def test_a_pause_within_one_day_moves_nothing() -> None:
    monitor = after(routed(MONDAY), asked(at("2026-11-04", 9)), replied(at("2026-11-04", 15)))
    assert monitor.clock("resolution").due_at == end_of("2026-11-20")


def test_a_pause_over_a_weekend_moves_the_deadline_by_the_friday_alone() -> None:
    monitor = after(routed(MONDAY), asked(at("2026-11-06")), replied(at("2026-11-09")))
    assert monitor.clock("resolution").due_at == end_of("2026-11-23")


def test_an_answer_ends_the_pause_and_the_clock() -> None:
    monitor = after(routed(MONDAY), asked(at("2026-11-04")), answered(at("2026-11-10")))
    resolution = monitor.clock("resolution")
    assert resolution.status == "met"
    assert resolution.pauses[0].to == at("2026-11-10")
    assert told(monitor.said, "resolution")[-2:] == ["resolution resumed", "resolution met"]


def test_a_closing_ends_a_paused_clock_which_does_not_run_on() -> None:
    monitor = after(routed(MONDAY), asked(at("2026-11-04")), closed(at("2026-11-14"), "archived"))
    assert told(monitor.said, "resolution") == ["resolution started", "resolution paused", "resolution met"]
    assert monitor.clock("resolution").pauses[0].to == at("2026-11-14")


def test_every_question_pauses_anew() -> None:
    monitor = after(
        routed(MONDAY),
        asked(at("2026-11-03")),
        replied(at("2026-11-04")),
        asked(at("2026-11-05"), name="asked again"),
        replied(at("2026-11-10"), "replied again"),
    )
    resolution = monitor.clock("resolution")
    assert resolution.due_at == end_of("2026-11-26")
    assert [pause.to for pause in resolution.pauses] == [at("2026-11-04"), at("2026-11-10")]
    occurrences = [event.occurrence for event in monitor.said if told([event]) == ["resolution paused"]]  # type: ignore[attr-defined]
    assert occurrences == [1, 2]


def test_what_the_opd_does_next_ends_a_pause_even_if_the_reply_is_still_on_its_way() -> None:
    monitor = after(routed(MONDAY), asked(at("2026-11-04")), progressed(at("2026-11-09")))
    assert monitor.clock("resolution").due_at == end_of("2026-11-25")
    said = monitor.hears(replied(at("2026-11-05")))
    assert told(said, "resolution") == ["resolution rescheduled"]
    assert monitor.clock("resolution").due_at == end_of("2026-11-23")


def test_a_pause_after_the_deadline_changes_nothing() -> None:
    monitor = after(routed(MONDAY))
    monitor.sweeps(end_of("2026-11-20"))
    monitor.hears(asked(at("2026-11-24")), replied(at("2026-11-25")))
    resolution = monitor.clock("resolution")
    assert (resolution.status, resolution.due_at, resolution.pauses) == ("breached", end_of("2026-11-20"), ())


# endings


@pytest.mark.parametrize(
    "end",
    [
        closed(at("2026-11-05"), "closed"),
        rejected(at("2026-11-05")),
        withdrawn(at("2026-11-05")),
        closed(at("2026-11-05"), "withdrawn"),
    ],
    ids=["closed", "rejected", "withdrawn", "closed as withdrawn"],
)
def test_closing_rejection_and_withdrawal_end_every_running_clock(end: Event) -> None:
    monitor = after(routed(MONDAY), asked(at("2026-11-03")), end)
    assert {clock.status for clock in monitor.stated.clocks} <= {"met", "cancelled"}
    assert monitor.watched.look_at is None


def test_a_fact_that_came_twice_says_nothing() -> None:
    monitor = after(routed(MONDAY))
    before = monitor.watched
    assert monitor.hears(routed(MONDAY), received(MONDAY)) == []
    assert monitor.watched is before


def test_facts_that_came_before_the_complaint_are_kept_and_count() -> None:
    monitor = Monitor()
    route: ComplaintRouted = routed(at("2026-11-03"))
    assert monitor.hears(classified(at("2026-11-03"), "aspirasi"), route) == []
    said = monitor.hears(received(MONDAY))
    assert told(said) == [
        "verify started",
        "verify met",
        "first_response started",
        "resolution started",
    ]
    assert monitor.stated.klasifikasi == "aspirasi"


@given(
    minutes=st.integers(0, 500 * 24 * 60),
    asked_after=st.timedeltas(timedelta(0), timedelta(days=14)),
    replied_after=st.timedeltas(timedelta(0), timedelta(days=60)),
)
@settings(max_examples=150, deadline=None)
def test_every_pause_moves_the_deadline_as_counting_by_hand_does(
    minutes: int, asked_after: timedelta, replied_after: timedelta
) -> None:
    """By hand: fourteen working days count, leaving out every day at whose end the reporter was still asked."""
    start = (at("2026-01-01") + timedelta(minutes=minutes)).astimezone(JAKARTA)
    asked_at, replied_at = start + asked_after, start + asked_after + replied_after
    monitor = Monitor()
    monitor.hears(received(start), routed(start), asked(asked_at), replied(replied_at))

    closed_days = holidays.country_holidays("ID", years=(2026, 2027), categories=("public", "government"))
    day, counted = start.date(), 0
    while counted < 14:
        day += timedelta(days=1)
        midnight = datetime.combine(day, time.max, JAKARTA)
        if day.isoweekday() < 6 and day not in closed_days and not asked_at <= midnight < replied_at:
            counted += 1

    assert monitor.clock("resolution").due_at == end_of(day.isoformat())
