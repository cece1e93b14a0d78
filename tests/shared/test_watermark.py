"""How far one input partition is: never further than what was applied allows."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.delivery.watermark import Reached, reached

ASKED = datetime(2026, 3, 13, 2, 15, 30, tzinfo=UTC)
ASKED_MS = int(ASKED.timestamp() * 1000)


def at(*, applied: int, end: int, last_record_ms: int | None) -> datetime | None:
    found = reached(
        "intake.events", 4, applied=applied, end=end, asked_at=ASKED, last_record_ms=last_record_ms
    )
    if found is not None:
        assert found == Reached("intake.events", 4, found.at)
    return None if found is None else found.at


def test_caught_up_is_as_of_the_moment_the_end_was_asked_for() -> None:
    assert at(applied=7, end=7, last_record_ms=ASKED_MS - 90_000) == ASKED


def test_an_empty_partition_is_caught_up() -> None:
    assert at(applied=0, end=0, last_record_ms=None) == ASKED


def test_behind_it_is_the_time_of_the_last_record_applied() -> None:
    assert at(applied=5, end=7, last_record_ms=ASKED_MS - 90_000) == ASKED - timedelta(seconds=90)


def test_behind_with_nothing_applied_here_yet_nothing_can_be_said() -> None:
    assert at(applied=0, end=7, last_record_ms=None) is None


def test_a_log_that_ends_before_what_was_applied_was_made_anew() -> None:
    assert at(applied=9, end=7, last_record_ms=ASKED_MS) is None


def test_a_record_from_a_clock_that_runs_ahead_does_not_push_the_watermark_past_now() -> None:
    assert at(applied=5, end=7, last_record_ms=ASKED_MS + 3_600_000) == ASKED


@given(st.integers(0, 50), st.integers(0, 50), st.none() | st.integers(0, 2 * ASKED_MS))
def test_it_never_runs_ahead_of_the_clock(applied: int, end: int, last: int | None) -> None:
    found = at(applied=applied, end=end, last_record_ms=last)
    assert found is None or found <= ASKED
    if found is not None and applied < end:
        assert last is not None
        assert found <= datetime.fromtimestamp(last / 1000, UTC)
