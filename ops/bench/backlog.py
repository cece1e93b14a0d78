"""The backlog: a service that was away for long, and what a store that is full costs; and a hub at rest."""

import asyncio
import os
from collections.abc import Sequence

from ops.bench import events
from ops.bench.hop import HEARS, Hop, Run, Watch
from ops.bench.measuring import Meter, Size, Spread, between, ratios
from ops.bench.report import Figure
from ops.bench.scene import Scene
from ops.stack.parts import SERVICES, SIMULATOR

EVENTS = 1_000_000
FEW, SOME = 1_000, 60_000
IDLE_SECONDS = 20.0
SETTLING_SECONDS = 60.0
"""Until nothing is being started any more: what Java compiles in its first minute is not the price of being idle."""


async def measure(scene: Scene, size: Size) -> list[Figure]:
    """The hop with few complaints stored; the backlog, which stores many; the hop with those stored."""
    waiting = EVENTS // 10 if size.short else EVENTS
    hop = Hop(scene)
    await hop.prepare()
    await drained(hop, scene, "few", FEW)
    some = size.events(SOME)
    few = [await drained(hop, scene, f"at-few-{n}", some) for n in range(size.runs)]
    peaks: list[float] = []

    async def watch(meter: Meter, part: str) -> None:
        while True:
            peaks.append(meter.megabytes(part))
            await asyncio.sleep(0.2)

    whole = await drained(hop, scene, "backlog", waiting, watch)
    many = [await drained(hop, scene, f"at-many-{n}", some) for n in range(size.runs)]
    stored = f"{waiting:,}"
    return [
        Figure("backlog", f"drained, of {stored} events", "/s", Spread.of([whole.rate])),
        Figure("backlog", "of the hop's own rate", "×", _against([whole], few), 0.75, absolute=False),
        Figure(
            "backlog", "memory of the service, at its peak", "MiB", Spread.of([max(peaks)]), 200, "at most"
        ),
        Figure("flat", "hop, few complaints stored", "/s", Spread.of([run.rate for run in few])),
        Figure("flat", f"hop, {stored} stored", "/s", Spread.of([run.rate for run in many])),
        Figure(
            "flat",
            f"CPU per event, {stored} stored against few",
            "×",
            ratios([run.cpu_all for run in many], [run.cpu_all for run in few]),
            1.15,
            "at most",
            absolute=False,
        ),
    ]


def _against(ours: Sequence[Run], theirs: Sequence[Run]) -> Spread:
    middle = Spread.of([run.rate for run in theirs]).middle
    return Spread.of([run.rate / middle for run in ours])


async def drained(hop: Hop, scene: Scene, run: str, count: int, watch: Watch | None = None) -> Run:
    """Publish so many and see them through the service."""
    async with scene.looking() as ends:
        await scene.go_on_from(hop.name, HEARS, await ends.of(HEARS))
    await events.publish(scene.bootstrap, f"{run}-{os.getpid()}", count)
    return await hop.drain(count, watch)


async def measure_idle(scene: Scene, size: Size) -> list[Figure]:
    """The whole hub with nothing to do."""
    await scene.start(*SERVICES, SIMULATOR)
    try:
        await asyncio.sleep(SETTLING_SECONDS / 4 if size.short else SETTLING_SECONDS)
        meter = scene.meter(*SERVICES)
        shares: list[float] = []
        for _ in range(size.runs):
            used = meter.read()
            await asyncio.sleep(_length(size))
            spent = between(used, meter.read())
            shares.append(100 * sum(spent.values()) / _length(size))
        memory = [
            Figure("idle", f"memory of {name}", "MiB", Spread.of([meter.megabytes(name)]), 120, "at most")
            for name in SERVICES
        ]
        parts = [
            Figure("idle", f"  of it {part}", "%", Spread.of([100 * seconds / _length(size)]))
            for part, seconds in spent.items()
        ]
        return [
            Figure(
                "idle",
                "CPU of the whole hub, of one core",
                "%",
                Spread.of(shares),
                5,
                "at most",
                absolute=False,
            ),
            *parts,
            *memory,
        ]
    finally:
        await scene.stop()


def _length(size: Size) -> float:
    return IDLE_SECONDS / 4 if size.short else IDLE_SECONDS
