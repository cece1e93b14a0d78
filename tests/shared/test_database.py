"""Migrations on a store that is in use."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import asyncpg
import pytest

from ops.stack.stack import Stack
from shared import database

pytestmark = pytest.mark.store
_names = itertools.count()
LAST = "routing/0003_updates"


@pytest.fixture
async def lacking(postgres: Stack) -> AsyncIterator[str]:
    """The address of routing's store, in which the migration `LAST` was not made yet."""
    name = f"lacking_{next(_names)}"
    await postgres.make_database(name, "routing")
    dsn = postgres.database_dsn(name)
    await database.migrate(dsn, "routing")
    connection = await asyncpg.connect(dsn)
    await connection.execute("DROP TABLE opd_updates")
    await connection.execute("DELETE FROM public.migrations WHERE name = $1", LAST)
    await connection.close()
    yield dsn
    await postgres.drop_database(name)


async def test_a_migration_waits_for_whoever_is_at_work_and_lets_them_go_on(lacking: str) -> None:
    other = await asyncpg.connect(lacking)
    await other.execute("BEGIN; LOCK TABLE public.migrations IN SHARE MODE")
    migrating = asyncio.create_task(database.migrate(lacking, "routing"))
    await asyncio.sleep(2.5)  # longer than it waits for a lock
    assert not migrating.done()
    await other.execute("COMMIT")
    assert await migrating == [LAST]
    await other.close()


async def test_a_migration_that_gets_no_lock_says_so_and_has_changed_nothing(lacking: str) -> None:
    other = await asyncpg.connect(lacking)
    await other.execute("BEGIN; LOCK TABLE public.migrations IN SHARE MODE")
    with pytest.raises(database.Held, match=f"{LAST} did not get its locks"):
        await database.migrate(lacking, "routing", patience=0.1)
    await other.execute("COMMIT")
    assert await other.fetchval("SELECT to_regclass('opd_updates')") is None
    assert await database.migrate(lacking, "routing") == [LAST]
    await other.close()
