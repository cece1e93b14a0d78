"""How much a request may send: counted while it comes, refused before it is held."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.access import Access, Denied
from shared.delivery.metrics import Metrics
from shared.events.parts import FieldError
from shared.limits import TooMany
from shared.web import count_turned_away, problem, turned_away

KIB = 1024
MIB = 1024 * KIB

DEFAULT = 256 * KIB
"""Bytes that a request may send where its route says nothing else."""

MOST_PIECES = 100_000
"""How many brackets and commas JSON may hold: a few MiB of `[[],[],…` would become hundreds in memory."""

PATIENCE = 20.0
"""Seconds for a whole body to come, beside the time that its limit takes at `SLOWEST`."""

SLOWEST = 64 * KIB
"""Bytes a second: a slower sender is not waited for."""

LINGER = 2.0
"""Seconds in which what a refused sender is still sending is thrown away, so that it reads the answer."""


@dataclass(frozen=True, slots=True)
class Larger:
    """A route that takes more. `keyed`: only from who has a key, which is looked at before the body is."""

    limit: int
    keyed: bool = True


def limit_bodies(
    app: FastAPI,
    access: Access,
    larger: Mapping[str, Larger],
    *,
    patience: float = PATIENCE,
    metrics: Metrics | None = None,
) -> None:
    """Answer 413 to a body above its route's limit; `larger`: path as routes are written -> its own limit.

    Who is turned away before a large body is read is counted in `metrics`, as who is turned away after.
    """
    table = [(compile_path(path)[0], limit) for path, limit in larger.items()]

    def limit_of(path: str) -> Larger:
        return next((limit for pattern, limit in table if pattern.match(path)), Larger(DEFAULT, keyed=False))

    app.add_middleware(_Limited, access=access, limit_of=limit_of, patience=patience, metrics=metrics)


class _Refusal(Exception):
    """This request is not read on."""

    def __init__(self, answer: JSONResponse) -> None:
        super().__init__()
        answer.headers["Connection"] = "close"
        self.answer = answer


def _too_much(title: str, reason: str) -> _Refusal:
    return _Refusal(problem(413, title, errors=[FieldError(field="body", reason=reason)]))


class _Limited:
    """The ASGI middleware: it stands before everything that reads a body."""

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        limit_of: Callable[[str], Larger],
        patience: float,
        metrics: Metrics | None,
    ) -> None:
        self._metrics = metrics
        self._app = app
        self._access = access
        self._limit_of = limit_of
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        limit = self._limit_of(scope["path"])
        body = _Body(receive, send, limit.limit, headers, self._patience)
        try:
            if limit.keyed and not _is_small(headers):
                self._access.looked_up(Request(scope))
            body.expect(headers.get(b"content-length"))
        except (Denied, TooMany) as error:
            count_turned_away(self._metrics, error)
            body.refusal = _Refusal(turned_away(error))
        except _Refusal as refusal:
            body.refusal = refusal
        else:
            await _until_left(self._app(scope, body.receive, body.send), body)
        if body.refusal is not None and not body.answered:
            await body.refuse(body.refusal)


class _Body:
    """One request's body on its way in, and the answer on its way out."""

    def __init__(
        self, receive: Receive, send: Send, limit: int, headers: Mapping[bytes, bytes], patience: float
    ) -> None:
        self._receive = receive
        self._send = send
        self._limit = limit
        self._pieces = None if b"multipart" in headers.get(b"content-type", b"") else 0
        self._received = 0
        self._deadline = asyncio.get_running_loop().time() + patience + limit / SLOWEST
        self._done = False
        self.refusal: _Refusal | None = None
        self.answered = False

    def expect(self, length: bytes | None) -> None:
        """Refuse by what the sender says is coming."""
        if length is not None and length.isdigit() and int(length) > self._limit:
            raise self._too_large()

    async def receive(self) -> Message:
        """The next piece; where it is one too many, the request ends here, as if the sender had left."""
        if self.refusal is not None:
            return {"type": "http.disconnect"}
        if self._done:
            return await self._receive()
        try:
            return await self._next()
        except _Refusal as refusal:
            self.refusal = refusal
            return {"type": "http.disconnect"}

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise _Refusal(problem(408, "The body took too long to come")) from None
        if message["type"] == "http.request":
            piece: bytes = message.get("body", b"")
            self._done = not message.get("more_body", False)
            self._received += len(piece)
            if self._received > self._limit:
                raise self._too_large()
            if self._pieces is not None:
                self._pieces += piece.count(b",") + piece.count(b"[") + piece.count(b"{")
                if self._pieces > MOST_PIECES:
                    raise _too_much("The body holds too much", f"holds more than {MOST_PIECES} values")
        return message

    async def send(self, message: Message) -> None:
        """Pass the answer on, unless the request was refused: then nobody's answer but ours."""
        if self.refusal is None:
            self.answered = True
            await self._send(message)

    async def refuse(self, refusal: _Refusal) -> None:
        """Say why, then let the sender finish a little: a closed socket would take the answer with it."""
        answer = refusal.answer
        await self._send(
            {"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers}
        )
        await self._send({"type": "http.response.body", "body": bytes(answer.body), "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                while not self._done and (message := await self._receive())["type"] == "http.request":
                    self._done = not message.get("more_body", False)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _too_large(self) -> _Refusal:
        return _too_much("The body is too large", f"holds more than {self._limit} bytes")


async def _until_left(answering: Awaitable[None], body: _Body) -> None:
    """Answer; a route that is told that its sender left, because we refused him, may say so."""
    try:
        await answering
    except ClientDisconnect:
        if body.refusal is None:
            raise


def _is_small(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the sender says that no more is coming than anybody may send."""
    length = headers.get(b"content-length", b"0")
    return b"transfer-encoding" not in headers and length.isdigit() and int(length) <= DEFAULT
