"""The loop that looks into SP4N-LAPOR: which reports are new or have changed, and what is in those we share.

LAPOR tells nobody of a change. So its listing by update time is read with a cursor and an overlap, and every
unfinished report that we share is looked at now and then besides, listing or not (DOMAIN §2).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

import structlog

from services.lapor_bridge import store
from services.lapor_bridge.domain.acts import Delivered, ReportSighted, ReportTouched, ReportUnreadable
from services.lapor_bridge.domain.link import CREATE
from services.lapor_bridge.lapor import translation
from services.lapor_bridge.lapor.client import Json, LaporClient, LaporError, NotSent, NotThere
from services.lapor_bridge.lapor.translation import Tongue, Untranslatable
from services.lapor_bridge.reading import refusal_of_ticket, tongue
from services.lapor_bridge.store import KnownReport, OwnTicket
from shared.delivery.desk import Desk
from shared.events.fact import Fact
from shared.events.ids import complaint_id

OVERLAP = timedelta(minutes=10)
"""How much of the listing is read again each time: for changes that became visible late."""

LOOKS_AT_ONCE = 100
READERS = 4
MASTERS_EVERY = timedelta(days=1)

UNREADABLE_AGAIN = 60.0
GONE_AGAIN = 86_400.0
"""Seconds until a report is tried again that could not be read, or is not there."""

log = structlog.get_logger(__name__)

Facts = list[tuple[UUID, Fact]]


@dataclass
class Discovery:
    """The loop's own memory; all that matters is in the store."""

    client: LaporClient
    zone: tzinfo
    every: float
    _masters_at: datetime | None = field(default=None)
    _has_listing: bool = True

    async def turn(self, desk: Desk[Any, Any]) -> float:
        """Masters, listing, looks; seconds until the next turn."""
        try:
            await self._read_masters(desk)
            if self._has_listing:
                await self._read_listing(desk)
            looked = await self._look(desk)
        except NotThere:
            log.warning("LAPOR has no listing by update time; shared reports are looked at one by one")
            self._has_listing = False
            return 0.0
        except LaporError as away:
            log.warning("LAPOR cannot be read", reason=away.reason)
            async with desk.read() as connection:
                await store.keep_away(connection, away.reason, desk.clock())
            return max(self.every, away.retry_after or 0.0)
        async with desk.read() as connection:
            await store.keep_back(connection)
        return 0.0 if looked == LOOKS_AT_ONCE else self.every

    async def _read_masters(self, desk: Desk[Any, Any]) -> None:
        """LAPOR's institutions, once a day: whose id is whose. What cannot be read today was read before."""
        now = desk.clock()
        if self._masters_at is not None and now - self._masters_at < MASTERS_EVERY:
            return
        try:
            rows = await self.client.institutions()
        except LaporError as away:
            log.warning("LAPOR's list of institutions cannot be read", reason=away.reason)
            return
        async with desk.read() as connection:
            words = await tongue(connection, self.zone, now)
            named = [(str(row.get("id") or ""), str(row.get("name") or "")) for row in rows]
            found = [
                (id_, name, words.city.code_of(name, words.today)) for id_, name in named if id_ and name
            ]
            await store.keep_institutions(connection, found, now)
        self._masters_at = now

    async def _read_listing(self, desk: Desk[Any, Any]) -> None:
        """Every page from the cursor on; the cursor follows once a page's reports are in the store."""
        began = desk.clock()
        async with desk.read() as connection:
            reached = await store.reached(connection)
            words = await tongue(connection, self.zone, began)
        since = translation.written(reached - OVERLAP, self.zone) if reached else None
        async for page in self.client.changed(since):
            await self.take_in(desk, page, words, began)
            changes = [at for report in page if (at := translation.updated_at_of(report, words))]
            if changes:
                async with desk.read() as connection:
                    await store.keep_reached(connection, min(max(changes), began))

    async def take_in(
        self, desk: Desk[Any, Any], page: Sequence[Json], words: Tongue, as_of: datetime
    ) -> None:
        """Hand in what a page of the listing tells."""
        reports: dict[str, Json] = {}
        for report in page:
            try:
                reports[translation.tracking_id_of(report)] = report
            except Untranslatable as why:
                log.warning("a report of LAPOR cannot be read", reason=str(why))
        async with desk.read() as connection:
            known = await store.known_reports(connection, reports)
            tickets = {
                lapor_id: ticket
                for lapor_id, report in reports.items()
                if lapor_id not in known and (ticket := translation.ticket_of_report(report))
            }
            own = await store.own_tickets(connection, tickets.values())
        facts: Facts = []
        odd: dict[str, str] = {}
        for lapor_id, report in reports.items():
            ticket = tickets.get(lapor_id)
            try:
                if ticket is not None and (why_not := refusal_of_ticket(own.get(ticket))) is not None:
                    raise Untranslatable(why_not)
                facts += _facts(lapor_id, report, known.get(lapor_id), own.get(ticket or ""), words, as_of)
            except Untranslatable as why:
                odd[lapor_id] = str(why)
        await self._keep(desk, facts, odd, as_of)
        async with desk.read() as connection:
            await store.forget_oddities(connection, reports.keys() - odd.keys())

    async def _keep(self, desk: Desk[Any, Any], facts: Facts, odd: Mapping[str, str], now: datetime) -> None:
        if facts and (failed := await desk.hand_in(facts)):
            async with desk.read() as connection:
                until = desk.clock() + timedelta(seconds=UNREADABLE_AGAIN)
                await store.postpone_looks(connection, [key for key, _ in failed], until)
        if odd:
            async with desk.read() as connection:
                await store.keep_oddities(connection, odd, now)

    async def _look(self, desk: Desk[Any, Any]) -> int:
        """Read the shared reports whose time has come; how many there were."""
        now = desk.clock()
        async with desk.read() as connection:
            due = await store.due_to_look_at(connection, now, LOOKS_AT_ONCE)
            words = await tongue(connection, self.zone, now)
        readers = asyncio.Semaphore(READERS)

        async def look(key: UUID, lapor_id: str) -> tuple[UUID, Fact] | NotSent:
            async with readers:
                try:
                    return key, await self._sighting(lapor_id, words, desk.clock())
                except NotSent as busy:
                    return busy
                except NotThere:
                    return key, ReportUnreadable(retry_after=GONE_AGAIN)
                except (LaporError, Untranslatable) as why:
                    log.warning("a report of LAPOR cannot be read", lapor_id=lapor_id, reason=str(why))
                    return key, ReportUnreadable(retry_after=UNREADABLE_AGAIN)

        found = await asyncio.gather(*(look(key, lapor_id) for key, lapor_id in due))
        await self._keep(desk, [one for one in found if not isinstance(one, NotSent)], {}, now)
        for one in found:
            if isinstance(one, NotSent):
                raise one
        return len(due)

    async def _sighting(self, lapor_id: str, words: Tongue, as_of: datetime) -> ReportSighted:
        report = await self.client.report(lapor_id)
        followups = await self.client.followups(lapor_id)
        return translation.sighting_of_report(report, as_of, words, followups)


async def nowhere(desk: Desk[Any, Any]) -> float:
    """In place of a discovery where no LAPOR is named: there is none that could be away."""
    async with desk.read() as connection:
        await store.keep_back(connection)
    return 3600.0


def _facts(
    lapor_id: str,
    report: Json,
    known: KnownReport | None,
    own: OwnTicket | None,
    words: Tongue,
    as_of: datetime,
) -> Facts:
    """What one report of the listing is to us. Raises Untranslatable where it can be no complaint.

    One that carries the ticket of a complaint whose own report is still being made is that report: the answer
    to our write got lost, and this settles it.
    """
    if known is not None and known.linked:
        updated_at = translation.updated_at_of(report, words)
        if updated_at is None or updated_at == known.updated_at:
            return []
        return [(known.complaint, ReportTouched(updated_at=updated_at))]
    if known is None and own is not None:
        return [(own.complaint, Delivered(n=CREATE, lapor_id=lapor_id))]
    key = known.complaint if known else complaint_id(translation.SOURCE, lapor_id)
    return [(key, translation.sighting_of_report(report, as_of, words))]
