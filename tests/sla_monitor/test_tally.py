"""Tallies: what a complaint adds to each day, held against looking at every day by itself."""

from collections import Counter
from datetime import date, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla_monitor.domain.calendar import JAKARTA, local_day
from services.sla_monitor.domain.clocks import clocks
from services.sla_monitor.domain.tally import Befallen, Cell, Standing, Tally, tally, touched
from services.sla_monitor.domain.watched import Watched
from shared.events.fact import Fact
from tests.sla_monitor.test_interleavings import Story, stories
from tests.sla_monitor.world import (
    JAMBI,
    Monitor,
    answered,
    asked,
    at,
    end_of,
    extended,
    handed_back,
    received,
    replied,
    routed,
    triage,
)

MONDAY = at("2026-11-02")
TODAY = date(2026, 12, 31)
Numbers = tuple[int, int]


def lived(*facts: Fact, until: datetime | None = None) -> Watched:
    """A complaint to which these befell, and the sweep came by since."""
    monitor = Monitor()
    monitor.hears(*facts)
    if until is not None:
        monitor.sweeps(until)
    return monitor.watched


def added(watched: Watched) -> Tally:
    return tally(watched.history, watched.told, JAMBI)


def day(text: str) -> date:
    return date.fromisoformat(text)


def by_day(told: Tally, first: date, last: date) -> dict[Cell, Numbers]:
    """Open and due of each day, by looking at each day and each stretch."""
    found: dict[Cell, Numbers] = {}
    for n in range((last - first).days + 1):
        one = first + timedelta(days=n)
        for standing in told.standing:
            if standing.first <= one and (standing.last is None or one <= standing.last):
                cell = Cell(standing.opd, standing.clock, one)
                open_, due = found.get(cell, (0, 0))
                found[cell] = (open_ + 1, due + (standing.due_on == one))
    return found


def recounted(watched: Watched, first: date, last: date) -> dict[Cell, Numbers]:
    """The same, naively: for the end of every day, the clocks from what had happened by then."""
    lapses: dict[tuple[str, int | None, int], date] = {
        (run.clock, run.disposition, run.run): local_day(run.overrun.due_at)
        for run in watched.told.runs
        if run.overrun is not None and run.clock in ("silence", "completion")
    }
    found: dict[Cell, Numbers] = {}
    for n in range((last - first).days + 1):
        one = first + timedelta(days=n)
        end = datetime.combine(one, time.max, JAKARTA)
        for clock in clocks(watched.history.until(end), JAMBI):
            lapsed = lapses.get((clock.name, clock.disposition, clock.run))
            if clock.started_at is None or clock.started_at > end or (lapsed is not None and lapsed <= one):
                continue
            if clock.end is not None and (clock.end.at is None or clock.end.at <= end):
                continue
            due = clock.due_at is not None and local_day(clock.due_at) == one
            open_, dues = found.get(Cell(clock.opd, clock.name, one), (0, 0))
            found[Cell(clock.opd, clock.name, one)] = (open_ + 1, dues + due)
    return found


@settings(deadline=None, max_examples=150)
@given(stories(), st.sampled_from([None, 20, 60, 400]))
def test_each_days_numbers_are_those_of_looking_at_that_day_alone(story: Story, swept: int | None) -> None:
    monitor = Monitor()
    now = at("2026-02-02")
    for _, fact in story.facts:
        now = max(now, getattr(fact, "received_at", None) or getattr(fact, "at", None) or now)
        monitor.hears(fact, now=now)
    if swept is not None:
        monitor.sweeps(now + timedelta(days=swept))
    first, last = date(2025, 12, 1), local_day(now) + timedelta(days=60)
    assert by_day(added(monitor.watched), first, last) == recounted(monitor.watched, first, last)


@settings(deadline=None, max_examples=100)
@given(stories(), st.data())
def test_what_a_change_moves_is_marked_and_nothing_else(story: Story, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(story.facts)))
    monitor, early = Monitor(), Monitor()
    for n, (_, fact) in enumerate(story.facts):
        now = getattr(fact, "received_at", None) or getattr(fact, "at", None) or at("2026-12-01")
        monitor.hears(fact, now=now)
        if n < cut:
            early.hears(fact, now=now)
    before, after, today = added(early.watched), added(monitor.watched), date(2027, 6, 1)
    first = date(2025, 12, 1)
    old, new = by_day(before, first, today), by_day(after, first, today)
    moved = {cell for cell in old.keys() | new.keys() if old.get(cell) != new.get(cell)}
    befell = (Counter(before.befallen) - Counter(after.befallen)) + (
        Counter(after.befallen) - Counter(before.befallen)
    )
    assert touched(before, after, today) == moved | {Cell(o.opd, o.clock, o.day) for o in befell}


def of(told: Tally, clock: str) -> list[Standing]:
    return [one for one in told.standing if one.clock == clock]


def befell(told: Tally) -> list[tuple[str, str, str, int | None]]:
    return [(one.clock, one.what, str(one.day), one.minutes) for one in told.befallen]


def test_a_clock_is_open_from_its_first_evening_to_the_one_before_it_is_met() -> None:
    told = added(lived(received(MONDAY), triage(MONDAY), routed(at("2026-11-04"))))
    assert of(told, "verify") == [
        Standing(None, "verify", day("2026-11-02"), day("2026-11-03"), day("2026-11-05"))
    ]
    assert of(told, "first_response") == [
        Standing("PUPR", "first_response", day("2026-11-04"), None, day("2026-11-11"))
    ]
    # Monday 10:00 to Wednesday 10:00, two days of office hours
    assert ("verify", "met_in_time", "2026-11-04") in [one[:3] for one in befell(told)]


def test_what_is_met_on_the_day_it_began_was_never_open_at_an_evening() -> None:
    told = added(lived(received(MONDAY), routed(MONDAY + timedelta(hours=1))))
    assert of(told, "verify") == []
    assert befell(told) == [("verify", "met_in_time", "2026-11-02", 60)]


def test_a_paused_clock_is_open_and_due_on_no_day_until_it_runs_again() -> None:
    told = added(
        lived(
            received(MONDAY),
            routed(MONDAY),
            asked(at("2026-11-03")),
            replied(at("2026-11-05"), answers="asked"),
        )
    )
    assert [(one.first, one.last, one.due_on is None) for one in of(told, "resolution")] == [
        (day("2026-11-02"), day("2026-11-02"), False),
        (day("2026-11-03"), day("2026-11-04"), True),
        (day("2026-11-05"), None, False),
    ]


def test_the_evening_before_time_was_given_it_was_due_as_it_then_was() -> None:
    told = added(
        lived(received(MONDAY), routed(MONDAY), extended(at("2026-11-04"), "first_response", 5, number=1))
    )
    before, after = of(told, "first_response")
    assert (before.last, before.due_on) == (day("2026-11-03"), day("2026-11-09"))
    assert (after.first, after.due_on) == (day("2026-11-04"), day("2026-11-16"))


def test_a_breach_counts_on_its_own_day_once_it_is_said_and_the_clock_stays_open() -> None:
    facts = (received(MONDAY), triage(MONDAY))
    silent, said = added(lived(*facts)), added(lived(*facts, until=end_of("2026-11-06")))
    assert befell(silent) == []
    assert ("verify", "breached", "2026-11-05", None) in befell(said)
    assert of(said, "verify")[0].last is None
    cells = touched(silent, said, TODAY)
    assert Cell(None, "verify", day("2026-11-05")) in cells


def test_met_late_is_another_number_than_met_in_time() -> None:
    told = added(
        lived(received(MONDAY), triage(MONDAY), routed(at("2026-11-09")), until=end_of("2026-11-06"))
    )
    assert [(c, w, d) for c, w, d, _ in befell(told) if w.startswith("met")] == [
        ("verify", "met_late", "2026-11-09")
    ]


def test_a_lapse_ends_the_reporters_clock_and_is_no_breach() -> None:
    told = added(
        lived(received(MONDAY), routed(MONDAY), answered(at("2026-11-03")), until=end_of("2026-12-20"))
    )
    (silence,) = of(told, "silence")
    assert silence.last is not None
    assert silence.last < day("2026-11-25")
    assert "silence" not in [one.clock for one in told.befallen if one.what == "breached"]


def test_what_was_handed_back_is_open_no_more_and_met_by_nobody() -> None:
    told = added(lived(received(MONDAY), routed(MONDAY), handed_back(at("2026-11-04"))))
    assert of(told, "first_response")[0].last == day("2026-11-03")
    assert "first_response" not in [one.clock for one in told.befallen]


def test_the_minutes_of_a_met_clock_leave_out_those_in_which_it_was_paused() -> None:
    def taken(*between: Fact) -> int | None:
        told = added(lived(received(MONDAY), routed(MONDAY), *between, answered(at("2026-11-06"))))
        (minutes,) = [m for c, w, _, m in befell(told) if (c, w) == ("resolution", "met_in_time")]
        return minutes

    without, with_pause = taken(), taken(asked(at("2026-11-03")), replied(at("2026-11-04"), answers="asked"))
    assert without is not None
    assert with_pause is not None
    assert 0 < with_pause < without


def test_a_complaint_that_is_not_in_yet_adds_nothing() -> None:
    assert tally(Watched(Monitor().watched.key).history, Monitor().watched.told, JAMBI) == Tally()


def test_the_same_again_moves_nothing() -> None:
    told = added(lived(received(MONDAY), routed(MONDAY)))
    assert touched(told, told, TODAY) == set()


def test_two_alike_are_counted_twice() -> None:
    one = Standing("DLH", "first_response", day("2026-11-02"), day("2026-11-02"), None)
    assert touched(Tally((one,)), Tally((one, one)), TODAY) == {
        Cell("DLH", "first_response", day("2026-11-02"))
    }
    warned = Befallen("DLH", "first_response", day("2026-11-02"), "warned", None)
    assert touched(Tally((), (warned,)), Tally((), (warned, warned)), TODAY) != set()
