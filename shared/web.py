"""HTTP as every service speaks it: RFC 9457 problems that name the field and never quote what was sent."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager

import structlog
import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.access import Denied
from shared.database import AWAY, refuses_the_row
from shared.decision import Refused, Unworkable
from shared.delivery.desk import Busy
from shared.delivery.metrics import Metrics
from shared.delivery.operators import NotThere
from shared.events.parts import FieldError
from shared.limits import TooMany
from shared.logging import where

log = structlog.get_logger(__name__)


class NotFound(Exception):
    """There is no such thing, or not for this caller."""


def problem(
    status: int, title: str, *, errors: Sequence[FieldError] = (), headers: dict[str, str] | None = None
) -> JSONResponse:
    """A problem document: status, title, and which fields are wrong and why."""
    body: dict[str, object] = {"type": "about:blank", "status": status, "title": title}
    if errors:
        body["errors"] = [{"field": error.field, "reason": error.reason} for error in errors]
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


def turned_away(error: Denied | TooMany) -> JSONResponse:
    """The answer to a caller that is not let in, or not now."""
    if isinstance(error, TooMany):
        wait = {"Retry-After": str(error.seconds)}
        return problem(429, f"Too many requests; try again in {error.seconds} s", headers=wait)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return problem(error.status, error.reason, headers=headers)


def count_turned_away(metrics: Metrics | None, error: Denied | TooMany, role: str = "none") -> None:
    """One more caller that was not let in: why, and with which role (`none` where no good key told one)."""
    if metrics is not None:
        metrics.turned_away.labels(error.why if isinstance(error, Denied) else "too_many", role).inc()


async def never() -> bool:
    """Nobody takes over."""
    return False


def answer_problems(
    app: FastAPI, metrics: Metrics | None = None, overtaken: Callable[[], Awaitable[bool]] = never
) -> None:
    """Turn what routes raise into problem documents; who is turned away is counted in `metrics`.

    `overtaken`: whether a newer version of the service is taking over. What breaks here then may go well there.
    """

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> JSONResponse:
        title = "This cannot be done now" if error.conflict else "Something is wrong with what was sent"
        return problem(409 if error.conflict else 422, title, errors=error.errors)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return problem(422, "Something is wrong with what was sent", errors=_errors(error))

    @app.exception_handler(Denied)
    async def denied(request: Request, error: Denied) -> JSONResponse:
        count_turned_away(metrics, error, getattr(request.state, "role", "none"))
        return turned_away(error)

    @app.exception_handler(TooMany)
    async def too_many(request: Request, error: TooMany) -> JSONResponse:
        count_turned_away(metrics, error, getattr(request.state, "role", "none"))
        return turned_away(error)

    @app.exception_handler(NotFound)
    async def not_found(_: Request, error: NotFound) -> JSONResponse:
        return problem(404, str(error) or "There is no such thing")

    @app.exception_handler(NotThere)
    async def not_there(_: Request, error: NotThere) -> JSONResponse:
        return problem(404, str(error))

    @app.exception_handler(Unworkable)
    async def unworkable(_: Request, error: Unworkable) -> JSONResponse:
        return problem(422, str(error))

    @app.exception_handler(Busy)
    async def busy(_: Request, __: Busy) -> JSONResponse:
        return problem(503, "This complaint is being worked on; try again", headers={"Retry-After": "1"})

    @app.exception_handler(HTTPException)
    async def plain(_: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))

    for away in AWAY:

        @app.exception_handler(away)
        async def unavailable(_: Request, error: Exception) -> JSONResponse:
            if refuses_the_row(error):  # no other try would go better
                return problem(422, "Something is wrong with what was sent")
            log.warning("request failed for a passing cause", error=type(error).__name__, at=where(error))
            return problem(
                503, "The store is away; nothing was kept, try again", headers={"Retry-After": "2"}
            )

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> JSONResponse:
        log.error("request failed", error=type(error).__name__, at=where(error))
        if await overtaken():
            wait = {"Retry-After": "2"}
            return problem(503, "A newer version is taking over; nothing was kept, try again", headers=wait)
        return problem(500, "Something broke here; it was written down")


def _errors(error: RequestValidationError) -> list[FieldError]:
    """FastAPI's findings by field; where in the request, then the path within it."""
    found: list[FieldError] = []
    for one in error.errors()[:50]:
        location = [str(part) for part in one["loc"]]
        path = location[1:] if location and location[0] in ("body", "query", "path", "header") else location
        reason = "is not readable JSON" if one["type"] == "json_invalid" else str(one["msg"])
        found.append(
            FieldError(
                field="body" if one["type"] == "json_invalid" else ".".join(path) or "body", reason=reason
            )
        )
    return found


def as_json(value: object) -> bytes:
    """Compact JSON of plain values."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Shut:
    """ASGI middleware: while a service starts or leaves, only its probes are answered, and all else 503.

    Bare, because Starlette's own kind of middleware costs more than the rest of the way to a route.
    """

    PROBES = frozenset({"/live", "/ready", "/metrics"})

    def __init__(self, app: ASGIApp, while_: Callable[[], bool]) -> None:
        self._app = app
        self._while = while_

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in self.PROBES and self._while():
            headers = {"Retry-After": "2", "Connection": "close"}
            await problem(503, "Not ready; try again", headers=headers)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class HttpServer:
    """uvicorn inside the service's own event loop; signals stay the service's."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self.app = app
        self._address = (host, port)
        quiet = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        quiet.proxy_headers = False  # whom X-Forwarded-For names is for shared/limits.py to judge
        quiet.timeout_graceful_shutdown = 5
        # longer than clients and proxies keep theirs: who closes a connection first races its next request
        quiet.timeout_keep_alive = 75
        self._server = _Uvicorn(quiet)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen. Stops the process where the port cannot be bound."""
        try:
            door = socket.create_server(self._address, backlog=2048)
        except OSError as taken:
            raise SystemExit(
                f"cannot start: port {self._address[1]} cannot be bound: {taken.strerror}"
            ) from None
        self._task = asyncio.create_task(self._server.serve(sockets=[door]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 — uvicorn has no event for it
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Answer what is under way, for five seconds at most, then stop listening."""
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """uvicorn would take SIGTERM for itself and leave before the drain."""
        yield
