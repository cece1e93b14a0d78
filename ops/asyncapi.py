"""The AsyncAPI 3 document: the hub's topics and events for those who build on them, made from the contracts."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

from ops.topics import Topic
from shared.delivery import envelope, sequence
from shared.delivery.reading import begun_trace
from shared.events import ids
from shared.events.catalogue import EVENTS, OWNER_TOPICS
from shared.events.fact import Event

ROOT = Path(__file__).resolve().parent.parent
BINDING = "0.5.0"
"""The version of AsyncAPI's Kafka binding."""

Node = dict[str, Any]

ABOUT = """\
Simpul hears a city's complaints, brings each to the agency (OPD) that must answer, keeps it in step with SP4N-LAPOR,
and watches the legal deadlines.

Records are CloudEvents 1.0 in Kafka's binary mode: the headers say which event it is, the value is its JSON. Readers
ignore fields they do not know: a version only ever gains optional fields, anything else is the next major version.
Records arrive at least once, so drop a `ce_id` you have seen; `ce_sequence` counts an owner's events about one
complaint, so order within it is kept. To hand a complaint in, write `submission.posted`; its headers are optional.
"""

_TEXT: Node = {"type": "string"}
_UUID: Node = {"type": "string", "format": "uuid"}


def render(document: Node) -> str:
    """The document as it stands in docs/."""
    head = (
        "# Generated from shared/contracts and deploy/topics.yaml by ./simpul contracts write. Do not edit.\n"
    )
    return head + yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Write everything out: a reader of the file should not have to follow anchors."""
        return True


def document(contracts: Mapping[str, Mapping[str, Any]], topics: Mapping[str, Topic]) -> Node:
    """The whole document. A topic that no event of the catalogue travels on is not in it."""
    kinds = {type_: EVENTS[type_] for type_ in contracts}
    described = {name: topic for name, topic in topics.items() if _on(name, kinds)}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Simpul", "version": _version(), "description": ABOUT},
        "defaultContentType": "application/json",
        "servers": {"kafka": _server()},
        "channels": {name: _channel(name, topic, kinds) for name, topic in described.items()},
        "operations": dict(_operations(described, kinds)),
        "components": {
            "messages": {
                kind.__name__: _message(kind, contracts[type_], topics[kind.topic])
                for type_, kind in kinds.items()
            },
            "schemas": _schemas(contracts, kinds),
        },
    }


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def _server() -> Node:
    return {
        "host": "{bootstrap}",
        "protocol": "kafka",
        "description": "The city's Kafka. ./simpul status names the local one.",
        "variables": {"bootstrap": {"default": "localhost:9092", "description": "host:port of a broker"}},
    }


def _on(topic: str, kinds: Mapping[str, type[Event]]) -> list[type[Event]]:
    return [kind for kind in kinds.values() if kind.topic == topic]


def _channel(name: str, topic: Topic, kinds: Mapping[str, type[Event]]) -> Node:
    parties = f"Written by {', '.join(topic.producers)}. Read by {', '.join(topic.consumers)}."
    kept = (
        "The last record of each key stays."
        if topic.retention_days is None
        else f"Records stay {topic.retention_days} days."
    )
    alone = " and ".join(topic.consumers)
    personal = f" May carry personal data; only {alone} may read it." if topic.personal_data else ""
    return {
        "address": name,
        "description": f"Keyed by {topic.key}. {parties} {kept}{personal}",
        "messages": {
            kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in _on(name, kinds)
        },
        "bindings": {
            "kafka": {
                "topic": name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": [topic.cleanup],
                    "retention.ms": int(topic.configs["retention.ms"]),
                    "max.message.bytes": topic.max_message_bytes,
                },
                "bindingVersion": BINDING,
            }
        },
        "x-personal-data": topic.personal_data,
    }


def _operations(topics: Mapping[str, Topic], kinds: Mapping[str, type[Event]]) -> Iterator[tuple[str, Node]]:
    """What each of the hub's services sends and receives; `others` are those this document is for."""
    for action, verb in (("send", "says"), ("receive", "hears")):
        for name, topic in topics.items():
            parties = topic.producers if action == "send" else topic.consumers
            for service in parties:
                if service == "others":
                    continue
                yield (
                    f"{service}.{action}.{name}",
                    {
                        "action": action,
                        "channel": {"$ref": f"#/channels/{name}"},
                        "summary": f"{service} {verb} {name}",
                        "tags": [{"name": service}],
                        "messages": [
                            {"$ref": f"#/channels/{name}/messages/{kind.__name__}"}
                            for kind in _on(name, kinds)
                        ],
                        "bindings": {"kafka": {**_group(action, service), "bindingVersion": BINDING}},
                    },
                )


def _group(action: str, service: str) -> Node:
    return {"groupId": {"type": "string", "const": service}} if action == "receive" else {}


def _message(kind: type[Event], contract: Mapping[str, Any], topic: Topic) -> Node:
    examples = [
        {"name": f"{kind.__name__}{number}", "headers": example_headers(kind, example, topic), "payload": example}
        for number, example in enumerate(contract.get("examples", ()), 1)
    ]  # fmt: skip
    return {
        "name": kind.type,
        "title": kind.__name__,
        "summary": contract["description"].split("\n")[0],
        "contentType": "application/json",
        "headers": _headers(kind, topic),
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "bindings": {"kafka": {"key": _key(topic), "bindingVersion": BINDING}},
        "examples": examples,
    }


def _key(topic: Topic) -> Node:
    return {**(_UUID if topic.key == "complaint id" else _TEXT), "description": topic.key}


def _headers(kind: type[Event], topic: Topic) -> Node:
    """The record headers: a contract on what the hub says, optional on what strangers hand in."""
    said: Node = {
        "content-type": {"type": "string", "const": "application/json"},
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {**_UUID, "description": "the same event has the same id however often it arrives"},
        "ce_source": {**_TEXT, "description": "the service that says it, as /simpul/<service>"},
        "ce_type": {"type": "string", "const": kind.type},
        "ce_time": {"type": "string", "format": "date-time", "description": "when it was said"},
        "ce_subject": {**_UUID, "description": "the complaint id"},
        "ce_dataschema": {**_TEXT, "description": "which contract the value keeps"},
        "ce_partitionkey": {**_TEXT, "description": "the record's key"},
        "ce_correlationid": {**_UUID, "description": "shared by all that came of one submission or command"},
        "traceparent": {**_TEXT, "description": "W3C trace context"},
    }
    required = [] if "others" in topic.producers else list(said)
    if kind.topic in OWNER_TOPICS:
        said["ce_sequence"] = {
            "type": "string",
            "pattern": r"^[1-9][0-9]{0,3}\.[1-9][0-9]{0,11}$",
            "description": "<epoch>.<n>, n counted from 1 per topic and complaint; a jump means that one is missing",
        }
        required.append("ce_sequence")
    said["ce_causationid"] = {**_UUID, "description": "the event or command that this was said because of"}
    return {"type": "object", "properties": said, **({"required": required} if required else {})}


def example_headers(kind: type[Event], example: Mapping[str, Any], topic: Topic) -> dict[str, str]:
    """The headers that an example would travel under, as `shared.delivery.envelope` writes them."""
    event = kind.model_validate_json(json.dumps(example))
    source, reference = example.get("source", "sikesal"), example.get("reference", "2026-000123")
    subject = ids.complaint_id(source, reference)
    cause = ids.submission_id(source, reference, "example")
    written = envelope.headers(
        topic.producers[-1],
        subject,
        kind.topic,
        event.record_key(subject),
        kind.type,
        ids.event_id(cause, kind.type, 0),
        sequence.parse("1.1") if kind.topic in OWNER_TOPICS else None,
        datetime(2026, 3, 13, 2, 15, 30, tzinfo=UTC),
        _cause(kind, cause),
        cause,
        begun_trace(cause),
    )
    return {name: value.decode() for name, value in written}


def _cause(kind: type[Event], cause: UUID) -> UUID | None:
    return None if kind.topic == "intake.submissions" else cause


def _schemas(contracts: Mapping[str, Mapping[str, Any]], kinds: Mapping[str, type[Event]]) -> Node:
    """Every payload, and the parts that several of them share, once each."""
    schemas: Node = {}
    for type_, contract in contracts.items():
        for name, part in contract.get("$defs", {}).items():
            if schemas.setdefault(name, shared := _hoisted(part)) != shared:
                raise ValueError(f"two parts of events are both called {name}")
        schemas[kinds[type_].__name__] = _hoisted(
            {name: inner for name, inner in contract.items() if name not in ("$schema", "$id", "$defs", "examples")}
        )  # fmt: skip
    return dict(sorted(schemas.items()))


def _hoisted(schema: Any) -> Any:
    """The schema, its references to its own parts turned into references to the document's."""
    if isinstance(schema, Mapping):
        return {name: _hoisted(inner) for name, inner in schema.items()}
    if isinstance(schema, list):
        return [_hoisted(inner) for inner in schema]
    return schema.replace("#/$defs/", "#/components/schemas/") if isinstance(schema, str) else schema
