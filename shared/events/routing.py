"""`routing.events`: what the city does with a complaint, as routing tells it to the hub."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.events.fact import Event, Instant, Part
from shared.events.parts import Attachment, By, Klasifikasi, OpdCode, Text

ExtendableClock = Literal["verify", "first_response", "resolution"]
"""The clocks that bind the city or its OPDs; the reporter's are not for an official to move."""


class _RoutingFact(Event):
    topic: ClassVar[str] = "routing.events"

    at: Instant | None
    by: By


class Candidate(Part):
    """An OPD that may be the one to answer; `score` 0–1, `why` in plain words."""

    opd: OpdCode
    score: float
    why: str


class ComplaintClassified(_RoutingFact):
    """What it is about. Always precedes the first `ComplaintRouted`. `confidence` 0–1, None from a person."""

    type: ClassVar[str] = "simpul.complaint.classified.v1"

    category: str | None = None
    klasifikasi: Klasifikasi | None = None
    urgency: Literal["normal", "urgent"]
    confidence: float | None = None


class ComplaintRouted(_RoutingFact):
    """Handed to an OPD (disposisi). `disposition` counts from 1 per complaint; `trace` says why, in lines."""

    type: ClassVar[str] = "simpul.complaint.routed.v1"

    disposition: int
    opd: OpdCode
    rule: str | None = None
    trace: tuple[str, ...]
    confidence: float | None = None
    note: Text | None = None


class TriageRequested(_RoutingFact):
    """A verifier has to decide. Best candidate first."""

    type: ClassVar[str] = "simpul.triage.requested.v1"

    reasons: tuple[str, ...]
    candidates: tuple[Candidate, ...]


class _OpdWork(_RoutingFact):
    disposition: int
    opd: OpdCode


class ComplaintAccepted(_OpdWork):
    """The OPD takes it on."""

    type: ClassVar[str] = "simpul.complaint.accepted.v1"

    text: Text | None = None
    attachments: tuple[Attachment, ...] = ()


class ComplaintProgressed(_OpdWork):
    """The OPD reports work under way (tindak lanjut)."""

    type: ClassVar[str] = "simpul.complaint.progressed.v1"

    text: Text | None = None
    attachments: tuple[Attachment, ...] = ()


class ComplaintAnswered(_OpdWork):
    """The OPD's answer to the citizen."""

    type: ClassVar[str] = "simpul.complaint.answered.v1"

    text: Text | None = None
    attachments: tuple[Attachment, ...] = ()


class ComplaintHandedBack(_OpdWork):
    """Bukan wewenang: the OPD says it is not theirs."""

    type: ClassVar[str] = "simpul.complaint.handed_back.v1"

    reason: Text
    suggested_opd: OpdCode | None = None


class InformationRequested(_OpdWork):
    """The OPD asks the reporter to complete the complaint."""

    type: ClassVar[str] = "simpul.information.requested.v1"

    question: Text


class ComplaintRejected(_RoutingFact):
    """The city will not handle it; `refer_to` is who would."""

    type: ClassVar[str] = "simpul.complaint.rejected.v1"

    kind: Literal["not_ours", "unclear", "no_evidence", "abusive", "duplicate"]
    reason: Text
    refer_to: str | None = None


class ComplaintClosed(_RoutingFact):
    """Done with, and by whom."""

    type: ClassVar[str] = "simpul.complaint.closed.v1"

    kind: Literal["closed", "archived", "withdrawn", "blocked"]
    reason: Text


class ComplaintReopened(_RoutingFact):
    """It was closed or rejected, and is before a verifier again."""

    type: ClassVar[str] = "simpul.complaint.reopened.v1"

    reason: Text


class DeadlineExtended(_RoutingFact):
    """A verifier gives more time: `days` are working days, on the clock named, of that disposition if it has one."""

    type: ClassVar[str] = "simpul.deadline.extended.v1"

    clock: ExtendableClock
    disposition: int | None = None
    days: Annotated[int, Field(ge=1, le=90)]
    reason: Text
