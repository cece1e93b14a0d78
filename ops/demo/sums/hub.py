"""Within the hub: every submission has its receipt, every complaint is there once, and nothing is left over."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ops.demo.doors import Answer
from ops.demo.evidence import Evidence, Heard
from ops.demo.script import Delivery
from ops.demo.sums.check import Check, every, none, once_each, same
from ops.demo.sums.mirror import numbers

Answers = Sequence[tuple[Delivery, Answer | None]]

OWNERS = ("intake.events", "routing.events", "lapor.events", "sla.events")
"""The topics whose events are numbered per complaint."""


def receipts(evidence: Evidence, answers: Answers) -> Iterator[Check]:
    """Whoever handed something in was told what became of it."""
    told = receipts_by_name(evidence)
    by_http = [(one, answer) for one, answer in answers if answer is not None]
    yield every("every submission by HTTP was answered as it should be", by_http, _answered, _name_of)
    by_kafka = [(one, told.get(one.name, ())) for one, answer in answers if answer is None]
    yield every("every submission by Kafka has its receipt", by_kafka, _receipted, _name_of)
    yield same(
        "every report that was born in LAPOR has its receipt",
        numbers(evidence, "control:"),
        {reference for (source, reference), mine in told.items() if source == "lapor" and _taken(mine)},
    )


def receipts_by_name(evidence: Evidence) -> dict[tuple[str, str], list[Heard]]:
    """All receipts, by source and reference."""
    found: dict[tuple[str, str], list[Heard]] = {}
    for receipt in evidence.of("intake.receipts", "submission.accepted", "submission.refused"):
        found.setdefault((receipt.data["source"], receipt.data["reference"]), []).append(receipt)
    return found


def _answered(pair: tuple[Delivery, Answer]) -> bool:
    one, answer = pair
    if one.fate == "refused":
        errors = answer.body.get("errors", []) if answer.status in (409, 422) else []
        return any(error["field"] == one.wrong for error in errors)
    if one.fate == "repeat":
        return answer.status == 200 and bool(answer.body["repeated"])
    return answer.status in (200, 201)  # 200: it was asked again, the first answer having been lost


def _receipted(pair: tuple[Delivery, Sequence[Heard]]) -> bool:
    one, receipts = pair
    if one.fate == "refused":
        refused = [receipt for receipt in receipts if receipt.type == "submission.refused"]
        return any(error["field"] == one.wrong for receipt in refused for error in receipt.data["errors"])
    accepted = [receipt for receipt in receipts if receipt.type == "submission.accepted"]
    return any(receipt.data["repeated"] or one.fate == "new" for receipt in accepted)


def _taken(receipts: Sequence[Heard]) -> bool:
    return any(receipt.type == "submission.accepted" for receipt in receipts)


def _name_of(pair: tuple[Delivery, Any]) -> str:
    one = pair[0]
    return f"{one.source}:{one.reference} ({one.fate})"


def once(evidence: Evidence, answers: Answers) -> Iterator[Check]:
    """Each complaint is there once, in every service, with all that was said of it."""
    new = {(one.source, one.reference) for one, _ in answers if one.fate == "new"}
    born_there = {("lapor", number) for number in numbers(evidence, "control:")}
    received = [*evidence.of("intake.events", "complaint.received")]
    yield once_each(
        "each submission became one complaint, and nothing else did",
        new | born_there,
        [(one.data["source"], one.data["reference"]) for one in received],
    )
    first = [
        receipt.data["complaint_id"]
        for receipt in evidence.of("intake.receipts", "submission.accepted")
        if not receipt.data["repeated"]
    ]
    complaints = {one.key for one in received}
    yield once_each("each complaint was taken in as new once", complaints, first)
    for service, known in (
        ("intake", evidence.intake),
        ("routing", evidence.routing),
        ("lapor_bridge", {link["complaint_id"] for link in evidence.links}),
        ("sla_monitor", evidence.monitor),
    ):
        yield same(f"{service} knows these complaints and no others", complaints, set(known))
    for topic in OWNERS:
        yield none(f"no number is missing on {topic}", _with_gaps(evidence, topic))


def _with_gaps(evidence: Evidence, topic: str) -> list[str]:
    """Complaints whose events on that topic are not numbered 1, 2, 3 …, or not in that order."""
    seen: set[str] = set()
    counted: Counter[str] = Counter()
    odd: list[str] = []
    for one in evidence.heard.get(topic, ()):
        if one.id in seen:
            continue
        seen.add(one.id)
        counted[one.key] += 1
        if one.number != f"1.{counted[one.key]}":
            odd.append(one.key)
    return sorted(set(odd))


def cases(evidence: Evidence) -> Iterator[Check]:
    """Routing's store says what routing said."""
    opds: dict[str, str | None] = {}
    for one in evidence.of("routing.events", "complaint.routed", "complaint.handed_back"):
        opds[one.key] = one.data["opd"] if one.type == "complaint.routed" else None
    yield same(
        "every case is with the OPD that routing.events named last",
        {(key, opd) for key, opd in opds.items() if opd},
        {(key, case["opd"]) for key, case in evidence.routing.items() if case["opd"]},
    )
    for state, kind in (("closed", "complaint.closed"), ("rejected", "complaint.rejected")):
        ended = {one.key for one in evidence.of("routing.events", kind)}
        ended_since = {one.key for one in evidence.of("routing.events", "complaint.closed")}
        yield same(
            f"every {state} case was said to be",
            ended if state == "closed" else ended - ended_since,
            {key for key, case in evidence.routing.items() if case["state"] == state},
        )


def settled(evidence: Evidence) -> Iterator[Check]:
    """Nothing is left over in any service."""
    for kind in next(iter(evidence.residue.values()), {}):
        where = {service: left[kind] for service, left in evidence.residue.items() if left[kind]}
        odd = tuple(f"{service}: {count}" for service, count in where.items())
        yield Check(f"no {kind}", 0, sum(where.values()), odd)
