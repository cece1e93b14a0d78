"""What officials do with a case: one rule for each act of `acts`, all through the table of `transitions`.

Acts refuse what they cannot do, with the field and the reason. Repeating what already holds says nothing.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias

from services.routing.domain.acts import (
    Accept,
    Act,
    Answer,
    Ask,
    Close,
    HandBack,
    Progress,
    Reject,
    Route,
)
from services.routing.domain.bouncing import given_again, why_back
from services.routing.domain.case import Case, CaseState, Disposition
from services.routing.domain.city import City
from services.routing.domain.moves import (
    closed,
    disposed,
    opd_today,
    put_before_verifier_by,
    said_last,
    tell,
    wrong,
)
from services.routing.domain.transitions import required
from shared.decision import Decision, Refused
from shared.events.parts import FieldError
from shared.events.routing import (
    Candidate,
    ComplaintAccepted,
    ComplaintAnswered,
    ComplaintClosed,
    ComplaintHandedBack,
    ComplaintProgressed,
    ComplaintRejected,
    InformationRequested,
    TriageRequested,
)

_Work: TypeAlias = ComplaintAccepted | ComplaintProgressed | InformationRequested | ComplaintAnswered


def route(case: Case, act: Route, city: City, now: datetime) -> Decision[Case]:
    """Hand the case to an OPD of the city that is in force today. The choice is pinned."""
    opd = opd_today(city, act.opd, now)
    if opd is None:
        raise wrong("opd", f"no OPD has the code {act.opd} today")
    if not opd.inside:
        raise wrong("opd", f"{act.opd} is outside the city: reject with refer_to instead")
    to = required(case, "route")
    if case.disposition is not None and case.disposition.opd == act.opd:
        return Decision(case if case.pinned else replace(case, pinned=True))
    again = given_again(case, act.opd, opd.name)
    if again and not act.again:
        reason = f"{act.opd} has handed this case back; send again: true to give it to them nevertheless"
        raise Refused([FieldError(field="again", reason=reason)], conflict=True)
    return disposed(
        case,
        act,
        to=to,
        opd=act.opd,
        by=act.by,
        at=now,
        now=now,
        trace=(_choice(case, act.opd), *again),
        note=act.note,
    )


def reject(case: Case, act: Reject, _city: City, now: datetime) -> Decision[Case]:
    """Say that the city will not handle it, and who would."""
    if case.state == "rejected" and said_last(case, act.by, ComplaintRejected, act.reason):
        return Decision(case)
    to = required(case, "reject")
    rejected = ComplaintRejected(kind=act.kind, reason=act.reason, refer_to=act.refer_to, by=act.by, at=now)
    return tell(replace(case, state=to), act, [rejected])


def accept(case: Case, act: Accept, _city: City, now: datetime) -> Decision[Case]:
    """The OPD takes the case on."""
    _own(case, act)
    if case.state == "in_work":
        return Decision(case)
    to = required(case, "accept")
    return _worked(case, act, to, now, ComplaintAccepted, text=act.text, attachments=act.attachments)


def progress(case: Case, act: Progress, _city: City, now: datetime) -> Decision[Case]:
    """The OPD reports work under way; each report is one of its own, the same twice in a row is not."""
    _own(case, act)
    if case.state == "in_work" and said_last(case, act.by, ComplaintProgressed, act.text, act.attachments):
        return Decision(case)
    to = required(case, "progress")
    return _worked(case, act, to, now, ComplaintProgressed, text=act.text, attachments=act.attachments)


def ask(case: Case, act: Ask, _city: City, now: datetime) -> Decision[Case]:
    """The reporter has to complete the complaint; the citizen's clock waits meanwhile."""
    _own(case, act)
    if case.state == "asked" and said_last(case, act.by, InformationRequested, act.question):
        return Decision(case)
    to = required(case, "ask")
    return _worked(case, act, to, now, InformationRequested, question=act.question)


def answer(case: Case, act: Answer, _city: City, now: datetime) -> Decision[Case]:
    """The answer to the citizen, who may reply to it."""
    _own(case, act)
    if case.state == "answered" and said_last(case, act.by, ComplaintAnswered, act.text, act.attachments):
        return Decision(case)
    to = required(case, "answer")
    return _worked(case, act, to, now, ComplaintAnswered, text=act.text, attachments=act.attachments)


def hand_back(case: Case, act: HandBack, city: City, now: datetime) -> Decision[Case]:
    """Bukan wewenang: back to a verifier, the OPD's own suggestion first."""
    suggested = act.suggested_opd
    if suggested is not None and opd_today(city, suggested, now) is None:
        raise wrong("suggested_opd", f"no OPD has the code {suggested} today")
    if _just_handed_back(case, act):
        return Decision(case)
    _own(case, act)
    to = required(case, "hand_back")
    given = _working_on(case)
    handed_back = (*case.handed_back, given.opd)
    candidates = _after_hand_back(case, handed_back, suggested)
    reasons = why_back(handed_back, [one for one in candidates if one.opd not in handed_back])
    back = replace(
        case,
        state=to,
        dispositions=case.ending_disposition("handed_back", act.at(now)),
        pinned=False,
        found=case.found.model_copy(update={"reasons": reasons, "candidates": candidates})
        if case.found
        else None,
    )
    return tell(
        back,
        act,
        [
            ComplaintHandedBack(
                disposition=given.number,
                opd=given.opd,
                by=act.by,
                at=act.at(now),
                reason=act.reason,
                suggested_opd=suggested,
            ),
            TriageRequested(reasons=reasons, candidates=candidates, by=act.by, at=now),
        ],
    )


def close(case: Case, act: Close, _city: City, now: datetime) -> Decision[Case]:
    """An answered case is done."""
    _own(case, act)
    if case.state == "closed" and said_last(case, act.by, ComplaintClosed, act.reason):
        return Decision(case)
    to = required(case, "close")
    return closed(case, act, to=to, kind="closed", by=act.by, at=act.at(now), reason=act.reason)


def _own(case: Case, act: Act) -> None:
    """An OPD acts only on a case that is its own. Raises Refused (conflict)."""
    if act.by.kind == "opd" and case.opd != act.by.name:
        reason = f"the case is not with {act.by.name}; {act.name} is for the OPD that has it"
        raise Refused([FieldError(field="act", reason=reason)], conflict=True)


def _working_on(case: Case) -> Disposition:
    """The disposition that work belongs to; the table lets nobody work without one."""
    if case.disposition is None:
        raise LookupError(f"a case that is {case.state} has no disposition")
    return case.disposition


def _worked(
    case: Case, act: Act, to: CaseState, now: datetime, kind: type[_Work], **said: Any
) -> Decision[Case]:
    """What the OPD says of its disposition."""
    given = _working_on(case)
    work = kind(disposition=given.number, opd=given.opd, by=act.by, at=act.at(now), **said)
    return tell(replace(case, state=to), act, [work])


def _just_handed_back(case: Case, act: HandBack) -> bool:
    last = case.dispositions[-1] if case.dispositions else None
    return (
        case.state == "triage"
        and last is not None
        and last.ended == "handed_back"
        and put_before_verifier_by(case, act.by, ComplaintHandedBack, act.reason)
    )


def _after_hand_back(
    case: Case, handed_back: tuple[str, ...], suggested: str | None
) -> tuple[Candidate, ...]:
    """Who else it may be: the suggestion, then what the rules had found, less those that gave it back."""
    why = f"Disarankan oleh {handed_back[-1]}."
    if suggested in handed_back:
        why += " Sudah pernah mengembalikannya."
    first = (Candidate(opd=suggested, score=1.0, why=why),) if suggested is not None else ()
    found = case.found.candidates if case.found else ()
    return (*first, *(one for one in found if one.opd not in (*handed_back, suggested)))


def _choice(case: Case, opd: str) -> str:
    """Where the chosen OPD stood among the candidates: by this the rules are judged later."""
    candidates = [candidate.opd for candidate in case.found.candidates] if case.found else []
    if opd in candidates:
        return f"Dipilih petugas: kandidat ke-{candidates.index(opd) + 1} dari {len(candidates)}."
    return "Dipilih petugas: di luar daftar kandidat."
