"""`intake.events`: what the citizen said, as intake tells it to the hub. Text is masked here."""

from typing import ClassVar
from uuid import UUID

from shared.events.fact import Event, Instant
from shared.events.parts import (
    Attachment,
    Channel,
    Klasifikasi,
    LaporOrigin,
    Place,
    Reference,
    Source,
    Text,
    Ticket,
    Title,
)


class _IntakeFact(Event):
    topic: ClassVar[str] = "intake.events"

    at: Instant | None


class ComplaintReceived(_IntakeFact):
    """A complaint is in. `at` and `received_at` are the hub's instant, `reported_at` the citizen's.

    `reporter` is a pseudonym: a keyed hash of the contact, or of the complaint id where there is none or
    the reporter asked to stay anonymous.
    """

    type: ClassVar[str] = "simpul.complaint.received.v1"

    ticket: Ticket
    source: Source
    reference: Reference
    channel: Channel
    reported_at: Instant
    received_at: Instant
    title: Title
    text: Text
    place: Place | None = None
    category_hint: str | None = None
    klasifikasi: Klasifikasi | None = None
    anonymous: bool
    confidential: bool
    forward: bool
    reporter: str
    attachments: tuple[Attachment, ...] = ()
    lapor: LaporOrigin | None = None


class ComplaintWithdrawn(_IntakeFact):
    """The reporter takes the complaint back."""

    type: ClassVar[str] = "simpul.complaint.withdrawn.v1"

    reason: Text | None = None


class CitizenReplied(_IntakeFact):
    """The reporter spoke again; `answers` is the event (a question or an answer) it replies to, if known."""

    type: ClassVar[str] = "simpul.citizen.replied.v1"

    text: Text
    answers: UUID | None = None
    attachments: tuple[Attachment, ...] = ()
