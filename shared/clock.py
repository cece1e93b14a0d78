"""The one room that asks what time it is."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

JAKARTA = ZoneInfo("Asia/Jakarta")
"""Where people read times (WIB). Stores and events keep UTC."""


def now() -> datetime:
    """The wall clock, UTC, aware."""
    return datetime.now(UTC)
