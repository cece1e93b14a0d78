"""One hub for all tests of who may do what: they use complaints of their own."""

from collections.abc import AsyncIterator

import pytest

from ops.stack.stack import Stack
from tests.access.hub import Hub


@pytest.fixture(scope="session")
async def doors(postgres: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """The four services behind their doors."""
    hub = Hub(tmp_path_factory.mktemp("doors") / "keys.json")
    await hub.open(postgres)
    yield hub
    await hub.close()
