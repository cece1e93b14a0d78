"""One complaint's whole way, told from the topics of the four services and from LAPOR's own page of it.

Pure. Plain English for a newcomer; official Indonesian words in brackets where they first come.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.demo.evidence import Evidence, Heard
from shared.clock import JAKARTA

Json = Mapping[str, Any]

WHO = {
    "intake.events": "intake",
    "intake.receipts": "intake",
    "routing.events": "routing",
    "lapor.events": "LAPOR bridge",
    "sla.events": "deadlines",
}
"""Which service speaks on which topic, in a newcomer's words."""

LAPOR = "SP4N-LAPOR"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the story: when the event was said (or written in LAPOR), by whom, what, in whose words."""

    at: datetime
    who: str
    event: str
    words: str
    quote: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """Plain values, the instant in UTC."""
        return {
            "at": self.at.isoformat(),
            "who": self.who,
            "event": self.event,
            "words": self.words,
            "quote": self.quote,
        }


@dataclass(frozen=True, slots=True)
class Story:
    """The complaint, and what befell it in order."""

    ticket: str
    complaint_id: str
    lapor_id: str | None
    trace: tuple[str, ...]
    lines: tuple[Line, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "ticket": self.ticket,
            "complaint_id": self.complaint_id,
            "lapor_id": self.lapor_id,
            "trace": list(self.trace),
            "lines": [line.as_json() for line in self.lines],
        }


def tell(evidence: Evidence, complaint_id: str) -> Story:
    """The story of one complaint that is in the evidence. Raises KeyError where it is not."""
    intake = evidence.intake[complaint_id]
    number = next(
        (
            str(one["lapor_id"])
            for one in evidence.links
            if one["complaint_id"] == complaint_id and one["linked"]
        ),
        None,
    )
    mine = [
        one
        for topic in WHO
        for one in evidence.heard.get(topic, ())
        if one.key in (complaint_id, f"{intake['source']}:{intake['reference']}")
    ]
    once = {one.id: one for one in mine}
    lines = [_line(one) for one in once.values() if one.type in _WORDS]
    lines += _inside_lapor(evidence, number)
    order = [*dict.fromkeys(WHO.values()), LAPOR]
    lines.sort(key=lambda line: (line.at, order.index(line.who)))
    routed = next((one for one in once.values() if one.type == "complaint.routed"), None)
    return Story(
        ticket=str(intake["ticket"]),
        complaint_id=complaint_id,
        lapor_id=number,
        trace=tuple(routed.data["trace"]) if routed else (),
        lines=tuple(lines),
    )


def _inside_lapor(evidence: Evidence, number: str | None) -> list[Line]:
    if number is None:
        return []
    return [
        Line(
            item.at,
            LAPOR,
            "follow-up",
            "the hub's words stand under the report" if item.by.startswith("api:") else "the reporter writes",
            (item.text or "").partition("\n")[0] or None,
        )
        for item in evidence.items
        if item.report == number and item.said
    ]


def _line(one: Heard) -> Line:
    words, quoted = _WORDS[one.type]
    quote = one.data.get(quoted) if quoted else None
    return Line(
        datetime.fromisoformat(one.time).astimezone(UTC),
        WHO[one.topic],
        one.type,
        words(one.data),
        str(quote) if quote else None,
    )


def _received(data: Json) -> str:
    return (
        f"a complaint is in, by channel “{data['channel']}”, in intake's safe keeping; whoever reads on sees the"
        " text masked and a pseudonym for the reporter"
    )


def _routed(data: Json) -> str:
    by = {"rule": "the rules hand it", "person": "a verifier hands it", "lapor": "LAPOR had handed it"}
    return f"{by[data['by']['kind']]} to {data['opd']} (disposition {data['disposition']}; “disposisi”)"


def _classified(data: Json) -> str:
    sure = f", {data['confidence']:.0%} sure" if data["confidence"] is not None else ""
    return f"it is about “{data['category'] or 'something else'}”{sure}"


def _clock(data: Json) -> str:
    whose = {
        "verify": "the city's clock “verify” (look at it and hand it on)",
        "first_response": f"{data['opd']}'s clock “first_response” (a first sign to the citizen)",
        "resolution": "the citizen's clock “resolution” (an answer, counted from the day of the report)",
        "silence": "the reporter's clock “silence” (say whether it is well, else it is closed)",
        "completion": "the reporter's clock “completion” (tell what is missing, else it is archived)",
    }
    return whose[data["clock"]]


def _starts(data: Json) -> str:
    return f"{_clock(data)} runs, until {_day(data['due_at'])}"


def _met(data: Json) -> str:
    late = data["late_working_minutes"]
    return f"{_clock(data)} stops: {data['reason']}, {f'{late} working minutes late' if late else 'in time'}"


def _day(instant: str | None) -> str:
    if instant is None:
        return "an unknown day"
    return f"{datetime.fromisoformat(instant).astimezone(JAKARTA):the end of %A, %d %B %Y}"


def _by(data: Json) -> str:
    by = data.get("by") or {}
    names = {"citizen": "the reporter", "lapor": "LAPOR", "system": "the hub, nobody having replied"}
    return names.get(str(by.get("kind"))) or str(by.get("name") or "the city")


def _ticket(data: Json, which: str) -> str:
    return str(data[which]["ticket"])


_WORDS: Mapping[str, tuple[Callable[[Json], str], str | None]] = {
    "submission.accepted": (
        lambda d: (
            f"a receipt for the sender: ticket {d['ticket']}"
            + (" (a repeat: nothing new)" if d["repeated"] else "")
        ),
        None,
    ),
    "complaint.received": (_received, "text"),
    "citizen.replied": (lambda _: "the reporter has spoken again: now a fact of the hub", "text"),
    "citizen.rated": (lambda d: f"the reporter rates what was done: {d['rating']} of 5", "text"),
    "complaint.amended": (
        lambda d: f"it says something else now: {', '.join(d['changed'])}, by {_by(d)}",
        None,
    ),
    "complaint.merged": (
        lambda d: f"{_ticket(d, 'merged')} is the same matter as {_ticket(d, 'into')}",
        None,
    ),
    "complaint.unmerged": (lambda d: f"{_ticket(d, 'merged')} is a matter of its own again", None),
    "complaint.withdrawn": (lambda _: "the reporter takes it back", "reason"),
    "complaint.erased": (lambda d: f"every holder forgets: {d['scope']}", None),
    "complaint.classified": (_classified, None),
    "complaint.routed": (_routed, "note"),
    "triage.requested": (lambda d: f"a verifier has to decide: {', '.join(d['reasons'])}", None),
    "complaint.accepted": (lambda d: f"{d['opd']} takes it on", "text"),
    "complaint.progressed": (lambda d: f"{d['opd']} reports progress (“tindak lanjut”)", "text"),
    "complaint.answered": (lambda d: f"{d['opd']} answers", "text"),
    "complaint.handed_back": (
        lambda d: f"{d['opd']} hands it back: not its business (“bukan wewenang”)",
        "reason",
    ),
    "information.requested": (lambda d: f"{d['opd']} asks the reporter for more", "question"),
    "complaint.rejected": (lambda d: f"rejected: {d['kind']}", "reason"),
    "complaint.closed": (lambda d: f"{d['kind']}, by {_by(d)}", "reason"),
    "complaint.reopened": (lambda d: f"opened again, by {_by(d)}", "reason"),
    "deadline.extended": (lambda d: f"{_by(d)} gives {d['days']} more working days ({d['clock']})", "reason"),
    "lapor.linked": (
        lambda d: (
            f"it is report {d['lapor_id']} in the national system SP4N-LAPOR, "
            + ("made by the hub" if d["origin"] == "hub" else "where it was born")
        ),
        None,
    ),
    "lapor.replied": (lambda d: f"in LAPOR, {_by(d)} wrote (item {d['item']})", "text"),
    "lapor.reassigned": (lambda d: f"LAPOR handed it to {d['institution']}", None),
    "lapor.status_changed": (lambda d: f"in LAPOR its status is now “{d['status']}”", None),
    "lapor.delivery_failed": (lambda d: f"LAPOR did not take it: {d['operation']}", "reason"),
    "lapor.diverged": (lambda d: f"LAPOR says otherwise: {d['field']} is {d['theirs']}", None),
    "lapor.converged": (lambda d: f"LAPOR says the same again: {d['field']} is {d['agreed']}", None),
    "clock.started": (_starts, None),
    "clock.met": (_met, None),
    "clock.paused": (lambda d: f"{_clock(d)} pauses: the reporter is asked", None),
    "clock.resumed": (lambda d: f"{_clock(d)} runs on, until {_day(d['due_at'])}", None),
    "clock.warned": (lambda d: f"{_clock(d)} is soon due: {_day(d['due_at'])}", None),
    "clock.breached": (lambda d: f"{_clock(d)} was missed on {_day(d['due_at'])}", None),
    "clock.breach_withdrawn": (lambda d: f"{_clock(d)} was not missed after all", None),
    "clock.lapsed": (lambda d: f"{_clock(d)} ran out on {_day(d['due_at'])}", None),
    "clock.cancelled": (lambda d: f"{_clock(d)} matters no longer: {d['reason']}", None),
    "clock.unobserved": (lambda d: f"{_clock(d)} was over before the hub could see it: no judgement", None),
    "clock.rescheduled": (lambda d: f"{_clock(d)} is now due on {_day(d['due_at'])}", None),
}
"""How each event is told, and which field of it is quoted."""
