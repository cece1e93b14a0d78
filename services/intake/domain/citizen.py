"""What reporters do with their own complaint: say something else, reply, rate, take it back.

Repeating what already holds says nothing. Text is masked here as it was on arrival.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.intake.domain import keyed
from services.intake.domain.acts import Amend, Rate, Reply, Withdraw
from services.intake.domain.complaint import Complaint, Content, Rating
from services.intake.domain.following import spoken
from services.intake.domain.keyed import Subkeys
from services.intake.domain.possible import require
from services.intake.domain.receiving import first_words, masked_place
from services.intake.domain.timeline import Step
from shared.decision import Decision, Refused
from shared.events.intake import CitizenRated, ComplaintAmended, ComplaintWithdrawn
from shared.events.parts import FieldError
from shared.masking import masked

_FLAGS = frozenset({"anonymous", "confidential", "forward"})
"""What may be changed whatever became of the complaint: it binds what is still shown."""

_WORDS = frozenset({"title", "text"})
"""What the reporter alone may change."""


def amend(complaint: Complaint, act: Amend, keys: Subkeys, now: datetime) -> Decision[Complaint]:
    """Say what changed, and nothing where nothing did; the sealed words follow in any case."""
    require(complaint, "protect" if act.given <= _FLAGS else "amend")
    before = _known(complaint)
    if act.by.kind != "citizen" and (reporters := sorted(_reporters(before, act))):
        raise Refused([FieldError(field=name, reason="is the reporter's to change") for name in reporters])
    after = _amended(before, act)
    told = replace(complaint, content=after, amended=_words(act) or None)
    if after.anonymous and not before.anonymous:  # from now on no two of their complaints meet
        told = replace(
            told,
            pseudonym=keyed.pseudonym(None, anonymous=True, complaint_id=complaint.id, key=keys.pseudonyms),
        )
    changed = {name: value for name, value in after if value != getattr(before, name)}
    if not changed:
        return Decision(told if told.amended else complaint)
    said = ComplaintAmended.model_validate(
        {"at": now, "by": act.by, "changed": tuple(changed), "reporter": told.pseudonym, **changed}
    )
    return Decision(told.with_step(Step("amended", now, act.id)), [said])


def reply(complaint: Complaint, act: Reply, _keys: Subkeys, now: datetime) -> Decision[Complaint]:
    """The reporter's word, to what was last asked or answered."""
    require(complaint, "reply")
    return spoken(complaint, act.text, now, act.id)


def rate(complaint: Complaint, act: Rate, _keys: Subkeys, now: datetime) -> Decision[Complaint]:
    """How content the reporter is with what was done; the last word counts."""
    require(complaint, "rate")
    rated = Rating(rating=act.rating, text=_masked(act.text))
    if complaint.rated == rated:
        return Decision(complaint)
    step = Step("rated", now, act.id, text=rated.text, reference=str(rated.rating))
    said = CitizenRated(at=now, rating=rated.rating, text=rated.text)
    return Decision(replace(complaint.with_step(step), rated=rated), [said])


def withdraw(complaint: Complaint, act: Withdraw, _keys: Subkeys, now: datetime) -> Decision[Complaint]:
    """The reporter takes it back. Those that it goes on for must have been let go before."""
    if complaint.status == "withdrawn":
        return Decision(complaint)
    require(complaint, "withdraw")
    if complaint.absorbed:
        raise Refused(
            [FieldError(field="act", reason="another complaint was merged into it meanwhile; try again")],
            conflict=True,
        )
    said = ComplaintWithdrawn(at=now, reason=_masked(act.reason))
    return Decision(complaint.with_step(Step("withdrawn", now, act.id)), [said])


def _known(complaint: Complaint) -> Content:
    if complaint.content is None:
        raise LookupError("nothing can be done with a complaint that is not in yet")
    return complaint.content


def _reporters(before: Content, act: Amend) -> frozenset[str]:
    """What of this only the reporter may change: the words, and taking a protection back, whoever asked for it."""
    held = {"anonymous": before.anonymous, "confidential": before.confidential}
    lifted = {flag for flag, holds in held.items() if holds and getattr(act, flag) is False}
    return act.given & _WORDS | lifted


def _amended(before: Content, act: Amend) -> Content:
    """What it says then. A title that was only the text's beginning begins as the new text does."""
    new: dict[str, Any] = {name: getattr(act, name) for name in act.given & {*_FLAGS, "klasifikasi"}}
    if act.text is not None:
        new["text"] = masked(act.text, 10_000)
        if before.title == first_words(before.text):
            new["title"] = first_words(new["text"])
    if act.title is not None:
        new["title"] = masked(act.title, 300)
    if act.place is not None:
        new["place"] = masked_place(act.place)
    if act.category is not None:
        new["category_hint"] = masked(act.category, 200)
    return before.model_copy(update=new)


def _words(act: Amend) -> dict[str, str | None]:
    """The words of an amendment as they were written, by the fields of the identity that hold them."""
    said = {"title": act.title, "text": act.text, "category": act.category}
    words: dict[str, str | None] = {field: word for field, word in said.items() if word is not None}
    return words if act.place is None else words | {"place": act.place.text}


def _masked(text: str | None) -> str | None:
    return masked(text, 10_000) if text else None
