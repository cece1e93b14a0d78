"""A Kafka that was lost with all it held is filled again from what the services keep; nothing is missing or doubled."""

import asyncio
import shutil
from collections import defaultdict
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from ops import topics
from ops.refusal import Refusal
from ops.republish import fill_new_kafka
from ops.stack.health import health
from shared import audit
from tests.flow.world import LAMPS, VAGUE, Hub, complaint, reference, until

pytestmark = [pytest.mark.flow, pytest.mark.own_hub]
OWNERS = {"intake": "intake.events", "routing": "routing.events", "sla_monitor": "sla.events"}
STATES = {
    "intake": "SELECT ticket, complaint_id::text FROM complaints ORDER BY 1",
    "routing": "SELECT ticket, state FROM cases ORDER BY 1",
    "sla_monitor": "SELECT ticket, history::text FROM complaints ORDER BY 1",
    "lapor_bridge": "SELECT complaint_id::text, linked, lapor_id FROM links ORDER BY 1",
}


async def states(hub: Hub) -> dict[str, list[tuple[Any, ...]]]:
    return {service: [tuple(row) for row in await hub.query(service, sql)] for service, sql in STATES.items()}


async def worked(hub: Hub, count: int) -> list[str]:
    """Complaints by both doors, some answered; their tickets."""
    tickets = [await hub.received(LAMPS if n % 3 else VAGUE) for n in range(count)]
    for _ in range(count // 3):
        await hub.submit(complaint(reference=reference()))
    for ticket in tickets:
        if tickets.index(ticket) % 3:
            await hub.in_state(ticket, "routed")
            assert (await hub.act(ticket, "accept", "opd:PERKIM")).status_code == 200
    return tickets


async def answered(hub: Hub, tickets: list[str]) -> None:
    for ticket in tickets:
        assert (await hub.act(ticket, "answer", "opd:PERKIM", text="Sudah diperbaiki.")).status_code == 200


async def test_an_empty_kafka_in_its_place_is_adopted_and_filled(another: Hub) -> None:
    hub, stack = another, another.stack
    tickets = await worked(hub, 12)
    routed = [ticket for n, ticket in enumerate(tickets) if n % 3]
    await hub.quiet()
    await stack.stop(["sla_monitor"])
    await answered(hub, routed)  # on Kafka, acknowledged, and never read by the monitor

    async def published() -> bool:
        rows = [
            (await hub.query(s, "SELECT count(*) FROM delivery.outbox"))[0][0] for s in ("intake", "routing")
        ]
        return not any(rows)

    await until(published, 20, "everything to be published")
    before = await states(hub)
    await hub.kill("kafka")
    shutil.rmtree(stack.places.root / "kafka")
    await stack.start(["kafka"])
    late = await hub.received()  # while nothing can be published

    with pytest.raises(Refusal, match="sla_monitor publishes nothing"):
        await fill_new_kafka(stack, audit.Operator("sari"), "its disk died")
    await stack.start(["sla_monitor"])
    await fill_new_kafka(stack, audit.Operator("sari"), "its disk died")
    await hub.in_state(late, "routed")
    await hub.quiet(90)

    after = await states(hub)
    for service in ("intake", "routing", "lapor_bridge"):
        assert [row for row in after[service] if row in before[service]] == before[service], service
    for ticket in routed:  # the monitor has heard what was lost with the old Kafka
        (history,) = [row[1] for row in after["sla_monitor"] if row[0] == ticket]
        assert "answered" in history
    for service, topic in OWNERS.items():
        rows = await hub.query(service, "SELECT id::text FROM delivery.said WHERE topic = $1", topic)
        heard = await hub.read(topic)
        assert {one.headers["ce_id"] for one in heard} == {row[0] for row in rows}, topic
        numbers: dict[str, list[int]] = defaultdict(list)
        for one in heard:
            numbers[one.key].append(int(one.headers["ce_sequence"].partition(".")[2]))
        for key, told in numbers.items():
            news = [n for at, n in enumerate(told) if n > max(told[:at], default=0)]
            assert news == list(range(1, max(told) + 1)), (topic, key)
    stated = {one.key: one.data for one in await hub.read("sla.state")}
    known = await hub.query("sla_monitor", "SELECT complaint_id::text, stated FROM complaints")
    assert {row[0] for row in known} == set(stated)
    for service in hub.services:
        assert (await hub.query(service, "SELECT count(*) FROM delivery.dead_letters"))[0][0] == 0
        assert not await hub.query(service, "SELECT FROM delivery.keys WHERE parked IS NOT NULL")
        (row,) = await hub.query(
            service, "SELECT silent_until < now() + interval '1 minute' FROM delivery.cluster"
        )
        assert row[0]


async def test_a_service_waits_for_the_topics_that_it_says_its_events_on(another: Hub) -> None:
    stack = another.stack
    await stack.stop(["routing"])
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics(["routing.receipts"])
    finally:
        await admin.close()
    starting = asyncio.create_task(stack.start(["routing"]))

    async def waits() -> bool:
        return "topics: routing.receipts" in await asyncio.to_thread(health, stack.url("routing"))

    await until(waits, 30, "routing to say what it waits for")
    await topics.provision(stack.bootstrap)
    await starting
