"""A monitor without a process, and the facts of one made-up complaint, for the monitor's tests."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid5

from services.sla_monitor.domain.calendar import JAKARTA
from services.sla_monitor.domain.registry import Registry, read_edition
from services.sla_monitor.domain.rules import CalendarAdopted, Swept
from services.sla_monitor.domain.watched import Watched
from services.sla_monitor.handlers import hears
from shared.events.fact import Event, Fact
from shared.events.intake import (
    CitizenReplied,
    ComplaintAmended,
    ComplaintMerged,
    ComplaintReceived,
    ComplaintUnmerged,
    ComplaintWithdrawn,
)
from shared.events.parts import By, ComplaintRef, LaporOrigin, Place
from shared.events.routing import (
    ComplaintAccepted,
    ComplaintAnswered,
    ComplaintClassified,
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
from shared.events.sla import (
    ClockBreached,
    ClockBreachWithdrawn,
    ClockCancelled,
    ClockLapsed,
    ClockMet,
    ClockPaused,
    ClockRescheduled,
    ClockResumed,
    ClocksStated,
    ClockStarted,
    ClockState,
    ClockUnobserved,
    ClockWarned,
)
from tests.city import documents

KEY = UUID("11111111-2222-5333-8444-555555555555")
TICKET = "0123456789A"
SETTLE = timedelta(minutes=10)


def shipped() -> dict[str, Any]:
    """The documents of Kota Jambi as they are shipped."""
    return documents(("sla", "holidays"))


def a_registry(*documents: dict[str, Any], settle: timedelta = SETTLE) -> Registry:
    """A registry of these editions, numbered from 1; of the shipped one where none is given."""
    editions = documents or (shipped(),)
    return Registry({n: read_edition(one, n) for n, one in enumerate(editions, start=1)}, settle)


JAMBI = a_registry()


def wib(text: str) -> datetime:
    """A moment as clocks in Jambi show it, such as "2026-03-13 10:00", as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=JAKARTA).astimezone(UTC)


def end_of(day: str) -> datetime:
    """The end of that day in Jambi."""
    return wib(f"{day} 23:59:59.999999")


def at(day: str, hour: int = 10) -> datetime:
    """Ten o'clock in Jambi, or another hour of that day."""
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), JAKARTA).astimezone(
        UTC
    ) + timedelta(hours=hour)


def fact_id(name: str) -> UUID:
    return uuid5(KEY, name)


def received(reported: datetime, got: datetime | None = None, **more: Any) -> ComplaintReceived:
    """A complaint; unless told otherwise it came in when it was reported, and from the city's own app."""
    fields: dict[str, Any] = {
        "at": got or reported,
        "ticket": TICKET,
        "source": "sikesal",
        "reference": "1",
        "channel": "app",
        "reported_at": reported,
        "received_at": got or reported,
        "title": "Lampu jalan mati",
        "text": "Lampu jalan mati sejak pekan lalu.",
        "place": Place(kelurahan="15.71.01.1001"),
        "anonymous": False,
        "confidential": False,
        "forward": True,
        "reporter": "p-1",
    }
    return ComplaintReceived(**{**fields, **more}).known_as(fact_id("received"))


def in_lapor(state: Any = "open", **more: Any) -> LaporOrigin:
    fields: dict[str, Any] = {"tracking_id": "7000001", "status": "Proses", "state": state}
    return LaporOrigin(**{**fields, **more})


def amended(when: datetime, name: str = "amended", **changes: Any) -> ComplaintAmended:
    said = ComplaintAmended(at=when, by=By(kind="citizen"), changed=tuple(changes), **changes)
    return said.known_as(fact_id(name))


THIS = ComplaintRef(complaint_id=KEY, ticket=TICKET)
OTHER = ComplaintRef(complaint_id=UUID(int=7), ticket="2222222222B")


def merged(when: datetime, name: str = "merged", role: Any = "merged") -> ComplaintMerged:
    by = By(kind="person", name="verifier")
    said = ComplaintMerged(at=when, role=role, into=OTHER, merged=THIS, by=by)
    return said.known_as(fact_id(name))


def unmerged(when: datetime, name: str = "unmerged", role: Any = "merged") -> ComplaintUnmerged:
    by = By(kind="person", name="verifier")
    said = ComplaintUnmerged(at=when, role=role, into=OTHER, merged=THIS, by=by)
    return said.known_as(fact_id(name))


def replied(when: datetime | None, name: str = "replied", answers: str | None = None) -> CitizenReplied:
    return CitizenReplied(
        at=when, text="Di depan pasar.", answers=fact_id(answers) if answers else None
    ).known_as(fact_id(name))


def withdrawn(when: datetime | None, name: str = "withdrawn") -> ComplaintWithdrawn:
    return ComplaintWithdrawn(at=when).known_as(fact_id(name))


_RULE = By(kind="rule")
_PERSON = By(kind="person", name="verifikator-1")
LAPOR = By(kind="lapor")


def classified(
    when: datetime | None, klasifikasi: Any = None, name: str = "classified", category: str = "jalan"
) -> ComplaintClassified:
    return ComplaintClassified(
        at=when, by=_RULE, category=category, klasifikasi=klasifikasi, urgency="normal"
    ).known_as(fact_id(name))


def routed(when: datetime | None, number: int = 1, opd: str = "PUPR", by: By = _RULE) -> ComplaintRouted:
    return ComplaintRouted(at=when, by=by, disposition=number, opd=opd, trace=("karena",)).known_as(
        fact_id(f"routed {number}")
    )


def triage(when: datetime | None, name: str = "triage") -> TriageRequested:
    return TriageRequested(at=when, by=_RULE, reasons=("unsure",), candidates=()).known_as(fact_id(name))


def _work(number: int, opd: str) -> dict[str, Any]:
    return {"by": By(kind="opd", name=opd), "disposition": number, "opd": opd}


def accepted(when: datetime | None, number: int = 1, opd: str = "PUPR") -> ComplaintAccepted:
    return ComplaintAccepted(at=when, **_work(number, opd)).known_as(fact_id(f"accepted {number}"))


def progressed(
    when: datetime | None, number: int = 1, opd: str = "PUPR", name: str | None = None
) -> ComplaintProgressed:
    return ComplaintProgressed(at=when, text="Petugas berangkat.", **_work(number, opd)).known_as(
        fact_id(name or f"progressed {number}")
    )


def asked(
    when: datetime | None, number: int = 1, opd: str = "PUPR", name: str = "asked"
) -> InformationRequested:
    return InformationRequested(at=when, question="Di mana tepatnya?", **_work(number, opd)).known_as(
        fact_id(name)
    )


def answered(
    when: datetime | None, number: int = 1, opd: str = "PUPR", name: str = "answered"
) -> ComplaintAnswered:
    return ComplaintAnswered(at=when, text="Sudah menyala.", **_work(number, opd)).known_as(fact_id(name))


def handed_back(when: datetime | None, number: int = 1, opd: str = "PUPR") -> ComplaintHandedBack:
    return ComplaintHandedBack(at=when, reason="Bukan wewenang.", **_work(number, opd)).known_as(
        fact_id(f"handed back {number}")
    )


def rejected(when: datetime | None, name: str = "rejected") -> ComplaintRejected:
    return ComplaintRejected(at=when, by=_PERSON, kind="unclear", reason="Tidak jelas.").known_as(
        fact_id(name)
    )


def closed(
    when: datetime | None, kind: Any = "closed", by: By = _PERSON, name: str = "closed"
) -> ComplaintClosed:
    return ComplaintClosed(at=when, by=by, kind=kind, reason="Selesai.").known_as(fact_id(name))


def reopened(when: datetime | None, name: str = "reopened") -> ComplaintReopened:
    return ComplaintReopened(at=when, by=_PERSON, reason="Masih padam.").known_as(fact_id(name))


def extended(
    when: datetime | None, clock: Any, days: int, number: int | None = None, name: str = "extended"
) -> DeadlineExtended:
    return DeadlineExtended(
        at=when, by=_PERSON, clock=clock, disposition=number, days=days, reason="Suku cadang dipesan."
    ).known_as(fact_id(name))


CLOCK_EVENTS = (
    ClockStarted,
    ClockPaused,
    ClockResumed,
    ClockWarned,
    ClockBreached,
    ClockBreachWithdrawn,
    ClockLapsed,
    ClockMet,
    ClockUnobserved,
    ClockCancelled,
    ClockRescheduled,
)


class Monitor:
    """One complaint as the monitor watches it, with all that was said about it."""

    def __init__(self, city: Registry = JAMBI) -> None:
        self.city = city
        self.watched = Watched(KEY)
        self.said: list[Event] = []

    def hears(self, *facts: Fact, now: datetime | None = None) -> list[Event]:
        """Fold these facts, each at its own instant unless told otherwise; what was said because of them."""
        said: list[Event] = []
        for fact in facts:
            instant = now or getattr(fact, "received_at", None) or getattr(fact, "at", None)
            assert instant is not None, "say when a fact of unknown instant was heard"
            decision = hears[type(fact)](self.watched, fact, self.city, instant)
            self.watched = decision.state
            said += decision.says
        self.said += said
        return said

    def sweeps(self, watermark: datetime) -> list[Event]:
        """The sweep comes by if the key row says so."""
        if self.watched.look_at is None or self.watched.look_at > watermark:
            return []
        said = self.hears(Swept().known_as(fact_id(f"swept {watermark}")), now=watermark)
        assert self.watched.look_at is None or self.watched.look_at > watermark, "it would sweep for ever"
        return said

    def adopts(self, city: Registry, now: datetime) -> list[Event]:
        """A new edition was loaded, and its calendar is taken over."""
        self.city = city
        return self.hears(CalendarAdopted().known_as(fact_id(f"adopted {now}")), now=now)

    @property
    def stated(self) -> ClocksStated:
        assert self.watched.stated is not None
        return self.watched.stated

    def clock(self, name: str, disposition: int | None = None) -> ClockState:
        """The clock as it was last stated."""
        return next(c for c in self.stated.clocks if (c.clock, c.disposition) == (name, disposition))

    def has(self, name: str) -> bool:
        return any(clock.clock == name for clock in self.stated.clocks)


def told(says: Iterable[Event], clock: str | None = None) -> list[str]:
    """What was said about clocks, as `verify started`, in order; statements left out."""
    return [
        f"{event.clock} {event.type.split('.')[2]}"
        for event in says
        if isinstance(event, CLOCK_EVENTS) and (clock is None or event.clock == clock)
    ]


def only(says: Iterable[Event], what: str) -> Any:
    """The one event said so, as `verify breached`."""
    says = list(says)
    found = [event for event in says if told([event]) == [what]]
    assert len(found) == 1, f"{what}: said {len(found)} times in {told(says)}"
    return found[0]


Run: TypeAlias = tuple[str, int | None, datetime | None]
"""How a reader tells the runs of one clock apart: clock, disposition, since when. The order of the words does
not: what was said of an earlier run may change after a later one began."""


def standing(says: Iterable[Event]) -> dict[Run, tuple[str, ...]]:
    """What a reader of `sla.events` believes in the end about each run: its status, and whether it was late.

    Reads as a dashboard would: every claim once by its id, a withdrawn claim struck out, the last word on the
    ending counts, but a lapse is itself the end; paused and running on cancel out, and what ended does not pause.
    """
    events = [event for event in says if isinstance(event, CLOCK_EVENTS)]
    assert len({event.id for event in events}) == len(events), "an id was used twice"
    counts: dict[Run, Counter[str]] = {}
    ending: dict[Run, str] = {}
    for event in events:
        where, what = (event.clock, event.disposition, event.started_at), told([event])[0].split()[1]
        counted = counts.setdefault(where, Counter())
        if what == "breach_withdrawn":
            counted["lapsed" if event.binds == "reporter" else "breached"] -= 1
        elif what in ("met", "cancelled", "unobserved"):
            ending[where] = what
        elif what == "started":
            counted["started"] += event.reason != "runs_on"  # which is no new start
            ending.pop(where, None)
        elif what in ("breached", "lapsed"):
            counted[what] += 1
        elif what in ("paused", "resumed"):
            counted["paused"] += 1 if what == "paused" else -1
    return {
        where: (
            "lapsed" if counted["lapsed"] else ending.get(where, "-"),
            *(
                f"{what} {number}"
                for what, number in sorted(counted.items())
                if number and not (what == "paused" and where in ending)
            ),
        )
        for where, counted in counts.items()
    }
