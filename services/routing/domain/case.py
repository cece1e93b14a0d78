"""The case: what routing remembers of one complaint, and nothing that decides."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.events.fact import Event, Instant, Part
from shared.events.parts import (
    Attachment,
    By,
    Channel,
    ComplaintRef,
    Klasifikasi,
    LaporState,
    OpdCode,
    Place,
    Ticket,
)
from shared.events.routing import Candidate
from shared.events.sla import ClockName

CaseState = Literal["new", "triage", "routed", "in_work", "asked", "answered", "closed", "rejected"]
"""Where a case stands (CONTRACTS, case states). `new`: the complaint itself has not arrived yet."""

Urgency = Literal["normal", "urgent"]


class Complaint(Part):
    """The complaint as intake last told it: text masked, no identity."""

    ticket: Ticket
    channel: Channel
    reported_at: Instant
    received_at: Instant
    title: str
    text: str
    place: Place | None = None
    category_hint: str | None = None
    klasifikasi: Klasifikasi | None = None
    anonymous: bool
    confidential: bool
    merged_into: ComplaintRef | None = None
    """The complaint that goes on for this one; while there is one, nobody works on this case."""


class Found(Part):
    """What the rules made of the text on arrival: owner and category if they found one, and why.

    `registry` is the version of the city's registry that was asked. The trace is shown to officials.
    """

    opd: OpdCode | None = None
    rule: str | None = None
    category: str | None = None
    urgency: Urgency = "normal"
    confidence: float = 0.0
    registry: int
    reasons: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    trace: tuple[str, ...] = ()


class Classified(Part):
    """What was said in `complaint.classified`."""

    category: str | None
    klasifikasi: Klasifikasi | None
    urgency: Urgency


class Disposition(Part):
    """One handing to an OPD (disposisi), counted from 1; `at` None where nobody knows when.

    `why` is a person's trace, here or in LAPOR; that of a rule is the case's `found`.
    """

    number: int
    opd: OpdCode
    at: Instant | None
    by: By
    why: tuple[str, ...] = ()
    ended: Literal["handed_back", "rerouted", "closed"] | None = None
    ended_at: Instant | None = None


class Update(Part):
    """An update of an OPD's system, by its identity, and the fingerprint of what it said (SHA-256, hex)."""

    source: str
    reference: str
    fingerprint: str


class Moment(Part):
    """One thing that happened, because of the fact `cause`; `ref` is LAPOR's own item number.

    `event` is the id under which it was said, or heard. `note`: it was seen but could not apply, and changed
    nothing. `clock` and `days`: what was extended, and by how many working days. `update`: the update of an
    OPD's system by which it came. `masked`: the words that took the place of what named a person.
    """

    at: Instant | None
    act: str
    by: By
    event: UUID
    cause: UUID
    disposition: int | None = None
    opd: OpdCode | None = None
    text: str | None = None
    ref: str | None = None
    note: bool = False
    clock: str | None = None
    days: int | None = None
    update: Update | None = None
    attachments: tuple[Attachment, ...] = ()
    masked: tuple[str, ...] = ()


class Deadline(Part):
    """An open clock of the city or an OPD, as the monitor told it; `due_at` None while it is paused.

    `pressing`: it was warned of, or has passed.
    """

    clock: ClockName
    disposition: int | None = None
    due_at: Instant | None
    pressing: bool = False


class InLapor(Part):
    """How the report stands in SP4N-LAPOR, as far as we were told; the institution as it is written there."""

    lapor_id: str | None = None
    status: str | None = None
    state: LaporState | None = None
    institution_id: str | None = None
    institution: str | None = None


_NOT_SEEN_IN_LAPOR = InLapor()

REMARKS: frozenset[str] = frozenset({"complaint.classified", "deadline.extended"})
"""Acts that leave a case where it is: whoever is waited for is still waited for."""


@dataclass(frozen=True, slots=True)
class Case:
    """One complaint's case. `early` are facts that came before the complaint and wait for it.

    `pinned`: the last disposition was a person's choice, here or in LAPOR, which no rule may overturn.
    """

    state: CaseState = "new"
    complaint: Complaint | None = None
    found: Found | None = None
    classified: Classified | None = None
    dispositions: tuple[Disposition, ...] = ()
    pinned: bool = False
    in_lapor: InLapor = _NOT_SEEN_IN_LAPOR
    history: tuple[Moment, ...] = ()
    early: tuple[Event, ...] = ()
    clocks: tuple[Deadline, ...] = ()
    fresh: tuple[Update, ...] = field(default=(), compare=False)
    """Updates that the store has still to write down, so that none is taken twice by anybody."""

    @property
    def arrived(self) -> bool:
        """Whether the complaint itself is known."""
        return self.complaint is not None

    @property
    def merged_into(self) -> ComplaintRef | None:
        """The complaint whose case goes on for this one."""
        return self.complaint.merged_into if self.complaint else None

    @property
    def disposition(self) -> Disposition | None:
        """The disposition that is being worked on."""
        last = self.dispositions[-1] if self.dispositions else None
        return last if last is not None and last.ended is None else None

    @property
    def opd(self) -> str | None:
        """The OPD whose case it is, or was when it closed; None while, or if at last, it was nobody's."""
        if self.state in ("triage", "rejected"):
            return None
        last = self.dispositions[-1] if self.dispositions else None
        return last.opd if last is not None and last.ended != "handed_back" else None

    @property
    def handed_back(self) -> tuple[OpdCode, ...]:
        """The OPDs that gave it back, in order; one that did so twice stands twice."""
        return tuple(one.opd for one in self.dispositions if one.ended == "handed_back")

    @property
    def given_again(self) -> int:
        """How many dispositions went to an OPD that had given the case back before."""
        back: list[OpdCode] = []
        again = 0
        for one in self.dispositions:
            again += one.opd in back
            back += [one.opd] if one.ended == "handed_back" else []
        return again

    @property
    def due_at(self) -> datetime | None:
        """The earliest deadline of the city or an OPD; None where none is known to run."""
        return min((one.due_at for one in self.clocks if one.due_at is not None), default=None)

    @property
    def pressing(self) -> bool:
        """Whether one of its deadlines is soon, or over, as the monitor said."""
        return any(one.pressing for one in self.clocks)

    @property
    def kecamatan(self) -> str | None:
        """Where it is, by official code."""
        place = self.complaint.place if self.complaint else None
        if place is None:
            return None
        return place.kecamatan or (place.kelurahan[:8] if place.kelurahan else None)

    @property
    def last_act(self) -> Moment | None:
        """The last thing that counted; notes do not."""
        return next((moment for moment in reversed(self.history) if not moment.note), None)

    @property
    def waits_on(self) -> UUID | None:
        """The event that the case stands at: the last that counted and that was no mere remark on it."""
        moved = (m for m in reversed(self.history) if not m.note and m.act not in REMARKS)
        return next((moment.event for moment in moved), None)

    def did(self, acts: Collection[str], disposition: int | None = None) -> bool:
        """Whether one of these is in the history, under that disposition if one is named."""
        return any(
            not moment.note and moment.act in acts and disposition in (None, moment.disposition)
            for moment in self.history
        )

    def update(self, source: str, reference: str) -> Update | None:
        """What an OPD's system sent under that name, if it was taken."""
        return next(
            (
                moment.update
                for moment in self.history
                if moment.update is not None
                and (moment.update.source, moment.update.reference) == (source, reference)
            ),
            None,
        )

    def masked_in(self, update: Update) -> tuple[str, ...]:
        """What was masked in an update that was taken."""
        return next((moment.masked for moment in self.history if moment.update == update), ())

    def knows(self, fact_id: UUID) -> bool:
        """Whether that fact is in the history already, or waits."""
        return any(moment.cause == fact_id for moment in self.history) or any(
            fact.id == fact_id for fact in self.early
        )

    def kept_for_later(self, fact: Event) -> "Case":
        """With a fact that came before its complaint (DESIGN §4.9)."""
        return self if self.knows(fact.id) else replace(self, early=(*self.early, fact))

    def noting(self, moment: Moment) -> "Case":
        """With something that was seen and could not apply; once."""
        return self if self.knows(moment.cause) else replace(self, history=(*self.history, moment))

    def ending_disposition(
        self, how: Literal["handed_back", "rerouted", "closed"], at: datetime | None
    ) -> tuple[Disposition, ...]:
        """The dispositions with the open one, if any, ended."""
        if self.disposition is None:
            return self.dispositions
        ended = self.disposition.model_copy(update={"ended": how, "ended_at": at})
        return (*self.dispositions[:-1], ended)
