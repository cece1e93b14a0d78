"""The relay: takes what was said from the outbox to Kafka, in order per complaint (DESIGN §4.5)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import asyncpg
import structlog

from shared import clock
from shared.database import AWAY
from shared.delivery import envelope
from shared.delivery.desk import Desk
from shared.delivery.producer import Producer
from shared.logging import where

log = structlog.get_logger(__name__)

if TYPE_CHECKING:
    Session = asyncpg.Connection[asyncpg.Record]
else:
    Session = asyncpg.Connection

MOST_ROWS, MOST_BYTES = 4000, 32 * 2**20
"""What one round takes: so many events, or so many bytes of them."""
POLL_SECONDS, LONGEST_POLL = 0.04, 1.28
"""How soon the leader looks again; each time it finds nothing twice as late. What is said wakes it, in its own process
and by other replicas (`SAID`): the poll is for what a replica said that could not call any more."""
SAID = "said"
"""The channel on which replicas that do not lead tell the leader that they said something, once it is committed.

Not with NOTIFY in the transaction that says it: PostgreSQL lets those commit one after the other only.
"""
STAND_BY_SECONDS = 1.0
"""How often a replica that does not lead asks for the lock."""
LEADER_LOCK = 7_305_002
IDLE_SECONDS = 20
"""PostgreSQL ends the session of a leader that sat still this long (frozen, not dead), and with it its lock."""


# By month and position alone, which the planner can only look up: joined to the outbox, it would read the whole log.
_SAID = """
SELECT position, key, topic, record_key, type, id, sequence, said_at, cause, correlation, traceparent, value FROM (
    SELECT *, sum(coalesce(octet_length(value), 0)) OVER (ORDER BY position)
        - coalesce(octet_length(value), 0) AS before
    FROM delivery.said WHERE month = $1 AND position = ANY($2::bigint[])) AS asked
WHERE before < $3 ORDER BY position
"""


class Row(NamedTuple):
    """One unpublished event."""

    position: int
    again: int
    key: UUID
    topic: str
    record_key: bytes
    value: bytes | None
    headers: envelope.Headers


def deletable(rows: Sequence[Row], acknowledged: Sequence[bool]) -> list[Row]:
    """The rows that may leave the outbox: per key, those before its first unacknowledged one. Pure."""
    held: set[UUID] = set()
    free: list[Row] = []
    for row, well in zip(rows, acknowledged, strict=True):
        if not well:
            held.add(row.key)
        elif row.key not in held:
            free.append(row)
    return free


async def forget(connection: Session, rows: Sequence[Row]) -> int:
    """Let these leave the outbox, but for those that were put there anew while they were under way; how many left."""
    gone = 0
    for again in {row.again for row in rows}:
        gone += await connection.fetchval(
            "WITH gone AS (DELETE FROM delivery.outbox WHERE position = ANY($1::bigint[]) AND again = $2 RETURNING 1)"
            " SELECT count(*) FROM gone",
            [row.position for row in rows if row.again == again],
            again,
        )
    return gone


class Relay:
    """One per service does the work (advisory lock); the others stand by."""

    def __init__(
        self,
        desk: Desk[Any, Any],
        brokers: Sequence[str],
        connect: Callable[[], Awaitable[Session]],
    ) -> None:
        self._desk = desk
        self._connect = connect
        self._connection: Session | None = None
        self._producer = Producer(brokers, f"{desk.name}-relay", desk.metrics.rebuilt.inc)
        self._leaving = False
        self._doubtful: set[UUID] = set()
        """Complaints of rounds whose end is not known: what stands last on a compacted topic may be old."""

    async def run(self) -> None:
        """Relay until `leave`, whatever breaks in between."""
        pause, poll = 0.1, POLL_SECONDS
        while not self._leaving:
            try:
                sent = await self._turn()
                pause, poll = 0.1, POLL_SECONDS if sent else min(poll * 2, LONGEST_POLL)
                if self._connection is None:
                    await self._stand_by()
                elif sent < MOST_ROWS:
                    await self._wait(poll)
            except Exception as error:
                log.warning("relay round failed", error=type(error).__name__, at=where(error), pause=pause)
                await self._abandon()
                await self._wait(pause)
                pause = min(pause * 2, 5.0)

    async def drain(self, seconds: float) -> bool | None:
        """Publish what is left, for so many seconds; whether everything went out. None: another process does it."""
        try:
            async with asyncio.timeout(seconds):
                while await self._turn():
                    pass
                return True if self._connection is not None else None
        except Exception as error:
            log.warning("relay could not drain", error=type(error).__name__, at=where(error))
            return False

    def leave(self) -> None:
        """Give up the lock and the producer."""
        self._leaving = True
        self._desk.said.set()

    async def close(self) -> None:
        await self._abandon()

    async def _wait(self, seconds: float) -> bool:
        """Until something is said, or for so many seconds; whether something was."""
        try:
            async with asyncio.timeout(seconds):
                await self._desk.said.wait()
        except TimeoutError:
            return False
        self._desk.said.clear()
        return True

    async def _stand_by(self) -> None:
        """Until it is time to ask for the lock again, call the leader whenever something is said here."""
        until = clock.elapsed() + STAND_BY_SECONDS
        while (left := until - clock.elapsed()) > 0 and not self._leaving:
            if await self._wait(left):
                async with self._desk.read() as connection:
                    await connection.execute("SELECT pg_notify($1, '')", SAID)
                await asyncio.sleep(POLL_SECONDS)

    def _called(self, *_: object) -> None:
        """Another replica said something."""
        self._desk.said.set()

    async def _turn(self) -> int:
        """One round: read, send, delete. The number of rows sent; 0 where another replica leads."""
        connection = await self._leading()
        rows = await self.unpublished(connection) if connection is not None else []
        if connection is None or not rows:
            await self._restate()
            return 0
        unsure = bool(self._doubtful)
        self._doubtful.update(row.key for row in rows)
        acknowledged = await self._producer.send(rows)
        free = deletable(rows, acknowledged)
        gone = await forget(connection, free)
        self._desk.metrics.sent.inc(len(free))
        if len(free) < len(rows):
            raise TimeoutError("some events were not acknowledged")
        if unsure or gone < len(free):
            await self._restate()
        self._doubtful.clear()
        return len(rows)

    async def _leading(self) -> Session | None:
        """The connection that holds the leader lock; None while another replica has it."""
        if self._connection is None or self._connection.is_closed():
            await self._abandon()
            connection = await self._connect()
            try:
                await connection.execute(f"SET idle_session_timeout = '{IDLE_SECONDS}s'")
                led = await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK)
            except BaseException:
                connection.terminate()
                raise
            if not led:
                await connection.close()
                return None
            await connection.add_listener(SAID, self._called)
            self._connection = connection
            self._desk.metrics.leader.set(1)
            log.info("relay leads")
        return self._connection

    async def unpublished(self, connection: Session) -> list[Row]:
        """What one round takes, in order."""
        waiting = await connection.fetch(
            "SELECT month, position, again FROM delivery.outbox ORDER BY position LIMIT $1", MOST_ROWS
        )
        again = {position: times for _, position, times in waiting}
        months: dict[date, list[int]] = {}
        for month, position, _ in waiting:
            months.setdefault(month, []).append(position)
        rows: list[Row] = []
        for month, positions in months.items():
            found = await connection.fetch(_SAID, month, positions, MOST_BYTES)
            of_month = [self._row(again[one[0]], *one) for one in found]
            taken = sum(len(row.value or b"") for row in of_month)
            if taken >= MOST_BYTES:  # cut: nothing that stands behind goes before
                last = of_month[-1].position
                return sorted(row for row in [*rows, *of_month] if row.position <= last)
            rows += of_month
        return rows if len(months) == 1 else sorted(rows)

    def _row(
        self,
        again: int,
        position: int,
        key: UUID,
        topic: str,
        record_key: str,
        kind: str,
        event_id: UUID,
        number: int | None,
        said_at: datetime,
        cause: UUID | None,
        correlation: UUID,
        traceparent: str,
        value: bytes | None,
    ) -> Row:
        headers = envelope.headers(
            self._desk.name,
            key,
            topic,
            record_key,
            kind,
            event_id,
            number,
            said_at,
            cause,
            correlation,
            traceparent,
        )
        return Row(position, again, key, topic, record_key.encode(), value, headers)

    async def _restate(self) -> None:
        """On compacted topics the newest state must stand last, and here it may not.

        Another relay had sent some of these too, or an earlier round of ours ended without an answer and may
        have put old rows behind newer ones.
        """
        if self._doubtful and self._desk.restate is not None:
            log.warning("the newest state is said again", keys=len(self._doubtful))
            self._desk.metrics.restated.inc(await self._desk.say_again(sorted(self._doubtful)))
        self._doubtful.clear()

    async def _abandon(self) -> None:
        """Let go of the lock and of the producer; the next turn begins anew."""
        connection, self._connection = self._connection, None
        self._desk.metrics.leader.set(0)
        if connection is not None:
            try:
                await connection.close(timeout=2)
            except AWAY:
                connection.terminate()
        await self._producer.close()
