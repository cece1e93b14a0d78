"""An official's working day, played over HTTP alone; only the citizen speaks through intake."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.clock import now
from shared.events.sla import ClockStarted, ClockWarned
from tests.conftest import MakeStore
from tests.routing.test_web import CLEAR_TICKET, VAGUE_TICKET, Office, open_office
from tests.routing.world import CLEAR, fact_id, received, replied, told

pytestmark = pytest.mark.store

SECOND_TICKET = "0000000003A"
OPD, VERIFIER = "opd:LAMPU", "verifier"
NOON = datetime(2026, 11, 24, 5, tzinfo=UTC)


@pytest.fixture
async def office(store_of: MakeStore, tmp_path: Path) -> AsyncIterator[Office]:
    """Two complaints at LAMPU and one in triage, as the night left them."""
    async with open_office(await store_of("routing"), tmp_path / "keys.json") as office:
        second = received(CLEAR, ticket=SECOND_TICKET).known_as(fact_id("second"))
        await office.desk.hand_in([(UUID(int=3), second)])
        yield office


async def tickets(office: Office, query: str, role: str) -> list[str]:
    status, page = await office.get(f"/v1/cases?{query}", role)
    assert status == 200, page
    return [case["ticket"] for case in page["cases"]]


async def numbers(office: Office, role: str) -> dict[str, Any]:
    status, counts = await office.get("/v1/worklists", role)
    assert status == 200, counts
    return {name: count for name, count in counts.items() if name != "opd" and count}


async def does(office: Office, ticket: str, act: str, words: Any, role: str, state: str) -> dict[str, Any]:
    """The act is done, and the case stands so afterwards."""
    status, case = await office.do(ticket, act, words, role)
    assert (status, case.get("state")) == (200, state), case
    found: dict[str, Any] = case
    return found


async def test_an_officials_day(office: Office) -> None:
    # in the morning: what is new, with its text and why it came here
    assert await numbers(office, OPD) == {"mine": 2, "new": 2}
    assert await tickets(office, "view=new&order=oldest", OPD) == [CLEAR_TICKET, SECOND_TICKET]
    _, page = await office.get("/v1/cases?view=new&limit=1", OPD)
    assert page["cases"][0]["text"] == CLEAR[1]
    assert page["cases"][0]["trace"]

    # one is taken on, worked, and waits for the citizen
    await does(office, CLEAR_TICKET, "accept", None, OPD, "in_work")
    await does(office, CLEAR_TICKET, "progress", {"text": "Petugas berangkat."}, OPD, "in_work")
    await does(office, CLEAR_TICKET, "ask", {"question": "Tiang nomor berapa?"}, OPD, "asked")
    assert await tickets(office, "view=waiting_for_citizen", OPD) == [CLEAR_TICKET]
    refused, problem = await office.do(CLEAR_TICKET, "hand_back", {"reason": "Bukan kami."}, OPD)
    assert (refused, problem["errors"][0]["field"]) == (409, "act")

    # the other is not this OPD's: it is the verifier's now, and out of the OPD's sight
    await does(office, SECOND_TICKET, "hand_back", {"reason": "Bukan kami."}, OPD, "triage")
    assert (await office.get(f"/v1/cases/{SECOND_TICKET}", OPD))[0] == 404
    assert await numbers(office, OPD) == {"mine": 1, "waiting_for_citizen": 1}

    # the verifier's list
    assert await numbers(office, VERIFIER) == {
        "mine": 2, "new": 1, "waiting_for_citizen": 1, "handed_back": 1,
    }  # fmt: skip
    assert await tickets(office, "view=handed_back", VERIFIER) == [SECOND_TICKET]
    again, problem = await office.do(SECOND_TICKET, "route", {"opd": "LAMPU"}, VERIFIER)
    assert (again, problem["errors"][0]["field"]) == (409, "again")
    case = await does(
        office,
        SECOND_TICKET,
        "classify",
        {"category": "Jalan Rusak", "klasifikasi": "aspirasi"},
        VERIFIER,
        "triage",
    )
    assert (case["category"], case["candidates"][0]["opd"]) == ("Jalan Rusak", "JALAN")
    await does(office, SECOND_TICKET, "route", {"opd": "JALAN"}, VERIFIER, "routed")
    assert await tickets(office, "view=handed_back", "opd:JALAN") == [SECOND_TICKET]
    words = {"clock": "first_response", "days": 3, "reason": "Alat berat dipakai di tempat lain."}
    case = await does(office, SECOND_TICKET, "extend", words, VERIFIER, "routed")
    assert (case["history"][-1]["clock"], case["history"][-1]["days"]) == ("first_response", 3)
    too_long, problem = await office.do(SECOND_TICKET, "extend", {**words, "days": 60}, VERIFIER)
    assert (too_long, problem["errors"][0]["field"]) == (422, "days")

    # what nobody in the city can answer is told who can
    words = {"kind": "not_ours", "reason": "Jaringan listrik.", "refer_to": "PLN"}
    await does(office, VAGUE_TICKET, "reject", words, VERIFIER, "rejected")

    # at noon the citizen replies, and a deadline comes near: both are in the OPD's list
    await office.desk.hand_in(
        [
            (UUID(int=1), replied(text="Tiang nomor 12.", at=now())),
            (UUID(int=1), told(ClockStarted, due_at=NOON)),
            (UUID(int=1), told(ClockWarned, due_at=NOON)),
        ]
    )
    assert await tickets(office, "view=due_soon&order=due", OPD) == [CLEAR_TICKET]
    await does(office, CLEAR_TICKET, "answer", {"text": "Lampu sudah diganti."}, OPD, "answered")
    await does(office, CLEAR_TICKET, "close", {"reason": "Pelapor puas."}, OPD, "closed")

    # in the evening two come back
    case = await does(office, CLEAR_TICKET, "reopen", {"reason": "Padam lagi."}, VERIFIER, "triage")
    assert case["reasons"] == ["reopened"]
    assert case["candidates"][0]["opd"] == "LAMPU"
    await does(office, VAGUE_TICKET, "reopen", {"reason": "Milik kota juga."}, VERIFIER, "triage")
    await does(office, CLEAR_TICKET, "route", {"opd": "LAMPU"}, VERIFIER, "routed")
    assert await tickets(office, "view=new", OPD) == [CLEAR_TICKET]

    said = await office.said()
    assert [said.count(f"complaint.{act}") for act in ("rejected", "reopened", "handed_back", "closed")] == [
        1,
        2,
        1,
        1,
    ]
    assert said.count("deadline.extended") == 1
