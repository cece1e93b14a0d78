"""What intake counts for its metrics: files that are still to come, and those that never will."""

from collections.abc import Mapping
from datetime import datetime

from services.intake import filing
from shared.database import Connection

GAUGES: Mapping[str, str] = {
    "simpul_files_awaited": "Files given by their address that are still to be fetched",
    "simpul_files_lost": "Files given by their address that will not come",
}


async def count(connection: Connection, _now: datetime) -> tuple[float, ...]:
    """The numbers, in the order of `GAUGES`."""
    return await filing.count_fetches(connection)
