"""A hub for the flow tests: real Kafka, real PostgreSQL, every service a process of its own."""

from collections.abc import AsyncIterator

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


@pytest.fixture(scope="session")
async def another(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """A hub of its own, for tests that lose or restore a whole store."""
    stack = Stack(tmp_path_factory.mktemp("another"), usual_ports=False)
    await stack.start(["kafka", "postgres"])
    await prepare(stack)
    await stack.start(["simulator", *SERVICES])
    hub = Hub(stack, SERVICES)
    yield hub
    await hub.close()
    await stack.destroy()


@pytest.fixture
async def whole(hub: Hub) -> AsyncIterator[Hub]:
    """The hub for tests that break it: everything runs before, and is mended after."""
    await hub.stack.start(["kafka", "postgres"])
    await hub.stack.start(SERVICES)
    yield hub
    await hub.stack.start(["kafka", "postgres"])
    await hub.stack.start(SERVICES)
