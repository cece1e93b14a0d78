"""`sla.events`, `sla.state` and `sla.aggregate`: the clocks, as the monitor tells them to dashboards and to routing."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.events.fact import Event, Instant, Key, Part
from shared.events.parts import Channel, Klasifikasi, OpdCode, Ticket

ClockName = Literal["verify", "first_response", "resolution", "silence", "completion"]
ClockStatus = Literal["running", "paused", "met", "breached", "lapsed", "unobserved", "cancelled"]


class _ClockFact(Event):
    """What befell one clock of one complaint. `at` is the true instant, however late we noticed.

    `occurrence` counts this type on this clock, from 1; `level` is 0, or the escalation level;
    `late_working_minutes` is how late a met clock was, or a breached one is at `at`.
    """

    topic: ClassVar[str] = "sla.events"

    ticket: Ticket
    clock: ClockName
    binds: Literal["city", "opd", "reporter"]
    disposition: int | None = None
    opd: OpdCode | None = None
    category: str | None = None
    klasifikasi: Klasifikasi | None = None
    channel: Channel
    occurrence: int
    level: int
    started_at: Instant | None
    due_at: Instant | None
    at: Instant
    late_working_minutes: int | None = None
    since: UUID | None = None
    policy: str
    calendar: str
    reason: str | None = None


class ClockStarted(_ClockFact):
    """It runs."""

    type: ClassVar[str] = "simpul.clock.started.v1"


class ClockPaused(_ClockFact):
    """It waits for the reporter."""

    type: ClassVar[str] = "simpul.clock.paused.v1"


class ClockResumed(_ClockFact):
    """The reporter has spoken, or an answer came: it runs on, due later by the pause."""

    type: ClassVar[str] = "simpul.clock.resumed.v1"


class ClockWarned(_ClockFact):
    """Soon due."""

    type: ClassVar[str] = "simpul.clock.warned.v1"


class ClockBreached(_ClockFact):
    """The deadline has passed unmet; `at` is the due instant."""

    type: ClassVar[str] = "simpul.clock.breached.v1"


class ClockBreachWithdrawn(_ClockFact):
    """A fact that came later shows that the deadline had been kept."""

    type: ClassVar[str] = "simpul.clock.breach_withdrawn.v1"


class ClockLapsed(_ClockFact):
    """The reporter let it pass; `since` is the event that was waited on. Routing closes or archives."""

    type: ClassVar[str] = "simpul.clock.lapsed.v1"


class ClockMet(_ClockFact):
    """Done, in time or late."""

    type: ClassVar[str] = "simpul.clock.met.v1"


class ClockUnobserved(_ClockFact):
    """It ran before we could see it: imported history, no judgement."""

    type: ClassVar[str] = "simpul.clock.unobserved.v1"


class ClockCancelled(_ClockFact):
    """It no longer matters: handed back, routed anew, closed, rejected or withdrawn."""

    type: ClassVar[str] = "simpul.clock.cancelled.v1"


class ClockRescheduled(_ClockFact):
    """Its due time moved: reclassified, extended, or a decree changed the calendar."""

    type: ClassVar[str] = "simpul.clock.rescheduled.v1"


class Pause(Part):
    """While information was asked of the reporter; `to` None = still."""

    from_: Instant = Field(alias="from")
    to: Instant | None = None


class ClockState(Part):
    """One clock as it stands; `closed_days` are the weekdays that its deadline skipped as holidays."""

    clock: ClockName
    disposition: int | None = None
    opd: OpdCode | None = None
    status: ClockStatus
    started_at: Instant | None
    due_at: Instant | None
    pauses: tuple[Pause, ...] = ()
    closed_days: tuple[date, ...] = ()
    warned_at: Instant | None = None
    breached_at: Instant | None = None
    met_at: Instant | None = None
    level: int = 0
    policy: str
    calendar: str


class ClocksStated(Event):
    """Everything about one complaint's clocks; `version` rises with each statement, the newest wins."""

    topic: ClassVar[str] = "sla.state"
    type: ClassVar[str] = "simpul.clocks.stated.v1"

    ticket: Ticket
    case_state: Literal["new", "triage", "routed", "in_work", "asked", "answered", "closed", "rejected"]
    opd: OpdCode | None = None
    category: str | None = None
    klasifikasi: Klasifikasi | None = None
    channel: Channel
    kelurahan: str | None = None
    version: int
    clocks: tuple[ClockState, ...]


class ClocksAggregated(Event):
    """How one OPD's clocks of one kind stood on one day (Asia/Jakarta); the city's own clocks have no `opd`.

    `open` and `due_today` count clocks that ran at the end of the day, paused ones among them, the others what
    befell on it. Minutes are working minutes from start to met without pauses, of the clocks met on that day;
    null where none was. What is learnt later about a day is said again under the same key; the newest counts.
    """

    topic: ClassVar[str] = "sla.aggregate"
    type: ClassVar[str] = "simpul.clocks.aggregated.v1"

    opd: OpdCode | None
    clock: ClockName
    day: date
    open: int
    due_today: int
    warned: int
    breached: int
    met_in_time: int
    met_late: int
    median_working_minutes: int | None
    p90_working_minutes: int | None

    def record_key(self, subject: Key | None) -> str:  # noqa: ARG002
        return f"{self.opd or 'CITY'}/{self.clock}/{self.day}"
