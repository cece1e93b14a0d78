"""The deadlines: what was said of each clock, and how it stands, by the monitor's events, its topic and its store."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from ops.demo.evidence import Evidence
from ops.demo.sums.check import Check, none, once_each, same

Json = Mapping[str, Any]

LATE_WORD = timedelta(seconds=30)
"""How long after its instant a deadline may still be untold while everything else is at rest."""


def clocks(evidence: Evidence, now: datetime) -> Iterator[Check]:
    """Events, statements and store tell the same of every clock, and nothing that has passed is untold."""
    stated = last_stated(evidence)
    kept = {key: row["stated"] for key, row in evidence.monitor.items() if row["stated"]}
    yield same("sla.state has a statement for every complaint", set(evidence.monitor), set(stated))
    yield same(
        "sla.state says what the monitor's store says",
        set(kept),
        {key for key, data in stated.items() if kept.get(key) == data},
    )
    told = {kind: clock_runs(evidence, f"clock.{kind}") for kind in ("warned", "breached", "lapsed")}
    withdrawn = clock_runs(evidence, "clock.breach_withdrawn")
    for kind, shown in (
        ("warned", lambda clock: clock["warned_at"] is not None),
        ("breached", lambda clock: clock["breached_at"] is not None and clock["status"] != "lapsed"),
        ("lapsed", lambda clock: clock["status"] == "lapsed"),
    ):
        taken_back = withdrawn if kind != "warned" else Counter[ClockKey]()
        yield same(
            f"every clock that {'was ' if kind == 'warned' else ''}{kind} on sla.events did so on sla.state",
            set(told[kind] - taken_back),
            {key for key, clock in states(stated) if shown(clock)},
        )
    yield none(
        "every deadline that has passed was told",
        [
            f"{key[0]} {key[1]}"
            for key, clock in states(stated)
            if clock["status"] == "running"
            and clock["due_at"] is not None
            and datetime.fromisoformat(clock["due_at"]) < now - LATE_WORD
        ],
    )
    yield none(
        "no alarm was false: nothing met in time was said to be late",
        [
            f"{key[0]} {key[1]}"
            for key, clock in states(stated)
            if clock["breached_at"] and clock["met_at"] and clock["met_at"] <= clock["due_at"]
        ],
    )
    stands = {lapse: not disproved for lapse, disproved in _lapses(evidence)}
    yield once_each(
        "routing closed a case for each lapse",
        {lapse for lapse, holds in stands.items() if holds},
        [
            str(one.cause)
            for one in evidence.of("routing.events", "complaint.closed")
            if one.data["by"]["kind"] == "system" and stands.get(str(one.cause), True)
        ],
    )


def _lapses(evidence: Evidence) -> Iterator[tuple[str, bool]]:
    """Each lapse, and whether a reply that was heard late has disproved it; routing may not have closed then."""
    disproved = {
        (one.key, one.data.get("since")) for one in evidence.of("sla.events", "clock.breach_withdrawn")
    }
    for one in evidence.of("sla.events", "clock.lapsed"):
        yield one.id, (one.key, one.data.get("since")) in disproved


ClockKey = tuple[str, str, int]
"""A clock: complaint, name, disposition (0 where it has none)."""


def last_stated(evidence: Evidence) -> dict[str, Json]:
    """The newest statement of each complaint's clocks, by its version."""
    newest: dict[str, Json] = {}
    for one in evidence.of("sla.state", "clocks.stated"):
        if one.key not in newest or one.data["version"] >= newest[one.key]["version"]:
            newest[one.key] = one.data
    return newest


def clock_runs(evidence: Evidence, kind: str) -> Counter[ClockKey]:
    """How often this was said of each clock."""
    said = evidence.of("sla.events", kind)
    return Counter((one.key, one.data["clock"], one.data["disposition"] or 0) for one in said)


def states(stated: Mapping[str, Json]) -> Iterator[tuple[ClockKey, Json]]:
    """Every clock as it stands."""
    for key, data in stated.items():
        for clock in data["clocks"]:
            yield (key, clock["clock"], clock["disposition"] or 0), clock
