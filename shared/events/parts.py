"""The pieces that several events share: place, attachment, author, and the field's own vocabularies."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from shared.events.fact import Instant, Part

Source = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$"),
    Field(
        description="Who publishes: a slug without a colon, so that `source:reference` reads back one way."
    ),
]

Reference = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"),
    Field(description="The publisher's own name for what it sends; printable, compared to the letter."),
]

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,63}$")]

Channel = Annotated[Slug, Field(description="How the citizen spoke. New channels may appear at any time.")]
"""A slug, not a closed list: a new channel is no new version of the event."""

OpdCode = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{1,39}$"),
    Field(description="A city agency as the registry codes it, for instance `PUPR` or `KEC-JELUTUNG`."),
]

Ticket = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-HJKMNP-TV-Z]{11}$"),
    Field(description="Ten characters of Crockford's base32 and one check character."),
]

Title = Annotated[str, StringConstraints(max_length=300)]
Text = Annotated[str, StringConstraints(max_length=10_000)]

Klasifikasi = Literal["berkadar_pengawasan", "tidak_berkadar_pengawasan", "permintaan_informasi", "aspirasi"]
"""LAPOR's four kinds (DOMAIN §1). None where the sender gave none: deadlines as tidak berkadar."""

LaporState = Literal["open", "waiting", "answered", "closed", "archived", "blocked", "unknown"]
"""What a LAPOR status means to us; the status itself travels beside it as it is written there."""

ENDED_THERE: frozenset[LaporState] = frozenset({"closed", "archived", "blocked"})
"""The states of a report that LAPOR has done with."""


class Place(Part):
    """Where it is: free text, a point (WGS84 degrees), and official region codes where known."""

    text: Annotated[str, StringConstraints(max_length=500)] | None = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    kelurahan: (
        Annotated[str, StringConstraints(pattern=r"^[0-9]{2}\.[0-9]{2}\.[0-9]{2}\.[0-9]{4}$")] | None
    ) = None
    kecamatan: Annotated[str, StringConstraints(pattern=r"^[0-9]{2}\.[0-9]{2}\.[0-9]{2}$")] | None = None


class Attachment(Part):
    """A file as intake keeps it, not as it was sent: pictures lose their metadata. Size in bytes, sha256 in hex."""

    id: str
    name: Annotated[str, StringConstraints(max_length=255)]
    media_type: str
    size: int
    sha256: str


class By(Part):
    """Who did it. `name` is an office, a rule or a key's name, never a citizen's."""

    kind: Literal["rule", "model", "person", "system", "citizen", "lapor", "opd"]
    name: Annotated[str, StringConstraints(max_length=200)] | None = None


class ComplaintRef(Part):
    """Another complaint, by its id and by the number that people know it by."""

    complaint_id: UUID
    ticket: Ticket


class FieldError(Part):
    """Why something was refused: which field, and the reason in the sender's words."""

    field: str
    reason: str


class LaporOrigin(Part):
    """How a report stood in SP4N-LAPOR when we first saw it; instants are None where LAPOR does not tell them."""

    tracking_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
    institution_id: str | None = None
    institution: str | None = None
    opd: OpdCode | None = None
    status: str
    state: LaporState
    status_at: Instant | None = None
    disposed_at: Instant | None = None
    closed_by: str | None = None
    text_before_edit: Text | None = None


class Publication(Part):
    """Where somebody complained in public: an article, a broadcast, a post. Read by intake alone."""

    link: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#]+\S*$", max_length=2000)]
    published_on: date
    outlet: Annotated[str, StringConstraints(max_length=200)] | None = None


class Letter(Part):
    """A letter as it is registered: the date on it (or on which it came, if it has none), its number if any."""

    dated_on: date
    number: Annotated[str, StringConstraints(max_length=200)] | None = None


class Reporter(Part):
    """Who complains. Identity: on `intake.submissions` and in intake's sealed columns, nowhere else."""

    name: Annotated[str, StringConstraints(max_length=200)] | None = None
    phone: Annotated[str, StringConstraints(max_length=40)] | None = None
    email: Annotated[str, StringConstraints(max_length=254)] | None = None
    nik: Annotated[str, StringConstraints(pattern=r"^[0-9]{16}$")] | None = None
    address: Annotated[str, StringConstraints(max_length=500)] | None = None


class SentAttachment(Part):
    """A file as a publisher hands it in: where to fetch it, or the bytes in base64 (1 MiB at most).

    JPEG, PNG, WebP or PDF by its content, whatever `name` and `media_type` say.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"properties": {given: {"type": "string"}, other: {"type": "null"}}, "required": [given]}
                for given, other in (("url", "inline"), ("inline", "url"))
            ]
        }
    )

    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]+$")]
    url: Annotated[str, StringConstraints(pattern=r"^https?://", max_length=2000)] | None = None
    inline: Annotated[str, StringConstraints(max_length=1_398_104)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "SentAttachment":
        if (self.url is None) == (self.inline is None):
            raise ValueError("give exactly one of url and inline")
        return self
