"""The desk: the one way into a service's stores, for batches, commands, loops and releases."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID, uuid4

import asyncpg
import structlog

from shared import audit, clock
from shared.database import Connection, Pool, Transaction, is_overtaken, refuses_the_row
from shared.decision import Unworkable
from shared.delivery import commands, keys, letters, restoring, sequence, watermark
from shared.delivery.commands import Once
from shared.delivery.fold import Fold
from shared.delivery.folding import Folding, Outcome, refusal_words
from shared.delivery.keys import KeyRow
from shared.delivery.metrics import Metrics
from shared.delivery.posting import Poster
from shared.delivery.reading import Item, handed_in, located, read
from shared.delivery.record import Record
from shared.delivery.streak import Streak
from shared.delivery.together import Act, Together
from shared.events.fact import Event, Fact
from shared.events.words import Scope
from shared.logging import where
from shared.sealing import Seal

S = TypeVar("S")
C = TypeVar("C")

Restate = Callable[[Connection, Sequence[UUID]], Awaitable[Sequence[tuple[UUID, Event]]]]
"""(tx, keys) -> the present state of these complaints, as events for a compacted topic."""

log = structlog.get_logger(__name__)


class Busy(Exception):
    """Somebody else holds this complaint's row; nothing was done, try again (503)."""


class Overtaken(Exception):
    """A newer version of this service is taking over, and this one met what it cannot work: left to its successor."""


class Stopped(Exception):
    """Too many complaints failed in a row: the batch is rolled back, the consumer waits for an operator."""


@dataclass(frozen=True, slots=True)
class Applied(Generic[S]):
    """What a command did. `answer` is what a repeat is given too; `repeated`: it was done before."""

    state: S
    says: tuple[Event, ...]
    answer: bytes | None = None
    repeated: bool = False


class Work(Generic[S, C]):
    """A transaction with its key rows locked; what else is written through `tx` commits with it."""

    def __init__(self, folding: Folding[S, C]) -> None:
        self._folding = folding
        self.tx: Transaction = folding.tx
        self.now: datetime = folding.now
        self.outcome: Outcome[S] = Outcome()

    @property
    def rows(self) -> Mapping[UUID, KeyRow]:
        """The locked key rows."""
        return self._folding.rows

    async def apply(self, facts: Sequence[tuple[UUID, Fact]]) -> Mapping[UUID, S]:
        """Fold these facts in order; the states that follow. One that fails is left out and counted."""
        outcome = await self._folding.settle([handed_in(key, fact) for key, fact in facts])
        self.outcome = self.outcome.joined(outcome)
        return outcome.states

    async def say(self, says: Sequence[tuple[UUID, Event]]) -> None:
        """Say what a loop states, each event under its locked key."""
        await self._folding.say(says)
        self.outcome.said += len(says)


async def _nothing() -> None:
    return None


@dataclass
class Desk(Generic[S, C]):
    """Delivery as one service runs it. `seals`: the seal for dead letters of a topic, where one is due."""

    name: str
    pool: Pool
    fold: Fold[S, C]
    epoch: int
    metrics: Metrics
    seals: Callable[[str], Seal | None]
    poster: Poster
    """For topics that are not this service's own (the bridge's submissions)."""
    restate: Restate | None = None
    """For a compacted topic: what the present state of some complaints is, to be said again."""
    restored_at: datetime | None = None
    """When this store was last restored from a backup: what it did outside shortly before, it may not know."""
    clock: Callable[[], datetime] = clock.now
    said: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something was said: the relay's wake-up within this process."""
    keep_watermark: Callable[[], Awaitable[None]] = _nothing
    """Bring up to now what `watermark` knows of this replica's own partitions; what a consumer's watch does."""
    partitions: Mapping[str, int] = field(default_factory=dict)
    """How many partitions each input topic has, as the broker says; empty until it was asked."""
    _streak: Streak = field(default_factory=Streak)
    _pardoned: bool = False
    _together: Together[Applied[S]] = field(init=False)

    def __post_init__(self) -> None:
        self._together = Together(self._commands)

    async def batch(self, records: Sequence[Record]) -> Outcome[S]:
        """Fold a batch of records in one transaction; commit. Raises Stopped, Overtaken, or whatever is transient.

        The happy path takes no savepoint; only when PostgreSQL refuses a row is the batch begun again and
        halved until the bad row stands alone.
        """
        read_items = [read(record, self.fold) for record in records]
        await self.fold.look_into(item.fact for item in read_items)
        try:
            async with self._folding_of(read_items) as (folding, items):
                outcome = await folding.attempt(items)
                streak = await self._judged(folding.tx, outcome)
        except asyncpg.PostgresError as error:
            if not refuses_the_row(error):
                raise
            self.metrics.bisected.inc()
            async with self._folding_of(read_items) as (folding, items):
                outcome = await folding.settle(items)
                streak = await self._judged(folding.tx, outcome)
        self._streak, self._pardoned = streak, False
        self._account(outcome)
        for key, topic in outcome.closing:
            await self.release(key, topic)
        return outcome

    async def command(
        self,
        key: UUID,
        act: Fact,
        *,
        once: Once | None = None,
        answer: Callable[[Applied[S]], bytes] | None = None,
        noted: audit.Entry | None = None,
        lock_timeout: float = 2.0,
    ) -> Applied[S]:
        """Do what somebody asked, now, in a transaction of its own: `command_together`, for one complaint."""
        return await self.command_together(
            [(key, act)], once=once, answer=answer, noted=noted, lock_timeout=lock_timeout
        )

    async def command_together(
        self,
        acts: Sequence[tuple[UUID, Fact]],
        *,
        once: Once | None = None,
        answer: Callable[[Applied[S]], bytes] | None = None,
        noted: audit.Entry | None = None,
        lock_timeout: float = 2.0,
    ) -> Applied[S]:
        """Do these in order, all or none, in one transaction; the last is the one that was asked for.

        The state told is the last one's complaint's, and so is the entry in the audit (`noted`).
        With `once` and `answer` the answer is kept, and given again to a repeat. Raises Refused (the rule
        says no), Busy (the row stays locked for `lock_timeout` seconds), or what is transient.
        """
        await self.fold.look_into(act for _, act in acts)
        try:
            try:
                return await self._command(acts, once, answer, noted, lock_timeout)
            except asyncpg.IntegrityConstraintViolationError:  # a ticket that collided: load() sees it now
                return await self._command(acts, once, answer, noted, lock_timeout)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            raise Busy from None
        except asyncpg.PostgresError as error:
            if refuses_the_row(error):
                raise Unworkable(refusal_words(error)) from None
            raise

    async def command_with_others(self, key: UUID, act: Fact) -> Applied[S]:
        """Do what somebody asked in one transaction with whatever else was asked this way while the last one ran.

        Each has its own answer: one that is refused, or whose row is locked, fails none of the others. Raises as
        `command` does.
        """
        named = act if act.has_id else act.model_copy().known_as(uuid4())
        await self.fold.look_into([named])
        return await self._together.do((key, named))

    async def _commands(self, acts: Sequence[Act]) -> Sequence[Applied[S] | Exception]:
        """Do these in one transaction; where somebody holds one of their rows, each in a transaction of its own."""
        try:
            outcome = await self._folded_together(acts)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if len(acts) == 1:
                return [Busy()]
            alone = await asyncio.gather(*(self._commands([act]) for act in acts), return_exceptions=True)
            return [one if isinstance(one, Exception) else _only(one) for one in alone]
        known = {*outcome.answers, *outcome.raised}
        unworkable = {item.fact.id: item.problem for item in outcome.failed if item.fact is not None}
        answers: list[Applied[S] | Exception] = []
        for _, act in acts:
            if act.id in outcome.answers:
                state, says = outcome.answers[act.id]
                answers.append(Applied(state, tuple(says)))
            elif act.id in outcome.raised:
                answers.append(outcome.raised[act.id])
            else:
                answers.append(Unworkable(unworkable.get(act.id) or "it cannot be worked"))
        outcome.failed = [item for item in outcome.failed if item.fact is None or item.fact.id not in known]
        self._account(outcome)
        return answers

    async def _folded_together(self, acts: Sequence[Act], lock_timeout: float = 2.0) -> Outcome[S]:
        """Fold these and commit. As with a batch, only where the store refuses a row is the bad one looked for."""
        named, items = {key for key, _ in acts}, [handed_in(*act) for act in acts]
        try:
            async with self._folding(named, lock_timeout=lock_timeout) as folding:
                return await folding.attempt(items)
        except asyncpg.PostgresError as error:
            if not refuses_the_row(error):
                raise
            self.metrics.bisected.inc()
            async with self._folding(named, lock_timeout=lock_timeout) as folding:
                return await folding.settle(items)

    async def _command(
        self,
        acts: Sequence[tuple[UUID, Fact]],
        once: Once | None,
        answer: Callable[[Applied[S]], bytes] | None,
        noted: audit.Entry | None,
        lock_timeout: float,
    ) -> Applied[S]:
        key, named = acts[-1][0], {key for key, _ in acts}
        async with self._folding(named, lock_timeout=lock_timeout, strict=True) as folding:
            before = await commands.kept(folding.tx, once) if once else None
            if before is not None:
                states = await self.fold.load(folding.tx, [key])
                repeat = Applied(states[key], (), before, repeated=True)
                return replace(repeat, answer=answer(repeat)) if before == b"" and answer else repeat
            outcome = await folding.attempt([handed_in(*act) for act in acts])
            applied = Applied(outcome.states[key], tuple(outcome.says))
            if noted is not None:
                await audit.note(folding.tx, noted.who, noted.act, key, folding.now, noted.about)
            if answer is not None:
                applied = Applied(applied.state, applied.says, answer(applied))
                if once is not None and applied.answer is not None:
                    await commands.keep(folding.tx, key, once, applied.answer, folding.now)
        self._account(outcome)
        return applied

    async def hand_in(
        self, facts: Sequence[tuple[UUID, Fact]], *, now: datetime | None = None
    ) -> Sequence[tuple[UUID, Fact]]:
        """Fold facts about many complaints in one transaction; a loop may bring its own `now`.

        Those that no rule could work are given back (counted and logged they are): they changed nothing, so whoever
        found them due must put them off.
        """
        async with self.transaction([key for key, _ in facts], now=now) as work:
            await work.apply(facts)
        return [
            (item.key, item.fact)
            for item in work.outcome.failed
            if item.key is not None and item.fact is not None
        ]

    @asynccontextmanager
    async def transaction(
        self, named: Sequence[UUID], *, now: datetime | None = None, lock_timeout: float | None = None
    ) -> AsyncGenerator[Work[S, C], None]:
        """Lock these complaints, and do what is done to `Work` in one transaction.

        Raises Busy where a row stays locked for `lock_timeout` seconds.
        """
        try:
            async with self._folding(named, now=now, lock_timeout=lock_timeout) as folding:
                work = Work(folding)
                yield work
        except asyncpg.LockNotAvailableError:
            raise Busy from None
        self._account(work.outcome)

    async def say_again(self, named: Sequence[UUID]) -> int:
        """Say the present state of these complaints once more, under their locks; how many were said."""
        async with self._folding(named) as folding:
            said = await self._say_again(folding, named)
        self.said.set()
        return said

    async def say_again_what_is_wanted(self) -> float:
        """One turn: the present state of up to 500 complaints that `./simpul republish` asks for; seconds until
        the next."""
        async with self.read() as connection:
            rows = await connection.fetch("SELECT key FROM delivery.restating ORDER BY key LIMIT 500")
        if not rows:
            return 1.0
        named = [row[0] for row in rows]
        async with self._folding(named) as folding:
            still = await folding.tx.fetch(
                "DELETE FROM delivery.restating WHERE key = ANY($1::uuid[]) RETURNING key", named
            )
            await self._say_again(folding, sorted(row[0] for row in still))
        self.said.set()
        return 0.0

    async def erase_what_came_back(self) -> float:
        """One turn: up to 500 complaints that a backup brought back are forgotten again; seconds until the next."""
        async with self.read() as connection:
            rows = await connection.fetch("SELECT key, scope FROM delivery.erasing ORDER BY key LIMIT 500")
        if not rows:
            return 5.0
        scopes: dict[UUID, Scope] = {row["key"]: row["scope"] for row in rows}
        async with self._folding(sorted(scopes)) as folding:
            await folding.forget(scopes)
            await folding.tx.execute("DELETE FROM delivery.erasing WHERE key = ANY($1::uuid[])", list(scopes))
        log.info("erased again what a backup brought back", complaints=len(scopes))
        return 0.0

    async def _say_again(self, folding: Folding[S, C], named: Sequence[UUID]) -> int:
        if self.restate is None:
            return 0
        says = await self.restate(folding.tx, named)
        await folding.say(says)
        return len(says)

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Connection, None]:
        """A connection for reading."""
        async with self.pool.acquire() as connection:
            yield connection

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
        """One turn of the loop that frees parked streams; seconds until the next."""
        async with self.read() as connection:
            found = await connection.fetch(_FREEABLE)
        for key, topic in found:
            try:
                await self.release(key, topic)
            except Exception as error:  # one stream that cannot be freed holds no other up
                self.metrics.failed.inc()
                log.error(
                    "stream not freed", key=str(key), topic=topic, error=type(error).__name__, at=where(error)
                )
        await self._release_strangers()
        return 0.5 if len(found) < 200 else 0.0

    async def _release_strangers(self) -> None:
        """Work released dead letters that park nothing: records of strangers, and of unnumbered topics."""
        async with self.pool.acquire() as connection, connection.transaction():
            ids, records = await letters.keyless_releasing(connection, self.seals)
            if not ids:
                return
            items = await located(connection, [read(record, self.fold) for record in records], self.fold)
            folding = await self._begin(connection, _named(items))
            outcome = await folding.settle(items)
            await letters.released_ids(connection, ids, folding.now)
        self._account(outcome)

    async def watermark(self, connection: Connection) -> datetime | None:
        """Up to when all input has been applied (DESIGN §5); None while a partition is yet unheard of."""
        return await watermark.lowest(connection, self.partitions)

    async def why_stopped(self) -> str | None:
        """Why the consumer of this service stopped itself; None where it runs."""
        async with self.read() as connection:
            reason: str | None = await connection.fetchval("SELECT reason FROM delivery.stops")
            return reason

    def pardon(self) -> None:
        """An operator resumed: the next batch goes through, its failures to the dead letters."""
        self._streak, self._pardoned = Streak(), True

    async def remember_stop(self, reason: str) -> None:
        """Stay stopped over restarts, until an operator resumes."""
        self._streak = Streak()
        await self.pool.execute(
            "INSERT INTO delivery.stops (since, reason) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            self.clock(),
            reason,
        )

    @asynccontextmanager
    async def _folding(
        self,
        named: Sequence[UUID] | set[UUID],
        *,
        now: datetime | None = None,
        lock_timeout: float | None = None,
        strict: bool = False,
    ) -> AsyncGenerator[Folding[S, C], None]:
        """A transaction that folds: key rows locked, everything in it or nothing."""
        async with self.pool.acquire() as connection, connection.transaction():
            if lock_timeout is not None:
                await connection.execute(f"SET LOCAL lock_timeout = '{int(lock_timeout * 1000)}ms'")
            yield await self._begin(connection, named, now=now, strict=strict)

    @asynccontextmanager
    async def _folding_of(
        self, read_items: Sequence[Item]
    ) -> AsyncGenerator[tuple[Folding[S, C], list[Item]], None]:
        """A transaction that folds these items, each with its complaint named and locked."""
        async with self.pool.acquire() as connection, connection.transaction():
            items = await located(connection, read_items, self.fold)
            yield await self._begin(connection, _named(items)), items

    async def _begin(
        self,
        tx: Transaction,
        named: Sequence[UUID] | set[UUID],
        *,
        now: datetime | None = None,
        strict: bool = False,
    ) -> Folding[S, C]:
        """Lock the key rows, then read the clock, once: that reading is `now` for all of the transaction."""
        rows = await keys.lock(tx, named)
        wall = self.clock()
        return Folding(
            tx,
            self.fold,
            rows,
            city=await self.fold.city(tx),
            now=now or wall,
            today=wall.date(),
            epoch=self.epoch,
            seals=self.seals,
            strict=strict,
            said_before=await restoring.said_before(tx, named) if self.epoch > 1 else {},
        )

    async def _judged(self, tx: Transaction, outcome: Outcome[S]) -> Streak:
        """The streak after this batch. Raises Stopped or Overtaken in the transaction, so that it is rolled back."""
        if self._pardoned:
            return Streak()
        went_wrong = (outcome.dead or outcome.refused) and not all(well for _, well in outcome.trail)
        if went_wrong and await is_overtaken(tx, self.name):
            raise Overtaken
        streak = self._streak.after(outcome.trail)
        if (reason := streak.stops) is not None:
            raise Stopped(f"{reason}; the first: {outcome.dead[0].problem}" if outcome.dead else reason)
        return streak

    def _account(self, outcome: Outcome[S]) -> None:
        """Count it, log what failed, and wake the relay."""
        counts = {
            "applied": len(outcome.applied),
            "repeat": outcome.repeats,
            "skipped": len(outcome.skipped),
            "waiting": len(outcome.waiting),
            "refused": len(outcome.refused),
            "dead": len(outcome.dead),
        }
        for name, count in counts.items():
            if count:
                self.metrics.records.labels(name).inc(count)
        for item in outcome.dead:
            log.error("dead letter", key=str(item.key), **_where(item), reason=item.problem)
        for item in outcome.failed:
            self.metrics.failed.inc()
            log.error("fact failed", key=str(item.key), fact=type(item.fact).__name__, reason=item.problem)
        if outcome.said:
            self.metrics.said.inc(outcome.said)
            self.said.set()


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
LIMIT 200
"""


def _named(items: Sequence[Item]) -> set[UUID]:
    return {item.key for item in items if item.key is not None}


def _only(answers: Sequence[Applied[S] | Exception] | BaseException) -> Applied[S] | Exception:
    if isinstance(answers, BaseException):
        raise answers
    [answer] = answers
    return answer


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


def _where(item: Item) -> dict[str, object]:
    record = item.record
    if record is None:
        return {}
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}
