"""`./simpul faults`: the hub is broken in every way we know while people use it; then everything is counted."""

import argparse
import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from ops.demo.telling import show_checks
from ops.refusal import Refusal
from ops.stack import roots
from shared import clock

if TYPE_CHECKING:
    from tests.faults.run import Report

LONG = 10
"""From so many minutes on everything that can happen must have happened once."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, metavar="N", help="of faults; the rest comes on top (4)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="another schedule (1)")
    parser.add_argument("--only", metavar="NAME,…", help="only these faults")
    parser.add_argument(
        "--bug",
        metavar="NAME",
        help="plant this bug in a copy: the run must turn red (today: two of them, by date)",
    )
    parser.add_argument("--brokers", type=int, default=1, metavar="N", help="three: the loss of a leader (1)")
    parser.add_argument("--keep", action="store_true", help="leave what is stored to be looked at")
    parser.add_argument("--list", action="store_true", help="the names of faults and bugs")
    parser.add_argument("--json", action="store_true", help="for machines: everything on stdout")


def run(args: argparse.Namespace) -> int:
    """0 if every check holds; with --bug, 0 if one does not."""
    from tests.faults import bugs, menu, run

    if args.list:
        for title, names in (("faults", menu.MENU), ("directed", menu.DIRECTED), ("bugs", bugs.BUGS)):
            print(f"{title}: {', '.join(names)}")
        return 0
    only = tuple(name.strip() for name in (args.only or "").split(",") if name.strip())
    if strangers := [name for name in only if name not in menu.ALL]:
        raise Refusal(f"there is no fault {', '.join(strangers)}; --list names them")
    if args.bug and args.bug not in (*bugs.BUGS, bugs.TODAY):
        raise Refusal(f"there is no bug {args.bug}; --list names them")
    if args.minutes is not None and not 0.1 <= args.minutes <= 24 * 60:
        raise Refusal("--minutes takes 0.1 to 1440")
    for noisy in ("aiokafka", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)  # what is broken here is no news
    root = roots.own() / "faults"
    if args.bug:
        chosen = bugs.of_day(clock.now().date()) if args.bug == bugs.TODAY else [args.bug]
        missed = [name for name in chosen if not _finds(name, root, args)]
        return int(bool(missed))
    minutes = args.minutes or 4.0
    full = not only and minutes >= LONG
    wish = run.Wish(minutes, args.seed, only, args.brokers, full=full)
    report = asyncio.run(run.run(root, roots.CLONE, wish, _told, keep=args.keep))
    _tell(report, args)
    return int(not report.ok)


def _finds(name: str, root: Path, args: argparse.Namespace) -> bool:
    """Whether a run with this bug in it turns red."""
    from tests.faults import bugs, run

    _told(f"{name}: {bugs.BUGS[name].wrong}")
    tree = bugs.plant(name, roots.CLONE, root.with_name("faults-copy"))
    report = asyncio.run(run.run(root, tree, run.for_bug(name), _told, keep=args.keep, stays=args.keep))
    _tell(report, args)
    _told(f"{name} {'was NOT found: the checkers are blind to it' if report.ok else 'was found'}.")
    return not report.ok


def _tell(report: "Report", args: argparse.Namespace) -> None:
    if args.json:
        print(json.dumps(report.as_json(), indent=2, default=str))
    else:
        _show(report)


def _told(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _show(report: "Report") -> None:
    console = Console(highlight=False)
    show_checks(console, report.checks)
    console.print(f"faults: {', '.join(f'{name} {n}' for name, n in sorted(report.strikes.items()))}")
    for what, row in report.history.items():
        console.print(f"{what}: {', '.join(f'{n} {outcome}' for outcome, n in row.items() if n)}")
    console.print(f"records: {', '.join(f'{topic} {n}' for topic, n in report.records.items())}")
    console.print(f"sometimes: {', '.join(f'{name} {n}' for name, n in report.sometimes.items())}")
    for word in [*report.trouble, *(f"never: {name}" for name in report.never)]:
        console.print(f"✗  {word}")
    console.print(f"At rest {report.healed_seconds:.0f} s after healing; it took {report.seconds:.0f} s.")
