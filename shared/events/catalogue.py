"""Every event there is, by its type: one table made from the modules beside it."""

from types import ModuleType

from shared.events import intake, lapor, notices, receipts, routing, sla, submissions, updates
from shared.events.fact import Event

_MODULES: tuple[ModuleType, ...] = (
    submissions,
    receipts,
    notices,
    intake,
    routing,
    lapor,
    sla,
    updates,
)

EVENTS: dict[str, type[Event]] = {
    kind.type: kind
    for module in _MODULES
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Event) and "type" in vars(kind)
}

OWNER_TOPICS: tuple[str, ...] = ("intake.events", "routing.events", "lapor.events", "sla.events")
"""The topics whose records are numbered per complaint (DESIGN §4.4)."""
