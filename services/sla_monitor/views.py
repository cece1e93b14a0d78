"""The clocks of one complaint as the API shows them: how each stands, and by which rules it was decided."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from services.sla_monitor.domain.clocks import Clock, clocks
from services.sla_monitor.domain.registry import Registry
from services.sla_monitor.domain.statement import status
from services.sla_monitor.domain.watched import ToldRun, Watched
from shared.events.sla import ClockName, ClocksStated, ClockStatus, Pause


class ClockView(BaseModel):
    """One run of one clock. `closed_days`: the weekdays that its deadline skipped as holidays.

    `since`: the fact that began it. `late_working_minutes` only where it was met too late. `provisional`: its
    last day lies in a year whose holidays are not all decreed yet.
    """

    clock: ClockName
    binds: Literal["city", "opd", "reporter"]
    disposition: int | None
    opd: str | None
    run: int
    status: ClockStatus
    since: UUID
    started_at: datetime | None
    warn_at: datetime | None
    due_at: datetime | None
    pauses: list[Pause]
    closed_days: list[date]
    ended_at: datetime | None
    ended_by: str | None
    late_working_minutes: int | None
    warned_at: datetime | None
    breached_at: datetime | None
    provisional: bool
    policy: str
    calendar: str


class ClocksView(BaseModel):
    """One complaint: where the case stands, and every run of every clock it ever had."""

    complaint_id: UUID
    ticket: str
    case_state: str
    opd: str | None
    klasifikasi: str | None
    version: int
    next_look_at: datetime | None
    clocks: list[ClockView]


def view(watched: Watched, stated: ClocksStated, city: Registry) -> ClocksView:
    """What the monitor knows about a complaint of which it has made a statement."""
    told = {(run.clock, run.disposition, run.run): run for run in watched.told.runs}
    return ClocksView(
        complaint_id=watched.key,
        ticket=stated.ticket,
        case_state=stated.case_state,
        opd=stated.opd,
        klasifikasi=stated.klasifikasi,
        version=stated.version,
        next_look_at=watched.look_at,
        clocks=[
            _clock(clock, told[clock.name, clock.disposition, clock.run])
            for clock in clocks(watched.history, city)
        ],
    )


def _clock(clock: Clock, run: ToldRun) -> ClockView:
    return ClockView(
        clock=clock.name,
        binds=clock.kind.binds,
        disposition=clock.disposition,
        opd=clock.opd,
        run=clock.run,
        status=status(clock, run),
        since=clock.since,
        started_at=clock.started_at,
        warn_at=clock.warn_at,
        due_at=clock.due_at,
        pauses=[Pause(from_=pause.begin, to=pause.to) for pause in clock.pauses],
        closed_days=list(clock.closed_days),
        ended_at=clock.end.at if clock.end else None,
        ended_by=clock.end.reason if clock.end else None,
        late_working_minutes=clock.late_working_minutes,
        warned_at=run.warned_at,
        breached_at=clock.due_at if run.overrun is not None else None,
        provisional=clock.provisional,
        policy=clock.policy,
        calendar=clock.calendar,
    )
