"""A hub for the flow tests: real Kafka, real PostgreSQL, every service a process of its own."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ops.prepare import prepare
from ops.stack.stack import Stack
from tests.flow.world import Hub

SERVICES = ("intake", "routing", "lapor_bridge", "sla_monitor")


@pytest.fixture(scope="session")
async def hub(stack: Stack) -> AsyncIterator[Hub]:
    """The running hub; tests use complaints of their own and leave it running."""
    await stack.start(["kafka", "postgres"])
    await prepare(stack)
    await stack.start(["simulator", *SERVICES])
    hub = Hub(stack, SERVICES)
    yield hub
    await hub.close()
    await stack.stop(["simulator", *SERVICES])


@asynccontextmanager
async def hub_in(root: Path) -> AsyncGenerator[Hub, None]:
    """A hub with nothing in it, gone afterwards."""
    stack = Stack(root, usual_ports=False)
    await stack.start(["kafka", "postgres"])
    await prepare(stack)
    await stack.start(["simulator", *SERVICES])
    hub = Hub(stack, SERVICES)
    yield hub
    await hub.close()
    await stack.destroy()


@pytest.fixture(scope="session")
async def another(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """A hub of its own, for tests that lose or restore a whole store."""
    async with hub_in(tmp_path_factory.mktemp("another")) as hub:
        yield hub


@pytest.fixture
async def aviary(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """A hub of its own in which nobody else has been, for a test that looks at all that lies in it."""
    async with hub_in(tmp_path_factory.mktemp("aviary")) as hub:
        yield hub


@pytest.fixture
async def whole(hub: Hub) -> AsyncIterator[Hub]:
    """The hub for tests that break it: everything runs before, and is mended after."""
    await hub.stack.start(["kafka", "postgres"])
    await hub.stack.start(SERVICES)
    yield hub
    await hub.stack.start(["kafka", "postgres"])
    await hub.stack.start(SERVICES)
