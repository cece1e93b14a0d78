"""`./simpul reset`: stops the hub and deletes what is stored, after asking."""

import argparse
import asyncio
import sys

from ops.console import Steps
from ops.refusal import Refusal
from ops.stack.stack import Stack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> None:
    steps = Steps()
    stack = Stack(steps=steps)
    if not args.yes:
        if not sys.stdin.isatty():
            raise Refusal("reset deletes all complaints, keys and secrets of this hub; say --yes to mean it")
        if input("Delete all complaints, keys and secrets of this hub? [y/N] ").strip().lower() != "y":
            raise Refusal("nothing was deleted")
    with stack.alone(), steps.shown():
        asyncio.run(stack.destroy())
    print("nothing is left but the fetched jars; ./simpul up begins anew")
