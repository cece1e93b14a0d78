"""The simulator put together: LAPOR's API, its export, the control API, and the clock that ends silent reports."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.types import ASGIApp

from simulators.lapor import api, control
from simulators.lapor.access import read_keys
from simulators.lapor.deeds import pass_time
from simulators.lapor.faults import Spoiler
from simulators.lapor.ledger import Ledger
from simulators.lapor.settings import Settings
from simulators.lapor.simulator import Simulator

STORE = "lapor.sqlite3"


def build(settings: Settings, clock: Callable[[], datetime]) -> ASGIApp:
    """The ASGI application over the store in `settings.dir`, which is made if it is not there."""
    settings.dir.mkdir(parents=True, exist_ok=True)
    lapor = Simulator(
        ledger=Ledger(settings.dir / STORE),
        keys=read_keys(settings.auth_file, settings.token_file),
        clock=clock,
        zone=ZoneInfo(settings.times),
        silence_days=settings.silence_days,
        completion_days=settings.completion_days,
    )

    @asynccontextmanager
    async def living(_: Starlette) -> AsyncIterator[None]:
        ticking = (
            asyncio.create_task(_tick(lapor, settings.timer_seconds)) if settings.timer_seconds else None
        )
        yield
        if ticking is not None:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking
        lapor.ledger.close()

    app = Starlette(routes=[*api.ROUTES, *control.ROUTES], lifespan=living)
    app.state.lapor = lapor
    return Spoiler(app, lapor.menu, lapor.traffic, spared=("/control/", "/live", "/ready"))


async def _tick(lapor: Simulator, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        pass_time(
            lapor.ledger,
            lapor.clock(),
            silence_days=lapor.silence_days,
            completion_days=lapor.completion_days,
        )
