"""Tallies: what one complaint's clocks add to the numbers of each day, and which numbers a change moves.

A day's numbers count by the instants inside the facts. So what is heard late still counts on its own day, and
`open` and `due_today` of a day that is over are as they were at its end: the clocks are computed anew from what
had happened by then.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple

from services.sla_monitor.domain.calendar import JAKARTA, local_day
from services.sla_monitor.domain.clocks import Clock, clocks
from services.sla_monitor.domain.history import History, What
from services.sla_monitor.domain.registry import Registry
from services.sla_monitor.domain.watched import Told, ToldRun
from shared.events.sla import ClockName

_DAY = timedelta(days=1)


class Cell(NamedTuple):
    """What one aggregate is about; `opd` None for the city's own clocks."""

    opd: str | None
    clock: ClockName
    day: date


class Standing(NamedTuple):
    """One clock was open at the end of each day from `first` to `last` (None: and still is), due on `due_on`."""

    opd: str | None
    clock: ClockName
    first: date
    last: date | None
    due_on: date | None


class Befallen(NamedTuple):
    """What befell one clock on a day. `minutes`: of one that was met, the working minutes that it took."""

    opd: str | None
    clock: ClockName
    day: date
    what: Literal["warned", "breached", "met_in_time", "met_late"]
    minutes: int | None


class Tally(NamedTuple):
    """What one complaint adds; in a fixed order."""

    standing: tuple[Standing, ...] = ()
    befallen: tuple[Befallen, ...] = ()


def tally(history: History, told: Told, registry: Registry) -> Tally:
    """What these clocks add to the days. What is not said yet (a breach that settles) is not counted yet."""
    if history.received is None:
        return Tally()
    runs = {(run.clock, run.disposition, run.run): run for run in told.runs}
    whole = clocks(history, registry)
    befallen = [
        one
        for clock in whole
        if (run := runs.get((clock.name, clock.disposition, clock.run)))
        for one in _befallen(clock, run, registry)
    ]
    evenings = [(_first_day(history), whole)] if _goes_straight(history) else _evenings(history, registry)
    return Tally(tuple(_standing(evenings, runs)), tuple(befallen))


def touched(before: Tally, after: Tally, today: date) -> set[Cell]:
    """The aggregates, up to today's, whose numbers these two do not add the same to."""
    lost, won = Counter(before.standing), Counter(after.standing)
    one, other = Counter(_days(lost - won, today)), Counter(_days(won - lost, today))
    cells = {cell for cell, _ in (one - other) + (other - one)}
    gone, come = Counter(before.befallen), Counter(after.befallen)
    return cells | {Cell(what.opd, what.clock, what.day) for what in (gone - come) + (come - gone)}


def _days(standing: Iterable[Standing], today: date) -> Iterator[tuple[Cell, bool]]:
    """Each day at whose end it is counted, and whether as due on it."""
    for one in Counter(standing).elements():
        day = one.first
        while day <= min(one.last or today, today):
            yield Cell(one.opd, one.clock, day), day == one.due_on
            day += _DAY


def _befallen(clock: Clock, run: ToldRun, registry: Registry) -> Iterator[Befallen]:
    if run.warned_at is not None:
        yield Befallen(clock.opd, clock.name, local_day(run.warned_at), "warned", None)
    if run.overrun is not None and not clock.kind.lapses:
        yield Befallen(clock.opd, clock.name, local_day(run.overrun.due_at), "breached", None)
    lapsed = run.overrun is not None and clock.kind.lapses
    end = clock.end
    if end is None or end.how != "met" or end.at is None or run.ended != "met" or lapsed:
        return
    late = clock.due_at is not None and end.at > clock.due_at
    yield Befallen(
        clock.opd,
        clock.name,
        local_day(end.at),
        "met_late" if late else "met_in_time",
        _minutes(clock, end.at, registry),
    )


def _minutes(clock: Clock, met_at: datetime, registry: Registry) -> int | None:
    """Working minutes from start to met, those in which it was paused left out."""
    if clock.started_at is None:
        return None
    calendar, hours = registry.edition(clock.calendar_edition).calendar, clock.hours

    def between(since: datetime, until: datetime) -> int:
        return calendar.working_minutes(since, until, hours.opens, hours.closes) if until > since else 0

    paused = sum(between(pause.begin, min(pause.to or met_at, met_at)) for pause in clock.pauses)
    return max(0, between(clock.started_at, met_at) - paused)


Runs = dict[tuple[ClockName, int | None, int], ToldRun]

Evening = tuple[date, tuple[Clock, ...]]
"""The clocks as they were at the end of a day, and until the next one."""


def _evenings(history: History, registry: Registry) -> Iterator[Evening]:
    """Between two days on which something happened nothing moves, so only those days are looked at."""
    for day in sorted(_days_of(history)):
        yield day, clocks(history.until(_end(day)), registry)


def _goes_straight(history: History) -> bool:
    """Whether what came later never moved a due day or an order: then one look at the whole tells every evening.

    True of most complaints, and several times cheaper. A test holds both ways against each other.
    """
    received, facts = history.received, (*history.intake, *history.routing)
    assert received is not None
    instants = [fact.at for fact in history.routing]
    return (
        received.arrived == "open"
        and all(fact.at is not None and fact.what in _STRAIGHT for fact in facts)
        and all(
            fact.klasifikasi in (None, received.klasifikasi) for fact in facts if fact.what == "classified"
        )
        and all(a is not None and b is not None and a <= b for a, b in pairwise(instants))
    )


_STRAIGHT: frozenset[What] = frozenset({
    "classified", "triage", "routed", "accepted", "progressed", "answered", "handed_back", "rejected", "closed",
    "withdrawn",
})  # fmt: skip
"""Facts that begin and end clocks, and neither pause nor move one, nor begin a life anew."""


def _standing(evenings: Iterable[Evening], runs: Runs) -> Iterator[Standing]:
    """On which days each clock was open, and when it was due by what had happened until then."""
    open_: dict[tuple[ClockName, int | None, int], Standing] = {}
    for day, found in evenings:
        seen: dict[tuple[ClockName, int | None, int], Standing] = {}
        for clock in found:
            name = (clock.name, clock.disposition, clock.run)
            standing = _open_from(clock, day, runs.get(name))
            if standing is not None:
                seen[name] = standing
        for name, before in list(open_.items()):
            now = seen.get(name)
            if now is not None and (now.opd, now.due_on) == (before.opd, before.due_on):
                seen[name] = now._replace(first=before.first)
            else:
                yield from _closed(before, day - _DAY)
        open_ = seen
    yield from open_.values()


def _open_from(clock: Clock, day: date, run: ToldRun | None) -> Standing | None:
    """The evenings from that day on on which this clock is open, as far as it tells itself.

    An end whose instant nobody knows is put on no day: such a clock was never open.
    """
    if clock.started_at is None or (clock.end is not None and clock.end.at is None):
        return None
    first = max(day, local_day(clock.started_at))
    ends = [local_day(clock.end.at)] if clock.end is not None and clock.end.at is not None else []
    if run is not None and run.overrun is not None and clock.kind.lapses:
        ends.append(local_day(run.overrun.due_at))  # the reporter let it pass
    last = min(ends) - _DAY if ends else None
    if last is not None and last < first:
        return None
    due_on = local_day(clock.due_at) if clock.due_at is not None else None
    return Standing(clock.opd, clock.name, first, last, due_on)


def _closed(standing: Standing, last: date) -> Iterator[Standing]:
    last = last if standing.last is None else min(last, standing.last)
    if last >= standing.first:
        yield standing._replace(last=last)


def _days_of(history: History) -> set[date]:
    """The days on which something happened that a clock may begin, move or end with."""
    assert history.received is not None
    instants = {history.received.reported_at, history.received.received_at}
    instants |= {fact.at for fact in (*history.intake, *history.routing) if fact.at is not None}
    return {local_day(instant) for instant in instants}


def _first_day(history: History) -> date:
    return min(_days_of(history))


def _end(day: date) -> datetime:
    return datetime.combine(day, time.max, JAKARTA)
