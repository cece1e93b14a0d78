"""`./simpul doctor` on a real hub: nothing is wrong with a sound one; each thing that is made wrong is found."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from ops import diagnosis
from ops.diagnosis import CHECKS, examine
from ops.stack.stack import Stack
from ops.up import bring_up
from shared import clock
from shared.access import new_key
from tests.flow.world import LAMPS, Hub

pytestmark = [pytest.mark.flow, pytest.mark.own_hub]
SERVICES = ("intake", "routing", "lapor_bridge", "sla_monitor")
PARTS = ("kafka", "postgres", "simulator", *SERVICES)


@pytest.fixture(scope="module")
async def sound(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """A hub that works, with a complaint in it; these tests leave it in ruins."""
    stack = Stack(tmp_path_factory.mktemp("sound"), usual_ports=False)
    await bring_up(stack, PARTS)
    hub = Hub(stack, SERVICES)
    ticket = await hub.received(LAMPS)
    await hub.in_state(ticket, "routed")
    await hub.quiet()
    yield hub
    await hub.close()
    await stack.destroy()


async def found(hub: Hub) -> list[str]:
    """What the doctor says, part and words."""
    return [f"{finding.part}: {finding.wrong}" for finding in await examine(hub.stack)]


def one_says(said: list[str], *words: str) -> None:
    """Some one finding has all these words."""
    assert any(all(word in one for word in words) for one in said), f"{words} in\n" + "\n".join(said)


async def told(hub: Hub, service: str, *statements: str, owner: bool = False) -> None:
    """Change a store behind its service's back."""
    dsn = hub.stack.database_dsn(service) if owner else hub.stack.dsn(service)
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_sound_hub_has_nothing_wrong(sound: Hub) -> None:
    assert await found(sound) == []


async def test_what_is_wrong_in_the_stores_is_found(sound: Hub) -> None:
    hub, key = sound, uuid4()
    await hub.stack.stop(["routing", "sla_monitor", "lapor_bridge", "intake"])
    await told(
        hub,
        "routing",
        "INSERT INTO delivery.dead_letters (topic, partition, record_offset, record_time, headers, reason, since)"
        " VALUES ('intake.events', 0, 999999, 0, '[]', 'unreadable', now())",
        "INSERT INTO delivery.keys (key, parked) VALUES (gen_random_uuid(), jsonb_build_object('intake.events',"
        " jsonb_build_object('cause', 'unworkable', 'at', null, 'since', now()::text)))",
        f"INSERT INTO delivery.keys (key, parked) VALUES ('{key}', jsonb_build_object('intake.events',"
        " jsonb_build_object('cause', 'gap', 'at', null, 'since', (now() - interval '1 hour')::text)))",
        "INSERT INTO delivery.stops (since, reason) VALUES (now(), 'the last 5 complaints all failed')",
        "UPDATE delivery.cluster SET id = 'another hub''s'",
    )
    await told(
        hub,
        "intake",
        "UPDATE delivery.said SET said_at = now() - interval '1 hour'"
        " WHERE position = (SELECT min(position) FROM delivery.said)",
        "INSERT INTO delivery.outbox (month, position, key)"
        " SELECT month, position, key FROM delivery.said ORDER BY position LIMIT 1",
        "UPDATE delivery.keys SET said = 0",
        "INSERT INTO delivery.said SELECT month, nextval('delivery.positions'), key, topic, record_key, type,"
        " gen_random_uuid(), sequence, now(), cause, correlation, traceparent, value"
        " FROM delivery.said, generate_series(1, 50) WHERE topic = 'intake.events'",
        "UPDATE identity_keys SET master = 'a lost one'",
    )
    await told(
        hub,
        "sla_monitor",
        "UPDATE delivery.watermarks SET reached = now() - interval '1 hour' WHERE partition = 3",
        "UPDATE delivery.cluster SET silent_until = 'infinity'",
    )
    forgotten = "UPDATE public.migrations SET name = '{}' WHERE name = '{}'"
    names = ("delivery/0005_again", "unheard of")
    await told(hub, "lapor_bridge", forgotten.format(*reversed(names)), owner=True)
    said = await found(hub)
    await told(hub, "lapor_bridge", forgotten.format(*names), owner=True)
    for part in ("routing", "sla_monitor", "lapor_bridge", "intake"):
        one_says(said, f"{part}: ", "gone")
    one_says(said, "routing: 1 dead letters")
    one_says(said, "routing: 1 complaints wait for numbers", str(key), "intake.events")
    one_says(said, "routing: 1 complaints are parked behind a dead letter")
    one_says(said, "routing: its consumer stopped itself", "the last 5 complaints all failed")
    one_says(said, "routing: its store belongs to Kafka another hub's")
    one_says(said, "intake: events wait since", "no process of it publishes")
    one_says(said, "intake: ", "was restored from a backup")
    one_says(said, "kafka: intake.events holds", "Kafka lost some")
    one_says(said, "intake: some identities are sealed", "a lost one")
    one_says(said, "sla_monitor: it has read its input up to")
    one_says(said, "sla_monitor: its new Kafka was not filled")
    one_says(said, "lapor_bridge: its store lacks delivery/0005_again")


async def test_what_is_wrong_outside_the_stores_is_found(sound: Hub) -> None:
    hub, places = sound, sound.stack.places
    async with admin(hub) as kafka:
        await kafka.delete_topics(["sla.aggregate"])
        await kafka.create_partitions({"intake.notices": NewPartitions(13)})
        setting = ConfigResource(
            ConfigResourceType.TOPIC, "intake.receipts", configs={"retention.ms": "1000"}
        )
        await kafka.alter_configs([setting])
    keys, master = places.hashed_keys.read_bytes(), places.master_key.read_bytes()
    opened = AsyncExitStack()
    try:
        soon = (clock.now() + timedelta(days=3)).date()
        _, entry = new_key("leaves soon", "verifier", soon)
        document = json.loads(keys)
        document["keys"].append(entry)
        places.hashed_keys.write_text(json.dumps(document))
        one_says(await found(hub), "keys: keys end within", "leaves soon")
        places.hashed_keys.write_bytes(b"{")
        places.master_key.write_bytes(b"no key")
        first = await asyncpg.connect(hub.stack.database_dsn("postgres"))
        opened.push_async_callback(first.close)
        for _ in range(int(await first.fetchval("SHOW max_connections")) * 85 // 100):
            connection = await asyncpg.connect(hub.stack.database_dsn("postgres"))
            opened.push_async_callback(connection.close)
        said = await found(hub)
        one_says(said, "kafka: the topic sla.aggregate is missing")
        one_says(said, "kafka: intake.notices has 13 partitions")
        one_says(said, "kafka: intake.receipts has another", "retention.ms")
        one_says(said, "keys: ", "is unreadable")
        one_says(said, "intake: the master key file", "unreadable")
        one_says(said, "postgres: ", "connections are taken")
        places.master_key.unlink()
        one_says(await found(hub), "intake: the master key", "is not there")
    finally:
        await opened.aclose()
        places.hashed_keys.write_bytes(keys)
        places.master_key.write_bytes(master)
    ahead = await examine(hub.stack, lambda: clock.now() + timedelta(minutes=1))
    assert ("postgres", "its clock differs from this machine's by 60 s") in [one[:2] for one in ahead]


async def test_stores_that_are_away_are_found_and_nothing_breaks(sound: Hub) -> None:
    hub = sound
    await hub.kill("kafka")
    one_says(await found(hub), "kafka: gone")
    await hub.kill("postgres")
    one_says(await found(hub), "postgres: gone")


def test_a_full_disk_is_found(tmp_path: Path) -> None:
    assert diagnosis.disk_of([tmp_path, tmp_path / "nowhere"], least=0, share=0.0) == []
    (full,) = diagnosis.disk_of([tmp_path], least=2**60)
    assert "GiB left" in full.wrong


def test_a_hub_that_was_never_started_is_told_so(tmp_path: Path) -> None:
    (finding,) = [one for one in asyncio.run(examine(Stack(tmp_path))) if one.part == "hub"]
    assert "./simpul up" in finding.mend


@asynccontextmanager
async def admin(hub: Hub) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=hub.stack.bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


def test_every_check_says_what_it_asks() -> None:
    assert all(check.__doc__ and check.__doc__.rstrip().endswith(("?", ".")) for check in CHECKS)
