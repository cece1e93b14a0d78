"""When the hub has nothing left to do: outboxes empty, every consumer at the end of its topics."""

import asyncio
import time
from collections.abc import Sequence

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError


async def until_quiet(
    bootstrap: str, dsns: dict[str, str], topics: dict[str, Sequence[str]], seconds: float
) -> dict[str, str]:
    """Wait until these services (DSN and heard topics by name) are quiet twice in a row.

    Returns what is still unquiet after `seconds`, by service, in words; empty where all is done.
    """
    until = time.monotonic() + seconds
    calm = 0
    busy: dict[str, str] = {}
    while time.monotonic() < until:
        busy = await _busy(bootstrap, dsns, topics)
        calm = 0 if busy else calm + 1
        if calm == 2:
            return {}
        await asyncio.sleep(0.15)
    return busy or {"hub": "did not stay quiet"}


async def _busy(bootstrap: str, dsns: dict[str, str], topics: dict[str, Sequence[str]]) -> dict[str, str]:
    busy: dict[str, str] = {}
    try:
        behind = await _behind(bootstrap, topics)
    except (KafkaError, OSError, TimeoutError) as error:
        return {"kafka": type(error).__name__}
    for service, records in behind.items():
        if records:
            busy[service] = f"{records} records not applied"
    for service, dsn in dsns.items():
        try:
            connection = await asyncpg.connect(dsn, timeout=5)
            try:
                rows = await connection.fetchval("SELECT count(*) FROM delivery.outbox")
            finally:
                await connection.close()
        except (asyncpg.PostgresError, OSError, TimeoutError) as error:
            busy[service] = f"store: {type(error).__name__}"
            continue
        if rows:
            busy[service] = f"{rows} events not published"
    return busy


async def _behind(bootstrap: str, topics: dict[str, Sequence[str]]) -> dict[str, int]:
    """Records that each service (its group has its name) has not committed yet."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    reader = AIOKafkaConsumer(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        async with asyncio.timeout(15):
            await reader.start()
            await admin.start()
            heard = sorted({topic for names in topics.values() for topic in names})
            described = await admin.describe_topics(heard)
            places = [TopicPartition(t["topic"], p["partition"]) for t in described for p in t["partitions"]]
            ends = await reader.end_offsets(places)
            behind: dict[str, int] = {}
            for service, names in topics.items():
                committed = await admin.list_consumer_group_offsets(service)
                behind[service] = sum(
                    end - max(committed[place].offset if place in committed else 0, 0)
                    for place, end in ends.items()
                    if place.topic in names
                )
            return behind
    finally:
        await admin.close()
        await reader.stop()
