"""The loop that writes to SP4N-LAPOR what the hub's facts have put into the queue (DESIGN §4.10).

Nothing here decides: an attempt is put on record before its first byte, its outcome handed in after it; one
without an outcome is looked up by the mark in what was written, and only then written again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID

import structlog

from services.lapor_bridge import asking, store
from services.lapor_bridge.asking import NotTold, Reporters
from services.lapor_bridge.domain.acts import (
    AttemptBegun,
    CannotTell,
    Declined,
    Delivered,
    LeftUnsettled,
    LookupFailed,
    NotFoundThere,
    Postponed,
)
from services.lapor_bridge.domain.link import CREATE, Link, Write, is_due
from services.lapor_bridge.domain.marking import marker_of
from services.lapor_bridge.lapor import client, translation
from services.lapor_bridge.lapor.client import LaporClient, LaporError, NotSent, NotThere
from services.lapor_bridge.lapor.translation import Tongue, Unspeakable
from services.lapor_bridge.reading import tongue
from shared.decision import Refused
from shared.delivery.desk import Busy, Desk
from shared.events.fact import Fact
from shared.events.parts import Reporter

AT_ONCE = 40
WRITERS = 4
PAUSE = 0.5

MARGIN = timedelta(minutes=10)
"""How much before an attempt the look-up begins: LAPOR's clock is not ours."""

RESTORED_OF_LATE, LOOKS_BACK = timedelta(days=7), timedelta(days=30)
"""For so long after this store was restored from a backup each write is first looked up, and so far back."""

BUSY_PAUSE = 5.0
"""Seconds for which LAPOR is left alone when it takes nothing and does not say for how long."""

log = structlog.get_logger(__name__)


@dataclass
class Forwarding:
    """The loop. `seconds`: how long the client waits for an answer; an attempt is nobody else's for twice that.

    `reporters`: who says who reported a complaint; without, its report goes under the hub's own account.
    """

    client: LaporClient
    zone: tzinfo
    seconds: float
    reporters: Reporters | None = None

    async def turn(self, desk: Desk[Any, Any]) -> float:
        """Work the lines that are due, one write each; seconds until the next turn."""
        now = desk.clock()
        async with desk.read() as connection:
            due = await store.due_to_work(connection, now, AT_ONCE)
            if not due:
                return PAUSE
            words = await tongue(connection, self.zone, now)
        for first in range(0, len(due), WRITERS):
            answers = await asyncio.gather(
                *(self.advance(desk, key, words) for key in due[first : first + WRITERS])
            )
            postponed = [answer for answer in answers if isinstance(answer, Postponed)]
            for answer in postponed:
                if not answer.by_lapor:
                    log.warning("a write to LAPOR has to wait", reason=answer.reason)
            away = [answer for answer in postponed if answer.by_lapor]
            if away:
                log.warning("LAPOR takes nothing", reason=away[0].reason)
                return max((answer.retry_after or BUSY_PAUSE) for answer in away)
        return 0.0

    async def advance(self, desk: Desk[Any, Any], key: UUID, words: Tongue) -> Fact | None:
        """One step of a complaint's line: the attempt that is due, or the look-up of one without an outcome.

        What became of it, as it was handed in; None where there was nothing to do, or somebody else does it.
        """
        async with desk.read() as connection:
            link = (await store.load_links(connection, [key]))[key]
        write = link.next_write
        if write is None or not is_due(write.next_at, desk.clock()):
            return None
        outcome: Fact
        try:
            restored_at = _restored_of_late(desk)
            if write.state == "attempted":
                outcome = await self.look_up(desk, link, write, words, restored_at)
            else:
                may_be_there = restored_at is not None and write.attempts == 0
                begun = AttemptBegun(n=write.n, lease=2 * self.seconds + asking.SECONDS)
                link = (await desk.command(key, begun)).state
                write = link.write(write.n) or write
                outcome = NotFoundThere(n=write.n, attempt=write.attempts)
                if may_be_there:
                    outcome = await self.look_up(desk, link, write, words, restored_at)
                if isinstance(outcome, NotFoundThere):
                    outcome = await self.attempt(link, write, words)
            if isinstance(outcome, Delivered) and outcome.lapor_id is not None:
                outcome = await self._checked(desk, key, write, outcome)
            await desk.command(key, outcome, lock_timeout=10.0)
        except (Refused, Busy):
            return None
        return outcome

    async def attempt(self, link: Link, write: Write, words: Tongue) -> Fact:
        """Write it, once; what is known afterwards."""
        try:
            return await self._send(link, write, words)
        except Unspeakable as unknown:
            return Postponed(n=write.n, attempt=write.attempts, by_lapor=False, reason=str(unknown))
        except NotTold as silent:
            return Postponed(n=write.n, attempt=write.attempts, by_lapor=False, reason=silent.reason)
        except NotSent as none:
            return Postponed(
                n=write.n, attempt=write.attempts, reason=none.reason, retry_after=none.retry_after
            )
        except client.Declined as refused:
            return Declined(n=write.n, attempt=write.attempts, reason=refused.reason)
        except LaporError as silent:
            wait = max(silent.retry_after or 0.0, self.seconds)
            return LeftUnsettled(n=write.n, attempt=write.attempts, reason=silent.reason, retry_after=wait)

    async def _send(self, link: Link, write: Write, words: Tongue) -> Delivered:
        if write.n == CREATE:
            assert link.content is not None
            report = translation.report_to_create(link, link.content, words)
            report = translation.reported_by(report, await self._reporter(link, words))
            return Delivered(n=write.n, lapor_id=await self.client.create(report))
        assert link.lapor_id is not None
        telling = words.city.telling(write.operation, write.kind)
        if telling is None:
            return Delivered(n=write.n)
        if telling.way == "reject":
            await self.client.reject(link.lapor_id, translation.rejection_to_send(link, write, words))
            return Delivered(n=write.n)
        item = await self.client.add_followup(translation.followup_to_add(link, write, words))
        return Delivered(n=write.n, item=item)

    async def _reporter(self, link: Link, words: Tongue) -> Reporter | None:
        """Who reported it, asked of intake, if the city names reporters there. Raises NotTold.

        Never asked: who wants to stay anonymous, or is erased.
        """
        content, ticket = link.content, link.ticket
        if self.reporters is None or content is None or ticket is None or not words.city.names_reporters:
            return None
        if content.anonymous or content.nameless:
            return None
        return await self.reporters.of(ticket, confidential=content.confidential)

    async def look_up(
        self,
        desk: Desk[Any, Any],
        link: Link,
        write: Write,
        words: Tongue,
        restored_at: datetime | None = None,
    ) -> Fact:
        """Whether what an attempt without outcome, or this store's former self, wrote is there, by its mark."""
        try:
            if write.n == CREATE:
                found = await self._reports_with(desk, link, write, words, restored_at)
                here = [Delivered(n=write.n, lapor_id=lapor_id) for lapor_id in found]
            else:
                found = await self._items_with(link, write)
                here = [Delivered(n=write.n, item=item) for item in found]
        except NotThere:
            return CannotTell(n=write.n, attempt=write.attempts, reason="LAPOR has nowhere to look it up in")
        except LaporError as away:
            return LookupFailed(
                n=write.n, attempt=write.attempts, reason=away.reason, retry_after=away.retry_after
            )
        if len(here) > 1:
            return CannotTell(
                n=write.n, attempt=write.attempts, reason=f"{len(here)} in LAPOR carry its mark"
            )
        return here[0] if here else NotFoundThere(n=write.n, attempt=write.attempts)

    async def _reports_with(
        self,
        desk: Desk[Any, Any],
        link: Link,
        write: Write,
        words: Tongue,
        restored_at: datetime | None,
    ) -> Sequence[str]:
        """Reports there with our ticket, changed since the attempt; by our clock, which may have been ahead then, but
        not since later than the listing was read, for that goes by LAPOR's own clock."""
        assert write.begun_at is not None
        async with desk.read() as connection:
            reached = await store.reached(connection)
        begun = min(at for at in (write.begun_at, desk.clock(), reached) if at is not None)
        if restored_at is not None:
            begun = min(begun, restored_at - LOOKS_BACK)
        since = translation.written(begun - MARGIN, words.zone)
        return [
            translation.tracking_id_of(report)
            async for page in self.client.changed(since)
            for report in page
            if translation.ticket_of_report(report) == link.ticket
        ]

    async def _items_with(self, link: Link, write: Write) -> Sequence[str]:
        assert link.lapor_id is not None
        return [
            str(item.get("id"))
            for item in await self.client.followups(link.lapor_id)
            if translation.marker_of_item(item) == marker_of(write.cause)
        ]

    async def _checked(self, desk: Desk[Any, Any], key: UUID, write: Write, outcome: Delivered) -> Fact:
        """LAPOR's answer, unless the report that it names is another complaint's."""
        assert outcome.lapor_id is not None
        async with desk.read() as connection:
            known = (await store.known_reports(connection, [outcome.lapor_id])).get(outcome.lapor_id)
        if known is None or known.complaint == key:
            return outcome
        return CannotTell(
            n=write.n, attempt=write.attempts, reason="LAPOR names a report that is another complaint's"
        )


def _restored_of_late(desk: Desk[Any, Any]) -> datetime | None:
    """When this store was restored from a backup, if that is so short ago that writes of before may come again."""
    at = desk.restored_at
    return at if at is not None and desk.clock() - at < RESTORED_OF_LATE else None
