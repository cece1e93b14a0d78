"""Intake's API for what others found in public: a verifier accepts it as a complaint, or drops it."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from services.intake import store, vault
from services.intake.domain.acts import Accept, Act, Drop
from services.intake.domain.complaint import Complaint
from services.intake.domain.means import Means
from services.intake.domain.timeline import Status
from services.intake.door import Actor, Door, TicketInPath
from shared import audit
from shared.access import Access
from shared.decision import Refused
from shared.delivery.desk import Desk
from shared.events.fact import Instant
from shared.events.parts import Channel, FieldError, Ticket
from shared.sealing import Seal


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class Candidate(_Shown):
    """A post or article that somebody handed in. `posts`: how many found the same link; decided once for all.

    `link` and what is of it are null where they were erased.
    """

    ticket: Ticket
    channel: Channel
    source: str
    reference: str
    since: Instant
    title: str
    text: str
    posts: int
    link: str | None
    published_on: date | None
    outlet: str | None


class Candidates(_Shown):
    """Those that wait, the longest waiting first. `next` goes into `after` for the next page; null at the end."""

    candidates: tuple[Candidate, ...]
    next: str | None


class Decided(_Shown):
    """How it stands now. `repeated`: it was decided so before."""

    ticket: Ticket
    status: Status
    repeated: bool


def candidate_routes(seal: Seal) -> Callable[[Desk[Complaint, Means], Access], APIRouter]:
    """A list for verifiers and admins, and an address for each of the two decisions."""

    def routes(desk: Desk[Complaint, Means], access: Access) -> APIRouter:
        router = APIRouter(prefix="/v1/candidates", tags=["candidates"])
        official = Door(desk, access).opens("verifier", "admin")

        @router.get("", dependencies=[Depends(access.caller("verifier", "admin"))])
        async def list_candidates(
            after: Annotated[
                str | None, Query(max_length=80, description="`next` of the page before")
            ] = None,
            limit: Annotated[int, Query(ge=1, le=200)] = 50,
        ) -> Candidates:
            """What waits for a decision. The link leads to where it stands; it may name who wrote it."""
            async with desk.read() as connection:
                found = await store.waiting_candidates(connection, _bookmark(after), limit)
                known = await vault.identities(connection, [one.complaint_id for one in found], seal)
            shown = []
            for one in found:
                identity = known.get(one.complaint_id)
                publication = identity.publication if identity is not None else None
                shown.append(
                    Candidate(
                        ticket=one.ticket,
                        channel=one.channel,
                        source=one.source,
                        reference=one.reference,
                        since=one.since,
                        title=one.title,
                        text=one.text,
                        posts=one.posts,
                        link=publication.link if publication else None,
                        published_on=publication.published_on if publication else None,
                        outlet=publication.outlet if publication else None,
                    )
                )
            more = len(found) == limit
            return Candidates(
                candidates=tuple(shown),
                next=f"{found[-1].since.isoformat()}_{found[-1].complaint_id}" if more else None,
            )

        @router.post("/{ticket}/accept", responses=_ANSWERS)
        async def accept(
            ticket: TicketInPath,  # noqa: ARG001
            actor: Annotated[Actor, Depends(official)],
        ) -> Decided:
            """It is a complaint: from now on it goes the way of every other, reported on the day of its publication."""
            return await _decide(desk, actor, Accept())

        @router.post("/{ticket}/drop", responses=_ANSWERS)
        async def drop(
            ticket: TicketInPath,  # noqa: ARG001
            actor: Annotated[Actor, Depends(official)],
            act: Drop,
        ) -> Decided:
            """It is no complaint, or none for the city. Why is told on the ticket's page."""
            return await _decide(desk, actor, act)

        return router

    return routes


async def _decide(desk: Desk[Complaint, Means], actor: Actor, act: Act) -> Decided:
    applied = await desk.command(
        actor.complaint_id, act.done_by(actor.by).known_as(uuid4()), noted=audit.Entry(actor, act.name)
    )
    state = applied.state
    return Decided(ticket=state.ticket, status=state.stands, repeated=not state.fresh)


def _bookmark(after: str | None) -> tuple[datetime, UUID] | None:
    if after is None:
        return None
    since, _, key = after.partition("_")
    try:
        bookmark = datetime.fromisoformat(since), UUID(key)
    except ValueError:
        bookmark = None
    if bookmark is None or bookmark[0].tzinfo is None:
        raise Refused([FieldError(field="after", reason="is not the `next` of a page")])
    return bookmark


_ANSWERS: dict[int | str, dict[str, object]] = {
    403: {"description": "The key's role may not do this."},
    404: {"description": "No complaint has this ticket."},
    409: {"description": "It was decided otherwise, is no candidate, or is the same post as another."},
}
