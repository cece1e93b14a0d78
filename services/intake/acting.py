"""Intake's API for what is done with a complaint: by its reporter, and by those who merge two into one."""

from collections.abc import Awaitable, Callable, Sequence
from inspect import cleandoc
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Header, Response
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from services.intake import store
from services.intake.domain import acts
from services.intake.domain.complaint import Complaint
from services.intake.domain.means import Means
from services.intake.domain.tickets import Mistyped, read_ticket
from services.intake.domain.timeline import Status
from services.intake.door import Actor, Door, TicketInPath
from shared import audit
from shared.access import Access, Role
from shared.addresses import nobodys
from shared.decision import Refused
from shared.delivery.commands import Once
from shared.delivery.desk import Applied, Desk
from shared.events.fact import Fact
from shared.events.ids import command_id
from shared.events.parts import ComplaintRef, FieldError, Reference, Ticket

IdempotencyKey = Annotated[
    Reference | None, AfterValidator(nobodys), Header(description="the same key again gets the same answer")
]

REPORTERS: dict[type[acts.Act], tuple[Role, ...]] = {
    acts.Amend: ("publisher", "verifier", "admin"),
    acts.Reply: ("publisher",),
    acts.Rate: ("publisher",),
    acts.Withdraw: ("publisher",),
}
"""Whose keys do these; a publisher's only on complaints that it sent. The tracking secret does each of them."""

_ANSWERS: dict[int | str, dict[str, object]] = {
    401: {"description": "No key (or secret) was sent, or the key is unknown or expired."},
    403: {"description": "The key's role may not do this."},
    404: {"description": "No complaint that this key or secret may act on has this ticket."},
    409: {"description": "The complaint stands in a way that does not allow it; both are named."},
}


class Acted(BaseModel):
    """It is done. `status` is how the complaint stands now; `repeated`: it held already, nothing was said."""

    model_config = ConfigDict(frozen=True)

    ticket: Ticket
    status: Status
    repeated: bool


class Into(BaseModel):
    """The complaint that goes on for both, by its ticket."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    into: Annotated[str, Field(max_length=40, description="as people know it")]


def acting_routes(desk: Desk[Complaint, Means], access: Access) -> APIRouter:
    """An address for each act on a complaint."""
    router = APIRouter(prefix="/v1/complaints", tags=["acts"])
    door = Door(desk, access)
    official = door.opens("verifier", "admin")

    for kind, roles in REPORTERS.items():
        router.add_api_route(
            f"/{{ticket}}/{kind.name}",
            _doing(kind, desk, door.opens(*roles, secret=True)),
            methods=["POST"],
            response_model=Acted,
            name=kind.name,
            description=f"{cleandoc(kind.__doc__ or '')}\n\nWith the tracking secret, or a key of: {', '.join(roles)}.",
            responses=_ANSWERS,
        )

    @router.post("/{ticket}/merge", response_model=Acted, responses=_ANSWERS)
    async def merge(
        ticket: TicketInPath,  # noqa: ARG001
        actor: Annotated[Actor, Depends(official)],
        body: Into,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Make this complaint one matter with another, which goes on for both. For verifiers and admins."""
        into = await _survivor(desk, body.into)
        done = [(into, acts.Absorb(merged=actor.at.ref)), (actor.at.ref, acts.Merge(into=into))]
        return await _done(desk, actor, done, idempotency_key)

    @router.post("/{ticket}/unmerge", response_model=Acted, responses=_ANSWERS)
    async def unmerge(
        ticket: TicketInPath,  # noqa: ARG001
        actor: Annotated[Actor, Depends(official)],
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Let a merged complaint go its own way again, from where it stood. For verifiers and admins."""
        return await _done(desk, actor, _setting_apart(actor.at.ref, actor.at.merged_into), idempotency_key)

    return router


def _doing(
    kind: type[acts.Act], desk: Desk[Complaint, Means], may: Callable[..., Awaitable[Actor]]
) -> Callable[..., Awaitable[Response]]:
    """The route by which this act is done."""

    async def do(
        ticket: TicketInPath,  # noqa: ARG001
        actor: Annotated[Actor, Depends(may)],
        act: acts.Act | None = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        done: list[tuple[ComplaintRef, acts.Act]] = [(actor.at.ref, act or _wordless(kind))]
        if kind is acts.Withdraw:  # those that it went on for go their own way first
            apart = [_setting_apart(other, actor.at.ref) for other in actor.at.absorbed]
            done = [*(one for both in apart for one in both), *done]
        return await _done(desk, actor, done, idempotency_key)

    do.__annotations__["act"] = kind | None
    return do


def _wordless(kind: type[acts.Act]) -> acts.Act:
    """The act of a request without a body. Raises RequestValidationError where the act needs words."""
    try:
        return kind()
    except ValidationError as lacking:
        raise RequestValidationError(lacking.errors()) from None


def _setting_apart(merged: ComplaintRef, out_of: ComplaintRef | None) -> list[tuple[ComplaintRef, acts.Act]]:
    unmerged = (merged, acts.Unmerge(out_of=out_of))
    return [unmerged] if out_of is None else [(out_of, acts.Release(merged=merged)), unmerged]


async def _survivor(desk: Desk[Complaint, Means], ticket: str) -> ComplaintRef:
    try:
        wanted = read_ticket(ticket)
    except Mistyped as wrong:
        raise Refused([FieldError(field="into", reason=str(wrong))]) from None
    async with desk.read() as connection:
        found = await store.find_doorway(connection, wanted)
    if found is None:
        raise Refused([FieldError(field="into", reason="no complaint has this ticket")])
    return found.ref


async def _done(
    desk: Desk[Complaint, Means],
    actor: Actor,
    done: Sequence[tuple[ComplaintRef, acts.Act]],
    idempotency_key: str | None,
) -> Response:
    """Do these together, or none. The last is the one that was asked for; the others go with it."""
    mine, asked = actor.at.ref, done[-1][1]

    def named(on: ComplaintRef, act: acts.Act) -> UUID:
        if idempotency_key is None:
            return uuid4()
        return command_id(actor.name, f"{on.complaint_id}:{act.name}:{idempotency_key}")

    commands: list[tuple[UUID, Fact]] = [
        (on.complaint_id, act.done_by(actor.by).known_as(named(on, act))) for on, act in done
    ]
    once = None
    if idempotency_key is not None:
        body = f"{mine.complaint_id}/{asked.name}/{asked.model_dump_json(exclude={'out_of'})}".encode()
        once = Once(actor.name, idempotency_key, body)

    def answer(applied: Applied[Complaint]) -> bytes:
        acted = Acted(ticket=mine.ticket, status=applied.state.stands, repeated=not applied.says)
        return acted.model_dump_json().encode()

    applied = await desk.command_together(
        commands, once=once, answer=answer, noted=audit.Entry(actor, asked.name)
    )
    return Response(applied.answer, media_type="application/json")
