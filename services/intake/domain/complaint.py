"""A complaint as intake's rules see it: who it is, how it stands, what is to be written down."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.intake.domain.timeline import Status, Step, status_after
from shared.events.fact import Event
from shared.events.intake import ComplaintReceived
from shared.events.parts import Reporter


class Identity(BaseModel):
    """What a submission said that only intake may keep, and only sealed: who, and the text unmasked."""

    model_config = ConfigDict(frozen=True)

    reporter: Reporter | None
    conversation: str | None
    title: str | None
    text: str
    place: str | None
    category: str | None
    text_before_edit: str | None
    file_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class File:
    """An attachment as it came: its bytes, or where the publisher keeps it (fetched by a later version)."""

    id: str
    content: bytes | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What is written once, when a complaint comes in. Never loaded again by the rules."""

    received: ComplaintReceived
    fingerprint: bytes
    identity: Identity
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Complaint:
    """The state of one complaint.

    Blank (`submission` None) until it is received; the ticket is free for it already then. `early` are facts
    that came before it did. `newcomer` and `fresh` are what the store has still to write: the first once,
    the second appended to the `steps` that it has.
    """

    id: UUID
    ticket: str
    submission: UUID | None = None
    fingerprint: bytes = b""
    status: Status = "received"
    opd: str | None = None
    awaits: UUID | None = None
    """The question or answer that the citizen was last given."""
    lapor_id: str | None = None
    lapor_items: frozenset[str] = frozenset()
    channel: str = ""
    conversation: str | None = None
    """The channel's own reference, under which the reporter is told; None where there is nobody to tell."""
    confidential: bool = False
    steps: int = 0
    early: tuple[Event, ...] = ()
    newcomer: Newcomer | None = None
    fresh: tuple[Step, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether the submission is in, and not only facts about it."""
        return self.submission is not None

    def with_step(self, step: Step) -> Self:
        """One step further on the timeline, standing as the step says."""
        status = status_after(self.status, step.code)
        opd = step.opd if step.code == "routed" else self.opd
        return replace(self, status=status, opd=opd, steps=self.steps + 1, fresh=(*self.fresh, step))


def never_later(at: datetime | None, now: datetime) -> datetime | None:
    """`at`, or `now` where another system's clock runs ahead: no fact is in the future."""
    return None if at is None else min(at, now)


Complaints = Mapping[UUID, Complaint]
