"""What is to be said about the clocks, given what was said before.

Two occasions. When a fact was heard: what began, paused, ran on, moved, ended, and what a breach that was said
proves wrong. Warnings, breaches and lapses are claims about what did *not* happen, so only the sweep makes
them, and only up to its watermark, before which nothing is unheard.

A clock that was met too late says at once that it was met, and how late; that it was breached is left to the
sweep, because a fact still on its way may have ended it in time. Both come once, whichever is first; who reads
`sla.events` orders them by `at`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from services.sla_monitor.domain.clocks import Clock
from services.sla_monitor.domain.history import History, Received
from services.sla_monitor.domain.schedule import How
from services.sla_monitor.domain.watched import Overrun, Told, ToldRun
from shared.events import sla
from shared.events.fact import Event
from shared.events.ids import clock_event_id

_Kind: TypeAlias = type[
    sla.ClockStarted
    | sla.ClockPaused
    | sla.ClockResumed
    | sla.ClockWarned
    | sla.ClockBreached
    | sla.ClockBreachWithdrawn
    | sla.ClockLapsed
    | sla.ClockMet
    | sla.ClockUnobserved
    | sla.ClockCancelled
    | sla.ClockRescheduled
]

_ENDINGS: dict[How, _Kind] = {
    "met": sla.ClockMet,
    "cancelled": sla.ClockCancelled,
    "unobserved": sla.ClockUnobserved,
}


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why we speak. `at`: the instant of the fact that was heard, or `now` where that is unknown.

    `now`: the wall clock; in the sweep, the watermark. `settle`: how long a due instant that had passed when
    it was first seen is kept back. `why`: what moved a deadline, where that is what was heard.
    """

    at: datetime
    now: datetime
    settle: timedelta
    is_sweep: bool
    why: str | None = None


@dataclass(slots=True)
class _Voice:
    """Words for one complaint: counts occurrences and derives ids from them."""

    key: UUID
    history: History
    received: Received
    counts: dict[str, int]
    says: list[Event] = field(default_factory=list)

    def say(
        self,
        kind: _Kind,
        clock: Clock,
        at: datetime,
        *,
        late: int | None = None,
        since: UUID | None = None,
        reason: str | None = None,
    ) -> None:
        counted = f"{clock.name}/{clock.disposition or 0}/{kind.type}"
        occurrence = self.counts[counted] = self.counts.get(counted, 0) + 1
        event = kind(
            ticket=self.received.ticket,
            clock=clock.name,
            binds=clock.kind.binds,
            disposition=clock.disposition,
            opd=clock.opd or (None if clock.name == "verify" else self.history.opd),
            category=self.history.category,
            klasifikasi=self.history.klasifikasi,
            channel=self.received.channel,
            occurrence=occurrence,
            level=0,
            started_at=clock.started_at,
            due_at=clock.due_at,
            at=at,
            late_working_minutes=late,
            since=since,
            policy=clock.policy,
            calendar=clock.calendar,
            reason=reason,
        )
        this = clock_event_id(self.key, kind.type, clock.name, clock.disposition, 0, occurrence)
        self.says.append(event.known_as(this))


def tell(
    key: UUID, history: History, received: Received, told: Told, clocks: Sequence[Clock], occasion: Occasion
) -> tuple[Told, list[Event], datetime | None]:
    """What was said then, the events to say now, and when the sweep has to look again (None: never)."""
    voice = _Voice(key, history, received, dict(told.counts))
    before = {(run.clock, run.disposition, run.run): run for run in told.runs}
    runs: list[ToldRun] = []
    looks: list[datetime] = []
    for clock in clocks:
        known = before.get((clock.name, clock.disposition, clock.run))
        run = _tell_course(voice, clock, known, occasion)
        if occasion.is_sweep:
            run = _tell_passing(voice, clock, run, occasion)
        look = _look_at(clock, run, occasion.settle)
        if look is not None:
            looks.append(look)
        runs.append(run)
    after = tuple(runs)
    if after != told.runs or voice.says:
        told = Told(runs=after, counts=voice.counts)
    return told, voice.says, min(looks, default=None)


def _tell_course(voice: _Voice, clock: Clock, known: ToldRun | None, occasion: Occasion) -> ToldRun:
    """What is sure at once: it began, paused, ran on, moved, ended, or was never late after all."""
    run = known or _begin(voice, clock, occasion)
    run = _withdraw(voice, clock, run, occasion)
    said_before = len(voice.says)
    run = _tell_pauses(voice, clock, run, occasion)
    if clock.due_at != run.due_at:
        moved_by_itself = len(voice.says) == said_before and clock.due_at is not None
        if moved_by_itself and clock.end is None:
            voice.say(sla.ClockRescheduled, clock, occasion.at, reason=occasion.why)
        run = run.model_copy(update={"due_at": clock.due_at, "seen_at": occasion.now})
    return _end(voice, clock, run, occasion)


def _begin(voice: _Voice, clock: Clock, occasion: Occasion) -> ToldRun:
    if (clock.end is None or clock.end.how != "unobserved") and clock.started_at is not None:
        reason = "calendar_provisional" if clock.provisional else None
        voice.say(sla.ClockStarted, clock, clock.started_at, reason=reason)
    return ToldRun(
        clock=clock.name,
        disposition=clock.disposition,
        run=clock.run,
        due_at=clock.due_at,
        seen_at=occasion.now,
    )


def _tell_pauses(voice: _Voice, clock: Clock, run: ToldRun, occasion: Occasion) -> ToldRun:
    """Each pause once and each running on once; and whatever was said, the last word fits the clock."""
    paused, resumed = run.paused, run.resumed
    for number, pause in enumerate(clock.pauses, start=1):
        if number > paused:
            voice.say(sla.ClockPaused, clock, pause.begin)
            paused = number
        if number > resumed and pause.resumed and pause.to is not None:
            voice.say(sla.ClockResumed, clock, pause.to)
            resumed = number
    if clock.end is None and not clock.is_paused and paused > resumed:
        voice.say(sla.ClockResumed, clock, occasion.at)
        resumed = paused
    if (paused, resumed) == (run.paused, run.resumed):
        return run
    return run.model_copy(update={"paused": paused, "resumed": resumed})


def _withdraw(voice: _Voice, clock: Clock, run: ToldRun, occasion: Occasion) -> ToldRun:
    """A breach or lapse that was said and does not hold any more is taken back."""
    said = run.overrun
    if said is None or (clock.overruns and clock.due_at is not None and clock.due_at <= said.sure_until):
        return run
    at = clock.end.at if clock.end is not None and clock.end.at is not None else occasion.at
    voice.say(
        sla.ClockBreachWithdrawn,
        clock,
        at,
        since=clock.since if clock.kind.lapses else None,
        reason=clock.end.reason if clock.end is not None else "due_later",
    )
    return run.model_copy(update={"overrun": None})


def _end(voice: _Voice, clock: Clock, run: ToldRun, occasion: Occasion) -> ToldRun:
    """Its ending, once. A lapse is itself the end: what comes after it changes nothing."""
    end = None if clock.kind.lapses and clock.overruns else clock.end
    ended = end.how if end is not None else None
    if ended == run.ended:
        return run
    if end is not None:
        kind = _ENDINGS[end.how]
        voice.say(kind, clock, end.at or occasion.at, late=clock.late_working_minutes, reason=_reason(clock))
    elif clock.end is None and clock.started_at is not None:
        voice.say(sla.ClockStarted, clock, clock.started_at, reason="runs_on")
    return run.model_copy(update={"ended": ended})


def _reason(clock: Clock) -> str | None:
    if clock.end is None:
        return None
    if clock.end.at is None and clock.end.how != "unobserved":
        return f"{clock.end.reason}, instant_unknown"
    return clock.end.reason


def _tell_passing(voice: _Voice, clock: Clock, run: ToldRun, occasion: Occasion) -> ToldRun:
    """What the watermark allows to be said: warned while there is still time, else breached or lapsed."""
    due_at = clock.due_at
    if due_at is None:
        return run
    passes = _passes_at(clock, run, occasion.settle)
    if passes is not None and passes <= occasion.now:
        voice.say(
            sla.ClockLapsed if clock.kind.lapses else sla.ClockBreached,
            clock,
            due_at,
            late=None if clock.kind.lapses else 0,
            since=clock.since if clock.kind.lapses else None,
        )
        return run.model_copy(update={"overrun": Overrun(due_at=due_at, sure_until=occasion.now)})
    warns = _warns_at(clock, run, occasion.settle)
    if warns is not None and warns <= occasion.now < due_at and clock.warn_at is not None:
        voice.say(sla.ClockWarned, clock, clock.warn_at)
        return run.model_copy(update={"warned_at": clock.warn_at})
    return run


def _look_at(clock: Clock, run: ToldRun, settle: timedelta) -> datetime | None:
    instants = [_warns_at(clock, run, settle), _passes_at(clock, run, settle)]
    return min((instant for instant in instants if instant is not None), default=None)


def _passes_at(clock: Clock, run: ToldRun, settle: timedelta) -> datetime | None:
    """When it may be said that the due instant passed unmet; None where it did not, or was said."""
    if clock.due_at is None or not clock.overruns or run.overrun is not None:
        return None
    return _settled(clock.due_at, run, settle)


def _warns_at(clock: Clock, run: ToldRun, settle: timedelta) -> datetime | None:
    """When it may be warned; None where there is nothing to warn of any more."""
    if clock.warn_at is None or clock.due_at is None or clock.end is not None:
        return None
    if run.overrun is not None or run.warned_at == clock.warn_at:
        return None
    warns = _settled(clock.warn_at, run, settle)
    return warns if warns < clock.due_at else None


def _settled(instant: datetime, run: ToldRun, settle: timedelta) -> datetime:
    """The instant itself, or where it had passed when it was first seen, a while after that."""
    return instant if instant > run.seen_at else run.seen_at + settle
