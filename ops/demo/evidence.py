"""What is there in the end, by everybody's own account: the topics, the four stores, and LAPOR's ledger.

Topics are read with a plain Kafka consumer, stores with plain SQL; nothing here is what the demo remembers of
having sent.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRecord

from ops import topics
from ops.demo.doors import Doors
from ops.demo.resting import rows
from ops.records import all_records
from ops.stack.parts import SERVICES
from ops.stack.stack import Stack

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """One record as an outside reader sees it. `type` without `simpul.` and major; `number` is ce_sequence."""

    topic: str
    key: str
    type: str
    id: str
    time: str
    number: str | None
    cause: str | None
    data: Json

    @property
    def at(self) -> str | None:
        """When it happened, as far as it says so."""
        return self.data.get("at") or self.data.get("reported_at")


@dataclass(frozen=True, slots=True)
class Item:
    """A follow-up under a report in LAPOR. `said`: somebody's words, no remark of LAPOR's own.

    `by` is the key or the person of the simulator who wrote it.
    """

    report: str
    id: str
    at: datetime
    by: str
    template: str | None
    text: str | None
    institution: str | None
    said: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything, frozen at the end of the demo.

    `heard`: records by topic, in each key's order. `intake`, `routing`, `monitor`: rows by complaint id
    (`asked`: the bridge was told who reported it).
    `links`: the bridge's rows. `writes`: what it wanted to write in LAPOR. `residue`: what each service
    has not settled. `reports`: LAPOR's, by number; `items`: what is written under the shared ones.
    """

    heard: Mapping[str, Sequence[Heard]]
    intake: Mapping[str, Json]
    routing: Mapping[str, Json]
    monitor: Mapping[str, Json]
    links: Sequence[Json]
    writes: Sequence[Json]
    residue: Mapping[str, Mapping[str, int]]
    reports: Mapping[str, Json]
    items: Sequence[Item]
    counters: Json

    def of(self, topic: str, *types: str) -> Iterator[Heard]:
        """The records of these types on a topic, each id once: at least once is what Kafka promises."""
        seen: set[str] = set()
        for one in self.heard.get(topic, ()):
            if one.type in types and one.id not in seen:
                seen.add(one.id)
                yield one


_STORES: Mapping[str, str] = {
    "intake": """
        SELECT complaint_id, ticket, source, reference, channel, status, lapor_id,
            EXISTS (SELECT FROM audit.acts AS a WHERE a.complaint_id = c.complaint_id AND a.role = 'bridge'
                AND a.act = 'read reporter') AS asked
        FROM complaints AS c""",
    "routing": "SELECT complaint_id, ticket, state, opd, history::text AS history FROM cases",
    "lapor_bridge": """
        SELECT complaint_id, ticket, lapor_id, origin, linked, forwarding, why, posting_state,
            (SELECT count(*) FROM oddities) AS oddities
        FROM links""",
    "sla_monitor": "SELECT complaint_id, ticket, stated::text AS stated FROM complaints",
}
_WRITES = "SELECT complaint_id, n, operation, cause, state, attempts, reason FROM outbound"
_RESIDUE = """
SELECT (SELECT count(*) FROM delivery.outbox) AS "event is unpublished",
    (SELECT count(*) FROM delivery.dead_letters WHERE status IN ('open', 'releasing')) AS "dead letter is open",
    (SELECT count(*) FROM delivery.keys WHERE parked IS NOT NULL) AS "complaint is parked",
    (SELECT count(*) FROM delivery.waiting) AS "event waits behind a gap",
    (SELECT count(*) FROM delivery.stops) AS "consumer has stopped"
"""


async def gather(stack: Stack, doors: Doors, silent_templates: frozenset[str]) -> Evidence:
    """Read it all. Raises what a store or the broker that is away raises: at the end all is there."""
    heard, stores, writes, residue, lapor = await asyncio.gather(
        read_topics(stack.bootstrap),
        asyncio.gather(*(rows(stack.dsn(service), query) for service, query in _STORES.items())),
        rows(stack.dsn("lapor_bridge"), _WRITES),
        asyncio.gather(*(rows(stack.dsn(service), _RESIDUE) for service in SERVICES)),
        _inside_lapor(doors, silent_templates),
    )
    reports, items, counters = lapor
    found = dict(zip(_STORES, stores, strict=True))
    return Evidence(
        heard=heard,
        intake=_by_complaint(found["intake"]),
        routing=_by_complaint(found["routing"], "history"),
        monitor=_by_complaint(found["sla_monitor"], "stated"),
        links=[_plain(row) for row in found["lapor_bridge"]],
        writes=[_plain(row) for row in writes],
        residue={service: dict(row[0]) for service, row in zip(SERVICES, residue, strict=True)},
        reports=reports,
        items=items,
        counters=counters,
    )


async def read_topics(bootstrap: str) -> dict[str, list[Heard]]:
    """All records of all topics but the one that carries identity, each key's in order."""
    names = [name for name, topic in topics.read().items() if not topic.personal_data]
    heard: dict[str, list[Heard]] = {name: [] for name in names}
    async for records in all_records(bootstrap, names):
        for record in records:
            if record.value is not None:
                heard[record.topic].append(_heard(record))
    return heard


def _heard(record: ConsumerRecord) -> Heard:
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    return Heard(
        topic=record.topic,
        key=(record.key or b"").decode(),
        type=headers.get("ce_type", "").removeprefix("simpul.").rpartition(".v")[0],
        id=headers.get("ce_id", ""),
        time=headers.get("ce_time", ""),
        number=headers.get("ce_sequence"),
        cause=headers.get("ce_causationid"),
        data=json.loads(record.value or b"{}"),
    )


async def _inside_lapor(
    doors: Doors, silent_templates: frozenset[str]
) -> tuple[dict[str, Json], list[Item], Json]:
    listed = (await doors.lapor("GET", "/control/reports"))["reports"]
    counters = await doors.lapor("GET", "/control/counters")
    whole = await asyncio.gather(
        *(doors.lapor("GET", f"/control/reports/{one['tracking_id']}") for one in listed)
    )
    reports: dict[str, Json] = {}
    items: list[Item] = []
    for one, shown in zip(listed, whole, strict=True):
        number = str(one["tracking_id"])
        reports[number] = {**one, "content": shown["report"]["content"]}
        written = {str(write["item"]): str(write["at"]) for write in shown["writes"] if write["item"]}
        items += [
            _item(number, item, written.get(str(item["id"])), silent_templates) for item in shown["followups"]
        ]
    return reports, items, counters


def _item(report: str, item: Json, written: str | None, silent_templates: frozenset[str]) -> Item:
    somebody = bool(item["institution_from_id"] or item["user_id"])
    remark = item["template_code"] in silent_templates or bool(item["rating"])
    return Item(
        report=report,
        id=str(item["id"]),
        at=datetime.fromisoformat(written)
        if written
        else datetime.strptime(item["created_at"], "%d-%m-%Y %H:%M:%S").replace(tzinfo=UTC),
        by=str(item["written_by"]),
        template=item["template_code"],
        text=item["content"],
        institution=item["institution_from_id"],
        said=somebody and not remark,
    )


def _by_complaint(found: Sequence[Json], *parsed: str) -> dict[str, Json]:
    return {
        str(row["complaint_id"]): {
            name: json.loads(value) if name in parsed and value is not None else value
            for name, value in _plain(row).items()
        }
        for row in found
    }


def _plain(row: Json) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, UUID) else value for name, value in row.items()}
