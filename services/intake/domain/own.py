"""What a publisher may read of the complaints that it handed in: enough to find a lost receipt again."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.intake.domain.city import City
from services.intake.domain.public import worded
from services.intake.domain.timeline import Status, standing
from shared.events.fact import Instant
from shared.events.parts import Ticket


@dataclass(frozen=True, slots=True)
class Receipt:
    """A complaint as intake's tables hold it, without a word of it."""

    reference: str
    ticket: str
    complaint_id: UUID
    received_at: datetime
    confidential: bool
    status: Status
    opd: str | None
    merged: bool


class OwnComplaint(BaseModel):
    """The publisher's own reference, our ticket, and how it stands, as its flags allow."""

    model_config = ConfigDict(frozen=True)

    reference: str
    ticket: Ticket
    complaint_id: UUID
    received_at: Instant
    status: Status
    label: str


class OwnPage(BaseModel):
    """Some complaints of one publisher; `next` is the `after` of the following page, null on the last."""

    model_config = ConfigDict(frozen=True)

    complaints: tuple[OwnComplaint, ...]
    next: str | None


def own_view(receipt: Receipt, city: City) -> OwnComplaint:
    """The line of one complaint."""
    stands = standing(receipt.status, merged=receipt.merged)
    code, label = worded(stands, receipt.opd, city, confidential=receipt.confidential)
    return OwnComplaint(
        reference=receipt.reference,
        ticket=receipt.ticket,
        complaint_id=receipt.complaint_id,
        received_at=receipt.received_at,
        status=code,
        label=label,
    )
