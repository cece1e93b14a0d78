"""`lapor.events`: what the bridge saw happen in SP4N-LAPOR, and what it could not do there."""

from typing import ClassVar, Literal

from shared.events.fact import Event, Instant
from shared.events.parts import By, LaporState, OpdCode, Text


class _LaporFact(Event):
    topic: ClassVar[str] = "lapor.events"


class LaporLinked(_LaporFact):
    """This complaint is that LAPOR report; `origin` says where it was born."""

    type: ClassVar[str] = "simpul.lapor.linked.v1"

    lapor_id: str
    origin: Literal["hub", "lapor"]


class LaporStatusChanged(_LaporFact):
    """The report's status there: as LAPOR writes it, and what it means to us. `at` None = unknown."""

    type: ClassVar[str] = "simpul.lapor.status_changed.v1"

    lapor_id: str
    status: str
    state: LaporState
    by: By | None = None
    at: Instant | None = None


class LaporReassigned(_LaporFact):
    """LAPOR handed the report to another institution; `opd` where our registry knows it."""

    type: ClassVar[str] = "simpul.lapor.reassigned.v1"

    lapor_id: str
    institution_id: str | None = None
    institution: str
    opd: OpdCode | None = None
    at: Instant | None = None


class LaporReplied(_LaporFact):
    """Somebody wrote in LAPOR: the reporter (`by.kind` citizen) or an OPD there (`opd`). Once per `item`."""

    type: ClassVar[str] = "simpul.lapor.replied.v1"

    lapor_id: str
    item: str
    by: By
    text: Text
    at: Instant | None = None


class LaporDeliveryFailed(_LaporFact):
    """A write to LAPOR failed after `attempts`; `settled` False: we do not know whether it arrived."""

    type: ClassVar[str] = "simpul.lapor.delivery_failed.v1"

    lapor_id: str | None = None
    operation: str
    reason: str
    attempts: int
    settled: bool


class _Comparison(_LaporFact):
    """`field` of the complaint, as it stands here, as it stands there, and as both last agreed.

    institution (as OPD code), state (open, closed, rejected here; LAPOR's state there), klasifikasi, anonymous,
    confidential (true or false). More may come.
    """

    lapor_id: str
    field: str
    ours: str | None
    theirs: str | None
    agreed: str | None


class LaporDiverged(_Comparison):
    """The two sides say different things, and no rule can settle it: still so a quarter of an hour later.

    Said once for each pair of values.
    """

    type: ClassVar[str] = "simpul.lapor.diverged.v1"


class LaporConverged(_Comparison):
    """The two sides agree again, on `agreed`; null: they need not any more, as both have ended."""

    type: ClassVar[str] = "simpul.lapor.converged.v1"
