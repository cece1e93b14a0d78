"""`intake.receipts`: what became of a submission, told to whoever sent it."""

from typing import ClassVar
from uuid import UUID

from shared.events.fact import Event, Key
from shared.events.parts import FieldError, Ticket


class _SubmissionReceipt(Event):
    topic: ClassVar[str] = "intake.receipts"

    source: str
    reference: str

    def record_key(self, subject: Key | None) -> str:  # noqa: ARG002
        return f"{self.source}:{self.reference}"


class SubmissionAccepted(_SubmissionReceipt):
    """It is safe here, under this ticket. `repeated`: we had it already, nothing changed."""

    type: ClassVar[str] = "simpul.submission.accepted.v1"

    ticket: Ticket
    complaint_id: UUID
    repeated: bool


class SubmissionRefused(_SubmissionReceipt):
    """It was not taken; each error names a field and the reason. Nothing was kept."""

    type: ClassVar[str] = "simpul.submission.refused.v1"

    errors: tuple[FieldError, ...]
