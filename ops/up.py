"""`./simpul up`: starts the hub here, or what is missing of it."""

import argparse
import asyncio
import os
import signal
import time
from collections.abc import Mapping, Sequence

from rich.table import Table

from ops.console import Steps, show_table
from ops.prepare import prepare
from ops.refusal import Refusal
from ops.stack.parts import PROGRAMS, SERVICES, SIMULATOR, STORES, replica, service_of
from ops.stack.stack import PartStatus, Plan, Stack

BRIDGE = "lapor_bridge"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--detach", action="store_true", help="return when it runs (else: Ctrl-C stops it)")
    parser.add_argument("--only", metavar="PART,…", help=f"of: {', '.join([*STORES, *PROGRAMS])}")
    parser.add_argument("--replicas", type=int, default=1, metavar="N", help="processes of each service")
    parser.add_argument(
        "--simulator", action="store_true", help="a simulated SP4N-LAPOR too, and the bridge to it"
    )


def run(args: argparse.Namespace) -> int:
    steps = Steps()
    stack = Stack(steps=steps)
    began = time.monotonic()
    with stack.alone(), steps.shown():
        plan, lapor = stack.plan(), _lapor_of_shell()
        known = bool(lapor or plan.env.get(BRIDGE))
        parts = wanted_parts(
            plan, only=args.only, replicas=args.replicas, simulator=args.simulator, lapor_known=known
        )
        asyncio.run(bring_up(stack, parts, {BRIDGE: lapor} if lapor and SIMULATOR not in parts else None))
    whose = "the demo's hub is up" if stack.is_of_demo else "up"
    print(f"{whose} in {time.monotonic() - began:.1f} s")
    show(asyncio.run(stack.status()))
    if args.only is None and BRIDGE not in parts:
        print(
            f"{BRIDGE} is off, for want of an SP4N-LAPOR: --simulator brings one, SIMPUL_LAPOR_URL names one."
        )
    if args.detach:
        print("./simpul status tells more, ./simpul down stops it.")
        return 0
    return asyncio.run(_follow(stack))


def _lapor_of_shell() -> dict[str, str]:
    """What the shell says of the SP4N-LAPOR to speak with; remembered, so that a later `up` need not be told."""
    told = {name: value for name, value in os.environ.items() if name.startswith("SIMPUL_LAPOR_")}
    return told if "SIMPUL_LAPOR_URL" in told else {}


def wanted_parts(
    plan: Plan, *, only: str | None, replicas: int, simulator: bool, lapor_known: bool
) -> list[str]:
    """What to start: what is asked for now and what was asked for before, stores first.

    The bridge needs an SP4N-LAPOR to speak with, the simulator or a known one; without, it is left out.
    """
    known = [*STORES, *PROGRAMS]
    if only is not None:
        asked = [part.strip() for part in only.split(",") if part.strip()]
        if strangers := [part for part in asked if service_of(part) not in known]:
            raise Refusal(f"there is no part {', '.join(strangers)}; there are {', '.join(known)}")
    else:
        asked = [*STORES, *SERVICES]
    if simulator:
        asked.append(SIMULATOR)
    if not 1 <= replicas <= 9:
        raise Refusal("--replicas takes 1 to 9")
    asked += [replica(part, n) for part in asked if part in SERVICES for n in range(1, replicas)]
    wanted = dict.fromkeys([*asked, *plan.parts])
    if SIMULATOR not in wanted and not lapor_known:
        if only is not None and any(service_of(part) == BRIDGE for part in asked):
            raise Refusal(f"{BRIDGE} has no SP4N-LAPOR: add --simulator, or name one in SIMPUL_LAPOR_URL")
        wanted = dict.fromkeys(part for part in wanted if service_of(part) != BRIDGE)
    return sorted(wanted, key=lambda part: (known.index(service_of(part)), part))


async def bring_up(
    stack: Stack, parts: Sequence[str], env: Mapping[str, Mapping[str, str]] | None = None
) -> None:
    """Start what is missing of `parts`, in order, and remember them all. The caller holds the stack alone."""
    told = {**stack.plan().env, **(env or {})}
    stack.keep_plan(Plan(tuple(parts), told))
    await stack.start([part for part in parts if part in STORES])
    programs = [part for part in parts if part not in STORES]
    if programs:
        await prepare(stack)
        await stack.start(programs, told)


def show(rows: Sequence[PartStatus]) -> None:
    """The parts as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("part", "pid", "address", "health"):
        table.add_column(column)
    for row in rows:
        table.add_row(row.name, str(row.pid or ""), row.url or "", row.health)
    show_table(table)


async def _follow(stack: Stack) -> int:
    """Stay until Ctrl-C or SIGTERM, telling of parts that end; then stop it all."""
    print("Ctrl-C stops it all.", flush=True)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for what in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(what, stopped.set)
    present = set(stack.running())
    while present and not stopped.is_set():
        still = set(stack.running())
        for part in sorted(present - still):
            print(
                f"{part} ended; ./simpul up --detach brings it back, ./simpul logs {part} tells more",
                flush=True,
            )
        present = still
        try:
            await asyncio.wait_for(stopped.wait(), 1)
        except TimeoutError:
            continue
    if not present:
        return 0
    with stack.alone():
        killed = await stack.stop()
        stack.keep_plan(Plan())
    return 1 if killed else 0
