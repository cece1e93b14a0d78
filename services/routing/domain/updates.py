"""What OPDs' own systems hand in: the same acts through the same table as an official's, with a receipt."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from services.routing.domain import work
from services.routing.domain.acts import Accept, Act, Answer, Ask, Close, HandBack, Progress
from services.routing.domain.case import Case, Moment, Update
from services.routing.domain.city import City
from services.routing.domain.moves import act_of, wrong
from services.routing.domain.wording import discreet
from shared.decision import Decision, Refused
from shared.events.parts import By, FieldError
from shared.events.updates import OpdUpdatePosted, UpdateAccepted, UpdateRefused

SKEW = timedelta(minutes=5)
"""How far another system's clock may run ahead before its instants are taken for the future."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Which OPD the sender of an update speaks for; None: none is known."""

    opd: str | None


_WORDS: Mapping[str, tuple[type[Act], str, Callable[[Case, Any, City, datetime], Decision[Case]]]] = {
    "accept": (Accept, "text", work.accept),
    "progress": (Progress, "text", work.progress),
    "ask": (Ask, "question", work.ask),
    "answer": (Answer, "text", work.answer),
    "hand_back": (HandBack, "reason", work.hand_back),
    "close": (Close, "reason", work.close),
}
"""Which act an update is, what its text is there, and which rule answers it."""


def on_opd_update_posted(case: Case, event: OpdUpdatePosted, city: City, now: datetime) -> Decision[Case]:
    """Do it once. The same identity again is told so; with other content it is refused.

    A system speaks for its own OPD alone, and learns nothing of cases that never were that OPD's. Raises Refused
    where the act cannot be, naming the field.
    """
    _check_speaker(event)
    if case.knows(event.id):
        return Decision(case)
    update = Update(source=event.source, reference=event.reference, fingerprint=_fingerprint(event))
    before = case.update(event.source, event.reference)
    if before is not None:
        if before != update:
            raise Refused([_used_before()], conflict=True)
        return Decision(case, [_accepted(event, repeated=True, masked=case.masked_in(update))])
    kind, _, rule = _WORDS[event.act]
    _check_owner(case, event, kind)
    _check_instant(case, event, now)
    act = discreet(_act(event), city, now).done_by(By(kind="opd", name=event.opd))
    decision = rule(case, act.done_at(min(event.at, now)).known_as(event.id), city, now)
    kept = replace(_marked(case, decision.state, event, update), fresh=(*case.fresh, update))
    receipt = _accepted(event, repeated=not decision.says, masked=act.masked)
    return Decision(kept, [*decision.says, receipt])


def refusal(source: str, reference: str, errors: Sequence[FieldError]) -> UpdateRefused:
    """The receipt for an update that was not taken."""
    return UpdateRefused(source=source, reference=reference, errors=tuple(errors))


def unknown_ticket() -> FieldError:
    """Why an update is about no case, or about none that its OPD may know of."""
    return FieldError(field="ticket", reason="no case that this OPD has or had has this ticket")


def _used_before() -> FieldError:
    return FieldError(field="reference", reason="was used for an update with other content")


def _fingerprint(event: OpdUpdatePosted) -> str:
    """What it says, as SHA-256 of its JSON: fields in the contract's order, instants in UTC."""
    return hashlib.sha256(event.write()).hexdigest()


def _check_speaker(event: OpdUpdatePosted) -> None:
    """The source is the name of a key with the role of that OPD."""
    speaker = event.findings
    opd = speaker.opd if isinstance(speaker, Speaker) else None
    if opd is None:
        raise wrong("source", "is the name of no OPD's key; `./simpul keys add` makes one")
    if opd != event.opd:
        raise wrong("opd", f"this source speaks for {opd} alone")


def _check_owner(case: Case, event: OpdUpdatePosted, kind: type[Act]) -> None:
    if event.opd not in {given.opd for given in case.dispositions}:
        raise Refused([unknown_ticket()])
    repeats_hand_back = kind is HandBack and case.state == "triage"
    if case.opd != event.opd and not repeats_hand_back:
        reason = f"the case is not with {event.opd}; {event.act} is for the OPD that has it"
        raise Refused([FieldError(field="opd", reason=reason)], conflict=True)


def _check_instant(case: Case, event: OpdUpdatePosted, now: datetime) -> None:
    if event.at > now + SKEW:
        raise wrong("at", "is in the future")
    given = case.dispositions[-1] if case.dispositions else None
    if given is not None and given.at is not None and event.at < given.at:
        raise wrong("at", "is before the case was given to this OPD")


def _act(event: OpdUpdatePosted) -> Act:
    """The act as an official would have written it. Raises Refused for what does not belong to it."""
    kind, words, _ = _WORDS[event.act]
    given: dict[str, object] = {}
    errors: list[FieldError] = []
    for field, here, value in [
        ("text", words, event.text),
        ("suggested_opd", "suggested_opd", event.suggested_opd),
        ("attachments", "attachments", event.attachments or None),
    ]:
        if value is None:
            continue
        if here not in kind.model_fields:
            errors.append(FieldError(field=field, reason=f"does not belong to {event.act}"))
        given[here] = value
    if errors:
        raise Refused(errors)
    try:
        return kind(**given)
    except ValidationError as lacking:
        raise Refused(
            [
                FieldError(
                    field="text" if error["loc"][0] == words else str(error["loc"][0]),
                    reason=f"is required for {event.act}" if error["type"] == "missing" else error["msg"],
                )
                for error in lacking.errors(include_input=False, include_url=False)
            ]
        ) from None


def _marked(before: Case, after: Case, event: OpdUpdatePosted, update: Update) -> Case:
    """The case with the update's identity in its history: on what it did, or as a note where that held already."""
    said = len(after.history) - len(before.history)
    if not said:
        note = Moment(
            at=event.at,
            act=act_of(OpdUpdatePosted),
            by=By(kind="opd", name=event.opd),
            event=event.id,
            cause=event.id,
            text=event.act,
            note=True,
            update=update,
        )
        return after.noting(note)
    history = list(after.history)
    history[-said] = history[-said].model_copy(update={"update": update})
    return replace(after, history=tuple(history))


def _accepted(event: OpdUpdatePosted, *, repeated: bool, masked: tuple[str, ...]) -> UpdateAccepted:
    return UpdateAccepted(
        source=event.source,
        reference=event.reference,
        ticket=event.ticket,
        repeated=repeated,
        masked=masked,
    )
