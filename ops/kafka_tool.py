"""`./simpul kafka`: Kafka's own console tools, from the jars of the local broker and pointed at it."""

import argparse
import os
import sys
from pathlib import Path

from ops.refusal import Refusal
from ops.stack import kafka
from ops.stack.roots import CLONE
from ops.stack.stack import Stack

TOOLS = {
    "console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "topics": "org.apache.kafka.tools.TopicCommand",
    "get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
}
"""What a tool is called in Kafka's `bin/` (less `kafka-` and `.sh`), and its class."""

LOGGING = kafka.LOGGING.with_name("log4j2-tools.properties")
SERVER = "--bootstrap-server"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tool", choices=TOOLS, help="as in Kafka's bin/, without kafka- and .sh")
    parser.add_argument(
        "options",
        nargs=argparse.REMAINDER,
        help=f"the tool's own; {SERVER} is added where it is not given. TOOL --help lists them",
    )


def run(args: argparse.Namespace) -> None:
    """Becomes the tool; returns only by Refusal."""
    options = with_server(args.options)
    broker = kafka.prepare(CLONE / ".simpul" / "cache" / "kafka", _tell)
    command = broker.command(TOOLS[args.tool], *options, logging=LOGGING)
    os.execv(command[0], command)  # noqa: S606 - the tool takes over terminal, signals and exit code


def _tell(news: str) -> None:
    print(f"simpul: {news}", file=sys.stderr)


def with_server(options: list[str], root: Path | None = None) -> list[str]:
    """The options, naming the local broker unless they name another. Refusal where none runs here."""
    if any(option == "--help" or option.partition("=")[0] == SERVER for option in options):
        return options
    stack = Stack(root)
    if stack.processes.find("kafka") is None:
        raise Refusal(f"Kafka does not run here; ./simpul up starts it, {SERVER} names another")
    return [SERVER, stack.bootstrap, *options]
