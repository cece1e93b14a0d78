"""Routing as a process: its fold and its routes, put into the frame."""

from services.routing import counting
from services.routing.handlers import fold
from services.routing.settings import Settings
from services.routing.web import case_routes
from shared.delivery.gauges import Counting
from shared.service import Parts, Service

SAYS = frozenset({"routing.events", "routing.receipts"})


def open_routing(settings: Settings) -> Parts:  # noqa: ARG001
    """Routing's parts; it needs nothing beyond the frame's own settings."""
    counted = Counting(counting.GAUGES, counting.count)
    return Parts(fold=fold, says=SAYS, routes=[case_routes], loops={"bounced": counted.turn})


service = Service(name="routing", settings=Settings, open=open_routing)
