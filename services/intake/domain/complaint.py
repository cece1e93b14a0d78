"""A complaint as intake's rules see it: who it is, how it stands, what is to be written down."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.intake.domain.timeline import Status, Step, standing, status_after
from shared.events.fact import Event
from shared.events.intake import ComplaintReceived
from shared.events.parts import Attachment, ComplaintRef, Klasifikasi, Letter, Place, Publication, Reporter
from shared.events.words import Scope


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
    taken_by: str | None = None
    letter: Letter | None = None
    publication: Publication | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file to be written down: its clean bytes, or where the publisher keeps it, to be fetched later.

    `opd`: the agency whose evidence of work it is; None where it is part of the complaint.
    """

    id: str
    content: bytes | None
    url: str | None
    media_type: str | None = None
    opd: str | None = None


class Unfetched(BaseModel):
    """A file that was given by its address and is not here; `problem`: why it never will be."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    problem: str | None = None


class Content(BaseModel):
    """What the complaint says now, as the hub knows it: masked."""

    model_config = ConfigDict(frozen=True)

    title: str
    text: str
    place: Place | None
    category_hint: str | None
    klasifikasi: Klasifikasi | None
    anonymous: bool
    confidential: bool
    forward: bool


class Rating(BaseModel):
    """How content the reporter was last; `text` is masked."""

    model_config = ConfigDict(frozen=True)

    rating: int
    text: str | None


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What is written once, when a complaint comes in. Never loaded again by the rules."""

    received: ComplaintReceived
    fingerprint: bytes
    secret: str
    """The tracking secret: told to whoever handed it in, and kept as a hash."""
    identity: Identity


@dataclass(frozen=True, slots=True)
class Candidacy:
    """Of what was found in public: since when it waits for a verifier, and until when it did.

    `link` is a keyed hash of the link as `links.normalised` writes it. `same_as` is the ticket of whoever found
    the same link before. `received` is what the hub will hear if it is accepted; loaded only while it waits.
    """

    link: bytes
    since: datetime
    decided_at: datetime | None = None
    same_as: str | None = None
    received: ComplaintReceived | None = None


@dataclass(frozen=True, slots=True)
class Addressee:
    """Somebody to be told: of which complaint of theirs, where, and whether only its status may be told.

    `follows`: it was merged, and what is told befell the one that goes on for it.
    """

    complaint: UUID
    ticket: str
    channel: str
    conversation: str
    confidential: bool
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Complaint:
    """The state of one complaint.

    Blank (`submission` None) until it is received; the ticket is free for it already then. `early` are facts
    that came before it did. `newcomer`, `fresh`, `amended` and `fresh_files` are what the store has still to
    write: the first once, the second appended to the `steps` that it has, the third over what the identity
    says, the last beside the files that it has, or in place of one that was waited for.
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
    steps: int = 0
    content: Content | None = None
    rated: Rating | None = None
    merged_into: ComplaintRef | None = None
    """The complaint that goes on for this one."""
    absorbed: tuple[ComplaintRef, ...] = ()
    """Those that this one goes on for."""
    followers: tuple[Addressee, ...] = ()
    """Whose complaints those are, as far as they can be told; read with this one, never written."""
    attachments: tuple[Attachment, ...] = ()
    """What the citizen sent along, whose bytes are here."""
    evidence: tuple[Attachment, ...] = ()
    """What its OPDs sent to show their work."""
    unfetched: tuple[Unfetched, ...] = ()
    early: tuple[Event, ...] = ()
    newcomer: Newcomer | None = None
    fresh: tuple[Step, ...] = ()
    amended: Mapping[str, str | None] | None = None
    """Words that took the place of others, unmasked, by the fields of `Identity`."""
    pseudonym: str | None = None
    """One that takes the place of the reporter's, from now on."""
    fresh_files: tuple[File, ...] = ()
    files_listed: bool = True
    """Whether the store has the lists of its files as they are here."""
    candidacy: Candidacy | None = None
    """Where somebody else found it in public; None for all others."""
    erased: Scope | None = None
    """What of it was erased."""
    erasing: Scope | None = None
    """What the store has still to erase."""

    @property
    def is_known(self) -> bool:
        """Whether the submission is in, and not only facts about it."""
        return self.submission is not None

    @property
    def confidential(self) -> bool:
        return self.content is not None and self.content.confidential

    @property
    def stands(self) -> Status:
        """How it stands for its reporter; `status` goes on beneath while it is merged."""
        return standing(self.status, merged=self.merged_into is not None)

    @property
    def ref(self) -> ComplaintRef:
        return ComplaintRef(complaint_id=self.id, ticket=self.ticket)

    def with_step(self, step: Step) -> Self:
        """One step further on the timeline, standing as the step says."""
        status = status_after(self.status, step.code)
        opd = step.opd if step.code == "routed" else self.opd
        return replace(self, status=status, opd=opd, steps=self.steps + 1, fresh=(*self.fresh, step))


def never_later(at: datetime | None, now: datetime) -> datetime | None:
    """`at`, or `now` where another system's clock runs ahead: no fact is in the future."""
    return None if at is None else min(at, now)


Complaints = Mapping[UUID, Complaint]
