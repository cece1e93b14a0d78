"""The monitor's API: officials look up the clocks of one complaint, and by which rules they were decided."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from services.sla_monitor import store
from services.sla_monitor.domain.registry import Registry
from services.sla_monitor.domain.watched import Watched
from services.sla_monitor.views import ClocksView, view
from shared.access import Access, Caller
from shared.delivery.desk import Desk
from shared.web import NotFound

_MISREAD = str.maketrans("OILoil", "011011", "- ")
"""Letters that no ticket has, and the digits they are taken for."""


def clock_routes(desk: Desk[Watched, Registry], access: Access) -> APIRouter:
    """One route: the clocks of a ticket, for verifiers, admins and the OPD that has the case."""
    router = APIRouter(prefix="/v1", tags=["clocks"])

    @router.get("/clocks/{ticket}")
    async def get_clocks(
        ticket: Annotated[str, Path(max_length=40, description="as the citizen was given it")],
        caller: Annotated[Caller, Depends(access.caller("opd", "verifier", "admin"))],
    ) -> ClocksView:
        """Every clock of one complaint, its deadline, its pauses, and the policy and calendar behind it."""
        async with desk.read() as connection:
            watched = await store.watched_of(connection, ticket.translate(_MISREAD).upper())
            city = await desk.fold.city(connection)
        if watched is None or watched.stated is None:
            raise NotFound("no complaint has this ticket")
        if caller.role == "opd" and caller.opd != watched.stated.opd:
            raise NotFound("no complaint has this ticket")
        return view(watched, watched.stated, city)

    return router
