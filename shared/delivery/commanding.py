"""Commanding: what somebody asks for, done now and answered; a repeat is given the answer it got before."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar
from uuid import UUID, uuid4

import asyncpg

from shared import audit
from shared.database import refuses_the_row
from shared.decision import Unworkable
from shared.delivery import commands
from shared.delivery.commands import Once
from shared.delivery.folding import Outcome, refusal_words
from shared.delivery.reading import handed_in
from shared.delivery.together import Act, Together
from shared.delivery.transacting import Transacting
from shared.delivery.working import Busy
from shared.events.fact import Event, Fact

S = TypeVar("S")
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Applied(Generic[S]):
    """What a command did. `answer` is what a repeat is given too; `repeated`: it was done before."""

    state: S
    says: tuple[Event, ...]
    answer: bytes | None = None
    repeated: bool = False


@dataclass
class Commanding(Transacting[S, C]):
    """The desk's room for HTTP and for loops that act as somebody."""

    _together: Together[Applied[S]] = field(init=False)

    def __post_init__(self) -> None:
        self._together = Together(self._commands)

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


def _only(answers: Sequence[Applied[S] | Exception] | BaseException) -> Applied[S] | Exception:
    if isinstance(answers, BaseException):
        raise answers
    [answer] = answers
    return answer
