"""Waiting for quiet: nothing to hear, to publish, to write in LAPOR, to read there, or to say of a deadline."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import asyncpg
from aiokafka.errors import KafkaError

from ops import quiet, topics
from ops.demo.doors import Doors
from ops.quiet import Ear
from ops.refusal import Refusal
from ops.stack.parts import SERVICES
from ops.stack.stack import Stack
from shared import database

CALM = 1.0
"""Seconds in which nothing may be said any more, when nothing seems to be left to do."""

LONGEST = 240.0
"""Seconds after which waiting is given up, with what is still unfinished."""

AWAY = (*database.AWAY, KafkaError)
"""What is raised while a store or the broker is away, or goes in the middle of an answer."""

_BRIDGE = """
SELECT count(*) FILTER (WHERE post_at IS NOT NULL) AS "reports not handed in yet",
    count(*) FILTER (WHERE posting_state = 'waiting' AND post_at IS NULL) AS "reports without receipt",
    count(*) FILTER (WHERE work_at IS NOT NULL) AS "complaints with something to write in LAPOR",
    count(*) FILTER (WHERE look_at <= now()) AS "reports to be looked at"
FROM links
"""
_READ = "SELECT lapor_id, seen ->> 'as_of' AS as_of FROM links"
"""When each report was last read; begun before the request, so that a later change is not missed."""

_MONITOR = """
SELECT count(*) AS "complaints with a deadline to be told of",
    (SELECT count(*) FROM untallied) AS "complaints to be tallied",
    (SELECT count(*) FROM aggregates WHERE uncounted) AS "aggregates to be counted"
FROM delivery.keys WHERE next_due_at <= now() AND parked IS NULL
"""


class Rest:
    """How far one hub is from rest; an asynchronous context manager."""

    def __init__(self, stack: Stack, doors: Doors) -> None:
        self._stack = stack
        self._doors = doors
        known = topics.read()
        self._topics = tuple(known)
        self._heard: dict[str, Sequence[str]] = {
            service: tuple(name for name, topic in known.items() if service in topic.consumers)
            for service in SERVICES
        }
        self._ear: Ear | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ear is not None:
            await self._ear.close()

    async def _hearing(self) -> Ear:
        """An ear at the broker's present address: killed, it may have had to move."""
        if self._ear is None or self._ear.bootstrap != self._stack.bootstrap:
            if self._ear is not None:
                await self._ear.close()
            self._ear = Ear(self._stack.bootstrap, self._heard, also=self._topics)
        return self._ear

    async def until_done(self, calm: float = 0.0, told: Callable[[str], None] | None = None) -> None:
        """Return once nothing is left to do, twice in a row, and nothing has been said for `calm` seconds.

        Raises Refusal, naming what is left, after LONGEST seconds.
        """
        until = time.monotonic() + LONGEST
        said: object = None
        since = time.monotonic()
        while True:
            left = await self.unfinished()
            now = None if left else await self._said()
            words = "; ".join(f"{where}: {what}" for where, what in sorted(left.items()))
            if told is not None:
                told(words or "nothing left to do; listening whether it stays so")
            if left or now != said:
                said, since = now, time.monotonic()
            elif time.monotonic() - since >= calm:
                return
            if time.monotonic() > until:
                raise Refusal(f"the hub did not come to rest within {LONGEST:.0f} s: {words}")
            await asyncio.sleep(0.2)

    async def until_taken_in(self) -> None:
        """Return once intake has read every submission that stands on its topic."""
        until = time.monotonic() + LONGEST
        while True:
            try:
                if not (await (await self._hearing()).behind("intake.submissions"))["intake"]:
                    return
            except AWAY:
                await asyncio.sleep(0.5)
            if time.monotonic() > until:
                raise Refusal(f"intake did not read the submissions within {LONGEST:.0f} s")
            await asyncio.sleep(0.1)

    async def unfinished(self) -> dict[str, str]:
        """What is left to do, by who has to do it, in words."""
        dsns = {service: self._stack.dsn(service) for service in SERVICES}
        left = await quiet.unfinished(await self._hearing(), dsns)
        for service, query in (("lapor_bridge", _BRIDGE), ("sla_monitor", _MONITOR)):
            try:
                row = (await rows(dsns[service], query))[0]
            except AWAY as away:
                left[service] = type(away).__name__
                continue
            words = [f"{count} {what}" for what, count in row.items() if count]
            if words:
                left[service] = ", ".join(words)
        if not left and (unread := await self._unread_in_lapor()):
            left["lapor_bridge"] = f"{unread} reports not read since they changed in LAPOR"
        return left

    async def _unread_in_lapor(self) -> int:
        """Reports in LAPOR that the bridge has not read since they last changed."""
        reports = (await self._doors.lapor("GET", "/control/reports"))["reports"]
        try:
            read = await rows(self._stack.dsn("lapor_bridge"), _READ)
        except AWAY:
            return len(reports)
        known = {row["lapor_id"]: row["as_of"] for row in read}
        return sum(
            (as_of := known.get(one["tracking_id"])) is None
            or datetime.fromisoformat(as_of) < datetime.fromisoformat(one["updated_at"])
            for one in reports
        )

    async def _said(self) -> object:
        """A fingerprint of all that was ever said: the ends of all topics, and the writes in LAPOR."""
        try:
            ends = await (await self._hearing()).ends()
        except AWAY:
            return object()  # like nothing before
        written = (await self._doors.lapor("GET", "/control/counters"))["writes"]
        return sum(ends.values()), repr(written)


async def rows(dsn: str, query: str) -> list[Mapping[str, Any]]:
    """What a query gives on a store. Raises what asyncpg raises while the store is away."""
    connection = await asyncpg.connect(dsn, timeout=5, command_timeout=15)
    try:
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()
