"""What only the city does: bring a case back, say what it is about, give more time."""

from dataclasses import replace
from datetime import datetime

from services.routing.domain.acts import Classify, Extend, Reopen
from services.routing.domain.case import Case, Found
from services.routing.domain.city import Category, City
from services.routing.domain.moves import (
    act_of,
    cannot,
    classification,
    local_day,
    put_before_verifier_by,
    said_last,
    said_of,
    tell,
    wrong,
)
from services.routing.domain.topics import owner_of
from services.routing.domain.transitions import ActName, required
from shared.decision import Decision
from shared.events.fact import Event
from shared.events.routing import (
    Candidate,
    ComplaintAnswered,
    ComplaintClosed,
    ComplaintProgressed,
    ComplaintRejected,
    ComplaintReopened,
    ComplaintRouted,
    DeadlineExtended,
    ExtendableClock,
    InformationRequested,
    TriageRequested,
)

_ENDED_BY: dict[ExtendableClock, tuple[type[Event], ...]] = {
    "verify": (ComplaintRouted, ComplaintRejected, ComplaintClosed),
    "first_response": (ComplaintProgressed, InformationRequested, ComplaintAnswered),
    "resolution": (ComplaintAnswered, ComplaintRejected, ComplaintClosed),
}
"""What ends each clock for good (DESIGN §5): none of them starts anew, so there is nothing left to extend."""

_EXTENDING: dict[ExtendableClock, ActName] = {
    "verify": "extend_verify",
    "first_response": "extend_first_response",
    "resolution": "extend_resolution",
}


def reopen(case: Case, act: Reopen, _city: City, now: datetime) -> Decision[Case]:
    """Before a verifier again, whoever had it last as the first candidate."""
    if case.state == "triage" and put_before_verifier_by(case, act.by, ComplaintReopened, act.reason):
        return Decision(case)
    had_it = case.opd
    to = required(case, "reopen")
    candidates = _first(case.found, had_it, 1.0, "Terakhir menangani.") if had_it else _candidates(case.found)
    found = (
        case.found.model_copy(update={"reasons": ("reopened",), "candidates": candidates})
        if case.found
        else None
    )
    return tell(
        replace(case, state=to, pinned=False, found=found),
        act,
        [
            ComplaintReopened(reason=act.reason, by=act.by, at=now),
            TriageRequested(reasons=("reopened",), candidates=candidates, by=act.by, at=now),
        ],
    )


def classify(case: Case, act: Classify, city: City, now: datetime) -> Decision[Case]:
    """What it is about, by a person. It moves no case: a verifier sees the category's owner, and routes."""
    to = required(case, "classify")
    category = city.category(act.category)
    if act.category is not None and category is None:
        raise wrong("category", "the registry has none of this name, or several: give its id or TOP / SUB")
    before = case.classified or classification(case, None)
    given = {
        "category": category.name if category else None,
        "klasifikasi": act.klasifikasi,
        "urgency": act.urgency,
    }
    after = before.model_copy(update={name: value for name, value in given.items() if value is not None})
    if after == case.classified:
        return Decision(case)
    found = _with_owner(case, category, city, now) if category else case.found
    classified = replace(case, state=to, classified=after, found=found)
    return tell(classified, act, [said_of(after, by=act.by, at=now)])


def extend(case: Case, act: Extend, city: City, now: datetime) -> Decision[Case]:
    """More working days on a clock that still runs, within the city's table."""
    last = case.last_act
    holds = last is not None and (last.clock, last.days) == (act.clock, act.days)
    if holds and said_last(case, act.by, DeadlineExtended, act.reason):
        return Decision(case)
    to = required(case, _EXTENDING[act.clock])
    disposition = case.disposition.number if act.clock == "first_response" and case.disposition else None
    if case.did([act_of(kind) for kind in _ENDED_BY[act.clock]], disposition):
        raise cannot(case, "extend", f"its {act.clock} clock has been met or ended and runs no more")
    allowed = city.extensions.get(act.clock)
    if allowed is None:
        raise cannot(case, "extend", f"the city's table (routing.yaml, extensions) has no {act.clock}")
    if act.days > allowed.days:
        raise wrong("days", f"the city gives {allowed.days} working days at most for {act.clock}")
    given = [
        moment
        for moment in case.history
        if (moment.act, moment.clock, moment.disposition)
        == (act_of(DeadlineExtended), act.clock, disposition)
    ]
    if len(given) >= allowed.times:
        raise cannot(
            case, "extend", f"its {act.clock} clock was extended {len(given)} times; no more is allowed"
        )
    extended = DeadlineExtended(
        clock=act.clock, disposition=disposition, days=act.days, reason=act.reason, by=act.by, at=now
    )
    return tell(replace(case, state=to), act, [extended])


def _with_owner(case: Case, category: Category, city: City, now: datetime) -> Found | None:
    """With the owner that the registry names for the category as the first candidate."""
    complaint, found = case.complaint, case.found
    if complaint is None or found is None or category.topic is None:
        return found
    owner = owner_of(category.topic, complaint.title, complaint.text, complaint.place, city, local_day(now))
    if owner.opd is None:
        return found
    why = f"Pemilik kategori “{category.name}” menurut registri ({owner.rule})."
    score = city.deciding.category_confidence[category.strength]
    return found.model_copy(update={"candidates": _first(found, owner.opd.code, score, why)})


def _first(found: Found | None, opd: str, score: float, why: str) -> tuple[Candidate, ...]:
    others = (candidate for candidate in _candidates(found) if candidate.opd != opd)
    return (Candidate(opd=opd, score=score, why=why), *others)


def _candidates(found: Found | None) -> tuple[Candidate, ...]:
    return found.candidates if found else ()
