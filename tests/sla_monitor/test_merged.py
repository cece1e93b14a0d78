"""One complaint merged into another: its clocks end, and run on when it is set apart; what an amendment moves."""

from shared.events.parts import Place
from tests.sla_monitor.world import (
    Monitor,
    amended,
    answered,
    at,
    classified,
    end_of,
    merged,
    only,
    received,
    replied,
    routed,
    told,
    unmerged,
)

MONDAY = at("2026-11-02")
"""No holiday from here to Christmas."""


def at_pupr() -> Monitor:
    monitor = Monitor()
    monitor.hears(received(MONDAY), classified(MONDAY), routed(MONDAY))
    return monitor


def _klasifikasi(monitor: Monitor) -> str | None:
    return monitor.stated.klasifikasi


def test_every_open_clock_of_the_merged_one_is_cancelled_and_its_case_closed() -> None:
    monitor = at_pupr()
    says = monitor.hears(merged(at("2026-11-03")))
    assert sorted(told(says)) == ["first_response cancelled", "resolution cancelled"]
    ended = only(says, "resolution cancelled")
    assert (ended.reason, ended.at) == ("merged", at("2026-11-03"))
    assert monitor.clock("verify").status == "met"
    assert monitor.stated.case_state == "closed"
    assert monitor.sweeps(at("2027-06-01")) == []


def test_the_survivors_clocks_run_as_before() -> None:
    monitor = at_pupr()
    assert monitor.hears(merged(at("2026-11-03"), role="survivor")) == []
    assert monitor.hears(unmerged(at("2026-11-04"), role="survivor")) == []
    assert monitor.clock("resolution").status == "running"


def test_set_apart_the_citizens_clock_runs_on_unmoved_and_the_opds_without_the_days_between() -> None:
    monitor = at_pupr()
    resolution, response = monitor.clock("resolution").due_at, monitor.clock("first_response", 1).due_at
    assert (resolution, response) == (end_of("2026-11-20"), end_of("2026-11-09"))
    monitor.hears(merged(at("2026-11-04")))
    says = monitor.hears(unmerged(at("2026-11-06")))
    assert told(says, "resolution") == ["resolution started"]
    assert only(says, "resolution started").reason == "runs_on"
    assert told(says, "first_response") == [
        "first_response paused",
        "first_response resumed",
        "first_response started",
    ]
    assert monitor.clock("resolution").due_at == resolution
    assert monitor.clock("first_response", 1).due_at == end_of("2026-11-11")
    assert monitor.stated.case_state == "routed"


def test_a_reporter_who_could_not_reply_meanwhile_does_not_lapse_for_it() -> None:
    monitor = at_pupr()
    monitor.hears(answered(at("2026-11-04")))
    silence = monitor.clock("silence", 1).due_at
    monitor.hears(merged(at("2026-11-05")), unmerged(at("2026-12-03")))
    assert silence is not None
    assert told(monitor.sweeps(at("2026-12-04")), "silence") == []
    moved = monitor.clock("silence", 1)
    assert moved.status == "running"
    assert moved.due_at is not None
    assert moved.due_at > at("2026-12-10")
    assert told(monitor.hears(replied(at("2026-12-05"))), "silence") == ["silence met"]


def test_a_breach_that_a_merge_heard_late_disproves_is_withdrawn() -> None:
    monitor = at_pupr()
    assert "first_response breached" in told(monitor.sweeps(at("2026-11-10", 12)))
    says = monitor.hears(merged(at("2026-11-09")), now=at("2026-11-10", 13))
    assert told(says, "first_response") == ["first_response breach_withdrawn", "first_response cancelled"]


def test_what_was_breached_before_the_merge_stays_breached() -> None:
    monitor = at_pupr()
    monitor.sweeps(at("2026-11-10", 12))
    monitor.hears(merged(at("2026-11-11")))
    assert monitor.clock("first_response", 1).breached_at == end_of("2026-11-09")
    monitor.hears(unmerged(at("2026-11-12")))
    assert monitor.clock("first_response", 1).breached_at == end_of("2026-11-09")


def test_the_senders_klasifikasi_counts_until_the_city_gives_one() -> None:
    monitor = Monitor()
    monitor.hears(received(MONDAY))
    says = monitor.hears(amended(at("2026-11-03"), klasifikasi="permintaan_informasi"))
    moved = only(says, "resolution rescheduled")
    assert (moved.due_at, moved.reason) == (end_of("2026-11-09"), "reclassified")
    assert _klasifikasi(monitor) == "permintaan_informasi"
    monitor.hears(classified(at("2026-11-04"), "berkadar_pengawasan"))
    assert monitor.hears(amended(at("2026-11-05"), "again", klasifikasi="aspirasi")) == []
    assert _klasifikasi(monitor) == "berkadar_pengawasan"


def test_the_statement_counts_where_it_is_now() -> None:
    monitor = at_pupr()
    monitor.hears(amended(at("2026-11-03"), place=Place(kelurahan="15.71.02.1001")))
    assert monitor.stated.kelurahan == "15.71.02.1001"
    monitor.hears(amended(at("2026-11-04"), "nowhere", place=Place(text="di mana-mana")))
    assert monitor.stated.kelurahan is None


def test_other_words_move_nothing() -> None:
    assert at_pupr().hears(amended(at("2026-11-03"), text="Dua lampu mati.", anonymous=True)) == []
