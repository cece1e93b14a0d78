"""Admins see and mend dead letters, parked complaints and stopped consumers by HTTP; nobody else does."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from shared.access import Access, new_key
from shared.delivery.desk import Desk
from shared.operations import operations_routes
from shared.sealing import Seal
from shared.web import answer_problems
from tests.shared.test_desk import parked, texts
from tests.shared.world import Owner, Tally, World, submission

pytestmark = pytest.mark.store
Toy = Desk[Tally, World]
ROLES = ("publisher", "opd:DLH", "verifier", "bridge", "admin")
WHY = {"reason": "the app was mended"}
DOORS = (
    ("GET", "dead-letters"),
    ("GET", "dead-letters/1"),
    ("POST", "dead-letters/1/release"),
    ("POST", "dead-letters/1/discard"),
    ("POST", "dead-letters/1/edit"),
    ("GET", "parked"),
    ("POST", f"gaps/{uuid4()}/intake.events/accept"),
    ("GET", "stopped"),
    ("POST", "stopped/resume"),
)


@pytest.fixture
async def door(desk: Toy, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The toy's HTTP, spoken to by an admin."""
    made = {role: new_key(f"a {role.partition(':')[0]}", role) for role in ROLES}
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [entry for _, entry in made.values()]}))
    app = FastAPI()
    answer_problems(app)
    app.include_router(operations_routes(desk, Access(file)))
    app.state.secrets = {role: secret for role, (secret, _) in made.items()}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport,
        base_url="http://hub/v1/operations/",
        headers={"Authorization": f"Bearer {made['admin'][0]}"},
    ) as client:
        client.secrets = app.state.secrets  # type: ignore[attr-defined]
        yield client


async def test_nobody_but_an_admin_comes_in(door: httpx.AsyncClient) -> None:
    for method, path in DOORS:
        for role, secret in door.secrets.items():  # type: ignore[attr-defined]
            answer = await door.request(
                method,
                path,
                json=WHY if method == "POST" else None,
                headers={"Authorization": f"Bearer {secret}"},
            )
            assert (answer.status_code == 403) == (role != "admin"), (path, role)
        assert (await door.request(method, path, headers={"Authorization": ""})).status_code == 401


async def test_every_door_is_in_the_matrix(door: httpx.AsyncClient) -> None:
    app = door._transport.app  # type: ignore[attr-defined]
    paths = app.openapi()["paths"]
    assert sum(len(acts) for acts in paths.values()) == len(DOORS)


async def test_a_letter_is_seen_edited_and_released(
    desk: Toy, intake: Owner, door: httpx.AsyncClient
) -> None:
    key = uuid4()
    bad = replace(intake.replies(key, "?"), value=b'{"at": "kemarin", "text": "rahasia"}')
    await desk.batch([bad, intake.replies(key, "after")])
    (row,) = (await door.get("dead-letters")).json()
    assert (row["complaint_id"], row["number"], row["status"]) == (str(key), "1.1", "open")
    (stream,) = (await door.get("parked")).json()
    assert (stream["complaint_id"], stream["cause"], stream["waiting"]) == (str(key), "unworkable", 1)
    shown = await door.get(f"dead-letters/{row['id']}")
    assert shown.json()["value"]["fields"] == {"at": "string", "text": "string"}
    assert [error["field"] for error in shown.json()["value"]["errors"]] == ["at"]
    assert shown.json()["headers"]["ce_sequence"] == "1.1"
    assert "rahasia" not in shown.text
    assert "kemarin" not in shown.text
    edited = await door.post(f"dead-letters/{row['id']}/edit", json={**WHY, "patch": {"at": None}})
    assert edited.json()["edits"] == 1
    released = await door.post(f"dead-letters/{row['id']}/release", json=WHY)
    assert released.json()["status"] == "releasing"
    await desk.free_what_can_be()
    assert await texts(desk, key) == ["rahasia", "after"]
    assert (await door.get("dead-letters")).json() == []
    acts = await desk.pool.fetch("SELECT name, role, act, about FROM audit.acts ORDER BY id")
    assert [tuple(act) for act in acts] == [
        ("a admin", "admin", "edit dead letter", f"{row['id']}: {WHY['reason']}"),
        ("a admin", "admin", "release dead letter", f"{row['id']}: {WHY['reason']}"),
    ]


async def test_a_letter_is_given_up_twice_and_once(desk: Toy, intake: Owner, door: httpx.AsyncClient) -> None:
    await desk.batch([intake.replies(uuid4(), "raise")])
    (row,) = (await door.get("dead-letters")).json()
    for _ in range(2):
        answer = await door.post(f"dead-letters/{row['id']}/discard", json=WHY)
        assert (answer.status_code, answer.json()["status"]) == (200, "discarded")
    assert await desk.pool.fetchval("SELECT count(*) FROM audit.acts") == 1
    assert len((await door.get("dead-letters", params={"every": True})).json()) == 1


async def test_letters_come_page_by_page(desk: Toy, door: httpx.AsyncClient) -> None:
    await desk.batch([submission("?", "?", offset=n, value=b"{}") for n in range(5)])
    first = (await door.get("dead-letters", params={"limit": 3})).json()
    rest = (await door.get("dead-letters", params={"limit": 3, "after": first[-1]["id"]})).json()
    assert [row["offset"] for row in first + rest] == [0, 1, 2, 3, 4]


async def test_a_strangers_headers_are_told_by_name_only(desk: Toy, door: httpx.AsyncClient) -> None:
    desk.seals = lambda _: Seal(bytes(32))  # without one nothing of a stranger's record is kept
    headers = (("x-phone", b"0800-000-0017"), ("content-type", b"text/plain"))
    await desk.batch([submission("?", "?", offset=1, value=b"\xff", headers=headers)])
    shown = await door.get("dead-letters/1")
    assert shown.json()["headers"] == {"x-phone": None, "content-type": "text/plain"}
    assert shown.json()["value"]["json_kind"] == "unreadable"


async def test_a_gap_is_accepted_and_a_stop_is_ended(
    desk: Toy, intake: Owner, door: httpx.AsyncClient
) -> None:
    key = uuid4()
    one, _lost, three = (intake.replies(key, text) for text in "123")
    await desk.batch([one, three])
    assert (await door.post(f"gaps/{key}/intake.events/accept", json=WHY)).status_code == 204
    await desk.free_what_can_be()
    assert await texts(desk, key) == ["1", "3"]
    assert await parked(desk) == []
    assert (await door.post(f"gaps/{key}/intake.events/accept", json=WHY)).status_code == 404
    assert (await door.get("stopped")).json() == {"stopped": False, "since": None, "reason": None}
    assert (await door.post("stopped/resume", json=WHY)).status_code == 404
    await desk.remember_stop("five in a row")
    assert (await door.get("stopped")).json()["reason"] == "five in a row"
    assert (await door.post("stopped/resume", json=WHY)).status_code == 204
    assert await desk.why_stopped() is None


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("dead-letters/1/release", {}, ["reason"]),
        ("dead-letters/1/release", {"reason": "  "}, ["reason"]),
        ("dead-letters/1/edit", WHY, ["body"]),
        ("dead-letters/1/edit", {**WHY, "value": "x", "patch": {}}, ["body"]),
        ("dead-letters/1/edit", {**WHY, "patch": {"at": "x"}}, ["at"]),
        ("dead-letters/1/edit", {**WHY, "headers": {"ce_id": "x"}}, ["ce_id"]),
        ("dead-letters/9/edit", {**WHY, "patch": {}}, None),
        ("dead-letters/0/release", WHY, ["letter"]),
        ("gaps/x/intake.events/accept", WHY, ["complaint_id"]),
        (f"gaps/{uuid4()}/no.topic/accept", WHY, None),
    ],
)
async def test_what_is_wrong_is_told_by_field(
    desk: Toy,
    intake: Owner,
    door: httpx.AsyncClient,
    path: str,
    body: dict[str, object],
    fields: list[str] | None,
) -> None:
    await desk.batch([replace(intake.replies(uuid4(), "?"), value=b'{"at": "kemarin", "text": "x"}')])
    answer = await door.post(path, json=body)
    if fields is None:
        assert answer.status_code == 404
    else:
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == fields
