"""Routing as a process: its fold and its routes, put into the frame."""

from services.routing import counting
from services.routing.handlers import routing_fold
from services.routing.settings import Settings
from services.routing.web import case_routes
from shared.access import Access
from shared.delivery.gauges import Counting
from shared.service import Parts, Service

SAYS = frozenset({"routing.events", "routing.receipts"})


def open_routing(settings: Settings) -> Parts:
    """Routing's parts. Whoever has an OPD's key by HTTP speaks for that OPD by Kafka, under the key's name."""
    counted = Counting(counting.GAUGES, counting.count)
    return Parts(
        fold=routing_fold(Access(settings.keys_file).speaks_for),
        says=SAYS,
        routes=[case_routes],
        loops={"bounced": counted.turn},
    )


service = Service(name="routing", settings=Settings, open=open_routing)
