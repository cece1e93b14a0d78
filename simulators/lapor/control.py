"""The control API of the simulator, no part of LAPOR: fill it, act as its people, read its ledger, break it.

No keys: whoever reaches the port may use it. It holds nothing but synthetic reports.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.complaints.generate import generate
from simulators.lapor import statuses
from simulators.lapor.deeds import Deed, do, liven, pass_time
from simulators.lapor.export import COLUMNS, MEDIA_TYPE, Months, Period, Version, laporan_ringkas
from simulators.lapor.faults import Fault, Kind
from simulators.lapor.ledger import Author, NewReport
from simulators.lapor.records import Row, Unknown
from simulators.lapor.shapes import failure, followup_shape, report_shape
from simulators.lapor.simulator import Simulator


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Generated(_Body):
    """Fill with `count` reports of the generator; `now` defaults to the clock."""

    seed: int
    count: Annotated[int, Field(ge=1, le=20_000)]
    now: AwareDatetime | None = None


class Written(_Body):
    """One report by hand. `institution` is an OPD code or a LAPOR id."""

    title: str
    text: str
    reporter: str = "Warga Contoh 1"
    source: str = "Website"
    klasifikasi: str | None = None
    category_id: str | None = None
    anonymous: bool = False
    confidential: bool = False
    institution: str | None = None


class Filling(_Body):
    """Reports to add, generated or written. `backdate`: list them as of their last change, not as of now."""

    generate: Generated | None = None
    reports: list[Written] = []
    backdate: bool = False


class Act(_Body):
    """One deed of LAPOR's people; `institution` is an OPD code or a LAPOR id."""

    tracking_id: str
    act: str
    by: str | None = None
    institution: str | None = None
    text: str | None = None
    rating: Annotated[int, Field(ge=1, le=5)] | None = None
    at: AwareDatetime | None = None


class Acts(_Body):
    """Deeds in order; each stands alone."""

    acts: list[Act]


class Tick(_Body):
    """Let the system's own clock act, as if it were `now`."""

    now: AwareDatetime | None = None


class Liven(_Body):
    """Seeded deeds of admins, institutions and reporters."""

    seed: int
    steps: Annotated[int, Field(ge=1, le=5_000)]


class NewFault(_Body):
    """An entry for the fault menu; see faults.Fault."""

    kind: Kind
    path: str = "/"
    method: str = ""
    next: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: int = 0
    seconds: Annotated[float, Field(gt=0)] = 3600.0
    retry_after: Annotated[int, Field(ge=0)] = 2
    worked: bool | None = None


class Rename(_Body):
    """A new name for an institution, given by OPD code or LAPOR id."""

    institution: str
    name: Annotated[str, Field(min_length=1, max_length=200)]


_B = TypeVar("_B", bound=_Body)
Handler = Callable[[Request], Awaitable[Response]]


def _open(handler: Callable[[Request, Simulator], Awaitable[Response]]) -> Handler:
    async def answer(request: Request) -> Response:
        lapor: Simulator = request.app.state.lapor
        try:
            return await handler(request, lapor)
        except ValidationError as wrong:
            errors = {
                ".".join(str(part) for part in each["loc"]): each["msg"]
                for each in wrong.errors(include_input=False, include_url=False)
            }
            return JSONResponse(failure("invalid", errors), 422)
        except statuses.NotAllowed as wrong:
            return JSONResponse(failure(str(wrong)), 409)
        except Unknown as wrong:
            return JSONResponse(failure(f"unknown: {wrong}"), 404)
        except ValueError as wrong:
            return JSONResponse(failure("invalid", {str(wrong): "is needed or wrong"}), 422)

    return answer


async def _read(request: Request, body: type[_B]) -> _B:
    return body.model_validate_json(await request.body() or b"{}")


async def fill(request: Request, lapor: Simulator) -> Response:
    """POST /control/reports {generate: {seed, count, now?}, reports: […], backdate} → tracking ids."""
    asked = await _read(request, Filling)
    author = _author(lapor, "filling")
    added: list[str] = []
    if asked.generate is not None:
        now = asked.generate.now or lapor.clock()
        made = await run_in_threadpool(generate, asked.generate.seed, asked.generate.count, now)
        added += lapor.ledger.add_generated(made, author, lapor.clock(), backdate=asked.backdate)
    for each in asked.reports:
        new = NewReport(
            title=each.title,
            text=each.text,
            reporter=each.reporter,
            source=each.source,
            klasifikasi=each.klasifikasi,
            category_id=each.category_id,
            anonymous=each.anonymous,
            confidential=each.confidential,
            disposed_id=_institution(lapor, each.institution),
        )
        added.append(lapor.ledger.create(new, author, lapor.clock()))
    return JSONResponse({"tracking_ids": added})


async def list_reports(request: Request, lapor: Simulator) -> Response:
    """GET /control/reports?created_by=api:hub → every report in short, ascending by id."""
    rows = lapor.ledger.reports_in_order(created_by=request.query_params.get("created_by", "%"))
    status = request.query_params.get("status")
    return JSONResponse({"reports": [_short(row) for row in rows if status in (None, row["status"])]})


async def show_report(request: Request, lapor: Simulator) -> Response:
    """GET /control/reports/{id} → the report, its follow-ups and every write that touched it."""
    tracking_id = str(request.path_params["id"])
    report = lapor.ledger.report(tracking_id)
    items = lapor.ledger.followups(tracking_id, 10_000, 0)
    return JSONResponse(
        {
            "report": report_shape(report, lapor.ledger.files_of(tracking_id, None), lapor.zone),
            "created_by": report["created_by"],
            "followups": [
                {**followup_shape(item, (), lapor.zone), "written_by": item["written_by"]} for item in items
            ],
            "writes": [dict(row) for row in lapor.ledger.writes({"tracking_id": tracking_id}, 0, 10_000)],
        }
    )


async def act(request: Request, lapor: Simulator) -> Response:
    """POST /control/acts {acts: [{tracking_id, act, …}]} → one result each: the status, or why not."""
    asked = await _read(request, Acts)
    outcomes: list[dict[str, Any]] = []
    for each in asked.acts:
        outcome: dict[str, Any] = {"tracking_id": each.tracking_id, "act": each.act}
        try:
            after = _do(lapor, each)
        except (statuses.NotAllowed, Unknown, ValueError) as wrong:
            outcome["refused"] = str(wrong)
        else:
            outcome |= {"status": after["status"], "disposition_id": after["disposed_id"]}
        outcomes.append(outcome)
    return JSONResponse({"results": outcomes})


async def tick(request: Request, lapor: Simulator) -> Response:
    """POST /control/tick {now?} → what the system closed for silence and archived for incompleteness."""
    asked = await _read(request, Tick)
    ended = pass_time(
        lapor.ledger,
        asked.now or lapor.clock(),
        silence_days=lapor.silence_days,
        completion_days=lapor.completion_days,
    )
    return JSONResponse({"ended": [{"tracking_id": one, "status": status} for one, status in ended]})


async def enliven(request: Request, lapor: Simulator) -> Response:
    """POST /control/liven {seed, steps} → the deeds done."""
    asked = await _read(request, Liven)
    done = liven(lapor.ledger, asked.seed, asked.steps, _author(lapor, "liven"), lapor.clock())
    return JSONResponse({"done": [{"tracking_id": one, "act": deed} for one, deed in done]})


async def read_ledger(request: Request, lapor: Simulator) -> Response:
    """GET /control/ledger?side=&author=&act=&tracking_id=&after=&limit= → writes in order."""
    asked = request.query_params
    where = {name: asked[name] for name in ("side", "author", "act", "tracking_id") if name in asked}
    rows = lapor.ledger.writes(where, int(asked.get("after", 0)), int(asked.get("limit", 1000)))
    return JSONResponse({"writes": [dict(row) for row in rows]})


async def count(request: Request, lapor: Simulator) -> Response:  # noqa: ARG001
    """GET /control/counters → sums of the ledger, and requests since start by method and answer."""
    return JSONResponse({**lapor.ledger.counted(), "requests": dict(sorted(lapor.traffic.items()))})


async def add_fault(request: Request, lapor: Simulator) -> Response:
    """POST /control/faults {kind, path, method?, next, share?, seed?, …} → the entry."""
    asked = await _read(request, NewFault)
    fault = lapor.menu.add(
        Fault(
            kind=asked.kind,
            path=asked.path,
            method=asked.method.upper(),
            left=asked.next,
            share=asked.share,
            seed=asked.seed,
            seconds=asked.seconds,
            retry_after=asked.retry_after,
            worked=asked.worked,
        )
    )
    return JSONResponse(fault.shape())


async def list_faults(request: Request, lapor: Simulator) -> Response:  # noqa: ARG001
    """GET /control/faults → all entries."""
    return JSONResponse({"faults": lapor.menu.shapes()})


async def clear_faults(request: Request, lapor: Simulator) -> Response:  # noqa: ARG001
    """DELETE /control/faults: nothing goes wrong any more."""
    lapor.menu.clear()
    return JSONResponse({"faults": []})


async def rename(request: Request, lapor: Simulator) -> Response:
    """POST /control/institutions {institution, name}: a rename, which old reports show too."""
    asked = await _read(request, Rename)
    found = _institution(lapor, asked.institution) or ""
    lapor.ledger.rename(found, asked.name, _author(lapor, "admin"), lapor.clock())
    return JSONResponse({"id": found, "name": asked.name})


async def export(request: Request, lapor: Simulator) -> Response:
    """GET /export/laporan-ringkas.xlsx?version=preamble|plain|full&months=en|id&from=&to=&created_by=.

    `from` and `to` are UTC dates, both included. On the website a button; here without keys.
    """
    asked = request.query_params
    version, months = asked.get("version", "preamble"), asked.get("months", "en")
    first, last = asked.get("from", "2000-01-01"), asked.get("to", f"{lapor.clock():%Y-%m-%d}")
    if version not in COLUMNS or months not in ("en", "id"):
        raise ValueError("version" if version not in COLUMNS else "months")
    for day in (first, last):
        datetime.strptime(day, "%Y-%m-%d")  # noqa: DTZ007 - only its shape is asked
    rows = lapor.ledger.reports_in_order(first, f"{last}T~", asked.get("created_by", "%"))
    kind: Version = "plain" if version == "plain" else "full" if version == "full" else "preamble"
    names: Months = "id" if months == "id" else "en"
    book = await run_in_threadpool(laporan_ringkas, rows, kind, names, Period(lapor.clock(), first, last))
    return Response(
        book,
        media_type=MEDIA_TYPE,
        headers={"content-disposition": 'attachment; filename="laporan-ringkas.xlsx"'},
    )


async def health(request: Request, lapor: Simulator) -> Response:  # noqa: ARG001
    """GET /live and /ready: the store answers."""
    lapor.ledger.institutions(1, 0)
    return JSONResponse({"status": "ready", "checks": {}})


def _do(lapor: Simulator, asked: Act) -> Row:
    deed = Deed(asked.act, asked.by, _institution(lapor, asked.institution), asked.text, asked.rating)
    who = {"reply": "reporter", "rate": "reporter"}.get(asked.act, "admin")
    return do(lapor.ledger, asked.tracking_id, deed, _author(lapor, who), asked.at or lapor.clock())


def _institution(lapor: Simulator, named: str | None) -> str | None:
    if named is None:
        return None
    known = lapor.ledger.institution if named.isdigit() else lapor.ledger.institution_by_code
    return str(known(named)["id"])


def _author(lapor: Simulator, name: str) -> Author:
    return Author("control", name, lapor.next_request())


def _short(row: Row) -> dict[str, Any]:
    names = (
        "tracking_id",
        "created_by",
        "title",
        "status",
        "closed_by",
        "disposed_id",
        "disposed",
        "reported_at",
    )
    return {name: row[name] for name in (*names, "updated_at", "anonymous", "confidential")}


ROUTES = [
    Route("/control/reports", _open(fill), methods=["POST"]),
    Route("/control/reports", _open(list_reports), methods=["GET"]),
    Route("/control/reports/{id}", _open(show_report), methods=["GET"]),
    Route("/control/acts", _open(act), methods=["POST"]),
    Route("/control/tick", _open(tick), methods=["POST"]),
    Route("/control/liven", _open(enliven), methods=["POST"]),
    Route("/control/ledger", _open(read_ledger), methods=["GET"]),
    Route("/control/counters", _open(count), methods=["GET"]),
    Route("/control/faults", _open(add_fault), methods=["POST"]),
    Route("/control/faults", _open(list_faults), methods=["GET"]),
    Route("/control/faults", _open(clear_faults), methods=["DELETE"]),
    Route("/control/institutions", _open(rename), methods=["POST"]),
    Route("/export/laporan-ringkas.xlsx", _open(export), methods=["GET"]),
    Route("/live", _open(health), methods=["GET"]),
    Route("/ready", _open(health), methods=["GET"]),
]
