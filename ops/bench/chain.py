"""The chain: a complaint by HTTP through intake, routing, bridge and monitor, until its clocks are stated."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.bench.intake import SOURCE, load, publisher
from ops.bench.load import at
from ops.bench.measuring import Size, Spread, between, per_event
from ops.bench.report import Figure, cpu
from ops.bench.scene import Scene
from ops.refusal import Refusal
from ops.stack import roots
from ops.stack.parts import SERVICES, SIMULATOR
from shared.events.ids import complaint_id

COUNT = 24_000
RATES = (1000, 2000)
SECONDS = 10.0
PATIENCE = 180.0


@dataclass(frozen=True)
class Passed:
    """One load through the chain: what it took."""

    rate: float
    routed: list[float]
    stated: list[float]
    lost: int
    cpu: dict[str, float]


async def measure(scene: Scene, size: Size) -> list[Figure]:
    """As fast as it goes, then at fixed rates."""
    key = publisher(scene)
    await scene.start(*SERVICES, SIMULATOR)
    try:
        await passed(scene, key, "warm", count=size.events(COUNT) // 4)
        fast = [await passed(scene, key, f"fast-{n}", count=size.events(COUNT)) for n in range(size.runs)]
        figures = [
            Figure("chain", "complaints through all four", "/s", Spread.of([run.rate for run in fast]), 3000),
            *cpu("chain", "complaint", [run.cpu for run in fast], 500),
        ]
        lost = sum(run.lost for run in fast)
        for rate in RATES:
            count = int(rate * (SECONDS / 2 if size.short else SECONDS))
            runs = [
                await passed(scene, key, f"at-{rate}-{n}", count=count, rate=rate) for n in range(size.runs)
            ]
            lost += sum(run.lost for run in runs)
            figures += _latencies(rate, runs)
        return [*figures, Figure("chain", "complaints without clocks", "", Spread.of([lost]), 0, "at most")]
    finally:
        await scene.stop()


def _latencies(rate: int, runs: list[Passed]) -> list[Figure]:
    wanted = {"p50": 100.0, "p99": 300.0} if rate == max(RATES) else {}
    return [
        Figure(
            "chain",
            f"{name} to {until}, at {rate}/s",
            "ms",
            Spread.of([at(share, getattr(run, field)) for run in runs]),
            wanted.get(name),
            "at most",
        )
        for field, until in (("routed", "complaint.routed"), ("stated", "sla.state"))
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]


async def passed(scene: Scene, key: str, run: str, *, count: int, rate: float = 0) -> Passed:
    """Put so many complaints in, and wait until the clocks of each are stated."""
    with tempfile.TemporaryDirectory() as folder:
        sent = Path(folder) / "sent.json"
        async with listening(scene, count, "chain") as heard:
            meter = scene.meter(*SERVICES)
            used = meter.read()
            await load(scene.stack.url("intake"), key, run, count=count, rate=rate, sent=str(sent))
            told = await heard
            spent = per_event(between(used, meter.read()), count)
        asked: dict[str, float] = json.loads(sent.read_text(encoding="utf-8"))
    keys = {str(complaint_id(SOURCE, reference)): when for reference, when in asked.items()}
    routed = [told["routed"][one] - when for one, when in keys.items() if one in told["routed"]]
    stated = [told["stated"][one] - when for one, when in keys.items() if one in told["stated"]]
    if not routed or not stated:
        raise Refusal(f"nothing came through the chain; see {scene.stack.places.logs}")
    took = max(told["stated"].values()) - min(keys.values())
    return Passed(count / took, routed, stated, count - len(stated), spent)


@asynccontextmanager
async def listening(
    scene: Scene, count: int, what: str
) -> AsyncIterator["asyncio.Task[dict[str, dict[str, float]]]"]:
    """A listener from now on; the task ends with what it heard."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "ops.bench.listener",
        scene.bootstrap,
        str(count),
        str(PATIENCE),
        what,
        cwd=roots.CLONE,
        env={**os.environ, "PYTHONPATH": str(roots.CLONE)},
        stdout=asyncio.subprocess.PIPE,
        limit=2**27,
    )
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield asyncio.create_task(_heard(process.stdout))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _heard(told: asyncio.StreamReader) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = json.loads(await told.readline())
    return found
