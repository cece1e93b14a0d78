"""`./simpul down`: stops the hub, services before stores; what is stored stays."""

import argparse
import asyncio
from collections.abc import Collection, Sequence

from ops.console import Steps
from ops.refusal import Refusal
from ops.stack.parts import PROGRAMS, STORES, service_of
from ops.stack.stack import Plan, Stack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help="stop only these; a service with all its processes"
    )


def run(args: argparse.Namespace) -> int:
    steps = Steps()
    stack = Stack(steps=steps)
    with stack.alone(), steps.shown():
        plan = stack.plan()
        named = meant(args.parts, {*plan.parts, *stack.running()})
        stack.keep_plan(
            Plan(tuple(part for part in plan.parts if args.parts and part not in named), plan.env)
        )
        killed = asyncio.run(stack.stop(named if args.parts else None))
    for part in killed:
        print(f"{part} did not stop in time and was killed")
    if not args.parts:
        print("all is stopped; what is stored stays in .simpul")
    return 0


def meant(asked: Sequence[str], there: Collection[str]) -> list[str]:
    """The parts that these names mean: `routing` all of its processes, `routing.1` that one. Refusal for a stranger."""
    known = {*STORES, *PROGRAMS, *there}
    if strangers := [name for name in asked if name not in known]:
        raise Refusal(f"there is no part {', '.join(strangers)}; there are {', '.join(sorted(known))}")
    return sorted({*asked, *(part for part in there if service_of(part) in asked)})
