"""What officials can look up about clocks over HTTP, against a real store."""

import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from services.sla_monitor.aggregate import aggregate
from services.sla_monitor.web import clock_routes
from shared.access import Access, new_key
from shared.delivery.saying import make_months
from shared.web import answer_problems
from tests.conftest import MakeStore
from tests.sla_monitor.test_store import load_documents
from tests.sla_monitor.test_sweep import MONDAY, Watch, a_desk, heard
from tests.sla_monitor.world import TICKET, asked, at, received, routed, shipped

pytestmark = pytest.mark.store

ROLES = ("publisher", "opd:PUPR", "opd:DLH", "verifier", "admin")


class Office:
    """The monitor's API with one complaint in it, and a key for every role."""

    def __init__(self, client: AsyncClient, keys: dict[str, str], desk: Watch) -> None:
        self._client = client
        self._desk = desk
        self._keys = keys

    async def counts(self) -> None:
        """Whatever was heard is in the numbers."""
        while await aggregate(self._desk) == 0.0:
            pass

    async def get(self, path: str, role: str = "verifier") -> tuple[int, Any]:
        answer = await self._client.get(path, headers={"Authorization": f"Bearer {self._keys[role]}"})
        return answer.status_code, answer.json()


@pytest.fixture
async def office(store_of: MakeStore, tmp_path: Path) -> AsyncIterator[Office]:
    desk = a_desk(await store_of("sla_monitor"))
    async with desk.read() as connection:
        await make_months(connection, date(2026, 11, 1))
        await load_documents(connection, shipped())
    await heard(desk, received(MONDAY), routed(MONDAY), asked(at("2026-11-03")))
    made = {role: new_key(role.replace(":", "-").lower(), role) for role in ROLES}
    keys_file = tmp_path / "keys.json"
    keys_file.write_text(json.dumps({"keys": [entry for _, entry in made.values()]}))
    app = FastAPI()
    answer_problems(app)
    app.include_router(clock_routes(desk, Access(keys_file)))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://hub") as client:
        yield Office(client, {role: secret for role, (secret, _) in made.items()}, desk)


async def test_the_clocks_of_a_ticket_with_the_rules_behind_them(office: Office) -> None:
    status, body = await office.get(f"/v1/clocks/{TICKET}")
    assert status == 200
    clocks = {clock["clock"]: clock for clock in body["clocks"]}
    assert list(clocks) == ["verify", "first_response", "resolution", "completion"]
    assert (clocks["resolution"]["status"], clocks["resolution"]["due_at"]) == ("paused", None)
    assert clocks["resolution"]["pauses"] == [{"from": "2026-11-03T03:00:00Z", "to": None}]
    assert clocks["completion"]["due_at"] == "2026-11-13T16:59:59.999999Z"
    assert clocks["first_response"]["ended_by"] == "asked"
    assert clocks["verify"]["policy"] == "sp4n-lapor-1@1"
    assert clocks["verify"]["calendar"].startswith("ID@1+holidays-")
    assert (body["case_state"], body["opd"], body["ticket"]) == ("asked", "PUPR", TICKET)


async def test_a_ticket_is_read_forgivingly(office: Office) -> None:
    assert (await office.get("/v1/clocks/o123456-789a"))[0] == 200


@pytest.mark.parametrize(
    ("role", "status"), [("opd:PUPR", 200), ("opd:DLH", 404), ("admin", 200), ("publisher", 403)]
)
async def test_an_opd_sees_its_own_and_a_publisher_nothing(office: Office, role: str, status: int) -> None:
    assert (await office.get(f"/v1/clocks/{TICKET}", role))[0] == status


async def test_an_unknown_ticket_is_not_found(office: Office) -> None:
    assert (await office.get("/v1/clocks/00000000000"))[0] == 404


async def numbers(office: Office, role: str, query: str) -> list[str]:
    status, body = await office.get(f"/v1/aggregates?{query}", role)
    assert status == 200
    return [f"{one['opd']}/{one['clock']}/{one['day']}" for one in body["aggregates"]]


async def test_the_numbers_of_days_by_opd_and_clock(office: Office) -> None:
    assert (await office.get("/v1/aggregates?from=2026-11-02&to=2026-11-04"))[1]["counting"]
    await office.counts()
    every = await numbers(office, "verifier", "from=2026-11-02&to=2026-11-04")
    assert {"PUPR/completion/2026-11-03", "None/verify/2026-11-02", "None/resolution/2026-11-04"} <= set(
        every
    )
    assert not (await office.get("/v1/aggregates"))[1]["counting"]
    assert await numbers(office, "verifier", "opd=PUPR&from=2026-11-03&to=2026-11-03") == [
        "PUPR/completion/2026-11-03",
        "PUPR/first_response/2026-11-03",
    ]


async def test_an_opd_sees_its_own_numbers_and_no_others(office: Office) -> None:
    await office.counts()
    own = await numbers(office, "opd:PUPR", "from=2026-11-02&to=2026-11-04")
    assert own
    assert {one.partition("/")[0] for one in own} == {"PUPR"}
    assert await numbers(office, "opd:DLH", "from=2026-11-02&to=2026-11-04") == []
    assert (await office.get("/v1/aggregates?opd=PUPR", "opd:DLH"))[0] == 403
    assert (await office.get("/v1/aggregates", "publisher"))[0] == 403


@pytest.mark.parametrize(
    "query", ["from=2026-11-05&to=2026-11-04", "from=2026-01-01&to=2026-11-04", "from=x"]
)
async def test_days_that_cannot_be_are_refused(office: Office, query: str) -> None:
    status, body = await office.get(f"/v1/aggregates?{query}")
    assert status == 422
    assert [error["field"] for error in body["errors"]] == ["from"]
