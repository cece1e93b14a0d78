"""`./simpul keys`: who may come in: keys made, shown by name, exchanged and taken away, without a restart."""

import argparse
import json
import os
import sys
from datetime import date
from pathlib import Path

import yaml
from rich.table import Table

from ops import keyring
from ops.console import show_table
from ops.keyring import changing, ending, is_over
from ops.refusal import Refusal
from ops.stack import roots
from ops.stack.parts import Places, city_directory

KEYS_FILE = "SIMPUL_KEYS_FILE"
OVERLAP = 7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    for_all = argparse.ArgumentParser(add_help=False)
    for_all.add_argument("--file", type=Path, help=f"the keys file (default: {KEYS_FILE}, else this hub's)")
    adds = acts.add_parser("add", parents=[for_all], help="make a key; it is shown once, on standard output")
    adds.add_argument("name", help="whose it is; a publisher's is the source of its complaints")
    adds.add_argument("--role", required=True, help="publisher, opd:CODE, verifier, admin or bridge")
    adds.add_argument("--expires", type=_day, metavar="DATE", help="its last day, YYYY-MM-DD, in Jakarta")
    lists = acts.add_parser("list", parents=[for_all], help="show whose keys there are, never the keys")
    lists.add_argument("--json", action="store_true", help="for machines")
    revokes = acts.add_parser("revoke", parents=[for_all], help="take a name's keys away, at once")
    revokes.add_argument("name")
    revokes.add_argument("--key", metavar="ABCD", help="only the one that `list` shows with this ending")
    rotates = acts.add_parser(
        "rotate", parents=[for_all], help="make a name's next key; the old one stays good for a while"
    )
    rotates.add_argument("name")
    rotates.add_argument(
        "--overlap", type=_days, default=OVERLAP, metavar="DAYS", help=f"for so many days ({OVERLAP})"
    )
    rotates.add_argument("--expires", type=_day, metavar="DATE", help="the new key's last day")


def run(args: argparse.Namespace) -> None:
    file = args.file or _usual_file()
    if args.act == "list":
        _list(keyring.read(file), as_json=args.json)
        return
    with changing(file) as entries:
        if args.act == "revoke":
            many = keyring.revoke(entries, args.name, args.key)
            told = f"{'a key' if many == 1 else f'{many} keys'} of {args.name} revoked"
            secret = None
        elif args.act == "rotate":
            secret, until = keyring.rotate(entries, args.name, args.overlap, args.expires)
            told = f"the next key of {args.name}, shown once; the older is good until the end of {until}"
        else:
            _check_opd(args.role)
            secret = keyring.add(entries, args.name, args.role, args.expires)
            last = f", good until the end of {args.expires}" if args.expires else ""
            told = f"a key of {args.name} (role {args.role}){last}, shown once"
    print(f"simpul: {told}.", file=sys.stderr)
    if secret is not None:
        print(secret)


def _usual_file() -> Path:
    told = os.environ.get(KEYS_FILE)
    if told:
        return Path(told)
    root = roots.current()
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Places(root).hashed_keys


def _check_opd(role: str) -> None:
    """An agency that no case is ever given to needs no key; without the city's files nobody can tell."""
    kind, _, code = role.partition(":")
    file = city_directory() / "opds.yaml"
    if kind != "opd" or not code or not file.exists():
        return
    opds = {row["code"]: row for row in yaml.safe_load(file.read_text(encoding="utf-8"))["opds"]}
    if code not in opds:
        raise Refusal(f"the city has no agency {code}; ./simpul city show names them")
    if not opds[code]["inside"]:
        raise Refusal(f"{code} is outside the city: no case is ever given to it")


def _list(entries: list[keyring.Entry], *, as_json: bool) -> None:
    rows = [
        {
            "name": entry["name"],
            "role": entry["role"],
            "created": entry.get("created"),
            "expires": entry.get("expires"),
            "expired": is_over(entry),
            "key": ending(entry),
        }
        for entry in sorted(entries, key=lambda entry: (entry["name"], entry.get("created", "")))
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "role", "created", "expires", "key"):
        table.add_column(column)
    for row in rows:
        expires = f"{row['expires'] or 'never'}{' (over)' if row['expired'] else ''}"
        table.add_row(
            str(row["name"]), str(row["role"]), str(row["created"] or "?"), expires, f"…{row['key']}"
        )
    show_table(table)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2027-12-31") from None


def _days(text: str) -> int:
    if not text.isdecimal() or int(text) > 366:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 0 to 366")
    return int(text)
