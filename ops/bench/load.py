"""A load of complaints by HTTP, as a process: so many connections, at a rate or as fast as answers come.

A client of its own, because a general one costs more than the server that is measured. Prints one line of JSON.
"""

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

from ops.bench import events
from shared import clock


@dataclass
class Done:
    """What became of the requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    sent: dict[str, float] = field(default_factory=dict)
    """Reference → when it was to be sent (`time.time`)."""


class Connection(asyncio.Protocol):
    """One connection that is kept open; one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._told = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # by its class uvloop's is none

    def data_received(self, data: bytes) -> None:
        self._told += data
        head, end, body = self._told.partition(b"\r\n\r\n")
        if not end:
            return
        at = head.lower().find(b"content-length: ")
        length = int(head[at + 16 :].split(b"\r\n", 1)[0])
        if len(body) >= length and self._answer is not None and not self._answer.done():
            self._told = b""
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, _: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server hung up"))

    async def ask(self, request: bytes) -> int:
        """The status of the answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


def requests(address: str, path: str, key: str, run: str) -> Iterator[tuple[str, bytes]]:
    """Complaints without end, each with its reference."""
    now = clock.now().isoformat()
    lines = (f"POST {path} HTTP/1.1", f"Host: {address}", f"Authorization: Bearer {key}")
    head = "\r\n".join([*lines, "Content-Type: application/json", ""])
    n = 0
    while True:
        for title, text, category in events.texts():
            reference = f"{run}-{n:07d}"
            n += 1
            said: dict[str, Any] = {
                "reference": reference,
                "channel": "app",
                "reported_at": now,
                "title": title,
                "text": text,
            }
            said |= {
                "forward": False,
                "reporter": {"name": "Warga Contoh", "phone": f"0800-{n // 10000:03d}-{n % 10000:04d}"},
            }
            body = json.dumps(said | ({"category": category} if category else {})).encode()
            yield reference, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def main(
    url: str, path: str, key: str, run: str, connections: int, rate: float, seconds: float, count: int
) -> Done:
    """`rate` 0: each connection asks again as soon as it was answered. Ends after `seconds`, or after `count`."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    opened = [
        (await loop.create_connection(Connection, parts.hostname or "", parts.port or 0))[1]
        for _ in range(connections)
    ]
    source = requests(parts.netloc, path, key, run)
    waiting = [next(source) for _ in range(count)] if count else None
    done = Done()
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for one in opened:
        free.put_nowait(one)
    began, wall = time.monotonic(), time.time()

    async def ask(one: Connection, due: float) -> None:
        reference, request = waiting.pop() if waiting is not None else next(source)
        done.sent[reference] = wall + due - began
        done.statuses[await one.ask(request)] += 1
        done.seconds.append(time.monotonic() - due)

    async def over_and_over(one: Connection) -> None:
        while (time.monotonic() - began < seconds) if waiting is None else waiting:
            await ask(one, time.monotonic())

    async def give_back(one: Connection, due: float) -> None:
        await ask(one, due)
        free.put_nowait(one)

    if not rate:
        await asyncio.gather(*(over_and_over(one) for one in opened))
        return done
    under_way = set()
    for n in range(count or int(rate * seconds)):
        due = began + n / rate
        if (early := due - time.monotonic()) > 0:
            await asyncio.sleep(early)
        task = asyncio.create_task(give_back(await free.get(), due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    return done


def at(share: float, seconds: list[float]) -> float:
    """The middle one, or one near the end: in milliseconds."""
    ordered = sorted(seconds)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


if __name__ == "__main__":
    gc.disable()
    _, url, path, key, run, connections, rate, seconds, count, sent = sys.argv
    begun = time.monotonic()
    found = uvloop.run(main(url, path, key, run, int(connections), float(rate), float(seconds), int(count)))
    if sent != "-":
        Path(sent).write_text(json.dumps(found.sent), encoding="utf-8")
    print(
        json.dumps(
            {
                "count": len(found.seconds),
                "seconds": time.monotonic() - begun,
                "p50": at(0.5, found.seconds),
                "p99": at(0.99, found.seconds),
                "statuses": found.statuses,
            }
        )
    )
