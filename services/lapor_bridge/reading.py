"""How loops and import read what comes from LAPOR: in which words, and which reports may be ours already."""

from datetime import datetime, tzinfo

from services.lapor_bridge import store
from services.lapor_bridge.lapor.translation import Tongue
from services.lapor_bridge.store import OwnTicket
from shared.clock import JAKARTA
from shared.database import Connection


async def tongue(connection: Connection, zone: tzinfo, now: datetime) -> Tongue:
    """LAPOR's words as of now. Raises LookupError where no city is loaded."""
    return Tongue(await store.load_city(connection), zone, now.astimezone(JAKARTA).date())


def refusal_of_ticket(own: OwnTicket | None) -> str | None:
    """Why a report that ends with a ticket of ours, and is not linked, is put before a person; None: it is not.

    It was written by a Simpul, so it is no new complaint; but of which one, and why twice? After a restore it may be
    of one that is known again and not yet routed again: then the write that is to come is looked up, and finds it.
    """
    if own is None:
        return "it ends with a Simpul ticket that is not known here"
    if own.lapor_id is not None:
        return "it ends with the ticket of a complaint that has another report already"
    if not own.awaits_report:
        return "it ends with the ticket of a complaint that is to have no report, or not yet"
    return None
