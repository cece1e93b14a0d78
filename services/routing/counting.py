"""Counting: how many open cases nobody wants, for the metrics."""

from typing import Any

from prometheus_client import Gauge

from services.routing import store
from shared.delivery.desk import Desk


class Counting:
    """A loop that keeps two gauges, made when its desk is there."""

    def __init__(self) -> None:
        self._gauges: tuple[Gauge, Gauge] | None = None

    async def turn(self, desk: Desk[Any, Any]) -> float:
        """One turn, every 15 seconds."""
        if self._gauges is None:
            registry = desk.metrics.registry
            self._gauges = (
                Gauge("simpul_cases_handed_back", "Open cases that an OPD handed back", registry=registry),
                Gauge(
                    "simpul_cases_given_again",
                    "Open cases given to an OPD that handed them back",
                    registry=registry,
                ),
            )
        async with desk.read() as connection:
            counts = await store.count_bounced(connection)
        for gauge, count in zip(self._gauges, counts, strict=True):
            gauge.set(count)
        return 15.0
