"""How the loops read LAPOR's words today: the city as it stands, the zone of its times."""

from datetime import datetime, tzinfo

from services.lapor_bridge import store
from services.lapor_bridge.lapor.translation import Tongue
from shared.clock import JAKARTA
from shared.database import Connection


async def tongue(connection: Connection, zone: tzinfo, now: datetime) -> Tongue:
    """LAPOR's words as of now. Raises LookupError where no city is loaded."""
    return Tongue(await store.load_city(connection), zone, now.astimezone(JAKARTA).date())
