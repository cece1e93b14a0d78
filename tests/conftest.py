"""What tests run against: a real PostgreSQL and a real Kafka of their own, started once per run."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ops.stack.stack import Stack
from shared import database, logging
from shared.database import Pool
from tests.contained import ContainedStack
from tests.containers.engine import missing
from tests.stores import Stores

logging.configure("tests", "WARNING")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stores",
        choices=("embedded", "containers"),
        default="embedded",
        help="Kafka and PostgreSQL from packages, or from the images that a city runs",
    )


@pytest.fixture(scope="session")
async def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    """An empty stack in a folder of its own; gone with the run."""
    root: Path = tmp_path_factory.mktemp("stack")
    if request.config.getoption("--stores") == "containers":
        if reason := missing():
            pytest.skip(reason)
        stack: Stack = ContainedStack(root)
    else:
        stack = Stack(root, usual_ports=False)
    yield stack
    await stack.destroy()


@pytest.fixture(scope="session")
async def postgres(stack: Stack) -> Stack:
    """The stack with PostgreSQL running."""
    await stack.start(["postgres"])
    return stack


@pytest.fixture(scope="session")
async def kafka(stack: Stack) -> Stack:
    """The stack with Kafka running."""
    await stack.start(["kafka"])
    return stack


@pytest.fixture(scope="session")
def stores(postgres: Stack) -> Stores:
    return Stores(postgres)


MakeStore = Callable[[str], Awaitable[Pool]]


@pytest.fixture
async def store_of(postgres: Stack, stores: Stores) -> AsyncIterator[MakeStore]:
    """A migrated store of a service that is as new, as a pool."""
    made: list[tuple[str, Pool]] = []

    async def make(service: str) -> Pool:
        name = await stores.take(service)
        pool = await database.open_pool(postgres.database_dsn(name, role=service), "tests")
        made.append((name, pool))
        return pool

    yield make
    for name, pool in made:
        pool.terminate()
        await stores.give_back(name)
