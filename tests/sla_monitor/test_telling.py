"""What is said when: at once what a fact tells, under the watermark what has passed, and what takes it back."""

from datetime import timedelta

import pytest

from shared.events import ids
from shared.events.sla import ClockBreached, ClocksStated
from tests.sla_monitor.world import (
    KEY,
    SETTLE,
    Monitor,
    a_registry,
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
    replied,
    routed,
    shipped,
    told,
    triage,
    withdrawn,
)

MONDAY = at("2026-11-02")
SECOND = timedelta(seconds=1)


def waiting_for_a_verifier() -> Monitor:
    """In triage since Monday; verify is due at the end of Thursday, warned at the end of Wednesday."""
    monitor = Monitor()
    monitor.hears(received(MONDAY), triage(MONDAY))
    return monitor


def test_before_the_warning_nothing_is_said_and_the_next_look_is_the_warning() -> None:
    monitor = waiting_for_a_verifier()
    assert monitor.watched.look_at == end_of("2026-11-04")
    assert monitor.sweeps(end_of("2026-11-04") - SECOND) == []


def test_it_is_warned_while_a_working_day_is_left_then_breached_each_once() -> None:
    monitor = waiting_for_a_verifier()
    warned = only(monitor.sweeps(at("2026-11-05")), "verify warned")
    assert (warned.at, warned.due_at) == (end_of("2026-11-04"), end_of("2026-11-05"))
    assert monitor.sweeps(at("2026-11-05", 20)) == []
    breached = only(monitor.sweeps(at("2026-11-09")), "verify breached")
    assert breached.at == end_of("2026-11-05")
    assert told(monitor.sweeps(at("2026-11-10")), "verify") == []
    assert monitor.clock("verify").status == "breached"


def test_a_breach_carries_the_true_instant_however_late_the_monitor_was() -> None:
    monitor = waiting_for_a_verifier()
    breached = only(monitor.sweeps(at("2027-03-01")), "verify breached")
    assert (breached.at, breached.late_working_minutes) == (end_of("2026-11-05"), 0)


def test_after_the_deadline_there_is_nothing_left_to_warn_of() -> None:
    assert told(waiting_for_a_verifier().sweeps(at("2026-11-09")), "verify") == ["verify breached"]


def test_a_met_clock_is_neither_warned_nor_breached() -> None:
    monitor = waiting_for_a_verifier()
    monitor.hears(routed(at("2026-11-03")))
    monitor.sweeps(at("2027-03-01"))
    assert told(monitor.said, "verify") == ["verify started", "verify met"]


def test_met_too_late_after_the_breach_was_said() -> None:
    monitor = waiting_for_a_verifier()
    monitor.sweeps(at("2026-11-06", 0))
    met = only(monitor.hears(routed(at("2026-11-06", 10))), "verify met")
    assert met.late_working_minutes == 150
    verify = monitor.clock("verify")
    assert (verify.status, verify.breached_at, verify.met_at) == (
        "met",
        end_of("2026-11-05"),
        at("2026-11-06"),
    )
    assert told(monitor.sweeps(at("2026-12-01")), "verify") == []


def test_met_too_late_before_the_sweep_came_by_the_breach_is_still_said_once() -> None:
    monitor = waiting_for_a_verifier()
    said = monitor.hears(routed(at("2026-11-06")))
    assert told(said, "verify") == ["verify met"]
    assert monitor.clock("verify").breached_at is None
    breached = only(monitor.sweeps(at("2026-11-06", 11)), "verify breached")
    assert breached.at == end_of("2026-11-05")
    verify = monitor.clock("verify")
    assert (verify.status, verify.breached_at) == ("met", end_of("2026-11-05"))
    assert told(monitor.sweeps(at("2027-01-01")), "verify") == []


def test_late_by_a_moment_of_the_night_is_late_by_a_minute() -> None:
    monitor = waiting_for_a_verifier()
    met = only(monitor.hears(routed(end_of("2026-11-05") + SECOND)), "verify met")
    assert met.late_working_minutes == 1


def test_the_last_moment_of_the_last_day_is_in_time() -> None:
    monitor = waiting_for_a_verifier()
    met = only(monitor.hears(routed(end_of("2026-11-05"))), "verify met")
    assert met.late_working_minutes is None
    assert told(monitor.sweeps(at("2027-01-01")), "verify") == []


def test_an_answer_in_the_backlog_is_no_breach_though_the_monitor_was_down_while_the_deadline_passed() -> (
    None
):
    """The watermark stands where the backlog is; the sweep says nothing about what may still lie in it."""
    monitor = Monitor()
    monitor.hears(received(MONDAY), routed(MONDAY))
    back_up = at("2026-12-01")
    stands_at = at("2026-11-06")
    monitor.sweeps(stands_at)
    monitor.hears(answered(at("2026-11-06", 11)), now=back_up)
    monitor.sweeps(back_up)
    assert not [event for event in monitor.said if isinstance(event, ClockBreached)]


def test_a_clock_that_was_overdue_when_first_seen_settles_before_it_speaks() -> None:
    monitor = Monitor()
    back_up = at("2026-12-01")
    monitor.hears(received(MONDAY), triage(MONDAY), now=back_up)
    assert monitor.watched.look_at == back_up + SETTLE
    assert monitor.sweeps(back_up + SETTLE - SECOND) == []
    assert "verify breached" in told(monitor.sweeps(back_up + SETTLE))


def test_settling_is_as_long_as_it_is_set() -> None:
    monitor = Monitor(a_registry(settle=5 * SECOND))
    monitor.hears(received(MONDAY), triage(MONDAY), now=at("2026-12-01"))
    assert "verify breached" in told(monitor.sweeps(at("2026-12-01") + 5 * SECOND))


def test_what_arrives_while_it_settles_leaves_no_alarm() -> None:
    monitor = Monitor()
    back_up = at("2026-12-01")
    monitor.hears(received(MONDAY), triage(MONDAY), now=back_up)
    monitor.sweeps(back_up + SECOND)
    monitor.hears(routed(at("2026-11-03")), answered(at("2026-11-04")), now=back_up + 2 * SECOND)
    monitor.sweeps(at("2026-12-02"))
    assert not [event for event in monitor.said if isinstance(event, ClockBreached)]


def test_a_breach_that_a_later_fact_disproves_is_withdrawn() -> None:
    monitor = waiting_for_a_verifier()
    monitor.sweeps(at("2026-11-09"))
    said = monitor.hears(routed(at("2026-11-05")), now=at("2026-11-10"))
    assert told(said, "verify") == ["verify breach_withdrawn", "verify met"]
    assert only(said, "verify breach_withdrawn").at == at("2026-11-05")
    verify = monitor.clock("verify")
    assert (verify.status, verify.breached_at) == ("met", None)


def test_a_breach_is_withdrawn_where_the_kind_turns_out_to_have_more_time_and_said_again_when_that_is_over() -> (
    None
):
    monitor = Monitor()
    monitor.hears(received(MONDAY, klasifikasi="permintaan_informasi"), routed(MONDAY), progressed(MONDAY))
    monitor.sweeps(at("2026-11-11"))
    said = monitor.hears(classified(at("2026-11-12"), "tidak_berkadar_pengawasan"))
    assert told(said, "resolution") == ["resolution breach_withdrawn", "resolution rescheduled"]
    again = only(monitor.sweeps(at("2026-11-24")), "resolution breached")
    assert (again.occurrence, again.at) == (2, end_of("2026-11-20"))


def test_a_reclassification_to_less_time_is_breached_after_settling() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY), routed(MONDAY), progressed(MONDAY))
    now = at("2026-11-16")
    monitor.hears(classified(now, "permintaan_informasi"))
    assert told(monitor.sweeps(now + SECOND), "resolution") == []
    assert only(monitor.sweeps(now + SETTLE), "resolution breached").at == end_of("2026-11-09")


def test_a_paused_clock_whose_kind_had_less_time_was_overdue_before_the_question_and_runs_on() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY), routed(MONDAY), asked(at("2026-11-12")))
    said = monitor.hears(classified(at("2026-11-13"), "permintaan_informasi"))
    assert told(said, "resolution") == ["resolution resumed"]
    assert monitor.clock("resolution").due_at == end_of("2026-11-09")
    assert told(monitor.sweeps(at("2026-11-14")), "resolution") == ["resolution breached"]


def test_a_question_that_was_asked_in_time_but_heard_of_late_withdraws_the_breach_and_pauses() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY), routed(MONDAY))
    monitor.sweeps(at("2026-11-24"))
    said = monitor.hears(asked(at("2026-11-19")), now=at("2026-11-24"))
    assert told(said, "resolution") == ["resolution breach_withdrawn", "resolution paused"]


def test_a_breached_clock_that_ends_is_cancelled_and_stays_breached() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY), routed(MONDAY))
    monitor.sweeps(at("2026-11-11"))
    monitor.hears(handed_back(at("2026-11-12")))
    clock = monitor.clock("first_response", 1)
    assert (clock.status, clock.breached_at) == ("cancelled", end_of("2026-11-09"))


def test_a_moved_deadline_is_warned_of_again() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY, klasifikasi="permintaan_informasi"), routed(MONDAY), progressed(MONDAY))
    first = only(monitor.sweeps(at("2026-11-09")), "resolution warned")
    monitor.hears(classified(at("2026-11-09", 11), "aspirasi"))
    second = only(monitor.sweeps(at("2026-11-18")), "resolution warned")
    assert (first.at, second.at) == (end_of("2026-11-06"), end_of("2026-11-17"))
    assert second.occurrence == 2


def test_a_pause_that_leaves_as_many_days_as_were_warned_of_is_not_warned_of_again() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY), routed(MONDAY), progressed(MONDAY))
    monitor.sweeps(at("2026-11-18"))
    monitor.hears(asked(at("2026-11-18", 11)), replied(at("2026-11-25")))
    assert monitor.clock("resolution").due_at == end_of("2026-11-27")
    assert told(monitor.sweeps(at("2026-11-26")), "resolution") == []


def test_a_withdrawal_heard_before_the_routing_it_overtook() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY), withdrawn(at("2026-11-04")))
    assert monitor.clock("verify").status == "cancelled"
    monitor.hears(routed(at("2026-11-03")), closed(at("2026-11-04"), "withdrawn"), now=at("2026-11-05"))
    assert monitor.clock("verify").status == "met"
    assert monitor.clock("first_response", 1).status == "cancelled"


def test_events_name_their_policy_calendar_and_the_case() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY), classified(MONDAY, "aspirasi"), routed(MONDAY))
    started = only(monitor.said, "first_response started")
    assert (started.ticket, started.opd, started.disposition) == ("0123456789A", "PUPR", 1)
    assert (started.category, started.klasifikasi, started.channel) == ("jalan", "aspirasi", "app")
    assert started.policy == "sp4n-lapor-1@1"
    assert started.calendar.startswith("ID@1+holidays-")
    assert (started.binds, started.level, started.occurrence) == ("opd", 0, 1)


def test_ids_say_what_happened_to_which_clock_whatever_brought_it_to_light() -> None:
    one, other = Monitor(), Monitor()
    one.hears(received(MONDAY), routed(MONDAY))
    other.hears(routed(MONDAY), received(MONDAY))
    assert only(one.said, "verify met").id == only(other.said, "verify met").id
    expected = ids.clock_event_id(KEY, "simpul.clock.met.v1", "verify", None, 0, 1)
    assert only(one.said, "verify met").id == expected


def test_a_deadline_in_a_year_without_decreed_holidays_says_that_it_is_provisional() -> None:
    monitor = Monitor()
    monitor.hears(received(at("2027-12-20"), klasifikasi="berkadar_pengawasan"))
    assert only(monitor.said, "resolution started").reason == "calendar_provisional"
    assert only(monitor.said, "verify started").reason is None
    assert monitor.clock("resolution").due_at == end_of("2028-03-16")


# statements


def test_every_change_is_stated_under_the_next_version() -> None:
    monitor = Monitor()
    for fact in (received(MONDAY), classified(MONDAY), routed(MONDAY), accepted(MONDAY), asked(MONDAY)):
        monitor.hears(fact)
    versions = [event.version for event in monitor.said if isinstance(event, ClocksStated)]
    assert versions == [1, 2, 3, 4, 5]
    states = [event.case_state for event in monitor.said if isinstance(event, ClocksStated)]
    assert states == ["new", "new", "routed", "in_work", "asked"]


def test_what_changes_nothing_states_nothing() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY), routed(MONDAY), accepted(MONDAY), progressed(MONDAY))
    assert monitor.hears(progressed(at("2026-11-03"), name="progressed more")) == []


def test_a_statement_shows_warnings_and_breaches_only_once_the_sweep_said_them() -> None:
    monitor = waiting_for_a_verifier()
    assert (monitor.clock("verify").warned_at, monitor.clock("verify").breached_at) == (None, None)
    monitor.sweeps(at("2026-11-05"))
    monitor.sweeps(at("2026-11-06"))
    verify = monitor.clock("verify")
    assert (verify.warned_at, verify.breached_at) == (end_of("2026-11-04"), end_of("2026-11-05"))


def test_a_statement_names_place_channel_and_who_has_it() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY), classified(MONDAY), routed(MONDAY, opd="DLH"))
    stated = monitor.stated
    assert (stated.opd, stated.kelurahan, stated.channel, stated.category) == (
        "DLH",
        "15.71.01.1001",
        "app",
        "jalan",
    )
    monitor.hears(handed_back(at("2026-11-03"), opd="DLH"))
    assert monitor.stated.opd is None


# a decree that changes the calendar


def with_closed_thursday() -> dict[str, object]:
    documents = shipped()
    documents["holidays"]["closed"] = [
        {"date": "2026-11-05", "name": "Pemilihan", "source": "made up", "certainty": "C"}
    ]
    return documents


def test_a_decree_moves_the_clocks_that_run_and_leaves_those_that_ended() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY), routed(at("2026-11-03")))
    said = monitor.adopts(a_registry(shipped(), with_closed_thursday()), at("2026-11-04"))
    assert told(said) == ["first_response rescheduled", "resolution rescheduled"]
    assert monitor.clock("first_response", 1).due_at == end_of("2026-11-11")
    assert monitor.clock("first_response", 1).calendar.startswith("ID@2+")
    assert monitor.clock("first_response", 1).policy == "sp4n-lapor-1@1"
    assert monitor.clock("verify").calendar.startswith("ID@1+")


def test_adopting_the_same_calendar_twice_says_nothing() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY))
    city = a_registry(shipped(), with_closed_thursday())
    monitor.adopts(city, at("2026-11-03"))
    assert monitor.watched.counted_by == 2
    assert monitor.adopts(city, at("2026-11-04")) == []


def test_a_breach_that_was_said_keeps_the_calendar_it_was_said_by() -> None:
    monitor = waiting_for_a_verifier()
    monitor.sweeps(at("2026-11-06"))
    said = monitor.adopts(a_registry(shipped(), with_closed_thursday()), at("2026-11-06", 11))
    assert told(said) == ["resolution rescheduled"]
    assert monitor.clock("verify").status == "breached"


@pytest.mark.parametrize("days", range(1, 40, 3))
def test_the_sweep_always_moves_on(days: int) -> None:
    """Whatever was swept, the next look lies behind the watermark: a key is never swept for ever."""
    monitor = Monitor()
    monitor.hears(received(at("2026-10-01"), MONDAY), routed(MONDAY), now=at("2026-11-04"))
    monitor.hears(asked(at("2026-11-04")), now=at("2026-11-12"))
    monitor.sweeps(MONDAY + timedelta(days=days))
    monitor.hears(answered(at("2026-11-06")), now=MONDAY + timedelta(days=days))
    monitor.sweeps(MONDAY + timedelta(days=days, hours=1))
