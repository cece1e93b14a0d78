"""One run: a hub is broken for some minutes while people use it; then it heals, comes to rest, and is counted."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import yaml

from ops import quiet
from ops.demo.sums.check import Check
from ops.refusal import Refusal
from ops.stack.parts import SERVICES
from shared import audit, clock, database
from shared.delivery import operators
from tests.faults import evidence as evidences
from tests.faults.bugs import BUGS
from tests.faults.canaries import canaries
from tests.faults.checkers import CHECKERS
from tests.faults.history import History
from tests.faults.hub import PARTS, FaultyStack, city_whose_day_ends, first_day_ending
from tests.faults.menu import ALL, CALM, PROMPT, Fault, Field, kinds
from tests.faults.people import REFUSED_BY_THE_STORE, Pace, People
from tests.faults.schedule import LANES, Strike, plan
from tests.faults.sometimes import RARE, Sometimes
from tests.flow.world import HEARD

Told = Callable[[str], None]

WARMING = 8.0
"""Seconds of traffic before the first fault."""
CALM_SECONDS = 6.0
"""Seconds of rest before the counting: longer than an overdue clock keeps silent."""

REFUSE = f"""
ALTER TABLE cases
ADD CONSTRAINT refused_in_this_run CHECK (complaint ->> 'title' IS DISTINCT FROM '{REFUSED_BY_THE_STORE}')
"""


@dataclass(frozen=True)
class Wish:
    """What is to be run. `only`: these faults; `lanes`: so many at once; `full`: all of *sometimes* must show.

    `patience`: seconds after healing within which the hub must have come to rest. `stops_early`: the people go before
    the last fault heals, and do not come back. `hasty`: what does not
    come to rest is not counted any more.
    """

    minutes: float
    seed: int
    only: Sequence[str] = ()
    brokers: int = 1
    pace: Pace = field(default_factory=Pace)
    lanes: int = LANES
    full: bool = False
    patience: float = 300.0
    stops_early: bool = False
    hasty: bool = False


@dataclass
class Report:
    """What came of it."""

    seed: int
    minutes: float
    strikes: dict[str, int] = field(default_factory=dict)
    history: dict[str, dict[str, int]] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    healed_seconds: float = 0.0
    sometimes: dict[str, int] = field(default_factory=dict)
    never: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return (
            not self.trouble
            and not self.never
            and bool(self.checks)
            and all(check.ok for check in self.checks)
        )

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.ok, "checks": [{**asdict(c), "ok": c.ok} for c in self.checks]}


def for_bug(name: str) -> Wish:
    """The run in which this bug shows for certain."""
    bug = BUGS[name]
    pace = replace(Pace(), **bug.pace)
    return Wish(
        bug.minutes,
        bug.seed,
        bug.only,
        pace=pace,
        lanes=bug.lanes,
        patience=75,
        stops_early=bug.stops_early,
        hasty=True,
    )


async def run(
    root: Path, tree: Path, wish: Wish, told: Told, *, keep: bool = False, stays: bool = True
) -> Report:
    """Begin a hub in `root`, on the code of `tree`; break it as wished; count.

    `keep`: what is stored stays to be looked at; `stays`: it does so anyway where something does not add up.
    """
    began = time.monotonic()
    report = Report(wish.seed, wish.minutes)
    stack = FaultyStack(root, tree, wish.brokers)
    await stack.destroy()
    stack = FaultyStack(root, tree, wish.brokers)
    history = History()
    ok = False
    try:
        seconds = wish.minutes * 60
        day_ends = first_day_ending(clock.now(), 40 + WARMING + seconds * 0.5)
        city = city_whose_day_ends(day_ends, root, tree)
        told("a hub of its own comes up: two replicas of each service, everything through a proxy")
        await stack.begin(city)
        field_ = Field(stack)
        await field_.as_superuser("routing", REFUSE)
        sometimes = Sometimes(stack)
        people = People(stack, history, wish.seed, day_ends, wish.pace)
        operator = Operator(stack)
        try:
            async with _beside(sometimes.watch(), operator.watch()):
                traffic = asyncio.ensure_future(people.work())
                await asyncio.sleep(WARMING)
                strikes = plan(wish.seed, seconds, kinds(wish.only), wish.lanes)
                if wish.stops_early:
                    asyncio.get_running_loop().call_later(max(0.0, seconds - 6), people.let_go)
                await _break(field_, strikes, seconds, told, report)
                told("healing: no more faults, no more traffic; what was not answered is asked again")
                healed = time.monotonic()
                for part in PARTS:
                    stack.revive(part)
                await stack.bring_back("kafka", "postgres", "simulator")
                await people.stop()
                await traffic
                await stack.bring_back(*PARTS)
                if not wish.stops_early:
                    await people.ask_again()
                report.trouble += await _rest(stack, wish.patience)
                report.healed_seconds = time.monotonic() - healed
        finally:
            await people.close()
        report.trouble += [f"the harness itself: {word}" for word in dict.fromkeys(people.trouble)]
        if wish.hasty and report.trouble:
            return report
        told("counting: topics, stores, LAPOR's ledger and the client's history")
        policies = {
            name: yaml.safe_load((city / f"{name}.yaml").read_text(encoding="utf-8"))
            for name in ("sla", "holidays")
        }
        found = await evidences.gather(
            stack,
            history,
            frozenset(field_.withheld),
            policies,
            clock.now(),
            calm=bool(wish.only) and CALM.issuperset(wish.only),
            prompt=bool(wish.only) and PROMPT.issuperset(wish.only),
        )
        report.checks = [check for checker in CHECKERS for check in checker(found)]
        report.checks += await canaries(stack, found)
        report.history = history.counted()
        report.history["bad record"] = {"ok": len(history.bad), "failed": 0, "unknown": 0}
        report.records = {topic: len(records) for topic, records in found.records.items()}
        report.sometimes = sometimes.counted(found, field_, operator.resumed)
        if wish.full:
            report.never = [
                name for name, count in report.sometimes.items() if not count and name not in RARE
            ]
        report.seconds = time.monotonic() - began
        ok = report.ok
        return report
    finally:
        await stack.end(keep=keep or (stays and not ok))


async def _break(
    field_: Field, strikes: Sequence[Strike], seconds: float, told: Told, report: Report
) -> None:
    """Strike as planned; return when the time is over and everything that was struck is healed."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    places = {place: asyncio.Lock() for fault in ALL.values() for place in fault.touches}

    async def one(strike: Strike) -> None:
        await asyncio.sleep(max(0.0, began + strike.at - loop.time()))
        async with (
            contextlib.AsyncExitStack() as held
        ):  # one before it may take longer to heal than was planned
            for place in sorted(ALL[strike.fault].touches):
                await held.enter_async_context(places[place])
            if loop.time() - began < seconds:
                await strike_with(strike)

    async def strike_with(strike: Strike) -> None:
        at = f"{loop.time() - began:6.1f} s"
        fault: Fault = ALL[strike.fault](field_, strike)
        told(f"{at}  {strike.fault} {strike.target}".rstrip() + f" for {strike.lasts:.0f} s")
        report.strikes[strike.fault] = report.strikes.get(strike.fault, 0) + 1
        try:
            await fault.strike()
            await fault.over()
        finally:
            await _until_healed(fault)

    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(seconds))
        for strike in strikes:
            group.create_task(one(strike))


async def _until_healed(fault: Fault) -> None:
    """What heals needs the store or a port that another fault has just then: try until it works."""
    until = time.monotonic() + 90
    while True:
        try:
            return await fault.heal()
        except (*database.AWAY, Refusal):
            if time.monotonic() > until:
                raise
            await asyncio.sleep(1)


class Operator:
    """Whoever is on duty: a consumer that stopped itself is looked at, and let go on."""

    def __init__(self, stack: FaultyStack) -> None:
        self._stack = stack
        self.resumed = 0

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(3)
            for service in SERVICES:
                with contextlib.suppress(*database.AWAY, operators.NotThere):
                    await self._resume(service)

    async def _resume(self, service: str) -> None:
        connection = await asyncpg.connect(self._stack.database_dsn(service), timeout=3)
        try:
            await operators.resume(
                connection, audit.Operator("harness"), "bad records, as planned", clock.now()
            )
            self.resumed += 1
        finally:
            await connection.close()


async def _rest(stack: FaultyStack, patience: float) -> list[str]:
    """Wait until nothing is left to do anywhere; what is still undone at the end, in words."""
    until = time.monotonic() + patience
    calm_since: float | None = None
    dsns = {service: stack.database_dsn(service) for service in SERVICES}
    left: Mapping[str, str] = {}
    said: object = None
    async with quiet.Ear(stack.bootstrap, HEARD) as ear:
        while time.monotonic() < until:
            left = await quiet.unfinished(ear, dsns) or await _undone(stack)
            now = None if left else await _said(ear)
            if left or now != said:
                said, calm_since = now, None
            calm_since = calm_since or time.monotonic()
            if not left and time.monotonic() - calm_since > CALM_SECONDS:
                return []
            await asyncio.sleep(0.5)
    return [
        f"not at rest {patience:.0f} s after healing: {service}: {what}" for service, what in left.items()
    ] or ["something is said again and again"]


async def _said(ear: quiet.Ear) -> object:
    return sum((await ear.ends()).values())


_UNDONE: Mapping[str, str] = {
    "lapor_bridge": """
        SELECT count(*) FILTER (WHERE post_at IS NOT NULL) AS "reports not handed in",
            count(*) FILTER (WHERE posting_state = 'waiting' AND post_at IS NULL) AS "reports without receipt",
            count(*) FILTER (WHERE work_at IS NOT NULL) AS "complaints with something to write in LAPOR"
        FROM links""",
    "sla_monitor": """
        SELECT count(*) AS "complaints with a deadline to be told" FROM delivery.keys
        WHERE next_due_at <= now() AND parked IS NULL""",
}
_READ = "SELECT lapor_id, seen ->> 'as_of' AS as_of FROM links"


async def _undone(stack: FaultyStack) -> dict[str, str]:
    """What the bridge has to write, to hand in or to read, and what the monitor has to say."""
    undone: dict[str, str] = {}
    for service, query in _UNDONE.items():
        row = (await evidences.rows(stack.database_dsn(service), query))[0]
        if words := [f"{count} {what}" for what, count in row.items() if count]:
            undone[service] = ", ".join(words)
    if not undone:
        async with httpx.AsyncClient(base_url=stack.url("simulator"), timeout=20, trust_env=False) as http:
            reports = (await http.get("/control/reports")).json()["reports"]
        read = {
            row["lapor_id"]: row["as_of"]
            for row in await evidences.rows(stack.database_dsn("lapor_bridge"), _READ)
        }
        unread = sum(
            (as_of := read.get(one["tracking_id"])) is None
            or datetime.fromisoformat(as_of) < datetime.fromisoformat(one["updated_at"])
            for one in reports
        )
        if unread:
            undone["lapor_bridge"] = f"{unread} reports in LAPOR not read since they changed"
    return undone


@contextlib.asynccontextmanager
async def _beside(*work: Any) -> AsyncIterator[None]:
    """Meanwhile this goes on."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
