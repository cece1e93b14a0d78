"""The commands of `./simpul`: one table; each row a module with `add_arguments(parser)` and `run(args)`.

`run` returns the exit code, None for 0. A module is imported only when its command is run: `--help` is quick.
"""

import argparse
import errno
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NamedTuple

from ops.refusal import Refusal


class Command(NamedTuple):
    """A row of `./simpul --help`."""

    module: str
    summary: str
    elsewhere: bool = False
    """Whether it also works on a hub that runs elsewhere, as in containers."""


MACHINE_TROUBLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
"""A full disk, a folder that is someone else's: told in a sentence, not as a fault of ours."""

COMMANDS = {
    "demo": Command("ops.demo.command", "the whole hub on a sample: watch it work, see whether it adds up"),
    "up": Command(
        "ops.up", "start the hub here: Kafka, PostgreSQL and the services; repairs what was killed"
    ),
    "down": Command("ops.down", "stop it all, gracefully; what is stored stays"),
    "status": Command(
        "ops.status",
        "every part's process, address and health; addresses and keys for trying",
        elsewhere=True,
    ),
    "logs": Command("ops.logs", "show a part's log"),
    "reset": Command("ops.reset", "stop it all and delete what is stored"),
    "keys": Command("ops.keys", "who may come in: make, show, exchange and revoke keys", elsewhere=True),
    "doctor": Command(
        "ops.doctor", "look at everything: what is wrong, and the command that mends it", elsewhere=True
    ),
    "dead": Command(
        "ops.dead",
        "dead letters, parked complaints and stopped consumers, and what mends them",
        elsewhere=True,
    ),
    "audit": Command("ops.audit", "who did what, when, on which complaint", elsewhere=True),
    "republish": Command(
        "ops.republish",
        "say again what was said: about one complaint, on a topic, or all to a Kafka that was lost",
        elsewhere=True,
    ),
    "restored": Command(
        "ops.restored", "after a store was restored from a backup: number anew, read anew", elsewhere=True
    ),
    "lapor": Command(
        "ops.lapor", "take in an Excel export of SP4N-LAPOR, or see how the two sides stand", elsewhere=True
    ),
    "city": Command(
        "ops.city", "load a city's files into the services, or show who owns what", elsewhere=True
    ),
    "topics": Command("ops.topics", "show the topics, or create what is missing", elsewhere=True),
    "prepare": Command(
        "ops.prepare",
        "bring topics, stores and the city's registry up to date (up does it, too)",
        elsewhere=True,
    ),
    "secrets": Command(
        "ops.secrets",
        "make what a hub in containers keeps secret, where it is missing; give stores new passwords",
        elsewhere=True,
    ),
    "kafka": Command("ops.kafka_tool", "Kafka's console tools, pointed at the local broker"),
    "contracts": Command(
        "ops.contracts",
        "hold the event contracts against code and last release, or rewrite them (maintainers)",
    ),
    "bench": Command("ops.bench.command", "what the hub's promises cost: rates and CPU beside yardsticks"),
    "test": Command("ops.test", "run every check and test"),
    "faults": Command(
        "ops.faults", "break the hub in every way we know while people use it, and see whether it adds up"
    ),
    "lock": Command("ops.lock", "resolve requirements/*.in and deploy/kafka/jars.in anew (maintainers)"),
}


def main(argv: Sequence[str]) -> int:
    """Run one command; the exit code."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0
    name, *rest = argv
    command = _known().get(name)
    if command is None:
        print(f"simpul: there is no command {name!r} here; --help lists them.", file=sys.stderr)
        return 2
    module = importlib.import_module(command.module)
    parser = argparse.ArgumentParser(prog=f"./simpul {name}", description=command.summary)
    module.add_arguments(parser)
    args = parser.parse_args(rest)
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a script's background jobs come with it ignored
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # ends as Ctrl-C does
    try:
        return int(module.run(args) or 0)
    except Refusal as refusal:
        print(f"simpul: {refusal}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        if error.errno not in MACHINE_TROUBLE:
            raise
        print(f"simpul: {error.strerror} ({error.filename or 'no file named'})", file=sys.stderr)
        return 1


def _known() -> dict[str, Command]:
    """Those that work on the hub that is meant; the local one's alone are of no use to one elsewhere."""
    if "SIMPUL_STORES" not in os.environ:
        return COMMANDS
    return {name: command for name, command in COMMANDS.items() if command.elsewhere}


def _overview() -> str:
    known = _known()
    width = max(map(len, known))
    rows = "\n".join(f"  {name:<{width}}  {command.summary}" for name, command in known.items())
    return f"usage: ./simpul COMMAND [OPTIONS]\n\n{rows}\n\n./simpul COMMAND --help tells more."
