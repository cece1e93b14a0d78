"""How one clock runs: when it is due, what its pauses move, and which fact ends it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from services.sla_monitor.domain.calendar import Calendar, Term, at_local, local_day
from services.sla_monitor.domain.history import Heard, History
from services.sla_monitor.domain.policies import Policy, Step
from services.sla_monitor.domain.replies import Waiting, waitings

How = Literal["met", "cancelled", "unobserved"]


@dataclass(frozen=True, slots=True)
class Rules:
    """By what one clock is decided: a policy's step, a calendar, and the editions that hold them."""

    policy: Policy
    policy_edition: int
    step: Step
    calendar: Calendar
    calendar_edition: int


@dataclass(frozen=True, slots=True)
class Pause:
    """While the reporter was asked; `to` None = still. `resumed`: it ran on (not: the clock itself ended)."""

    begin: datetime
    to: datetime | None
    resumed: bool


@dataclass(frozen=True, slots=True)
class Extension:
    """More time, in working days, given at that instant; None = nobody knows when."""

    at: datetime | None
    days: int


@dataclass(frozen=True, slots=True)
class End:
    """How a clock ended. `at` None = nobody knows when, which is never too late."""

    how: How
    at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fact that may end a clock; `position` in the city's order, None from intake."""

    how: How
    at: datetime | None
    reason: str
    position: int | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a clock is due, given its pauses. Without a `term` while it is paused: then nothing is due."""

    due_at: datetime | None
    warn_at: datetime | None
    pauses: tuple[Pause, ...]
    term: Term | None


def course(
    rules: Rules,
    start: datetime,
    candidates: Iterable[Candidate],
    pauses: tuple[Pause, ...] = (),
    extensions: tuple[Extension, ...] = (),
) -> tuple[Schedule, End | None]:
    """When a clock that began at `start` is due, and how it ended, if it has.

    The earliest known instant ends it; one before the start counts as the start. Where that would be too
    late, and a fact of unknown instant came first, that one ends it: an unknown instant never makes a
    breach. It came first unless its own owner told it after the known one.
    """
    found = list(candidates)
    first = min(
        (c for c in found if c.at is not None),
        key=lambda c: (max(c.at or start, start), c.how != "met"),
        default=None,
    )
    if first is not None and first.at is not None:
        ended = max(first.at, start)
        given = tuple(more for more in extensions if more.at is None or more.at <= ended)
        schedule = _schedule(rules, start, _until(pauses, ended), given)
        if schedule.due_at is None or ended <= schedule.due_at or not _undated(found, first):
            return schedule, End(first.how, ended, first.reason)
    undated = _undated(found, first)
    end = End(undated[0].how, None, undated[0].reason) if undated else None
    return _schedule(rules, start, pauses, extensions), end


def _undated(candidates: list[Candidate], known: Candidate | None) -> list[Candidate]:
    """Facts of unknown instant that may have come before the known one."""
    return [
        c
        for c in candidates
        if c.at is None
        and (known is None or c.position is None or known.position is None or c.position < known.position)
    ]


def _until(pauses: tuple[Pause, ...], end: datetime) -> tuple[Pause, ...]:
    """The pauses as far as they lie before the end of the clock."""
    return tuple(
        pause if pause.to is not None and pause.to <= end else replace(pause, to=end, resumed=False)
        for pause in pauses
        if pause.begin < end
    )


def _schedule(
    rules: Rules, start: datetime, pauses: tuple[Pause, ...], extensions: tuple[Extension, ...]
) -> Schedule:
    """Due at the end of the last counted day.

    A pause that begins after that, and time that is given after that, move nothing: what was missed by then
    was missed. An extension of unknown instant counts as given in time.
    """
    counted: list[Pause] = []
    extra = 0
    term, due_at = _due(rules, start, counted, extra)
    moves: list[tuple[datetime, Pause | Extension]] = [(pause.begin, pause) for pause in pauses]
    moves += [(more.at or start, more) for more in extensions]
    for at, move in sorted(moves, key=lambda move: move[0]):
        if at > due_at:
            break
        if isinstance(move, Extension):
            extra += move.days
        else:
            counted.append(move)
            if move.to is None:
                return Schedule(None, None, tuple(counted), None)
        term, due_at = _due(rules, start, counted, extra)
    warn_at = None
    if rules.step.warn_days_before is not None:
        warn_at = at_local(term.warn, rules.policy.day_ends) if term.warn else start
    return Schedule(due_at, warn_at, tuple(counted), term)


def _due(rules: Rules, start: datetime, pauses: list[Pause], extra: int) -> tuple[Term, datetime]:
    step = rules.step
    away = [(local_day(pause.begin), local_day(pause.to)) for pause in pauses if pause.to is not None]
    term = _term(rules.calendar, local_day(start), step, extra, away)
    return term, at_local(term.last, rules.policy.day_ends)


def _term(calendar: Calendar, start: date, step: Step, extra: int, away: list[tuple[date, date]]) -> Term:
    """The step's days, and behind them the extra ones, which are working days whatever the step's are."""
    warn_before = step.warn_days_before or 0
    if not extra:
        return calendar.term(start, step.days, step.unit, warn_before, away)
    own = calendar.term(start, step.days, step.unit, max(0, warn_before - extra), away)
    more = calendar.term(own.last, extra, "working", warn_before, away)
    return Term(more.last, more.warn or own.warn, (*own.closed, *more.closed))


def rests(history: History, start: datetime) -> tuple[Pause, ...]:
    """While it was merged into another complaint and neither OPD nor reporter could act, from `start` on."""
    over = [(rest.since, rest.until) for rest in history.rests if rest.is_over]
    clipped = [(max(since, start), until) for since, until in over if since is not None and until is not None]
    return tuple(Pause(since, until, resumed=True) for since, until in clipped if since < until)


def pauses(history: History, start: datetime) -> tuple[Pause, ...]:
    """While information was asked of the reporter, from `start` on, in order and without overlap.

    A pause ends with the reply or the answer, or else with what the city did next, which it does only after
    a reply. Unknown instants are taken for the longest pause they allow, since none may make a breach.
    """
    joined: list[Pause] = []
    for pause in sorted(_asked(history, start), key=lambda pause: pause.begin):
        last = joined[-1] if joined else None
        if last is not None and last.to is None:
            break
        if last is not None and last.to is not None and pause.begin < last.to:
            to = None if pause.to is None else max(last.to, pause.to)
            joined[-1] = replace(last, to=to, resumed=to is not None)
        else:
            joined.append(pause)
    return tuple(joined)


def _asked(history: History, start: datetime) -> Iterator[Pause]:
    for waiting in waitings(history):
        if waiting.fact.what != "asked":
            continue
        begin = max(waiting.since or start, start)
        to = _resumed_at(history.routing, waiting)
        yield Pause(begin, None if to is None else max(to, begin), to is not None)


def _resumed_at(routing: tuple[Heard, ...], waiting: Waiting) -> datetime | None:
    known = [waiting.replied_at, waiting.next_act.at if waiting.next_act else None]
    instants = [at for at in known if at is not None]
    if instants:
        return min(instants)
    if waiting.replied or waiting.next_act is not None:
        return next((fact.at for fact in routing[waiting.position + 1 :] if fact.at is not None), None)
    return None
