"""A small city, a complaint of it and a report of LAPOR, for the bridge's tests: everything made up."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from services.lapor_bridge import handlers
from services.lapor_bridge.domain import acts
from services.lapor_bridge.domain.city import City, parse_city
from services.lapor_bridge.domain.link import Link, Standing
from services.lapor_bridge.lapor.translation import Tongue
from shared.decision import Decision
from shared.events.fact import Event, Fact
from shared.events.ids import SIMPUL, complaint_id
from shared.events.intake import ComplaintReceived
from shared.events.parts import By, LaporOrigin
from shared.events.receipts import SubmissionAccepted
from shared.events.routing import ComplaintAnswered, ComplaintRouted
from shared.events.submissions import SubmissionPosted

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
"""A Tuesday morning in Jambi."""

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
TICKET = "0123456789A"
REPORT = "9700001"
OURS = complaint_id("web", "1")
THEIRS = complaint_id("lapor", REPORT)
AT_LAMPS = By(kind="opd", name="LAMPU")
IN_LAPOR = By(kind="lapor", name="LAMPU")


def _numbered(number: int | None, name: str) -> dict[str, Any]:
    return {"id": number, "name": name, "certainty": "C"}


def _telling(text: str, template: str | None = None, **more: Any) -> dict[str, Any]:
    return {"template_code": template, "certainty": "C", "text": text, **more}


DOCUMENTS: dict[str, Any] = {
    "lapor": {
        "forward": [
            {"channels": ["112"], "forward": False, "why": "served at once"},
            {"klasifikasi": ["permintaan_informasi"], "forward": False, "why": "answered at the counter"},
            {"channels": ["web", "app"], "forward": True, "why": "citizens"},
        ],
        "otherwise": False,
        "channels": {
            "default": {"number": 1, "name": "Website", "certainty": "C"},
            "app": {"number": 3, "name": "Android", "certainty": "C"},
        },
        "klasifikasi": {
            "aspirasi": _numbered(4, "Aspirasi"),
            "tidak_berkadar_pengawasan": _numbered(2, "Pengaduan Tidak Berkadar Pengawasan"),
        },
        "unclassified_as": "tidak_berkadar_pengawasan",
        "categories": {
            "unknown": _numbered(110, "Topik Lainnya"),
            "instead": {"Lampu Taman": _numbered(1398, "Penerangan Jalan")},
        },
        "location": _numbered(None, "Kota Contoh"),
        "city": {"opd": "PEMKOT", "id": 31001, "name": "Pemerintah Kota Contoh", "certainty": "C"},
        "user": {"id": 7, "certainty": "C"},
        "templates": {
            "answer": _telling("{text}"),
            "question": _telling("{opd} bertanya: {text}", "permintaan_kelengkapan"),
            "not_ours": _telling("Bukan wewenang. {text} {refer_to}", way="reject"),
            "rejection": _telling("Ditolak. {text}"),
            "closing": _telling("Selesai. {text}", "selesai"),
            "withdrawal": _telling("Ditarik pelapor."),
        },
        "silent_templates": ["disposisi"],
        "institutions": [
            {"opd": "LAMPU", "id": "31010", "certainty": "C"},
            {"opd": "JALAN", "id": None, "certainty": "C"},
        ],
    },
    "opds": {
        "opds": [
            {"code": "PEMKOT", "name": "Pemerintah Kota Contoh", "kind": "root", "inside": True},
            {
                "code": "LAMPU",
                "name": "Dinas Lampu",
                "kind": "dinas",
                "inside": True,
                "aliases": ["Dislampu"],
            },
            {"code": "JALAN", "name": "Dinas Jalan", "kind": "dinas", "inside": True},
            {
                "code": "LAMA",
                "name": "Dinas Lama",
                "kind": "dinas",
                "inside": True,
                "valid_to": "2025-12-31",
            },
            {"code": "LISTRIK", "name": "Perusahaan Listrik", "kind": "external", "inside": False},
        ]
    },
    "categories": {
        "categories": [
            {"top": "PEKERJAAN UMUM", "sub": "PENERANGAN JALAN", "id": 1398},
            {"top": "PEKERJAAN UMUM", "sub": "LAINNYA", "id": 934},
            {"top": "SOSIAL", "sub": "LAINNYA", "id": 958},
            {"top": "TAMAN", "id": None},
        ]
    },
    "regions": {
        "city": {"code": "15.99", "name": "Kota Contoh"},
        "kecamatan": [
            {
                "code": "15.99.01",
                "name": "Satu",
                "kelurahan": [
                    {"code": "15.99.01.1001", "name": "Melati"},
                    {"code": "15.99.01.1002", "name": "Kembar"},
                ],
            },
            {
                "code": "15.99.02",
                "name": "Dua",
                "kelurahan": [{"code": "15.99.02.1001", "name": "Kembar"}],
            },
        ],
    },
}

CITY: City = parse_city(DOCUMENTS)
TONGUE = Tongue(CITY, UTC, date(2026, 11, 24))


def named(fact: Fact, name: str) -> Fact:
    """The fact, under an id made from a name."""
    return fact.known_as(uuid5(SIMPUL, f"test:{name}"))


def received(**changed: Any) -> ComplaintReceived:
    """A complaint that came by the web."""
    fields: dict[str, Any] = {
        "at": NOW,
        "ticket": TICKET,
        "source": "web",
        "reference": "1",
        "channel": "web",
        "reported_at": NOW - HOUR,
        "received_at": NOW,
        "title": "Lampu mati",
        "text": "Lampu jalan mati sejak seminggu.",
        "anonymous": False,
        "confidential": False,
        "forward": True,
        "reporter": "p-1",
        **changed,
    }
    event = ComplaintReceived(**fields)
    named(event, "received")
    return event


def routed(opd: str = "LAMPU", number: int = 1) -> ComplaintRouted:
    event = ComplaintRouted(at=NOW, by=By(kind="rule"), disposition=number, opd=opd, trace=("x",))
    named(event, f"routed {number}")
    return event


def answered(text: str = "Sudah diperbaiki.", name: str = "answered", by: By = AT_LAMPS) -> ComplaintAnswered:
    event = ComplaintAnswered(at=NOW, by=by, disposition=1, opd="LAMPU", text=text)
    named(event, name)
    return event


def standing(status: str = "Proses", **changed: Any) -> Standing:
    """How a report stands, seen now."""
    fields: dict[str, Any] = {"status": status, "state": "open", "as_of": NOW, **changed}
    return Standing(**fields)


def submission(**changed: Any) -> SubmissionPosted:
    """A report of LAPOR as a submission."""
    fields: dict[str, Any] = {
        "source": "lapor",
        "reference": REPORT,
        "channel": "lapor",
        "reported_at": NOW - HOUR,
        "text": "Jalan berlubang di depan pasar.",
        "lapor": LaporOrigin(tracking_id=REPORT, status="Proses", state="open"),
        **changed,
    }
    return SubmissionPosted(**fields)


def sighted(**changed: Any) -> acts.ReportSighted:
    """The report, read through the API."""
    fields: dict[str, Any] = {
        "tracking_id": REPORT,
        "standing": standing(),
        "submission": submission(),
        **changed,
    }
    return acts.ReportSighted(**fields)


def accepted() -> SubmissionAccepted:
    """Intake's receipt for the report."""
    return SubmissionAccepted(
        source="lapor", reference=REPORT, ticket=TICKET, complaint_id=THEIRS, repeated=False
    )


def fold(link: Link, *facts: Fact, now: datetime = NOW, city: City = CITY) -> Decision[Link]:
    """The link after these facts, and everything that is said on the way."""
    says: list[Event] = []
    for fact in facts:
        decision = handlers.fold.rules[type(fact)](link, fact, city, now)
        link = decision.state
        says += decision.says
    return Decision(link, says)


def ours(*facts: Fact, now: datetime = NOW) -> Decision[Link]:
    """A complaint of the hub after these facts."""
    return fold(Link(OURS), *facts, now=now)


def theirs(*facts: Fact, now: datetime = NOW) -> Decision[Link]:
    """A report of LAPOR after these facts."""
    return fold(Link(THEIRS), *facts, now=now)


def kinds(says: Iterable[Event]) -> list[str]:
    """What was said, by type."""
    return [event.type.removeprefix("simpul.").removesuffix(".v1") for event in says]


def a_complaint(number: int) -> UUID:
    """Some complaint's id."""
    return complaint_id("web", str(number))
