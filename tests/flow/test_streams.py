"""Numbers on real topics: gaps, repeats, and a consumer that stops itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError

from shared import audit, clock
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
    rows = await hub.query(
        "routing", "SELECT heard_intake % 1000000000000 FROM delivery.keys WHERE key = $1", key
    )
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
    await hub.stack.stop(list(before))
    await asyncio.gather(*(rewind(hub, service) for service in before))
    await hub.stack.start(list(before))
    await hub.quiet()
    for service, counts in before.items():
        assert await said_and_kept(hub, service) == counts, service
    assert len(tickets) == 20


async def said_and_kept(hub: Hub, service: str) -> tuple[int, int]:
    rows = await hub.query(
        service,
        "SELECT (SELECT count(*) FROM delivery.said WHERE sequence IS NOT NULL AND type NOT LIKE '%.clock.%'),"
        " (SELECT sum(heard_intake + heard_routing)::numeric FROM delivery.keys)",
    )
    return int(rows[0][0]), int(rows[0][1])


async def rewind(hub: Hub, service: str) -> None:
    """Put a service's group back to the beginning of all it hears."""
    group = AIOKafkaConsumer(
        bootstrap_servers=hub.stack.bootstrap,
        group_id=service,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await group.start()
    try:
        places = [TopicPartition(topic, n) for topic in HEARD[service] for n in range(12)]
        group.assign(places)
        await until(lambda: _put_back(group, places), 20, f"the group {service} to be empty")
    finally:
        await group.stop()


async def _put_back(group: AIOKafkaConsumer, places: list[TopicPartition]) -> bool:
    try:
        await group.commit(dict.fromkeys(places, 0))
    except CommitFailedError:  # its last member is not forgotten yet
        return False
    return True


async def test_a_consumer_that_meets_failure_after_failure_stops_until_it_is_resumed(whole: Hub) -> None:
    hub = whole
    keys = [str(uuid4()) for _ in range(5)]
    for key in keys:
        await hub.produce("intake.events", key, b"rubbish", spoken_by_intake(key, "1.1"), partition=0)

    async def stopped() -> str | None:
        health = await hub.http.get(f"{hub.stack.url('routing')}/ready")
        found = str(health.json()["checks"].get("consumer", "")) if health.status_code == 503 else ""
        return found if "stopped" in found else None

    try:
        assert "5 complaints failed in a row" in await until(stopped, 20, "routing to stop itself")
        assert (await hub.http.get(f"{hub.stack.url('routing')}/live")).status_code == 200
        found = await hub.query(
            "routing", "SELECT count(*) FROM delivery.dead_letters WHERE key = $1", keys[4]
        )
        assert found[0][0] == 0
        await hub.kill("routing")
        await hub.stack.start(["routing"])
        await until(stopped, 30, "routing to remember that it stopped")
        ticket = await hub.received()
    finally:
        await everywhere(hub, resume)
    await hub.in_state(ticket, "routed", 30)
    await hub.quiet()
    assert await everywhere(hub, discard(keys)) == {"routing": 5, "sla_monitor": 5}


async def everywhere(hub: Hub, act: Callable[[Connection], Awaitable[int]]) -> dict[str, int]:
    """Do it in the store of each service that lists what a citizen replies (the bridge skips it)."""
    done: dict[str, int] = {}
    for service in ("routing", "sla_monitor"):
        async with store(hub, service) as connection:
            done[service] = await act(connection)
    return done


async def resume(connection: Connection) -> int:
    if not await connection.fetchval("SELECT count(*) FROM delivery.stops"):
        return 0
    await operators.resume(connection, audit.Operator("sari"), "looked at it", clock.now())
    return 1


def discard(keys: list[str]) -> Callable[[Connection], Awaitable[int]]:
    async def act(connection: Connection) -> int:
        letters = [one for one in await operators.dead_letters(connection) if str(one.key) in keys]
        for letter in letters:
            await operators.discard(connection, letter.id, audit.Operator("sari"), "rubbish", clock.now())
        return len(letters)

    return act
