"""Bugs to be planted in a copy of the tree, one at a time; each must turn a run red, or the checkers are blind.

A bug is a patch beside this file and a scenario in which it bites for certain.
"""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
TREE = ("services", "shared", "simulators", "ops", "deploy", "tests")
"""What a service's process needs of the tree."""


@dataclass(frozen=True, slots=True)
class Bug:
    """What is wrong, and the faults under which it shows.

    `pace`: how much comes, where it is not as usual (`Pace`); `stops_early`: the people go before the last fault heals.
    """

    wrong: str
    only: Sequence[str]
    minutes: float = 0.7
    seed: int = 1
    lanes: int = 2
    pace: Mapping[str, float] = field(default_factory=dict)
    stops_early: bool = False


BUGS: Mapping[str, Bug] = {
    "default-acknowledgement": Bug(
        "the subscriber has FastStream's default policy: offsets go before the work is done",
        ("store-killed",),
    ),
    "offsets-before-the-commit": Bug("offsets are committed before the store's commit", ("store-killed",)),
    "no-duplicate-check": Bug(
        "a number that was heard is applied again", ("records-come-again", "dies-before-the-offsets")
    ),
    "lock-and-load-in-one": Bug(
        "the state is what it was before the lock was waited for",
        ("slow-store",),
        pace={"acts": 25.0},
        minutes=1.0,
    ),
    "no-insert-before-the-lock": Bug(
        "a row that is not there is not locked", ("slow-store", "odd-strangers"), minutes=1.2
    ),
    "outbox-by-watermark": Bug("the relay reads on behind the last id that it saw", ("slow-store",)),
    "relay-without-leader": Bug("every replica's relay sends", ("slow-store",)),
    "deleted-before-acknowledged": Bug("rows leave the outbox before Kafka has them", ("broker-killed",)),
    "park-forgotten": Bug("behind a dead letter the stream goes on", ("network-latency",)),
    "release-without-lock": Bug(
        "a stream is freed without the complaint's lock", ("event-withheld", "slow-store"), minutes=1.2
    ),
    "breach-without-watermark": Bug(
        "the sweep speaks up to now, whatever waits unread",
        ("monitor-down-at-the-deadline", "slow-store"),
        pace={"acts": 25.0},
        minutes=1.2,
    ),
    "breach-without-dedupe": Bug("a breach that was said is said again", ("network-latency",)),
    "sweep-locks-clocks-first": Bug(
        "the sweep locks its own rows before the key", ("slow-store",), pace={"acts": 15.0}, minutes=1.0
    ),
    "blind-resend": Bug("an attempt without an outcome is made again unseen", ("lapor-forgets-to-answer",)),
    "wake-up-lost": Bug(
        "the relay waits for the next word, not for its clock",
        ("broker-killed",),
        pace={"kafka": 0.0, "inside_lapor": 0.0, "bad": 0.0},
        stops_early=True,
    ),
}


TODAY = "today"
"""Stands for two of them, chosen by date, so that each has its turn within as many days as there are bugs."""


def of_day(day: date) -> tuple[str, str]:
    """The two bugs of this day."""
    names = list(BUGS)
    first = 2 * day.toordinal()
    return names[first % len(names)], names[(first + 1) % len(names)]


def plant(name: str, tree: Path, copy: Path) -> Path:
    """A copy of the tree with this bug in it."""
    shutil.rmtree(copy, ignore_errors=True)
    for folder in TREE:
        shutil.copytree(
            tree / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", ".*"), symlinks=True
        )
    apply((HERE / f"{name}.patch").read_text(encoding="utf-8"), copy)
    return copy


def apply(patch: str, tree: Path) -> None:
    """Apply a unified diff. Each hunk's old lines must stand in the file exactly once, wherever that is.

    Raises ValueError naming file and hunk: then the code has moved on and the patch has to follow.
    """
    for part in re.split(r"^(?=--- a/)", patch, flags=re.MULTILINE)[1:]:
        head, *hunks = re.split(r"^@@.*$\n", part, flags=re.MULTILINE)
        file = tree / re.search(r"^\+\+\+ b/(\S+)$", head, re.MULTILINE)[1]  # type: ignore[index]
        text = file.read_text(encoding="utf-8")
        for n, hunk in enumerate(hunks, start=1):
            lines = hunk.splitlines()
            old = "".join(f"{line[1:]}\n" for line in lines if line[:1] in (" ", "-", ""))
            new = "".join(f"{line[1:]}\n" for line in lines if line[:1] in (" ", "+", ""))
            if text.count(old) != 1:
                raise ValueError(f"hunk {n} of {file.name} fits in {text.count(old)} places")
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
