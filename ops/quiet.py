"""When the hub has nothing left to do: outboxes empty, every consumer at the end of its topics."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.database import AWAY

Heard = Mapping[str, Sequence[str]]
"""Which topics each service hears; its consumer group has its name."""


async def until_quiet(
    bootstrap: str, dsns: Mapping[str, str], topics: Heard, seconds: float
) -> dict[str, str]:
    """Wait until these services (DSN and heard topics by name) are quiet twice in a row.

    Returns what is still unquiet after `seconds`, by service, in words; empty where all is done.
    """
    until = time.monotonic() + seconds
    calm = 0
    busy: dict[str, str] = {}
    async with Ear(bootstrap, topics) as ear:
        while time.monotonic() < until:
            busy = await unfinished(ear, dsns)
            calm = 0 if busy else calm + 1
            if calm == 2:
                return {}
            await asyncio.sleep(0.15)
    return busy or {"hub": "did not stay quiet"}


async def unfinished(ear: "Ear", dsns: Mapping[str, str]) -> dict[str, str]:
    """What each service has left to hear or to publish just now, in words; empty where nothing is."""
    try:
        behind = await ear.behind()
    except (KafkaError, OSError, TimeoutError) as error:
        return {"kafka": type(error).__name__}
    busy = {service: f"{records} records not applied" for service, records in behind.items() if records}
    for service, dsn in dsns.items():
        try:
            connection = await asyncpg.connect(dsn, timeout=5)
            try:
                rows = await connection.fetchval("SELECT count(*) FROM delivery.outbox")
            finally:
                await connection.close()
        except AWAY as error:
            busy[service] = f"store: {type(error).__name__}"
            continue
        if rows:
            busy[service] = f"{rows} events not published"
    return busy


class Ear:
    """Hears how long the topics are and how far each service is, over connections that stay open.

    `also`: topics that no service hears. An asynchronous context manager; after an error the next question
    connects anew.
    """

    def __init__(self, bootstrap: str, topics: Heard, also: Sequence[str] = ()) -> None:
        self.bootstrap = bootstrap
        self._topics = topics
        self._also = also
        self._open: tuple[AIOKafkaAdminClient, AIOKafkaConsumer, list[TopicPartition]] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def ends(self) -> dict[TopicPartition, int]:
        """The end of each partition of these topics. Raises KafkaError, OSError or TimeoutError."""
        try:
            async with asyncio.timeout(15):
                _, reader, places = await self._connected()
                found: dict[TopicPartition, int] = await reader.end_offsets(places)
                return found
        except BaseException:
            await self.close()
            raise

    async def behind(self, *only: str) -> dict[str, int]:
        """Records (of these topics only, if any is named) that each service has not committed. Raises as `ends`."""
        ends = await self.ends()
        try:
            async with asyncio.timeout(15):
                admin, _, _ = await self._connected()
                behind: dict[str, int] = {}
                for service, names in self._topics.items():
                    committed = await admin.list_consumer_group_offsets(service)
                    behind[service] = sum(
                        end - max(committed[place].offset if place in committed else 0, 0)
                        for place, end in ends.items()
                        if place.topic in names and (not only or place.topic in only)
                    )
                return behind
        except BaseException:
            await self.close()
            raise

    async def _connected(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer, list[TopicPartition]]:
        if self._open is None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=5_000)
            reader = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, request_timeout_ms=5_000)
            self._open = (admin, reader, [])
            await reader.start()
            await admin.start()
            heard = sorted({*self._also, *(topic for names in self._topics.values() for topic in names)})
            described = await admin.describe_topics(heard)
            places = [TopicPartition(t["topic"], p["partition"]) for t in described for p in t["partitions"]]
            self._open = (admin, reader, places)
        return self._open

    async def close(self) -> None:
        """Let go of the connections; the next question opens new ones."""
        opened, self._open = self._open, None
        if opened is None:
            return
        admin, reader, _ = opened
        try:
            async with asyncio.timeout(5):
                await admin.close()
                await reader.stop()
        except (KafkaError, OSError, TimeoutError):
            return
