"""What the monitor keeps about one complaint: what it heard, what it said, and when it has to look again."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.sla_monitor.domain.history import History
from shared.events.fact import Instant
from shared.events.sla import ClockName, ClocksStated


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Overrun(_Kept):
    """A breach or a lapse that was said: for which due instant, and up to which watermark that was sure."""

    due_at: Instant
    sure_until: Instant


class ToldRun(_Kept):
    """What was said about one run of a clock.

    `seen_at`: when the hub first saw this due instant, by the wall clock; one that had passed by then
    settles first. `ended`: the ending that was said. `paused`, `resumed`: how many of each were said.
    `warned_at`: the instant of the last warning, which another follows only if it is another instant.
    """

    clock: ClockName
    disposition: int | None = None
    run: int = 1
    due_at: Instant | None = None
    seen_at: Instant
    paused: int = 0
    resumed: int = 0
    ended: str | None = None
    warned_at: Instant | None = None
    overrun: Overrun | None = None


class Told(_Kept):
    """Everything that was said about one complaint's clocks.

    `counts`: how often each type was said about each clock, by `clock/disposition/type`; the next one's
    occurrence is one more.
    """

    runs: tuple[ToldRun, ...] = ()
    counts: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Watched:
    """One complaint. `stated` is the last statement of its clocks, None before there was one.

    `look_at`: the earliest instant at which the sweep may have something to say. `counted_by`: the oldest
    edition whose calendar an open clock still counts by; None where no clock is open.
    """

    key: UUID
    history: History = field(default_factory=History)
    told: Told = field(default_factory=Told)
    stated: ClocksStated | None = None
    look_at: datetime | None = None
    counted_by: int | None = None
