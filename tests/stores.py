"""Migrated stores for tests: each is handed out as new, and used again once it is as new."""

import itertools
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable

import asyncpg

from ops.stack.stack import Stack
from shared import database
from shared.database import Connection

Furnish = Callable[[str], Awaitable[None]]
"""Makes what a store has beside its migrations; takes the address of its superuser."""

_SHAPE = """
WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'),
tables AS (SELECT c.oid AS id, relname, relowner, relacl, relkind
           FROM pg_class c JOIN ours ON ours.oid = relnamespace WHERE NOT relispartition)
SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
    SELECT concat_ws(' ', id, relname, relowner, relacl, relkind) FROM tables
    UNION ALL SELECT concat_ws(' ', id, attname, attnum, atttypid, attnotnull)
        FROM pg_attribute JOIN tables ON id = attrelid
    UNION ALL SELECT concat_ws(' ', id, tgname, tgenabled) FROM pg_trigger JOIN tables ON id = tgrelid
    UNION ALL SELECT concat_ws(' ', id, conname, convalidated) FROM pg_constraint JOIN tables ON id = conrelid
    UNION ALL SELECT concat_ws(' ', p.oid, proname, md5(prosrc), proacl)
        FROM pg_proc p JOIN ours ON ours.oid = pronamespace
    UNION ALL SELECT concat_ws(' ', setdatabase, setrole, setconfig) FROM pg_db_role_setting
) AS shape (line)
"""
"""All that statements may change but rows and partitions, as one word."""

_TABLES = """
SELECT format('%I.%I', nspname, relname) AS name, relispartition AS is_part, relkind = 'S' AS counts
FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind IN ('r', 'S') AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
"""


class Stores:
    """The stores of one run. A kind is a service, or whatever else is made in a way of its own."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._numbers = itertools.count(1)
        self._idle: dict[str, list[str]] = defaultdict(list)
        self._as_new: dict[str, _Store] = {}

    async def take(self, kind: str, *, role: str | None = None, furnish: Furnish | None = None) -> str:
        """The name of a store without a row but those that its migrations leave."""
        if self._idle[kind]:
            return self._idle[kind].pop()
        name = f"{kind}_{next(self._numbers)}"
        await self._stack.make_database(name, role or kind)
        address = self._stack.database_dsn(name)
        await database.migrate(address, kind)
        if furnish is not None:
            await furnish(address)
        connection = await asyncpg.connect(address)
        try:
            self._as_new[name] = await _look(connection, kind)
        finally:
            await connection.close()
        return name

    async def give_back(self, name: str) -> None:
        """Empty it for the next test; what was changed beyond that goes away altogether."""
        as_new = self._as_new[name]
        connection = await asyncpg.connect(self._stack.database_dsn(name))
        try:
            is_as_new = await _empty(connection, as_new)
        finally:
            await connection.close()
        if is_as_new:
            self._idle[as_new.kind].append(name)
        else:
            del self._as_new[name]
            await self._stack.drop_database(name)


class _Store:
    """What a store was when it was new: its shape, its tables, and the rows of those that had any."""

    def __init__(self, kind: str, shape: str, tables: set[str], rows: dict[str, str]) -> None:
        self.kind = kind
        self.shape = shape
        self.tables = tables
        self.rows = rows


async def _look(connection: Connection, kind: str) -> _Store:
    tables = {row["name"] for row in await connection.fetch(_TABLES) if not row["counts"]}
    filled = await _with_rows(connection, tables)
    shape = await connection.fetchval(_SHAPE)
    return _Store(kind, shape, tables, await _content(connection, filled))


async def _empty(connection: Connection, as_new: _Store) -> bool:
    """Whether it is as it was when it was new."""
    await connection.execute(
        "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    found = await connection.fetch(_TABLES)
    parts = [row["name"] for row in found if row["is_part"] and row["name"] not in as_new.tables]
    tables = {row["name"] for row in found if not row["counts"]} - set(parts)
    if tables != as_new.tables or await connection.fetchval(_SHAPE) != as_new.shape:
        return False
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")  # no trigger, no foreign key
        filled = await _with_rows(connection, tables - as_new.rows.keys())
        for statement in (
            *(f"DROP TABLE {name}" for name in parts),
            *(f"DELETE FROM {name}" for name in filled),
            *(f"ALTER SEQUENCE {row['name']} RESTART" for row in found if row["counts"]),
        ):
            await connection.execute(statement)
    return await _content(connection, as_new.rows.keys()) == as_new.rows


async def _with_rows(connection: Connection, tables: set[str]) -> list[str]:
    looks = [f"SELECT '{name}' WHERE EXISTS (SELECT FROM ONLY {name})" for name in tables]
    return [row[0] for row in await connection.fetch(" UNION ALL ".join(looks))]


async def _content(connection: Connection, tables: Iterable[str]) -> dict[str, str]:
    return {
        name: await connection.fetchval(
            f"SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM {name} t"
        )
        for name in tables
    }
