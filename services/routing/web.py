"""Routing's API: officials list cases, read one with its trace, and act on it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, ValidationError

from services.routing import store
from services.routing.domain import acts
from services.routing.domain.case import Case
from services.routing.domain.city import City
from services.routing.domain.erasing import forget
from services.routing.domain.worklists import VIEWS, Order, View, Wanted
from services.routing.store import Bookmark
from services.routing.views import CasePage, CaseView, TriagePage, Worklists, line, triage_line, view
from shared import audit
from shared.access import Access, Caller, Denied
from shared.addresses import nobodys
from shared.decision import Refused
from shared.delivery.commands import Once
from shared.delivery.desk import Applied, Desk
from shared.events.fact import Instant
from shared.events.ids import command_id
from shared.events.parts import By, FieldError, OpdCode, Reference
from shared.web import NotFound

Status = Literal["triage", "routed", "in_work", "asked", "answered", "closed", "rejected"]

TicketInPath = Annotated[str, Path(max_length=40, description="as the citizen was given it")]
IdempotencyKey = Annotated[
    Reference | None, AfterValidator(nobodys), Header(description="the same key again gets the same answer")
]
After = Annotated[str | None, Query(max_length=80, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]

_KECAMATAN = r"^[0-9]{2}\.[0-9]{2}\.[0-9]{2}$"
_TRIAGE = Wanted(states=("triage",), order="oldest")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MISREAD = str.maketrans("OILoil", "011011", "- ")


def case_routes(desk: Desk[Case, City], access: Access) -> APIRouter:
    """Lists and cases for OPDs (their own only), verifiers and admins; an act for each doer of `acts.DOERS`."""
    router = APIRouter(prefix="/v1", tags=["cases"])
    official = access.caller("opd", "verifier", "admin")
    verifier = access.caller("verifier", "admin")

    @router.get("/cases")
    async def list_cases(
        caller: Annotated[Caller, Depends(official)],
        opd: Annotated[OpdCode | None, Query()] = None,
        status: Annotated[list[Status] | None, Query(description="one or several")] = None,
        view: Annotated[View | None, Query(description="a worklist by its name")] = None,
        category: Annotated[str | None, Query(max_length=200, description="as classified")] = None,
        kecamatan: Annotated[str | None, Query(pattern=_KECAMATAN, description="official code")] = None,
        q: Annotated[
            str | None, Query(min_length=3, max_length=40, description="how the ticket begins")
        ] = None,
        since: Annotated[Instant | None, Query(description="received then or later")] = None,
        order: Annotated[Order, Query(description="`due` shows only what has a deadline")] = "newest",
        after: After = None,
        limit: Limit = 50,
    ) -> CasePage:
        """Cases, last received first, narrowed as asked. An OPD sees its own, whether it asks for them or not.

        A worklist (`view`) is the OPD's where one is named, else the verifiers'.
        """
        opd = _whose(caller, opd)
        wanted = Wanted(
            opd=opd,
            states=tuple(dict.fromkeys(status)) if status else None,
            within=VIEWS["city" if opd is None else "opd"][view] if view else None,
            category=category,
            kecamatan=kecamatan,
            ticket=_ticket(q) if q else None,
            since=since,
            order=order,
        )
        async with desk.read() as connection:
            found = await store.listed(connection, wanted, after=_bookmark(after), limit=limit)
        cases = tuple(line(mark.complaint_id, case) for mark, case in found)
        return CasePage(cases=cases, next=_next(found, limit))

    @router.get("/worklists")
    async def count_worklists(
        caller: Annotated[Caller, Depends(official)], opd: Annotated[OpdCode | None, Query()] = None
    ) -> Worklists:
        """How many cases stand under each `view` of `GET /v1/cases`: the caller's own, or those of `opd`."""
        opd = _whose(caller, opd)
        async with desk.read() as connection:
            counts = await store.counted(connection, opd)
        return Worklists(opd=opd, **counts)

    @router.get("/triage", dependencies=[Depends(verifier)])
    async def list_triage(after: After = None, limit: Limit = 50) -> TriagePage:
        """Cases that wait for a verifier, the longest waiting first, with reasons and ranked candidates."""
        async with desk.read() as connection:
            found = await store.listed(connection, _TRIAGE, after=_bookmark(after), limit=limit)
        cases = tuple(triage_line(mark.complaint_id, case) for mark, case in found)
        return TriagePage(cases=cases, next=_next(found, limit))

    @router.get("/cases/{ticket}")
    async def get_case(ticket: TicketInPath, caller: Annotated[Caller, Depends(official)]) -> CaseView:
        """One case with its trace, dispositions and history."""
        complaint_id, case = await _asked_for(desk, ticket)
        if caller.role == "opd" and case.opd != caller.opd:
            raise NotFound("no case has this ticket")
        return view(complaint_id, case)

    for kind, roles in acts.DOERS.items():
        router.add_api_route(
            f"/cases/{{ticket}}/{kind.name}",
            _doing(kind, desk, access.caller(*roles)),
            methods=["POST"],
            response_model=CaseView,
            name=kind.name,
            description=f"{kind.__doc__} Roles: {', '.join(roles)}.",
            responses={
                409: {"description": "The case is in a state that does not allow it; both are named."}
            },
        )
    return router


def _doing(
    kind: type[acts.Act], desk: Desk[Case, City], may: Callable[..., Awaitable[Caller]]
) -> Callable[..., Awaitable[Response]]:
    """The route by which officials do this act."""

    async def do(
        ticket: TicketInPath,
        caller: Annotated[Caller, Depends(may)],
        act: acts.Act | None = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        if act is None:
            act = _wordless(kind)
        complaint_id, case = await _asked_for(desk, ticket)
        if caller.role == "opd" and caller.opd not in {one.opd for one in case.dispositions}:
            raise NotFound("no case has this ticket")
        once = None
        if idempotency_key is not None:
            body = f"{complaint_id}/{act.name}/{act.model_dump_json()}".encode()
            once = Once(caller.name, idempotency_key, body)
        named = command_id(caller.name, f"{complaint_id}:{idempotency_key}") if idempotency_key else uuid4()
        applied = await desk.command(
            complaint_id,
            act.done_by(_by(caller)).known_as(named),
            once=once,
            answer=lambda applied: _shown(complaint_id, applied, caller, named),
            noted=audit.Entry(caller, act.name),
        )
        return Response(applied.answer, media_type="application/json")

    do.__annotations__["act"] = kind | None
    return do


def _wordless(kind: type[acts.Act]) -> acts.Act:
    """The act of a request without a body. Raises RequestValidationError where the act needs words."""
    try:
        return kind()
    except ValidationError as lacking:
        raise RequestValidationError(lacking.errors()) from None


def _shown(complaint_id: UUID, applied: Applied[Case], caller: Caller, act: UUID) -> bytes:
    """The case after the act; without its words for an OPD that had it before and only repeats what it did."""
    case = applied.state
    if caller.role == "opd" and case.opd != caller.opd and not applied.says:
        case = forget(case, "complaint")
    return view(complaint_id, case, act).model_dump_json().encode()


def _by(caller: Caller) -> By:
    """The author of an act: an OPD by its code, a verifier or admin by the key's name."""
    if caller.role == "opd":
        return By(kind="opd", name=caller.opd)
    return By(kind="person", name=caller.name)


async def _asked_for(desk: Desk[Case, City], ticket: str) -> tuple[UUID, Case]:
    """The case of a ticket, read forgivingly (dashes, case, O for 0). Raises NotFound."""
    async with desk.read() as connection:
        found = await store.case_of(connection, _ticket(ticket))
    if found is None:
        raise NotFound("no case has this ticket")
    return found


def _ticket(typed: str) -> str:
    return typed.translate(_MISREAD).upper()


def _whose(caller: Caller, opd: str | None) -> str | None:
    """Whose cases are meant; an OPD's are its own. Raises Denied."""
    if caller.role != "opd":
        return opd
    if opd not in (None, caller.opd):
        raise Denied(403, "an OPD's key sees only its own cases")
    return caller.opd


def _next(found: list[tuple[Bookmark, Case]], limit: int) -> str | None:
    """How the next page is asked for: the last case's instant in microseconds, and its id."""
    if len(found) < limit:
        return None
    last = found[-1][0]
    return f"{(last.at - _EPOCH) // timedelta(microseconds=1)}.{last.complaint_id.hex}"


def _bookmark(after: str | None) -> Bookmark | None:
    if after is None:
        return None
    micros, _, complaint_id = after.partition(".")
    try:
        return Bookmark(_EPOCH + timedelta(microseconds=int(micros)), UUID(complaint_id))
    except (ValueError, OverflowError):
        raise Refused([FieldError(field="after", reason="is not the `next` of a page")]) from None
