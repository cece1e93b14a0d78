"""`./simpul logs`: a part's log, its end or as it grows."""

import argparse
import time
from pathlib import Path

from ops.refusal import Refusal
from ops.stack.stack import Stack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "part", metavar="NAME", help="kafka, postgres, a service, or a replica such as routing.1"
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on as it grows")
    parser.add_argument("-n", "--lines", type=int, default=100, help="how many of the last lines (100)")


def run(args: argparse.Namespace) -> None:
    places = Stack().places
    log = places.log(args.part)
    if log.parent != places.logs or not log.exists():
        kept = ", ".join(sorted(path.stem for path in places.logs.glob("*.log"))) or "none yet"
        raise Refusal(f"there is no log of {args.part}; there are: {kept}")
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-args.lines :]:
        print(line)
    if args.follow:
        _follow(log)


def _follow(log: Path) -> None:
    """Print what is added; a log that was put aside is followed in its new file."""
    file = log.open(encoding="utf-8", errors="replace")
    file.seek(0, 2)
    while True:
        if line := file.readline():
            print(line, end="", flush=True)
            continue
        time.sleep(0.2)
        if log.exists() and log.stat().st_ino != Path(f"/dev/fd/{file.fileno()}").stat().st_ino:
            file.close()
            file = log.open(encoding="utf-8", errors="replace")
