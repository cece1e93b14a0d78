"""Numbers on real topics: gaps, repeats, and a consumer that stops itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from shared import clock
from shared.database import Connection
from shared.delivery import operators
from shared.events.intake import CitizenReplied
from tests.flow.world import AT, HEARD, Hub, spoken_by_intake, until

pytestmark = pytest.mark.flow


def reply(text: str) -> bytes:
    return CitizenReplied(at=AT, text=text).write()


@asynccontextmanager
async def store(hub: Hub, service: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(hub.stack.dsn(service), timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


async def test_a_jump_in_an_owners_numbers_parks_and_frees_itself(hub: Hub) -> None:
    ticket = await hub.received()
    await hub.in_state(ticket, "routed")
    key = await hub.key_of(ticket)
    await hub.produce("intake.events", key, reply("tiga"), spoken_by_intake(key, "1.3"))

    async def parked() -> str | None:
        rows = await hub.query("routing", "SELECT parked FROM delivery.keys WHERE key = $1", key)
        return rows[0][0] and str(rows[0][0])

    assert '"gap"' in await until(parked, 20, "the stream to park")
    await hub.produce("intake.events", key, reply("dua"), spoken_by_intake(key, "1.2"))

    async def freed() -> bool:
        return await parked() is None

    await until(freed, 20, "the stream to be freed")
    rows = await hub.query("routing", "SELECT heard_intake % 10^12 FROM delivery.keys WHERE key = $1", key)
    assert rows[0][0] == 3
    assert (await hub.query("routing", "SELECT count(*) FROM delivery.waiting WHERE key = $1", key))[0][
        0
    ] == 0


async def test_everything_delivered_once_more_changes_nothing(whole: Hub) -> None:
    hub = whole
    tickets = [await hub.received() for _ in range(20)]
    await hub.quiet()
    before = {
        service: await said_and_kept(hub, service) for service in ("routing", "sla_monitor", "lapor_bridge")
    }
    for service in before:
        await hub.stack.stop([service])
        await rewind(hub, service)
        await hub.stack.start([service])
    await hub.quiet()
    for service, counts in before.items():
        assert await said_and_kept(hub, service) == counts, service
    assert len(tickets) == 20


async def said_and_kept(hub: Hub, service: str) -> tuple[int, int]:
    rows = await hub.query(
        service,
        "SELECT (SELECT count(*) FROM delivery.said WHERE sequence IS NOT NULL AND type NOT LIKE '%.clock.%'),"
        " (SELECT sum(heard_intake % 10^12 + heard_routing % 10^12)::bigint FROM delivery.keys)",
    )
    return int(rows[0][0]), int(rows[0][1])


async def rewind(hub: Hub, service: str) -> None:
    """Put a service's group back to the beginning of all it hears."""
    admin = AIOKafkaAdminClient(bootstrap_servers=hub.stack.bootstrap)
    await admin.start()
    try:
        places = [TopicPartition(topic, n) for topic in HEARD[service] for n in range(12)]

        async def put_back() -> bool:
            await admin.alter_consumer_group_offsets(
                service, {place: OffsetAndMetadata(0, "") for place in places}
            )
            return True

        await until(put_back, 20, f"the group {service} to be empty")
    finally:
        await admin.close()


async def test_a_consumer_that_meets_failure_after_failure_stops_until_it_is_resumed(whole: Hub) -> None:
    hub = whole
    url = f"{hub.stack.url('routing')}"
    keys = [str(uuid4()) for _ in range(5)]
    for key in keys:
        await hub.produce("intake.events", key, b"rubbish", spoken_by_intake(key, "1.1"), partition=0)

    async def stopped() -> str | None:
        health = await hub.http.get(f"{url}/ready")
        found = health.json()["checks"].get("consumer", "") if health.status_code == 503 else ""
        return found if "stopped" in found else None

    reason = await until(stopped, 20, "routing to stop itself")
    assert "5 complaints failed in a row" in reason
    assert (await hub.http.get(f"{url}/live")).status_code == 200
    assert (await hub.query("routing", "SELECT count(*) FROM delivery.dead_letters WHERE key = $1", keys[0]))[
        0
    ][0] == 0
    ticket = await hub.received()
    await hub.kill("routing")
    hub.stack.processes  # noqa: B018
    await restart_though_stopped(hub)
    await until(stopped, 30, "routing to remember that it stopped")
    for service in ("routing", "sla_monitor", "lapor_bridge"):
        async with store(hub, service) as connection:
            if await connection.fetchval("SELECT count(*) FROM delivery.stops"):
                await operators.resume(connection, "sari", "looked at it", clock.now())
    await hub.in_state(ticket, "routed", 30)
    await hub.quiet()
    for service in ("routing", "sla_monitor", "lapor_bridge"):
        async with store(hub, service) as connection:
            letters = [one for one in await operators.dead_letters(connection) if str(one.key) in keys]
            assert len(letters) == 5, service
            for letter in letters:
                await operators.discard(connection, letter.id, "sari", "rubbish", clock.now())


async def restart_though_stopped(hub: Hub) -> None:
    """`start` waits for ready, which a stopped service is not; its process is what matters here."""
    from ops.refusal import Refusal

    try:
        await hub.stack.start(["routing"])
    except Refusal as refusal:
        assert "stopped" in str(refusal)  # noqa: PT017
