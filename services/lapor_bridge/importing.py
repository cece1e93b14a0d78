"""The Excel export taken in: the same sightings as the API's, a thousand a transaction, and a report on them."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

from services.lapor_bridge import store
from services.lapor_bridge.domain.acts import Delivered
from services.lapor_bridge.domain.link import CREATE
from services.lapor_bridge.domain.marking import ticket_in
from services.lapor_bridge.lapor import ringkas, translation
from services.lapor_bridge.lapor.ringkas import Odd, Row
from services.lapor_bridge.lapor.translation import Untranslatable
from services.lapor_bridge.reading import refusal_of_ticket, tongue
from services.lapor_bridge.store import OwnTicket
from shared.delivery.desk import Desk
from shared.events.fact import Fact
from shared.events.ids import complaint_id

AT_ONCE = 1_000
AHEAD = timedelta(minutes=5)
"""How far in the future a report may be dated: clocks differ by that much, not more."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: reports that were new, that were known already, and odd lines with reasons.

    `changes` counts what the hub was told anew of reports that it has.
    """

    agency: str | None
    made_on: date | None
    rows: int
    new: int
    known: int
    changes: int
    odd: tuple[Odd, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values, dates as text."""
        return {**asdict(self), "made_on": self.made_on.isoformat() if self.made_on else None}


async def take_in(desk: Desk[Any, Any], content: bytes, zone: tzinfo) -> Imported:
    """Take an export in; the same file again changes nothing. Raises ringkas.NotAnExport.

    Rows are committed a thousand at a time: what was taken when something breaks stays taken, and the file
    can simply be given again.
    """
    export = await asyncio.to_thread(ringkas.read, content, zone)
    now = desk.clock()
    done = Imported(
        export.agency, export.made_on, len(export.rows) + _unread(export.odd), 0, 0, 0, export.odd
    )
    for rows in _portions(export.rows):
        done = await _take_portion(desk, rows, export.made_on, zone, now, done)
    return replace(done, odd=tuple(sorted(done.odd, key=lambda odd: odd.line)))


async def _take_portion(
    desk: Desk[Any, Any],
    rows: Sequence[Row],
    made_on: date | None,
    zone: tzinfo,
    now: datetime,
    done: Imported,
) -> Imported:
    async with desk.read() as connection:
        words = await tongue(connection, zone, now)
        known = await store.known_reports(connection, [row.tracking_id for row in rows])
        tickets = {
            row.tracking_id: ticket for row in rows if (ticket := ticket_in(row.text, row.text_before))
        }
        own = await store.own_tickets(connection, tickets.values())
    facts: list[tuple[UUID, Fact]] = []
    lines: dict[UUID, Row] = {}
    odd: list[Odd] = []
    for row in rows:
        report = known.get(row.tracking_id)
        ticket = None if report else tickets.get(row.tracking_id)
        refusal = _refusal(row, ticket, own, now)
        if refusal is not None:
            odd.append(Odd(row.line, refusal, taken=False))
            continue
        ours = own[ticket] if ticket else None
        key = report.complaint if report else complaint_id(translation.SOURCE, row.tracking_id)
        try:
            sighting = translation.sighting_of_row(row, made_on, words)
        except Untranslatable as why:
            odd.append(Odd(row.line, str(why), taken=False))
            continue
        if ours is not None:
            key = ours.complaint
            if key in lines:
                odd.append(
                    Odd(row.line, f"it ends with the same ticket as line {lines[key].line}", taken=False)
                )
                continue
            facts.append((key, Delivered(n=CREATE, lapor_id=row.tracking_id)))
        facts.append((key, sighting))
        lines[key] = row
        odd += [Odd(row.line, reason, taken=True) for reason in translation.oddities_of_row(row)]
    async with desk.transaction(list(lines)) as work:
        before = await store.known_reports(work.tx, [row.tracking_id for row in lines.values()])
        await work.apply(facts)
        failed = {item.key for item in work.outcome.failed if item.key is not None}
    odd += [Odd(lines[key].line, "it could not be kept; the log says why", taken=False) for key in failed]
    taken = [row for key, row in lines.items() if key not in failed]
    new = sum(row.tracking_id not in before for row in taken)
    return replace(
        done,
        new=done.new + new,
        known=done.known + len(taken) - new,
        changes=done.changes + len(work.outcome.says),
        odd=(*done.odd, *odd),
    )


def _refusal(row: Row, ticket: str | None, own: dict[str, OwnTicket], now: datetime) -> str | None:
    """Why a row that can be read is not taken."""
    if row.reported_at > now + AHEAD:
        return "it is dated in the future"
    if row.reported_at.year < 2000:
        return "it is dated before 2000"
    return refusal_of_ticket(own.get(ticket)) if ticket is not None else None


def _unread(odd: Sequence[Odd]) -> int:
    return sum(not one.taken for one in odd)


def _portions(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for first in range(0, len(rows), AT_ONCE):
        yield rows[first : first + AT_ONCE]
