"""The link between one complaint of the hub and one report in SP4N-LAPOR: what is known, told and still to be
written there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.events.fact import Instant
from shared.events.parts import By, Channel, FieldError, Klasifikasi, LaporState, OpdCode, Place
from shared.events.submissions import SubmissionPosted

Operation = Literal["create", "progress", "answer", "question", "rejection", "closing", "withdrawal"]
"""What we write there: the report itself, or an item under it."""

CREATE = 0
"""The number of the write that makes the report: always before every other of its complaint."""


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Content(_Kept):
    """What the complaint says, kept until it stands in LAPOR or it is decided that it will not. Masked.

    `merged`: another complaint goes on for it, and while that is so no report is made of it. `nameless`: who
    reported it is erased.
    """

    channel: Channel
    reported_at: Instant
    title: str
    text: str
    place: Place | None
    category_hint: str | None
    klasifikasi: Klasifikasi | None
    anonymous: bool
    confidential: bool
    merged: bool = False
    nameless: bool = False


class Standing(_Kept):
    """How a report stands in LAPOR: its status as written there, what that means, and who has it.

    `as_of` is when it stood so: the instant of the look, or the day of the export; None = unknown. What LAPOR
    does not tell of its kind and its flags is None, too.
    """

    status: str | None = None
    state: LaporState
    by: By | None = None
    at: Instant | None = None
    institution_id: str | None = None
    institution: str | None = None
    opd: OpdCode | None = None
    disposed_at: Instant | None = None
    as_of: Instant | None = None
    klasifikasi: Klasifikasi | None = None
    anonymous: bool | None = None
    confidential: bool | None = None


HereState = Literal["open", "closed", "rejected"]


class Here(_Kept):
    """How the complaint stands here, as far as LAPOR has a word for it; None = not heard yet.

    `merged`: another complaint goes on for it.
    """

    state: HereState | None = None
    klasifikasi: Klasifikasi | None = None
    anonymous: bool | None = None
    confidential: bool | None = None
    merged: bool = False


Field = Literal["institution", "state", "klasifikasi", "anonymous", "confidential"]
"""What of a complaint and of its report is compared."""


class Difference(_Kept):
    """What one side holds and the other does not, since it was first noticed.

    `said`: the hub was told of these very values. `open`: it was told of a difference in this field, and not yet
    that it is over.
    """

    field: Field
    ours: str
    theirs: str
    since: Instant
    said: bool = False
    open: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """One thing to be written in LAPOR, and how far that has come.

    waiting: nothing of it is there. attempted: it may or may not be there, until `next_at` nobody touches it,
    then it is looked up. held: the look-up could not tell, a person must. failed: LAPOR declined it.
    `cause` is the event that asked for it; `item` LAPOR's own id of what was written. `queued_at` is since when
    it is to be written, `begun_at` when it was last tried.
    """

    n: int
    operation: Operation
    cause: UUID
    text: str | None
    opd: str | None
    at: datetime | None
    kind: str | None = None
    refer_to: str | None = None
    state: Literal["waiting", "attempted", "done", "held", "failed"] = "waiting"
    attempts: int = 0
    declined: int = 0
    lookups: int = 0
    begun_at: datetime | None = None
    next_at: datetime | None = None
    item: str | None = None
    reason: str | None = None
    queued_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """The submission of a report that was born in LAPOR, on its way to intake.

    `body` is kept until the receipt comes and is the same at each posting; `refused` is its fingerprint after
    a refusal, so that only a changed report is offered again.
    """

    state: Literal["waiting", "accepted", "refused"]
    body: SubmissionPosted | None = None
    posts: int = 0
    next_at: datetime | None = None
    refused: bytes | None = None
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """Everything that the bridge knows about one complaint.

    `told` is what the hub has been told of the report, `seen` what was last seen there; they differ while the
    hub does not know the complaint yet. `items` are the follow-ups that need not be said: said already, or
    our own. `explained` are the states that our own writes bring about there. `look_at` is when the report is
    read again, None when only the listing brings us back. `here` is how the complaint stands in the hub,
    `agreed` what both sides last agreed on, by field, and `differences` what they do not agree on now.
    """

    complaint: UUID
    ticket: str | None = None
    lapor_id: str | None = None
    origin: Literal["hub", "lapor"] | None = None
    linked: bool = False
    forwarding: Literal["undecided", "wanted", "never"] = "undecided"
    why: str | None = None
    content: Content | None = None
    opd: str | None = None
    category: str | None = None
    told: Standing | None = None
    seen: Standing | None = None
    updated_at: datetime | None = None
    look_at: datetime | None = None
    explained: frozenset[LaporState] = frozenset()
    items: frozenset[str] = frozenset()
    posting: Posting | None = None
    writes: tuple[Write, ...] = ()
    here: Here = field(default_factory=Here)
    agreed: Mapping[str, str] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()

    @property
    def next_write(self) -> Write | None:
        """The write whose turn it is; writes of one complaint go in order, and nothing goes before the report.

        An item that LAPOR declined lets the next one pass; one of which nobody knows whether it is there,
        or a report that LAPOR declined, stops the line until a person has looked. A merged complaint's report
        is not begun.
        """
        held_back = self.content is not None and self.content.merged
        for write in self.writes:
            if write.state == "done" or (write.state == "failed" and write.n != CREATE):
                continue
            if write.state in ("held", "failed") or (write.n != CREATE and self.lapor_id is None):
                return None
            if write.n == CREATE and write.state == "waiting" and held_back:
                return None
            return write
        return None

    @property
    def work_at(self) -> datetime | None:
        """When the line of writes is to be looked at next."""
        write = self.next_write
        return write.next_at if write else None

    def write(self, n: int) -> Write | None:
        """The write of that number."""
        return next((write for write in self.writes if write.n == n), None)

    def with_write(self, write: Write) -> "Link":
        """This link with `write` in place of the one of the same number, or added in order."""
        others = [kept for kept in self.writes if kept.n != write.n]
        return replace(self, writes=tuple(sorted((*others, write), key=lambda kept: kept.n)))


OWN_EFFECTS: Mapping[Operation, frozenset[LaporState]] = {
    "create": frozenset({"open"}),
    "progress": frozenset({"open"}),
    "answer": frozenset({"open", "answered"}),
    "question": frozenset({"open", "waiting"}),
    "rejection": frozenset({"open"}),
    "closing": frozenset({"open", "closed"}),
    "withdrawal": frozenset({"open", "closed"}),
}
"""The states that a report may take because of our own write: the next change, if it is one of them, is not said."""


def backoff(tries: int) -> timedelta:
    """How long to leave LAPOR alone after that many tries in vain: 5 s, doubled each time, 15 minutes at most."""
    return min(timedelta(seconds=5 * 2 ** min(tries - 1, 10)), timedelta(minutes=15))


LONGEST_WAIT = timedelta(hours=2)
"""Longer is nothing put off that is to be written or handed in, whatever LAPOR asks for."""


def is_due(at: datetime | None, now: datetime) -> bool:
    """Whether its time has come. One that lies too far ahead was set by a clock that was wrong, and counts as come."""
    return at is not None and not now < at <= now + LONGEST_WAIT
