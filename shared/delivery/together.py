"""Commands that share a commit: whatever queued while the last one ran is done in the next (DESIGN §4.11)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

from shared.events.fact import Fact

R = TypeVar("R")

Act = tuple[UUID, Fact]
"""What is to be done with which complaint."""

MOST_ACTS = 500
"""Acts in one transaction, and so complaints locked for its time."""


class Together(Generic[R]):
    """Takes acts one by one and has them done in groups, with no wait for more to come.

    `do_all` answers each of a group with what became of it, or with why nothing did; what it raises, all of them hear.
    """

    def __init__(self, do_all: Callable[[Sequence[Act]], Awaitable[Sequence[R | Exception]]]) -> None:
        self._do_all = do_all
        self._waiting: list[tuple[Act, asyncio.Future[R]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def do(self, act: Act) -> R:
        """Have it done with the next group. Raises why it was not."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((act, answer))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MOST_ACTS], self._waiting[MOST_ACTS:]
            answers: Sequence[R | Exception]
            try:
                answers = await self._do_all([act for act, _ in group])
            except Exception as error:
                answers = [error] * len(group)
            except BaseException:
                for _, waiter in [*group, *self._waiting]:
                    waiter.cancel()
                raise
            for answer, (_, waiter) in zip(answers, group, strict=True):
                if waiter.done():  # whoever asked is gone; done it is all the same
                    continue
                if isinstance(answer, Exception):
                    waiter.set_exception(answer)
                else:
                    waiter.set_result(answer)
