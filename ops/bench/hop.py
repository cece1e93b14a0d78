"""The hop: events through one service, from `intake.events` over its store to what it says on `routing.events`."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from ops.bench import bare_loop, events, reference
from ops.bench.measuring import Meter, Size, Spread, between, per_event, ratios
from ops.bench.report import Figure, cpu
from ops.bench.scene import Scene, output, tail
from ops.refusal import Refusal

EVENTS = 120_000

Watch = Callable[[Meter, str], Coroutine[Any, Any, None]]
"""Looks on while a service drains; cancelled at the end."""


async def measure(scene: Scene, size: Size) -> list[Figure]:
    """The reference service beside the bare loop; then routing, which weighs every text."""
    hop = Hop(scene)
    await hop.prepare()
    pairs = [await hop.pair(size.events(EVENTS)) for _ in range(size.runs)]
    figures = figures_of("hop", pairs)
    routing = Hop(scene, "routing")
    await routing.prepare()
    drained = [(await routing.pair(size.events(EVENTS) // 6)) for _ in range(size.runs)]
    rates = [run.rate for _, run in drained]
    return [
        *figures,
        Figure("hop", "routing with a city's rules", "complaints/s", Spread.of(rates)),
        *cpu("hop", "complaint in routing", [run.cpu for _, run in drained], None),
    ]


def figures_of(bench: str, pairs: "list[tuple[Run, Run]]") -> list[Figure]:
    """What pairs of yardstick and hop come to."""
    bare, ours = [run.rate for run, _ in pairs], [run.rate for _, run in pairs]
    return [
        Figure(bench, "events through one service", "events/s", Spread.of(ours), 25_000),
        Figure(bench, "yardstick: a bare loop", "events/s", Spread.of(bare)),
        Figure(bench, "of the yardstick", "×", ratios(ours, bare), 0.17, absolute=False),
        *cpu(bench, "event", [run.cpu for _, run in pairs], 55),
        Figure(bench, "yardstick: CPU per event", "µs", Spread.of([run.cpu_all for run, _ in pairs])),
    ]


HEARS = "intake.events"

WARM = 0.2
"""Of the events, so many pass before anything is measured: the service starts, caches fill, compilers compile."""

BARE_SECONDS = 4.0
PATIENCE = 300.0


@dataclass(frozen=True)
class Run:
    """One run: events per second, and microseconds of CPU per event by part."""

    rate: float
    cpu: Mapping[str, float]

    @property
    def cpu_all(self) -> float:
        return sum(self.cpu.values())


class Hop:
    """The hop through one service. `service` None: the reference service."""

    def __init__(self, scene: Scene, service: str | None = None) -> None:
        self._scene = scene
        self._service = service
        self.name = service or reference.NAME
        self._turn = 0

    async def prepare(self) -> None:
        """The store and the group of the reference service, empty; of a real one they are there."""
        if self._service is None:
            await self._scene.store(reference.NAME, reference.NAME, anew=True)
            async with self._scene.superuser(reference.NAME) as connection:
                await connection.execute(reference.TABLE)
        await self._scene.store("bare", "bare")
        async with self._scene.superuser("bare") as connection:
            await connection.execute(f"{bare_loop.MAKE}; GRANT ALL ON bare TO bare; TRUNCATE bare")

    async def pair(self, count: int) -> tuple[Run, Run]:
        """The yardstick and then the service on the same fresh events."""
        self._turn += 1
        async with self._scene.looking() as ends:
            first = await ends.of(HEARS)
            await self._scene.go_on_from(self.name, HEARS, first)
            await events.publish(self._scene.bootstrap, f"{self.name}-{os.getpid()}-{self._turn}", count)
        return await self.bare(first), await self.drain(count)

    async def bare(self, first: Mapping[int, int]) -> Run:
        """The bare loop over what was published last."""
        scene = self._scene
        async with scene.superuser("bare") as connection:
            await connection.execute("TRUNCATE bare")
        pids = {part: scene.stack.processes.find(part) for part in ("kafka", "postgres")}
        said = await output(
            "ops.bench.bare_loop",
            scene.bootstrap,
            scene.stack.database_dsn("bare"),
            json.dumps({str(n): offset for n, offset in first.items()}),
            str(BARE_SECONDS),
            json.dumps(pids),
        )
        return Run(said["events"] / said["seconds"], per_event(said["cpu"], said["events"]))

    async def drain(self, count: int, watch: Watch | None = None) -> Run:
        """Start the service on `count` events that wait; done when it heard all of them and has nothing left to say.

        How many events it says of one is its own affair.
        """
        scene = self._scene
        async with scene.listening_in(self.name, HEARS) as heard:
            before = await heard.count()
            await self.start()
            try:
                await heard.until(before + int(count * WARM), PATIENCE)
                meter = scene.meter(self.name)
                used, so_far = meter.read(), await heard.count()
                begun = time.monotonic()
                looking = asyncio.create_task(watch(meter, self.name)) if watch else None
                await heard.until(before + count, PATIENCE)
                done = await heard.until_nothing_is_left_to_say(PATIENCE)
                spent = between(used, meter.read())
                if looking is not None:
                    looking.cancel()
                passed = before + count - so_far
                return Run(passed / max(done - begun, 0.001), per_event(spent, max(passed, 1)))
            except Refusal as reason:
                raise Refusal(f"{reason}\n{tail(scene, self.name)}") from None
            finally:
                await self.stop()

    async def start(self) -> None:
        if self._service is not None:
            await self._scene.start(self._service)
            return
        stack = self._scene.stack
        told = stack.environment("routing") | {
            "SIMPUL_STORE_DSN": stack.database_dsn(reference.NAME, role=reference.NAME),
            "SIMPUL_HTTP_PORT": str(stack.ports.choose(reference.NAME, None)),
        }
        self._scene.begin(reference.NAME, "ops.bench.reference", **told)

    async def stop(self) -> None:
        if self._service is not None:
            await self._scene.stop(self._service)
        else:
            await self._scene.end(reference.NAME)
