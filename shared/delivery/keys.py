"""The key row: the one lock of a complaint in a service, and the one function that takes it (DESIGN §4.1)."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple
from uuid import UUID

from shared.database import Transaction
from shared.delivery import sequence
from shared.events.catalogue import OWNER_TOPICS
from shared.events.words import Scope, wider

Cause = Literal["gap", "unworkable"]


@dataclass(frozen=True, slots=True)
class Parked:
    """Why one owner's stream waits for one complaint; `at` is the dead letter's number, if it had one."""

    cause: Cause
    at: int | None
    since: str


class KeyRow(NamedTuple):
    """One complaint's row, locked. Numbers are as in `sequence`."""

    key: UUID
    heard: Mapping[str, int]
    said: int
    parked: Mapping[str, Parked]
    erased: Scope | None = None

    def hearing(self, topic: str, number: int) -> "KeyRow":
        return KeyRow(self.key, {**self.heard, topic: number}, self.said, self.parked, self.erased)

    def saying(self, number: int) -> "KeyRow":
        return KeyRow(self.key, self.heard, number, self.parked, self.erased)

    def parking(self, topic: str, cause: Cause, at: int | None, now: datetime) -> "KeyRow":
        return self._replace(parked={**self.parked, topic: Parked(cause, at, now.isoformat())})

    def freed(self, topic: str) -> "KeyRow":
        return self._replace(parked={name: why for name, why in self.parked.items() if name != topic})

    def forgetting(self, scope: Scope | None) -> "KeyRow":
        wanted = wider(self.erased, scope)
        return self if wanted == self.erased else self._replace(erased=wanted)

    def follows(self, topic: str, number: int) -> bool:
        return sequence.follows(self.heard[topic], number)


_UNHEARD: Mapping[str, int] = dict.fromkeys(OWNER_TOPICS, 0)
_UNPARKED: Mapping[str, Parked] = {}


async def lock(tx: Transaction, keys: Iterable[UUID]) -> dict[UUID, KeyRow]:
    """Lock the rows of these complaints, made where missing, in key order; what they hold, as it now is.

    Two statements at READ COMMITTED: `FOR UPDATE` on a row that is not there locks nothing, so it is
    inserted first; and whatever else is loaded must be loaded after this returns, in a later statement,
    because the locking one still sees the snapshot from before it waited (both reproduced, DESIGN §4.1).
    What this transaction has just inserted is its own until it ends, and blank: it is not locked once more.
    """
    ordered = sorted(set(keys))
    made = await tx.fetch(
        "INSERT INTO delivery.keys (key) SELECT k FROM unnest($1::uuid[]) AS k ORDER BY k"
        " ON CONFLICT DO NOTHING RETURNING key",
        ordered,
    )
    fresh = {row[0]: _blank(row[0]) for row in made}
    if len(fresh) == len(ordered):
        return fresh
    known = await _locked(tx, [key for key in ordered if key not in fresh])
    return {key: known.get(key) or fresh[key] for key in ordered} if fresh else known


def _blank(key: UUID) -> KeyRow:
    return KeyRow(key, _UNHEARD, 0, _UNPARKED)


async def _locked(tx: Transaction, ordered: Sequence[UUID]) -> dict[UUID, KeyRow]:
    rows = await tx.fetch(
        "SELECT key, heard_intake, heard_routing, heard_lapor, heard_sla, said, parked, erased"
        " FROM delivery.keys WHERE key = ANY($1::uuid[]) ORDER BY key FOR UPDATE",
        ordered,
    )
    return {
        key: KeyRow(
            key,
            {"intake.events": intake, "routing.events": routing, "lapor.events": lapor, "sla.events": sla},
            said,
            {} if parked is None else {topic: Parked(**why) for topic, why in json.loads(parked).items()},
            erased,
        )
        for key, intake, routing, lapor, sla, said, parked, erased in rows
    }


_KEPT: Mapping[str, tuple[str, Callable[[KeyRow], object]]] = {
    "heard_intake": ("bigint", lambda row: row.heard["intake.events"]),
    "heard_routing": ("bigint", lambda row: row.heard["routing.events"]),
    "heard_lapor": ("bigint", lambda row: row.heard["lapor.events"]),
    "heard_sla": ("bigint", lambda row: row.heard["sla.events"]),
    "said": ("bigint", lambda row: row.said),
    "parked": ("jsonb", lambda row: _parked_json(row.parked)),
    "erased": ("text", lambda row: row.erased),
}
"""What a row holds: the column, its type, and what goes there."""


async def save(tx: Transaction, rows: Iterable[KeyRow]) -> None:
    """Write these locked rows back, in one statement; a value that is the same in all of them goes over once."""
    changed = list(rows)
    if not changed:
        return
    columns = {name: [told(row) for row in changed] for name, (_, told) in _KEPT.items()}
    alike = frozenset(name for name, values in columns.items() if len(set(values)) == 1)
    values = (values[0] if name in alike else values for name, values in columns.items())
    await tx.execute(_update(alike), [row.key for row in changed], *values)


@lru_cache(maxsize=128)
def _update(alike: frozenset[str]) -> str:
    """The statement that writes rows back: $1 are their keys; of each column in `alike` one value comes for all."""
    places = {name: (f"${at}", kind) for at, (name, (kind, _)) in enumerate(_KEPT.items(), start=2)}
    apart = [name for name in places if name not in alike]
    written = (
        f"{name} = {place}::{kind}" if name in alike else f"{name} = n.{name}"
        for name, (place, kind) in places.items()
    )
    arrays = ", ".join(["$1::uuid[]", *(f"{places[name][0]}::{places[name][1]}[]" for name in apart)])
    return (
        f"UPDATE delivery.keys AS k SET {', '.join(written)}"  # noqa: S608 -- names and types from the table above
        f" FROM unnest({arrays}) AS n ({', '.join(['key', *apart])}) WHERE k.key = n.key"
    )


def _parked_json(parked: Mapping[str, Parked]) -> str | None:
    if not parked:
        return None
    return json.dumps(
        {topic: {"cause": why.cause, "at": why.at, "since": why.since} for topic, why in parked.items()}
    )
