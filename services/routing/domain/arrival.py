"""A complaint arrives: routed where the evidence agrees, else to triage; from LAPOR as it was left there."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.routing.domain.amending import (
    found_in,
    on_complaint_amended,
    on_complaint_merged,
    on_complaint_unmerged,
)
from services.routing.domain.case import Case, Complaint, Found, InLapor, Moment
from services.routing.domain.city import City
from services.routing.domain.erasing import on_complaint_erased
from services.routing.domain.lapor import (
    ENDS_IN_LAPOR,
    on_lapor_linked,
    on_lapor_reassigned,
    on_lapor_replied,
    on_lapor_status_changed,
)
from services.routing.domain.moves import (
    act_of,
    classified_and_closed,
    disposed,
    local_day,
    not_later,
    opd_today,
    tell,
)
from services.routing.domain.reporter import (
    on_citizen_replied,
    on_clock_lapsed,
    on_complaint_withdrawn,
)
from services.routing.domain.topics import find_topic
from shared.decision import Decision
from shared.events.fact import Event
from shared.events.intake import (
    CitizenReplied,
    ComplaintAmended,
    ComplaintErased,
    ComplaintMerged,
    ComplaintReceived,
    ComplaintUnmerged,
    ComplaintWithdrawn,
)
from shared.events.lapor import LaporLinked, LaporReassigned, LaporReplied, LaporStatusChanged
from shared.events.parts import By, LaporOrigin
from shared.events.routing import Candidate, TriageRequested
from shared.events.sla import ClockLapsed

WAITED: Mapping[type[Event], Callable[[Case, Any, City, datetime], Decision[Case]]] = {
    ComplaintAmended: on_complaint_amended,
    ComplaintMerged: on_complaint_merged,
    ComplaintUnmerged: on_complaint_unmerged,
    ComplaintWithdrawn: on_complaint_withdrawn,
    ComplaintErased: on_complaint_erased,
    CitizenReplied: on_citizen_replied,
    LaporLinked: on_lapor_linked,
    LaporStatusChanged: on_lapor_status_changed,
    LaporReassigned: on_lapor_reassigned,
    LaporReplied: on_lapor_replied,
    ClockLapsed: on_clock_lapsed,
}
"""Which rule answers a fact that came before its complaint, once the complaint is here."""


def on_complaint_received(case: Case, event: ComplaintReceived, city: City, now: datetime) -> Decision[Case]:
    """Place the complaint, then answer what had come before it, in the order in which it came."""
    if case.arrived:
        return Decision(case)
    waited, case = case.early, replace(case, early=())
    decision = _placed(_remembering(case, event, city, now), event, city, now)
    for fact in waited:
        then = WAITED[type(fact)](decision.state, fact, city, now)
        decision = Decision(then.state, (*decision.says, *then.says))
    return decision


def _remembering(case: Case, event: ComplaintReceived, city: City, now: datetime) -> Case:
    finding = find_topic(event.title, event.text, event.category_hint, event.place, city, local_day(now))
    complaint = Complaint(
        ticket=event.ticket,
        channel=event.channel,
        reported_at=event.reported_at,
        received_at=event.received_at,
        title=event.title,
        text=event.text,
        place=finding.place,
        category_hint=event.category_hint,
        klasifikasi=event.klasifikasi,
        anonymous=event.anonymous,
        confidential=event.confidential,
    )
    moment = Moment(
        at=event.at, act=act_of(ComplaintReceived), by=By(kind="citizen"), event=event.id, cause=event.id
    )
    return replace(
        case,
        complaint=complaint,
        found=found_in(finding, city),
        in_lapor=_in_lapor(case.in_lapor, event.lapor),
        history=(*case.history, moment),
    )


def _in_lapor(known: InLapor, origin: LaporOrigin | None) -> InLapor:
    if origin is None:
        return known
    return InLapor(
        lapor_id=origin.tracking_id,
        status=origin.status,
        state=origin.state,
        institution_id=origin.institution_id,
        institution=origin.institution,
    )


def _placed(case: Case, event: ComplaintReceived, city: City, now: datetime) -> Decision[Case]:
    """Closed, disposed or in triage: by LAPOR where it has decided, else by the rules."""
    origin, found = event.lapor, case.found
    assert found is not None
    if origin is None:
        return _by_rule(case, event, found, now)
    if origin.state in ENDS_IN_LAPOR:
        return classified_and_closed(
            case,
            event,
            kind=ENDS_IN_LAPOR[origin.state],
            by=By(kind="lapor", name=origin.closed_by),
            at=not_later(origin.status_at, now),
            now=now,
            reason=origin.status,
        )
    opd = opd_today(city, origin.opd, now)
    if opd is None:
        if origin.institution:
            line = f"Instansi di SP4N-LAPOR, “{origin.institution}”, tidak ada di registri; dicari dari teks."
            found = found.model_copy(update={"trace": (line, *found.trace)})
            case = replace(case, found=found)
        return _by_rule(case, event, found, now)
    if not opd.inside:
        return _lapor_named_an_outsider(case, event, found, opd.code, now)
    return disposed(
        case,
        event,
        to="routed",
        opd=opd.code,
        by=By(kind="lapor"),
        at=not_later(origin.disposed_at, now),
        now=now,
        trace=(f"Didisposisikan di SP4N-LAPOR kepada {opd.name}.",),
    )


def _by_rule(case: Case, event: ComplaintReceived, found: Found, now: datetime) -> Decision[Case]:
    """Route where the evidence agrees, else ask a verifier, best candidates first."""
    if found.opd is None or found.reasons:
        return _awaiting_triage(case, event, found, now)
    return disposed(
        case,
        event,
        to="routed",
        opd=found.opd,
        by=By(kind="rule", name=found.rule),
        at=now,
        now=now,
        trace=found.trace,
        rule=found.rule,
        confidence=found.confidence,
    )


def _lapor_named_an_outsider(
    case: Case, event: ComplaintReceived, found: Found, outsider: str, now: datetime
) -> Decision[Case]:
    """LAPOR gave it to a body outside the city: a verifier rejects with `refer_to`, or routes it here."""
    named = Candidate(opd=outsider, score=1.0, why="Didisposisikan di SP4N-LAPOR.")
    others = tuple(candidate for candidate in found.candidates if candidate.opd != outsider)
    found = found.model_copy(update={"reasons": ("owner_outside_city",), "candidates": (named, *others)})
    return _awaiting_triage(case, event, found, now)


def _awaiting_triage(case: Case, event: ComplaintReceived, found: Found, now: datetime) -> Decision[Case]:
    asked = TriageRequested(reasons=found.reasons, candidates=found.candidates, by=By(kind="rule"), at=now)
    return tell(replace(case, state="triage", found=found), event, [asked])
