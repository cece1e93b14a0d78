"""Which days count, held against a second calculator that shares no code with the first."""

from datetime import date, datetime, time, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sla_monitor.domain.calendar import Calendar, Holidays, Unit
from tests.sla_monitor.world import JAMBI, wib

SHIPPED = JAMBI.edition(1).calendar
FRIDAY_13_MARCH = date(2026, 3, 13)


def a_calendar(**changes: object) -> Calendar:
    rules = {"country": "ID", "categories": ["public", "government"], "decreed_through": 2027, **changes}
    return Calendar("test", Holidays.model_validate(rules))


def naive_last_day(start: date, days: int, unit: Unit, away: list[tuple[date, date]]) -> date:
    """The first day up to which so many countable days lie behind the start: day by day, from the library alone."""
    last = start
    while True:
        last += timedelta(days=1)
        between = [start + timedelta(days=n) for n in range(1, (last - start).days + 1)]
        closed = holidays.country_holidays(
            "ID", years={day.year for day in between}, categories=("public", "government")
        )
        counted = [
            day
            for day in between
            if not any(gone <= day < back for gone, back in away)
            and (unit == "calendar" or (day.isoweekday() not in (6, 7) and day not in closed))
        ]
        if len(counted) == days:
            return last


@pytest.mark.parametrize(
    ("days", "last"), [(3, date(2026, 3, 25)), (5, date(2026, 3, 27))], ids=["three", "five"]
)
def test_working_days_from_friday_13_march_2026_jump_over_nyepi_and_idul_fitri(days: int, last: date) -> None:
    assert SHIPPED.term(FRIDAY_13_MARCH, days, "working").last == last


def test_the_skipped_weekdays_are_named() -> None:
    closed = SHIPPED.term(FRIDAY_13_MARCH, 3, "working").closed
    assert closed == tuple(date(2026, 3, day) for day in (18, 19, 20, 23, 24))


def test_cuti_bersama_is_not_worked_and_without_the_category_government_it_would_be() -> None:
    monday = date(2026, 3, 23)
    assert not SHIPPED.is_working(monday)
    assert a_calendar(categories=["public"]).is_working(monday)


def test_a_term_that_begins_on_a_weekend_counts_from_monday() -> None:
    assert SHIPPED.term(date(2026, 11, 7), 3, "working").last == date(2026, 11, 11)


def test_calendar_days_count_weekends_and_holidays() -> None:
    assert SHIPPED.term(FRIDAY_13_MARCH, 10, "calendar").last == date(2026, 3, 23)


def test_a_decree_closes_a_day_and_another_opens_one() -> None:
    changed = a_calendar(
        closed=[{"date": "2026-11-04", "name": "Pilkada", "source": "made up", "certainty": "C"}],
        open=[{"date": "2026-12-24", "source": "made up", "certainty": "C"}],
    )
    assert changed.term(date(2026, 11, 2), 3, "working").last == date(2026, 11, 6)
    assert changed.is_working(date(2026, 12, 24))
    assert not SHIPPED.is_working(date(2026, 12, 24))


def test_a_day_that_is_both_closed_and_opened_is_refused() -> None:
    day = {"date": "2026-11-04", "source": "made up", "certainty": "C"}
    with pytest.raises(ValueError, match="both closed and open: 2026-11-04"):
        a_calendar(closed=[day], open=[day])


def test_the_year_after_the_last_decree_is_provisional() -> None:
    assert SHIPPED.is_provisional(date(2028, 1, 3))
    assert not SHIPPED.is_provisional(date(2027, 12, 31))


def test_the_calendar_names_its_edition_and_the_library_that_computed_it() -> None:
    assert SHIPPED.name == f"ID@1+holidays-{holidays.__version__}"  # type: ignore[attr-defined]


def test_a_term_over_new_year_knows_the_holidays_of_both_years() -> None:
    term = SHIPPED.term(date(2026, 12, 23), 5, "working")
    assert term.last == date(2027, 1, 4)
    assert term.closed == (date(2026, 12, 24), date(2026, 12, 25), date(2027, 1, 1))


def test_the_warning_leaves_whole_days() -> None:
    assert SHIPPED.term(date(2026, 11, 2), 5, "working", warn_before=1).warn == date(2026, 11, 6)
    assert SHIPPED.term(date(2026, 11, 2), 5, "working", warn_before=5).warn is None


days = st.dates(date(2016, 1, 1), date(2028, 12, 31))


@given(
    start=days,
    length=st.integers(1, 20),
    unit=st.sampled_from(["working", "calendar"]),
    gone=st.integers(0, 25),
    for_days=st.integers(0, 15),
)
def test_every_term_ends_where_counting_by_hand_ends(
    start: date, length: int, unit: Unit, gone: int, for_days: int
) -> None:
    away = [(start + timedelta(days=gone), start + timedelta(days=gone + for_days))]
    assert SHIPPED.term(start, length, unit, 0, away).last == naive_last_day(start, length, unit, away)


@given(start=days, length=st.integers(1, 60))
def test_a_day_later_is_never_due_earlier(start: date, length: int) -> None:
    tomorrow = start + timedelta(days=1)
    assert SHIPPED.term(start, length, "working").last <= SHIPPED.term(tomorrow, length, "working").last


@pytest.mark.parametrize(
    ("since", "until", "minutes"),
    [
        ("2026-11-05 23:59", "2026-11-06 08:00", 30),
        ("2026-11-06 15:00", "2026-11-09 08:30", 120),
        ("2026-11-06 16:00", "2026-11-09 07:30", 0),
        ("2026-11-05 10:00", "2026-11-05 10:00", 0),
        ("2026-03-17 16:00", "2026-03-25 07:31", 1),
    ],
    ids=["next morning", "over a weekend", "outside office hours", "at once", "over idul fitri"],
)
def test_working_minutes_are_office_hours_of_working_days(since: str, until: str, minutes: int) -> None:
    opens, closes = time(7, 30), time(16, 0)
    assert SHIPPED.working_minutes(wib(since), wib(until), opens, closes) == minutes


def test_a_begun_minute_counts_as_one() -> None:
    eight: datetime = wib("2026-11-05 08:00")
    assert SHIPPED.working_minutes(eight, eight + timedelta(seconds=1), time(7, 30), time(16)) == 1
