"""Erasure: an admin has it forgotten who reported a complaint, or every word of and about it too."""

from dataclasses import replace
from datetime import datetime

from services.intake.domain.acts import Erase
from services.intake.domain.complaint import Complaint, Content
from services.intake.domain.keyed import Subkeys
from shared.decision import Decision
from shared.events.intake import ComplaintErased
from shared.events.words import Scope, wider, wordless, wordless_place


def erase(complaint: Complaint, act: Erase, _keys: Subkeys, now: datetime) -> Decision[Complaint]:
    """Once, and never less than before; what is erased cannot be had back."""
    scope = wider(complaint.erased, act.scope)
    if scope is None or scope == complaint.erased:
        return Decision(complaint)
    told = replace(complaint, erased=scope, erasing=scope)
    return Decision(told, [ComplaintErased(at=now, scope=scope, by=act.by)], forgets=scope)


def forget(complaint: Complaint, scope: Scope) -> Complaint:
    """The complaint without its words, as far as rules hold them; the store has the rest (`erasing`)."""
    bare = replace(complaint, conversation=None, amended=None)
    if complaint.is_known and wider(complaint.erased, scope) != complaint.erased:
        # a backup brought it back, or who sent it did: the store has to erase it once more
        bare = replace(bare, erased=scope, erasing=scope)
    if scope == "complaint":
        bare = replace(
            bare,
            content=bare.content and _content(bare.content),
            rated=bare.rated and bare.rated.model_copy(update={"text": None}),
            fresh=tuple(replace(step, text=None) for step in bare.fresh),
            attachments=(),
            evidence=(),
            unfetched=(),
            fresh_files=(),
            early=tuple(wordless(fact, scope) for fact in bare.early),
        )
    return complaint if bare == complaint else bare


def _content(content: Content) -> Content:
    place = content.place and wordless_place(content.place)
    return content.model_copy(update={"title": "", "text": "", "place": place, "category_hint": None})
