"""The hub that a command works on: the local one, or one that runs elsewhere, named by the environment.

`SIMPUL_STORES` (host:port of PostgreSQL) says that it is elsewhere; `docker-compose.yml` sets it for its commands.
"""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import asyncpg

from ops.refusal import Refusal
from ops.stack import credentials, health, kafka, postgres
from ops.stack.parts import SERVICES, STORES
from ops.stack.stack import PartStatus, Stack, together
from shared.database import Connection

STORES_AT = "SIMPUL_STORES"


class Hub(Protocol):
    """Where its parts are, and the secrets that open them."""

    @property
    def bootstrap(self) -> str:
        """host:port of Kafka."""

    @property
    def keys_file(self) -> Path:
        """The hashed keys that the services read."""

    @property
    def master_key(self) -> Path:
        """The file with intake's master key, if it is there."""

    @property
    def way_up(self) -> str:
        """How somebody starts it, for telling them."""

    def has_stores(self) -> bool:
        """Whether it is known where they are."""

    def dsn(self, service: str) -> str:
        """The address of a service's store, as the service comes in."""

    def database_dsn(self, database: str, role: str = postgres.SUPERUSER) -> str:
        """The address of any database, as the one who may do everything or as another role."""

    def keep_password(self, name: str, password: str, *, until_set: bool = False) -> None:
        """Another password for a role of PostgreSQL; `until_set`: beside the one that is still in force."""

    def password_to_be(self, name: str) -> str | None:
        """The one that was kept beside, if one was."""

    def url(self, part: str) -> str:
        """Where a service answers HTTP."""

    def admin_key(self) -> str | None:
        """A key with role admin, if there is one here."""

    async def status(self) -> list[PartStatus]:
        """How each part is."""


@asynccontextmanager
async def store(here: Hub, service: str) -> AsyncGenerator[Connection, None]:
    """A connection to a service's store, as the service comes in. Refusal where it lacks what is asked for in it."""
    connection = await asyncpg.connect(here.dsn(service), timeout=10)
    try:
        yield connection
    except _LACKS:
        raise Refusal(f"the store of {service} lacks tables of this version; {way_to_tables(here)}") from None
    finally:
        await connection.close()


def way_to_tables(here: Hub) -> str:
    """How a store gets the tables of this version."""
    return here.way_up if isinstance(here, Stack) else "docker compose run --rm ops prepare"


_LACKS = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InvalidSchemaNameError,
)


@dataclass(frozen=True)
class Elsewhere:
    """A hub in containers: addresses from the environment, secrets from a folder that the job `secrets` filled.

    `stores` is host:port; `services` an address with `{service}` in it.
    """

    bootstrap: str
    stores: str
    services: str
    secrets: Path
    keys_file: Path
    way_up: str = "docker compose up --wait"

    @property
    def master_key(self) -> Path:
        return self.secrets / "intake" / "master.key"

    def has_stores(self) -> bool:
        return True

    def dsn(self, service: str) -> str:
        return self.database_dsn(service, role=service)

    def database_dsn(self, database: str, role: str = postgres.SUPERUSER) -> str:
        password = quote(credentials.store_password(self.secrets, role), safe="")
        return f"postgresql://{role}:{password}@{self.stores}/{database}"

    def passwords(self) -> dict[str, str]:
        """The stores' passwords, by service."""
        return {service: credentials.store_password(self.secrets, service) for service in SERVICES}

    def keep_password(self, name: str, password: str, *, until_set: bool = False) -> None:
        file = credentials.store_password_file(self.secrets, name)
        file = file.with_name(f"{file.name}{credentials.NEXT}") if until_set else file
        credentials.write_private(file, password, 0o640)

    def password_to_be(self, name: str) -> str | None:
        file = credentials.store_password_file(self.secrets, name)
        file = file.with_name(f"{file.name}{credentials.NEXT}")
        return file.read_text(encoding="utf-8").strip() if file.exists() else None

    def url(self, part: str) -> str:
        return self.services.format(service=part)

    def admin_key(self) -> str | None:
        file = credentials.operator_key(self.secrets)
        return file.read_text(encoding="utf-8").strip() if file.exists() else None

    async def status(self) -> list[PartStatus]:
        return list(await together(*(self._status_of(part) for part in [*STORES, *SERVICES])))

    async def _status_of(self, part: str) -> PartStatus:
        if part in STORES:
            place = self.bootstrap if part == "kafka" else self.stores
            return PartStatus(
                part, None, place, "ready" if await self._answers(part) else "does not answer", ""
            )
        said = await asyncio.to_thread(health.health, self.url(part))
        return PartStatus(part, None, self.url(part), said, "")

    async def _answers(self, store: str) -> bool:
        if store == "postgres":
            return await postgres.answers(self.database_dsn("postgres"))
        host, _, port = self.bootstrap.partition(",")[0].rpartition(":")
        return await kafka.answers(int(port), host=host)


def is_elsewhere() -> bool:
    """Whether the environment names a hub that is not this folder's."""
    return bool(os.environ.get(STORES_AT))


def current() -> Hub:
    """The hub to work on. Refusal naming the variable that is missing."""
    if not is_elsewhere():
        return Stack()
    return Elsewhere(
        bootstrap=_told("SIMPUL_KAFKA_BOOTSTRAP"),
        stores=_told(STORES_AT),
        services=_told("SIMPUL_SERVICES"),
        secrets=Path(_told("SIMPUL_SECRETS_DIR")),
        keys_file=Path(_told("SIMPUL_KEYS_FILE")),
    )


def _told(name: str) -> str:
    if value := os.environ.get(name):
        return value
    raise Refusal(f"{STORES_AT} names a hub that runs elsewhere, and then {name} must be set too")
