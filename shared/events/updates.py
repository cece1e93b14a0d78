"""`opd.updates` and `routing.receipts`: what OPD systems hand in, and what became of each."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.events.fact import Event, Instant, Key
from shared.events.parts import Attachment, FieldError, OpdCode, Reference, Source, Text, Ticket


class OpdUpdatePosted(Event):
    """What an OPD did on a case, as its own system tells it; the same (source, reference) is the same update.

    `at` is when it happened: not in the future, and not before the case was given to that OPD. `attachments`
    are files that intake keeps already.
    """

    topic: ClassVar[str] = "opd.updates"
    type: ClassVar[str] = "simpul.opd.update.posted.v1"

    source: Source
    reference: Reference
    opd: OpdCode
    ticket: Ticket
    act: Literal["accept", "hand_back", "progress", "ask", "answer", "close"]
    at: Instant
    text: Text | None = None
    suggested_opd: OpdCode | None = None
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=10)] | None = None

    def record_key(self, subject: Key | None) -> str:  # noqa: ARG002
        return self.ticket


class _UpdateReceipt(Event):
    topic: ClassVar[str] = "routing.receipts"

    source: str
    reference: str

    def record_key(self, subject: Key | None) -> str:  # noqa: ARG002
        return f"{self.source}:{self.reference}"


class UpdateAccepted(_UpdateReceipt):
    """It is done, or had been done before (`repeated`), in which case nothing changed.

    `masked`: the words that took the place of what named a person in its text, for instance `NIK` and `telepon`.
    """

    type: ClassVar[str] = "simpul.update.accepted.v1"

    ticket: Ticket
    repeated: bool
    masked: tuple[str, ...] = ()


class UpdateRefused(_UpdateReceipt):
    """It was not done; each error names a field and the reason. Nothing was kept."""

    type: ClassVar[str] = "simpul.update.refused.v1"

    errors: tuple[FieldError, ...]
