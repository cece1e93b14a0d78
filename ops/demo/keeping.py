"""Keeping the demo's hub whole: a part that is gone is brought back, by `./simpul up` or after a while by us."""

import asyncio
import time
from collections.abc import Callable, Sequence

from ops.refusal import Refusal
from ops.stack.stack import Stack

GRACE = 10.0
"""Seconds that somebody else has for it."""


class Keeper:
    """Watches the processes of a hub. `told` takes what happens, in words; `returned` counts who came back."""

    def __init__(self, stack: Stack, told: Callable[[str], None], grace: float = GRACE) -> None:
        self._stack = Stack(stack.places.root)  # a silent one: the screen is somebody else's
        self._told = told
        self._grace = grace
        self._gone: dict[str, float] = {}
        self._said = ""
        self.returned: dict[str, int] = {}

    async def watch(self) -> None:
        """Look every half second, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(0.5)

    async def look(self) -> None:
        """Tell of parts that are gone or back; start those that have been gone for too long."""
        now = time.monotonic()
        plan = self._stack.plan()
        running = set(self._stack.running())
        for part in plan.parts:
            if part in running:
                if self._gone.pop(part, None) is not None:
                    self.returned[part] = self.returned.get(part, 0) + 1
                    self._tell(f"{part} is back")
            elif part not in self._gone:
                self._gone[part] = now
                self._told(
                    f"{part} is gone: ./simpul up brings it back, else the demo in {self._grace:.0f} s"
                )
        overdue = [part for part, since in self._gone.items() if now - since >= self._grace]
        if overdue:
            await self._bring_back(overdue)

    async def _bring_back(self, gone: Sequence[str]) -> None:
        """Start what is gone; the others too, in case one of them knows an old address of it."""
        try:
            with self._stack.alone():
                self._tell(f"the demo brings {', '.join(sorted(gone))} back")
                plan = self._stack.plan()
                await self._stack.start(plan.parts, plan.env)
        except Refusal as reason:
            self._tell(str(reason).splitlines()[0])
            await asyncio.sleep(2)

    def _tell(self, news: str) -> None:
        """The same thing again and again is told once."""
        if news != self._said:
            self._said = news
            self._told(news)
