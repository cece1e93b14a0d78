"""Intake's API for who reported a complaint: told to the few who must know, each time on record, until it is erased."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import BaseModel, ConfigDict

from services.intake import store, vault
from services.intake.domain.acts import Erase
from services.intake.domain.complaint import Complaint
from services.intake.domain.means import Means
from services.intake.door import Actor, Door, TicketInPath, read_ticket_in_path
from shared import audit
from shared.access import Access, Caller, Denied
from shared.delivery.desk import Desk
from shared.events.parts import Reporter, Ticket
from shared.events.words import Scope
from shared.sealing import Seal
from shared.web import NotFound

_UNKEPT = {"Cache-Control": "no-store"}


class Told(BaseModel):
    """Who reported it, as they said themselves; null where they said nothing of it.

    `anonymous` and `confidential` bind whoever reads this. `conversation` is the channel's own reference.
    """

    model_config = ConfigDict(frozen=True)

    ticket: Ticket
    anonymous: bool
    confidential: bool
    reporter: Reporter | None
    conversation: str | None


class Erased(BaseModel):
    """What of the complaint is erased now. `repeated`: it was before, nothing changed."""

    model_config = ConfigDict(frozen=True)

    ticket: Ticket
    scope: Scope
    repeated: bool


def privacy_routes(seal: Seal) -> Callable[[Desk[Complaint, Means], Access], APIRouter]:
    """`GET …/reporter` for verifiers and the bridge, `POST …/erase` for admins."""

    def routes(desk: Desk[Complaint, Means], access: Access) -> APIRouter:
        router = APIRouter(prefix="/v1/complaints", tags=["privacy"])
        admin = Door(desk, access).opens("admin")

        @router.get("/{ticket}/reporter", responses=_ANSWERS)
        async def get_reporter(
            ticket: TicketInPath,
            caller: Annotated[Caller, Depends(access.caller("bridge", "verifier"))],
            response: Response,
        ) -> Told:
            """Who reported it. Each reading is in the audit before it is answered. The bridge is told only of
            complaints that may be sent on, and of nobody who asked to stay anonymous."""
            told = await _read(desk, seal, ticket, caller)
            response.headers.update(_UNKEPT)
            return told

        @router.post("/{ticket}/erase", responses=_ANSWERS)
        async def erase(
            ticket: TicketInPath,  # noqa: ARG001
            actor: Annotated[Actor, Depends(admin)],
            act: Erase,
        ) -> Erased:
            """Forget who reported it (`identity`), or every word of and about it too (`complaint`): here, in every
            service, and in what is published from now on. It cannot be undone, and what is erased stays so."""
            applied = await desk.command(
                actor.complaint_id,
                act.done_by(actor.by).known_as(uuid4()),
                noted=audit.Entry(actor, act.name, f"{act.scope}: {act.reason}"),
            )
            scope = applied.state.erased
            assert scope is not None
            return Erased(ticket=actor.at.ref.ticket, scope=scope, repeated=applied.state.erasing is None)

        return router

    return routes


async def _read(desk: Desk[Complaint, Means], seal: Seal, ticket: str, caller: Caller) -> Told:
    """Open what is sealed, and write down who asked, in one transaction."""
    async with desk.read() as connection:
        at = await store.find_doorway(connection, read_ticket_in_path(ticket))
    if at is None:
        raise NotFound("no complaint has this ticket")
    key = at.ref.complaint_id
    async with desk.transaction([key], lock_timeout=2.0) as work:
        complaint = (await desk.fold.load(work.tx, [key]))[key]
        content = complaint.content
        if complaint.erased is not None or content is None:
            raise HTTPException(410, "who reported it is erased")
        if caller.role == "bridge" and (content.anonymous or not content.forward):
            raise Denied(403, "the bridge is not told who reported this one: anonymous, or not to be sent on")
        identity = (await vault.identities(work.tx, [key], seal))[key]
        await audit.note(work.tx, caller, "read reporter", key, work.now)
    return Told(
        ticket=complaint.ticket,
        anonymous=content.anonymous,
        confidential=content.confidential,
        reporter=identity.reporter,
        conversation=identity.conversation,
    )


_ANSWERS: dict[int | str, dict[str, Any]] = {
    403: {"description": "The key's role may not do this."},
    404: {"description": "No complaint has this ticket."},
    410: {"description": "Who reported it is erased."},
}
