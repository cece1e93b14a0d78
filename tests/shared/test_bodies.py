"""How much may be sent, over real HTTP: told, streamed, slow, and JSON that is small until it is read."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Body, FastAPI, Request

from ops.stack.ports import any_free
from shared.access import Access, new_key
from shared.bodies import DEFAULT, KIB, MIB, MOST_PIECES, Larger, limit_bodies
from shared.delivery.metrics import Metrics
from shared.events.submissions import SubmissionPosted
from shared.web import HttpServer, answer_problems

LARGER = {"/files/{name}": Larger(2 * MIB, keyed=False), "/keyed": Larger(2 * MIB)}


class Door:
    """A server with limits, and what its routes were given."""

    http: httpx.AsyncClient
    port: int
    key: dict[str, str]

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.metrics = Metrics()

    async def by_hand(self, text: bytes) -> tuple[bytes, float]:
        """What is answered to these bytes, up to the end of the connection, and after how many seconds."""
        began = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(text)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer, time.monotonic() - began


@asynccontextmanager
async def opened(tmp_path: Path, patience: float = 20.0) -> AsyncIterator[Door]:
    secret, entry = new_key("sikesal", "publisher")
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [entry]}))
    made = Door()
    app = FastAPI()
    answer_problems(app)
    port = any_free()

    @app.post("/raw")
    @app.post("/files/{name}")
    @app.post("/keyed")
    async def raw(request: Request) -> int:
        made.taken.append(len(await request.body()))
        return made.taken[-1]

    @app.post("/submissions")
    async def submissions(submission: Annotated[SubmissionPosted, Body()]) -> str:
        made.taken.append(1)
        return submission.reference

    limit_bodies(app, Access(keys), LARGER, patience=patience, metrics=made.metrics)
    server = HttpServer(app, "127.0.0.1", port)
    await server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
        made.http, made.port, made.key = http, port, {"Authorization": f"Bearer {secret}"}
        yield made
    await server.stop()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as opening:
        yield opening


def too_large(answer: httpx.Response, limit: int) -> None:
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] == [{"field": "body", "reason": f"holds more than {limit} bytes"}]


async def pieces(count: int, size: int = 64 * KIB) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


@pytest.mark.parametrize(
    ("path", "limit"), [("/raw", DEFAULT), ("/files/a", 2 * MIB), ("/files/a/b", DEFAULT)]
)
async def test_a_body_above_the_limit_of_its_route_is_refused_naming_the_limit(
    door: Door, path: str, limit: int
) -> None:
    too_large(await door.http.post(path, content=b"x" * (limit + 1)), limit)
    assert door.taken == []


async def test_a_body_as_large_as_the_limit_is_taken(door: Door) -> None:
    assert (await door.http.post("/raw", content=b"x" * DEFAULT)).json() == DEFAULT
    assert (await door.http.post("/files/a", content=pieces(32))).json() == 2 * MIB


async def test_a_streamed_body_is_refused_when_it_passes_the_limit(door: Door) -> None:
    too_large(await door.http.post("/raw", content=pieces(200)), DEFAULT)
    assert door.taken == []


async def test_an_endless_body_is_left_soon_and_others_are_answered_meanwhile(door: Door) -> None:
    async def endless() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(b"POST /raw HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        except OSError:
            return
        finally:
            writer.close()
            del reader

    sending = asyncio.create_task(endless())
    await asyncio.sleep(0.3)
    assert (await door.http.post("/raw", content=b"x")).status_code == 200
    await asyncio.wait_for(sending, 10)
    assert door.taken == [1]


async def test_what_is_only_announced_is_refused_before_it_comes(door: Door) -> None:
    answer, took = await door.by_hand(
        b"POST /raw HTTP/1.1\r\nHost: hub\r\nContent-Length: 999999999\r\nExpect: 100-continue\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()
    assert took < 5


async def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    async with opened(tmp_path, patience=-3.5) as door:  # the default limit's 4 seconds, less this
        answer, took = await door.by_hand(
            b"POST /raw HTTP/1.1\r\nHost: hub\r\nContent-Length: 10\r\n\r\nhalf"
        )
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert took < 5
        assert door.taken == []


async def test_who_has_no_key_may_not_send_more_than_anybody(door: Door) -> None:
    unknown = {"Authorization": "Bearer simpul_of-nobody"}
    for headers in ({}, unknown):
        refused = await door.http.post("/keyed", content=b"x" * MIB, headers=headers)
        assert refused.status_code == 401
        streamed = await door.http.post("/keyed", content=pieces(2), headers=headers)
        assert streamed.status_code == 401
    for why in ("no_key", "unknown_key"):
        labels = {"reason": why, "role": "none"}
        assert door.metrics.registry.get_sample_value("simpul_http_turned_away_total", labels) == 2
    assert (await door.http.post("/keyed", content=b"x")).json() == 1
    assert (await door.http.post("/keyed", content=b"x" * MIB, headers=door.key)).json() == MIB
    too_large(await door.http.post("/keyed", content=b"x" * 3 * MIB, headers=door.key), 2 * MIB)


async def test_guessing_keys_with_large_bodies_costs_as_much(door: Door) -> None:
    async def guess(headers: dict[str, str]) -> int:
        return (await door.http.post("/keyed", content=b"x" * MIB, headers=headers)).status_code

    guesses = [await guess({"Authorization": f"Bearer simpul_{n}"}) for n in range(40)]
    assert guesses[:15] == [401] * 15
    assert guesses[-1] == 429
    assert await guess(door.key) == 200


def nested(kind: str, depth: int) -> str:
    opening, closing = {"list": ("[", "]"), "object": ('{"a":', "}")}[kind]
    return opening * depth + "1" + closing * depth


SUBMISSION: dict[str, Any] = {
    "source": "sikesal",
    "reference": "1",
    "channel": "app",
    "reported_at": "2026-03-13T02:10:00Z",
}
WRITTEN = json.dumps(SUBMISSION)[:-1]


@pytest.mark.parametrize(
    "body",
    [
        nested("list", 100_000),
        nested("object", 40_000),
        f'{WRITTEN},"text":{nested("list", 900)}}}',
        f'{WRITTEN},"text":"x","attachments":[{"{},".join([""] * 50_000)}{{}}]}}',
        f'{WRITTEN},"text":"x",' + ",".join(f'"k{n}":1' for n in range(20_000)) + "}",
        f'{WRITTEN},"text":{"9" * 200_000}}}',
        f'{WRITTEN},"text":"x","place":{{"lat":1e{"9" * 100_000}}}}}',
    ],
    ids=[
        "deep lists",
        "deep objects",
        "a deep field",
        "many items",
        "many fields",
        "a long number",
        "a large one",
    ],
)
async def test_json_that_is_made_to_cost_much_costs_little(door: Door, body: str) -> None:
    began = time.monotonic()
    answer = await door.http.post("/submissions", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 64 * KIB
    assert time.monotonic() - began < 2


async def test_a_large_body_may_not_hold_very_many_values(door: Door) -> None:
    body = b"[" + b"[]," * MOST_PIECES + b"[]]"
    answer = await door.http.post("/files/a", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["errors"] == [{"field": "body", "reason": f"holds more than {MOST_PIECES} values"}]
