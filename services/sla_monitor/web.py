"""The monitor's API: officials look up the clocks of one complaint, and by which rules they were decided."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from services.sla_monitor import store
from services.sla_monitor.domain.calendar import local_day
from services.sla_monitor.domain.registry import Registry
from services.sla_monitor.domain.watched import Watched
from services.sla_monitor.views import ClocksView, view
from shared.access import Access, Caller, Denied
from shared.decision import Refused
from shared.delivery.desk import Desk
from shared.events.parts import FieldError, OpdCode
from shared.events.sla import ClocksAggregated
from shared.web import NotFound

_MISREAD = str.maketrans("OILoil", "011011", "- ")
"""Letters that no ticket has, and the digits they are taken for."""


Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2999, 12, 31))]

MOST_DAYS = 92
"""Days in one answer: a quarter."""


class Aggregates(BaseModel):
    """The numbers of these days as `sla.aggregate` states them; what is not listed is zero.

    `counting`: something was heard that is not in them yet.
    """

    first: date
    last: date
    counting: bool
    aggregates: list[ClocksAggregated]


def clock_routes(desk: Desk[Watched, Registry], access: Access) -> APIRouter:
    """The clocks of a ticket and the numbers of days, for verifiers, admins and the OPD whose they are."""
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

    @router.get("/aggregates")
    async def get_aggregates(
        caller: Annotated[Caller, Depends(access.caller("opd", "verifier", "admin"))],
        opd: Annotated[OpdCode | None, Query()] = None,
        first: Annotated[Day | None, Query(alias="from", description="in Jakarta; else a week ago")] = None,
        last: Annotated[Day | None, Query(alias="to", description="in Jakarta; else today")] = None,
    ) -> Aggregates:
        """How clocks stood and what befell them, by OPD, clock and day; the city's own ones have no OPD.

        An OPD sees its own, whether it asks for them or not.
        """
        if caller.role == "opd":
            if opd not in (None, caller.opd):
                raise Denied(403, "an OPD's key sees only its own numbers")
            opd = caller.opd
        last = last or local_day(desk.clock())
        first = first or last - timedelta(days=7)
        if not first <= last < first + timedelta(days=MOST_DAYS):
            raise Refused(
                [FieldError(field="from", reason=f"must lie 0 to {MOST_DAYS - 1} days before `to`")]
            )
        async with desk.read() as connection:
            counting = await store.is_counting(connection)
            found = await store.aggregates_between(connection, opd, first, last)
        return Aggregates(first=first, last=last, counting=counting, aggregates=found)

    return router
