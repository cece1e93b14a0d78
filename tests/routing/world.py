"""A small city and the facts of one complaint, for routing's tests: everything made up."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from services.routing.domain.acts import (
    Accept,
    Act,
    Answer,
    Ask,
    Classify,
    Close,
    Extend,
    HandBack,
    Progress,
    Reject,
    Reopen,
    Route,
)
from services.routing.domain.case import Case, CaseState
from services.routing.domain.city import City, parse_city
from services.routing.handlers import hears
from shared.decision import Decision
from shared.events.fact import Event, Fact
from shared.events.intake import (
    CitizenReplied,
    ComplaintAmended,
    ComplaintMerged,
    ComplaintReceived,
    ComplaintUnmerged,
    ComplaintWithdrawn,
)
from shared.events.lapor import LaporLinked, LaporReassigned, LaporReplied, LaporStatusChanged
from shared.events.parts import By, ComplaintRef, LaporOrigin
from shared.events.sla import ClockLapsed

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
"""A Tuesday morning in Jambi."""

HOUR = timedelta(hours=1)

VERIFIER = By(kind="person", name="verifikator-1")
AT_LAMPS = By(kind="opd", name="LAMPU")
AT_ROADS = By(kind="opd", name="JALAN")

_SOURCE = "made up"


def _opd(code: str, name: str, kind: str = "dinas", *, inside: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "name": name,
        "kind": kind,
        "inside": inside,
        "certainty": "C",
        "verified": False,
        "source": _SOURCE,
        **more,
    }


def _region(code: str, name: str, **more: Any) -> dict[str, Any]:
    return {"code": code, "name": name, "match": "word", "centre": [-1.6, 103.6], **more}


DOCUMENTS: dict[str, Any] = {
    "opds": {
        "opds": [
            _opd("PEMKOT", "Pemerintah Kota Contoh", "root"),
            _opd("LAMPU", "Dinas Lampu"),
            _opd("JALAN", "Dinas Jalan"),
            _opd("BERSIH", "Dinas Kebersihan"),
            _opd("LAMA", "Dinas Lama", valid_to="2025-12-31"),
            _opd("LISTRIK", "Perusahaan Listrik", "external", inside=False),
            _opd("KEC-SATU", "Kantor Kecamatan Satu", "kecamatan", region="15.99.01"),
        ]
    },
    "regions": {
        "city": {"code": "15.99", "name": "Kota Contoh"},
        "kecamatan": [_region("15.99.01", "Satu", kelurahan=[_region("15.99.01.1001", "Melati Wangi")])],
    },
    "categories": {
        "categories": [
            {
                "id": 1,
                "top": "INFRASTRUKTUR",
                "sub": "Lampu Jalan",
                "topic": "lamps",
                "strength": "high",
                "certainty": "C",
            },
            {
                "id": 2,
                "top": "INFRASTRUKTUR",
                "sub": "Jalan Rusak",
                "topic": "roads",
                "strength": "high",
                "certainty": "C",
            },
            {
                "id": 3,
                "top": "ENERGI",
                "sub": "Listrik Padam",
                "topic": "power",
                "strength": "high",
                "certainty": "C",
            },
        ]
    },
    "routing": {
        "extensions": {
            "verify": {"times": 1, "days": 3},
            "first_response": {"times": 1, "days": 5},
            "resolution": {"times": 2, "days": 14},
        },
        "deciding": {
            "title_factor": 2.0,
            "cue_weights": [1.0, 1.6, 2.2],
            "weak_weight": 0.4,
            "gap_words": 6,
            "doubt": 0.6,
            "category_confidence": {"high": 0.88, "medium": 0.66, "low": 0.14},
            "silent_below": 0.5,
            "agreed": 0.8,
            "cue_alone": 0.82,
            "category_alone": 0.85,
            "candidates": 6,
        },
        "topics": [
            {
                "topic": "lamps",
                "name": "Lampu jalan",
                "cues": ["lampu jalan mati", "lampu jalan"],
                "urgency": "urgent",
            },
            {"topic": "roads", "name": "Jalan rusak", "cues": ["jalan berlubang", "jalan rusak"]},
            {"topic": "power", "name": "Listrik padam", "cues": ["listrik padam", "listrik mati"]},
        ],
        "owners": [
            {"topic": "lamps", "opd": "LAMPU", "others": ["JALAN"], "certainty": "C"},
            {"topic": "roads", "opd": "JALAN", "certainty": "C"},
            {"topic": "power", "opd": "LISTRIK", "certainty": "C"},
        ],
    },
    "contacts": {
        "contacts": [
            {"value": "(0799) 600000", "of": "LAMPU", "what": "loket", "certainty": "C", "source": _SOURCE},
            {
                "value": "0799-611111",
                "what": "loket lama",
                "valid_to": "2025-12-31",
                "certainty": "C",
                "source": _SOURCE,
            },
        ]
    },
}


def a_city(version: int = 7) -> City:
    """The small city, as this version."""
    return parse_city(DOCUMENTS, version)


CITY = a_city()

CLEAR = ("Lampu jalan mati", "Lampu jalan mati sejak pekan lalu di depan sekolah, lampu jalan lain redup.")
VAGUE = ("Mohon perhatian", "Tolong ditindaklanjuti, terima kasih.")
ABROAD = ("Listrik padam", "Listrik padam sejak semalam, listrik mati terus.")


def fact_id(name: str) -> UUID:
    """A made-up id of a fact."""
    return uuid5(UUID(int=0), name)


def received(
    words: tuple[str, str] = CLEAR, *, lapor: LaporOrigin | None = None, **more: Any
) -> ComplaintReceived:
    """A complaint as intake tells it."""
    fields: dict[str, Any] = {
        "at": NOW - HOUR,
        "ticket": "0123456789A",
        "source": "lapor" if lapor else "sikesal",
        "reference": "1",
        "channel": "lapor" if lapor else "app",
        "reported_at": NOW - 2 * HOUR,
        "received_at": NOW - HOUR,
        "title": words[0],
        "text": words[1],
        "anonymous": False,
        "confidential": False,
        "forward": True,
        "reporter": "p-1",
        "lapor": lapor,
    }
    return ComplaintReceived(**{**fields, **more}).known_as(fact_id("received"))


def in_lapor(state: Any = "open", **more: Any) -> LaporOrigin:
    """How a report stood in LAPOR when it came."""
    fields: dict[str, Any] = {"tracking_id": "7000001", "status": "Proses", "state": state}
    return LaporOrigin(**{**fields, **more})


def withdrawn(name: str = "withdrawn", **more: Any) -> ComplaintWithdrawn:
    return ComplaintWithdrawn(**{"at": NOW, **more}).known_as(fact_id(name))


def replied(name: str = "replied", text: str = "Masih gelap.", **more: Any) -> CitizenReplied:
    return CitizenReplied(**{"at": NOW, "text": text, **more}).known_as(fact_id(name))


def amended(name: str = "amended", **changes: Any) -> ComplaintAmended:
    """The reporter says something else."""
    said = ComplaintAmended(at=NOW, by=By(kind="citizen"), changed=tuple(changes), **changes)
    return said.known_as(fact_id(name))


THIS = ComplaintRef(complaint_id=fact_id("this"), ticket="0123456789A")
OTHER = ComplaintRef(complaint_id=fact_id("other"), ticket="2222222222B")


def merged(name: str = "merged", role: Any = "merged") -> ComplaintMerged:
    """It is merged into another one, or as the survivor told of another one."""
    into, gone = (OTHER, THIS) if role == "merged" else (THIS, OTHER)
    return ComplaintMerged(at=NOW, role=role, into=into, merged=gone, by=VERIFIER).known_as(fact_id(name))


def unmerged(name: str = "unmerged", role: Any = "merged") -> ComplaintUnmerged:
    into, gone = (OTHER, THIS) if role == "merged" else (THIS, OTHER)
    return ComplaintUnmerged(at=NOW, role=role, into=into, merged=gone, by=VERIFIER).known_as(fact_id(name))


def linked() -> LaporLinked:
    return LaporLinked(lapor_id="7000001", origin="hub").known_as(fact_id("linked"))


def status_changed(state: Any = "closed", name: str = "status", **more: Any) -> LaporStatusChanged:
    fields: dict[str, Any] = {"lapor_id": "7000001", "status": "Ditutup oleh Sistem", "state": state}
    return LaporStatusChanged(**{**fields, **more}).known_as(fact_id(name))


def reassigned(opd: str | None = "BERSIH", name: str = "reassigned", **more: Any) -> LaporReassigned:
    fields: dict[str, Any] = {"lapor_id": "7000001", "institution": "Dinas Entah", "opd": opd}
    return LaporReassigned(**{**fields, **more}).known_as(fact_id(name))


def replied_there(
    item: str = "1",
    name: str = "replied there",
    kind: Any = "opd",
    text: str = "Sudah diperbaiki.",
    **more: Any,
) -> LaporReplied:
    fields: dict[str, Any] = {
        "lapor_id": "7000001",
        "item": item,
        "by": By(kind=kind, name="Dinas Lampu"),
        "text": text,
    }
    return LaporReplied(**{**fields, **more}).known_as(fact_id(name))


def lapsed(clock: Any, since: UUID | None, name: str = "lapsed") -> ClockLapsed:
    return ClockLapsed(
        ticket="0123456789A",
        clock=clock,
        binds="reporter",
        channel="app",
        occurrence=1,
        level=0,
        started_at=NOW,
        due_at=NOW,
        at=NOW,
        since=since,
        policy="p1",
        calendar="c1",
    ).known_as(fact_id(name))


def told(kind: Any, clock: Any = "first_response", *, due_at: datetime | None = NOW, **more: Any) -> Event:
    """What the monitor says about a clock."""
    fields: dict[str, Any] = {
        "ticket": "0123456789A",
        "clock": clock,
        "binds": "opd" if clock == "first_response" else "city",
        "disposition": 1 if clock == "first_response" else None,
        "channel": "app",
        "occurrence": 1,
        "level": 0,
        "started_at": NOW - HOUR,
        "due_at": due_at,
        "at": NOW,
        "policy": "p1",
        "calendar": "c1",
    }
    event: Event = kind(**{**fields, **more})
    return event.known_as(fact_id(f"{kind.__name__} {clock} {due_at} {more}"))


def done(act: Act, by: By = VERIFIER, name: str | None = None) -> Act:
    """The act, done by somebody, under an id of its own."""
    return act.done_by(by).known_as(fact_id(name or repr(act)))


ACTS: dict[str, Act] = {
    "route": Route(opd="BERSIH"),
    "reject": Reject(kind="unclear", reason="Tidak jelas."),
    "accept": Accept(),
    "progress": Progress(text="Petugas berangkat."),
    "ask": Ask(question="Di mana tepatnya?"),
    "hand_back": HandBack(reason="Bukan wewenang kami."),
    "answer": Answer(text="Sudah menyala."),
    "close": Close(reason="Selesai."),
    "reopen": Reopen(reason="Masih rusak."),
    "classify": Classify(category="Jalan Rusak", urgency="urgent"),
    "extend_verify": Extend(clock="verify", days=2, reason="Menunggu keterangan."),
    "extend_first_response": Extend(clock="first_response", days=2, reason="Petugas cuti."),
    "extend_resolution": Extend(clock="resolution", days=7, reason="Suku cadang dipesan."),
}


def an_act(name: str, by: By = VERIFIER, as_: str | None = None) -> Act:
    """One of each act, with words that no other act in these tests has."""
    act = ACTS[name].model_copy()
    return act.done_by(by).known_as(fact_id(as_ or f"act {name}"))


def fold(case: Case, *facts: Fact, now: datetime = NOW, city: City = CITY) -> Decision[Case]:
    """What these facts make of the case, by the table that routing hears by; all that is said, in order."""
    says: list[Event] = []
    for fact in facts:
        decision = hears[type(fact)](case, fact, city, now)
        case = decision.state
        says += decision.says
    return Decision(case, tuple(says))


def a_case(state: CaseState) -> Case:
    """A case that came to this state by an ordinary path."""

    def way(name: str) -> Act:
        return an_act(name, as_=f"way {name}").model_copy().done_by(VERIFIER).known_as(fact_id(f"way {name}"))

    ask = done(Ask(question="Lampu yang mana?"), name="way ask")
    answer = done(Answer(text="Akan diganti besok."), name="way answer")
    paths: dict[CaseState, tuple[Fact, ...]] = {
        "new": (),
        "triage": (received(VAGUE),),
        "routed": (received(CLEAR),),
        "in_work": (received(CLEAR), way("accept")),
        "asked": (received(CLEAR), ask),
        "answered": (received(CLEAR), answer),
        "closed": (received(CLEAR), answer, done(Close(reason="Tuntas."), name="way close")),
        "rejected": (
            received(VAGUE),
            done(Reject(kind="not_ours", reason="Bukan kota.", refer_to="PLN"), name="way reject"),
        ),
    }
    case = fold(Case(), *paths[state]).state
    assert case.state == state
    return case


def kinds(says: Iterable[Event]) -> list[str]:
    """What was said, by its short names."""
    return [event.type.removeprefix("simpul.").removesuffix(".v1") for event in says]
