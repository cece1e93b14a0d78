"""`./simpul lapor`: take in an Excel export of SP4N-LAPOR, and see how the two sides stand."""

import argparse
import json
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from ops import hub
from ops.hub import Hub
from ops.refusal import Refusal
from ops.stack.stack import Stack

BRIDGE = "lapor_bridge"
SHOWN = 50
"""How many odd lines are printed; `--json` has them all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    imports = acts.add_parser("import", help='take in an export "Laporan Ringkas" (.xlsx); twice is harmless')
    imports.add_argument("file", type=Path, metavar="FILE.xlsx")
    status = acts.add_parser("status", help="links, what is to be written there, and what waits for a person")
    for act in (imports, status):
        act.add_argument("--url", help="the bridge's address (else: the one that runs here)")
        act.add_argument(
            "--key-file", type=Path, help="a file with an admin's key (else: the one for trying)"
        )
        act.add_argument("--json", action="store_true", help="for machines")


def run(args: argparse.Namespace) -> int:
    """0, or 1 where the import left a line out."""
    here = hub.current()
    headers = {"Authorization": f"Bearer {_key(here, args.key_file)}"}
    if args.url is None and isinstance(here, Stack) and not here.ports.of(BRIDGE):
        raise Refusal("no bridge runs here; start it with ./simpul up, or name its address with --url")
    with httpx.Client(base_url=args.url or here.url(BRIDGE), headers=headers, timeout=600) as bridge:
        if args.act == "import":
            return _import(bridge, args.file, as_json=args.json)
        return _status(bridge, as_json=args.json)


def _key(here: Hub, file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except OSError as wrong:
            raise Refusal(f"{file} cannot be read ({wrong.strerror})") from None
    key = here.admin_key()
    if key is None:
        raise Refusal(f"there is no admin key here; {here.way_up} makes one, or name a file with --key-file")
    return key


def _asked(bridge: httpx.Client, method: str, path: str, content: bytes | None = None) -> Any:
    try:
        answer = bridge.request(method, path, content=content)
    except httpx.HTTPError as away:
        raise Refusal(f"the bridge does not answer ({type(away).__name__}); is it up?") from None
    if answer.is_success:
        return answer.json()
    try:
        problem = answer.json()
        reasons = [error["reason"] for error in problem.get("errors", ())] or [problem["title"]]
    except (ValueError, KeyError, TypeError):
        reasons = [f"the bridge answers {answer.status_code}"]
    raise Refusal("; ".join(reasons))


def _import(bridge: httpx.Client, file: Path, *, as_json: bool) -> int:
    try:
        content = file.read_bytes()
    except OSError as wrong:
        raise Refusal(f"{file} cannot be read ({wrong.strerror})") from None
    told = _asked(bridge, "POST", "/v1/lapor/imports", content)
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        _print_import(told)
    return 1 if any(not odd["taken"] for odd in told["odd"]) else 0


def _print_import(told: dict[str, Any]) -> None:
    console = Console(highlight=False)
    made = f", made on {told['made_on']}" if told["made_on"] else ""
    agency = f" of {told['agency']}" if told["agency"] else ""
    console.print(f"Laporan Ringkas{agency}{made}: {told['rows']} reports")
    console.print(f"new {told['new']}, known {told['known']}, changes told {told['changes']}")
    if not told["odd"]:
        console.print("no odd lines")
        return
    table = Table("line", "what is odd", "taken", box=None)
    for odd in told["odd"][:SHOWN]:
        table.add_row(str(odd["line"]), odd["reason"], "yes" if odd["taken"] else "no")
    console.print(table)
    if len(told["odd"]) > SHOWN:
        console.print(f"… and {len(told['odd']) - SHOWN} more; --json shows all")


def _status(bridge: httpx.Client, *, as_json: bool) -> int:
    told = _asked(bridge, "GET", "/v1/lapor/status")
    if as_json:
        print(json.dumps(told, indent=2))
        return 0
    console = Console(highlight=False)
    console.print(
        "speaks with LAPOR's API" if told["connected"] else "no LAPOR address: only exports are taken in"
    )
    if told["away"]:
        console.print(f"LAPOR is away since {told['away']['since']}: {told['away']['reason']}")
    for what in ("links", "forwarding", "outbound", "postings"):
        counts = ", ".join(f"{name} {count}" for name, count in sorted(told[what].items()))
        console.print(f"{what}: {counts or 'none'}")
    console.print(f"listing read up to: {told['listing_read_to'] or 'never'}")
    table = Table("report", "what waits for a person", box=None)
    for one in told["waiting_for_a_person"]:
        table.add_row(
            one["lapor_id"] or f"ticket {one['ticket']}",
            f"{one['operation']} {one['state']}: {one['reason']}",
        )
    for one in told["delayed"]:
        where = one["lapor_id"] or f"ticket {one['ticket']}"
        table.add_row(where, f"{one['operation']} waits, tried {one['attempts']} times: {one['reason']}")
    for one in told["diverged"]:
        table.add_row(
            one["lapor_id"],
            f"{one['field']}: here {one['ours']}, there {one['theirs']}, since {one['since']}",
        )
    for one in told["refused_by_intake"]:
        reasons = "; ".join(f"{error['field']} {error['reason']}" for error in one["errors"])
        table.add_row(one["lapor_id"], f"refused by intake: {reasons}")
    for one in told["odd_reports"]:
        table.add_row(one["lapor_id"], one["reason"])
    console.print(table if table.row_count else "nothing waits for a person")
    return 0
