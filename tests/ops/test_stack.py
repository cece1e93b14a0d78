"""A stack of its own: what is stored survives accidents, and services stay out of each other's stores."""

import signal
from collections.abc import AsyncIterator

import asyncpg
import pytest

from ops.refusal import Refusal
from ops.stack.stack import Plan, Stack

pytestmark = pytest.mark.store


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    own = Stack(tmp_path_factory.mktemp("hub") / "state", usual_ports=False)
    try:
        await own.start(["postgres"])
        yield own
    finally:
        await own.destroy()


async def test_a_role_cannot_connect_to_another_services_store(stack: Stack) -> None:
    own = await asyncpg.connect(stack.dsn("intake"))
    await own.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(stack.database_dsn("intake", role="routing"))


async def test_a_throw_away_database_comes_and_goes(stack: Stack) -> None:
    connection = await asyncpg.connect(await stack.make_database("trial", role="routing"))
    await stack.drop_database("trial")
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await connection.fetchval("SELECT 1")


async def test_durability_is_as_postgresql_ships_it(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.dsn("intake"))
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert await connection.fetchval(f"SHOW {setting}") == "on"
    await connection.close()


async def test_what_was_committed_survives_a_kill_and_is_found_at_the_same_address(stack: Stack) -> None:
    address = stack.dsn("intake")
    connection = await asyncpg.connect(stack.database_dsn("intake"))
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS one; GRANT SELECT ON kept TO intake")
    await connection.close()
    stack.kill("postgres", signal.SIGKILL)
    assert await stack.processes.ended("postgres", 10)
    await Stack(stack.places.root, usual_ports=False).start(["postgres"])  # as a later ./simpul up would
    assert stack.dsn("intake") == address
    connection = await asyncpg.connect(address)
    assert await connection.fetchval("SELECT one FROM kept") == 1
    await connection.close()


async def test_starting_what_runs_changes_nothing(stack: Stack) -> None:
    pid = stack.processes.find("postgres")
    await stack.start(["postgres"])
    assert stack.processes.find("postgres") == pid


async def test_lost_records_lead_to_the_running_store_not_to_a_second_one(stack: Stack) -> None:
    pid = stack.processes.find("postgres")
    for record in stack.places.run.iterdir():
        record.unlink()
    await stack.start(["postgres"])
    assert stack.processes.find("postgres") == pid


async def test_what_should_run_and_does_not_is_told_apart_from_what_is_off(stack: Stack) -> None:
    stack.keep_plan(Plan(parts=("postgres", "intake")))
    health = {row.name: row.health for row in await stack.status()}
    assert health["postgres"] == "ready"
    assert "brings it back" in health["intake"]
    assert health["routing"] == "off"


async def test_stores_without_their_passwords_are_refused_in_words(stack: Stack) -> None:
    away = stack.places.passwords.rename(stack.places.passwords.with_suffix(".away"))
    try:
        with pytest.raises(Refusal, match=r"is gone .* reset"):
            await stack.start(["postgres"])
    finally:
        away.rename(stack.places.passwords)


def test_two_hands_at_once_are_refused(stack: Stack) -> None:
    with (
        stack.alone(),
        pytest.raises(Refusal, match=r"another \./simpul"),
        Stack(stack.places.root, usual_ports=False).alone(),
    ):
        pass
