"""What can be wrong with a hub, each with the command that mends it: one table of checks, for `./simpul doctor`."""

import asyncio
import email.utils
import shutil
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from ops import topics
from ops.hub import Hub, way_to_tables
from ops.stack.parts import SERVICES
from ops.stack.stack import PartStatus, Stack
from services.lapor_bridge import store as mirror
from shared import clock
from shared.access import parse_keys
from shared.database import AWAY, Connection, unapplied
from shared.delivery import operators, republishing, restoring
from shared.events.catalogue import OWNER_TOPICS
from shared.sealing import Seal

UNPUBLISHED, UNPROCESSED, WATERMARK = timedelta(seconds=30), timedelta(seconds=60), timedelta(minutes=2)
"""From when on what waits in the outbox, what waits in Kafka, and a silent watermark are told."""
GAP = timedelta(minutes=5)
LAPOR_AWAY = timedelta(minutes=15)
"""It has its nights; what waits for it is not lost."""
BRIDGE, STANDS = "lapor_bridge", "./simpul lapor status"
SKEW = timedelta(seconds=5)
LEAST_DISK, LEAST_SHARE = 2**30, 0.05
MOST_CONNECTIONS = 0.8
"""The share of PostgreSQL's connections above which it is told."""
EXPIRES_WITHIN = timedelta(days=14)


class Finding(NamedTuple):
    """One thing that is wrong, in words, and the command that mends it."""

    part: str
    wrong: str
    mend: str


@dataclass
class Patient:
    """A hub as the checks see it: whom they reach. `clock` is this machine's."""

    here: Hub
    parts: Sequence[PartStatus] = ()
    stores: Mapping[str, Connection] = field(default_factory=dict)
    postgres: Connection | None = None
    kafka: AIOKafkaAdminClient | None = None
    cluster: str | None = None
    clock: Callable[[], datetime] = clock.now

    @property
    def now(self) -> datetime:
        return self.clock()

    @property
    def running(self) -> list[PartStatus]:
        """Our own processes that answer, whether they are ready or not."""
        return [
            part
            for part in self.parts
            if _is_ours(part) and part.url and "does not answer" not in part.health
        ]


def _is_ours(part: PartStatus) -> bool:
    return part.name.partition(".")[0] in SERVICES


Check = Callable[[Patient], Awaitable[list[Finding]]]


async def examine(here: Hub, our_clock: Callable[[], datetime] = clock.now) -> list[Finding]:
    """Everything that is found wrong, in the order of the table."""
    async with _reached(Patient(here, clock=our_clock)) as patient:
        found: list[Finding] = []
        for check in CHECKS:
            try:
                found += await check(patient)
            except (KafkaError, *AWAY) as error:
                wrong = f"could not be looked at to the end ({type(error).__name__})"
                found.append(Finding(check.__name__, wrong, "./simpul doctor once more; ./simpul status"))
        return found


@asynccontextmanager
async def _reached(patient: Patient) -> AsyncGenerator[Patient, None]:
    """The same with connections to whatever of it answers now."""
    here = patient.here
    patient.parts = await here.status()
    async with AsyncExitStack() as opened:
        if here.has_stores():
            patient.postgres = await _connected(opened, here.database_dsn("postgres"))
            found = {service: await _connected(opened, here.dsn(service)) for service in SERVICES}
            patient.stores = {service: store for service, store in found.items() if store is not None}
        if any(part.name == "kafka" and part.ready for part in patient.parts):
            admin = AIOKafkaAdminClient(bootstrap_servers=here.bootstrap.split(","), request_timeout_ms=5_000)
            opened.push_async_callback(admin.close)
            try:
                await admin.start()
                patient.cluster = (await admin.describe_cluster())["cluster_id"]
                patient.kafka = admin
            except (KafkaError, OSError, TimeoutError):
                patient.kafka = None
        yield patient


async def _connected(opened: AsyncExitStack, dsn: str) -> Connection | None:
    try:
        connection = await asyncpg.connect(dsn, timeout=5, command_timeout=30)
    except AWAY:
        return None
    opened.push_async_callback(connection.close)
    return connection


async def parts(patient: Patient) -> list[Finding]:
    """Is everything there that should be, and ready?"""
    up, local = patient.here.way_up, isinstance(patient.here, Stack)
    wanted = (
        patient.here.plan().parts
        if isinstance(patient.here, Stack)
        else [part.name for part in patient.parts]
    )
    if not wanted:
        return [Finding("hub", "nothing was started here", f"{up} --detach" if local else up)]
    found: list[Finding] = []
    for part in patient.parts:
        if part.ready or part.name not in wanted:
            continue
        if _is_ours(part) and "stopped: " in part.health:
            continue  # told by `stopped`, with its own command
        logs = f"./simpul logs {part.name}" if local else f"docker compose logs {part.name}"
        found.append(Finding(part.name, part.health, f"{up}; {logs} tells more"))
    return found


async def stores(patient: Patient) -> list[Finding]:
    """Does each store let its service in, and is it as new as this code?"""
    found: list[Finding] = []
    for service in SERVICES if patient.here.has_stores() else ():
        store = patient.stores.get(service)
        if store is None:
            if patient.postgres is not None:
                found.append(
                    Finding(service, "PostgreSQL does not let it into its store", patient.here.way_up)
                )
        elif missing := await unapplied(store, service):
            found.append(
                Finding(service, f"its store lacks {', '.join(missing)}", way_to_tables(patient.here))
            )
    return found


async def topics_as_listed(patient: Patient) -> list[Finding]:
    """Are the topics those of deploy/topics.yaml?"""
    if patient.kafka is None:
        return []
    listed, mend = topics.read(), "./simpul topics --create"
    there = {found["topic"]: len(found["partitions"]) for found in await patient.kafka.describe_topics()}
    found = [Finding("kafka", f"the topic {name} is missing", mend) for name in listed if name not in there]
    for name, topic in listed.items():
        if name in there and there[name] != topic.partitions:
            wrong = f"{name} has {there[name]} partitions; deploy/topics.yaml says {topic.partitions}"
            found.append(Finding("kafka", wrong, "make the file say what is; growth is a new topic"))
    present = await topics.configs_of(patient.kafka, [name for name in listed if name in there])
    for name, configs in present.items():
        differing = [key for key, value in listed[name].configs.items() if configs.get(key) != value]
        if differing:
            wrong = f"{name} has another {', '.join(differing)} than deploy/topics.yaml says"
            found.append(Finding("kafka", wrong, mend))
    return found


async def clusters(patient: Patient) -> list[Finding]:
    """Do the stores belong to the Kafka that answers, and was it filled?"""
    found: list[Finding] = []
    for service, store in patient.stores.items():
        row = await store.fetchrow("SELECT id, silent_until = 'infinity' AS filling FROM delivery.cluster")
        if row is None:
            continue
        if patient.cluster is not None and row["id"] != patient.cluster:
            wrong = f"its store belongs to Kafka {row['id']}, and {patient.cluster} answers"
            mend = "start its own; or, where that one is lost: ./simpul republish --new-kafka --reason …"
            found.append(Finding(service, wrong, mend))
        elif row["filling"]:
            wrong = "its new Kafka was not filled to the end; until then no deadline is spoken of"
            found.append(Finding(service, wrong, "./simpul republish --new-kafka --reason …"))
    return found


async def lost_records(patient: Patient) -> list[Finding]:
    """Does Kafka hold what was said within its retention?"""
    if patient.kafka is None:
        return []
    published: dict[str, tuple[str, int]] = {}  # before Kafka is asked: it goes on meanwhile
    for name, topic in topics.read().items():
        for service in topic.producers:
            store = patient.stores.get(service)
            if name not in OWNER_TOPICS or topic.retention_days is None or store is None:
                continue
            since = patient.now - timedelta(days=topic.retention_days * 0.9)
            count = await store.fetchval(
                "SELECT count(*) FROM delivery.said AS s WHERE topic = $1 AND said_at > $2 AND NOT EXISTS"
                " (SELECT FROM delivery.outbox AS o WHERE o.position = s.position)",
                name,
                since,
            )
            published[name] = (service, count)
    described = await patient.kafka.describe_topics()
    held = await _records_held(
        patient.here.bootstrap, {found["topic"]: len(found["partitions"]) for found in described}
    )
    return [
        Finding(
            "kafka",
            f"{name} holds {held[name]} events, and {service} published {count} of late: Kafka lost some",
            "./simpul republish --new-kafka --reason …",
        )
        for name, (service, count) in published.items()
        if name in held and count > held[name]
    ]


async def _records_held(bootstrap: str, partitions: Mapping[str, int]) -> dict[str, int]:
    """How many records each owner's topic holds."""
    places = [TopicPartition(name, n) for name in OWNER_TOPICS for n in range(partitions.get(name, 0))]
    if not places:
        return {}
    reader = AIOKafkaConsumer(bootstrap_servers=bootstrap.split(","), request_timeout_ms=5_000)
    await reader.start()
    try:
        async with asyncio.timeout(15):
            ends, begins = await reader.end_offsets(places), await reader.beginning_offsets(places)
    finally:
        await reader.stop()
    held: dict[str, int] = {}
    for place in places:
        held[place.topic] = held.get(place.topic, 0) + ends[place] - begins[place]
    return held


async def epochs(patient: Patient) -> list[Finding]:
    """Has anybody heard more from an owner than it knows that it said? Then it was restored, and nobody was told."""
    found: list[Finding] = []
    for name, topic in topics.read().items():
        owner = topic.producers[0]
        if name not in OWNER_TOPICS or owner not in patient.stores:
            continue
        others = [other for other in topic.consumers if other in patient.stores and other != owner]
        # before the owner is asked: it goes on saying, and they hearing
        heard = {other: await restoring.sum_heard(patient.stores[other], name) for other in others}
        said = await patient.stores[owner].fetchval("SELECT coalesce(sum(said), 0) FROM delivery.keys")
        ahead = [other for other in others if heard[other] > said]
        if ahead:
            wrong = f"{ahead[0]} has heard more from it than its store knows: it was restored from a backup"
            mend = f"stop it, then ./simpul restored {owner} --reason …, then start it"
            found.append(Finding(owner, wrong, mend))
    return found


async def outboxes(patient: Patient) -> list[Finding]:
    """Is what was said published?"""
    found: list[Finding] = []
    for service, store in patient.stores.items():
        oldest = await republishing.oldest_unpublished(store)
        if oldest is not None and patient.now - oldest > UNPUBLISHED:
            led = await republishing.is_led(store, service)
            why = "Kafka does not take them" if led else "no process of it publishes"
            mend = "./simpul status: Kafka must be ready" if led else patient.here.way_up
            found.append(Finding(service, f"events wait since {_at(oldest)} to be published: {why}", mend))
    return found


async def unprocessed(patient: Patient) -> list[Finding]:
    """Is what comes in worked?"""
    found: list[Finding] = []
    for part in patient.running:
        said = await asyncio.to_thread(_metric, f"{part.url}/metrics", "simpul_oldest_unprocessed_seconds")
        if said is not None and said > UNPROCESSED.total_seconds():
            wrong = f"records wait for {said:.0f} s to be worked"
            found.append(
                Finding(part.name, wrong, f"./simpul logs {part.name}: it backs off, or is too slow")
            )
    return found


async def dead_letters(patient: Patient) -> list[Finding]:
    """Are there dead letters?"""
    found: list[Finding] = []
    for service, store in patient.stores.items():
        letters = await operators.dead_letters(store)
        if letters:
            wrong = f"{len(letters)} dead letters, the oldest since {_at(min(letter.since for letter in letters))}"
            found.append(Finding(service, wrong, f"./simpul dead list --service {service}"))
    return found


async def parked(patient: Patient) -> list[Finding]:
    """Do complaints wait behind a gap?"""
    found: list[Finding] = []
    for service, store in patient.stores.items():
        waits = await operators.parked(store)
        gaps = [
            (key, topic)
            for key, topic, cause, since, _ in waits
            if cause == "gap" and patient.now - since > GAP
        ]
        if gaps:
            key, topic = gaps[0]
            said_by = topics.read()[topic].producers[0]
            wrong = f"{len(gaps)} complaints wait for numbers that do not come, the first {key} on {topic}"
            mend = f"./simpul republish --complaint {key} --service {said_by} --reason …"
            found.append(Finding(service, wrong, mend))
        letters = sum(cause == "unworkable" for _, _, cause, _, _ in waits)
        if letters:
            wrong = f"{letters} complaints are parked behind a dead letter"
            found.append(Finding(service, wrong, f"./simpul dead list --service {service}"))
    return found


async def stopped(patient: Patient) -> list[Finding]:
    """Has a consumer stopped itself?"""
    found: list[Finding] = []
    for service, store in patient.stores.items():
        stop = await operators.stopped(store)
        if stop is not None:
            wrong = f"its consumer stopped itself at {_at(stop[0])}: {stop[1]}"
            mend = f"deploy what mends it, then ./simpul dead resume {service} --reason …"
            found.append(Finding(service, wrong, mend))
    return found


async def lapor(patient: Patient) -> list[Finding]:
    """Does SP4N-LAPOR answer, and is there anything between it and us that a person must settle?"""
    store = patient.stores.get(BRIDGE)
    if store is None or await unapplied(store, BRIDGE):
        return []
    found: list[Finding] = []
    away = await mirror.away(store)
    if away is not None and patient.now - away.since > LAPOR_AWAY:
        wrong = f"SP4N-LAPOR gives no answer that can be used since {_at(away.since)}: {away.reason}"
        found.append(Finding(BRIDGE, wrong, "see its address and keys, ask its operator; nothing is lost"))
    elif late := await mirror.delayed(store, patient.now - LAPOR_AWAY, 1):
        wrong = (
            f"writes to SP4N-LAPOR have waited for 15 minutes and more: {late[0].reason or 'not tried yet'}"
        )
        found.append(Finding(BRIDGE, wrong, f"{STANDS}; they go on by themselves when the cause is gone"))
    if stuck := await mirror.count_stuck(store):
        found.append(Finding(BRIDGE, f"{stuck} writes to SP4N-LAPOR wait for a person", STANDS))
    diverged = await mirror.count_diverged(store)
    if exposed := sum(diverged.pop(flag, 0) for flag in ("anonymous", "confidential")):
        wrong = f"{exposed} reports hide less, or more, in SP4N-LAPOR than here"
        found.append(Finding(BRIDGE, wrong, f"{STANDS}; have LAPOR's admin set the flag there"))
    if diverged:
        fields = ", ".join(f"{field} {count}" for field, count in sorted(diverged.items()))
        found.append(Finding(BRIDGE, f"SP4N-LAPOR says otherwise than the hub: {fields}", STANDS))
    return found


async def watermark(patient: Patient) -> list[Finding]:
    """Does the monitor keep up, so that deadlines are spoken of?"""
    store = patient.stores.get("sla_monitor")
    lowest = (
        await store.fetchval("SELECT min(reached) FROM delivery.watermarks") if store is not None else None
    )
    if lowest is None or patient.now - lowest < WATERMARK:
        return []
    wrong = f"it has read its input up to {_at(lowest)} only, and speaks of no deadline after that"
    return [Finding("sla_monitor", wrong, "./simpul status; once it runs and Kafka answers it catches up")]


async def disk(patient: Patient) -> list[Finding]:
    """Is there room where the stores lie? Where they lie elsewhere, PostgreSQL is asked; Kafka cannot be."""
    if isinstance(patient.here, Stack):
        home = patient.here.places.root
        return disk_of([home, (home / "postgres").resolve()])
    return [] if patient.postgres is None else await disk_of_postgres(patient.postgres)


async def disk_of_postgres(
    postgres: Connection, least: int = LEAST_DISK, share: float = LEAST_SHARE
) -> list[Finding]:
    """Whether PostgreSQL's disk is full or nearly so, as its own machine says. Nothing of it stays."""
    mend = "free some, or give it a larger one; what was taken in is safe, and all goes on by itself then"
    asking = postgres.transaction()
    await asking.start()
    try:
        await postgres.execute(
            "CREATE TEMP TABLE disk (line text); COPY disk FROM PROGRAM 'df -Pk . | tail -1'"
        )
        told = await postgres.fetchval("SELECT line FROM disk")
    except asyncpg.DiskFullError:
        return [Finding("postgres", "its disk is full: nothing can be written", mend)]
    finally:
        await asking.rollback()
    total, _, free = (int(number) * 1024 for number in told.split()[1:4])
    if free >= max(least, share * total):
        return []
    return [Finding("postgres", f"its disk has {free / 2**30:.1f} GiB left", mend)]


def disk_of(places: Sequence[Path], least: int = LEAST_DISK, share: float = LEAST_SHARE) -> list[Finding]:
    """The places whose disk has less free than `least` bytes or this share of it."""
    full: dict[int, str] = {}
    for place in places:
        if place.exists():
            usage = shutil.disk_usage(place)
            if usage.free < max(least, share * usage.total):
                full[place.stat().st_dev] = f"the disk of {place} has {usage.free / 2**30:.1f} GiB left"
    return [
        Finding("disk", wrong, "free some, or move the hub: a full disk stops every store")
        for wrong in full.values()
    ]


async def clocks(patient: Patient) -> list[Finding]:
    """Do the clocks of the machines agree?"""
    found: list[Finding] = []
    if patient.postgres is not None:
        theirs = await patient.postgres.fetchval("SELECT clock_timestamp()")
        found += skew("postgres", theirs, patient.now)
    for part in patient.running:
        told = await asyncio.to_thread(_date, f"{part.url}/live")
        if told is not None:
            found += skew(part.name, told, patient.now)
    return found


def skew(part: str, theirs: datetime, ours: datetime) -> list[Finding]:
    """Whether a clock differs from ours by more than a deadline's fairness allows."""
    if abs(theirs - ours) <= SKEW:
        return []
    wrong = f"its clock differs from this machine's by {abs(theirs - ours).total_seconds():.0f} s"
    return [Finding(part, wrong, "synchronise both (chrony, systemd-timesyncd)")]


async def keys(patient: Patient) -> list[Finding]:
    """Can the services read who may come in?"""
    file = patient.here.keys_file
    try:
        known = parse_keys(file.read_bytes())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as unfit:
        wrong = f"{file} is unreadable ({type(unfit).__name__})"
        return [Finding("keys", wrong, "put your copy of it back, or make new keys: ./simpul keys add")]
    soon = (patient.now + EXPIRES_WITHIN).astimezone(clock.JAKARTA).date()
    today = patient.now.astimezone(clock.JAKARTA).date()
    ending = [
        caller.name for caller, expires in known.values() if expires is not None and today <= expires <= soon
    ]
    if ending:
        leaving = f"keys end within {EXPIRES_WITHIN.days} days: {', '.join(sorted(ending))}"
        return [Finding("keys", leaving, "./simpul keys --help: exchange them")]
    return []


async def master_key(patient: Patient) -> list[Finding]:
    """Can what is sealed be opened?"""
    file, store = patient.here.master_key, patient.stores.get("intake")
    mend = "put your copy of it back: without it nobody can read who complained"
    if not file.exists():
        return [Finding("intake", f"the master key {file} is not there", mend)] if store is not None else []
    try:
        seal = Seal.from_file(file)
    except SystemExit as unreadable:
        return [Finding("intake", str(unreadable).removeprefix("cannot start: "), mend)]
    if store is None or await unapplied(store, "intake"):
        return []
    rows = await store.fetch("SELECT DISTINCT master FROM identity_keys")
    unknown = [row[0] for row in rows if row[0] not in seal.names]
    if unknown:
        wrong = f"some identities are sealed under a master key that is not in {file} ({', '.join(unknown)})"
        return [Finding("intake", wrong, "put that line back into the file")]
    return []


async def connections(patient: Patient) -> list[Finding]:
    """Has PostgreSQL room for more?"""
    if patient.postgres is None:
        return []
    row = await patient.postgres.fetchrow(
        "SELECT count(*), current_setting('max_connections')::int FROM pg_stat_activity"
        " WHERE backend_type = 'client backend'"
    )
    assert row is not None
    if row[0] <= row[1] * MOST_CONNECTIONS:
        return []
    wrong = f"{row[0]} of {row[1]} connections are taken"
    return [Finding("postgres", wrong, "fewer replicas, or a higher max_connections")]


CHECKS: Sequence[Check] = (
    parts, stores, topics_as_listed, clusters, lost_records, epochs, outboxes, unprocessed, stopped, dead_letters,
    parked, lapor, watermark, disk, clocks, keys, master_key, connections,
)  # fmt: skip


def _at(instant: datetime) -> str:
    return f"{instant.astimezone(clock.JAKARTA):%Y-%m-%d %H:%M} WIB"


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _metric(url: str, name: str) -> float | None:
    try:
        with _direct.open(url, timeout=2) as answer:
            text = answer.read().decode()
    except (OSError, ValueError):
        return None
    return next(
        (float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{name} ")), None
    )


def _date(url: str) -> datetime | None:
    try:
        with _direct.open(url, timeout=2) as answer:
            told = answer.headers["Date"]
    except urllib.error.HTTPError as answer:
        told = answer.headers["Date"]
    except (OSError, ValueError):
        return None
    return email.utils.parsedate_to_datetime(told) if told else None
