"""The SLA monitor as a process: its fold, its loops and its one route, put into the frame."""

from datetime import timedelta

from services.sla_monitor import store
from services.sla_monitor.adopt import adopt
from services.sla_monitor.aggregate import aggregate
from services.sla_monitor.handlers import make_fold
from services.sla_monitor.settings import Settings
from services.sla_monitor.sweep import Sweep
from services.sla_monitor.web import clock_routes
from shared.service import Parts, Service

SAYS = frozenset({"sla.events", "sla.state", "sla.aggregate"})


def open_sla_monitor(settings: Settings) -> Parts:
    """The monitor's parts."""
    return Parts(
        fold=make_fold(timedelta(seconds=settings.settle_seconds)),
        says=SAYS,
        routes=[clock_routes],
        loops={"sweep": Sweep().turn, "adopt": adopt, "aggregate": aggregate},
        restate=store.restate,
    )


service = Service(name="sla_monitor", settings=Settings, open=open_sla_monitor)
