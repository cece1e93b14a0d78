"""What became of everything, counted: the tables that the demo shows and `--json` gives."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ops.demo.evidence import Evidence, Heard
from ops.demo.sums.clocks import last_stated, states
from ops.demo.sums.hub import Answers
from ops.demo.sums.mirror import ENDED, numbers

CLOCKS = ("verify", "first_response", "resolution", "silence", "completion")

OPEN = ("running", "paused", "breached")
"""How a clock stands that is not over; a breached one runs on, late."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts by name. `received` by channel; `refused` by reason; `opds` by code; `clocks` by name."""

    received: Mapping[str, int]
    repeats: int
    refused: Mapping[str, int]
    opds: Mapping[str, Mapping[str, int]]
    routed_by: Mapping[str, int]
    triage: Mapping[str, int]
    states: Mapping[str, int]
    to_the_hub: Mapping[str, int]
    to_lapor: Mapping[str, int]
    clocks: Mapping[str, Mapping[str, int]]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def summarise(evidence: Evidence, answers: Answers, by_export: int) -> Summary:
    """Count it. `by_export`: how many of LAPOR's reports were new when its exports were imported."""
    routed = [*evidence.of("routing.events", "complaint.routed")]
    return Summary(
        received=_counted(one.data["channel"] for one in evidence.of("intake.events", "complaint.received")),
        repeats=sum(one.data["repeated"] for one in evidence.of("intake.receipts", "submission.accepted")),
        refused=_counted(
            f"{one.why} ({'HTTP' if one.door == 'http' else 'Kafka'})"
            for one, _ in answers
            if one.fate == "refused"
        ),
        opds=_by_opd(evidence, routed),
        routed_by=_counted(_by_whom(one) for one in routed),
        triage=_triage(evidence, routed),
        states=_counted(case["state"] for case in evidence.routing.values()),
        to_the_hub=_to_the_hub(evidence, by_export),
        to_lapor=_to_lapor(evidence),
        clocks=_clocks(evidence),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _by_whom(routed: Heard) -> str:
    who = {"rule": "by the rules", "person": "by a verifier", "lapor": "in LAPOR"}
    return who.get(routed.data["by"]["kind"], str(routed.data["by"]["kind"]))


def _by_opd(evidence: Evidence, routed: Iterable[Heard]) -> dict[str, dict[str, int]]:
    handed = Counter(one.data["opd"] for one in routed)
    back = Counter(one.data["opd"] for one in evidence.of("routing.events", "complaint.handed_back"))
    answered = Counter(one.data["opd"] for one in evidence.of("routing.events", "complaint.answered"))
    late = Counter(
        clock["opd"]
        for key, clock in states(last_stated(evidence))
        if key[1] == "first_response" and clock["breached_at"]
    )
    return {
        opd: {
            "handed to it": count,
            "handed back": back[opd],
            "answers": answered[opd],
            "first answer late": late[opd],
        }
        for opd, count in handed.most_common()
    }


def _triage(evidence: Evidence, routed: Iterable[Heard]) -> dict[str, int]:
    asked = {one.key for one in evidence.of("routing.events", "triage.requested")}
    return {
        "came to a verifier": len(asked),
        "routed by the verifier": len({one.key for one in routed if one.data["by"]["kind"] == "person"}),
        "rejected": sum(1 for _ in evidence.of("routing.events", "complaint.rejected")),
        "still waiting": sum(case["state"] == "triage" for case in evidence.routing.values()),
    }


def _to_the_hub(evidence: Evidence, by_export: int) -> dict[str, int]:
    born_there = numbers(evidence, "control:")
    replied = Counter(one.data["by"]["kind"] for one in evidence.of("lapor.events", "lapor.replied"))
    reassigned = sum(1 for _ in evidence.of("lapor.events", "lapor.reassigned"))
    closed = evidence.of("routing.events", "complaint.closed")
    return {
        "reports by Excel export": by_export,
        "reports by API": len(born_there) - by_export,
        "answers of institutions": replied["opd"],
        "replies of reporters": replied["citizen"],
        "handed to another institution": reassigned,
        "closed, archived or blocked there": sum(
            one.data["by"]["kind"] in ("lapor", "citizen") for one in closed
        ),
    }


def _to_lapor(evidence: Evidence) -> dict[str, int]:
    done = Counter(write["operation"] for write in evidence.writes if write["state"] == "done")
    ours = numbers(evidence, "api:")
    return {
        "reports": done["create"],
        "answers": done["answer"],
        "questions to reporters": done["question"],
        "closings": done["closing"],
        "refusals (bukan wewenang)": done["rejection"],
        "of these reports, ended by now": sum(
            str(evidence.reports[number]["status"]).startswith(ENDED) for number in ours
        ),
    }


def _clocks(evidence: Evidence) -> dict[str, dict[str, int]]:
    said = {
        kind: Counter(one.data["clock"] for one in evidence.of("sla.events", f"clock.{kind}"))
        for kind in ("started", "warned", "breached", "lapsed", "met", "unobserved")
    }
    late = Counter(
        one.data["clock"]
        for one in evidence.of("sla.events", "clock.met")
        if one.data["late_working_minutes"] is not None
    )
    open_now = Counter(key[1] for key, clock in states(last_stated(evidence)) if clock["status"] in OPEN)
    return {
        clock: {
            "started": said["started"][clock],
            "in time": said["met"][clock] - late[clock],
            "late": late[clock],
            "warned": said["warned"][clock],
            "breached": said["breached"][clock],
            "lapsed": said["lapsed"][clock],
            "unseen": said["unobserved"][clock],
            "open": open_now[clock],
        }
        for clock in CLOCKS
    }
