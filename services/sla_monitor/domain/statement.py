"""The statement of all clocks of one complaint, as `sla.state` carries it."""

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from services.sla_monitor.domain.clocks import Clock
from services.sla_monitor.domain.history import History, Received
from services.sla_monitor.domain.replies import case_state
from services.sla_monitor.domain.watched import Told, ToldRun
from shared.events.fact import Event
from shared.events.ids import event_id
from shared.events.sla import ClocksStated, ClockState, ClockStatus, Pause


class ClocksErased(Event):
    """The end of a complaint's statements: a record without a value, which compaction leaves as the last."""

    topic: ClassVar[str] = ClocksStated.topic
    type: ClassVar[str] = ClocksStated.type
    is_tombstone: ClassVar[bool] = True


def state(
    key: UUID,
    history: History,
    received: Received,
    clocks: Sequence[Clock],
    told: Told,
    before: ClocksStated | None,
) -> ClocksStated:
    """How the clocks stand; `before` itself where nothing changed, else the next version."""
    runs = {(run.clock, run.disposition, run.run): run for run in told.runs}
    latest = {(clock.name, clock.disposition): clock for clock in clocks}
    stands = {
        "ticket": received.ticket,
        "case_state": case_state(history),
        "opd": history.opd,
        "category": history.category,
        "klasifikasi": history.klasifikasi,
        "channel": received.channel,
        "kelurahan": history.kelurahan,
        "clocks": tuple(
            _clock_state(clock, runs[clock.name, clock.disposition, clock.run]) for clock in latest.values()
        ),
    }
    if before is not None and all(getattr(before, name) == value for name, value in stands.items()):
        return before
    version = before.version + 1 if before is not None else 1
    return ClocksStated.model_validate({**stands, "version": version}).known_as(_id(key, version))


def restated(key: UUID, stated: ClocksStated) -> ClocksStated:
    """The same under the next version, and the id that belongs to it."""
    version = stated.version + 1
    return stated.model_copy(update={"version": version}).known_as(_id(key, version))


def _id(key: UUID, version: int) -> UUID:
    return event_id(key, ClocksStated.type, version)


def _clock_state(clock: Clock, run: ToldRun) -> ClockState:
    return ClockState(
        clock=clock.name,
        disposition=clock.disposition,
        opd=clock.opd,
        status=status(clock, run),
        started_at=clock.started_at,
        due_at=clock.due_at,
        pauses=tuple(Pause(from_=pause.begin, to=pause.to) for pause in clock.pauses),
        closed_days=clock.closed_days,
        warned_at=run.warned_at,
        breached_at=clock.due_at if run.overrun is not None else None,
        met_at=clock.end.at if run.ended == "met" and clock.end is not None else None,
        level=0,
        policy=clock.policy,
        calendar=clock.calendar,
    )


def status(clock: Clock, run: ToldRun) -> ClockStatus:
    """Its ending; `lapsed`, or `breached` while it is overdue and open, only once the sweep said so."""
    if run.overrun is not None and clock.kind.lapses:
        return "lapsed"
    if run.ended is not None and clock.end is not None:
        return clock.end.how
    if run.overrun is not None:
        return "breached"
    return "paused" if clock.is_paused else "running"
