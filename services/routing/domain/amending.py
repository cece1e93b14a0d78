"""What intake says of a complaint after it came: other words, other flags, one matter with another complaint."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.routing.domain.case import Case, Found, Moment
from services.routing.domain.city import City
from services.routing.domain.moves import act_of, local_day, not_later, said_of, tell
from services.routing.domain.topics import Finding, find_topic
from services.routing.domain.transitions import follows
from shared.decision import Decision
from shared.events.intake import ComplaintAmended, ComplaintMerged, ComplaintUnmerged

_READ = frozenset({"title", "text", "place", "category_hint"})
"""What the rules read of a complaint."""

_PUT_BACK = frozenset({"handed_back", "reopened"})
"""Reasons why a verifier has it that no words can change."""


_IN_WORDS: Mapping[str, str] = {
    "title": "judul",
    "text": "isi",
    "place": "lokasi",
    "category_hint": "kategori",
    "klasifikasi": "klasifikasi",
    "anonymous": "anonim",
    "confidential": "rahasia",
    "forward": "penerusan ke SP4N-LAPOR",
    "attachments": "lampiran",
}


def found_in(finding: Finding, city: City) -> Found:
    """What the rules make of the words, as the case keeps it."""
    trace = finding.trace
    if finding.always_confidential:
        trace = (*trace, "Topik ini selalu diperlakukan sebagai rahasia.")
    return Found(
        opd=finding.opd,
        rule=finding.rule,
        category=finding.category,
        urgency=finding.urgency,
        confidence=finding.confidence,
        registry=city.version,
        reasons=() if finding.agreed else finding.reasons,
        candidates=finding.ranked,
        trace=trace,
    )


def on_complaint_amended(case: Case, event: ComplaintAmended, city: City, now: datetime) -> Decision[Case]:
    """The case says what the complaint says now.

    A verifier who has it sees what the rules make of the new words. A case that was routed stays with its OPD,
    which reads that something changed. Another klasifikasi is said, unless the city had given one of its own.
    """
    if not case.arrived:
        return Decision(case.kept_for_later(event))
    if case.complaint is None or case.knows(event.id):
        return Decision(case)
    before = case.complaint
    changed: dict[str, Any] = {
        name: getattr(event, name) for name in event.changed if name in type(before).model_fields
    }
    complaint = before.model_copy(update=changed)
    found = case.found
    if _READ & set(event.changed):
        finding = find_topic(
            complaint.title, complaint.text, complaint.category_hint, complaint.place, city, local_day(now)
        )
        complaint = complaint.model_copy(update={"place": finding.place})
        found = _found_anew(case, found_in(finding, city)) if case.state == "triage" else found
    case = replace(case, complaint=complaint, found=found).noting(
        _heard(event, now, f"Diubah: {', '.join(_IN_WORDS.get(name, name) for name in event.changed)}.")
    )
    said = case.classified
    if (
        said is None
        or follows(case, "classify") is None
        or said.klasifikasi != before.klasifikasi
        or said.klasifikasi == complaint.klasifikasi
    ):
        return Decision(case)
    said = said.model_copy(update={"klasifikasi": complaint.klasifikasi})
    return tell(replace(case, classified=said), event, [said_of(said, by=event.by, at=now)])


def _found_anew(case: Case, fresh: Found) -> Found:
    """What the rules find now; why a verifier has it, and who LAPOR or a person has put first, stay."""
    before = case.found
    if before is None:
        return fresh
    if _PUT_BACK & set(before.reasons):
        return fresh.model_copy(update={"reasons": before.reasons, "candidates": before.candidates})
    candidates = fresh.candidates
    if before.candidates and (case.classified is not None or case.in_lapor.institution is not None):
        first = before.candidates[0]
        candidates = (first, *(other for other in candidates if other.opd != first.opd))
    return fresh.model_copy(update={"reasons": fresh.reasons or before.reasons, "candidates": candidates})


def on_complaint_merged(case: Case, event: ComplaintMerged, _city: City, now: datetime) -> Decision[Case]:
    """The merged one rests where it stands, and nobody works on it; the survivor's is told of it."""
    if not case.arrived:
        return Decision(case.kept_for_later(event))
    if case.complaint is None or case.knows(event.id):
        return Decision(case)
    if event.role == "survivor":
        return Decision(case.noting(_heard(event, now, f"{event.merged.ticket} digabungkan ke sini.")))
    merged = case.complaint.model_copy(update={"merged_into": event.into})
    return Decision(
        replace(case, complaint=merged).noting(_heard(event, now, f"Digabungkan ke {event.into.ticket}."))
    )


def on_complaint_unmerged(case: Case, event: ComplaintUnmerged, _city: City, now: datetime) -> Decision[Case]:
    """It goes on from where it rested."""
    if not case.arrived:
        return Decision(case.kept_for_later(event))
    if case.complaint is None or case.knows(event.id):
        return Decision(case)
    if event.role == "survivor":
        return Decision(case.noting(_heard(event, now, f"{event.merged.ticket} dipisahkan kembali.")))
    apart = case.complaint.model_copy(update={"merged_into": None})
    return Decision(
        replace(case, complaint=apart).noting(
            _heard(event, now, f"Dipisahkan kembali dari {event.into.ticket}.")
        )
    )


def _heard(event: ComplaintAmended | ComplaintMerged | ComplaintUnmerged, now: datetime, text: str) -> Moment:
    """In the history, but no act of the case: whoever is waited for is still waited for."""
    return Moment(
        at=not_later(event.at, now),
        act=act_of(type(event)),
        by=event.by,
        event=event.id,
        cause=event.id,
        text=text,
        note=True,
    )
