"""A stack whose Kafka and PostgreSQL run in containers, by testcontainers: the images that a city runs.

Our own processes are the same as ever, and so are the tests: `pytest --stores=containers tests/flow`.
"""

import asyncio
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.stack import credentials, kafka, postgres
from ops.stack.parts import SERVICES, STORES
from ops.stack.ports import HOST
from ops.stack.stack import READY_SECONDS, Stack

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

KAFKA, POSTGRES = "apache/kafka:4.3.1", "postgres:18"
CONTROLLER = 9093


class ContainedStack(Stack):
    """A `Stack` under `root`; its stores are containers at ports of this machine."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, usual_ports=False)
        self._containers: dict[str, DockerContainer] = {}

    async def _start_kafka(self) -> None:
        port = self._port("kafka")
        await self._run(
            "kafka",
            KAFKA,
            {9092: port},
            {
                "KAFKA_NODE_ID": "1",
                "KAFKA_PROCESS_ROLES": "broker,controller",
                "KAFKA_CONTROLLER_QUORUM_VOTERS": f"1@localhost:{CONTROLLER}",
                "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
                "KAFKA_LISTENERS": f"PLAINTEXT://:9092,CONTROLLER://localhost:{CONTROLLER}",
                "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{HOST}:{port}",
                "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
                "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
                "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
                "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
                "KAFKA_BROKER_SESSION_TIMEOUT_MS": "2000",
                "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS": "500",
                "KAFKA_HEAP_OPTS": "-Xmx512m",
            },
        )
        await _until(lambda: kafka.answers(port), "Kafka")

    async def _start_postgres(self) -> None:
        port = self._port("postgres")
        passwords = credentials.passwords(self.places.passwords, (postgres.SUPERUSER, *SERVICES))
        environment = {
            "POSTGRES_PASSWORD": passwords[postgres.SUPERUSER],
            "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256 --encoding=UTF8 --locale-provider=builtin"
            " --builtin-locale=C.UTF-8 --locale=C",
        }
        command = "postgres -c max_connections=200 -c jit=off"
        await self._run("postgres", POSTGRES, {5432: port}, environment, command)
        address = self.database_dsn("postgres")
        await _until(lambda: postgres.answers(address), "PostgreSQL")
        await postgres.provide(address, {name: passwords[name] for name in SERVICES})

    def _port(self, part: str) -> int:
        known = self.ports.of(part) if part in self._containers else None
        return known or self._choose_port(part)

    async def _run(
        self,
        part: str,
        image: str,
        ports: Mapping[int, int],
        environment: Mapping[str, str],
        command: str = "",
    ) -> None:
        from testcontainers.core.config import testcontainers_config
        from testcontainers.core.container import DockerContainer

        testcontainers_config.ryuk_disabled = True  # we end our own, and need no third image for it
        if part in self._containers:
            await asyncio.to_thread(self._wrapped(part).start)  # nothing happens where it runs
            return
        container = DockerContainer(image)
        for name, value in environment.items():
            container.with_env(name, value)
        for inside, outside in ports.items():
            container.with_bind_ports(inside, outside)
        if command:
            container.with_command(command)
        self._containers[part] = container
        await asyncio.to_thread(container.start)

    def _wrapped(self, part: str) -> Any:
        return self._containers[part].get_wrapped_container()

    async def stop(self, parts: Sequence[str] | None = None) -> list[str]:
        """As ever; the stores' containers stop and keep what they hold."""
        killed = await super().stop(parts)
        for part in STORES:
            if part in self._containers and (parts is None or part in parts):
                await asyncio.to_thread(self._wrapped(part).stop, timeout=20)
        return killed

    def kill(self, part: str, what: signal.Signals = signal.SIGKILL) -> None:
        """Signal a part as an accident would."""
        if part in self._containers:
            self._wrapped(part).kill(what.name)
        else:
            super().kill(part, what)

    async def destroy(self) -> None:
        """As ever; and the containers are gone with all that they hold."""
        await super().destroy()
        for container in self._containers.values():
            await asyncio.to_thread(container.stop, delete_volume=True)
        self._containers.clear()


async def _until(answers: Any, what: str) -> None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            while not await answers():  # noqa: ASYNC110 - a container calls nobody back
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"{what} did not come up in its container") from None
