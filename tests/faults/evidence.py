"""What is there in the end: every record of every topic, the four stores, LAPOR's ledger, and the processes' logs.

Topics are read raw with a plain consumer, stores with plain SQL; no code of the hub's delivery has a hand in it.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import httpx
from aiokafka import ConsumerRecord

from ops import topics
from ops.records import all_records
from ops.stack.parts import SERVICES, SIMULATOR
from tests.faults.history import History
from tests.faults.hub import FaultyStack
from tests.faults.people import AFTER_HEADER, BAD_HEADER

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rec:
    """One record as it stands. `type` without `simpul.` and major; `number` is n of ce_sequence `1.n`.

    `bad`: it cannot be worked; `after`: it can, and stands behind a bad one of its stream. `time_ms` is Kafka's time,
    `made_ms` the event's own.
    """

    topic: str
    partition: int
    offset: int
    key: str
    type: str
    id: str
    number: int | None
    cause: str | None
    bad: int | None
    after: int | None
    time_ms: int
    made_ms: int | None
    value: bytes | None

    @property
    def data(self) -> Any:
        return json.loads(self.value or b"null")


@dataclass(frozen=True)
class Evidence:
    """Everything, frozen after the quiet. Rows are by complaint id where they are mappings."""

    history: History
    records: Mapping[str, Sequence[Rec]]
    intake: Mapping[str, Json]
    timeline: Sequence[Json]
    routing: Mapping[str, Json]
    monitor: Mapping[str, Json]
    links: Mapping[str, Json]
    writes: Sequence[Json]
    said: Mapping[str, Sequence[Json]]
    dead: Mapping[str, Sequence[Json]]
    waiting: Mapping[str, Sequence[Json]]
    parked: Mapping[str, Sequence[Json]]
    left: Mapping[str, Mapping[str, int]]
    reports: Mapping[str, Json]
    items: Mapping[str, Sequence[Json]]
    counters: Json
    withheld: frozenset[str]
    policies: Json
    deadlocks: int
    calm: bool
    """Nothing was killed, frozen or cut off: then nothing has a reason to be sent twice."""
    prompt: bool
    """Nothing kept what was published from its topic."""
    now: datetime

    def good(self, topic: str) -> Iterator[Rec]:
        """The records that the hub or a careful client wrote, each id once, in the order of their places."""
        seen: set[str] = set()
        for one in self.records.get(topic, ()):
            if one.bad is None and one.after is None and one.id not in seen:
                seen.add(one.id)
                yield one

    def of(self, topic: str, *types: str) -> Iterator[Rec]:
        return (one for one in self.good(topic) if one.type in types)

    def by_key(self, topic: str) -> dict[str, list[Rec]]:
        """Good records by complaint, each id once, as the numbers go."""
        found: dict[str, list[Rec]] = {}
        for one in self.good(topic):
            found.setdefault(one.key, []).append(one)
        for mine in found.values():
            mine.sort(key=lambda one: one.number or 0)
        return found


_INTAKE = "SELECT complaint_id, ticket, source, reference, status, opd FROM complaints"
_ROUTING = "SELECT complaint_id, ticket, state, opd, history::text FROM cases"
_MONITOR = "SELECT complaint_id, ticket, stated::text, history::text FROM complaints"
_LINKS = """
SELECT complaint_id, lapor_id, origin, linked, forwarding, posting_state, work_at, post_at FROM links
"""
_WRITES = """
SELECT complaint_id::text, n, operation, cause::text, state, attempts, lookups, reason FROM outbound
"""
_SAID = "SELECT key::text, topic, id::text, sequence, value FROM delivery.said ORDER BY position"
_DEAD = "SELECT topic, partition, record_offset, key::text, reason, status FROM delivery.dead_letters"
_LEFT = """
SELECT (SELECT count(*) FROM delivery.outbox) AS "event is unpublished",
    (SELECT count(*) FROM delivery.stops) AS "consumer has stopped",
    (SELECT count(*) FROM delivery.waiting AS w JOIN delivery.keys AS k USING (key)
        WHERE k.parked IS NULL OR NOT k.parked ? w.topic) AS "event waits for nothing",
    (SELECT count(*) FROM delivery.keys AS k, jsonb_each(k.parked) AS p (topic, why)
        WHERE p.why ->> 'cause' = 'gap') AS "gap is open"
"""


async def rows(dsn: str, query: str) -> list[dict[str, Any]]:
    """What a query gives."""
    connection = await asyncpg.connect(dsn, timeout=10, command_timeout=60)
    try:
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def gather(
    stack: FaultyStack,
    history: History,
    withheld: frozenset[str],
    policies: Json,
    now: datetime,
    *,
    calm: bool,
    prompt: bool,
) -> Evidence:
    """Read it all."""

    async def of_each(query: str) -> dict[str, list[dict[str, Any]]]:
        return {service: await rows(stack.database_dsn(service), query) for service in SERVICES}

    def dsn(service: str) -> str:
        return stack.database_dsn(service)

    reports, items, counters = await _inside_lapor(stack)
    return Evidence(
        history=history,
        records=await read_topics(stack.bootstrap),
        intake=_by_complaint(await rows(dsn("intake"), _INTAKE)),
        timeline=await rows(dsn("intake"), "SELECT complaint_id::text, code, event_id::text FROM timeline"),
        routing=_by_complaint(await rows(dsn("routing"), _ROUTING)),
        monitor=_by_complaint(await rows(dsn("sla_monitor"), _MONITOR)),
        links=_by_complaint(await rows(dsn("lapor_bridge"), _LINKS)),
        writes=await rows(dsn("lapor_bridge"), _WRITES),
        said=await of_each(_SAID),
        dead=await of_each(_DEAD),
        waiting=await of_each("SELECT key::text, topic, partition, record_offset FROM delivery.waiting"),
        parked=await of_each("SELECT key::text, parked::text FROM delivery.keys WHERE parked IS NOT NULL"),
        left={service: dict(found[0]) for service, found in (await of_each(_LEFT)).items()},
        reports=reports,
        items=items,
        counters=counters,
        withheld=withheld,
        policies=policies,
        deadlocks=stack.places.log("postgres").read_text(errors="replace").count("deadlock detected"),
        calm=calm,
        prompt=prompt,
        now=now,
    )


async def read_topics(bootstrap: str) -> dict[str, list[Rec]]:
    """Everything that stands on the topics, partition by partition in order."""
    names = [*topics.read()]
    found: dict[str, list[Rec]] = {name: [] for name in names}
    async for records in all_records(bootstrap, names):
        for record in records:
            found[record.topic].append(_rec(record))
    return found


def _rec(record: ConsumerRecord) -> Rec:
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    sequence = headers.get("ce_sequence", "").partition(".")[2]
    return Rec(
        record.topic,
        record.partition,
        record.offset,
        (record.key or b"").decode("utf-8", "replace"),
        headers.get("ce_type", "").removeprefix("simpul.").rpartition(".v")[0],
        headers.get("ce_id") or f"{record.topic}:{record.partition}:{record.offset}",
        int(sequence) if sequence.isdigit() else None,
        headers.get("ce_causationid"),
        int(headers[BAD_HEADER]) if BAD_HEADER in headers else None,
        int(headers[AFTER_HEADER]) if AFTER_HEADER in headers else None,
        record.timestamp,
        _milliseconds(headers.get("ce_time")),
        record.value,
    )


def _milliseconds(instant: str | None) -> int | None:
    try:
        return None if instant is None else int(datetime.fromisoformat(instant).timestamp() * 1000)
    except ValueError:
        return None


def _by_complaint(found: Sequence[Json]) -> dict[str, Json]:
    return {str(row["complaint_id"]): row for row in found}


async def _inside_lapor(stack: FaultyStack) -> tuple[dict[str, Json], dict[str, list[Json]], Json]:
    async with httpx.AsyncClient(base_url=stack.url(SIMULATOR), timeout=60, trust_env=False) as http:
        listed = (await http.get("/control/reports")).json()["reports"]
        counters = (await http.get("/control/counters")).json()
        reports: dict[str, Json] = {}
        items: dict[str, list[Json]] = {}
        room = asyncio.Semaphore(8)

        async def one(line: Json) -> None:
            number = str(line["tracking_id"])
            async with room:
                whole = (await http.get(f"/control/reports/{number}")).json()
            reports[number] = {**line, "content": whole["report"]["content"]}
            items[number] = whole["followups"]

        await asyncio.gather(*(one(line) for line in listed))
        return reports, items, counters
