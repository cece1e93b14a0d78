"""PostgreSQL as every service uses it: the pool, the migrations, and what a refusal by it means."""

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from shared import clock

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Pool = asyncpg.Pool
    Connection = asyncpg.Connection

Transaction: TypeAlias = Connection
"""A connection inside a transaction; whoever opened it ends it."""

ROOT = Path(__file__).resolve().parent.parent
_MIGRATING = 7_305_001
_LOCK_SECONDS = 2
"""How long a migration may keep services waiting for a lock that it does not get."""
_REFUSALS = ("22", "23", "54")

asyncpg.protocol.protocol.IterableABC = (list, tuple, set, frozenset, type({}.keys()), type({}.values()))  # type: ignore[attr-defined]
"""What asyncpg takes for an array. It asks that of each element, too; to ask it of an abstract class cost more than all
else in encoding one. There is no door to hand it in by."""

AWAY = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What is raised while a store is away, or goes in the middle of an answer."""


def refuses_the_row(error: BaseException) -> bool:
    """Whether PostgreSQL says that the *row* is wrong, which no retry helps.

    SQLSTATE classes 22 (data exception), 23 (integrity violation), 54 (limit exceeded): DESIGN §4.6.
    """
    if not isinstance(error, asyncpg.PostgresError) or (error.sqlstate or "")[:2] not in _REFUSALS:
        return False
    # "no partition of relation found for row" is a check violation that names no constraint: ours to mend
    return not (isinstance(error, asyncpg.CheckViolationError) and error.constraint_name is None)


async def _as_it_was(_: Connection) -> None:
    """What a connection is brought back to when it is given back: nothing of ours outlasts its transaction.

    asyncpg itself rolls back what is still open; its RESET ALL and the like would be a statement more each time.
    """


async def open_pool(dsn: str, name: str, size: int = 8) -> Pool:
    """A pool of at most `size` connections that show as `name` in pg_stat_activity."""
    pool = await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        max_inactive_connection_lifetime=60,
        command_timeout=60,
        timeout=10,
        reset=_as_it_was,
        server_settings={"application_name": name, "timezone": "UTC", "jit": "off"},
    )
    assert pool is not None
    return pool


def migrations(service: str) -> list[tuple[str, str]]:
    """Name and SQL of every migration of a service's store, the frame's first, in order."""
    folders = (
        ("delivery", ROOT / "shared/delivery/migrations"),
        (service, ROOT / f"services/{service}/migrations"),
    )
    return [
        (f"{owner}/{file.stem}", file.read_text(encoding="utf-8"))
        for owner, folder in folders
        for file in sorted(folder.glob("*.sql"))
    ]


class Held(Exception):
    """A migration did not get its locks: something holds them for longer than services do."""


async def migrate(dsn: str, service: str, patience: float = 60.0) -> list[str]:
    """Bring a service's store up to date; returns the names newly applied.

    A store belongs to the role `<role>_owner`, and the service comes in as `<role>`, which is granted the rows
    and may change no table (docs/decisions/owners-and-grants.md). `dsn` is of somebody who may act as both: the
    superuser, as a rule.

    Each file is one transaction, under an advisory lock (two may call at once) and with a lock_timeout, so
    that a waiting migration never queues the service's own statements behind it for long. A file that was
    changed after it was applied stops everything, by name.
    """
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        owner, role = await _owner_and_role(connection)
        await connection.execute("SELECT pg_advisory_lock($1)", _MIGRATING)
        await _take_over(connection, owner, role)
        await connection.execute(f"SET ROLE {quoted(owner)}")
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS public.migrations"
            " (name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        known = {
            row["name"]: row["digest"]
            for row in await connection.fetch("SELECT name, digest FROM public.migrations")
        }
        applied: list[str] = []
        for name, sql in migrations(service):
            digest = hashlib.sha256(sql.encode()).hexdigest()
            if name in known:
                if known[name] != digest:
                    raise RuntimeError(f"migration {name} was changed after it was applied; write a new one")
                continue
            await _apply(connection, name, sql, digest, role, patience)
            applied.append(name)
        return applied
    finally:
        await connection.close()


async def _apply(
    connection: Connection, name: str, sql: str, digest: str, role: str, patience: float
) -> None:
    """One migration, as soon as it gets its locks. In between the services go on for as long as it held them up."""
    until, pause = clock.elapsed() + patience, 0.1
    while True:
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
                await connection.execute(sql)
                await connection.execute(
                    "INSERT INTO public.migrations (name, digest) VALUES ($1, $2)", name, digest
                )
                await _grant(connection, role)
            return
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if clock.elapsed() > until:
                raise Held(f"migration {name} did not get its locks in {patience:.0f} s") from None
        await asyncio.sleep(pause)
        pause = min(pause * 2, float(_LOCK_SECONDS))


OWNER = "_owner"
"""What the name of a store's owner ends in; the rest is the name of the role that its service comes in as."""

_GRANTED = {
    "public": "SELECT, INSERT, UPDATE, DELETE",
    "delivery": "SELECT, INSERT, UPDATE, DELETE",
    "audit": "SELECT, INSERT",
}
"""What a service's role may do with the rows of each schema; to change a table is its owner's alone."""


async def _owner_and_role(connection: Connection) -> tuple[str, str]:
    owner: str = await connection.fetchval(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    )
    if not owner.endswith(OWNER):
        raise RuntimeError(f"the store belongs to {owner}, not to a role named <its service>{OWNER}")
    return owner, owner.removesuffix(OWNER)


async def _take_over(connection: Connection, owner: str, role: str) -> None:
    """Until version 0.1 a service owned its tables: give them to the owner, and the service its grants, at once."""
    async with connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = '5s'")
        if await connection.fetchval(
            "SELECT true FROM pg_namespace WHERE pg_get_userbyid(nspowner) = $1", role
        ):
            await connection.execute(f"REASSIGN OWNED BY {quoted(role)} TO {quoted(owner)}")
            await _grant(connection, role)


async def _grant(connection: Connection, role: str) -> None:
    who = quoted(role)
    for schema in await connection.fetch(
        "SELECT nspname FROM pg_namespace WHERE nspname = ANY($1)", [*_GRANTED]
    ):
        name = schema["nspname"]
        await connection.execute(
            f"GRANT USAGE ON SCHEMA {name} TO {who};"
            f" GRANT {_GRANTED[name]} ON ALL TABLES IN SCHEMA {name} TO {who};"
            f" GRANT USAGE ON ALL SEQUENCES IN SCHEMA {name} TO {who};"
            f" GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {name} TO {who}"
        )
    await connection.execute(f"REVOKE INSERT, UPDATE, DELETE ON public.migrations FROM {who}")


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


async def unapplied(connection: Connection, service: str) -> list[str]:
    """The migrations that this code knows and the store does not have."""
    if await connection.fetchval("SELECT to_regclass('public.migrations')") is None:
        return [name for name, _ in migrations(service)]
    known = {row["name"] for row in await connection.fetch("SELECT name FROM public.migrations")}
    return [name for name, _ in migrations(service) if name not in known]


OVERTAKEN_FOR = timedelta(minutes=30)
"""For how long a store that is newer than the code counts as one whose services are being replaced."""


async def is_overtaken(connection: Connection, service: str) -> bool:
    """Whether a newer version of this service is taking over: its store lately had a migration unknown to this code.

    What this code cannot work now, its successor may. After `OVERTAKEN_FOR` it is an old version that is meant to stay.
    """
    overtaken: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM public.migrations"
        " WHERE name <> ALL($1::text[]) AND applied_at > now() - $2::interval)",
        [name for name, _ in migrations(service)],
        OVERTAKEN_FOR,
    )
    return overtaken
