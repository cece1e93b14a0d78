"""The key row: the one lock of a complaint in a service, and the one function that takes it (DESIGN §4.1)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from shared.database import Transaction
from shared.delivery import sequence
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

    def parking(self, topic: str, cause: Cause, at: int | None, now: datetime) -> "KeyRow":
        return self._replace(parked={**self.parked, topic: Parked(cause, at, now.isoformat())})

    def freed(self, topic: str) -> "KeyRow":
        return self._replace(parked={name: why for name, why in self.parked.items() if name != topic})

    def forgetting(self, scope: Scope | None) -> "KeyRow":
        wanted = wider(self.erased, scope)
        return self if wanted == self.erased else self._replace(erased=wanted)

    def follows(self, topic: str, number: int) -> bool:
        return sequence.follows(self.heard[topic], number)


async def lock(tx: Transaction, keys: Iterable[UUID]) -> dict[UUID, KeyRow]:
    """Lock the rows of these complaints, made where missing, in key order; what they hold, as it now is.

    Two statements at READ COMMITTED: `FOR UPDATE` on a row that is not there locks nothing, so it is
    inserted first; and whatever else is loaded must be loaded after this returns, in a later statement,
    because the locking one still sees the snapshot from before it waited (both reproduced, DESIGN §4.1).
    """
    ordered = sorted(set(keys))
    await tx.execute(
        "INSERT INTO delivery.keys (key) SELECT k FROM unnest($1::uuid[]) AS k ORDER BY k"
        " ON CONFLICT DO NOTHING",
        ordered,
    )
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


async def save(tx: Transaction, rows: Iterable[KeyRow]) -> None:
    """Write these locked rows back, in one statement."""
    changed = list(rows)
    if not changed:
        return
    await tx.execute(
        "UPDATE delivery.keys AS k SET heard_intake = n.intake, heard_routing = n.routing,"
        " heard_lapor = n.lapor, heard_sla = n.sla, said = n.said, parked = n.parked::jsonb, erased = n.erased"
        " FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],"
        " $7::text[], $8::text[])"
        " AS n (key, intake, routing, lapor, sla, said, parked, erased) WHERE k.key = n.key",
        [row.key for row in changed],
        [row.heard["intake.events"] for row in changed],
        [row.heard["routing.events"] for row in changed],
        [row.heard["lapor.events"] for row in changed],
        [row.heard["sla.events"] for row in changed],
        [row.said for row in changed],
        [_parked_json(row.parked) for row in changed],
        [row.erased for row in changed],
    )


def _parked_json(parked: Mapping[str, Parked]) -> str | None:
    if not parked:
        return None
    return json.dumps(
        {topic: {"cause": why.cause, "at": why.at, "since": why.since} for topic, why in parked.items()}
    )
