"""A toy service on a fresh store, and an owner whose events it hears."""

from collections.abc import AsyncIterator

import pytest

from ops.stack.stack import Stack
from shared import database
from shared.database import Pool
from shared.delivery.desk import Desk
from tests.shared import world
from tests.shared.world import Owner, Tally, World
from tests.stores import Stores


@pytest.fixture
async def toy_store(postgres: Stack, stores: Stores) -> AsyncIterator[Pool]:
    """A store with the frame's tables and the toy's own, as new."""
    name = await stores.take("toy", role="routing", furnish=world.make_tallies)
    pool = await database.open_pool(postgres.database_dsn(name, role="routing"), "tests")
    yield pool
    pool.terminate()
    await stores.give_back(name)


@pytest.fixture
async def desk(toy_store: Pool) -> Desk[Tally, World]:
    return await world.open_desk(toy_store)


@pytest.fixture
def intake() -> Owner:
    return Owner()
