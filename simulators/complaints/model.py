"""What a synthetic complaint is: a report with all that LAPOR shows of it, or a submission to the hub."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

Klasifikasi = Literal[
    "Pengaduan Berkadar Pengawasan",
    "Pengaduan Tidak Berkadar Pengawasan",
    "Permintaan Informasi",
    "Aspirasi",
]
JAKARTA = ZoneInfo("Asia/Jakarta")
Closer = Literal["Sistem", "Admin", "Pelapor"]


@dataclass(frozen=True, slots=True)
class Institution:
    """An institution as LAPOR lists it; `code` is our OPD code, which LAPOR does not know."""

    id: str
    name: str
    code: str
    inside: bool


@dataclass(frozen=True, slots=True)
class Person:
    """A reporter who cannot exist: numbered name, phone 0800-000-xxxx, mail under .invalid."""

    name: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True)
class Followup:
    """One item under a report. `institution` None and `system` False: the reporter wrote it."""

    at: datetime
    text: str
    institution: Institution | None = None
    system: bool = False


@dataclass(frozen=True, slots=True)
class Truth:
    """What the text is really about, for measuring only. `owner` None: nobody can tell."""

    topic: str
    owner: str | None
    category_was: Literal["right", "missing", "vague", "near", "wrong"]


@dataclass(frozen=True, slots=True)
class Report:
    """A report in SP4N-LAPOR. Instants are UTC. `status` is written as in the exports (DOMAIN §2).

    `kelurahan_code` and `kecamatan_code` say where it happened even when `kecamatan` and `kelurahan`, the
    fields that LAPOR shows, are empty.
    """

    tracking_id: str
    reported_at: datetime
    title: str | None
    text_before: str
    text_after: str
    klasifikasi: Klasifikasi | None
    category_id: str | None
    category: str | None
    anonymous: bool
    confidential: bool
    source: str | None
    parent: Institution
    disposed: Institution | None
    disposed_at: datetime | None
    status: str
    status_at: datetime
    closed_by: Closer | None
    reason: str | None
    province: str | None
    city: str | None
    kecamatan: str | None
    kelurahan: str | None
    kecamatan_code: str
    kelurahan_code: str
    reporter: Person
    rating: int | None
    followups: tuple[Followup, ...]
    repeats: str | None
    truth: Truth


@dataclass(frozen=True, slots=True)
class Submission:
    """A complaint as a channel system hands it to the hub, in the words of `submission.posted`."""

    source: str
    reference: str
    channel: str
    reported_at: datetime
    title: str | None
    text: str
    lat: float | None
    lon: float | None
    place_text: str | None
    kelurahan: str | None
    kecamatan: str | None
    category: str | None
    klasifikasi: str | None
    anonymous: bool
    confidential: bool
    reporter: Person | None
    nik: str | None
    conversation: str | None
    taken_by: str | None
    dated_on: date | None
    link: str | None
    repeats: str | None
    truth: Truth

    def as_json(self) -> dict[str, object]:
        """The body that `POST /v1/complaints` and `intake.submissions` read; empty fields left out."""
        place = {
            "text": self.place_text,
            "lat": self.lat,
            "lon": self.lon,
            "kelurahan": self.kelurahan,
            "kecamatan": self.kecamatan,
        }
        who = self.reporter
        body: dict[str, object] = {
            "source": self.source,
            "reference": self.reference,
            "channel": self.channel,
            "reported_at": self.reported_at.isoformat().replace("+00:00", "Z"),
            "title": self.title,
            "text": self.text,
            "place": _filled(place) or None,
            "category": self.category,
            "klasifikasi": self.klasifikasi,
            "anonymous": self.anonymous,
            "confidential": self.confidential,
            "reporter": who
            and _filled({"name": who.name, "phone": who.phone, "email": who.email, "nik": self.nik}),
            "conversation": self.conversation,
            "taken_by": self.taken_by,
            "letter": {"dated_on": self.dated_on.isoformat()} if self.dated_on else None,
            "publication": self.link and {"link": self.link, "published_on": _day(self.reported_at)},
        }
        return _filled(body)


def _day(at: datetime) -> str:
    return at.astimezone(JAKARTA).date().isoformat()


def _filled(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
