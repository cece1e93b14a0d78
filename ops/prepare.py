"""What a hub needs before its services start: keys, topics, migrated stores, the city's registry."""

from ops import city, topics
from ops.refusal import Refusal
from ops.stack import credentials
from ops.stack.parts import SERVICES, city_directory
from ops.stack.stack import Stack, together
from shared.database import migrate


async def prepare(stack: Stack) -> None:
    """See to all of it. Kafka and PostgreSQL must be running; doing it again changes nothing."""
    credentials.master_key(stack.places.master_key)
    credentials.trial_keys(stack.places.hashed_keys, stack.places.trial_keys)
    dsns = {service: stack.dsn(service) for service in SERVICES}
    with stack.steps.step("topics and stores"):
        await together(
            topics.provision(stack.bootstrap, topics.FILE),
            *(_migrated(service, stack.database_dsn(service)) for service in SERVICES),
        )
    with stack.steps.step("the city's registry"):
        await city.load(city_directory(), dsns)


async def _migrated(service: str, address: str) -> list[str]:
    """Bring its store up to date. A changed old migration is told, with the way out that a local hub has."""
    try:
        return await migrate(address, service)
    except RuntimeError as error:
        raise Refusal(f"{service}: {error}. To begin anew with an empty hub: ./simpul reset") from error
