"""Whether an edited contract still serves those who read or write by the released one (DESIGN §3). Pure.

A compatible change adds an optional field; anything else is the next major version. `jsoncompat` proves that
what an old writer wrote a new reader takes, and what a new writer writes an old reader takes (a reader ignores
fields it does not know). What it does not look at is compared here: fields that vanish, patterns, formats,
defaults, and which fields exclude each other (`oneOf`).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsoncompat import check_compat

Schema = Mapping[str, Any]

_COMPARED = ("pattern", "format", "default", "oneOf")


def breaches(released: Mapping[str, Schema], current: Mapping[str, Schema]) -> list[str]:
    """Each way in which `current` breaks what was `released`, by type, a sentence each."""
    found: list[str] = []
    for type_, old in released.items():
        if type_ not in current:
            found.append(f"{type_}: was released and is gone; once nobody reads it, remove it there too")
        else:
            found += [f"{type_}: {breach}" for breach in _breaches(old, current[type_])]
    return found


def _breaches(old: Schema, new: Schema) -> Iterator[str]:
    old_writer, new_writer = _writer(old), _writer(new)
    if not check_compat(json.dumps(old_writer), json.dumps(_reader(new_writer)), "deserializer"):
        yield "a reader of the new contract refuses what was written by the released one"
    if not check_compat(json.dumps(_reader(old_writer)), json.dumps(new_writer), "serializer"):
        yield "a reader of the released contract refuses what is written by the new one"
    before, after = dict(_promises(old, old)), dict(_promises(new, new))
    for path, promise in before.items():
        if path not in after:
            yield f"{path} has vanished"
        elif after[path] != promise:
            yield f"{path}: {', '.join(_COMPARED)} may not change"


def _writer(schema: Any) -> Any:
    """The schema as far as jsoncompat follows it: no `$id`, which it would look up, and no `oneOf`."""
    if isinstance(schema, Mapping):
        return {name: _writer(inner) for name, inner in schema.items() if name not in ("$id", "oneOf")}
    return [_writer(inner) for inner in schema] if isinstance(schema, list) else schema


def _reader(schema: Any) -> Any:
    """The schema as a reader takes it: fields it does not know are ignored."""
    if isinstance(schema, Mapping):
        return {
            name: _reader(inner)
            for name, inner in schema.items()
            if not (name == "additionalProperties" and inner is False)
        }
    return [_reader(inner) for inner in schema] if isinstance(schema, list) else schema


def _promises(schema: Schema, whole: Schema, path: str = "") -> Iterator[tuple[str, str]]:
    """Every field, by its path, with what is promised of it beside its type."""
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, json.dumps(sorted(_told(field, whole)))
        for part in _parts(field, whole):
            yield from _promises(part, whole, here)


def _told(field: Schema, whole: Schema) -> Iterator[str]:
    """The compared keywords of a field, wherever they stand within it."""
    for keyword in _COMPARED:
        if keyword in field:
            yield f"{keyword} {json.dumps(field[keyword], sort_keys=True)}"
    for inner in _within(field, whole):
        yield from _told(inner, whole)


def _parts(field: Schema, whole: Schema) -> Iterator[Schema]:
    """The objects that a field may hold, in a list or not."""
    if "properties" in field:
        yield field
    for inner in _within(field, whole):
        yield from _parts(inner, whole)


def _within(field: Schema, whole: Schema) -> Iterator[Schema]:
    if "$ref" in field:
        yield whole["$defs"][field["$ref"].removeprefix("#/$defs/")]
    if "items" in field:
        yield field["items"]
    yield from field.get("anyOf", ())
