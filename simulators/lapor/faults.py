"""The fault menu: the next N requests that match go wrong in a named way, as networks and gateways do it."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, Literal, Protocol, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Kind = Literal["hang", "error_500", "too_many", "reset", "lost_answer", "html", "truncated", "muddled"]

WORKED: dict[Kind, bool] = {
    "hang": False,
    "error_500": False,
    "too_many": False,
    "reset": True,
    "lost_answer": True,
    "html": False,
    "truncated": True,
    "muddled": True,
}
"""Whether the request takes effect before it goes wrong, unless the fault says otherwise."""

_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(slots=True)
class Fault:
    """One entry of the menu. `path` is the start of the request's path; `method` empty = any.

    `left` requests still to spoil; each matching one is spoilt with chance `share`, drawn from `seed`.
    `seconds`: how long a hang lasts. `retry_after`: what 429 asks for, in seconds.
    """

    kind: Kind
    path: str = "/"
    method: str = ""
    left: int = 1
    share: float = 1.0
    seed: int = 0
    seconds: float = 3600.0
    retry_after: int = 2
    worked: bool | None = None
    number: int = 0
    fired: int = 0
    _chance: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._chance = Random(self.seed)  # noqa: S311 - chance for tests, not for secrets

    def hits(self, method: str, path: str) -> bool:
        """Whether this request is to be spoilt; uses up one of `left` when it is."""
        if self.left <= 0 or not path.startswith(self.path) or self.method not in ("", method):
            return False
        if self._chance.random() >= self.share:
            return False
        self.left -= 1
        self.fired += 1
        return True

    @property
    def takes_effect(self) -> bool:
        """Whether LAPOR does the work although the caller hears nothing good."""
        return WORKED[self.kind] if self.worked is None else self.worked

    def shape(self) -> dict[str, Any]:
        """The entry as the control API shows it."""
        return {
            "number": self.number,
            "kind": self.kind,
            "path": self.path,
            "method": self.method,
            "left": self.left,
            "fired": self.fired,
            "share": self.share,
            "seed": self.seed,
            "takes_effect": self.takes_effect,
        }


class Menu:
    """The faults in force, first match first. Kept in memory: a restart clears it."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._numbers: Iterator[int] = count(1)

    def add(self, fault: Fault) -> Fault:
        """Put a fault last on the menu; its number is set."""
        fault.number = next(self._numbers)
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """No faults any more; requests that hang already keep hanging."""
        self._faults.clear()

    def shapes(self) -> list[dict[str, Any]]:
        """All entries, the used-up ones too."""
        return [fault.shape() for fault in self._faults]

    def pick(self, method: str, path: str) -> Fault | None:
        """The fault for this request."""
        return next((fault for fault in self._faults if fault.hits(method, path)), None)


class Spoiler:
    """ASGI: applies the menu to LAPOR's paths and counts requests; `spared` path starts stay whole."""

    def __init__(self, app: ASGIApp, menu: Menu, traffic: Counter[str], spared: tuple[str, ...]) -> None:
        self._app = app
        self._menu = menu
        self._traffic = traffic
        self._spared = spared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, perhaps badly."""
        if scope["type"] != "http" or scope["path"].startswith(self._spared):
            await self._app(scope, receive, send)
            return
        fault = self._menu.pick(scope["method"], scope["path"])
        if fault is None:
            await self._app(scope, receive, self._counting(scope, send))
            return
        self._traffic[f"{scope['method']} fault:{fault.kind}"] += 1
        answer = await _worked(self._app, scope, receive) if fault.takes_effect else None
        if fault.kind == "hang":
            await _hang(fault, receive)
            _reset(send)
            return
        await _SPOIL[fault.kind](fault, answer, send)

    def _counting(self, scope: Scope, send: Send) -> Send:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._traffic[f"{scope['method']} {message['status']}"] += 1
            await send(message)

        return counted


@dataclass(frozen=True, slots=True)
class _Answer:
    start: Message
    body: bytes


async def _worked(app: ASGIApp, scope: Scope, receive: Receive) -> _Answer:
    """The true answer, kept from the caller."""
    start: list[Message] = []
    body: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.append(message)
        else:
            body.append(message.get("body", b""))

    await app(scope, receive, keep)
    return _Answer(start[0], b"".join(body))


async def _respond(
    send: Send, status: int, body: bytes, kind: str, extra: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode()), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Transport(Protocol):
    def abort(self) -> None: ...


def _reset(send: Send) -> None:
    """Cut the TCP connection at once. uvicorn's `send` is a method of the cycle that holds the transport."""
    cycle = getattr(send, "__self__", None)
    cast(_Transport, cycle.transport).abort()  # type: ignore[union-attr]


async def _hang(fault: Fault, receive: Receive) -> None:
    """Silence for `seconds`, or until the caller has had enough."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    waits = [asyncio.ensure_future(gone()), asyncio.ensure_future(asyncio.sleep(fault.seconds))]
    _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in pending:
        wait.cancel()


async def _error_500(fault: Fault, answer: _Answer | None, send: Send) -> None:  # noqa: ARG001
    body = json.dumps({"status": "error", "message": "Server Error"}).encode()
    await _respond(send, 500, body, "application/json")


async def _too_many(fault: Fault, answer: _Answer | None, send: Send) -> None:  # noqa: ARG001
    body = json.dumps({"status": "error", "message": "Too Many Attempts."}).encode()
    wait = (b"retry-after", str(fault.retry_after).encode())
    await _respond(send, 429, body, "application/json", (wait,))


async def _reset_midway(fault: Fault, answer: _Answer | None, send: Send) -> None:  # noqa: ARG001
    """200 and the first half of the body, then the connection breaks."""
    body = answer.body if answer else _PAGE
    told = answer.start["headers"] if answer else []
    headers = [(name, value) for name, value in told if name != b"content-length"]
    headers.append((b"content-length", str(len(body)).encode()))
    await send(
        {
            "type": "http.response.start",
            "status": answer.start["status"] if answer else 200,
            "headers": headers,
        }
    )
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await asyncio.sleep(0.02)
    _reset(send)


async def _lost_answer(fault: Fault, answer: _Answer | None, send: Send) -> None:  # noqa: ARG001
    """Not a byte, and the connection breaks."""
    await asyncio.sleep(0)
    _reset(send)


async def _html(fault: Fault, answer: _Answer | None, send: Send) -> None:  # noqa: ARG001
    """A gateway's page under status 200, as SPLP may send it."""
    await _respond(send, 200, _PAGE, "text/html")


async def _truncated(fault: Fault, answer: _Answer | None, send: Send) -> None:  # noqa: ARG001
    """Well-formed HTTP around half a JSON."""
    status, body = (answer.start["status"], answer.body) if answer else (200, b'{"status": "success"}')
    await _respond(send, status, body[: len(body) // 2], "application/json")


async def _muddled(fault: Fault, answer: _Answer | None, send: Send) -> None:  # noqa: ARG001
    """A page with its rows in reverse, and each twice; anything else as it is."""
    status, body = (answer.start["status"], answer.body) if answer else (200, b"{}")
    try:
        whole = json.loads(body)
        rows = whole["results"]["data"]
    except (ValueError, KeyError, TypeError):
        rows = None
    if isinstance(rows, list):
        whole["results"]["data"] = [row for row in reversed(rows) for _ in range(2)]
        body = json.dumps(whole).encode()
    await _respond(send, status, body, "application/json")


_Spoil = Callable[[Fault, _Answer | None, Send], Awaitable[None]]
_SPOIL: dict[Kind, _Spoil] = {
    "error_500": _error_500,
    "too_many": _too_many,
    "reset": _reset_midway,
    "lost_answer": _lost_answer,
    "html": _html,
    "truncated": _truncated,
    "muddled": _muddled,
}
