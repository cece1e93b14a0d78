"""Silence and completion: the reporter's clocks, which lapse."""

from shared.events.fact import Event
from shared.events.parts import By
from tests.sla_monitor.world import (
    Monitor,
    answered,
    asked,
    at,
    closed,
    end_of,
    fact_id,
    only,
    progressed,
    received,
    replied,
    routed,
    told,
    withdrawn,
)

MONDAY = at("2026-11-02")
LATER = at("2026-12-20")
MONITOR = By(kind="system", name="sla_monitor")


def after(*facts: Event) -> Monitor:
    monitor = Monitor()
    monitor.hears(received(MONDAY), routed(MONDAY), *facts)
    return monitor


def test_silence_runs_ten_working_days_from_the_answer() -> None:
    silence = after(answered(MONDAY)).clock("silence", 1)
    assert (silence.started_at, silence.due_at) == (MONDAY, end_of("2026-11-16"))


def test_completion_runs_ten_calendar_days_from_the_question() -> None:
    assert after(asked(MONDAY)).clock("completion", 1).due_at == end_of("2026-11-12")


def test_silence_that_lapses_names_the_answer_that_was_waited_on() -> None:
    monitor = after(answered(MONDAY))
    lapsed = only(monitor.sweeps(LATER), "silence lapsed")
    assert lapsed.since == fact_id("answered")
    assert (lapsed.at, lapsed.binds) == (end_of("2026-11-16"), "reporter")
    assert monitor.clock("silence", 1).status == "lapsed"


def test_completion_that_lapses_names_the_question() -> None:
    monitor = after(asked(MONDAY))
    assert only(monitor.sweeps(LATER), "completion lapsed").since == fact_id("asked")


def test_a_reply_in_time_meets_the_clock() -> None:
    monitor = after(asked(MONDAY), replied(at("2026-11-05")))
    assert monitor.clock("completion", 1).status == "met"
    assert told(monitor.sweeps(LATER), "completion") == []


def test_a_reply_after_the_lapse_does_not_undo_it() -> None:
    monitor = after(answered(MONDAY))
    monitor.sweeps(at("2026-11-17"))
    monitor.hears(replied(at("2026-11-18")))
    assert monitor.clock("silence", 1).status == "lapsed"


def test_a_late_reply_heard_before_the_sweep_came_by_is_still_a_lapse() -> None:
    monitor = after(answered(MONDAY), replied(at("2026-11-18")))
    assert monitor.clock("silence", 1).status == "running"
    assert told(monitor.sweeps(LATER), "silence") == ["silence lapsed"]


def test_a_reply_that_was_in_time_but_came_to_us_late_withdraws_the_lapse() -> None:
    monitor = after(answered(MONDAY))
    monitor.sweeps(at("2026-11-17"))
    said = monitor.hears(replied(at("2026-11-10")), now=at("2026-11-18"))
    assert told(said, "silence") == ["silence breach_withdrawn", "silence met"]
    assert only(said, "silence breach_withdrawn").since == fact_id("answered")


def test_the_closing_that_a_lapse_causes_leaves_it_a_lapse() -> None:
    """Routing closes at the lapse's own instant: the due one."""
    monitor = after(answered(MONDAY))
    monitor.sweeps(at("2026-11-17"))
    said = monitor.hears(closed(end_of("2026-11-16"), by=MONITOR), now=at("2026-11-17"))
    assert told(said) == []
    assert monitor.clock("silence", 1).status == "lapsed"
    assert monitor.stated.case_state == "closed"


def test_an_answer_without_waiting_for_the_reply_cancels_completion() -> None:
    monitor = after(asked(MONDAY), answered(at("2026-11-05")))
    assert monitor.clock("completion", 1).status == "cancelled"
    assert monitor.clock("silence", 1).status == "running"


def test_a_closing_or_a_withdrawal_cancels_the_reporters_clocks() -> None:
    assert after(answered(MONDAY), closed(at("2026-11-05"))).clock("silence", 1).status == "cancelled"
    assert after(asked(MONDAY), withdrawn(at("2026-11-05"))).clock("completion", 1).status == "cancelled"


def test_another_answer_starts_silence_again_as_its_second_occurrence() -> None:
    monitor = after(
        answered(MONDAY),
        replied(at("2026-11-04")),
        answered(at("2026-11-09"), name="answered again"),
    )
    starts = [event for event in monitor.said if told([event]) == ["silence started"]]
    assert [event.occurrence for event in starts] == [1, 2]  # type: ignore[attr-defined]
    assert monitor.clock("silence", 1).started_at == at("2026-11-09")
    lapsed = only(monitor.sweeps(LATER), "silence lapsed")
    assert lapsed.since == fact_id("answered again")


def test_an_answer_under_another_disposition_has_a_clock_of_its_own() -> None:
    monitor = after(
        answered(MONDAY),
        replied(at("2026-11-04")),
        routed(at("2026-11-05"), 2, "PERKIM"),
        answered(at("2026-11-09"), 2, "PERKIM", "answered by another"),
    )
    assert monitor.clock("silence", 1).status == "met"
    assert (monitor.clock("silence", 2).opd, monitor.clock("silence", 2).status) == ("PERKIM", "running")


def test_a_reply_counts_for_what_it_names_even_if_its_clock_went_before_ours() -> None:
    monitor = after(answered(MONDAY), replied(at("2026-11-02", 9), answers="answered"))
    silence = monitor.clock("silence", 1)
    assert (silence.status, silence.met_at) == ("met", MONDAY)


def test_a_reply_from_before_the_answer_is_no_reply_to_it() -> None:
    assert after(replied(at("2026-11-02", 9)), answered(MONDAY)).clock("silence", 1).status == "running"


def test_what_the_city_does_next_shows_that_the_reporter_spoke() -> None:
    """The table lets it act after an answer only then; the reply itself is still on its way."""
    monitor = after(answered(MONDAY), progressed(at("2026-11-10")))
    silence = monitor.clock("silence", 1)
    assert (silence.status, silence.met_at) == ("met", None)
    said = monitor.hears(replied(at("2026-11-06")))
    assert told(said, "silence") == []
    assert monitor.clock("silence", 1).met_at == at("2026-11-06")


def test_the_case_is_in_work_again_once_the_reporter_spoke() -> None:
    states = [after(*facts).stated.case_state for facts in ([], [answered(MONDAY)])]
    assert states == ["routed", "answered"]
    assert after(answered(MONDAY), replied(at("2026-11-04"))).stated.case_state == "in_work"
