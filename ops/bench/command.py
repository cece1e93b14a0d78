"""`./simpul bench`: what the hub's promises cost, beside what one would write without them."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping

from ops.bench import backlog, chain, hop, intake, measuring, report, sla
from ops.bench.measuring import Size
from ops.bench.report import Figure
from ops.bench.scene import Scene, a_scene
from ops.console import Steps
from ops.refusal import Refusal

Bench = Callable[[Scene, Size], Awaitable[list[Figure]]]

BENCHES: Mapping[str, tuple[Bench, str]] = {
    "hop": (hop.measure, "events through one service, beside a bare loop"),
    "chain": (chain.measure, "complaints through all four services"),
    "intake": (intake.measure, "complaints by HTTP, beside one commit each"),
    "sla": (sla.measure, "many deadlines in one second, beside one UPDATE"),
    "backlog": (backlog.measure, "a service that was away, and what a full store costs"),
    "idle": (backlog.measure_idle, "the whole hub with nothing to do"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    told = "; ".join(f"{name}: {what}" for name, (_, what) in BENCHES.items())
    parser.add_argument("what", nargs="?", choices=(*BENCHES, "all"), default="all", help=f"{told} (all)")
    parser.add_argument(
        "--short", action="store_true", help="about five minutes for all, with a wider spread"
    )
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="how often each is measured (3)")
    parser.add_argument("--json", action="store_true", help="for machines: every figure on stdout")
    parser.add_argument(
        "--keep", action="store_true", help="leave the stores of the bench where they are, stopped"
    )


def run(args: argparse.Namespace) -> int:
    """0 where everything that has a target reached it, else 1."""
    if not 1 <= args.runs <= 20:
        raise Refusal("--runs takes 1 to 20")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a topic that is a moment old has no leader yet
    wanted = [*BENCHES] if args.what == "all" else [args.what]
    machine = measuring.machine()
    figures = asyncio.run(_measure(wanted, Size(args.runs, args.short), Steps(), keep=args.keep))
    machine["load_after"] = round(os.getloadavg()[0], 2)
    if args.json:
        print(report.as_json(figures, machine))
    else:
        report.show(figures, machine, print)
    return 0 if all(one.reached is not False for one in figures) else 1


async def _measure(wanted: list[str], size: Size, steps: Steps, *, keep: bool) -> list[Figure]:
    """Each bench in its turn, all on one hub."""
    figures: list[Figure] = []
    async with a_scene(steps, keep=keep) as scene:
        for name in wanted:
            bench, _ = BENCHES[name]
            with steps.step(name):
                print(f"measuring {name}", file=sys.stderr, flush=True)
                figures += await bench(scene, size)
    return figures
