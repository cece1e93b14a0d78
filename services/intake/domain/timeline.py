"""The public timeline, as a table: what befell a complaint, in citizens' words."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID

from shared.events.fact import Event, Fact
from shared.events.routing import (
    ComplaintAccepted,
    ComplaintAnswered,
    ComplaintClosed,
    ComplaintHandedBack,
    ComplaintProgressed,
    ComplaintRejected,
    ComplaintReopened,
    ComplaintRouted,
    DeadlineExtended,
    InformationRequested,
    TriageRequested,
)
from shared.masking import masked

Status = Literal[
    "candidate",
    "dropped",
    "received",
    "verifying",
    "reexamined",
    "routed",
    "in_work",
    "waiting",
    "answered",
    "rejected",
    "closed",
    "archived",
    "withdrawn",
    "blocked",
    "merged",
]
StepCode = Literal[
    Status,
    "accepted",
    "progressed",
    "replied",
    "linked",
    "amended",
    "rated",
    "unmerged",
    "absorbed",
    "released",
    "reopened",
    "extended",
]

ENDED: frozenset[Status] = frozenset({"rejected", "closed", "archived", "withdrawn", "blocked"})
"""Nothing more is done then."""

NOBODYS: frozenset[Status] = frozenset(
    {"candidate", "dropped", "received", "verifying", "reexamined", "rejected"}
)
"""No OPD has it then, whichever had it before."""

STATUS_WORDS: Mapping[Status, str] = MappingProxyType(
    {
        "candidate": "Menunggu verifikasi",
        "dropped": "Tidak diproses",
        "received": "Diterima",
        "verifying": "Sedang diverifikasi",
        "reexamined": "Sedang diperiksa kembali",
        "routed": "Diteruskan ke {opd}",
        "in_work": "Sedang dikerjakan",
        "waiting": "Menunggu jawaban Anda",
        "answered": "Dijawab",
        "rejected": "Ditolak",
        "closed": "Ditutup",
        "archived": "Diarsipkan",
        "withdrawn": "Dicabut oleh pelapor",
        "blocked": "Ditutup karena isinya tidak dapat ditayangkan",
        "merged": "Digabungkan dengan pengaduan lain",
    }
)
"""How a complaint stands. `{opd}` is the agency's name."""


@dataclass(frozen=True, slots=True)
class StepRule:
    """How one step is told: `words` to everybody, `discreet` where only status and dates may be shown.

    `discreet` None: not shown then. `status` is how the complaint stands after it; None = as before.
    `citizens`: its text is the citizen's wording, hidden where the reporter is anonymous.
    """

    words: str
    discreet: str | None
    status: Status | None
    citizens: bool = False


STEPS: Mapping[StepCode, StepRule] = MappingProxyType(
    {
        "candidate": StepRule("Ditemukan, menunggu verifikasi", "Menunggu verifikasi", "candidate"),
        "dropped": StepRule("Tidak diproses", "Tidak diproses", "dropped"),
        "received": StepRule("Pengaduan diterima", "Pengaduan diterima", "received"),
        "verifying": StepRule("Sedang diverifikasi", "Sedang diverifikasi", "verifying"),
        "reexamined": StepRule("Sedang diperiksa kembali", "Sedang diperiksa kembali", "reexamined"),
        "routed": StepRule("Diteruskan ke {opd}", "Diteruskan ke instansi yang berwenang", "routed"),
        "accepted": StepRule("{opd} mulai menangani", "Sedang dikerjakan", "in_work"),
        "progressed": StepRule("Kabar dari {opd}", "Sedang dikerjakan", "in_work"),
        "waiting": StepRule("{opd} meminta keterangan dari Anda", "Menunggu jawaban Anda", "waiting"),
        "replied": StepRule("Pelapor menjawab", None, None, citizens=True),
        "answered": StepRule("Jawaban dari {opd}", "Dijawab", "answered"),
        "rejected": StepRule("Tidak dapat ditangani pemerintah kota", "Ditolak", "rejected"),
        "closed": StepRule("Pengaduan ditutup", "Ditutup", "closed"),
        "archived": StepRule("Pengaduan diarsipkan", "Diarsipkan", "archived"),
        "withdrawn": StepRule("Pengaduan dicabut oleh pelapor", "Dicabut oleh pelapor", "withdrawn"),
        "blocked": StepRule("Pengaduan ditutup karena isinya tidak dapat ditayangkan", "Ditutup", "blocked"),
        "reopened": StepRule("Dibuka kembali dan diperiksa lagi", "Dibuka kembali", "reexamined"),
        "extended": StepRule("Batas waktu diperpanjang {reference} hari kerja", None, None),
        "linked": StepRule("Tercatat di SP4N-LAPOR! dengan nomor {reference}", None, None),
        "amended": StepRule("Pengaduan diperbarui", None, None),
        "rated": StepRule("Pelapor memberi nilai {reference} dari 5", None, None, citizens=True),
        "merged": StepRule(
            "Digabungkan dengan pengaduan lain tentang hal yang sama",
            "Digabungkan dengan pengaduan lain",
            None,
        ),
        "unmerged": StepRule(
            "Dipisahkan kembali dari pengaduan lain", "Dipisahkan kembali dari pengaduan lain", None
        ),
        "absorbed": StepRule("Pengaduan lain tentang hal yang sama digabungkan ke sini", None, None),
        "released": StepRule("Pengaduan yang digabungkan ke sini dipisahkan kembali", None, None),
    }
)


_WORK: frozenset[StepCode] = frozenset(
    {"verifying", "routed", "accepted", "progressed", "waiting", "answered", "replied"}
)


def status_after(status: Status, code: StepCode) -> Status:
    """How a complaint stands after a step; a reply puts one that waited for it back to work.

    One that was withdrawn stays so, whatever was done before routing heard of it; only an end, or a new
    examination, moves it.
    """
    if status == "withdrawn" and code in _WORK:
        return status
    if code == "replied":
        return "in_work" if status in ("waiting", "answered") else status
    return STEPS[code].status or status


def standing(status: Status, *, merged: bool) -> Status:
    """How a complaint stands for its reporter: one that is merged waits for the other, unless it has ended."""
    return "merged" if merged and status not in ENDED else status


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a complaint's timeline; `at` None = the instant is unknown.

    `opd` is the agency it speaks of, as coded (or, for a rejection, whoever it names to turn to); `text` is
    masked; `reference` is a number given elsewhere, or how many days were given; `event_id` is the fact it came from.
    """

    code: StepCode
    at: datetime | None
    event_id: UUID
    opd: str | None = None
    text: str | None = None
    reference: str | None = None


def _plain(code: StepCode) -> Callable[[Any], Step]:
    return lambda event: Step(code, event.at, event.id)


def _opd_work(code: StepCode) -> Callable[[Any], Step]:
    return lambda event: Step(code, event.at, event.id, event.opd, event.text)


def _routed(event: ComplaintRouted) -> Step:
    return Step("routed", event.at, event.id, event.opd)


def _asked(event: InformationRequested) -> Step:
    return Step("waiting", event.at, event.id, event.opd, event.question)


def _rejected(event: ComplaintRejected) -> Step:
    return Step("rejected", event.at, event.id, event.refer_to, event.reason)


def _closed(event: ComplaintClosed) -> Step:
    return Step(event.kind, event.at, event.id)


def _reopened(event: ComplaintReopened) -> Step:
    return Step("reopened", event.at, event.id, text=event.reason)


def _extended(event: DeadlineExtended) -> Step:
    return Step("extended", event.at, event.id, text=event.reason, reference=str(event.days))


SHOWN: Mapping[type[Event], Callable[[Any], Step]] = MappingProxyType(
    {
        TriageRequested: _plain("verifying"),
        ComplaintRouted: _routed,
        ComplaintAccepted: _opd_work("accepted"),
        ComplaintProgressed: _opd_work("progressed"),
        InformationRequested: _asked,
        ComplaintAnswered: _opd_work("answered"),
        # not the reason: why one office hands it to another is between them
        ComplaintHandedBack: _plain("reexamined"),
        ComplaintRejected: _rejected,
        ComplaintClosed: _closed,
        ComplaintReopened: _reopened,
        DeadlineExtended: _extended,
    }
)
"""Which of routing's facts the public sees, and as what."""


def step_for(fact: Fact, published: Collection[str] = ()) -> Step:
    """The step that one of the SHOWN facts is.

    Officials quote citizens. Routing masks what they write; the public reads it masked whoever said it, also where
    an older routing did. `published`: the city's own numbers and addresses, which may stand.
    """
    step = next(tell for kind, tell in SHOWN.items() if isinstance(fact, kind))(fact)
    return replace(step, text=masked(step.text, 10_000, published) if step.text else None)
