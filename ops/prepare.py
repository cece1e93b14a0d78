"""What a hub needs before its services start: keys, topics, migrated stores, the city's registry.

As a command, for a hub whose Kafka and PostgreSQL run already: `docker-compose.yml` has it as a job.
"""

import argparse
import asyncio

from ops import city, hub, topics
from ops.console import Steps
from ops.hub import Elsewhere, Hub
from ops.refusal import Refusal
from ops.stack import credentials, postgres
from ops.stack.parts import SERVICES, city_directory
from ops.stack.stack import Stack, together
from shared.database import AWAY, Held, migrate


async def prepare(stack: Stack) -> None:
    """See to all of it. Kafka and PostgreSQL must be running; doing it again changes nothing."""
    credentials.master_key(stack.places.master_key)
    places = stack.places
    credentials.key_file(places.hashed_keys, places.bridge_key, credentials.BRIDGE, "bridge")
    credentials.trial_keys(places.hashed_keys, places.trial_keys)
    await provision(stack, stack.steps)


async def provision(here: Hub, steps: Steps) -> None:
    """Topics, stores and the city's registry, wherever that hub runs."""
    with steps.step("topics and stores"):
        await together(
            topics.provision(here.bootstrap, topics.FILE),
            *(_migrated(service, here.database_dsn(service)) for service in SERVICES),
        )
    with steps.step("the city's registry"):
        await city.load(city_directory(), {service: here.dsn(service) for service in SERVICES})


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """None: the hub is the local one, or the one that the environment names."""


def run(_args: argparse.Namespace) -> None:
    here, steps = hub.current(), Steps()
    with steps.shown():
        asyncio.run(_from_nothing(here, steps))


async def _from_nothing(here: Hub, steps: Steps) -> None:
    if isinstance(here, Elsewhere):
        try:
            await postgres.provide(here.database_dsn("postgres"), here.passwords())
        except AWAY as away:
            raise Refusal(f"no PostgreSQL answers at {here.stores} ({type(away).__name__})") from None
    elif not here.has_stores():
        raise Refusal(f"there are no stores yet; {here.way_up}")
    await provision(here, steps)


async def _migrated(service: str, address: str) -> list[str]:
    """Bring its store up to date. A changed old migration is told, with the way out that a local hub has."""
    try:
        return await migrate(address, service)
    except RuntimeError as error:
        raise Refusal(f"{service}: {error}. To begin anew with an empty hub: ./simpul reset") from error
    except Held as held:
        raise Refusal(
            f"{service}: {held}. Somebody else is at work in that store: a backup, a session of psql. Let it end, then"
            " say this again; nothing was changed, and the services go on as they are"
        ) from None
