"""The topics of deploy/topics.yaml: read, held against a broker, created where missing."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from rich.table import Table

from ops.console import show_table
from ops.refusal import Refusal

FILE = Path(__file__).resolve().parent.parent / "deploy" / "topics.yaml"
DAY_MS = 24 * 60 * 60 * 1000

Party = Literal["intake", "routing", "lapor_bridge", "sla_monitor", "others"]


class Topic(BaseModel):
    """One entry of the list; the file's head says what each field means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partitions: Annotated[int, Field(ge=1, le=1000)]
    cleanup: Literal["delete", "compact"]
    max_message_bytes: Annotated[int, Field(ge=1024, le=64 * 1024 * 1024)]
    retention_days: Annotated[int, Field(ge=1)] | None
    producers: Annotated[tuple[Party, ...], Field(min_length=1)]
    consumers: Annotated[tuple[Party, ...], Field(min_length=1)]
    key: str
    personal_data: bool
    text: bool

    @model_validator(mode="after")
    def _text_does_not_stay(self) -> "Topic":
        if self.text and self.retention_days is None:
            raise ValueError("a topic with text needs retention_days: masking is not erasure")
        if self.personal_data and (len(self.consumers) != 1 or "others" in self.consumers):
            raise ValueError("one service alone may read personal data")
        if (self.cleanup == "compact") != (self.retention_days is None):
            raise ValueError("retention_days is null for a compacted topic and for no other")
        return self

    @property
    def configs(self) -> dict[str, str]:
        """As Kafka names them."""
        kept = -1 if self.retention_days is None else self.retention_days * DAY_MS
        configs = {
            "cleanup.policy": self.cleanup,
            "max.message.bytes": str(self.max_message_bytes),
            "retention.ms": str(kept),
        }
        if self.retention_days is not None:
            # a quiet partition's segment would otherwise outlive its retention by up to a week
            configs["segment.ms"] = str(min(kept // 7, 7 * DAY_MS))
        return configs


def read(path: Path = FILE) -> dict[str, Topic]:
    """Name → topic. Raises Refusal naming every entry and field that is wrong."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    defaults = document.get("defaults", {})
    topics: dict[str, Topic] = {}
    wrong: list[str] = []
    for name, entry in document["topics"].items():
        try:
            topics[name] = Topic.model_validate(defaults | entry)
        except ValidationError as error:
            wrong += [
                f"{path.name}: {name}: {'.'.join(map(str, fault['loc'])) or 'entry'}: {fault['msg']}"
                for fault in error.errors(include_url=False, include_input=False)
            ]
    if wrong:
        raise Refusal("\n".join(wrong))
    return topics


async def provision(bootstrap: str, path: Path = FILE, *, replication: int = 1) -> list[str]:
    """Create what is missing and set what differs; the names of what was created.

    Raises Refusal where the broker has a topic with another number of partitions: keys would change places.
    """
    topics = read(path)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap.split(","), request_timeout_ms=15_000)
    try:
        await admin.start()
    except KafkaError as error:
        raise Refusal(f"no Kafka answers at {bootstrap}") from error
    try:
        there = {found["topic"]: found for found in await admin.describe_topics()}
        disagreeing = [
            f"{name} has {len(there[name]['partitions'])} partitions, topics.yaml says {topic.partitions}"
            for name, topic in topics.items()
            if name in there and len(there[name]["partitions"]) != topic.partitions
        ]
        if disagreeing:
            raise Refusal("; ".join(disagreeing) + ". Growth is a new topic")
        missing = [name for name in topics if name not in there]
        await _create(admin, {name: topics[name] for name in missing}, replication)
        await _align(admin, {name: topic for name, topic in topics.items() if name in there})
        return missing
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, topics: dict[str, Topic], replication: int) -> None:
    if not topics:
        return
    wanted = [
        NewTopic(name, topic.partitions, replication, topic_configs=topic.configs)
        for name, topic in topics.items()
    ]
    answer = await admin.create_topics(wanted)
    for name, code, *reason in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            raise Refusal(f"Kafka refused to create {name}: {reason[0] if reason else code}")


async def configs_of(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """How these topics are set, by Kafka's names."""
    if not names:
        return {}
    present: dict[str, dict[str, str]] = {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    for answer in await admin.describe_configs(resources):
        for _code, _message, _kind, name, entries in answer.resources:
            present[name] = {entry[0]: entry[1] for entry in entries}
    return present


async def _align(admin: AIOKafkaAdminClient, topics: dict[str, Topic]) -> None:
    """Retention and the like may change in the file; the broker follows."""
    if not topics:
        return
    present = await configs_of(admin, [*topics])
    differing = [
        ConfigResource(ConfigResourceType.TOPIC, name, configs=topic.configs)
        for name, topic in topics.items()
        if any(present.get(name, {}).get(key) != value for key, value in topic.configs.items())
    ]
    if differing:
        await admin.alter_configs(differing)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--create", action="store_true", help="create what is missing (up does it, too)")
    parser.add_argument("--bootstrap", metavar="HOST:PORT,…", help="another Kafka than the local one")
    parser.add_argument("--replication", type=int, default=1, help="copies of each partition (1)")


def run(args: argparse.Namespace) -> None:
    if args.create:
        created = asyncio.run(provision(args.bootstrap or _local(), replication=args.replication))
        print("created: " + ", ".join(created) if created else "nothing was missing")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("topic", "key", "partitions", "kept", "written by", "read by", "personal data"):
        table.add_column(column)
    for name, topic in read().items():
        kept = "last of each key" if topic.retention_days is None else f"{topic.retention_days} days"
        parties = (", ".join(topic.producers), ", ".join(topic.consumers))
        personal = "yes" if topic.personal_data else ""
        table.add_row(name, topic.key, str(topic.partitions), kept, *parties, personal)
    show_table(table)


def _local() -> str:
    from ops import hub
    from ops.stack.stack import Stack

    here = hub.current()
    if isinstance(here, Stack) and here.processes.find("kafka") is None:
        raise Refusal("Kafka does not run here; ./simpul up --only kafka starts it")
    return here.bootstrap
