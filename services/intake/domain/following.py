"""Following: what intake makes of the facts that routing and the bridge say about a complaint."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.intake.domain.complaint import Complaint, never_later
from services.intake.domain.days import day_of
from services.intake.domain.means import Means
from services.intake.domain.timeline import Step, step_for
from shared.decision import Decision
from shared.events.fact import Event
from shared.events.ids import event_id
from shared.events.intake import CitizenReplied
from shared.events.lapor import LaporLinked, LaporReplied
from shared.events.routing import ComplaintAnswered, InformationRequested
from shared.masking import masked


def on_later_fact(complaint: Complaint, fact: Event, means: Means, now: datetime) -> Decision[Complaint]:
    """Fold another owner's fact; where the complaint is not in yet, keep it until it is (DESIGN §4.9)."""
    if not complaint.is_known:
        return Decision(replace(complaint, early=(*complaint.early, fact)))
    if isinstance(fact, LaporLinked):
        return _linked(complaint, fact, now)
    if isinstance(fact, LaporReplied):
        return _replied_there(complaint, fact, now)
    return _shown(complaint, fact, means, now)


def _shown(complaint: Complaint, fact: Event, means: Means, now: datetime) -> Decision[Complaint]:
    """What routing did, told to the public; a question or an answer is what the citizen would reply to."""
    step = step_for(fact, means.city.published(day_of(now)))
    if step.code == "verifying" and complaint.status in ("verifying", "reexamined"):
        return Decision(complaint)
    if step.code == complaint.status == "withdrawn":  # told when the reporter did it
        return Decision(complaint)
    told = complaint.with_step(step)
    if isinstance(fact, InformationRequested | ComplaintAnswered):
        told = replace(told, awaits=fact.id)
    return Decision(told)


def _linked(complaint: Complaint, fact: LaporLinked, now: datetime) -> Decision[Complaint]:
    """It has a number in SP4N-LAPOR; the citizen may follow it there too."""
    if complaint.lapor_id == fact.lapor_id:
        return Decision(complaint)
    step = Step("linked", now, fact.id, reference=fact.lapor_id)
    return Decision(replace(complaint.with_step(step), lapor_id=fact.lapor_id))


def _replied_there(complaint: Complaint, fact: LaporReplied, now: datetime) -> Decision[Complaint]:
    """A reporter's reply in LAPOR is the citizen's reply here, once per item. An OPD's is routing's to tell.

    `at` is the item's own instant, None if LAPOR gave none.
    """
    if fact.by.kind != "citizen" or fact.item in complaint.lapor_items:
        return Decision(complaint)
    replied = spoken(complaint, fact.text, never_later(fact.at, now), fact.id)
    return Decision(replace(replied.state, lapor_items=complaint.lapor_items | {fact.item}), replied.says)


def spoken(complaint: Complaint, text: str, at: datetime | None, cause: UUID) -> Decision[Complaint]:
    """The reporter spoke again, in LAPOR or here: to what was last asked or answered."""
    text = masked(text, 10_000)
    replied = CitizenReplied(at=at, text=text, answers=complaint.awaits).known_as(
        event_id(cause, CitizenReplied.type, 0)
    )
    return Decision(complaint.with_step(Step("replied", at, cause, text=text)), [replied])
