"""The service that the hop is measured with: the hub's frame around the least that a service of ours does.

It hears of a complaint, keeps one row about it and says one event of about the size of what it heard. What it
costs is what delivery costs; what a rule of a city costs besides is measured with routing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from shared.database import Transaction
from shared.decision import Decision
from shared.delivery.fold import Fold
from shared.events.intake import ComplaintReceived
from shared.events.parts import By
from shared.events.routing import ComplaintRouted
from shared.service import Parts, Service
from shared.settings import ServiceSettings

NAME = "bench"

TABLE = f"""
CREATE TABLE desks (
    complaint_id uuid PRIMARY KEY,
    ticket text,
    title text,
    text text,
    category text,
    received_at timestamptz,
    handled integer NOT NULL
) WITH (fillfactor = 80);
GRANT SELECT, INSERT, UPDATE, DELETE ON desks TO {NAME};
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """What is kept of one complaint."""

    ticket: str | None = None
    title: str = ""
    text: str = ""
    category: str | None = None
    received_at: datetime | None = None
    handled: int = 0


_NEW = Desk()
_RULE = By(kind="rule", name="bench")


def on_complaint_received(desk: Desk, event: ComplaintReceived, _: None, now: datetime) -> Decision[Desk]:
    """It goes to the one office that there is."""
    kept = replace(
        desk,
        ticket=event.ticket,
        title=event.title,
        text=event.text,
        category=event.category_hint,
        received_at=event.received_at,
        handled=desk.handled + 1,
    )
    routed = ComplaintRouted(
        at=now,
        by=_RULE,
        disposition=1,
        opd="BENCH",
        rule="bench",
        trace=(event.title, event.text),
        confidence=1.0,
        note=event.text,
    )
    return Decision(kept, [routed])


async def load(tx: Transaction, keys: Sequence[UUID]) -> Mapping[UUID, Desk]:
    """The desks of these."""
    rows = await tx.fetch(
        "SELECT complaint_id, ticket, title, text, category, received_at, handled FROM desks"
        " WHERE complaint_id = ANY($1::uuid[])",
        keys,
    )
    return dict.fromkeys(keys, _NEW) | {row[0]: Desk(*tuple(row)[1:]) for row in rows}


async def save(tx: Transaction, desks: Mapping[UUID, Desk]) -> None:
    """Keep them, in one statement."""
    await tx.execute(
        "INSERT INTO desks (complaint_id, ticket, title, text, category, received_at, handled)"
        " SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],"
        " $7::int[]) ON CONFLICT (complaint_id) DO UPDATE SET ticket = excluded.ticket, title = excluded.title,"
        " text = excluded.text, category = excluded.category, received_at = excluded.received_at,"
        " handled = excluded.handled",
        list(desks),
        [desk.ticket for desk in desks.values()],
        [desk.title for desk in desks.values()],
        [desk.text for desk in desks.values()],
        [desk.category for desk in desks.values()],
        [desk.received_at for desk in desks.values()],
        [desk.handled for desk in desks.values()],
    )


async def _no_city(_: Transaction) -> None:
    return None


def open_reference(_: ServiceSettings) -> Parts:
    """Its parts: the fold and where it says."""
    fold = Fold({ComplaintReceived: on_complaint_received}, load=load, save=save, city=_no_city)
    return Parts(fold=fold, says=frozenset({"routing.events"}))


service = Service(name=NAME, settings=ServiceSettings, open=open_reference)

if __name__ == "__main__":
    service.run()
