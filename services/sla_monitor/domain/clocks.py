"""The clocks of one complaint: a pure function of its history and the rules that the history names.

`now` is not known here: an open clock has a due instant, and whether that has passed is asked elsewhere
(`telling.py`). What each clock binds, begins and ends with is the table of DESIGN §5, below.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from services.sla_monitor.domain import schedule
from services.sla_monitor.domain.calendar import local_day
from services.sla_monitor.domain.history import Heard, History, Received, What
from services.sla_monitor.domain.policies import WorkingHours
from services.sla_monitor.domain.registry import Registry
from services.sla_monitor.domain.replies import waitings
from services.sla_monitor.domain.schedule import Candidate, End, Pause, Rules
from shared.events.sla import ClockName


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of DESIGN §5: whom a clock binds, what meets it, what makes it matter no longer.

    `lapses`: it binds the reporter, and running out is no breach but a lapse.
    """

    name: ClockName
    binds: Literal["city", "opd", "reporter"]
    met_by: frozenset[What]
    cancelled_by: frozenset[What]
    lapses: bool = False


def _row(
    name: ClockName,
    binds: Literal["city", "opd", "reporter"],
    met_by: set[What],
    cancelled_by: set[What],
    *,
    lapses: bool = False,
) -> Kind:
    return Kind(name, binds, frozenset(met_by), frozenset(cancelled_by), lapses)


_ENDED: set[What] = {"rejected", "closed", "withdrawn"}

VERIFY = _row("verify", "city", {"routed", "rejected"}, {"closed", "withdrawn"})
FIRST_RESPONSE = _row(
    "first_response", "opd", {"progressed", "asked", "answered"}, {"handed_back", "routed", *_ENDED}
)
RESOLUTION = _row("resolution", "city", {"answered", "rejected", "closed"}, {"withdrawn"})
SILENCE = _row("silence", "reporter", {"replied"}, _ENDED, lapses=True)
COMPLETION = _row("completion", "reporter", {"replied"}, {"answered", *_ENDED}, lapses=True)

_OF_A_DISPOSITION: frozenset[What] = frozenset({"progressed", "asked", "answered", "handed_back"})
"""What ends a first_response only where it was done under the same disposition."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One run of one clock. The same clock runs again when an OPD asks or answers again.

    `since` is the fact that began it. `due_at` is None while it is paused and where its start is unknown.
    `late_working_minutes` only where it was met late, counted in `hours`. `provisional`: its last day lies in a
    year whose calendar is not decreed yet. `policy` and `calendar` name version and edition.
    """

    kind: Kind
    disposition: int | None
    run: int
    opd: str | None
    since: UUID
    started_at: datetime | None
    due_at: datetime | None
    warn_at: datetime | None
    pauses: tuple[Pause, ...]
    closed_days: tuple[date, ...]
    end: End | None
    late_working_minutes: int | None
    hours: WorkingHours
    policy: str
    calendar: str
    calendar_edition: int
    provisional: bool

    @property
    def name(self) -> ClockName:
        return self.kind.name

    @property
    def is_paused(self) -> bool:
        return self.end is None and bool(self.pauses) and self.pauses[-1].to is None

    @property
    def overruns(self) -> bool:
        """Whether its due instant passes, or passed, unmet: nothing that we know ends it in time.

        The closing that routing makes of a lapse bears the lapse's own instant, and does not disprove it.
        """
        if self.due_at is None:
            return False
        if self.end is None:
            return True
        if self.end.at is None:
            return False
        closed_by_lapse = self.kind.lapses and self.end.how == "cancelled" and self.end.at == self.due_at
        return closed_by_lapse or self.end.at > self.due_at


def clocks(history: History, registry: Registry) -> tuple[Clock, ...]:
    """Every clock that this complaint ever had, in a fixed order; none before the complaint itself is known."""
    received = history.received
    if received is None:
        return ()
    verify = tuple(_verify(history, received, registry))
    resolution = _resolution(history, received, registry)
    first_responses = [
        _first_response(history, received, registry, position, fact)
        for position, fact in enumerate(history.routing)
        if fact.what == "routed"
    ]
    return (*verify, *first_responses, resolution, *_reporters_clocks(history, received, registry))


def _verify(history: History, received: Received, registry: Registry) -> Iterator[Clock]:
    """City: received → first routed or rejected.

    Unobserved where the complaint came in ended, or disposed to an OPD of the city; whether it is one is
    routing's to say, and until then there is no such clock.
    """
    start = received.received_at
    rules = _rules(history, registry, VERIFY, received, start)
    if received.arrived == "ended" or history.came_disposed:
        yield _unobserved(VERIFY, received.id, rules, start, f"arrived_{received.arrived}")
    elif history.came_disposed is not None:
        candidates = _candidates(history, VERIFY)
        yield _clock(VERIFY, received.id, rules, start, candidates, extensions=_extensions(history, VERIFY))


def _first_response(
    history: History, received: Received, registry: Registry, position: int, routed: Heard
) -> Clock:
    """OPD: routed → progressed, asked or answered under that disposition."""
    start = routed.at
    if start is None and routed.disposition == 1 and history.came_disposed:
        start = received.received_at
    rules = _rules(history, registry, FIRST_RESPONSE, routed, start or received.received_at)
    if start is None:
        return _unobserved(FIRST_RESPONSE, routed.id, rules, None, "instant_unknown", about=routed)
    candidates = [
        candidate
        for candidate in _candidates(history, FIRST_RESPONSE, after=position)
        if candidate.position is None or _concerns(history.routing[candidate.position], routed)
    ]
    rests = schedule.rests(history, start)
    more = _extensions(history, FIRST_RESPONSE, routed.disposition)
    return _clock(FIRST_RESPONSE, routed.id, rules, start, candidates, rests, more, about=routed)


def _concerns(fact: Heard, routed: Heard) -> bool:
    return fact.what not in _OF_A_DISPOSITION or fact.disposition == routed.disposition


def _resolution(history: History, received: Received, registry: Registry) -> Clock:
    """The citizen's: reported → answered, rejected or closed. It pauses while the reporter is asked."""
    start = received.reported_at
    rules = _rules(history, registry, RESOLUTION, received, start)
    if received.arrived == "ended":
        return _unobserved(RESOLUTION, received.id, rules, start, "arrived_ended")
    asked = schedule.pauses(history, start)
    more = _extensions(history, RESOLUTION)
    return _clock(RESOLUTION, received.id, rules, start, _candidates(history, RESOLUTION), asked, more)


def _reporters_clocks(history: History, received: Received, registry: Registry) -> Iterator[Clock]:
    """The reporter's: silence after every answer, completion after every question."""
    runs: Counter[tuple[ClockName, int | None]] = Counter()
    for waiting in waitings(history):
        fact = waiting.fact
        kind = SILENCE if fact.what == "answered" else COMPLETION
        runs[kind.name, fact.disposition] += 1
        run = runs[kind.name, fact.disposition]
        rules = _rules(history, registry, kind, fact, fact.at or received.received_at)
        if fact.at is None:
            yield _unobserved(kind, fact.id, rules, None, "instant_unknown", about=fact, run=run)
            continue
        met = [Candidate("met", waiting.replied_at, "replied", None)] if waiting.over else []
        if waiting.over and waiting.replied_at is None:
            candidates = met
        else:
            candidates = [*met, *_candidates(history, kind, after=waiting.position)]
        rests = schedule.rests(history, fact.at)
        yield _clock(kind, fact.id, rules, fact.at, candidates, rests, about=fact, run=run)


def _rules(
    history: History, registry: Registry, kind: Kind, since: Heard | Received, start: datetime
) -> Rules:
    """By what a clock is decided, whose start the fact `since` told.

    Policy: the version in force on the local day of the start, in the edition under which the fact was
    heard. Calendar: of the same edition, unless the clock took over a later one.
    """
    policy = registry.edition(since.edition).policies.valid_on(local_day(start))
    counted = history.calendar_of(kind.name, since.id, since.edition)
    step = (
        policy.resolution.for_kind(history.klasifikasi)
        if kind is RESOLUTION
        else getattr(policy.steps, kind.name)
    )
    return Rules(policy, since.edition, step, registry.edition(counted).calendar, counted)


def _candidates(history: History, kind: Kind, after: int = -1) -> list[Candidate]:
    """Facts that may end a clock of this kind, which began at that position of the city's order.

    A merge ends every clock, unless it was undone.
    Every end of a case ends its clocks, so what comes after a reopening ends none that began before.
    """
    life = history.life_of(after)
    found = [
        Candidate("met" if fact.what in kind.met_by else "cancelled", fact.at, fact.what, position)
        for position, fact in enumerate(history.routing[: life.ends])
        if position > after and (fact.what in kind.met_by or fact.what in kind.cancelled_by)
    ]
    found += [
        Candidate("cancelled", fact.at, fact.what, None)
        for fact in history.intake
        if fact.what in kind.cancelled_by and life.has(fact)
    ]
    if history.is_merged:
        found.append(Candidate("cancelled", history.rests[-1].since, "merged", None))
    return found


def _extensions(
    history: History, kind: Kind, disposition: int | None = None
) -> tuple[schedule.Extension, ...]:
    """The time that was given on this clock; of a first_response only what names its disposition."""
    return tuple(
        schedule.Extension(fact.at, fact.days)
        for fact in history.routing
        if (fact.what, fact.clock, fact.disposition) == ("extended", kind.name, disposition)
    )


def _clock(
    kind: Kind,
    since: UUID,
    rules: Rules,
    start: datetime,
    candidates: list[Candidate],
    pauses: tuple[Pause, ...] = (),
    extensions: tuple[schedule.Extension, ...] = (),
    *,
    about: Heard | None = None,
    run: int = 1,
) -> Clock:
    runs, end = schedule.course(rules, start, candidates, pauses, extensions)
    return Clock(
        kind=kind,
        disposition=about.disposition if about else None,
        run=run,
        opd=about.opd if about else None,
        since=since,
        started_at=start,
        due_at=runs.due_at,
        warn_at=runs.warn_at,
        pauses=runs.pauses,
        closed_days=runs.term.closed if runs.term else (),
        end=end,
        late_working_minutes=_late(rules, runs.due_at, end),
        hours=rules.policy.working_hours,
        policy=f"{rules.policy.name}@{rules.policy_edition}",
        calendar=rules.calendar.name,
        calendar_edition=rules.calendar_edition,
        provisional=runs.term is not None and rules.calendar.is_provisional(runs.term.last),
    )


def _late(rules: Rules, due_at: datetime | None, end: End | None) -> int | None:
    """Working minutes from due to met, at least 1; None where it was not met late."""
    if due_at is None or end is None or end.how != "met" or end.at is None or end.at <= due_at:
        return None
    hours = rules.policy.working_hours
    return max(1, rules.calendar.working_minutes(due_at, end.at, hours.opens, hours.closes))


def _unobserved(
    kind: Kind,
    since: UUID,
    rules: Rules,
    start: datetime | None,
    reason: str,
    *,
    about: Heard | None = None,
    run: int = 1,
) -> Clock:
    """A clock of which nothing can be said, so nothing is: no due instant, no judgement."""
    return Clock(
        kind=kind,
        disposition=about.disposition if about else None,
        run=run,
        opd=about.opd if about else None,
        since=since,
        started_at=start,
        due_at=None,
        warn_at=None,
        pauses=(),
        closed_days=(),
        end=End("unobserved", start, reason),
        late_working_minutes=None,
        hours=rules.policy.working_hours,
        policy=f"{rules.policy.name}@{rules.policy_edition}",
        calendar=rules.calendar.name,
        calendar_edition=rules.calendar_edition,
        provisional=False,
    )
