"""Releasing: what waits behind a gap or a dead letter is folded once nothing stands before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import structlog

from shared.clock import elapsed
from shared.delivery import keys, letters, sequence
from shared.delivery.folding import Outcome
from shared.delivery.reading import Item, located, read
from shared.delivery.transacting import Transacting, complaints_of
from shared.logging import where

S = TypeVar("S")
C = TypeVar("C")

log = structlog.get_logger(__name__)

MOST = 200
"""Streams that one turn frees."""


@dataclass
class Releasing(Transacting[S, C]):
    """The desk's room for parked streams and released dead letters."""

    async def release(self, key: UUID, topic: str) -> Outcome[S] | None:
        """Fold what waits on a parked stream, in order, as far as it goes; None where it may not be yet.

        The same way for a gap that closed, a dead letter that was released and one that was discarded; under
        the key's lock, so that it and the consumer never both apply a number.
        """
        async with self._folding([key]) as folding:
            tx, row = folding.tx, folding.rows[key]
            if topic not in row.parked:
                return None
            released, others_open = await letters.releasing(tx, key, topic, self.seals)
            if others_open:
                return None
            folding.rows = {key: row.freed(topic)}
            waiting = await letters.waiting(tx, key, topic)
            items = [read(record, self.fold) for record in [*released, *waiting]]
            outcome = await folding.settle(items)
            heard = folding.rows[key].heard[topic]
            done = [heard, *(item.number for item in outcome.dead if item.number)]
            await letters.keep_superseded(tx, _superseded(items, outcome, heard), folding.now, self.seals)
            await letters.forget_waiting(tx, key, topic, max(done))
            await letters.released(tx, key, topic, folding.now)
            await keys.save(tx, [folding.rows[key]])
        self._account(outcome)
        log.info(
            "stream freed", key=str(key), topic=topic, applied=len(outcome.applied), dead=len(outcome.dead)
        )
        return outcome

    async def free_what_can_be(self) -> float:
        """One turn of the loop that frees parked streams; seconds until the next.

        The look reads all that are parked (50 ms for 7,500, measured): it may take a twentieth of the time, a stream
        waits for seconds at most.
        """
        async with self.read() as connection:
            if not await connection.fetchval(_ANYTHING):
                return 1.0
            began = elapsed()
            found = await connection.fetch(_FREEABLE, MOST)
            looked = elapsed() - began
        for key, topic in found:
            try:
                await self.release(key, topic)
            except Exception as error:  # one stream that cannot be freed holds no other up
                self.metrics.failed.inc()
                log.error(
                    "stream not freed", key=str(key), topic=topic, error=type(error).__name__, at=where(error)
                )
        await self._release_strangers()
        return min(max(0.5, 20 * looked), 5.0) if len(found) < MOST else 0.0

    async def _release_strangers(self) -> None:
        """Work released dead letters that park nothing: records of strangers, and of unnumbered topics."""
        async with self.pool.acquire() as connection, connection.transaction():
            ids, records = await letters.keyless_releasing(connection, self.seals)
            if not ids:
                return
            items = await located(connection, [read(record, self.fold) for record in records], self.fold)
            folding = await self._begin(connection, complaints_of(items))
            outcome = await folding.settle(items)
            await letters.released_ids(connection, ids, folding.now)
        self._account(outcome)


_ANYTHING = """
SELECT EXISTS (SELECT FROM delivery.keys WHERE parked IS NOT NULL)
    OR EXISTS (SELECT FROM delivery.dead_letters WHERE status = 'releasing')
"""

_FREEABLE = """
SELECT k.key, p.topic
FROM delivery.keys AS k
CROSS JOIN LATERAL jsonb_each(k.parked) AS p (topic, why)
CROSS JOIN LATERAL (SELECT CASE p.topic WHEN 'intake.events' THEN k.heard_intake
    WHEN 'routing.events' THEN k.heard_routing WHEN 'lapor.events' THEN k.heard_lapor
    ELSE k.heard_sla END AS number) AS heard
WHERE k.parked IS NOT NULL AND CASE p.why ->> 'cause'
    WHEN 'gap' THEN NOT EXISTS (
            SELECT FROM delivery.waiting AS w WHERE w.key = k.key AND w.topic = p.topic)
        OR EXISTS (
            SELECT FROM delivery.waiting AS w WHERE w.key = k.key AND w.topic = p.topic
            AND (w.sequence <= heard.number + 1 OR w.sequence % 1000000000000 = 1))
    ELSE NOT EXISTS (
        SELECT FROM delivery.dead_letters AS d
        WHERE d.key = k.key AND d.topic = p.topic AND d.status = 'open')
    END
ORDER BY p.why ->> 'since'
LIMIT $1
"""


def _superseded(items: Sequence[Item], outcome: Outcome[S], heard: int) -> list[Item]:
    """What waited for numbers of an epoch that its owner has left behind, and will never be applied."""
    worked = {item.number for item in [*outcome.applied, *outcome.skipped, *outcome.dead]}
    return [
        item
        for item in items
        if item.number is not None
        and item.number not in worked
        and sequence.is_older_epoch(item.number, heard)
    ]
