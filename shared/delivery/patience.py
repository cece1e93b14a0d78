"""Patience with Kafka's client: what it does is waited for so long and no longer, whatever it does."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Done = TypeVar("Done")


async def bounded(work: Coroutine[Any, Any, Done], seconds: float) -> Done:
    """What `work` gives, or TimeoutError after `seconds`.

    asyncio.timeout is not enough: aiokafka swallows cancellation in places (its client's close), and a wedged
    client would hold us for ever. Here the work is a task of its own, and is left behind.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.cancel()
        task.add_done_callback(_forget)
        raise TimeoutError
    return task.result()


def _forget(task: "asyncio.Future[Any]") -> None:
    if not task.cancelled():
        task.exception()
