"""What goes wrong over HTTP is told as RFC 9457, by field, and never in the sender's own words."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import Body, FastAPI, Header, Query
from starlette.exceptions import HTTPException

from ops.contracts import ROOT
from ops.stack.ports import any_free
from shared.decision import Refused, Unworkable
from shared.delivery.desk import Busy
from shared.events.parts import FieldError
from shared.events.submissions import SubmissionPosted
from shared.web import HttpServer, NotFound, Shut, answer_problems

SECRET = "rahasia warga contoh"
SUBMISSION: dict[str, Any] = {
    "source": "sikesal",
    "reference": "1",
    "channel": "app",
    "reported_at": "2026-03-13T02:10:00Z",
    "text": "Lampu mati.",
}

RAISED: dict[str, Exception] = {
    "refused": Refused([FieldError(field="reported_at", reason="lies in the future")]),
    "conflict": Refused([FieldError(field="act", reason="accept is not for a closed case")], conflict=True),
    "missing": NotFound("there is no such ticket"),
    "unworkable": Unworkable("the event would be too large"),
    "busy": Busy(),
    "teapot": HTTPException(418, "short and stout", headers={"X-Pot": "yes"}),
    "postgres": asyncpg.PostgresError(SECRET),
    "interface": asyncpg.InterfaceError(SECRET),
    "socket": ConnectionResetError(SECRET),
    "late": TimeoutError(SECRET),
    "bug": KeyError(SECRET),
}


@pytest.fixture
async def hub() -> AsyncIterator[httpx.AsyncClient]:
    """An app whose routes take a submission, and raise whatever they are asked to."""
    app = FastAPI()
    answer_problems(app)

    @app.post("/complaints")
    async def take(submission: Annotated[SubmissionPosted, Body()]) -> str:
        return submission.reference

    @app.get("/cases/{ticket}")
    async def cases(
        ticket: UUID,
        limit: Annotated[int, Query(ge=1)],
        idempotency_key: Annotated[str, Header(max_length=5)],
    ) -> str:
        return f"{ticket}{limit}{idempotency_key}"

    @app.get("/raise/{name}")
    async def fail(name: str) -> None:
        raise RAISED[name]

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        yield client


def told(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document of an answer, checked for what every one must have."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert body["title"]
    assert SECRET not in answer.text
    return body


def fields(body: dict[str, Any]) -> list[str]:
    assert all(error["reason"] for error in body["errors"])
    return [error["field"] for error in body["errors"]]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"text": 5}, ["text"]),
        ({"text": ""}, ["text"]),
        ({"text": None}, ["text"]),
        ({"text": SECRET * 1000}, ["text"]),
        ({"reported_at": SECRET}, ["reported_at"]),
        ({"reported_at": "2026-03-13T02:10:00"}, ["reported_at"]),
        ({"klasifikasi": SECRET}, ["klasifikasi"]),
        ({"anonymous": SECRET}, ["anonymous"]),
        ({"place": {"lat": SECRET}}, ["place.lat"]),
        ({"place": {"kelurahan": SECRET}}, ["place.kelurahan"]),
        ({"reporter": {"nik": SECRET}}, ["reporter.nik"]),
        ({"attachments": [{"name": SECRET, "media_type": SECRET}]}, ["attachments.0.media_type"]),
        ({"attachments": [{"name": SECRET, "media_type": "image/png"}]}, ["attachments.0"]),
        ({"source": SECRET, "reference": "\x00" + SECRET}, ["source", "reference"]),
        ({"unknown": SECRET}, ["unknown"]),
    ],
)
async def test_each_wrong_field_is_named_and_not_quoted(
    hub: httpx.AsyncClient, change: dict[str, Any], named: list[str]
) -> None:
    body = told(await hub.post("/complaints", json=SUBMISSION | change), 422)
    assert fields(body) == named


async def test_each_missing_field_is_named(hub: httpx.AsyncClient) -> None:
    body = told(await hub.post("/complaints", json={}), 422)
    assert sorted(fields(body)) == ["channel", "reference", "reported_at", "source", "text"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"' + SECRET.encode() + b'"', b"\xff\xfe"])
async def test_a_body_that_is_none_is_told_as_the_body(hub: httpx.AsyncClient, content: bytes) -> None:
    answer = await hub.post("/complaints", content=content, headers={"Content-Type": "application/json"})
    if answer.status_code == 400:
        told(answer, 400)
        return
    assert fields(told(answer, 422)) == ["body"]


async def test_a_body_of_another_kind_is_told_as_the_body(hub: httpx.AsyncClient) -> None:
    answer = await hub.post("/complaints", content=SECRET, headers={"Content-Type": "text/plain"})
    assert fields(told(answer, 422)) == ["body"]


async def test_what_is_wrong_in_path_query_and_header_is_named(hub: httpx.AsyncClient) -> None:
    answer = await hub.get(
        f"/cases/{SECRET}", params={"limit": SECRET}, headers={"Idempotency-Key": "12345678"}
    )
    assert fields(told(answer, 422)) == ["ticket", "limit", "idempotency-key"]


async def test_a_thousand_errors_are_told_as_fifty(hub: httpx.AsyncClient) -> None:
    wrong = SUBMISSION | {"attachments": [{}] * 10, "place": {f"unknown{n}": 1 for n in range(1000)}}
    assert len(told(await hub.post("/complaints", json=wrong), 422)["errors"]) == 50


@pytest.mark.parametrize(
    ("name", "status", "title"),
    [
        ("refused", 422, "Something is wrong with what was sent"),
        ("conflict", 409, "This cannot be done now"),
        ("missing", 404, "there is no such ticket"),
        ("unworkable", 422, "the event would be too large"),
        ("busy", 503, "This complaint is being worked on; try again"),
        ("teapot", 418, "short and stout"),
        ("postgres", 503, "The store is away; nothing was kept, try again"),
        ("interface", 503, "The store is away; nothing was kept, try again"),
        ("socket", 503, "The store is away; nothing was kept, try again"),
        ("late", 503, "The store is away; nothing was kept, try again"),
        ("bug", 500, "Something broke here; it was written down"),
    ],
)
async def test_whatever_a_route_raises_has_its_answer(
    hub: httpx.AsyncClient, name: str, status: int, title: str
) -> None:
    answer = await hub.get(f"/raise/{name}")
    assert told(answer, status)["title"] == title
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_what_breaks_while_a_newer_version_takes_over_may_be_tried_again() -> None:
    app = FastAPI()

    async def overtaken() -> bool:
        return True

    answer_problems(app, overtaken=overtaken)

    @app.get("/status")
    async def status() -> str:
        raise KeyError(SECRET)

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as http:
        answer = await http.get("/status")
    assert "a newer version" in told(answer, 503)["title"].lower()
    assert answer.headers["retry-after"]


async def test_a_refusal_names_the_field_and_the_reason(hub: httpx.AsyncClient) -> None:
    assert told(await hub.get("/raise/conflict"), 409)["errors"] == [
        {"field": "act", "reason": "accept is not for a closed case"}
    ]


async def test_headers_of_a_plain_error_are_kept(hub: httpx.AsyncClient) -> None:
    assert (await hub.get("/raise/teapot")).headers["x-pot"] == "yes"


async def test_an_unknown_path_and_a_wrong_method_are_problems_too(hub: httpx.AsyncClient) -> None:
    told(await hub.get("/nowhere"), 404)
    told(await hub.put("/complaints"), 405)


async def test_the_server_answers_until_it_is_stopped() -> None:
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(0.3)
        return "done"

    port = any_free()
    server = HttpServer(app, "127.0.0.1", port)
    await server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        under_way = asyncio.create_task(client.get("/slow"))
        await asyncio.sleep(0.1)
        await server.stop()
        assert (await under_way).json() == "done"
        with pytest.raises(httpx.ConnectError):
            await client.get("/slow")


def test_a_port_that_is_taken_stops_the_start_with_a_sentence() -> None:
    program = (
        "import asyncio, sys; from fastapi import FastAPI; from shared.web import HttpServer;"
        " asyncio.run(HttpServer(FastAPI(), '127.0.0.1', int(sys.argv[1])).start())"
    )
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-c", program, str(port)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"cannot start: port {port} cannot be bound")


async def test_while_a_service_starts_or_leaves_only_its_probes_are_answered() -> None:
    shut = True
    app = FastAPI()
    app.add_middleware(Shut, while_=lambda: shut)

    @app.get("/live")
    @app.get("/v1/complaints")
    async def answer() -> str:
        return "here"

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://intake") as http:
        assert (await http.get("/live")).status_code == 200
        away = await http.get("/v1/complaints")
        assert (away.status_code, away.headers["retry-after"]) == (503, "2")
        assert away.json()["title"] == "Not ready; try again"
        shut = False
        assert (await http.get("/v1/complaints")).json() == "here"
