"""The faults: for each one class, which strikes and heals; what a schedule may choose from is `MENU`."""

import asyncio
import contextlib
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from ops.stack.parts import SERVICES, SIMULATOR
from tests.faults.hub import PARTS, FaultyStack, parts_of
from tests.faults.proxy import Mode
from tests.faults.schedule import Kind, Strike
from tests.flow.world import HEARD

BRIDGES = tuple(parts_of(["lapor_bridge"]))
NAMES = tuple(SERVICES)


@dataclass
class Field:
    """Where faults strike, and what they leave for the checkers to know."""

    stack: FaultyStack
    struck: dict[str, int] = field(default_factory=dict)
    died_at: dict[str, int] = field(default_factory=dict)
    """How often a process died at each named point."""
    withheld: set[str] = field(default_factory=set)
    """Complaints of which an event was kept from the relay for a while; Kafka has them out of order."""
    forward_jump: float = 0.0
    """By how many seconds at most the monitor's clock ran ahead: so much too early it may have spoken."""

    async def as_superuser(self, database: str, sql: str) -> None:
        connection = await asyncpg.connect(self.stack.database_dsn(database), timeout=10)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


class Fault:
    """One kind of trouble. `over` waits out its time; `strike` begins it, `heal` ends it, whatever came between."""

    touches: ClassVar[frozenset[str]]
    targets: ClassVar[tuple[str, ...]] = ("",)
    lasts: ClassVar[tuple[float, float]] = (5.0, 15.0)

    def __init__(self, field: Field, strike: Strike) -> None:
        self.field, self.stack = field, field.stack
        self.target, self.seconds = strike.target, strike.lasts
        self.draw = Random(strike.seed)

    async def strike(self) -> None:
        raise NotImplementedError

    async def over(self) -> None:
        await asyncio.sleep(self.seconds)

    async def heal(self) -> None:
        """Nothing to mend, unless a kind says otherwise."""


# processes


class Kill(Fault):
    """kill -9, brought back, and again 2 to 10 s later."""

    touches = frozenset({"process"})
    targets = PARTS
    lasts = (12.0, 25.0)

    async def strike(self) -> None:
        self.stack.kill(self.target)

    async def over(self) -> None:
        end = asyncio.get_running_loop().time() + self.seconds
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(self.draw.uniform(0.2, 1.5))
            await self.heal()
            await asyncio.sleep(self.draw.uniform(2, 10))
            self.stack.kill(self.target)

    async def heal(self) -> None:
        await self.stack.processes.ended(self.target, 10)
        self.stack.revive(self.target)


class DieAt(Fault):
    """It kills itself at a named point, and is brought back."""

    point: ClassVar[str]
    touches = frozenset({"process"})
    targets = PARTS
    lasts = (6.0, 12.0)

    async def strike(self) -> None:
        self.stack.let_die(self.target, self.point)

    async def over(self) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self.seconds
        while loop.time() < end:
            await asyncio.sleep(0.1)
            if self.stack.died(self.target):
                self.field.died_at[self.point] = self.field.died_at.get(self.point, 0) + 1
                await self.stack.processes.ended(self.target, 10)
                await asyncio.sleep(self.draw.uniform(0, 1))
                self.stack.revive(self.target)
                self.stack.let_die(self.target, self.point)

    async def heal(self) -> None:
        self.stack.spare(self.target)
        if self.stack.died(self.target):
            self.field.died_at[self.point] = self.field.died_at.get(self.point, 0) + 1
            await self.stack.processes.ended(self.target, 10)
        self.stack.revive(self.target)


def dies(at: str, *targets: str) -> type[Fault]:
    """The death at this point."""
    return type(f"Dies {at}", (DieAt,), {"point": at, "targets": targets or PARTS, "__doc__": f"Dies {at}."})


class DiesAfterLaporsAnswer(DieAt):
    """The bridge has LAPOR's answer, and dies before it wrote that down."""

    point = "after LAPOR's 200"
    targets = BRIDGES
    lasts = (15.0, 25.0)


class Freeze(Fault):
    """SIGSTOP for longer than the consumer's session, then CONT."""

    touches = frozenset({"process"})
    targets = PARTS
    lasts = (13.0, 16.0)

    async def strike(self) -> None:
        self.stack.kill(self.target, signal.SIGSTOP)

    async def heal(self) -> None:
        self.stack.kill(self.target, signal.SIGCONT)


class FreezeLeader(Freeze):
    """The same for whoever leads a relay, until PostgreSQL has taken the lock from it."""

    targets = NAMES
    lasts = (23.0, 27.0)

    async def strike(self) -> None:
        service = self.target
        self.target = parts_of([service])[0]
        async with httpx.AsyncClient(timeout=3, trust_env=False) as http:
            for part in parts_of([service]):
                with contextlib.suppress(httpx.HTTPError):
                    metrics = (await http.get(f"{self.stack.url(part)}/metrics")).text
                    if "simpul_relay_leader 1.0" in metrics:
                        self.target = part
        await super().strike()


class RollingRestart(Fault):
    """Every replica of a service leaves gracefully and comes back, one after the other."""

    touches = frozenset({"process"})
    targets = NAMES
    lasts = (10.0, 20.0)

    async def strike(self) -> None:
        for part in parts_of([self.target]):
            self.stack.processes.send(part, signal.SIGTERM)
            if not await self.stack.processes.ended(part, 30):
                self.stack.kill(part)
            await self.heal()

    async def over(self) -> None:
        return

    async def heal(self) -> None:
        for part in parts_of([self.target]):
            self.stack.revive(part)


class ConsumersDown(Fault):
    """All replicas of a service are off for a while: a backlog grows."""

    touches = frozenset({"process"})
    targets = NAMES
    lasts = (12.0, 20.0)

    async def strike(self) -> None:
        for part in parts_of([self.target]):
            self.stack.kill(part)

    async def heal(self) -> None:
        for part in parts_of([self.target]):
            await self.stack.processes.ended(part, 10)
            self.stack.revive(part)


class RebalanceStorm(Fault):
    """Strangers join a service's group and leave it, again and again."""

    touches = frozenset({"group"})
    targets = NAMES
    lasts = (10.0, 20.0)

    async def strike(self) -> None:
        self.calms = False
        self.joining = asyncio.ensure_future(self._join())

    async def _join(self) -> None:
        while not self.calms:
            stranger = AIOKafkaConsumer(
                *HEARD[self.target], bootstrap_servers=self.stack.bootstrap.split(","), group_id=self.target,
                enable_auto_commit=False, auto_offset_reset="earliest", session_timeout_ms=6_000,
            )  # fmt: skip
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(6):
                    await stranger.start()
                    await stranger.getmany(timeout_ms=500)
                    await asyncio.sleep(self.draw.uniform(0.5, 2))
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(5):
                    await stranger.stop()
            await asyncio.sleep(self.draw.uniform(0.5, 2))

    async def heal(self) -> None:
        self.calms = True  # a client that is stopping swallows what would cancel it
        self.joining.cancel()
        await asyncio.wait({self.joining}, timeout=30)


class OddStrangers(RebalanceStorm):
    """A stranger in the group who takes partitions of one topic alone: a complaint's streams come apart, one to this
    replica and one to that."""

    targets = ("sla_monitor",)
    lasts = (15.0, 25.0)

    async def strike(self) -> None:
        self.stranger = AIOKafkaConsumer(
            HEARD[self.target][0], bootstrap_servers=self.stack.bootstrap.split(","), group_id=self.target,
            enable_auto_commit=False, auto_offset_reset="earliest",
        )  # fmt: skip
        await self.stranger.start()

    async def heal(self) -> None:
        async with asyncio.timeout(10):
            await self.stranger.stop()


class WrongClock(Fault):
    """One service's wall clock is off by days. The monitor's only backwards: what it believes has passed, it says."""

    touches = frozenset({"clock"})
    targets = ("intake", "routing", "sla_monitor", "lapor_bridge")
    lasts = (6.0, 12.0)

    async def strike(self) -> None:
        days = self.draw.choice([-3.0, -1.0] if self.target == "sla_monitor" else [-3.0, -1.0, 1.0, 3.0])
        self.stack.skew(self.target, days * 86_400)

    async def heal(self) -> None:
        self.stack.skew(self.target, 0)


# the broker


class BrokerKilled(Fault):
    """kill -9, and back after 5 s and more."""

    touches = frozenset({"kafka"})
    lasts = (5.0, 20.0)

    async def strike(self) -> None:
        self.broker = self.draw.choice(self.stack.brokers)
        self.stack.kill(self.broker)

    async def heal(self) -> None:
        await self.stack.bring_back("kafka")


class BrokerFrozen(Fault):
    """SIGSTOP, then CONT."""

    touches = frozenset({"kafka"})
    lasts = (5.0, 20.0)

    async def strike(self) -> None:
        self.broker = self.draw.choice(self.stack.brokers)
        self.stack.kill(self.broker, signal.SIGSTOP)

    async def heal(self) -> None:
        self.stack.kill(self.broker, signal.SIGCONT)


class RecordsComeAgain(Fault):
    """Old records of an owner are on the topic once more, word for word, as a relay without memory would do it."""

    touches = frozenset({"kafka"})
    targets = ("intake.events", "routing.events", "lapor.events", "sla.events")
    lasts = (3.0, 8.0)

    async def strike(self) -> None:
        """In `over`."""

    async def over(self) -> None:
        bootstrap = self.stack.bootstrap.split(",")
        reader = AIOKafkaConsumer(self.target, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
        writer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=3 * 2**20)
        await reader.start()
        await writer.start()
        try:
            found = [record for batch in (await reader.getmany(timeout_ms=1500)).values() for record in batch]
            good = [one for one in found if not any(name.startswith("x-") for name, _ in one.headers)]
            for record in self.draw.sample(good, min(40, len(good))):
                await writer.send_and_wait(self.target, record.value, record.key, headers=[*record.headers])
                await asyncio.sleep(self.seconds / 80)
        finally:
            await reader.stop()
            await writer.stop()


class EventWithheld(Fault):
    """With the broker away, one event that waits for the relay is hidden from it; it comes later, behind its
    successors."""

    touches = frozenset({"kafka", "postgres", "process"})
    targets = ("intake", "routing")
    lasts = (9.0, 12.0)

    async def strike(self) -> None:
        self.rows: Sequence[Any] = ()
        for broker in self.stack.brokers:
            self.stack.kill(broker)
        await asyncio.sleep(self.seconds * 0.6)
        connection = await asyncpg.connect(self.stack.database_dsn(self.target), timeout=10)
        try:
            self.rows = await connection.fetch(_WITHHOLD)
        finally:
            await connection.close()
        self.field.withheld.update(str(row["key"]) for row in self.rows)
        await self.stack.bring_back("kafka")

    async def heal(self) -> None:
        connection = await asyncpg.connect(self.stack.database_dsn(self.target), timeout=10)
        try:
            await connection.executemany(
                "INSERT INTO delivery.outbox (position, month, key) VALUES ($1, $2, $3)",
                [(row["position"], row["month"], row["key"]) for row in self.rows],
            )
        finally:
            await connection.close()


_WITHHOLD = """
DELETE FROM delivery.outbox AS o USING (
    SELECT s.key, min(s.position) AS position
    FROM delivery.outbox AS q JOIN delivery.said AS s ON s.month = q.month AND s.position = q.position
    WHERE s.sequence IS NOT NULL GROUP BY s.key HAVING count(*) > 1 LIMIT 3
) AS first WHERE o.position = first.position RETURNING o.position, o.month, o.key
"""


# the stores


class StoreKilled(Fault):
    """PostgreSQL shut down in immediate mode, or killed; then it recovers from its log."""

    touches = frozenset({"postgres"})
    lasts = (2.0, 10.0)

    async def strike(self) -> None:
        self.stack.kill("postgres", self.draw.choice([signal.SIGQUIT, signal.SIGKILL]))

    async def heal(self) -> None:
        await self.stack.processes.ended("postgres", 20)
        await self.stack.bring_back("postgres")


class ConnectionsExhausted(Fault):
    """No service gets another connection, and those that it has are ended."""

    touches = frozenset({"postgres"})
    targets = NAMES
    lasts = (4.0, 10.0)

    async def strike(self) -> None:
        await self.field.as_superuser("postgres", f"ALTER ROLE {self.target} CONNECTION LIMIT 1")
        await self.field.as_superuser(
            "postgres",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{self.target}'",
        )

    async def heal(self) -> None:
        await self.field.as_superuser("postgres", f"ALTER ROLE {self.target} CONNECTION LIMIT -1")


class LockHeld(Fault):
    """Somebody holds the key rows of a service locked."""

    touches = frozenset({"postgres"})
    targets = NAMES
    lasts = (4.0, 12.0)

    async def strike(self) -> None:
        self.holder = await asyncpg.connect(self.stack.database_dsn(self.target), timeout=10)
        await self.holder.execute("BEGIN")
        table = self.draw.choice(["delivery.keys", "delivery.outbox"])
        await self.holder.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")

    async def heal(self) -> None:
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await self.holder.execute("ROLLBACK")
            await self.holder.close()


class SchemaMigrated(Fault):
    """Tables change under traffic: a column comes, and goes, several times."""

    touches = frozenset({"postgres"})
    targets = NAMES
    lasts = (4.0, 8.0)

    TABLES: ClassVar[Mapping[str, Sequence[str]]] = {
        "intake": ("complaints", "delivery.keys", "delivery.outbox"),
        "routing": ("cases", "delivery.keys", "delivery.outbox"),
        "lapor_bridge": ("links", "outbound", "delivery.keys"),
        "sla_monitor": ("complaints", "delivery.keys", "delivery.outbox"),
    }

    async def strike(self) -> None:
        """In `over`."""

    async def over(self) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self.seconds
        while loop.time() < end:
            table = self.draw.choice(self.TABLES[self.target])
            for change in ("ADD COLUMN passing text", "DROP COLUMN IF EXISTS passing"):
                with contextlib.suppress(asyncpg.LockNotAvailableError, asyncpg.DuplicateColumnError):
                    await self.field.as_superuser(
                        self.target, f"SET lock_timeout = '2s'; ALTER TABLE {table} {change}"
                    )
                await asyncio.sleep(self.draw.uniform(0.1, 0.6))

    async def heal(self) -> None:
        for table in self.TABLES[self.target]:
            await self.field.as_superuser(self.target, f"ALTER TABLE {table} DROP COLUMN IF EXISTS passing")


# networks


class Network(Fault):
    """A way that is slow, silent, broken or dripping."""

    mode: ClassVar[Mode]
    targets = ("kafka", "postgres", "lapor")
    touches = frozenset({"network"})
    lasts = (4.0, 12.0)

    async def strike(self) -> None:
        self.stack.network(
            self.target,
            self.mode,
            seconds=self.draw.uniform(0.05, 0.4),
            bytes_a_second=self.draw.randrange(20_000, 60_000),
        )

    async def heal(self) -> None:
        self.stack.network(self.target, "open")


def network(mode: Mode, lasts: tuple[float, float] = (4.0, 12.0)) -> type[Fault]:
    """The network fault of this mode."""
    return type(f"Network {mode}", (Network,), {"mode": mode, "lasts": lasts, "__doc__": f"A way is {mode}."})


class SlowStore(Fault):
    """Every word to and from PostgreSQL takes its time, all the run long: transactions are open side by side."""

    touches = frozenset({"network"})
    lasts = (3600.0, 3600.0)

    async def strike(self) -> None:
        self.stack.network("postgres", "latency", seconds=0.06)

    async def heal(self) -> None:
        self.stack.network("postgres", "open")


class MonitorDownAtTheDeadline(ConsumersDown):
    """The monitor is off while most deadlines pass. It has heard of many complaints by then; that they were answered in
    time waits for it, unread. It is back before the run ends, so that what strikes beside it slows its reading."""

    targets = ("sla_monitor",)
    lasts = (3600.0, 3600.0)

    async def strike(self) -> None:
        await asyncio.sleep(self.seconds / 3)
        await super().strike()

    async def over(self) -> None:
        await asyncio.sleep(max(0.0, self.seconds * 2 / 3 - 10))


# LAPOR


class Lapor(Fault):
    """LAPOR answers badly: a part of its requests, each way of going wrong that its simulator knows."""

    how: ClassVar[Sequence[Mapping[str, Any]]]
    touches = frozenset({"lapor"})
    lasts = (8.0, 15.0)

    async def strike(self) -> None:
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            for one in self.how:
                fault = {"next": 100_000, "share": 0.5, "seed": self.draw.randrange(10**6), **one}
                await http.post(f"{self.stack.url(SIMULATOR)}/control/faults", json=fault)

    async def heal(self) -> None:
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            await http.delete(f"{self.stack.url(SIMULATOR)}/control/faults")


def lapor(*how: Mapping[str, Any]) -> type[Fault]:
    """LAPOR going wrong in these ways."""
    return type(
        "Lapor", (Lapor,), {"how": how, "__doc__": f"LAPOR: {', '.join(str(one['kind']) for one in how)}."}
    )


class LaporAway(Fault):
    """It is gone, and comes back with what it had."""

    touches = frozenset({"lapor"})
    lasts = (10.0, 25.0)

    async def strike(self) -> None:
        self.stack.kill(SIMULATOR)

    async def heal(self) -> None:
        await self.stack.processes.ended(SIMULATOR, 10)
        await self.stack.bring_back(SIMULATOR)


MENU: Mapping[str, type[Fault]] = {
    "kill": Kill,
    "dies-before-the-commit": dies("before the commit"),
    "dies-before-the-offsets": dies("before the offsets"),
    "dies-after-the-offsets": dies("after the offsets"),
    "dies-after-a-command": dies("after a command's commit", *parts_of(["intake", "routing"])),
    "dies-between-send-and-delete": dies("between send and delete"),
    "dies-after-the-delete": dies("after the delete"),
    "dies-after-lapors-200": DiesAfterLaporsAnswer,
    "freeze": Freeze,
    "freeze-leader": FreezeLeader,
    "rolling-restart": RollingRestart,
    "consumers-down": ConsumersDown,
    "rebalance-storm": RebalanceStorm,
    "wrong-clock": WrongClock,
    "broker-killed": BrokerKilled,
    "broker-frozen": BrokerFrozen,
    "records-come-again": RecordsComeAgain,
    "event-withheld": EventWithheld,
    "store-killed": StoreKilled,
    "connections-exhausted": ConnectionsExhausted,
    "lock-held": LockHeld,
    "schema-migrated": SchemaMigrated,
    "network-latency": network("latency"),
    "network-blackhole": network("blackhole", (4.0, 16.0)),
    "network-reset": network("reset", (1.0, 5.0)),
    "network-drip": network("drip"),
    "lapor-hangs": lapor({"kind": "hang"}),
    "lapor-errs": lapor({"kind": "error_500", "share": 0.3}, {"kind": "too_many", "share": 0.3}),
    "lapor-forgets-to-answer": lapor({"kind": "reset"}, {"kind": "lost_answer", "method": "POST"}),
    "lapor-babbles": lapor({"kind": "html", "share": 0.3}, {"kind": "truncated", "share": 0.3}),
    "lapor-muddles": lapor({"kind": "muddled", "method": "GET", "share": 0.7}),
    "lapor-away": LaporAway,
}

DIRECTED: Mapping[str, type[Fault]] = {
    "slow-store": SlowStore,
    "odd-strangers": OddStrangers,
    "monitor-down-at-the-deadline": MonitorDownAtTheDeadline,
}
"""Not drawn, only asked for by name: each makes one kind of bug sure to show."""

ALL: Mapping[str, type[Fault]] = {**MENU, **DIRECTED}
CALM = frozenset({"slow-store", "network-latency"})
"""Under these nothing is killed or cut off."""
PROMPT = CALM | {"monitor-down-at-the-deadline"}
"""Under these what is published is on its topic at once."""

POINTS = tuple(fault.point for fault in MENU.values() if issubclass(fault, DieAt))
"""Where processes die."""


def kinds(names: Sequence[str] = ()) -> dict[str, Kind]:
    """What the schedule chooses from: these, or all."""
    return {
        name: Kind(fault.touches, fault.targets, fault.lasts)
        for name, fault in (ALL if names else MENU).items()
        if not names or name in names
    }
