"""The export taken in over HTTP: new once, known ever after, odd lines named; against a real store."""

from collections.abc import AsyncIterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from services.lapor_bridge.web import lapor_routes
from shared.access import Access, new_key
from shared.events.ids import complaint_id
from shared.web import answer_problems, as_json
from tests.lapor_bridge.conftest import Bridge
from tests.lapor_bridge.running import Lapor
from tests.lapor_bridge.test_mirror import accepted, act, break_next, writes_of_the_hub
from tests.lapor_bridge.test_ringkas import ROW, workbook
from tests.lapor_bridge.world import a_complaint, kinds, received, routed

pytestmark = pytest.mark.store


class Office:
    """The bridge's routes, with a key for each role."""

    def __init__(self, client: AsyncClient, keys: dict[str, str]) -> None:
        self._client = client
        self._keys = keys

    async def take_in(self, content: bytes, role: str = "admin") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._keys[role]}"}
        answer = await self._client.post("/v1/lapor/imports", content=content, headers=headers)
        return answer.status_code, answer.json()

    async def status(self, role: str = "verifier") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._keys[role]}"}
        answer = await self._client.get("/v1/lapor/status", headers=headers)
        return answer.status_code, answer.json()


@pytest.fixture
async def office(bridge: Bridge, tmp_path: Path) -> AsyncIterator[Office]:
    made = {role: new_key(role, role) for role in ("publisher", "verifier", "admin")}
    file = tmp_path / "keys.json"
    file.write_bytes(as_json({"keys": [entry for _, entry in made.values()]}))
    app = FastAPI()
    answer_problems(app)
    app.include_router(lapor_routes(UTC, connected=True)(bridge.desk, Access(file)))
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://bridge") as client:
        yield Office(client, {role: secret for role, (secret, _) in made.items()})


def export(lapor: Lapor, version: str = "plain", **more: str) -> bytes:
    return lapor.http.get("/export/laporan-ringkas.xlsx", params={"version": version, **more}).content


def generate(lapor: Lapor, count: int) -> None:
    asked = {"generate": {"seed": 11, "count": count}, "backdate": True}
    assert lapor.http.post("/control/reports", json=asked).status_code == 200


async def test_an_export_is_taken_in_whole_and_twice_without_doubling(
    office: Office, bridge: Bridge, lapor: Lapor
) -> None:
    generate(lapor, 1_100)
    for version, new in (("preamble", 1_100), ("plain", 0), ("full", 0), ("preamble", 0)):
        code, told = await office.take_in(export(lapor, version, months="id"))
        assert (code, told["rows"], told["new"], told["known"], told["odd"]) == (
            200,
            1_100,
            new,
            1_100 - new,
            [],
        )
    assert (await office.status())[1]["postings"] == {"waiting": 1_100}


async def test_what_the_api_has_shown_already_is_known(office: Office, bridge: Bridge, lapor: Lapor) -> None:
    generate(lapor, 40)
    await bridge.discovery.turn(bridge.desk)
    _, told = await office.take_in(export(lapor))
    assert (told["new"], told["known"]) == (0, 40)


async def test_odd_lines_are_named_and_the_others_are_taken(office: Office) -> None:
    rows = [
        ROW,
        {**ROW, "Tracking ID": "2", "Tipe Laporan (Anonim/Rahasia)": "Terbatas"},
        {**ROW, "Tracking ID": "3", "Tanggal Laporan Masuk": "3 Jan 2099"},
        {**ROW, "Tracking ID": "4", "Status Laporan": "Status baru"},
        {**ROW, "Tracking ID": "5", "Isi Laporan Akhir": "Lampu mati.Tiket Simpul: 0123456789A"},
    ]
    code, told = await office.take_in(workbook(*rows))
    assert (code, told["rows"], told["new"]) == (200, 5, 2)
    assert [(odd["line"], odd["taken"], odd["reason"]) for odd in told["odd"]] == [
        (3, False, "Tipe Laporan is neither Anonim nor Rahasia"),
        (4, False, "it is dated in the future"),
        (5, True, "Status Laporan is not known; kept as it is written"),
        (6, False, "it ends with a Simpul ticket that is not known here"),
    ]


async def test_a_later_export_tells_what_has_changed(office: Office, bridge: Bridge, lapor: Lapor) -> None:
    tracking_id = lapor.http.post(
        "/control/reports", json={"reports": [{"title": "Jalan", "text": "Jalan rusak sekali."}]}
    ).json()["tracking_ids"][0]
    earlier = export(lapor)
    await office.take_in(earlier)
    key = complaint_id("lapor", tracking_id)
    await bridge.hear(key, accepted(tracking_id))
    act(lapor, tracking_id, "close", by="Admin")
    _, told = await office.take_in(export(lapor))
    assert told["changes"] == 1
    _, told = await office.take_in(earlier)
    assert told["changes"] == 0
    assert kinds([event for _, event in await bridge.said()]) == ["lapor.linked", "lapor.status_changed"]


async def test_our_own_report_in_the_export_settles_an_attempt_without_answer(
    office: Office, bridge: Bridge, lapor: Lapor
) -> None:
    break_next(lapor, "lost_answer", "/complaints/complaint", method="POST")
    await bridge.hear(a_complaint(1), received(), routed("DISHUB"))
    await bridge.forward()
    _, told = await office.take_in(export(lapor))
    assert (told["rows"], told["odd"]) == (1, [])
    await bridge.forward(3)
    assert writes_of_the_hub(lapor) == ["create"]
    async with bridge.desk.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM links") == 1


async def test_a_strange_file_is_refused_with_its_reason(office: Office) -> None:
    code, told = await office.take_in(b"%PDF-1.7")
    assert (code, told["errors"][0]["field"]) == (422, "body")
    assert "not an Excel workbook" in told["errors"][0]["reason"]


async def test_only_an_admin_may_take_in_and_only_officials_may_look(office: Office) -> None:
    assert (await office.take_in(b"", role="verifier"))[0] == 403
    assert (await office.status(role="publisher"))[0] == 403
    code, told = await office.status()
    assert code == 200
    assert told["connected"] is True
