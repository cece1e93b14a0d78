"""What the reporter does, or lets pass: withdraws, replies, stays silent."""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from services.routing.domain.case import Case, Moment
from services.routing.domain.city import City
from services.routing.domain.moves import act_of, closed, not_later
from services.routing.domain.transitions import ActName, follows
from shared.decision import Decision
from shared.events.intake import CitizenReplied, ComplaintWithdrawn
from shared.events.parts import By
from shared.events.sla import ClockLapsed, ClockName

_CITIZEN = By(kind="citizen")
_SYSTEM = By(kind="system", name="sla_monitor")

LAPSES: dict[ClockName, tuple[ActName, Literal["closed", "archived"], str]] = {
    "silence": ("lapse_of_silence", "closed", "Pelapor tidak menanggapi jawaban sampai batas waktu."),
    "completion": (
        "lapse_of_completion",
        "archived",
        "Pelapor tidak melengkapi informasi yang diminta sampai batas waktu.",
    ),
}
"""What a lapsed clock does to a case, how it ends, and why; other clocks do not lapse (DESIGN §5)."""


def on_complaint_withdrawn(
    case: Case, event: ComplaintWithdrawn, _city: City, now: datetime
) -> Decision[Case]:
    """Close the case, whatever it was doing."""
    if not case.arrived:
        return Decision(case.kept_for_later(event))
    if case.knows(event.id):
        return Decision(case)
    to = follows(case, "withdraw")
    if to is None:
        return Decision(case.noting(_heard(event, _CITIZEN, event.at, event.reason)))
    return closed(
        case,
        event,
        to=to,
        kind="withdrawn",
        by=_CITIZEN,
        at=not_later(event.at, now),
        reason=event.reason or "Dicabut oleh pelapor.",
    )


def on_citizen_replied(case: Case, event: CitizenReplied, _city: City, now: datetime) -> Decision[Case]:
    """Back to work where the case waited for the reporter; elsewhere the reply is there to be read."""
    if not case.arrived:
        return Decision(case.kept_for_later(event))
    if case.knows(event.id):
        return Decision(case)
    heard = _heard(event, _CITIZEN, not_later(event.at, now), event.text)
    to = follows(case, "reply")
    if to is None:
        return Decision(case.noting(heard))
    heard = heard.model_copy(update={"note": False})
    return Decision(replace(case, state=to, history=(*case.history, heard)))


def on_clock_lapsed(case: Case, event: ClockLapsed, _city: City, now: datetime) -> Decision[Case]:
    """Close or archive, but only if what was waited on is still the last thing that happened."""
    if not case.arrived:
        return Decision(case.kept_for_later(event))
    lapse = LAPSES.get(event.clock)
    if lapse is None or case.knows(event.id):
        return Decision(case)
    act, kind, reason = lapse
    to = follows(case, act)
    if to is None or event.since is None or case.waits_on != event.since:
        return Decision(case.noting(_heard(event, _SYSTEM, event.at, event.clock)))
    return closed(case, event, to=to, kind=kind, by=_SYSTEM, at=not_later(event.at, now), reason=reason)


def _heard(
    event: ComplaintWithdrawn | CitizenReplied | ClockLapsed, by: By, at: datetime | None, text: str | None
) -> Moment:
    return Moment(at=at, act=act_of(type(event)), by=by, event=event.id, cause=event.id, text=text, note=True)
