"""`./simpul restored`: after a store was restored from a backup, before its service starts again."""

import argparse
import asyncio
import getpass
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from ops import hub, topics
from ops.hub import Hub, store
from ops.records import all_records, partitions_of
from ops.refusal import Refusal
from ops.stack.parts import SERVICES
from shared import audit, clock
from shared.database import Connection
from shared.delivery import restoring, saying
from shared.delivery.restoring import SaidBefore
from shared.events.catalogue import OWNER_TOPICS
from shared.events.intake import ComplaintErased
from shared.events.words import Scope, wider

MARGIN = timedelta(minutes=10)
"""How much earlier than the last thing said Kafka is looked through: an event may be published late."""

GROUP_LEAVES_WITHIN = 40.0
"""Seconds until Kafka has forgotten a member that was killed."""

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done: the new epoch, what the store did not know that it had said, the partitions rewound, and how many
    complaints had been erased since the backup."""

    epoch: int
    said_before: Sequence[SaidBefore]
    rewound: int
    erased: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument(
        "--left", action="store_true", help="only show what it said before and still does not know"
    )
    parser.add_argument("--reason", help="why, for those who read the record later")
    parser.add_argument("--author", default=getpass.getuser(), help="who does it (else: you)")


def run(args: argparse.Namespace) -> int:
    here = hub.current()
    try:
        if args.left:
            return asyncio.run(_left(here, args.service))
        if not args.reason:
            raise Refusal("say why: --reason")
        done = asyncio.run(restore(here, args.service, audit.Operator(args.author), args.reason))
    except KafkaError as away:
        raise Refusal(f"Kafka does not answer ({type(away).__name__}); is it up? {here.way_up}") from None
    except (OSError, asyncpg.PostgresError) as away:
        raise Refusal(f"the store does not answer ({type(away).__name__}); is it up? {here.way_up}") from None
    print(
        f"{args.service} speaks under epoch {done.epoch} from now on, and reads its {done.rewound} partitions again"
        " from the beginning; what it has, it drops.\n"
        f"{done.erased} complaints had been erased since the backup, as the other stores and Kafka tell: they are"
        " forgotten again.\n"
        f"After the backup it had said {len(done.said_before)} events about"
        f" {len({one.key for one in done.said_before})} complaints. Most come of what it reads again. Start it, wait"
        f" until it has caught up, and see what is left:\n  ./simpul restored {args.service} --left"
    )
    return 0


async def restore(here: Hub, service: str, who: audit.Operator, reason: str) -> Restored:
    """A higher epoch, what Kafka holds beyond the backup, and the consumer group at its beginning.

    The service must be off. Twice is harmless: the epoch rises again. Refusal where it runs or Kafka is away.
    """
    own = [name for name, topic in topics.read().items() if service in topic.producers and _is_kept(topic)]
    async with store(here, service) as connection:
        if await restoring.who_runs(connection, service):
            raise Refusal(f"{service} runs; stop it first, then restore its store, then say this")
        await see_topics(here, topics.read())
        await saying.make_months(connection, clock.now().date())
        since = await restoring.last_said(connection)
        erased = await _erase_again(here, connection, service, since and since - MARGIN)
        numbers, said_before = await _look_through_kafka(here, connection, own, since and since - MARGIN)
        for other in SERVICES:
            if other != service:
                numbers.append(await _heard(here, other, own))
        rewound = await _rewind(here, service)
        epoch = await restoring.raise_epoch(connection, numbers, who, reason, clock.now())
    return Restored(epoch, said_before, rewound, erased)


async def see_topics(here: Hub, wanted: Iterable[str]) -> None:
    """Refusal where topics are missing: there would be nothing to look through, and Kafka's client never tires."""
    admin = AIOKafkaAdminClient(bootstrap_servers=here.bootstrap.split(","), request_timeout_ms=10_000)
    try:
        await admin.start()
        there = set(await admin.list_topics())
    finally:
        await admin.close()
    if missing := sorted(set(wanted) - there):
        raise Refusal(
            f"Kafka has no {', '.join(missing)}: ./simpul topics --create makes them; if Kafka was lost,"
            " ./simpul republish --new-kafka comes after this"
        )


def _is_kept(topic: topics.Topic) -> bool:
    """Submissions bypass `said`; on a compacted topic a later version simply follows."""
    return topic.cleanup == "delete" and not topic.personal_data


async def _erase_again(here: Hub, connection: Connection, service: str, since: datetime | None) -> int:
    """Of how many complaints something was erased after the backup: the other stores know it, and `intake.events`."""
    known: dict[UUID, Scope] = {}
    told = [
        (key, scope)
        async for records in all_records(here.bootstrap, [ComplaintErased.topic], since)
        for record in records
        if (found := restoring.erasure(record)) is not None
        for key, scope in [found]
    ]
    for other in SERVICES:
        if other != service:
            async with store(here, other) as other_store:
                told += (await restoring.erased(other_store)).items()
    for key, scope in told:
        known[key] = wider(known.get(key), scope) or scope
    return len(await restoring.erase_again(connection, known))


async def _look_through_kafka(
    here: Hub, connection: Connection, own: Sequence[str], since: datetime | None
) -> tuple[list[int], list[SaidBefore]]:
    """The highest number found, and what the store does not know, written down in it."""
    numbers, said_before = [0], list[SaidBefore]()
    async for records in all_records(here.bootstrap, own, since):
        heard = [found for record in records if (found := restoring.spoken(record)) is not None]
        numbers.append(max((one.number or 0 for one, _ in heard), default=0))
        said_before += await restoring.remember(connection, heard, clock.now().date())
    return [max(numbers)], said_before


async def _heard(here: Hub, other: str, own: Sequence[str]) -> int:
    """The highest number that another service has heard from this one."""
    async with store(here, other) as connection:
        return max(
            [await restoring.highest_heard(connection, topic) for topic in own if topic in OWNER_TOPICS],
            default=0,
        )


async def _rewind(here: Hub, service: str) -> int:
    """Put the service's consumer group back to the earliest record of all that it hears; how many partitions."""
    heard = [name for name, topic in topics.read().items() if service in topic.consumers]
    brokers = here.bootstrap.split(",")
    await _until_gone(brokers, service)
    reader = AIOKafkaConsumer(bootstrap_servers=brokers, group_id=service, enable_auto_commit=False)
    await reader.start()
    try:
        places = partitions_of(heard)
        reader.assign(places)
        begins = await reader.beginning_offsets(places)
        await reader.commit({place: OffsetAndMetadata(offset, "") for place, offset in begins.items()})
        return len(places)
    finally:
        await reader.stop()


async def _until_gone(brokers: list[str], service: str) -> None:
    """Wait until Kafka has forgotten the group's members, also those that were killed or will come back by name."""
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
    await admin.start()
    try:
        until = time.monotonic() + GROUP_LEAVES_WITHIN
        while True:
            (answer,) = await admin.describe_consumer_groups([service])
            state = answer.groups[0][2]
            if state in ("Empty", "Dead", ""):
                return
            if time.monotonic() > until:
                raise Refusal(f"{service} still reads from Kafka somewhere; stop it first")
            await asyncio.sleep(0.5)
    finally:
        await admin.close()


async def _left(here: Hub, service: str) -> int:
    """Show what the service said before and does not know now."""
    async with store(here, service) as connection:
        left = await restoring.still_unknown(connection)
    for one in left[:SHOWN]:
        print(f"{one.said_at:%Y-%m-%d %H:%M}  {one.key}  {one.type} on {one.topic}")
    if len(left) > SHOWN:
        print(f"… and {len(left) - SHOWN} more")
    print(
        f"{len(left)} events that others have heard came of no input that {service} still has. They are acts of"
        " people, as a rule: somebody has to do them again, or correct them."
        if left
        else f"{service} knows all that it ever said."
    )
    return 0
