"""What the bridge's own loops and the import hand in: sightings in LAPOR, and how attempts to write there went."""

from services.lapor_bridge.domain.link import Standing
from shared.events.fact import Fact, Instant, Part
from shared.events.parts import By
from shared.events.submissions import SubmissionPosted


class Reply(Part):
    """A follow-up under a report that a person wrote; `marker` is ours, if the text carries one."""

    item: str
    by: By
    text: str
    at: Instant | None
    marker: str | None = None


class ReportSighted(Fact):
    """A report was read, through the API or in an export.

    `submission` is the report as a submission to intake, for when the hub does not have it. `replies` are its
    follow-ups, oldest first; None where they were not read, as from a listing or an export. `updated_at` is
    LAPOR's own mark of the last change.
    """

    tracking_id: str
    standing: Standing
    updated_at: Instant | None = None
    replies: tuple[Reply, ...] | None = None
    submission: SubmissionPosted | None = None


class ReportTouched(Fact):
    """The listing shows that something changed in a report since it was last read."""

    updated_at: Instant


class ReportUnreadable(Fact):
    """The report could not be read; look again when the time comes."""

    retry_after: float


class SubmissionSent(Fact):
    """The submission was handed to Kafka; the receipt is awaited."""


class AttemptBegun(Fact):
    """The next thing that happens is a write to LAPOR. For `lease` seconds nobody else touches it."""

    n: int
    lease: float


class _AttemptEnded(Fact):
    n: int
    attempt: int


class Delivered(Fact):
    """It is there: LAPOR said so, or it was found there. `lapor_id` for a report, `item` for a follow-up."""

    n: int
    lapor_id: str | None = None
    item: str | None = None


class Postponed(_AttemptEnded):
    """It is surely not there, and not for its own sake (no connection, too many requests, keys refused).

    `by_lapor`: LAPOR takes nothing now, whatever it is; else it is about this write alone.
    """

    by_lapor: bool = True
    reason: str
    retry_after: float | None = None


class Declined(_AttemptEnded):
    """LAPOR refused this very write."""

    reason: str


class LeftUnsettled(_AttemptEnded):
    """It may be there: no answer, or one that does not say."""

    reason: str
    retry_after: float | None = None


class NotFoundThere(_AttemptEnded):
    """The look-up after an unsettled attempt shows that it is not there: it may be written again."""


class CannotTell(_AttemptEnded):
    """The look-up does not show whether it is there: a person must look."""

    reason: str


class LookupFailed(_AttemptEnded):
    """The look-up itself could not be made; later."""

    reason: str
    retry_after: float | None = None
