"""The consequences that several rules share: saying under derived ids, disposing, closing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Literal, TypeAlias

from services.routing.domain.acts import Act
from services.routing.domain.case import Case, CaseState, Classified, Disposition, Moment
from services.routing.domain.city import ROOT, City, Opd
from shared.decision import Decision, Refused
from shared.events.fact import Event, Fact
from shared.events.ids import event_id
from shared.events.parts import Attachment, By, FieldError
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

Said: TypeAlias = (
    ComplaintClassified
    | ComplaintRouted
    | TriageRequested
    | ComplaintAccepted
    | ComplaintProgressed
    | ComplaintAnswered
    | ComplaintHandedBack
    | InformationRequested
    | ComplaintRejected
    | ComplaintClosed
    | ComplaintReopened
    | DeadlineExtended
)

_WIB = timezone(timedelta(hours=7), "WIB")
"""Jambi's own time, UTC+7 without summer time since 1964."""

_WORDS: dict[type[Event], str] = {
    ComplaintRouted: "note",
    ComplaintAccepted: "text",
    ComplaintProgressed: "text",
    ComplaintAnswered: "text",
    ComplaintHandedBack: "reason",
    InformationRequested: "question",
    ComplaintRejected: "reason",
    ComplaintClosed: "reason",
    ComplaintReopened: "reason",
    DeadlineExtended: "reason",
}
"""Which field of an event holds what was written."""


def local_day(now: datetime) -> date:
    """The day in Jambi, by which the dated registry is asked."""
    return now.astimezone(_WIB).date()


def opd_today(city: City, code: str | None, now: datetime) -> Opd | None:
    """The body of that code that can be named today; the government itself, "still unrouted", cannot."""
    opd = city.opd(code, local_day(now)) if code else None
    return None if opd is None or opd.kind == ROOT else opd


def not_later(at: datetime | None, now: datetime) -> datetime | None:
    """Another system's instant, never in the future; None stays unknown (CONTRACTS, `at`)."""
    return None if at is None else min(at, now)


def act_of(kind: type[Event]) -> str:
    """How a type is called in a history: `simpul.complaint.routed.v1` → `complaint.routed`."""
    return kind.type.removeprefix("simpul.").rpartition(".v")[0]


def wrong(field: str, reason: str) -> Refused:
    """What was sent cannot be: which field, and why."""
    return Refused([FieldError(field=field, reason=reason)])


def cannot(case: Case, act: str, why: str) -> Refused:
    """The act does not fit this case as it stands, though its state would allow it (409)."""
    reason = f"the case is {case.state}; {act} is not possible: {why}"
    return Refused([FieldError(field="act", reason=reason)], conflict=True)


def said_last(
    case: Case, by: By, kind: type[Event], words: str | None, files: tuple[Attachment, ...] = ()
) -> bool:
    """Whether the case's last act is this one, in the same words, with the same files and by the same."""
    last = case.last_act
    return last is not None and (last.act, last.text, last.by, last.attachments) == (
        act_of(kind),
        words,
        by,
        files,
    )


def put_before_verifier_by(case: Case, by: By, kind: type[Event], words: str) -> bool:
    """Whether the last that was said is this, in these words and by the same, with the request for a verifier."""
    said = [moment for moment in case.history if not moment.note][-2:]
    return [moment.act for moment in said] == [act_of(kind), act_of(TriageRequested)] and (
        said[0].text,
        said[0].by,
    ) == (words, by)


def tell(case: Case, cause: Fact, says: Sequence[Said], ref: str | None = None) -> Decision[Case]:
    """This case, with what is said because of `cause` (one of a type) in its history, under derived ids.

    The ids are the ones the frame would derive; they are given here because a lapse will name them in
    `since`, and because facts that waited keep their own cause.
    """
    moments: list[Moment] = []
    for event in says:
        event.known_as(event_id(cause.id, event.type, 0))
        words = _WORDS.get(type(event))
        moments.append(
            Moment(
                at=event.at,
                act=act_of(type(event)),
                by=event.by,
                event=event.id,
                cause=cause.id,
                disposition=getattr(event, "disposition", None),
                opd=getattr(event, "opd", None),
                text=getattr(event, words) if words else None,
                ref=ref,
                clock=getattr(event, "clock", None),
                days=getattr(event, "days", None),
                attachments=getattr(event, "attachments", ()),
                masked=cause.masked if words and isinstance(cause, Act) else (),
            )
        )
    return Decision(replace(case, history=(*case.history, *moments)), tuple(says))


def disposed(
    case: Case,
    cause: Fact,
    *,
    to: CaseState,
    opd: str,
    by: By,
    at: datetime | None,
    now: datetime,
    trace: tuple[str, ...],
    rule: str | None = None,
    confidence: float | None = None,
    note: str | None = None,
) -> Decision[Case]:
    """The case in the hands of `opd` as its next disposition; classified first where it was not yet.

    The category that the rules found is said where their owner is the one chosen, else the sender's.
    """
    number = len(case.dispositions) + 1
    says: list[Said] = []
    if case.classified is None:
        classified = classification(case, opd)
        case = replace(case, classified=classified)
        says.append(said_of(classified, by=by, at=now, confidence=confidence))
    says.append(
        ComplaintRouted(
            disposition=number,
            opd=opd,
            by=by,
            at=at,
            rule=rule,
            trace=trace,
            confidence=confidence,
            note=note,
        )
    )
    why = () if by.kind == "rule" else trace
    disposition = Disposition(number=number, opd=opd, at=at, by=by, why=why)
    dispositions = (*case.ending_disposition("rerouted", at), disposition)
    return tell(
        replace(case, state=to, dispositions=dispositions, pinned=by.kind in ("person", "lapor")), cause, says
    )


def closed(
    case: Case,
    cause: Fact,
    *,
    to: CaseState,
    kind: Literal["closed", "archived", "withdrawn", "blocked"],
    by: By,
    at: datetime | None,
    reason: str,
) -> Decision[Case]:
    """The case done with."""
    ended = replace(case, state=to, dispositions=case.ending_disposition("closed", at))
    return tell(ended, cause, [ComplaintClosed(kind=kind, by=by, at=at, reason=reason)])


def classified_and_closed(
    case: Case,
    cause: Fact,
    *,
    kind: Literal["closed", "archived", "blocked"],
    by: By,
    at: datetime | None,
    now: datetime,
    reason: str,
) -> Decision[Case]:
    """A case that was over before we saw it (DESIGN §5, imported history)."""
    classified = classification(case, None)
    rule = By(kind="rule")
    says: list[Said] = [
        said_of(classified, by=rule, at=now, confidence=case.found.confidence if case.found else None),
        ComplaintClosed(kind=kind, by=by, at=at, reason=reason),
    ]
    return tell(replace(case, state="closed", classified=classified), cause, says)


def classification(case: Case, chosen: str | None) -> Classified:
    """What the rules or the sender make of it, for the OPD that was chosen (None: no matter whose it is)."""
    if case.complaint is None:
        raise LookupError("a case cannot be classified before its complaint")
    found, sent = case.found, case.complaint
    fits = found is not None and chosen in (None, found.opd)
    return Classified(
        category=(found.category if found and fits else None) or sent.category_hint,
        klasifikasi=sent.klasifikasi,
        urgency=found.urgency if found and fits else "normal",
    )


def said_of(
    what: Classified, *, by: By, at: datetime, confidence: float | None = None
) -> ComplaintClassified:
    """This classification, as an event."""
    return ComplaintClassified(
        category=what.category,
        klasifikasi=what.klasifikasi,
        urgency=what.urgency,
        by=by,
        at=at,
        confidence=confidence,
    )
