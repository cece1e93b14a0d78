"""`intake.events`: what the citizen said, as intake tells it to the hub. Text is masked here."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.events.fact import Event, Instant
from shared.events.parts import (
    Attachment,
    By,
    Channel,
    ComplaintRef,
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


class ComplaintAmended(_IntakeFact):
    """The complaint says something else now. `changed` names the fields; each of them has its new value here.

    A field that is not named in `changed` is as it was, and null here. `attachments` are all there are now. `reporter`:
    the pseudonym that takes the place of the one before, where somebody asked to stay anonymous; null: it is as it was.
    """

    type: ClassVar[str] = "simpul.complaint.amended.v1"

    by: By
    changed: Annotated[
        tuple[
            Literal[
                "title",
                "text",
                "place",
                "category_hint",
                "klasifikasi",
                "anonymous",
                "confidential",
                "forward",
                "attachments",
            ],
            ...,
        ],
        Field(min_length=1),
    ]
    title: Title | None = None
    text: Text | None = None
    place: Place | None = None
    category_hint: str | None = None
    klasifikasi: Klasifikasi | None = None
    anonymous: bool | None = None
    confidential: bool | None = None
    forward: bool | None = None
    reporter: str | None = None
    attachments: tuple[Attachment, ...] | None = None


class _Merging(_IntakeFact):
    """`merged` tells of the same thing as `into`. Said once for each of the two; `role` is which one this is."""

    role: Literal["survivor", "merged"]
    into: ComplaintRef
    merged: ComplaintRef
    by: By


class ComplaintMerged(_Merging):
    """Two complaints are one matter: what is done is done on the survivor, and told to both reporters."""

    type: ClassVar[str] = "simpul.complaint.merged.v1"


class ComplaintUnmerged(_Merging):
    """They were two matters after all; each goes its own way again."""

    type: ClassVar[str] = "simpul.complaint.unmerged.v1"


class ComplaintErased(_IntakeFact):
    """Every holder forgets: with scope `complaint` all words of and about it, with `identity` who reported it.

    Ids, instants, states and numbers stay, so that counts stay true.
    """

    type: ClassVar[str] = "simpul.complaint.erased.v1"

    scope: Literal["identity", "complaint"]
    by: By


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


class CitizenRated(_IntakeFact):
    """How content the reporter is with what was done; 1 is not at all, 5 is very."""

    type: ClassVar[str] = "simpul.citizen.rated.v1"

    rating: Annotated[int, Field(ge=1, le=5)]
    text: Text | None = None
