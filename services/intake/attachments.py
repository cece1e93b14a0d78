"""Intake's API for files: sent to a complaint, listed, and given out to those who may see them. Never to the public."""

import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from services.intake import filing, looking, vault
from services.intake.domain import attaching
from services.intake.domain.attaching import AttachFile
from services.intake.domain.complaint import Complaint, File, Unfetched
from services.intake.domain.files import EXTENSIONS, MOST_BYTES, Unfit
from services.intake.domain.means import Means
from services.intake.door import Actor, Door, TicketInPath
from shared import audit
from shared.access import Access, Denied
from shared.bodies import KIB, Larger
from shared.decision import Refused
from shared.delivery.desk import Desk
from shared.events.ids import event_id
from shared.events.parts import Attachment, By, FieldError, Ticket
from shared.sealing import Seal
from shared.web import NotFound

PATH = "/v1/complaints/{ticket}/attachments"
UPLOADS = {PATH: Larger(MOST_BYTES + 64 * KIB, keyed=False)}
"""One file and what multipart wraps it in. Whoever may not send it is told so before it is read."""

AT_ONCE = 16
AT_ONCE_OF_ONE = 2
"""Files that are being received, of everybody and of one sender: each is held in memory until it is sealed."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, max-age=300",
    "Vary": "Authorization, Simpul-Secret",
    "Referrer-Policy": "no-referrer",
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {"description": "No key (or secret) was sent, or the key is unknown or expired."},
    403: {"description": "The key's role may not do this."},
    404: {"description": "No complaint that this key or secret may act on has this ticket, or no such file."},
}
_MULTIPART: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": f"JPEG, PNG, WebP or PDF by its content; {MOST_BYTES} bytes at most",
                        }
                    },
                }
            }
        },
    }
}


class Files(BaseModel):
    """The files of a complaint. `unfetched` were given by their address and are not here: not yet, or never."""

    model_config = ConfigDict(frozen=True)

    ticket: Ticket
    attachments: tuple[Attachment, ...]
    evidence: tuple[Attachment, ...]
    unfetched: tuple[Unfetched, ...]


def attachment_routes(seal: Seal) -> Callable[[Desk[Complaint, Means], Access], APIRouter]:
    """The routes, for a desk whose files are sealed with `seal`."""
    return lambda desk, access: _routes(desk, access, seal)


def _routes(desk: Desk[Complaint, Means], access: Access, seal: Seal) -> APIRouter:
    router = APIRouter(tags=["attachments"])
    may = Door(desk, access).opens("publisher", "bridge", "opd", "verifier", "admin", secret=True)
    places = _Places()

    @router.post(
        PATH,
        status_code=201,
        response_model=Attachment,
        openapi_extra=_MULTIPART,
        responses=_ANSWERS
        | {
            200: {"model": Attachment, "description": "It was here already."},
            409: {"description": "The complaint has as many files as are kept, or takes no more."},
            413: {"description": "The file is too large."},
        },
    )
    async def attach(
        ticket: TicketInPath,  # noqa: ARG001
        actor: Annotated[Actor, Depends(may)],
        request: Request,
        response: Response,
    ) -> Attachment:
        """Send a file. What it is, its content says; pictures are kept without metadata and upright.

        An OPD sends evidence of its work this way, and cites the answer in `attachments` of its own answer.
        The same file again is answered 200 and changes nothing.
        """
        with places.taken(actor.name):
            act = await _act(request, actor)
            named = act.known_as(event_id(actor.complaint_id, f"file:{act.opd or ''}:{act.original}", 0))
            applied = await desk.command(actor.complaint_id, named, noted=audit.Entry(actor, "attach"))
        async with desk.read() as connection:
            means = await desk.fold.city(connection)
        kept = attaching.held(applied.state, act, means)
        assert kept is not None
        response.status_code = 201 if applied.state.fresh_files else 200
        response.headers["Location"] = f"/v1/complaints/{actor.at.ref.ticket}/attachments/{kept.id}"
        return kept

    @router.get(PATH, response_model=Files, responses=_ANSWERS)
    async def list_files(
        ticket: TicketInPath,  # noqa: ARG001
        actor: Annotated[Actor, Depends(may)],
        response: Response,
    ) -> Files:
        """Which files a complaint has, and which were given by an address and are not here, and why."""
        async with desk.read() as connection:
            filed = await filing.find_files(connection, actor.complaint_id)
        response.headers["Cache-Control"] = "private, no-store"
        return Files(
            ticket=actor.at.ref.ticket,
            attachments=filed.attachments,
            evidence=filed.evidence,
            unfetched=filed.unfetched,
        )

    @router.get(
        f"{PATH}/{{attachment_id}}",
        response_class=Response,
        responses=_ANSWERS | {200: {"content": {kind: {} for kind in EXTENSIONS}}},
    )
    async def read_file(
        ticket: TicketInPath,  # noqa: ARG001
        actor: Annotated[Actor, Depends(may)],
        attachment_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")],
    ) -> Response:
        """The bytes of a file. Each reading by an official is kept in the audit."""
        async with desk.read() as connection, connection.transaction():
            file = await vault.file(connection, actor.complaint_id, attachment_id, seal)
            if file is None or file.content is None:
                raise NotFound("this complaint has no such file here")
            media_type, content = await _as_kept(file)
            if not attaching.may_see(actor.role, media_type, file.opd, anonymous=actor.at.anonymous):
                raise Denied(403, "the reporter is anonymous, and a PDF may name its author; ask a verifier")
            if actor.role in ("opd", "verifier", "admin"):
                await audit.note(
                    connection, actor, "read file", actor.complaint_id, desk.clock(), attachment_id
                )
        name = f"{actor.at.ref.ticket}-{attachment_id[:8]}.{EXTENSIONS[media_type]}"
        shown = "inline" if media_type.startswith("image/") else "attachment"
        return Response(
            content,
            media_type=media_type,
            headers=_HEADERS | {"Content-Disposition": f'{shown}; filename="{name}"'},
        )

    return router


class _Places:
    """How many files may be received at once; each waits in memory for its turn to be looked into."""

    def __init__(self) -> None:
        self._senders: Counter[str] = Counter()

    @contextmanager
    def taken(self, sender: str) -> Generator[None, None, None]:
        """A place for one file of this sender. Raises HTTPException(503) where there is none."""
        if self._senders.total() >= AT_ONCE or self._senders[sender] >= AT_ONCE_OF_ONE:
            raise HTTPException(
                503, "Too many files are being sent at once; try again", headers={"Retry-After": "2"}
            )
        self._senders[sender] += 1
        try:
            yield
        finally:
            self._senders[sender] -= 1
            self._senders += Counter()  # forgets those who send nothing


class _InMemory(MultiPartParser):
    """A citizen's file is not put on a disk unsealed, not even for a moment."""

    spool_max_size = 2 * MOST_BYTES


async def _act(request: Request, actor: Actor) -> AttachFile:
    """The act that this request is. Raises Refused where it holds no file, or one that is not taken."""
    sent = await _sent(request)
    raw = await sent.read()
    await sent.close()
    try:
        file = await looking.cleaned(raw)
    except Unfit as unfit:
        raise _wrong(unfit.reason) from None
    return AttachFile(
        name="".join(letter for letter in sent.filename or "" if letter.isprintable())[:255] or "lampiran",
        original=hashlib.sha256(raw).hexdigest(),
        media_type=file.media_type,
        content=file.content,
        by=By(kind="opd", name=actor.opd) if actor.opd else actor.by,
        opd=actor.opd,
    )


async def _sent(request: Request) -> UploadFile:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise _wrong("send multipart/form-data with one part that is called file")
    try:
        form = await _InMemory(request.headers, _stream(request), max_files=1, max_fields=0).parse()
    except (MultiPartException, KeyError, ValueError):
        raise _wrong("is not multipart/form-data with one part, a file") from None
    except ClientDisconnect:
        raise HTTPException(400, "The sender left") from None
    sent = form.get("file")
    if not isinstance(sent, UploadFile):
        raise _wrong("is missing")
    return sent


async def _stream(request: Request) -> AsyncGenerator[bytes, None]:
    async for piece in request.stream():
        yield piece


def _wrong(reason: str) -> Refused:
    return Refused([FieldError(field="file", reason=reason)])


async def _as_kept(file: File) -> tuple[str, bytes]:
    """Type and bytes; one that an older version took in is looked into now."""
    assert file.content is not None
    if file.media_type is not None:
        return file.media_type, file.content
    try:
        clean = await looking.cleaned(file.content)
    except Unfit:
        raise NotFound("this file is none that is given out") from None
    return clean.media_type, clean.content
