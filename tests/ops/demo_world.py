"""Three complaints and all that is known of them, as a demo finds it: small, and it adds up."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ops.demo.doors import Answer
from ops.demo.evidence import Evidence, Heard, Item
from ops.demo.script import Delivery
from ops.demo.sums.hub import Answers

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
LAMP, CALL, OLD = "a" * 8, "b" * 8, "c" * 8
"""Complaints: a lamp by the app, sent to LAPOR, closed there; a call to 112, in triage; an old report of LAPOR's."""
QUESTION = "Mohon dilengkapi alamat."

_TICKETS = {LAMP: "AAAAAAAAAAA", CALL: "BBBBBBBBBBB", OLD: "CCCCCCCCCCC"}
_NAMES = {LAMP: ("sikesal", "1"), CALL: ("call-center-112", "2"), OLD: ("lapor", "8000001")}


def at(minute: int) -> str:
    """A moment of this morning."""
    return f"2026-11-24T01:{minute:02}:00Z"


class _Said:
    """Events in the order in which they are told, numbered per owner and complaint."""

    def __init__(self) -> None:
        self.heard: dict[str, list[Heard]] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._minute = 0

    def say(self, topic: str, key: str, type_: str, *, because_of: str | None = None, **data: Any) -> str:
        """The id of one more event."""
        self._minute += 1
        self._counts[topic, key] += 1
        numbered = topic.endswith(".events")
        one = Heard(
            topic=topic,
            key=key,
            type=type_,
            id=f"{self._minute:012x}-{topic}",
            time=at(self._minute),
            number=f"1.{self._counts[topic, key]}" if numbered else None,
            cause=because_of,
            data={"at": at(self._minute), **data},
        )
        self.heard.setdefault(topic, []).append(one)
        return one.id


def _received(said: _Said, key: str, channel: str) -> None:
    source, reference = _NAMES[key]
    said.say(
        "intake.events",
        key,
        "complaint.received",
        ticket=_TICKETS[key],
        source=source,
        reference=reference,
        channel=channel,
        klasifikasi=None,
        forward=True,
        anonymous=False,
        text="Lampu mati, hubungi [telepon].",
    )
    _receipt(said, key, repeated=False)


def _receipt(said: _Said, key: str, *, repeated: bool) -> None:
    source, reference = _NAMES[key]
    said.say(
        "intake.receipts",
        f"{source}:{reference}",
        "submission.accepted",
        source=source,
        reference=reference,
        ticket=_TICKETS[key],
        complaint_id=key,
        repeated=repeated,
    )


def _clock(name: str, status: str, **more: Any) -> dict[str, Any]:
    blank = {
        "disposition": None,
        "opd": None,
        "started_at": at(0),
        "due_at": "2026-11-27T16:59:59Z",
        "warned_at": None,
        "breached_at": None,
        "met_at": None,
    }
    return {"clock": name, "status": status, **blank, **more}


def _clock_event(said: _Said, key: str, kind: str, clock: str, disposition: int | None = None) -> str:
    return said.say(
        "sla.events",
        key,
        f"clock.{kind}",
        clock=clock,
        disposition=disposition,
        opd="PUPR",
        due_at="2026-11-20T16:59:59Z",
        late_working_minutes=None,
        reason="routed",
    )


def evidence() -> Evidence:
    """What is found when all is well."""
    said = _Said()
    _received(said, LAMP, "app")
    _received(said, CALL, "call_center_112")
    _received(said, OLD, "lapor")
    _receipt(said, LAMP, repeated=True)
    said.say(
        "intake.receipts",
        "sikesal:9",
        "submission.refused",
        source="sikesal",
        reference="9",
        errors=[{"field": "channel", "reason": "is not known"}],
    )
    rule, lapor, opd = {"kind": "rule"}, {"kind": "lapor"}, {"kind": "opd", "name": "PUPR"}
    routing, bridge = "routing.events", "lapor.events"
    said.say(routing, LAMP, "complaint.classified", category="Lampu", confidence=0.9)
    routed: dict[str, Any] = {"disposition": 1, "opd": "PUPR", "trace": ["Judul memuat “lampu”."]}
    said.say(routing, LAMP, "complaint.routed", **routed, by=rule)
    said.say(routing, CALL, "triage.requested", reasons=["no_evidence"], candidates=[], by=rule)
    said.say(routing, OLD, "complaint.routed", **routed, by=lapor)
    said.say(bridge, LAMP, "lapor.linked", lapor_id="9700001", origin="hub")
    said.say(bridge, OLD, "lapor.linked", lapor_id="8000001", origin="lapor")
    answer = said.say(routing, LAMP, "complaint.answered", disposition=1, opd="PUPR", by=opd, text="Sudah.")
    reply = said.say(
        bridge, LAMP, "lapor.replied", lapor_id="9700001", item="11", by={"kind": "citizen"}, text="Belum."
    )
    said.say("intake.events", LAMP, "citizen.replied", because_of=reply, text="Belum.")
    said.say(bridge, OLD, "lapor.replied", lapor_id="8000001", item="5", by={"kind": "opd"}, text="Dulu.")
    said.say(routing, OLD, "complaint.answered", disposition=1, opd="PUPR", by=lapor, text="Dulu.")
    _clock_event(said, LAMP, "started", "verify")
    _clock_event(said, LAMP, "met", "verify")
    _clock_event(said, CALL, "warned", "verify")
    _clock_event(said, OLD, "breached", "resolution")
    lapse = _clock_event(said, OLD, "lapsed", "silence", 1)
    said.say(
        routing, OLD, "complaint.closed", because_of=lapse, kind="closed", by={"kind": "system"}, reason="x"
    )
    said.say(bridge, LAMP, "lapor.status_changed", lapor_id="9700001", status="Ditutup oleh Pelapor")
    said.say(routing, LAMP, "complaint.closed", kind="closed", by=lapor, reason="Ditutup oleh Pelapor")
    clocks = {
        LAMP: [_clock("verify", "met", met_at=at(9))],
        CALL: [_clock("verify", "running", warned_at=at(8))],
        OLD: [
            _clock(
                "resolution", "breached", due_at="2026-11-20T16:59:59Z", breached_at="2026-11-20T16:59:59Z"
            ),
            _clock("silence", "lapsed", disposition=1, breached_at="2026-11-20T16:59:59Z"),
        ],
    }
    for key in clocks:  # an older statement, which the newest outdates
        said.say("sla.state", key, "clocks.stated", version=1, ticket=_TICKETS[key], clocks=[])
    for key, stated in clocks.items():
        said.say("sla.state", key, "clocks.stated", version=2, ticket=_TICKETS[key], clocks=stated)
    return Evidence(
        heard=said.heard,
        intake={
            key: {
                "complaint_id": key,
                "ticket": _TICKETS[key],
                "source": source,
                "reference": reference,
                "asked": key == LAMP,
            }
            for key, (source, reference) in _NAMES.items()
        },
        routing={
            LAMP: {"state": "closed", "opd": "PUPR", "history": []},
            CALL: {"state": "triage", "opd": None, "history": []},
            OLD: {"state": "closed", "opd": "PUPR", "history": [{"act": "complaint.answered", "ref": "5"}]},
        },
        monitor={key: {"stated": _newest(said, key)} for key in clocks},
        links=[
            _link(LAMP, "hub", "9700001", None),
            {**_link(CALL, None, None, None), "linked": False},
            _link(OLD, "lapor", "8000001", "accepted"),
        ],
        writes=[
            _write(LAMP, "create"),
            _write(LAMP, "answer"),
            _write(OLD, "closing"),
        ],
        residue={
            service: {"event is unpublished": 0, "dead letter is open": 0}
            for service in ("intake", "routing", "lapor_bridge", "sla_monitor")
        },
        reports={
            "9700001": {
                "created_by": "api:hub",
                "status": "Ditutup oleh Pelapor",
                "content": f"Lampu mati.\n\nTiket Simpul: {_TICKETS[LAMP]}",
            },
            "8000001": {
                "created_by": "control:filling",
                "status": "Ditutup oleh Admin",
                "content": "Jalan rusak.",
            },
        },
        items=[
            _item(
                "9700001", "10", "api:hub", "tindak_lanjut", f"Sudah.\n\n[Simpul {_mark(answer)}]", "31009"
            ),
            _item("9700001", "11", "control:reporter", None, "Belum.", None),
            _item("8000001", "4", "control:filling", None, QUESTION, "31009"),
            _item("8000001", "5", "control:filling", None, "Dulu.", "31009"),
        ],
        counters={
            "writes": {
                "api:hub": {"create": 1, "answer": 1, "close": 1},
                "control:reporter": {"reply": 1, "close": 1},
            },
            "same_report_created_twice": 0,
            "same_item_written_twice": 0,
        },
    )


def _newest(said: _Said, key: str) -> Mapping[str, Any]:
    newest = [one.data for one in said.heard["sla.state"] if one.key == key][-1]
    kept: Mapping[str, Any] = json.loads(json.dumps(newest))
    return kept


def _mark(event: str) -> str:
    return event.replace("-", "")[:12]


def _link(key: str, origin: str | None, number: str | None, posting: str | None) -> dict[str, Any]:
    return {
        "complaint_id": key,
        "ticket": _TICKETS[key],
        "lapor_id": number,
        "origin": origin,
        "linked": True,
        "posting_state": posting,
        "oddities": 0,
    }


def _write(key: str, operation: str) -> dict[str, Any]:
    return {"complaint_id": key, "operation": operation, "state": "done", "reason": None}


def _item(
    report: str, number: str, by: str, template: str | None, text: str, institution: str | None
) -> Item:
    moment = datetime(2026, 11, 24, 1, 12, tzinfo=UTC)
    return Item(report, number, moment, by, template, text, institution, said=True)


def forwards(channel: str, _klasifikasi: str | None) -> bool:
    """The policy of this world: calls stay here."""
    return channel != "call_center_112"


def answers() -> Answers:
    """What was handed in, and how it was answered."""
    lamp = {"source": "sikesal", "reference": "1"}
    taken = {"ticket": _TICKETS[LAMP], "complaint_id": LAMP}
    wrong = {"source": "sikesal", "reference": "9"}
    problem = {"errors": [{"field": "channel", "reason": "is not known"}]}
    return [
        (Delivery("http", lamp, "new"), Answer(201, {**taken, "repeated": False})),
        (Delivery("http", lamp, "repeat"), Answer(200, {**taken, "repeated": True})),
        (Delivery("kafka", lamp, "repeat"), None),
        (Delivery("kafka", {"source": "call-center-112", "reference": "2"}, "new"), None),
        (Delivery("http", wrong, "refused", "channel", "an unknown channel"), Answer(422, problem)),
        (Delivery("kafka", wrong, "refused", "channel", "an unknown channel"), None),
    ]
