"""What the harness wraps around a service's process before it starts: deaths at named points, and a wrong clock.

Python imports a module of this name, found first on PYTHONPATH, before anything else. The shipped code knows nothing
of it. Orders lie as files in the folder that FAULTS_ORDERS names: `<part>.die` holds the point at which that part is to
kill itself, once; `<service>.clock` holds the seconds by which the service's wall clock is wrong.
"""

import os
import signal
import sys
from pathlib import Path


def _wrap(orders: Path, part: str) -> None:
    import functools
    import time
    from datetime import UTC, datetime, timedelta
    from typing import Any

    from shared import clock

    death, skew = orders / f"{part}.die", orders / f"{part.partition('.')[0]}.clock"
    read_at, offset = 0.0, timedelta(0)

    def now() -> datetime:
        nonlocal read_at, offset
        if time.monotonic() - read_at > 0.2:
            read_at = time.monotonic()
            try:
                offset = timedelta(seconds=float(skew.read_text(encoding="ascii")))
            except (OSError, ValueError):
                offset = timedelta(0)
        return datetime.now(UTC) + offset  # noqa: TID251 — this stands in for the clock

    clock.now = now

    def pass_by(point: str) -> None:
        try:
            if death.read_text(encoding="ascii") != point:
                return
            death.rename(death.with_suffix(".died"))
        except OSError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    def after(owner: Any, name: str, point: str, when: Any = lambda result: True) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        async def wrapped(*args: Any, **options: Any) -> Any:
            result = await original(*args, **options)
            if when(result):
                pass_by(point)
            return result

        setattr(owner, name, wrapped)

    from shared.delivery import desk, folding, relay
    from shared.delivery.fetching import Fetching
    from shared.delivery.producer import Producer

    after(folding.Folding, "attempt", "before the commit", lambda outcome: bool(outcome.applied))
    after(desk.Desk, "batch", "before the offsets", lambda outcome: bool(outcome.applied))
    after(desk.Desk, "command_together", "after a command's commit")
    after(Producer, "send", "between send and delete", any)
    after(relay, "forget", "after the delete")
    after(Fetching, "commit", "after the offsets")
    if part.startswith("lapor_bridge"):
        from services.lapor_bridge.lapor.client import LaporClient

        after(LaporClient, "create", "after LAPOR's 200")
        after(LaporClient, "add_followup", "after LAPOR's 200")


if "FAULTS_ORDERS" in os.environ:
    _part = os.environ.get("SIMPUL_PART", "").rpartition(":")[2]
    if _part and any(word.startswith("services.") for word in sys.orig_argv):
        _wrap(Path(os.environ["FAULTS_ORDERS"]), _part)
