"""The API of SP4N-LAPOR v3 as one integrator uses it (DOMAIN §2), and a listing by update time that is ours."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.lapor import statuses
from simulators.lapor.forms import Fields, Refused, read_json, read_multipart
from simulators.lapor.ledger import Author, NewItem, NewReport
from simulators.lapor.records import Row, Unknown, written
from simulators.lapor.shapes import (
    CHANNELS,
    CLASSES,
    TEMPLATES,
    failure,
    followup_shape,
    institution_shape,
    log_shape,
    read_since,
    report_shape,
    results,
    template_shape,
)
from simulators.lapor.simulator import Simulator

PAGE = 20
LARGEST_PAGE = 200

Handler = Callable[[Request], Awaitable[Response]]


def _guarded(handler: Callable[[Request, Simulator, Author], Awaitable[Response]]) -> Handler:
    """Both headers checked; refusals in LAPOR's envelope, never with the caller's words in them."""

    async def answer(request: Request) -> Response:
        lapor: Simulator = request.app.state.lapor
        name = lapor.keys.caller(request)
        if name is None:
            return JSONResponse(failure("Unauthenticated."), 401)
        author = Author("api", name, request.headers.get("x-request-id") or lapor.next_request())
        try:
            return await handler(request, lapor, author)
        except Refused as wrong:
            return JSONResponse(failure("Data yang diberikan tidak valid.", wrong.errors), 422)
        except statuses.NotAllowed as wrong:
            return JSONResponse(failure("Tidak dapat diproses.", {"status": str(wrong)}), 422)
        except Unknown:
            return JSONResponse(failure("Data tidak ditemukan."), 404)

    return answer


async def upload_files(request: Request, lapor: Simulator, author: Author) -> Response:
    """POST /complaints/complaint/file, multipart `attachments[]` → `results.docs[].id`."""
    _, files = await read_multipart(request, "attachments")
    if not files:
        raise Refused(attachments="wajib diisi")
    docs = [
        {"id": lapor.ledger.keep_file(file, author, lapor.clock()), "file_name": file.name} for file in files
    ]
    return JSONResponse({"status": "success", "results": {"docs": docs}})


async def create_complaint(request: Request, lapor: Simulator, author: Author) -> Response:
    """POST /complaints/complaint → `complaint_id`. Sending the same twice makes two reports."""
    sent = await read_json(request)
    channel = sent.number("channel", required=True)
    if channel not in CHANNELS:
        raise Refused(channel="tidak dikenal")
    classification = sent.number("classification_id")
    if classification is not None and classification not in CLASSES:
        raise Refused(classification_id="tidak dikenal")
    new = NewReport(
        title=sent.text("title", most=255, required=True) or "",
        text=sent.text("content", required=True) or "",
        reporter=_reporter(sent, author),
        source=CHANNELS[channel],
        klasifikasi=None if classification is None else CLASSES[classification],
        category_id=_category(sent, lapor),
        anonymous=sent.flag("is_anonymous"),
        confidential=sent.flag("is_secret"),
        priority=sent.flag("is_priority"),
        disposed_id=_institution(sent, "disposition_id", lapor, required=sent.flag("is_disposisi_slider")),
        location_id=sent.text("location_id"),
        incident_on=sent.text("date_of_incident"),
        tags=sent.text("tags_raw"),
        files=sent.ids("attachments"),
    )
    try:
        complaint_id = lapor.ledger.create(new, author, lapor.clock())
    except Unknown:
        raise Refused(attachments="tidak dikenal") from None
    return JSONResponse(
        {"status": "success", "complaint_id": complaint_id, "results": {"complaint_id": complaint_id}}
    )


async def reject(request: Request, lapor: Simulator, author: Author) -> Response:
    """POST /complaints/process/{id}/reject: "not our authority", asked of the admin or done by one.

    `reason` names the institution that should have it. With `is_request` the report stays until an admin acts.
    """
    tracking_id = str(request.path_params["id"])
    sent = await read_json(request)
    wished = _institution(sent, "reason", lapor, required=False)
    why = sent.text("reason_description", required=True)
    report = lapor.ledger.report(tracking_id)
    item = NewItem(
        content=why,
        institution_from_id=report["disposed_id"] or report["parent_id"],
        institution_to_id=wished,
        template_code="bukan_wewenang",
    )
    if sent.flag("is_request"):
        act, note = "request_refusal", "Permintaan bukan wewenang"
    else:
        act, note = ("dispose" if wished else "refuse"), "Bukan wewenang"
    after = lapor.ledger.act(
        tracking_id, act, author, lapor.clock(), institution_id=wished, item=item, note=note
    )
    return JSONResponse(results(_shape(after, lapor)))


async def show_complaint(request: Request, lapor: Simulator, _: Author) -> Response:
    """GET /complaints/{id}/complaint → `results.data` with `status_logs[]`, and `results.data_logs[]`."""
    report = lapor.ledger.report(str(request.path_params["id"]))
    logs = [log_shape(log, lapor.zone) for log in lapor.ledger.status_logs(report["tracking_id"])]
    return JSONResponse(results({**_shape(report, lapor), "status_logs": logs}, data_logs=logs))


async def list_followups(request: Request, lapor: Simulator, _: Author) -> Response:
    """GET /complaints/{id}/followups?page=N → `results.data[]`, `results.next_page_url`; oldest first."""
    report = lapor.ledger.report(str(request.path_params["id"]))
    page, size = _page(request)
    items = lapor.ledger.followups(report["tracking_id"], size + 1, (page - 1) * size)
    shapes = [
        followup_shape(item, lapor.ledger.files_of(report["tracking_id"], item["id"]), lapor.zone)
        for item in items[:size]
    ]
    return JSONResponse(
        results(shapes, current_page=page, next_page_url=_next(request, len(items) > size, page=page + 1))
    )


async def add_followup(request: Request, lapor: Simulator, author: Author) -> Response:
    """POST /complaints/followup/add, multipart. From an institution when `institution_from_id` is given."""
    sent, files = await read_multipart(request, "attachment")
    tracking_id = sent.text("complaint_id", required=True) or ""
    template_code = sent.text("template_code")
    template = TEMPLATES.get(template_code) if template_code else None
    if template_code and template is None:
        raise Refused(template_code="tidak dikenal")
    rating = sent.number("rating")
    if rating is not None and not 0 <= rating <= 5:
        raise Refused(rating="harus 1 sampai 5")
    item = NewItem(
        content=sent.text("content"),
        user_id=sent.text("user_id"),
        institution_from_id=_institution(sent, "institution_from_id", lapor, required=False),
        institution_to_id=_institution(sent, "institution_to_id", lapor, required=False),
        template_code=template_code,
        rating=rating or None,
        is_secret=sent.flag("is_secret"),
    )
    if item.content is None and template is None and item.rating is None:
        raise Refused(content="wajib diisi")
    lapor.ledger.report(tracking_id)
    if item.institution_from_id is None:
        if item.user_id is None:
            raise Refused(user_id="wajib diisi tanpa institution_from_id")
        act = "reply" if item.content else "rate"
    else:
        act = template.act if template else "answer"
    if act == "dispose" and item.institution_to_id is None:
        raise Refused(institution_to_id="wajib diisi untuk disposisi")
    after = lapor.ledger.act(
        tracking_id,
        act,
        author,
        lapor.clock(),
        by="Admin" if act == "close" else None,
        institution_id=item.institution_to_id if act == "dispose" else None,
        item=item,
        files=files,
    )
    written_item = lapor.ledger.last_item(tracking_id)
    shape = followup_shape(written_item, lapor.ledger.files_of(tracking_id, written_item["id"]), lapor.zone)
    return JSONResponse(results({**shape, "status_name": after["status"]}))


async def list_complaints(request: Request, lapor: Simulator, _: Author) -> Response:
    """GET /complaints?updated_since=&page=: OURS, not known of the real API. Oldest change first, inclusive.

    `next_page_url` goes on behind the last row seen (`after`), so that a change between two pages hides nothing.
    """
    since = request.query_params.get("updated_since", "")
    after = request.query_params.get("after", "")
    page, size = _page(request)
    try:
        start = written(read_since(since, lapor.zone)) if since else ""
    except ValueError:
        raise Refused(updated_since="bukan waktu") from None
    offset = 0 if after else (page - 1) * size
    last_at, _mark, last_id = after.partition("~")
    rows = lapor.ledger.reports_after(last_at or start, last_id, size + 1, offset)
    shapes = [_shape(row, lapor) for row in rows[:size]]
    more = len(rows) > size
    behind = f"{rows[size - 1]['updated_at']}~{rows[size - 1]['tracking_id']}" if more else ""
    return JSONResponse(
        results(shapes, current_page=page, next_page_url=_next(request, more, page=page + 1, after=behind))
    )


async def list_institutions(request: Request, lapor: Simulator, _: Author) -> Response:
    """GET /masters/institutions/external?page_size= → `results.data[]` with id and present name."""
    page, size = _page(request)
    rows = lapor.ledger.institutions(size + 1, (page - 1) * size)
    shapes = [institution_shape(row) for row in rows[:size]]
    return JSONResponse(
        results(shapes, current_page=page, next_page_url=_next(request, len(rows) > size, page=page + 1))
    )


async def list_templates(request: Request, lapor: Simulator, _: Author) -> Response:  # noqa: ARG001
    """GET /masters/templates?page_size= → `results.data[]`, all of them on one page."""
    return JSONResponse(results([template_shape(each) for each in TEMPLATES.values()], next_page_url=None))


async def show_file(request: Request, lapor: Simulator, _: Author) -> Response:
    """GET /files/{id}: the bytes behind an attachment's `path`."""
    file = lapor.ledger.file(Fields(request.path_params).number("id", required=True) or 0)
    return Response(file["body"], media_type=file["media_type"])


def _shape(report: Row, lapor: Simulator) -> dict[str, object]:
    return report_shape(report, lapor.ledger.files_of(report["tracking_id"], None), lapor.zone)


def _reporter(sent: Fields, author: Author) -> str:
    """Who complains: somebody new, a known user, or the account that the key belongs to."""
    if sent.flag("is_new_user_slider"):
        name = sent.text("nameUser", most=200, required=True) or ""
        if sent.text("emailUser") is None and sent.text("phoneUser") is None:
            raise Refused(emailUser="email atau telepon wajib diisi")
        return name
    user_id = sent.text("user_id", most=100)
    return f"Pengguna {user_id}" if user_id else f"Akun {author.name}"


def _category(sent: Fields, lapor: Simulator) -> str | None:
    found = sent.text("category_id")
    if found is not None:
        try:
            lapor.ledger.category(found)
        except Unknown:
            raise Refused(category_id="tidak dikenal") from None
    return found


def _institution(sent: Fields, name: str, lapor: Simulator, *, required: bool) -> str | None:
    found = sent.text(name, required=required)
    if found is not None:
        try:
            lapor.ledger.institution(found)
        except Unknown:
            raise Refused(**{name: "tidak dikenal"}) from None
    return found


def _page(request: Request) -> tuple[int, int]:
    asked = Fields(request.query_params)
    page, size = (
        given if (given := asked.number(name)) is not None else usual
        for name, usual in (("page", 1), ("page_size", PAGE))
    )
    if page < 1 or size < 1:
        raise Refused(page="harus mulai dari 1")
    return page, min(size, LARGEST_PAGE)


def _next(request: Request, more: bool, **changed: object) -> str | None:
    if not more:
        return None
    asked = {**request.query_params, **{name: value for name, value in changed.items() if value != ""}}
    return f"{request.url.replace(query='')}?{urlencode(asked)}"


ROUTES = [
    Route("/complaints/complaint/file", _guarded(upload_files), methods=["POST"]),
    Route("/complaints/complaint", _guarded(create_complaint), methods=["POST"]),
    Route("/complaints/followup/add", _guarded(add_followup), methods=["POST"]),
    Route("/complaints/process/{id}/reject", _guarded(reject), methods=["POST"]),
    Route("/complaints/{id}/complaint", _guarded(show_complaint), methods=["GET"]),
    Route("/complaints/{id}/followups", _guarded(list_followups), methods=["GET"]),
    Route("/complaints", _guarded(list_complaints), methods=["GET"]),
    Route("/masters/institutions/external", _guarded(list_institutions), methods=["GET"]),
    Route("/masters/templates", _guarded(list_templates), methods=["GET"]),
    Route("/files/{id}", _guarded(show_file), methods=["GET"]),
]
