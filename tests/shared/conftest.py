"""A toy service on a fresh store, and an owner whose events it hears."""

import itertools
from collections.abc import AsyncIterator

import pytest

from ops.stack.stack import Stack
from shared import database
from shared.delivery.desk import Desk
from tests.shared import world
from tests.shared.world import Owner, Tally, World

_names = itertools.count()


@pytest.fixture
async def desk(postgres: Stack) -> AsyncIterator[Desk[Tally, World]]:
    name = f"toy_{next(_names)}"
    dsn = await postgres.make_database(name, "routing")
    await database.migrate(postgres.database_dsn(name), "toy")
    await world.make_tallies(postgres.database_dsn(name))
    pool = await database.open_pool(dsn, "tests")
    yield await world.open_desk(pool)
    pool.terminate()
    await postgres.drop_database(name)


@pytest.fixture
def intake() -> Owner:
    return Owner()
