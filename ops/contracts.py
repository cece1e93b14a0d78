"""The stored contracts: each event's JSON Schema with its examples, held against the class and the last release.

`shared/contracts/<topic>/<type>.json` is what other systems build on: the schema is made from the class, the
examples are written by hand and kept. `shared/contracts/released/` is how all of it stood at the last release.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema

from ops import asyncapi, compatibility, topics
from ops.refusal import Refusal
from shared.events.catalogue import EVENTS
from shared.events.fact import Event
from shared.events.submissions import SubmissionPosted

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "shared" / "contracts"
RELEASED = "released"
ASYNCAPI = ROOT / "docs" / "asyncapi.yaml"

Schema = dict[str, Any]
Example = Mapping[str, Any]
Kinds = Mapping[str, type[Event]]
"""Event classes by type."""

_ORDER = ("$schema", "$id", "title", "description", "type", "properties", "required", "additionalProperties")


class _Generator(GenerateJsonSchema):
    """pydantic's, without the titles that only repeat a field's name."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False


def schema_of(kind: type[Event]) -> Schema:
    """The writer's schema of an event (draft 2020-12): unknown fields forbidden. Readers ignore them."""
    made = kind.model_json_schema(schema_generator=_Generator)
    made |= {
        "$schema": _Generator.schema_dialect,
        "$id": f"urn:simpul:contracts:{kind.topic}:{kind.type}",
        "title": kind.type,
        "description": _description(kind),
    }
    return {name: made[name] for name in (*_ORDER, "$defs") if name in made}


def _description(kind: type[Event]) -> str:
    """The class's docstring, then those of the classes it is made from: they tell of the fields they bring."""
    told = [
        " ".join(base.__doc__.split())
        for base in kind.__mro__[: kind.__mro__.index(Event)]
        if base.__doc__ and "__doc__" in vars(base)
    ]
    return "\n\n".join(told)


def file_of(kind: type[Event], folder: Path = FOLDER) -> Path:
    """Where an event's contract is stored."""
    return folder / kind.topic / f"{kind.type}.json"


def read(folder: Path = FOLDER) -> dict[str, Schema]:
    """The stored contracts by type, with their examples; the last release's are another folder's."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*/*.json"))
        if path.parent.name != RELEASED
    }


def render(schema: Schema) -> str:
    """A contract as it stands in its file."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def write(folder: Path = FOLDER, kinds: Kinds = EVENTS) -> list[Path]:
    """Bring the stored schemas up to their classes, examples kept; the files that changed."""
    stored = read(folder)
    changed: list[Path] = []
    for kind in kinds.values():
        examples = [_in_full(kind, example) for example in stored.get(kind.type, {}).get("examples", [])]
        if _put(file_of(kind, folder), render(schema_of(kind) | {"examples": examples})):
            changed.append(file_of(kind, folder))
    return changed


def _in_full(kind: type[Event], example: Example) -> Example:
    """An example as it travels: the hub writes every field, a publisher may leave some out.

    One that breaks its contract stays as it is, for `differences` to name.
    """
    if kind is SubmissionPosted:
        return example
    try:
        written: Example = json.loads(kind.model_validate_json(json.dumps(example)).write())
    except ValidationError:
        return example
    return written


def release(folder: Path = FOLDER) -> list[Path]:
    """Keep the contracts as they stand as those of a release. Raises Refusal where they break the last one."""
    stored = read(folder)
    if broken := compatibility.breaches(read(folder / RELEASED), stored):
        raise Refusal("\n".join(broken))
    return [
        path
        for type_, schema in stored.items()
        if _put(path := folder / RELEASED / EVENTS[type_].topic / f"{type_}.json", render(schema))
    ]


def _put(path: Path, text: str) -> bool:
    """Write where it differs; whether it did."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


def differences(folder: Path = FOLDER, kinds: Kinds = EVENTS) -> list[str]:
    """Where stored contracts, classes and the last release disagree, a sentence each; empty where nowhere."""
    stored = read(folder)
    found = [f"{type_}: no class says it, yet a contract is stored" for type_ in stored.keys() - kinds.keys()]
    for type_, kind in kinds.items():
        if type_ not in stored:
            found.append(f"{type_}: has no stored contract")
            continue
        examples = stored[type_].pop("examples", [])
        if stored[type_] != schema_of(kind):
            found.append(f"{type_}: its stored schema is not what its class says")
        found += [f"{type_}: {wrong}" for wrong in _wrong_examples(kind, examples)]
    return found + compatibility.breaches(read(folder / RELEASED), stored)


def _wrong_examples(kind: type[Event], examples: Sequence[Example]) -> list[str]:
    """What is wrong with some examples, a sentence each; values are not repeated."""
    if not 1 <= len(examples) <= 3:
        return [f"has {len(examples)} examples; 1 to 3 are wanted"]
    wrong: list[str] = []
    for number, example in enumerate(examples, 1):
        try:
            kind.model_validate_json(json.dumps(example))
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
            wrong += [
                f"example {number}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults
            ]
            continue
        if _in_full(kind, example) != example:
            wrong.append(f"example {number}: is not written as the hub writes it")
    return wrong


def document() -> str:
    """The AsyncAPI document that the stored contracts and topics.yaml make, as it stands in docs/."""
    return asyncapi.render(asyncapi.document(read(), topics.read()))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "verb",
        choices=("check", "write", "release"),
        help="check: say what disagrees; write: bring schemas and AsyncAPI document up to the classes;"
        " release: keep them as those of a release",
    )


def run(args: argparse.Namespace) -> int:
    """0 where nothing disagrees."""
    if args.verb == "write":
        changed = write()
        if _put(ASYNCAPI, document()):
            changed.append(ASYNCAPI)
        print("\n".join(str(path.relative_to(ROOT)) for path in changed) or "nothing to change")
    elif args.verb == "release":
        kept = release()
        print("\n".join(str(path.relative_to(ROOT)) for path in kept) or "nothing to change")
    found = differences()
    if not ASYNCAPI.exists() or ASYNCAPI.read_text(encoding="utf-8") != document():
        found.append(f"{ASYNCAPI.name} is not current: ./simpul contracts write")
    for sentence in found:
        print(sentence)
    if not found:
        print(f"{len(EVENTS)} contracts agree with their classes, the last release and {ASYNCAPI.name}")
    return 1 if found else 0
