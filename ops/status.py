"""`./simpul status`: every part's process, address and health, and what is needed to try the hub."""

import argparse
import asyncio
import json

from ops.stack import credentials
from ops.stack.parts import SERVICES
from ops.stack.stack import Stack
from ops.up import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for machines; holds passwords and keys")


def run(args: argparse.Namespace) -> int:
    """0 if everything that was asked for is ready, else 1."""
    stack = Stack()
    rows = asyncio.run(stack.status())
    has_stores = stack.places.passwords.exists() and stack.ports.of("postgres")
    keys = {}
    if stack.places.trial_keys.exists():
        keys = credentials.trial_keys(stack.places.hashed_keys, stack.places.trial_keys, ())
    dsns = {service: stack.dsn(service) for service in SERVICES} if has_stores else {}
    wanted = stack.plan().parts
    well = bool(wanted) and all(row.ready for row in rows if row.name in wanted)
    if args.json:
        parts = {row.name: {**row._asdict(), "ready": row.ready} for row in rows}
        bootstrap = stack.bootstrap if stack.ports.of("kafka") else None
        facts = {
            "ready": well,
            "parts": parts,
            "kafka": {"bootstrap": bootstrap},
            "stores": dsns,
            "keys": keys,
        }
        print(json.dumps(facts, indent=2))
        return 0 if well else 1
    if stack.is_of_demo:
        print("the demo's hub:")
    show(rows)
    if keys:
        print(f"\nkeys for trying: {stack.places.trial_keys} ({', '.join(keys)})")
    if dsns:
        print("addresses of the stores: ./simpul status --json")
    return 0 if well else 1
