"""Intake by HTTP: complaints that are durable when they are answered, beside one INSERT and commit per request."""

import asyncio
import os
import socket

from ops.bench import plain_server
from ops.bench.measuring import Size, Spread, between, per_event, ratios
from ops.bench.report import Figure, cpu
from ops.bench.scene import Scene, output
from ops.stack import credentials

CONNECTIONS = 64
SECONDS = 8.0
WARM_SECONDS = 2.0
SOURCE = "bench"


def publisher(scene: Scene) -> str:
    """A publisher's key for the load."""
    places = scene.stack.places
    kept = credentials.kept_keys(
        places.hashed_keys, places.secrets / "bench.json", {SOURCE: (SOURCE, "publisher")}
    )
    return kept[SOURCE]


async def load(
    url: str, key: str, run: str, *, rate: float = 0, seconds: float = 0, count: int = 0, sent: str = "-"
) -> dict[str, object]:
    """Put a load of complaints on a server; what it came to."""
    return await output(
        "ops.bench.load",
        url,
        "/v1/complaints",
        key,
        f"{run}-{os.getpid()}",
        str(CONNECTIONS),
        str(rate),
        str(seconds),
        str(count),
        sent,
    )


async def measure(scene: Scene, size: Size) -> list[Figure]:
    """Both servers in turn, each for some seconds."""
    key = publisher(scene)
    plain = await _start_plain(scene)
    await scene.start("intake")
    seconds = SECONDS / 2 if size.short else SECONDS
    ours, theirs, spent = [], [], []
    try:
        for name, url in (("plain", plain), ("intake", scene.stack.url("intake"))):
            await load(url, key, f"warm-{name}", seconds=WARM_SECONDS)
        for turn in range(size.runs):
            theirs.append(await load(plain, key, f"plain-{turn}", seconds=seconds))
            meter = scene.meter("intake")
            used = meter.read()
            ours.append(await load(scene.stack.url("intake"), key, f"intake-{turn}", seconds=seconds))
            spent.append(per_event(between(used, meter.read()), int(str(ours[-1]["count"]))))
    finally:
        await scene.end("plain")
        await scene.stop("intake")
    rates, bare = [_rate(run, seconds) for run in ours], [_rate(run, seconds) for run in theirs]
    wrong = sum(_wrong(run) for run in [*ours, *theirs])
    return [
        Figure("intake", "durable complaints by HTTP", "/s", Spread.of(rates), 10_000),
        Figure("intake", "yardstick: one commit each", "/s", Spread.of(bare)),
        Figure("intake", "of the yardstick", "×", ratios(rates, bare), 2.4, absolute=False),
        Figure("intake", "p50", "ms", Spread.of([_number(run, "p50") for run in ours])),
        Figure("intake", "p99", "ms", Spread.of([_number(run, "p99") for run in ours]), 25, "at most"),
        Figure("intake", "answers that were none of 201", "", Spread.of([wrong]), 0, "at most"),
        *cpu("intake", "complaint", spent, None),
    ]


def _number(run: dict[str, object], name: str) -> float:
    return float(str(run[name]))


def _rate(run: dict[str, object], seconds: float) -> float:
    return _number(run, "count") / seconds


def _wrong(run: dict[str, object]) -> int:
    statuses = run["statuses"]
    assert isinstance(statuses, dict)
    return sum(count for status, count in statuses.items() if status != "201")


async def _start_plain(scene: Scene) -> str:
    await scene.store("plain", "plain", anew=True)
    async with scene.superuser("plain") as connection:
        await connection.execute(f"{plain_server.MAKE}; GRANT ALL ON plain TO plain")
    port = scene.stack.ports.choose("plain", None)
    dsn = scene.stack.database_dsn("plain", role="plain")
    scene.begin("plain", "ops.bench.plain_server", SIMPUL_STORE_DSN=dsn, SIMPUL_HTTP_PORT=str(port))
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        await asyncio.sleep(0.1)
    return f"http://127.0.0.1:{port}"
