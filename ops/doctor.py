"""`./simpul doctor`: looks at everything, and says in plain words what is wrong and the command that mends it."""

import argparse
import asyncio
import json

from ops import hub
from ops.diagnosis import CHECKS, examine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for machines")


def run(args: argparse.Namespace) -> int:
    """0 where nothing is wrong, else 1."""
    found = asyncio.run(examine(hub.current()))
    if args.json:
        print(json.dumps([finding._asdict() for finding in found], indent=2, ensure_ascii=False))
        return 1 if found else 0
    for finding in found:
        print(f"{finding.part}: {finding.wrong}\n    → {finding.mend}")
    if not found:
        print(f"Nothing is wrong ({len(CHECKS)} checks).")
    return 1 if found else 0
