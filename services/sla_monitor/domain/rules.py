"""How the monitor answers what it hears: the fact joins the history, and what follows for the clocks is said."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from services.sla_monitor.domain import statement
from services.sla_monitor.domain.clocks import Clock, clocks
from services.sla_monitor.domain.history import Adoption, Arrived, Heard, History, Received, What
from services.sla_monitor.domain.registry import Registry
from services.sla_monitor.domain.telling import Occasion, tell
from services.sla_monitor.domain.watched import Told, Watched
from shared.decision import Decision
from shared.events.fact import Event, Fact
from shared.events.intake import (
    CitizenReplied,
    ComplaintAmended,
    ComplaintErased,
    ComplaintMerged,
    ComplaintReceived,
    ComplaintUnmerged,
    ComplaintWithdrawn,
)
from shared.events.parts import ENDED_THERE
from shared.events.routing import (
    ComplaintAccepted,
    ComplaintAnswered,
    ComplaintClassified,
    ComplaintClosed,
    ComplaintHandedBack,
    ComplaintProgressed,
    ComplaintRejected,
    ComplaintReopened,
    ComplaintRouted,
    DeadlineExtended,
    InformationRequested,
    TriageRequested,
)


class Swept(Fact):
    """The sweep looked at this complaint; its `now` is the watermark."""


class CalendarAdopted(Fact):
    """The newest edition's calendar is to count for the clocks that are still open."""


def on_complaint_received(
    watched: Watched, event: ComplaintReceived, city: Registry, now: datetime
) -> Decision[Watched]:
    """The complaint itself: from here on clocks run, also for what was heard before."""
    received = Received(
        id=event.id,
        ticket=event.ticket,
        channel=event.channel,
        reported_at=event.reported_at,
        received_at=event.received_at,
        klasifikasi=event.klasifikasi,
        kelurahan=event.place.kelurahan if event.place else None,
        arrived=_arrived(event),
        edition=city.newest,
    )
    return _follow(watched, watched.history.receiving(received), city, now, event.at)


def _arrived(event: ComplaintReceived) -> Arrived:
    if event.lapor is None:
        return "open"
    if event.lapor.state in ENDED_THERE:
        return "ended"
    return "disposed" if event.lapor.opd is not None else "open"


def on_citizen_replied(
    watched: Watched, event: CitizenReplied, city: Registry, now: datetime
) -> Decision[Watched]:
    """The reporter spoke."""
    return _hear(watched, "intake", "replied", event, city, now, answers=event.answers)


def on_complaint_withdrawn(
    watched: Watched, event: ComplaintWithdrawn, city: Registry, now: datetime
) -> Decision[Watched]:
    """The reporter took it back."""
    return _hear(watched, "intake", "withdrawn", event, city, now)


_COUNTED_BY = frozenset({"klasifikasi", "place"})
"""Fields of a complaint by which clocks run or statements are counted."""


def on_complaint_amended(
    watched: Watched, event: ComplaintAmended, city: Registry, now: datetime
) -> Decision[Watched]:
    """Another klasifikasi may mean another length of the citizen's clock, where the city has given none."""
    if not _COUNTED_BY & set(event.changed):
        return Decision(watched)
    return _hear(
        watched,
        "intake",
        "amended",
        event,
        city,
        now,
        changed=event.changed,
        klasifikasi=event.klasifikasi,
        kelurahan=event.place.kelurahan if event.place else None,
    )


def on_complaint_merged(
    watched: Watched, event: ComplaintMerged, city: Registry, now: datetime
) -> Decision[Watched]:
    """The merged one's clocks end: what is done is done on the survivor, whose own go on."""
    if event.role == "survivor":
        return Decision(watched)
    return _hear(watched, "intake", "merged", event, city, now)


def on_complaint_unmerged(
    watched: Watched, event: ComplaintUnmerged, city: Registry, now: datetime
) -> Decision[Watched]:
    """The clocks run on: the city's as if nothing had been, an OPD's and the reporter's without the days between."""
    if event.role == "survivor":
        return Decision(watched)
    return _hear(watched, "intake", "unmerged", event, city, now)


def on_complaint_erased(
    watched: Watched, event: ComplaintErased, _city: Registry, _now: datetime
) -> Decision[Watched]:
    """The clocks go on, and are told by their events alone; with scope `complaint` their statement ends in a null."""
    if event.scope == "identity" or watched.history.erased:
        return Decision(watched, forgets=event.scope)
    history = watched.history.model_copy(update={"erased": True})
    return Decision(replace(watched, history=history), [statement.ClocksErased()], forgets=event.scope)


def on_complaint_classified(
    watched: Watched, event: ComplaintClassified, city: Registry, now: datetime
) -> Decision[Watched]:
    """Another kind may mean another length of the citizen's clock."""
    return _hear(
        watched,
        "routing",
        "classified",
        event,
        city,
        now,
        category=event.category,
        klasifikasi=event.klasifikasi,
    )


def on_triage_requested(
    watched: Watched, event: TriageRequested, city: Registry, now: datetime
) -> Decision[Watched]:
    """Changes no clock; the statement names where the case stands."""
    return _hear(watched, "routing", "triage", event, city, now)


_OPD_WORK: dict[type[Event], What] = {
    ComplaintRouted: "routed",
    ComplaintAccepted: "accepted",
    ComplaintProgressed: "progressed",
    ComplaintAnswered: "answered",
    ComplaintHandedBack: "handed_back",
    InformationRequested: "asked",
}


def on_opd_work(
    watched: Watched,
    event: ComplaintRouted
    | ComplaintAccepted
    | ComplaintProgressed
    | ComplaintAnswered
    | ComplaintHandedBack
    | InformationRequested,
    city: Registry,
    now: datetime,
) -> Decision[Watched]:
    """A disposition, or what an OPD did under one."""
    what = _OPD_WORK[type(event)]
    return _hear(
        watched,
        "routing",
        what,
        event,
        city,
        now,
        disposition=event.disposition,
        opd=event.opd,
        by_lapor=event.by.kind == "lapor",
    )


def on_complaint_rejected(
    watched: Watched, event: ComplaintRejected, city: Registry, now: datetime
) -> Decision[Watched]:
    """The city will not handle it."""
    return _hear(watched, "routing", "rejected", event, city, now)


def on_complaint_closed(
    watched: Watched, event: ComplaintClosed, city: Registry, now: datetime
) -> Decision[Watched]:
    """Done with; a closing because the reporter withdrew is a withdrawal, whoever tells it."""
    what: What = "withdrawn" if event.kind == "withdrawn" else "closed"
    return _hear(watched, "routing", what, event, city, now)


def on_complaint_reopened(
    watched: Watched, event: ComplaintReopened, city: Registry, now: datetime
) -> Decision[Watched]:
    """Before a verifier again. What was met stays met and no clock starts anew; the next disposition has its own."""
    return _hear(watched, "routing", "reopened", event, city, now)


def on_deadline_extended(
    watched: Watched, event: DeadlineExtended, city: Registry, now: datetime
) -> Decision[Watched]:
    """The clock named is due later, unless its deadline had passed when the time was given."""
    return _hear(
        watched,
        "routing",
        "extended",
        event,
        city,
        now,
        clock=event.clock,
        disposition=event.disposition,
        days=event.days,
    )


def on_swept(watched: Watched, _: Swept, city: Registry, now: datetime) -> Decision[Watched]:
    """Say what has passed by the watermark: warnings, breaches and lapses."""
    return _speak(watched, watched.history, city, Occasion(now, now, city.settle, is_sweep=True))


def on_calendar_adopted(
    watched: Watched, _: CalendarAdopted, city: Registry, now: datetime
) -> Decision[Watched]:
    """Open clocks count by the newest calendar from now on; one that was ended or breached keeps its own."""
    said = {(run.clock, run.disposition, run.run): run for run in watched.told.runs}
    moved = tuple(
        Adoption(clock=clock.name, since=clock.since, calendar=city.newest)
        for clock in clocks(watched.history, city)
        if clock.end is None
        and clock.calendar_edition < city.newest
        and said[clock.name, clock.disposition, clock.run].overrun is None
    )
    history = watched.history.adopting(moved) if moved else watched.history
    occasion = Occasion(now, now, city.settle, is_sweep=False, why="calendar")
    return _speak(watched, history, city, occasion)


def _hear(
    watched: Watched,
    owner: Literal["intake", "routing"],
    what: What,
    event: Any,
    city: Registry,
    now: datetime,
    **more: Any,
) -> Decision[Watched]:
    heard = Heard(id=event.id, what=what, at=event.at, edition=city.newest, **more)
    return _follow(watched, watched.history.hearing(owner, heard), city, now, event.at, _MOVED.get(what))


_MOVED: dict[What, str] = {"classified": "reclassified", "amended": "reclassified", "extended": "extended"}
"""Why a deadline moves when that is heard."""


def _follow(
    watched: Watched,
    history: History,
    city: Registry,
    now: datetime,
    at: datetime | None,
    why: str | None = None,
) -> Decision[Watched]:
    if history is watched.history:
        return Decision(watched)
    return _speak(watched, history, city, Occasion(at or now, now, city.settle, is_sweep=False, why=why))


def _speak(watched: Watched, history: History, city: Registry, occasion: Occasion) -> Decision[Watched]:
    """What the clocks of this history give to say; nothing before the complaint itself is known."""
    received = history.received
    if received is None:
        return Decision(Watched(watched.key, history))
    running = clocks(history, city)
    told, says, look_at = tell(watched.key, history, received, watched.told, running, occasion)
    stated = statement.state(watched.key, history, received, running, told, watched.stated)
    after = Watched(watched.key, history, told, stated, look_at, _counted_by(running, told))
    if after == watched:
        return Decision(watched)
    is_news = stated is not watched.stated and not history.erased
    return Decision(after, [*says, stated] if is_news else says)


def _counted_by(running: tuple[Clock, ...], told: Told) -> int | None:
    said = {(run.clock, run.disposition, run.run): run for run in told.runs}
    return min(
        (
            clock.calendar_edition
            for clock in running
            if clock.end is None and said[clock.name, clock.disposition, clock.run].overrun is None
        ),
        default=None,
    )
