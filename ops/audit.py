"""`./simpul audit`: who did what, when, on which complaint, out of every service's store."""

import argparse
import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from rich.table import Table

from ops import hub
from ops.console import show_table
from ops.hub import Hub, store
from ops.refusal import Refusal
from ops.stack.parts import SERVICES
from shared import clock
from shared.database import AWAY


@dataclass(frozen=True, slots=True)
class Act:
    """One row of a service's audit."""

    at: datetime
    service: str
    name: str
    role: str
    opd: str | None
    act: str
    complaint_id: UUID | None
    about: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--service", choices=SERVICES, help="what was done there (else: everywhere)")
    parser.add_argument("--ticket", help="what was done with one complaint")
    parser.add_argument("--by", metavar="NAME", help="what one key, or one operator, did")
    parser.add_argument("--last", type=int, default=50, metavar="N", help="how many (50), the newest last")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(args: argparse.Namespace) -> None:
    here = hub.current()
    services = [args.service] if args.service else list(SERVICES)
    try:
        acts = asyncio.run(find(here, services, ticket=args.ticket, by=args.by, last=args.last))
    except AWAY as away:
        raise Refusal(f"the store does not answer ({type(away).__name__}); is it up? {here.way_up}") from None
    if args.json:
        print(json.dumps([asdict(act) for act in acts], default=str, indent=2))
    elif acts:
        _print(acts)
    else:
        print("nothing of the kind was done")


async def find(
    here: Hub, services: list[str], *, ticket: str | None = None, by: str | None = None, last: int = 50
) -> list[Act]:
    """The last acts in these services, oldest first. Refusal where no complaint has the ticket."""
    complaint = None if ticket is None else await _complaint(here, ticket)
    found: list[Act] = []
    for service in services:
        rows = await _fetch(
            here,
            service,
            "SELECT at, $1::text, name, role, opd, act, complaint_id, about FROM audit.acts"
            " WHERE ($2::uuid IS NULL OR complaint_id = $2) AND ($3::text IS NULL OR name = $3)"
            " ORDER BY id DESC LIMIT $4",
            service,
            complaint,
            by,
            last,
        )
        found += [Act(*row) for row in rows]
    return sorted(found, key=lambda act: act.at)[-last:]


async def _complaint(here: Hub, ticket: str) -> UUID:
    wanted = ticket.upper().replace("-", "")
    rows = await _fetch(here, "intake", "SELECT complaint_id FROM complaints WHERE ticket = $1", wanted)
    if not rows:
        raise Refusal(f"no complaint has the ticket {ticket}")
    found: UUID = rows[0][0]
    return found


async def _fetch(here: Hub, service: str, sql: str, *values: object) -> list[asyncpg.Record]:
    async with store(here, service) as connection:
        rows: list[asyncpg.Record] = await connection.fetch(sql, *values)
        return rows


def _print(acts: list[Act]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("when (WIB)", "service", "who", "role", "did", "complaint", "about"):
        table.add_column(column)
    for act in acts:
        table.add_row(
            f"{act.at.astimezone(clock.JAKARTA):%Y-%m-%d %H:%M:%S}",
            act.service,
            act.name,
            f"{act.role}:{act.opd}" if act.opd else act.role,
            act.act,
            str(act.complaint_id or "–"),
            act.about or "",
        )
    show_table(table)
