"""The demo's sums: they hold where all is well, and each loss, doubling or disagreement breaks its own check."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from ops.demo.doors import Answer
from ops.demo.evidence import Evidence, Heard
from ops.demo.summary import summarise
from ops.demo.sums.every import check_all
from ops.demo.sums.hub import Answers
from tests.ops.demo_world import CALL, LAMP, NOW, OLD, QUESTION, answers, evidence, forwards


def _broken(found: Evidence, given: Answers | None = None) -> set[str]:
    """Names of the checks that do not hold."""
    checks = check_all(found, answers() if given is None else given, forwards, {QUESTION}, NOW)
    return {check.name for check in checks if not check.ok}


def _without(found: Evidence, topic: str, kind: str, key: str | None = None) -> Evidence:
    kept = [one for one in found.heard[topic] if one.type != kind or key not in (None, one.key)]
    return replace(found, heard={**found.heard, topic: kept})


def _with(found: Evidence, topic: str, kind: str, **changes: Any) -> Evidence:
    """With a copy of the first event of that type, changed."""
    first = next(one for one in found.heard[topic] if one.type == kind)
    more: Heard = replace(first, **{"id": "another", **changes})
    return replace(found, heard={**found.heard, topic: [*found.heard[topic], more]})


def _row(rows: Mapping[str, Any], key: str, **changes: Any) -> dict[str, Any]:
    return {**rows, key: {**rows[key], **changes}}


def test_all_adds_up_where_all_is_well() -> None:
    assert _broken(evidence()) == set()


def test_the_same_event_delivered_twice_is_no_fault() -> None:
    found = evidence()
    twice = {topic: [one for one in heard for _ in range(2)] for topic, heard in found.heard.items()}
    assert _broken(replace(found, heard=twice)) == set()


def test_an_answer_that_was_lost_and_asked_for_again_is_no_fault() -> None:
    given = [
        (one, answer._replace(status=200) if answer and answer.status == 201 else answer)
        for one, answer in answers()
    ]
    assert _broken(evidence(), given) == set()


BREAKS: Mapping[str, tuple[Callable[[Evidence], Evidence], str]] = {
    "a receipt is missing": (
        lambda e: _without(e, "intake.receipts", "submission.accepted", "call-center-112:2"),
        "every submission by Kafka has its receipt",
    ),
    "a refusal is missing": (
        lambda e: _without(e, "intake.receipts", "submission.refused"),
        "every submission by Kafka has its receipt",
    ),
    "a report of LAPOR never came in": (
        lambda e: replace(e, reports={**e.reports, "8000002": e.reports["8000001"]}),
        "every report that was born in LAPOR has its receipt",
    ),
    "a complaint was taken in twice": (
        lambda e: _with(e, "intake.events", "complaint.received", key="d" * 8, number="1.1"),
        "each submission became one complaint, and nothing else did",
    ),
    "routing never heard of one": (
        lambda e: replace(e, routing={k: v for k, v in e.routing.items() if k != CALL}),
        "routing knows these complaints and no others",
    ),
    "the monitor never heard of one": (
        lambda e: replace(e, monitor={k: v for k, v in e.monitor.items() if k != CALL}),
        "sla_monitor knows these complaints and no others",
    ),
    "an event got lost on the way": (
        lambda e: _without(e, "routing.events", "complaint.classified"),
        "no number is missing on routing.events",
    ),
    "a case went to another OPD than was said": (
        lambda e: replace(e, routing=_row(e.routing, LAMP, opd="DLH")),
        "every case is with the OPD that routing.events named last",
    ),
    "a case closed in silence": (
        lambda e: replace(e, routing=_row(e.routing, CALL, state="closed")),
        "every closed case was said to be",
    ),
    "the hub made a report and does not know it": (
        lambda e: replace(e, reports={**e.reports, "9700002": e.reports["9700001"]}),
        "every report that the hub made is linked",
    ),
    "two reports changed places": (
        lambda e: replace(e, reports=_row(e.reports, "9700001", content="Tiket Simpul: ZZZZZZZZZZZ")),
        "each of them carries the ticket of its complaint",
    ),
    "a link was said twice": (
        lambda e: _with(e, "lapor.events", "lapor.linked", number="1.4"),
        "each link was said once",
    ),
    "a call to 112 went to LAPOR": (
        lambda e: replace(e, links=[{**e.links[1], "linked": True, "origin": "hub"}, *e.links]),
        "what the city's policy sends is in LAPOR, and nothing else",
    ),
    "a report was made in nobody's name": (
        lambda e: replace(e, intake=_row(e.intake, LAMP, asked=False)),
        "of each that is not anonymous intake was asked who reported it",
    ),
    "LAPOR's ledger holds a second making": (
        lambda e: replace(e, counters={**e.counters, "writes": {"api:hub": {"create": 2, "answer": 1}}}),
        "LAPOR's ledger shows one making for each of them",
    ),
    "an answer never reached LAPOR": (
        lambda e: replace(e, items=e.items[1:]),
        "each answer given here stands in LAPOR once",
    ),
    "an answer stands in LAPOR twice": (
        lambda e: replace(e, items=[*e.items, replace(e.items[0], id="12")]),
        "each answer given here stands in LAPOR once",
    ),
    "a reply in LAPOR was overlooked": (
        lambda e: replace(e, items=[*e.items, replace(e.items[1], id="12")]),
        "each answer and reply written in LAPOR was said here once",
    ),
    "our own words came back as somebody's": (
        lambda e: _with(
            e,
            "lapor.events",
            "lapor.replied",
            number="1.4",
            data={"lapor_id": "9700001", "item": "10", "by": {"kind": "opd"}, "text": "Sudah."},
        ),
        "each answer and reply written in LAPOR was said here once",
    ),
    "a reporter's reply never became the citizen's": (
        lambda e: _without(e, "intake.events", "citizen.replied"),
        "each reply of a reporter in LAPOR is the citizen's here",
    ),
    "an answer in LAPOR is not in the case": (
        lambda e: replace(e, routing=_row(e.routing, OLD, history=[])),
        "each answer of an institution in LAPOR is in its case here once",
    ),
    "LAPOR's closing was not heard": (
        lambda e: replace(e, routing=_row(e.routing, LAMP, state="answered")),
        "what LAPOR closed, archived or blocked is closed here",
    ),
    "our closing did not reach LAPOR": (
        lambda e: replace(e, reports=_row(e.reports, "8000001", status="Proses")),
        "what was closed here is ended in LAPOR, too",
    ),
    "a write was done and LAPOR does not know it": (
        lambda e: replace(e, writes=[*e.writes, e.writes[1]]),
        "LAPOR's ledger shows each write of the bridge, and no other",
    ),
    "a write waits for a person": (
        lambda e: replace(e, writes=[{**e.writes[0], "state": "held"}, *e.writes[1:]]),
        "nothing waits to be written in LAPOR, or for a person",
    ),
    "a report of LAPOR was refused": (
        lambda e: replace(e, links=[*e.links[:2], {**e.links[2], "posting_state": "refused"}]),
        "no report of LAPOR waits, was refused, or could not be read",
    ),
    "a write to LAPOR failed": (
        lambda e: _with(
            e,
            "lapor.events",
            "lapor.linked",
            type="lapor.delivery_failed",
            number="1.4",
            data={"reason": "422"},
        ),
        "nothing failed on its way to LAPOR",
    ),
    "sla.state lags behind the store": (
        lambda e: replace(e, monitor=_row(e.monitor, LAMP, stated={"version": 3, "clocks": []})),
        "sla.state says what the monitor's store says",
    ),
    "a breach was said and stands nowhere": (
        lambda e: _with(e, "sla.events", "clock.breached", key=CALL, number="1.2"),
        "every clock that breached on sla.events did so on sla.state",
    ),
    "a lapse closed nothing": (
        lambda e: _without(e, "routing.events", "complaint.closed", OLD),
        "routing closed a case for each lapse",
    ),
    "something was left unpublished": (
        lambda e: replace(
            e, residue={**e.residue, "routing": {"event is unpublished": 2, "dead letter is open": 0}}
        ),
        "no event is unpublished",
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_fault_is_found_and_named(what: str) -> None:
    breaks, name = BREAKS[what]
    found = evidence()
    changed = breaks(found)
    assert changed != found
    assert name in _broken(changed)


def test_a_lapse_that_a_late_reply_took_back_need_not_have_closed_the_case() -> None:
    name = "routing closed a case for each lapse"
    taken_back = _with(evidence(), "sla.events", "clock.lapsed", type="clock.breach_withdrawn", number="1.9")
    assert name not in _broken(taken_back)
    assert name not in _broken(_without(taken_back, "routing.events", "complaint.closed", OLD))


def test_a_deadline_that_passed_untold_is_found() -> None:
    found = evidence()
    late = NOW.replace(month=12)
    checks = {check.name: check for check in check_all(found, answers(), forwards, {QUESTION}, late)}
    untold = checks["every deadline that has passed was told"]
    assert not untold.ok
    assert untold.odd == (f"{CALL} verify",)


def test_what_does_not_fit_is_named() -> None:
    found = evidence()
    lost = replace(found, routing={key: case for key, case in found.routing.items() if key != CALL})
    checks = {check.name: check for check in check_all(lost, answers(), forwards, {QUESTION}, NOW)}
    check = checks["routing knows these complaints and no others"]
    assert (check.expected, check.found, check.odd) == (3, 2, (f"missing: {CALL}",))


@pytest.mark.parametrize(
    "answer",
    [
        Answer(201, {"ticket": "X", "repeated": False}),
        Answer(422, {"errors": [{"field": "text", "reason": "is blank"}]}),
    ],
)
def test_a_wrong_submission_must_be_refused_for_what_is_wrong(answer: Answer) -> None:
    given = [
        (one, answer if one.fate == "refused" and one.door == "http" else before) for one, before in answers()
    ]
    assert _broken(evidence(), given) == {"every submission by HTTP was answered as it should be"}


def test_the_summary_counts_what_the_topics_hold() -> None:
    summary = summarise(evidence(), answers(), by_export=1)
    assert summary.received == {"app": 1, "call_center_112": 1, "lapor": 1}
    assert summary.repeats == 1
    assert summary.refused == {"an unknown channel (HTTP)": 1, "an unknown channel (Kafka)": 1}
    assert summary.opds == {
        "PUPR": {"handed to it": 2, "handed back": 0, "answers": 2, "first answer late": 0}
    }
    assert summary.triage["still waiting"] == 1
    assert summary.to_the_hub["reports by Excel export"] == 1
    assert summary.to_the_hub["reports by API"] == 0
    assert summary.to_lapor["answers"] == 1
    assert summary.clocks["silence"]["lapsed"] == 1
    assert summary.clocks["resolution"]["breached"] == 1
