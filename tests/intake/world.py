"""A small invented world for intake's tests: keys, submissions, and facts of other owners."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from services.intake.domain.city import City
from services.intake.domain.complaint import Complaint
from services.intake.domain.means import Means
from services.intake.domain.receiving import on_submission_posted, submission_key
from services.intake.domain.tickets import ticket_for
from shared.events.fact import Event
from shared.events.ids import SIMPUL
from shared.events.parts import By
from shared.events.routing import (
    ComplaintAnswered,
    ComplaintClosed,
    ComplaintRouted,
    InformationRequested,
)
from shared.events.submissions import SubmissionPosted

NOW = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
CITY = City({"PUPR": "Dinas Pekerjaan Umum dan Penataan Ruang Kota Contoh", "PLN": "PLN"})
KEYS = Means(
    tickets=b"t" * 32,
    fingerprints=b"f" * 32,
    pseudonyms=b"p" * 32,
    files=b"a" * 32,
    secrets=b"s" * 32,
    city=CITY,
    follow_at="https://pengaduan.contoh.invalid",
)
BY_OPD = By(kind="opd", name="PUPR")
NIK = "1571014599990001"
"""Sixteen digits that are nobody's: the 45th of a 99th month is no birthday."""


def fact_id(name: str) -> UUID:
    """An id for a fact, the same each time it is named."""
    return uuid5(SIMPUL, f"test:{name}")


def submission(name: str = "first", **changes: Any) -> SubmissionPosted:
    """A submission as the record called `name`; `changes` are its other fields."""
    said = {
        "source": "sikesal",
        "reference": "A-1",
        "channel": "app",
        "reported_at": NOW - timedelta(minutes=3),
        "text": "Lampu jalan mati sejak seminggu di depan pasar, warga takut lewat.",
    }
    return SubmissionPosted.model_validate(said | changes).known_as(fact_id(name))


def from_lapor(name: str = "lapor", **changes: Any) -> SubmissionPosted:
    """A submission of the bridge."""
    lapor = {"tracking_id": "7000001", "status": "Belum Terverifikasi", "state": "open"}
    said = {"source": "lapor", "reference": "7000001", "channel": "lapor", "lapor": lapor}
    return submission(name, **(said | changes))


def blank(posted: SubmissionPosted) -> Complaint:
    """The state before anything was heard, with the ticket that the store would find free."""
    key = submission_key(posted)
    return Complaint(key, ticket_for(key, 0, KEYS.tickets))


def received(**changes: Any) -> Complaint:
    """A complaint that is in."""
    posted = submission(**changes)
    return on_submission_posted(blank(posted), posted, KEYS, NOW).state


def kept(complaint: Complaint) -> Complaint:
    """The state as the next transaction finds it: what was to be written is written."""
    return replace(complaint, newcomer=None, fresh=(), fresh_files=(), files_listed=True)


def routed(opd: str = "PUPR", *, disposition: int = 1, at: datetime | None = NOW) -> Event:
    """Routing hands it to an OPD."""
    return ComplaintRouted(at=at, by=By(kind="rule"), disposition=disposition, opd=opd, trace=()).known_as(
        fact_id(f"routed {disposition} {opd}")
    )


def asked(question: str = "Di RT berapa?") -> Event:
    """The OPD asks the reporter."""
    return InformationRequested(at=NOW, by=BY_OPD, disposition=1, opd="PUPR", question=question).known_as(
        fact_id(f"asked {question}")
    )


def answered(text: str = "Sudah menyala.") -> Event:
    """The OPD answers."""
    return ComplaintAnswered(at=NOW, by=BY_OPD, disposition=1, opd="PUPR", text=text).known_as(
        fact_id(f"answered {text}")
    )


def closed(kind: Any = "closed") -> Event:
    """Routing is done with it."""
    return ComplaintClosed(at=NOW, by=By(kind="system"), kind=kind, reason="selesai").known_as(
        fact_id(f"closed {kind}")
    )
