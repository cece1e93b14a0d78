"""Routing as a process: its fold and its routes, put into the frame."""

from services.routing.counting import Counting
from services.routing.handlers import fold
from services.routing.settings import Settings
from services.routing.web import case_routes
from shared.service import Parts, Service

SAYS = frozenset({"routing.events", "routing.receipts"})


def open_routing(settings: Settings) -> Parts:  # noqa: ARG001
    """Routing's parts; it needs nothing beyond the frame's own settings."""
    return Parts(fold=fold, says=SAYS, routes=[case_routes], loops={"bounced": Counting().turn})


service = Service(name="routing", settings=Settings, open=open_routing)
