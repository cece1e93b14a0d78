"""Any interleaving of the two owners' streams, with the sweep coming by at any time, has the same end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla_monitor.domain.clocks import clocks
from shared.events.fact import Event
from shared.events.intake import ComplaintMerged
from shared.events.parts import Place
from tests.sla_monitor.world import (
    JAMBI,
    LAPOR,
    Monitor,
    accepted,
    amended,
    answered,
    asked,
    at,
    classified,
    closed,
    extended,
    handed_back,
    in_lapor,
    merged,
    progressed,
    received,
    rejected,
    reopened,
    replied,
    routed,
    standing,
    triage,
    unmerged,
    withdrawn,
)

START = at("2026-02-02")
LONG_AFTER = at("2029-01-01")

NEXT: dict[str, tuple[str, ...]] = {
    "new": ("route", "triage"),
    "triage": ("route", "route", "reject", "extend verify"),
    "routed": ("route", "accept", "progress", "ask", "answer", "hand_back", "extend first_response"),
    "in_work": ("route", "progress", "ask", "answer", "hand_back", "classify", "extend resolution"),
    "asked": ("answer", "reply", "reply", "classify", "extend resolution"),
    "answered": ("reply", "close", "reply", "classify"),
    "closed": ("reopen",),
    "rejected": ("reopen",),
}
"""What may follow in a case by CONTRACTS.md's table; endings by LAPOR and withdrawals are drawn apart."""


@dataclass(frozen=True)
class Story:
    """One complaint's life, in the order in which it happened: (owner, fact)."""

    facts: tuple[tuple[str, Event], ...]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A walk through the table, hours to weeks apart; some instants unknown, some ends abrupt."""
    now = START + timedelta(hours=draw(st.integers(0, 400)))
    lapor = draw(st.sampled_from([None, None, in_lapor(), in_lapor(opd="PUPR"), in_lapor("closed")]))
    kind = draw(st.sampled_from([None, "aspirasi", "permintaan_informasi"]))
    first = received(now - timedelta(days=draw(st.integers(0, 40))), now, lapor=lapor, klasifikasi=kind)
    facts: list[tuple[str, Event]] = [("intake", first)]
    if lapor is not None and lapor.state == "closed":
        facts += [("routing", classified(now)), ("routing", closed(None))]

    ended = lapor is not None and lapor.state == "closed"
    is_merged = False
    state, number, opd, since = "closed" if ended else "new", 0, "PUPR", ""
    for step in range(draw(st.integers(0, 12))):
        now += timedelta(hours=draw(st.sampled_from([0, 1, 20, 30, 100, 300, 500])))
        when = draw(st.sampled_from([now, now, now, now, now, None]))
        if state not in ("closed", "rejected") and draw(st.integers(0, 15)) == 0:
            facts += abrupt(draw, now, when, step)
            state = "closed"
            continue
        if draw(st.integers(0, 5)) == 0:
            facts.append(("intake", of_the_complaint(draw, now, step, is_merged=is_merged)))
            is_merged = isinstance(facts[-1][1], ComplaintMerged)
            continue
        if state in ("closed", "rejected") and draw(st.booleans()):
            break
        act = draw(st.sampled_from(NEXT[state]))
        name = f"{act} {step}"
        work: dict[str, Any] = {"number": number, "opd": opd}
        match act:
            case "route":
                number, opd = number + 1, draw(st.sampled_from(["PUPR", "DLH"]))
                if number == 1:
                    facts.append(("routing", classified(now, kind)))
                by_lapor = number == 1 and state == "new" and lapor is not None and lapor.opd is not None
                facts.append(
                    ("routing", routed(when, number, opd, by=LAPOR) if by_lapor else routed(now, number, opd))
                )
                state = "routed"
            case "triage":
                facts.append(("routing", triage(now, name)))
                state = "triage"
            case "reject":
                facts.append(("routing", rejected(now, name)))
                state = "rejected"
            case "accept":
                facts.append(("routing", accepted(now, **work)))
                state = "in_work"
            case "progress":
                facts.append(("routing", progressed(when, **work, name=name)))
                state = "in_work"
            case "classify":
                facts.append(
                    (
                        "routing",
                        classified(
                            now,
                            draw(
                                st.sampled_from(["aspirasi", "berkadar_pengawasan", "permintaan_informasi"])
                            ),
                            name,
                        ),
                    )
                )
            case "ask":
                facts.append(("routing", asked(when, **work, name=name)))
                state, since = "asked", name
            case "answer":
                facts.append(("routing", answered(when, **work, name=name)))
                state, since = "answered", name
            case "hand_back":
                facts += [("routing", handed_back(now, **work)), ("routing", triage(now, name))]
                state = "triage"
            case "reply":
                names = draw(st.booleans())
                facts.append(("intake", replied(when, name, answers=since if names else None)))
                state = "in_work"
            case "close":
                facts.append(("routing", closed(now, name=name)))
                state = "closed"
            case "reopen":
                facts += [("routing", reopened(now, name)), ("routing", triage(now, f"again {step}"))]
                state = "triage"
            case _:
                clock = act.removeprefix("extend ")
                under = number if clock == "first_response" else None
                facts.append(("routing", extended(now, clock, draw(st.integers(1, 14)), under, name)))
    return Story(tuple(facts))


def of_the_complaint(draw: st.DrawFn, now: datetime, step: int, *, is_merged: bool) -> Event:
    """What intake tells beside the reporter's words. While it is merged the city may still act: it heard later."""
    if is_merged:
        return unmerged(now, f"unmerged {step}")
    if draw(st.booleans()):
        return merged(now, f"merged {step}")
    kind = draw(st.sampled_from(["aspirasi", "berkadar_pengawasan"]))
    return amended(now, f"amended {step}", klasifikasi=kind, place=Place(kelurahan="15.71.02.1001"))


def abrupt(draw: st.DrawFn, now: datetime, when: datetime | None, step: int) -> list[tuple[str, Event]]:
    """An end that does not wait for its turn."""
    name = f"abrupt {step}"
    if draw(st.booleans()):
        gone = withdrawn(now, f"withdrawn {step}")
        return [("intake", gone), ("routing", closed(now, "withdrawn", name=name))]
    kind = draw(st.sampled_from(["closed", "archived", "blocked"]))
    return [("routing", closed(when, kind, by=LAPOR, name=name))]


def lived_through(facts: Sequence[Event], sweeps: Sequence[datetime | None]) -> Monitor:
    """A monitor that heard each of these facts twice, in this order.

    Where an instant is given, the sweep came by before the fact with that watermark: far too early for some,
    so that what it says is disproved later.
    """
    monitor = Monitor()
    for fact, watermark in zip(facts, sweeps, strict=True):
        if watermark is not None:
            monitor.sweeps(watermark)
        monitor.hears(fact, now=START)
        monitor.hears(fact, now=START)
    monitor.sweeps(LONG_AFTER)
    return monitor


def as_it_stands(monitor: Monitor) -> object:
    """Every clock, without when it was warned, which depends on when anybody looked."""
    return [
        clock.model_copy(update={"warned_at": None}) for clock in monitor.stated.clocks
    ], monitor.stated.model_copy(update={"clocks": (), "version": 0}).write()


@given(story=stories(), data=st.data())
@settings(max_examples=300, deadline=None)
def test_the_same_facts_have_the_same_end_whatever_came_first(story: Story, data: st.DataObject) -> None:
    in_order = [fact for _, fact in story.facts]
    shuffled: list[Event] = []
    streams = {owner: [f for o, f in story.facts if o == owner] for owner in ("intake", "routing")}
    while any(streams.values()):
        owner = data.draw(st.sampled_from([owner for owner, left in streams.items() if left]))
        shuffled.append(streams[owner].pop(0))
    instants = st.none() | st.integers(0, 300).map(lambda days: START + timedelta(days=days))
    watermarks = [data.draw(instants) for _ in shuffled]

    expected = lived_through(in_order, [None] * len(in_order))
    found = lived_through(shuffled, watermarks)

    assert as_it_stands(found) == as_it_stands(expected)
    assert standing(found.said) == standing(expected.said)
    assert clocks(found.watched.history, JAMBI) == clocks(expected.watched.history, JAMBI)


@given(story=stories())
@settings(max_examples=100, deadline=None)
def test_in_whatever_order_the_end_is_sane(story: Story) -> None:
    monitor = lived_through([fact for _, fact in story.facts], [None] * len(story.facts))
    assert monitor.watched.look_at is None
    for clock in monitor.stated.clocks:
        assert clock.status != "running" or clock.due_at is None
        if clock.breached_at is not None:
            assert clock.due_at == clock.breached_at
            assert clock.met_at is None or clock.met_at > clock.breached_at
        if clock.started_at is not None and clock.due_at is not None:
            assert clock.due_at > clock.started_at
        for pause in clock.pauses:
            assert pause.to is None or pause.to >= pause.from_
