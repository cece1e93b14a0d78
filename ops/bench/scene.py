"""The hub that is measured: one of its own under `.simpul/bench`, with the stores set as durably as any other."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError

from ops.bench.measuring import Meter
from ops.console import Steps
from ops.prepare import prepare
from ops.refusal import Refusal
from ops.stack import credentials, kafka, postgres, roots
from ops.stack.parts import SERVICES
from ops.stack.stack import PROGRAM_STEPS, Stack
from shared.database import migrate

FREELY = {f"SIMPUL_RATE_{role}": "100000" for role in ("PUBLISHER", "OPD", "VERIFIER", "ADMIN", "PUBLIC")}
"""Nobody is turned away for asking too often while it is measured how much can be asked."""


class Scene:
    """A running hub and what a bench does with it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    @property
    def bootstrap(self) -> str:
        return self.stack.bootstrap

    async def start(self, *services: str, **told: str) -> None:
        """Start these services, as `up` would."""
        await self.stack.start(services, dict.fromkeys(SERVICES, FREELY | told))

    async def stop(self, *services: str) -> None:
        """Stop these gracefully; all of ours where none is named."""
        running = [part for part in self.stack.running() if part not in ("kafka", "postgres")]
        await self.stack.stop(services or running)

    def begin(self, name: str, module: str, *arguments: str, **told: str) -> int:
        """Start a process of the bench's own; its pid."""
        environment = {**os.environ, "PYTHONPATH": str(roots.CLONE), "PYTHONUNBUFFERED": "1", **told}
        return self.stack.processes.start(
            name,
            [sys.executable, "-P", "-m", module, *arguments],
            log=self.stack.places.log(name),
            cwd=roots.CLONE,
            env=environment,
        )

    async def end(self, name: str) -> None:
        """End such a process."""
        await self.stack.processes.stop(name, PROGRAM_STEPS)

    def meter(self, *parts: str) -> Meter:
        """Of these parts, and of Kafka and PostgreSQL."""
        pids = {part: self.stack.processes.find(part) for part in (*parts, "postgres", "kafka")}
        gone = [part for part, pid in pids.items() if pid is None]
        if gone:
            raise Refusal(f"{', '.join(gone)} does not run; see {self.stack.places.logs}")
        return Meter({part: pid for part, pid in pids.items() if pid is not None})

    async def store(self, name: str, role: str, *, anew: bool = False) -> str:
        """A database of the bench's own with the frame's tables (`role` comes in); its address."""
        if anew:
            await self.stack.drop_database(name)
        credentials.passwords(self.stack.places.passwords, (role,))
        superuser = self.stack.database_dsn("postgres")
        password = credentials.passwords(self.stack.places.passwords, ())[role]
        connection = await asyncpg.connect(superuser)
        try:
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
            await postgres.make_database(connection, name, role)
        finally:
            await connection.close()
        await migrate(self.stack.database_dsn(name), role)
        return self.stack.database_dsn(name, role=role)

    @asynccontextmanager
    async def superuser(self, database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A connection that may do everything in that database."""
        connection = await asyncpg.connect(self.stack.database_dsn(database), timeout=30)
        try:
            yield connection
        finally:
            await connection.close()

    async def go_on_from(self, service: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Let a service, which does not run, begin there: what others were measured with is not its concern."""
        async with AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, group_id=service, enable_auto_commit=False
        ) as consumer:
            places = {TopicPartition(topic, n): offset for n, offset in offsets.items()}
            consumer.assign(list(places))
            for _ in range(60):
                try:
                    await consumer.commit(places)
                    break
                except CommitFailedError:  # the group still counts the member that has just ended
                    await asyncio.sleep(0.5)
            else:
                raise Refusal(f"the group of {service} does not let go")

    @asynccontextmanager
    async def looking(self) -> AsyncIterator["Ends"]:
        """How far the topics have been written."""
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap) as consumer:
            yield Ends(consumer)

    @asynccontextmanager
    async def listening_in(self, service: str, topic: str) -> AsyncIterator["Heard"]:
        """How far a service is with a topic, and whether it has something left to say."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            async with self.superuser(service) as store:
                yield Heard(admin, store, service, topic)
        finally:
            await admin.close()


class Ends:
    """Where topics end."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def partitions(self, topic: str) -> list[TopicPartition]:
        await self._consumer._client.add_topic(topic)
        return [TopicPartition(topic, n) for n in sorted(self._consumer.partitions_for_topic(topic) or ())]

    async def of(self, topic: str) -> Mapping[int, int]:
        """Partition → the next offset."""
        found = await self._consumer.end_offsets(await self.partitions(topic))
        return {tp.partition: offset for tp, offset in found.items()}

    async def count(self, topic: str) -> int:
        """How many records were ever written to it."""
        return sum((await self.of(topic)).values())

    async def until(self, topic: str, count: int, seconds: float) -> float:
        """Wait until so many were written; when that was seen (`time.monotonic`)."""

        async def written() -> str | None:
            reached = await self.count(topic)
            return None if reached >= count else f"{topic} holds {reached} records, {count} are awaited"

        return await _until(written, seconds)


class Heard:
    """What a service has heard of a topic: the offsets that its group has committed, which it does last."""

    def __init__(
        self,
        admin: AIOKafkaAdminClient,
        store: "asyncpg.Connection[asyncpg.Record]",
        service: str,
        topic: str,
    ) -> None:
        self._admin = admin
        self._store = store
        self._service = service
        self._topic = topic

    async def count(self) -> int:
        """How many records lie behind it, those that it was told to pass over too."""
        found = await self._admin.list_consumer_group_offsets(self._service)
        return sum(place.offset for tp, place in found.items() if tp.topic == self._topic)

    async def until(self, count: int, seconds: float) -> float:
        """Wait until it is so far; when that was seen (`time.monotonic`)."""

        async def heard() -> str | None:
            reached = await self.count()
            return None if reached >= count else f"{self._service} has heard {reached} records, not {count}"

        return await _until(heard, seconds)

    async def until_nothing_is_left_to_say(self, seconds: float) -> float:
        """Wait until Kafka has all that it said; when that was seen (`time.monotonic`)."""

        async def said() -> str | None:
            left = await self._store.fetchval("SELECT count(*) FROM delivery.outbox")
            return f"{self._service} has {left} events left to say" if left else None

        return await _until(said, seconds)


async def _until(missing: Callable[[], Awaitable[str | None]], seconds: float) -> float:
    """Wait until nothing is missing any more; when that was seen."""
    end = time.monotonic() + seconds
    while True:
        reason = await missing()
        now = time.monotonic()
        if reason is None:
            return now
        if now > end:
            raise Refusal(f"{reason} after {seconds:.0f} s")
        await asyncio.sleep(0.05)


@asynccontextmanager
async def a_scene(steps: Steps, *, keep: bool = False) -> AsyncIterator[Scene]:
    """A hub on empty stores, with nothing running but Kafka and PostgreSQL; put away at the end."""
    stack = Stack(bench_root(), usual_ports=False, steps=steps, jvm=kafka.MEASURED)
    with stack.alone():
        await stack.destroy()
        try:
            await stack.start(["kafka", "postgres"])
            await prepare(stack)
            yield Scene(stack)
        finally:
            await (stack.stop() if keep else stack.destroy())


def bench_root() -> Path:
    """The folder of the hub that is measured: apart from any other."""
    return roots.own() / "bench"


async def output(module: str, *arguments: str) -> dict[str, Any]:
    """What a process of the bench prints as JSON, its own CPU among it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        module,
        *arguments,
        cwd=roots.CLONE,
        env={**os.environ, "PYTHONPATH": str(roots.CLONE)},
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    if process.returncode:
        raise Refusal(f"{module} ended with {process.returncode}")
    found: dict[str, Any] = json.loads(told)
    return found


def tail(scene: Scene, name: str) -> str:
    """How the log of a process ends."""
    return scene.stack.log_tail(name)
