"""Intake's API: publishers hand complaints in, anyone who holds a ticket follows one."""

from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from services.intake import store
from services.intake.domain.channels import LAPOR
from services.intake.domain.complaint import Complaint
from services.intake.domain.means import Means
from services.intake.domain.own import OwnPage, own_view
from services.intake.domain.public import PublicComplaint, public_view
from services.intake.domain.receiving import submission_key
from services.intake.domain.tickets import Mistyped, read_ticket
from services.intake.page import notice_page, ticket_page
from shared.access import Access, Caller
from shared.addresses import nobodys
from shared.bodies import MIB, Larger
from shared.decision import Refused
from shared.delivery.desk import Desk
from shared.delivery.reading import field_errors
from shared.events.parts import FieldError, Reference, Ticket
from shared.events.receipts import SubmissionAccepted, SubmissionRefused
from shared.events.submissions import SubmissionPosted, Told
from shared.web import NotFound

LARGER_BODIES = {"/v1/complaints": Larger(15 * MIB)}
"""Ten inline attachments of 1 MiB in base64, and the rest of a complaint; only from who has a key."""

_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Vary": "Accept",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_HTML_HEADERS = _PAGE_HEADERS | {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )
}


class PostedComplaint(Told):
    """A complaint as a publisher posts it: `submission.posted` without `source`, which is the key's name.

    `reference` may be left out where the request carries an Idempotency-Key, which then takes its place.
    """

    reference: Annotated[Reference | None, AfterValidator(nobodys)] = None


class Taken(BaseModel):
    """It is safe here, under this ticket. `repeated`: it was here before, nothing changed.

    `secret` is told this once, to whoever created the complaint, and never again: the tracking secret, with
    which anybody may speak for the reporter (in a header, `Simpul-Secret`). Absent in a repeat.
    """

    model_config = ConfigDict(frozen=True)

    ticket: Ticket
    complaint_id: UUID
    repeated: bool
    secret: str | None = None


def complaint_routes(desk: Desk[Complaint, Means], access: Access) -> APIRouter:
    """`POST /v1/complaints` for publishers, `GET /v1/complaints/{ticket}` for everybody."""
    router = APIRouter(prefix="/v1/complaints", tags=["complaints"])
    names = store.CityNames()
    publisher = access.caller("publisher", "bridge")

    @router.post(
        "",
        status_code=201,
        response_model=Taken,
        responses={200: {"model": Taken, "description": "A repeat"}},
    )
    async def post_complaint(
        posted: PostedComplaint,
        caller: Annotated[Caller, Depends(publisher)],
        idempotency_key: Annotated[Reference | None, AfterValidator(nobodys), Header()] = None,
    ) -> Response:
        """Hand a complaint in. The same reference with the same content is a repeat (200), with other
        content a conflict (409)."""
        submission = _submission(posted, caller, idempotency_key).known_as(uuid4())
        applied = await desk.command_with_others(submission_key(submission), submission)
        accepted = next((said for said in applied.says if isinstance(said, SubmissionAccepted)), None)
        if accepted is None:
            errors = [e for said in applied.says if isinstance(said, SubmissionRefused) for e in said.errors]
            raise Refused(errors, conflict=applied.state.is_known)
        newcomer = applied.state.newcomer
        taken = Taken(
            ticket=accepted.ticket,
            complaint_id=accepted.complaint_id,
            repeated=accepted.repeated,
            # a repeat in the same transaction finds the newcomer, and is told no secret either
            secret=None if accepted.repeated or newcomer is None else newcomer.secret,
        )
        return Response(
            taken.model_dump_json(exclude_none=True),
            200 if accepted.repeated else 201,
            {"Location": f"/v1/complaints/{accepted.ticket}"},
            "application/json",
        )

    @router.get("")
    async def list_own(
        caller: Annotated[Caller, Depends(publisher)],
        reference: Annotated[list[Reference] | None, Query(max_length=100)] = None,
        after: Annotated[Reference | None, Query(description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> OwnPage:
        """What this key's name handed in, by its own references: all, or those asked for. Whoever lost a
        receipt finds the ticket here; a reference that is not listed never arrived."""
        async with desk.read() as connection:
            found = await store.receipts_of(
                connection, _source(caller), references=reference or (), after=after, limit=limit
            )
            city = await names.read(connection)
        return OwnPage(
            complaints=tuple(own_view(receipt, city) for receipt in found),
            next=found[-1].reference if len(found) == limit else None,
        )

    @router.get(
        "/{ticket}",
        response_model=PublicComplaint,
        dependencies=[Depends(access.anybody)],
        responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
    )
    async def get_complaint(
        ticket: str,
        accept: Annotated[str, Header()] = "",
    ) -> Response:
        """How a complaint stands and what befell it, as its flags allow; a page where HTML is preferred."""
        html = prefers_html(accept)
        try:
            wanted = read_ticket(ticket)
        except Mistyped as wrong:
            if html:
                return _page("Nomor tiket salah ketik", "Periksa kembali nomor tiket Anda.", status=404)
            raise Refused([FieldError(field="ticket", reason=str(wrong))]) from None
        async with desk.read() as connection:
            first = await store.first_of_link(connection, wanted)
            card = await store.find_card(connection, first)
            if card is not None and card.confidential and first != wanted:  # nothing leads to that one
                card = await store.find_card(connection, wanted)
            city = await names.read(connection)
        if card is None:
            if html:
                return _page("Tiket tidak ditemukan", "Tidak ada pengaduan dengan nomor ini.", status=404)
            raise NotFound("no complaint has this ticket")
        complaint = public_view(card, city)
        if html:
            return HTMLResponse(ticket_page(complaint), headers=_HTML_HEADERS)
        return JSONResponse(complaint.model_dump(mode="json"), headers=_PAGE_HEADERS)

    return router


def _submission(posted: PostedComplaint, caller: Caller, idempotency_key: str | None) -> SubmissionPosted:
    """The submission that this request is: by HTTP and by Kafka one complaint, because one source and name.

    An Idempotency-Key needs no memory of its own here: with the reference it is the complaint's identity, and
    that is kept for ever.
    """
    reference = posted.reference or idempotency_key
    if reference is None:
        raise Refused([FieldError(field="reference", reason="give one, or an Idempotency-Key header")])
    if caller.role == "publisher" and caller.name == LAPOR:
        raise Refused([FieldError(field="source", reason=f"{LAPOR} is the bridge's own source")])
    source = _source(caller)
    said = {name: getattr(posted, name) for name in type(posted).model_fields}
    try:
        return SubmissionPosted.model_validate(said | {"source": source, "reference": reference})
    except ValidationError as wrong:
        raise Refused(field_errors(wrong)) from None


def _source(caller: Caller) -> str:
    """What complaints of this key are known by."""
    return LAPOR if caller.role == "bridge" else caller.name


def prefers_html(accept: str) -> bool:
    """Whether an Accept header would rather have a page than JSON; a browser does, a script does not."""
    wanted = {"text/html": 0.0, "application/json": 0.0}
    named: dict[str, float] = {}
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        named[media] = _quality(parameters)
    for media in wanted:
        kind = media.partition("/")[0]
        wanted[media] = named.get(media, named.get(f"{kind}/*", named.get("*/*", 0.0)))
    return wanted["text/html"] > wanted["application/json"]


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _page(heading: str, advice: str, *, status: Literal[404]) -> HTMLResponse:
    return HTMLResponse(notice_page(heading, advice), status_code=status, headers=_HTML_HEADERS)
