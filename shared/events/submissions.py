"""`intake.submissions`: complaints that other systems hand in. The one topic that may carry identity."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from shared.events.fact import Event, Instant, Key, Part
from shared.events.parts import (
    Channel,
    Klasifikasi,
    LaporOrigin,
    Letter,
    Place,
    Publication,
    Reference,
    Reporter,
    SentAttachment,
    Source,
    Title,
)


class Told(Part):
    """A complaint as its publisher tells it, by whichever door.

    What a channel must say beyond that is intake's to know: `taken_by` is who took the call, stood at the
    counter or opened the letter (an office, or an official's name), `publication` where an article or post
    stands. Both stay with intake.
    """

    channel: Channel
    reported_at: Instant
    title: Title | None = None
    text: Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
    place: Place | None = None
    category: Annotated[str, StringConstraints(max_length=200)] | None = None
    klasifikasi: Klasifikasi | None = None
    anonymous: bool = False
    confidential: bool = False
    reporter: Reporter | None = None
    conversation: Annotated[str, StringConstraints(max_length=200)] | None = None
    attachments: Annotated[tuple[SentAttachment, ...], Field(max_length=10)] | None = None
    forward: bool | None = None
    lapor: LaporOrigin | None = None
    taken_by: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    letter: Letter | None = None
    publication: Publication | None = None


class SubmissionPosted(Event, Told):
    """A complaint as its publisher tells it; the same (source, reference) is the same complaint for ever."""

    topic: ClassVar[str] = "intake.submissions"
    type: ClassVar[str] = "simpul.submission.posted.v1"

    source: Source
    reference: Reference

    def record_key(self, subject: Key | None) -> str:  # noqa: ARG002
        return f"{self.source}:{self.reference}"
