"""What happens to the report in SP4N-LAPOR: its people's acts, through the same table as ours, never refused.

What the table does not allow stays a note in the history: the two sides may well differ for a while.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal

from services.routing.domain.bouncing import given_again
from services.routing.domain.case import Case, InLapor, Moment
from services.routing.domain.city import City, Opd
from services.routing.domain.moves import act_of, closed, disposed, not_later, opd_today, tell
from services.routing.domain.transitions import follows
from shared.decision import Decision
from shared.events.lapor import LaporLinked, LaporReassigned, LaporReplied, LaporStatusChanged
from shared.events.parts import By, LaporState
from shared.events.routing import Candidate, ComplaintAnswered

ENDS_IN_LAPOR: Mapping[LaporState, Literal["closed", "archived", "blocked"]] = {
    "closed": "closed",
    "archived": "archived",
    "blocked": "blocked",
}
"""LAPOR's ends, and ours; any other state there moves nothing here."""


def on_lapor_linked(case: Case, event: LaporLinked, _city: City, _now: datetime) -> Decision[Case]:
    """Remember the report's number there."""
    if not case.arrived:
        return Decision(case.kept_for_later(event))
    return Decision(_seen(case, case.in_lapor.model_copy(update={"lapor_id": event.lapor_id})))


def on_lapor_status_changed(
    case: Case, event: LaporStatusChanged, _city: City, now: datetime
) -> Decision[Case]:
    """Closed, archived or blocked there is closed here; other statuses are remembered and shown."""
    if not case.arrived:
        return Decision(case.kept_for_later(event))
    if case.knows(event.id):
        return Decision(case)
    case = _seen(
        case,
        case.in_lapor.model_copy(
            update={"lapor_id": event.lapor_id, "status": event.status, "state": event.state}
        ),
    )
    by = By(kind="lapor", name=event.by.name if event.by else None)
    at = not_later(event.at, now)
    kind, to = ENDS_IN_LAPOR.get(event.state), follows(case, "end_in_lapor")
    if kind is None or to is None:
        return Decision(case.noting(_heard(event, by, at, event.status)))
    return closed(case, event, to=to, kind=kind, by=by, at=at, reason=event.status)


def on_lapor_reassigned(case: Case, event: LaporReassigned, city: City, now: datetime) -> Decision[Case]:
    """A disposition there is one here, where our registry knows the OPD; else the institution stays raw."""
    if not case.arrived:
        return Decision(case.kept_for_later(event))
    if case.knows(event.id):
        return Decision(case)
    case = _seen(
        case,
        case.in_lapor.model_copy(
            update={
                "lapor_id": event.lapor_id,
                "institution_id": event.institution_id,
                "institution": event.institution,
            }
        ),
    )
    opd = opd_today(city, event.opd, now)
    by, at = By(kind="lapor"), not_later(event.at, now)
    to = follows(case, "route")
    if opd is None or not opd.inside or to is None:
        case = _outsider_first(case, opd) if opd is not None and not opd.inside else case
        return Decision(case.noting(_heard(event, by, at, event.institution)))
    if case.disposition is not None and case.disposition.opd == opd.code:
        return Decision(case)
    return disposed(
        case,
        event,
        to=to,
        opd=opd.code,
        by=by,
        at=at,
        now=now,
        trace=(
            f"Didisposisikan di SP4N-LAPOR kepada {opd.name}.",
            *_instead(case),
            *given_again(case, opd.code, opd.name),
        ),
    )


def on_lapor_replied(case: Case, event: LaporReplied, _city: City, now: datetime) -> Decision[Case]:
    """An OPD's reply there is its answer here, once per item. A reporter's comes by intake."""
    if not case.arrived:
        return Decision(case.kept_for_later(event))
    if event.by.kind == "citizen" or case.knows(event.id) or _has_item(case, event):
        return Decision(case)
    by, at = By(kind="lapor", name=event.by.name), not_later(event.at, now)
    disposition, to = case.disposition, follows(case, "answer")
    if event.by.kind != "opd" or disposition is None or to is None:
        return Decision(case.noting(_heard(event, by, at, event.text, ref=event.item)))
    if at is not None and disposition.at is not None:
        at = max(at, disposition.at)
    answered = ComplaintAnswered(
        disposition=disposition.number, opd=disposition.opd, by=by, at=at, text=event.text
    )
    return tell(replace(case, state=to), event, [answered], ref=event.item)


def _instead(case: Case) -> tuple[str, ...]:
    """Whose disposition it takes the place of: two OPDs had one report, here and there."""
    if case.disposition is None:
        return ()
    return (f"Disposisi ganda: di sini sedang pada {case.disposition.opd}, yang digantikannya.",)


def _seen(case: Case, in_lapor: InLapor) -> Case:
    return case if in_lapor == case.in_lapor else replace(case, in_lapor=in_lapor)


def _has_item(case: Case, event: LaporReplied) -> bool:
    act = {act_of(LaporReplied), act_of(ComplaintAnswered)}
    return any(moment.ref == event.item and moment.act in act for moment in case.history)


def _outsider_first(case: Case, outsider: Opd) -> Case:
    """In triage, put the body outside the city that LAPOR chose before the verifier, as first candidate."""
    if case.state != "triage" or case.found is None:
        return case
    named = Candidate(opd=outsider.code, score=1.0, why="Didisposisikan di SP4N-LAPOR.")
    others = tuple(candidate for candidate in case.found.candidates if candidate.opd != outsider.code)
    return replace(case, found=case.found.model_copy(update={"candidates": (named, *others)}))


def _heard(
    event: LaporStatusChanged | LaporReassigned | LaporReplied,
    by: By,
    at: datetime | None,
    text: str,
    ref: str | None = None,
) -> Moment:
    return Moment(
        at=at, act=act_of(type(event)), by=by, event=event.id, cause=event.id, text=text, ref=ref, note=True
    )
