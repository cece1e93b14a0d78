"""What routing counts for its metrics: open cases that nobody wants."""

from collections.abc import Mapping
from datetime import datetime

from services.routing import store
from shared.database import Connection

GAUGES: Mapping[str, str] = {
    "simpul_cases_handed_back": "Open cases that an OPD handed back",
    "simpul_cases_given_again": "Open cases given to an OPD that handed them back",
}


async def count(connection: Connection, _now: datetime) -> tuple[float, ...]:
    """The numbers, in the order of `GAUGES`."""
    return await store.count_bounced(connection)
