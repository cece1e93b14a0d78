"""`./simpul down`: stops the hub, services before stores; what is stored stays."""

import argparse
import asyncio

from ops.console import Steps
from ops.stack.stack import Plan, Stack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("parts", nargs="*", metavar="PART", help="stop only these")


def run(args: argparse.Namespace) -> int:
    steps = Steps()
    stack = Stack(steps=steps)
    with stack.alone(), steps.shown():
        plan = stack.plan()
        stack.keep_plan(
            Plan(tuple(part for part in plan.parts if args.parts and part not in args.parts), plan.env)
        )
        killed = asyncio.run(stack.stop(args.parts or None))
    for part in killed:
        print(f"{part} did not stop in time and was killed")
    if not args.parts:
        print("all is stopped; what is stored stays in .simpul")
    return 0
