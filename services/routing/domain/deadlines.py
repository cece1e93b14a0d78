"""What the monitor says about a case's clocks, kept for lists to be ordered by. No rule ever acts on it."""

from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from services.routing.domain.case import Case, Deadline
from services.routing.domain.city import City
from shared.decision import Decision
from shared.events.sla import (
    ClockBreached,
    ClockBreachWithdrawn,
    ClockCancelled,
    ClockMet,
    ClockPaused,
    ClockRescheduled,
    ClockResumed,
    ClockStarted,
    ClockUnobserved,
    ClockWarned,
)

ClockTold: TypeAlias = (
    ClockStarted
    | ClockPaused
    | ClockResumed
    | ClockRescheduled
    | ClockWarned
    | ClockBreached
    | ClockBreachWithdrawn
    | ClockMet
    | ClockCancelled
    | ClockUnobserved
)

RUNS = (ClockStarted, ClockPaused, ClockResumed, ClockRescheduled)
"""After these a clock is open, and due as they say."""

PRESSES = (ClockWarned, ClockBreached)
"""These say that time is short, or over, on a clock that is open. Those of one that has ended come too late."""

ENDS = (ClockMet, ClockCancelled, ClockUnobserved)
"""After these it is nobody's care any more."""


def on_clock_told(case: Case, event: ClockTold, _city: City, _now: datetime) -> Decision[Case]:
    """Keep when it is due, as long as it is open. The reporter's own clocks are not an official's care."""
    if event.binds == "reporter":
        return Decision(case)
    others = tuple(
        one for one in case.clocks if (one.clock, one.disposition) != (event.clock, event.disposition)
    )
    known = next((one for one in case.clocks if one not in others), None)
    if isinstance(event, ENDS):
        after = None
    elif isinstance(event, RUNS):
        pressing = known is not None and known.pressing and not isinstance(event, ClockRescheduled)
        after = Deadline(
            clock=event.clock, disposition=event.disposition, due_at=event.due_at, pressing=pressing
        )
    else:
        after = known and known.model_copy(
            update={"due_at": event.due_at, "pressing": isinstance(event, PRESSES)}
        )
    clocks = (*others, after) if after is not None else others
    return Decision(case if clocks == case.clocks else replace(case, clocks=clocks))
