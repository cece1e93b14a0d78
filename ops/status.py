"""`./simpul status`: every part's process, address and health, and what is needed to try the hub."""

import argparse
import asyncio
import json
from collections.abc import Mapping
from typing import Any

from ops import hub
from ops.hub import Hub
from ops.refusal import Refusal
from ops.stack import credentials
from ops.stack.parts import SERVICES
from ops.stack.stack import Stack
from ops.up import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for machines; holds passwords and keys")
    parser.add_argument(
        "--get", metavar="FACT", help="one of these alone, for scripts: keys.publisher, parts.intake.url, …"
    )


def run(args: argparse.Namespace) -> int:
    """0 if everything that was asked for is ready, else 1."""
    if hub.is_elsewhere():
        return _elsewhere(hub.current(), as_json=args.json)
    stack = Stack()
    asks_parts = not args.get or args.get.partition(".")[0] in ("ready", "parts")
    rows = asyncio.run(stack.status()) if asks_parts else []
    has_stores = stack.places.passwords.exists() and stack.ports.of("postgres")
    keys = {}
    if stack.places.trial_keys.exists():
        keys = credentials.trial_keys(stack.places.hashed_keys, stack.places.trial_keys, ())
    dsns = {service: stack.dsn(service) for service in SERVICES} if has_stores else {}
    wanted = stack.plan().parts
    well = bool(wanted) and all(row.ready for row in rows if row.name in wanted)
    if args.json or args.get:
        parts = {row.name: {**row._asdict(), "ready": row.ready} for row in rows}
        bootstrap = stack.bootstrap if stack.ports.of("kafka") else None
        facts = {
            "ready": well,
            "parts": parts,
            "kafka": {"bootstrap": bootstrap},
            "stores": dsns,
            "keys": keys,
        }
        if args.get:
            print(fact(facts, args.get))
            return 0
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


def _elsewhere(here: Hub, *, as_json: bool) -> int:
    """Addresses as this process sees them; no process and no secret is known of a hub elsewhere."""
    rows = asyncio.run(here.status())
    well = all(row.ready for row in rows)
    if as_json:
        parts = {row.name: {"url": row.url, "health": row.health, "ready": row.ready} for row in rows}
        print(json.dumps({"ready": well, "parts": parts}, indent=2))
    else:
        show(rows)
    return 0 if well else 1


def fact(facts: Mapping[str, Any], path: str) -> str:
    """What stands at a dotted path, as text. Refusal where nothing does."""
    found = _standing_at(facts, path)
    if not found or isinstance(found[0], Mapping):
        raise Refusal(f"there is no {path}; ./simpul status --json shows what there is")
    if found[0] is None:
        raise Refusal(f"{path} is not known now; ./simpul up starts what is missing")
    return str(found[0])


def _standing_at(facts: Mapping[str, Any], path: str) -> list[Any]:
    """What stands there, or nothing. The longest name counts: a part's may hold a dot itself (routing.1)."""
    for name in sorted(facts, key=len, reverse=True):
        if path == name:
            return [facts[name]]
        if path.startswith(f"{name}.") and isinstance(facts[name], Mapping):
            return _standing_at(facts[name], path.removeprefix(f"{name}."))
    return []
