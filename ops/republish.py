"""`./simpul republish`: says again what the services said before, under the same ids and numbers, in order."""

import argparse
import asyncio
import getpass
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from ops import hub, topics
from ops.hub import Hub, store
from ops.refusal import Refusal
from ops.stack.parts import SERVICES, service_of
from ops.stack.stack import Stack
from shared import audit, clock
from shared.database import Connection
from shared.delivery import republishing
from shared.delivery.republishing import Progress, Wanted

MOST_WAITING = 8000
"""Rows that may wait in the outbox before more are put back: what is said meanwhile waits behind these at most."""

STALLED_AFTER, NOBODY_AFTER = 60.0, 10.0
"""Seconds without one event published until we give up; and where no process is there that could."""

LEAVES_WITHIN = 60.0
"""Seconds that a service has for leaving: above its drain deadline."""

MARGIN = timedelta(seconds=5)
"""By how much the clocks of our machines may differ."""


class Stalled(Refusal):
    """A service publishes nothing of what was put back."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was said again by one service."""

    complaints: int = 0
    events: int = 0
    restated: int = 0
    beheaded: int = 0
    seconds: float = 0.0

    def and_(self, more: Progress) -> "Told":
        return replace(
            self,
            complaints=self.complaints + more.complaints,
            events=self.events + more.events,
            restated=self.restated + more.restated,
            beheaded=self.beheaded + more.beheaded,
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--ticket", help="all about one complaint")
    what.add_argument("--complaint", type=UUID, metavar="ID", help="the same, by its id")
    what.add_argument("--all", action="store_true", help="everything that is kept")
    what.add_argument(
        "--new-kafka",
        action="store_true",
        help="Kafka was lost and an empty one took its place: bind the stores to it, and fill it",
    )
    parser.add_argument("--topic", help="only on this topic")
    parser.add_argument(
        "--since", type=_instant, metavar="INSTANT", help="only from then on, 2026-11-23T08:00+07:00"
    )
    parser.add_argument("--service", choices=SERVICES, help="only what this service said")
    parser.add_argument("--reason", required=True, help="why, for those who read the record later")
    parser.add_argument("--author", default=getpass.getuser(), help="who does it (else: you)")


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError("say the zone, too: 2026-11-23T08:00+07:00")
    return at


def run(args: argparse.Namespace) -> int:
    if not (args.ticket or args.complaint or args.topic or args.all or args.new_kafka):
        raise Refusal("say what: --ticket, --complaint, --topic, --all or --new-kafka")
    if args.new_kafka and (args.topic or args.since or args.service):
        raise Refusal("a new Kafka is filled with everything; leave out --topic, --since and --service")
    who = audit.Operator(args.author)
    here = hub.current()
    try:
        if args.new_kafka:
            asyncio.run(fill_new_kafka(here, who, args.reason))
        else:
            asyncio.run(_republish(here, args, who))
    except (OSError, asyncpg.PostgresError) as away:
        raise Refusal(f"a store does not answer ({type(away).__name__}); is it up? {here.way_up}") from None
    return 0


async def _republish(here: Hub, args: argparse.Namespace, who: audit.Operator) -> None:
    keys = [args.complaint] if args.complaint else None
    if args.ticket:
        keys = [await _complaint_of(here, args.ticket)]
    wanted = Wanted(keys, [args.topic] if args.topic else None, args.since)
    for service in _sayers(args.topic, args.service):
        await _tell(here, service, wanted, who, args.reason)


def _sayers(topic: str | None, service: str | None) -> list[str]:
    """The services that say something on this topic."""
    known = topics.read()
    if topic is not None and topic not in known:
        raise Refusal(f"there is no topic {topic}; ./simpul topics lists them")
    if topic is not None and known[topic].personal_data:
        raise Refusal(
            f"what comes in on {topic} is kept by whoever sent it, not here: they send it again until they"
            " have a receipt (the bridge does it by itself)"
        )
    sayers = [one for one in SERVICES if topic is None or one in known[topic].producers]
    if service is not None:
        sayers = [one for one in sayers if one == service]
    if not sayers:
        raise Refusal(
            f"{service or 'no service of ours'} says nothing on {topic}; whoever wrote it has to send it again"
        )
    return sayers


async def _complaint_of(here: Hub, ticket: str) -> UUID:
    async with store(here, "intake") as connection:
        key = await connection.fetchval(
            "SELECT complaint_id FROM complaints WHERE ticket = $1", ticket.replace("-", "").strip().upper()
        )
    if key is None:
        raise Refusal(f"no complaint has the ticket {ticket}")
    return UUID(str(key))


async def _tell(here: Hub, service: str, wanted: Wanted, who: audit.Operator, reason: str) -> Told:
    """Have one service say it again, to the end, and print what became of it."""
    async with store(here, service) as connection:
        about = f"{_scope(wanted)}: {reason}"
        key = wanted.keys[0] if wanted.keys else None
        await audit.note(connection, who, "republish", key, clock.now(), about)
        told = await say_again(connection, service, wanted)
        oldest = await republishing.oldest_month(connection)
    print(_words(service, told, oldest), flush=True)
    return told


def _scope(wanted: Wanted) -> str:
    parts = ["one complaint" if wanted.keys else "all complaints"]
    parts += [f"on {', '.join(wanted.topics)}"] if wanted.topics else []
    parts += [f"since {wanted.since:%Y-%m-%dT%H:%M%z}"] if wanted.since else []
    return " ".join(parts)


def _words(service: str, told: Told, oldest: datetime | None) -> str:
    words = f"{service}: {told.events} events about {told.complaints} complaints are published again"
    if told.restated:
        words += f", and the present state of {told.restated} keys of compacted topics"
    if told.events:
        words += f" ({told.seconds:.1f} s)"
    if told.beheaded:
        words += (
            f"\n  {told.beheaded} complaints began before {oldest:%Y-%m}, the first month that is kept:"
            " their first events cannot be said again"
        )
    return words


async def say_again(connection: Connection, service: str, wanted: Wanted) -> Told:
    """Put it back in portions, as the service publishes them, and wait for the last. Refusal where nobody does."""
    compacted = [name for name, topic in topics.read().items() if topic.cleanup == "compact"]
    began, told, after = time.monotonic(), Told(), None
    while True:
        try:
            progress = await republishing.put_back(connection, wanted, compacted, after)
        except asyncpg.DeadlockDetectedError:
            continue
        if progress.last is None:
            break
        told, after = told.and_(progress), progress.last
        await _until_few_wait(connection, service, MOST_WAITING)
    await _until_few_wait(connection, service, 0)
    return replace(told, seconds=time.monotonic() - began)


async def _until_few_wait(connection: Connection, service: str, few: int) -> None:
    least, since = await republishing.waiting(connection), time.monotonic()
    while (left := await republishing.waiting(connection)) > few:
        if left < least:
            least, since = left, time.monotonic()
        patience = STALLED_AFTER if await republishing.is_led(connection, service) else NOBODY_AFTER
        if time.monotonic() - since > patience:
            raise Stalled(
                f"{service} publishes nothing: {left} events wait. What was put back stays so and goes out when it"
                " runs again; ./simpul doctor says what is wrong"
            )
        await asyncio.sleep(0.02)


async def fill_new_kafka(here: Hub, who: audit.Operator, reason: str) -> None:
    """Bind every store to the Kafka that answers now, an empty one, and publish there all that is kept.

    Until that is done nothing is said by time alone: a reader at the end of an empty Kafka knows nothing. Where
    it broke off, it goes on when it is said again.
    """
    found = await cluster_at(here.bootstrap)
    for service in SERVICES:
        await _adopt(here, service, found, who, reason)
    print(f"The stores belong to Kafka {found} now; the services leave and begin anew with it.", flush=True)
    await _begun_anew(here)
    stalled: list[str] = []
    for service in SERVICES:
        try:
            await _tell(here, service, Wanted(), who, reason)
        except Stalled as why:
            stalled.append(str(why))
    if stalled:
        raise Refusal(
            "\n".join([*stalled, "No deadline is spoken of until all is filled: say this again then."])
        )
    filled_at = clock.now() + MARGIN
    for service in SERVICES:
        async with store(here, service) as connection:
            await republishing.end_silence(connection, filled_at)
    print(
        "Filled. What others had published on intake.submissions and opd.updates and nobody had read yet is gone with\n"
        "the old Kafka: they have no receipt for it and must send it again. The bridge does so by itself."
    )


async def _adopt(here: Hub, service: str, found: str, who: audit.Operator, reason: str) -> None:
    async with store(here, service) as connection:
        await republishing.adopt_cluster(connection, found, who, reason, clock.now())


async def _begun_anew(here: Hub) -> None:
    """Every process that knew the old Kafka has left, the topics are made, and the services are back.

    Here nobody else brings back what leaves; elsewhere whoever runs the services does. The topics are made when
    nobody is left whose place in the old ones could be taken for one in the new.
    """
    ours: list[str] = []
    if isinstance(here, Stack):
        ours = [part for part in here.running() if service_of(part) in SERVICES]
        await here.stop(ours)
    until = time.monotonic() + LEAVES_WITHIN
    for service in SERVICES:
        async with store(here, service) as connection:
            while await republishing.still_there(connection, service):
                if time.monotonic() > until:
                    raise Refusal(f"{service} has not left the old Kafka; restart it, then say this again")
                await asyncio.sleep(0.2)
    await topics.provision(here.bootstrap)
    if isinstance(here, Stack):
        await here.start(ours, here.plan().env)


async def cluster_at(bootstrap: str) -> str:
    """The id of the cluster that answers there. Refusal where none does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap.split(","), request_timeout_ms=5_000)
    try:
        await admin.start()
        return str((await admin.describe_cluster())["cluster_id"])
    except (KafkaError, OSError, TimeoutError):
        raise Refusal(f"no Kafka answers at {bootstrap}") from None
    finally:
        await admin.close()
