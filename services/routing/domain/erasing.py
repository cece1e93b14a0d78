"""Erasure: what routing forgets of a complaint; states, dispositions, numbers and instants stay."""

from dataclasses import replace
from datetime import datetime

from services.routing.domain.case import Case, Complaint, Disposition, Found, Moment
from services.routing.domain.city import City
from services.routing.domain.moves import act_of
from shared.decision import Decision
from shared.events.intake import ComplaintErased
from shared.events.words import Scope, nameless_files, wordless, wordless_candidates, wordless_place


def on_complaint_erased(case: Case, event: ComplaintErased, _city: City, _now: datetime) -> Decision[Case]:
    """The case goes on without words; that they were erased is in its history."""
    if not case.arrived:
        return Decision(case.kept_for_later(event), forgets=event.scope)
    erased = Moment(
        at=event.at,
        act=act_of(ComplaintErased),
        by=event.by,
        event=event.id,
        cause=event.id,
        text=event.scope,
        note=True,
    )
    return Decision(case.noting(erased), forgets=event.scope)


def forget(case: Case, scope: Scope) -> Case:
    """The case without its words; who reported it was never known here."""
    if scope == "identity":
        return case
    bare = replace(
        case,
        complaint=case.complaint and _complaint(case.complaint),
        found=case.found and _found(case.found),
        dispositions=tuple(_disposition(one) for one in case.dispositions),
        history=tuple(_moment(one) for one in case.history),
        early=tuple(wordless(fact, scope) for fact in case.early),
    )
    return case if bare == case else bare


def _complaint(complaint: Complaint) -> Complaint:
    place = complaint.place and wordless_place(complaint.place)
    return complaint.model_copy(update={"title": "", "text": "", "place": place, "category_hint": None})


def _found(found: Found) -> Found:
    """What the rules found is codes; why they found it quotes the text."""
    return found.model_copy(update={"trace": (), "candidates": wordless_candidates(found.candidates)})


def _disposition(disposition: Disposition) -> Disposition:
    return disposition.model_copy(update={"why": ()})


def _moment(moment: Moment) -> Moment:
    if moment.act == act_of(ComplaintErased):
        return moment
    return moment.model_copy(update={"text": None, "attachments": nameless_files(moment.attachments)})
