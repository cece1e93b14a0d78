"""Days as people here count them."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

JAKARTA = ZoneInfo("Asia/Jakarta")


def day_of(instant: datetime) -> date:
    """The day that it is in Jakarta."""
    return instant.astimezone(JAKARTA).date()
