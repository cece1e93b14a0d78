"""The one room that asks what time it is."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

JAKARTA = ZoneInfo("Asia/Jakarta")
"""Where people read times (WIB). Stores and events keep UTC."""


def now() -> datetime:
    """The wall clock, UTC, aware."""
    return datetime.now(UTC)


def elapsed() -> float:
    """Seconds since some moment; never set back. For how long something took, not for when it was."""
    return time.monotonic()
