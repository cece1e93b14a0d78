"""The audit on a real PostgreSQL: an act leaves its row, or neither is there, and nobody's service can change it."""

import hashlib
import itertools
from uuid import uuid4

import asyncpg
import pytest

from ops.stack import postgres as stores
from ops.stack.stack import Stack
from shared import audit, clock, database
from shared.access import Caller
from shared.database import Pool
from shared.decision import Refused
from shared.delivery import saying
from shared.delivery.desk import Desk
from tests.conftest import MakeStore
from tests.shared.world import Tally, World, Write

pytestmark = pytest.mark.store
_names = itertools.count()

DLH = Caller("trial-opd-dlh", "opd", "DLH")


async def test_an_act_is_noted_with_who_did_it_on_which_complaint(desk: Desk[Tally, World]) -> None:
    key = uuid4()
    await desk.command(key, Write(text="1").known_as(uuid4()), noted=audit.Entry(DLH, "write"))
    (row,) = await desk.pool.fetch("SELECT name, role, opd, act, complaint_id, about FROM audit.acts")
    assert tuple(row) == ("trial-opd-dlh", "opd", "DLH", "write", key, None)


async def test_an_act_that_is_refused_leaves_no_note(desk: Desk[Tally, World]) -> None:
    with pytest.raises(Refused):
        await desk.command(
            uuid4(), Write(text="forbidden").known_as(uuid4()), noted=audit.Entry(DLH, "write")
        )
    assert await desk.pool.fetchval("SELECT count(*) FROM audit.acts") == 0


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit.acts SET name = 'somebody else'",
        "DELETE FROM audit.acts",
        "TRUNCATE audit.acts",
        "DROP TABLE audit.acts",
        "DROP SCHEMA audit CASCADE",
        "ALTER TABLE audit.acts RENAME TO elsewhere",
        "ALTER TABLE audit.acts DISABLE TRIGGER ALL",
        "CREATE TABLE audit.others ()",
        "SET ROLE routing_owner",
        "UPDATE public.migrations SET digest = ''",
    ],
)
async def test_the_services_role_cannot_change_what_is_noted(toy_store: Pool, sql: str) -> None:
    await audit.note(toy_store, audit.Operator("sari"), "resume", None, clock.now(), "mended")  # type: ignore[arg-type]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await toy_store.execute(sql)
    assert await toy_store.fetchval("SELECT name FROM audit.acts") == "sari"


@pytest.mark.parametrize("service", ["intake", "routing", "lapor_bridge", "sla_monitor"])
async def test_no_service_may_change_its_audit_or_its_tables(store_of: MakeStore, service: str) -> None:
    store = await store_of(service)
    rights = await store.fetch(
        "SELECT table_schema, table_name, privilege_type FROM information_schema.table_privileges"
        " WHERE grantee = current_user AND table_schema IN ('audit', 'delivery', 'public')"
    )
    assert {tuple(row)[2] for row in rights if row[0] == "audit"} == {"INSERT", "SELECT"}
    assert {row[2] for row in rights} == {"INSERT", "SELECT", "UPDATE", "DELETE"}
    owned = "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = current_user"
    assert await store.fetchval(owned) == 0


async def test_the_months_to_come_are_made_by_a_role_that_may_make_no_table(toy_store: Pool) -> None:
    async with toy_store.acquire() as connection:
        await saying.make_months(connection, clock.now().date().replace(year=2031))
        await saying.make_months(connection, clock.now().date().replace(year=2031))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE delivery.said_2032_01 (LIKE delivery.said)")
    assert await toy_store.fetchval("SELECT count(*) FROM pg_class WHERE relname ~ '^said_2031_[0-9]+$'") >= 1


async def test_a_store_that_its_service_owned_is_taken_over_in_place(postgres: Stack) -> None:
    """As version 0.1 made it: one role for all, the first two files of the frame applied by it."""
    name = f"old_{next(_names)}"
    superuser = await asyncpg.connect(postgres.database_dsn("postgres"))
    await superuser.execute(f"CREATE DATABASE {name} OWNER routing")
    old = await asyncpg.connect(postgres.database_dsn(name, role="routing"))
    await old.execute(
        "CREATE TABLE public.migrations (name text PRIMARY KEY, digest text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT now())"
    )
    for file, sql in database.migrations("routing"):
        if not file.startswith("delivery/0003"):
            await old.execute(sql)
            digest = hashlib.sha256(sql.encode()).hexdigest()
            await old.execute("INSERT INTO public.migrations VALUES ($1, $2)", file, digest)
        if file.startswith("delivery/0002"):
            break
    await old.execute(
        "INSERT INTO delivery.operator_acts (at, author, act, subject, reason)"
        " VALUES (now(), 'sari', 'resume', 'five failed', 'mended')"
    )
    await stores.make_database(superuser, name, "routing")
    applied = await database.migrate(postgres.database_dsn(name), "routing")
    assert "delivery/0003_audit" in applied
    try:
        row = await old.fetchrow("SELECT name, role, act, about FROM audit.acts")
        assert row is not None
        assert tuple(row) == ("sari", "operator", "resume", "five failed: mended")
        await old.execute("INSERT INTO delivery.keys (key) VALUES ($1)", uuid4())
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await old.execute("DELETE FROM audit.acts")
        assert await database.migrate(postgres.database_dsn(name), "routing") == []
    finally:
        await old.close()
        await superuser.close()
        await postgres.drop_database(name)


async def test_a_store_of_nobody_who_is_named_an_owner_is_refused(postgres: Stack) -> None:
    with pytest.raises(RuntimeError, match="belongs to postgres"):
        await database.migrate(postgres.database_dsn("postgres"), "routing")
