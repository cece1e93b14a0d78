"""What officials can see and do over HTTP, against a real store."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from services.routing.domain.case import Case
from services.routing.domain.city import City
from services.routing.handlers import routing_fold
from services.routing.web import case_routes
from shared.access import Access, new_key
from shared.clock import now
from shared.database import Pool
from shared.delivery.desk import Desk
from shared.delivery.metrics import Metrics
from shared.delivery.posting import Poster
from shared.delivery.saying import make_months
from shared.events.intake import ComplaintAmended
from shared.events.parts import By
from shared.web import answer_problems
from tests.conftest import MakeStore
from tests.routing.test_store import load_documents
from tests.routing.world import CLEAR, DOCUMENTS, VAGUE, fact_id, received

pytestmark = pytest.mark.store

ROLES = ("publisher", "opd:LAMPU", "opd:JALAN", "verifier", "admin", "bridge")

CLEAR_TICKET, VAGUE_TICKET = "0000000001A", "0000000002A"


class Office:
    """Routing's API with two complaints in it, one at LAMPU and one in triage, and a key for every role."""

    def __init__(self, client: AsyncClient, keys: dict[str, str], desk: Desk[Case, City]) -> None:
        self._client = client
        self._keys = keys
        self.desk = desk

    async def get(self, path: str, role: str = "verifier") -> tuple[int, Any]:
        answer = await self._client.get(path, headers={"Authorization": f"Bearer {self._keys[role]}"})
        return answer.status_code, answer.json()

    async def do(
        self, ticket: str, act: str, words: Any = None, role: str = "verifier", key: str | None = None
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._keys[role]}"}
        headers |= {"Idempotency-Key": key} if key else {}
        answer = await self._client.post(f"/v1/cases/{ticket}/{act}", json=words, headers=headers)
        return answer.status_code, answer.json()

    async def said(self) -> list[str]:
        rows = await self.desk.pool.fetch("SELECT type FROM delivery.said ORDER BY position")
        return [row["type"].removeprefix("simpul.").removesuffix(".v1") for row in rows]


@asynccontextmanager
async def open_office(pool: Pool, keys_file: Path) -> AsyncIterator[Office]:
    async with pool.acquire() as connection:
        await load_documents(connection, DOCUMENTS)
        await make_months(connection, now().date())
    secrets = _keys(keys_file)
    desk: Desk[Case, City] = Desk(
        name="routing",
        pool=pool,
        fold=routing_fold(lambda _: None),
        epoch=1,
        metrics=Metrics(),
        seals=lambda _: None,
        poster=Poster(["127.0.0.1:1"], "routing"),
    )
    await desk.hand_in(
        [
            (UUID(int=1), received(CLEAR, ticket=CLEAR_TICKET)),
            (UUID(int=2), received(VAGUE, ticket=VAGUE_TICKET).known_as(fact_id("vague"))),
        ]
    )
    app = FastAPI()
    answer_problems(app)
    app.include_router(case_routes(desk, Access(keys_file)))
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://routing") as client:
        yield Office(client, secrets, desk)


def _keys(keys_file: Path) -> dict[str, str]:
    """A key for every role, written where access reads them; the secrets by role."""
    made = {role: new_key(role.replace(":", "-"), role) for role in ROLES}
    keys_file.write_text(json.dumps({"keys": [entry for _, entry in made.values()]}))
    return {role: secret for role, (secret, _) in made.items()}


@pytest.fixture
async def office(store_of: MakeStore, tmp_path: Path) -> AsyncIterator[Office]:
    async with open_office(await store_of("routing"), tmp_path / "keys.json") as office:
        yield office


async def test_a_case_is_shown_whole_with_its_trace(office: Office) -> None:
    status, case = await office.get(f"/v1/cases/{CLEAR_TICKET}")
    assert status == 200
    assert (case["state"], case["opd"], case["disposition"]) == ("routed", "LAMPU", 1)
    assert any("lampu jalan mati" in line for line in case["trace"])
    assert [moment["act"] for moment in case["history"]] == [
        "complaint.received",
        "complaint.classified",
        "complaint.routed",
    ]
    assert case["registry"] == 1


async def test_a_ticket_is_read_as_people_type_it(office: Office) -> None:
    for typed in ["0000000001a", "0000-0000-01A", "oooooooooia", "OOOOOOOOOLA"]:
        status, case = await office.get(f"/v1/cases/{typed}")
        assert (status, case.get("ticket")) == (200, CLEAR_TICKET)


async def test_a_ticket_that_nobody_has_is_not_found(office: Office) -> None:
    assert (await office.get("/v1/cases/9999999999Z"))[0] == 404
    assert (await office.do("9999999999Z", "route", {"opd": "JALAN"}))[0] == 404


async def test_who_only_publishes_sees_no_case(office: Office) -> None:
    for role in ("publisher", "bridge"):
        for path in ["/v1/cases", "/v1/triage", f"/v1/cases/{CLEAR_TICKET}"]:
            assert (await office.get(path, role))[0] == 403


async def test_lists_are_by_opd_and_status(office: Office) -> None:
    async def tickets(query: str, role: str = "verifier") -> list[str]:
        status, page = await office.get(f"/v1/cases{query}", role)
        assert status == 200
        return [case["ticket"] for case in page["cases"]]

    assert await tickets("") == [VAGUE_TICKET, CLEAR_TICKET]
    assert await tickets("?opd=LAMPU") == [CLEAR_TICKET]
    assert await tickets("?status=triage") == [VAGUE_TICKET]
    assert await tickets("?opd=LAMPU&status=triage") == []
    assert await tickets("", "opd:LAMPU") == [CLEAR_TICKET]
    assert await tickets("", "opd:JALAN") == []
    assert (await office.get("/v1/cases?opd=LAMPU", "opd:JALAN"))[0] == 403


async def test_several_states_and_a_worklist_narrow_together(office: Office) -> None:
    async def tickets(query: str, role: str = "verifier") -> list[str]:
        status, page = await office.get(f"/v1/cases{query}", role)
        assert status == 200, page
        return [case["ticket"] for case in page["cases"]]

    assert await tickets("?status=triage&status=routed") == [VAGUE_TICKET, CLEAR_TICKET]
    assert await tickets("?view=new") == [VAGUE_TICKET]
    assert await tickets("?view=new", "opd:LAMPU") == [CLEAR_TICKET]
    assert await tickets("?view=new&opd=LAMPU") == [CLEAR_TICKET]
    assert await tickets("?view=mine&status=asked", "opd:LAMPU") == []
    assert await tickets("?view=new", "opd:JALAN") == []
    assert await tickets("?q=0000-0000-O1") == [CLEAR_TICKET]
    assert await tickets("?order=due") == []
    assert await tickets("?since=2100-01-01T00:00:00Z") == []


async def test_an_official_begins_the_day_with_numbers(office: Office) -> None:
    _, opds = await office.get("/v1/worklists", "opd:LAMPU")
    assert opds == {
        "opd": "LAMPU", "mine": 1, "new": 1, "due_soon": 0, "waiting_for_citizen": 0, "handed_back": 0,
    }  # fmt: skip
    _, citys = await office.get("/v1/worklists")
    assert (citys["opd"], citys["mine"], citys["new"]) == (None, 1, 1)
    assert (await office.get("/v1/worklists?opd=LAMPU", "admin"))[1] == opds
    assert (await office.get("/v1/worklists?opd=LAMPU", "opd:JALAN"))[0] == 403
    assert (await office.get("/v1/worklists", "publisher"))[0] == 403


async def test_a_line_says_what_it_is_about_and_how_it_was_read(office: Office) -> None:
    _, page = await office.get("/v1/cases", "opd:LAMPU")
    [case] = page["cases"]
    assert case["text"] == CLEAR[1]
    assert any("lampu jalan mati" in one for one in case["trace"])
    assert (case["due_at"], case["pressing"], case["handed_back"]) == (None, False, [])


async def test_a_senseless_question_names_its_field(office: Office) -> None:
    for query, field in [
        ("?status=new", "status.0"),
        ("?opd=x!", "opd"),
        ("?limit=0", "limit"),
        ("?limit=999", "limit"),
        ("?after=tomorrow", "after"),
        ("?view=all", "view"),
        ("?order=random", "order"),
        ("?since=yesterday", "since"),
        ("?kecamatan=Jelutung", "kecamatan"),
        ("?after=99999999999999999999999.0", "after"),
    ]:
        status, problem = await office.get(f"/v1/cases{query}")
        assert status == 422
        assert [error["field"] for error in problem["errors"]] == [field]


async def test_a_list_goes_on_page_by_page(office: Office) -> None:
    _, first = await office.get("/v1/cases?limit=1")
    _, second = await office.get(f"/v1/cases?limit=1&after={first['next']}")
    _, third = await office.get(f"/v1/cases?limit=1&after={second['next']}")
    assert [page["cases"][0]["ticket"] for page in (first, second)] == [VAGUE_TICKET, CLEAR_TICKET]
    assert third == {"cases": [], "next": None}


async def test_triage_shows_why_and_for_whom(office: Office) -> None:
    assert (await office.get("/v1/triage", "opd:LAMPU"))[0] == 403
    await office.do(CLEAR_TICKET, "hand_back", {"reason": "Bukan kami."}, "opd:LAMPU")
    _, page = await office.get("/v1/triage")
    by_ticket = {case["ticket"]: case for case in page["cases"]}
    assert by_ticket[VAGUE_TICKET]["reasons"] == ["no_sign"]
    assert by_ticket[CLEAR_TICKET]["reasons"] == ["handed_back"]
    assert [one["opd"] for one in by_ticket[CLEAR_TICKET]["candidates"]] == ["JALAN"]


async def test_an_opd_sees_only_its_own_case(office: Office) -> None:
    assert (await office.get(f"/v1/cases/{CLEAR_TICKET}", "opd:LAMPU"))[0] == 200
    assert (await office.get(f"/v1/cases/{CLEAR_TICKET}", "opd:JALAN"))[0] == 404
    assert (await office.get(f"/v1/cases/{VAGUE_TICKET}", "opd:LAMPU"))[0] == 404
    assert (await office.do(CLEAR_TICKET, "accept", {}, "opd:JALAN"))[0] == 404


async def test_a_case_given_to_another_opd_is_neither_seen_nor_changed_by_the_first(office: Office) -> None:
    assert (await office.do(CLEAR_TICKET, "route", {"opd": "JALAN"}))[0] == 200
    assert (await office.get(f"/v1/cases/{CLEAR_TICKET}", "opd:LAMPU"))[0] == 404
    status, problem = await office.do(CLEAR_TICKET, "answer", {"text": "Selesai."}, "opd:LAMPU")
    assert (status, problem["errors"][0]["field"]) == (409, "act")
    assert (await office.do(CLEAR_TICKET, "answer", {"text": "Selesai."}, "opd:JALAN"))[0] == 200


async def test_a_complaint_goes_from_hand_to_hand_until_it_is_closed(office: Office) -> None:
    for act, words, role, state in [
        ("accept", None, "opd:LAMPU", "in_work"),
        ("progress", {"text": "Berangkat."}, "opd:LAMPU", "in_work"),
        ("ask", {"question": "Tiang nomor berapa?"}, "opd:LAMPU", "asked"),
        ("answer", {"text": "Sudah menyala."}, "opd:LAMPU", "answered"),
        ("close", {"reason": "Pelapor puas."}, "verifier", "closed"),
    ]:
        status, case = await office.do(CLEAR_TICKET, act, words, role)
        assert (status, case["state"]) == (200, state)
    _, case = await office.get(f"/v1/cases/{CLEAR_TICKET}", "opd:LAMPU")
    assert [moment["by"]["kind"] for moment in case["history"][-5:]] == ["opd"] * 4 + ["person"]


async def test_what_the_table_does_not_allow_is_a_conflict_that_names_state_and_act(office: Office) -> None:
    status, problem = await office.do(CLEAR_TICKET, "close", {"reason": "Selesai."})
    assert status == 409
    assert "routed" in problem["errors"][0]["reason"]
    assert "close" in problem["errors"][0]["reason"]


async def test_an_opd_may_not_do_what_is_the_citys(office: Office) -> None:
    words = {
        "route": {"opd": "JALAN"},
        "reject": {"kind": "unclear", "reason": "x"},
        "reopen": {"reason": "x"},
        "classify": {"urgency": "urgent"},
        "extend": {"clock": "resolution", "days": 1, "reason": "x"},
    }
    for act in words:
        assert (await office.do(CLEAR_TICKET, act, words[act], "opd:LAMPU"))[0] == 403


async def test_wrong_words_name_their_field_and_change_nothing(office: Office) -> None:
    before = await office.said()
    wrong: list[tuple[str, Any, str]] = [
        ("answer", None, "text"),
        ("answer", {}, "text"),
        ("answer", {"text": "   "}, "text"),
        ("answer", {"text": "a\u0000b"}, "text"),
        ("answer", {"text": "x" * 10_001}, "text"),
        ("answer", {"text": "x", "by": {"kind": "rule"}}, "by"),
        ("route", {"opd": "lampu"}, "opd"),
        ("route", {"opd": "TIDAK-ADA"}, "opd"),
        ("route", {"opd": "LISTRIK"}, "opd"),
        ("reject", {"kind": "boring", "reason": "x"}, "kind"),
        ("hand_back", {"reason": "x", "suggested_opd": "XYZ"}, "suggested_opd"),
    ]
    for act, words, field in wrong:
        status, problem = await office.do(CLEAR_TICKET, act, words)
        assert status == 422
        assert [error["field"] for error in problem["errors"]] == [field]
    assert await office.said() == before


async def test_the_same_command_again_gets_the_same_answer_and_happens_once(office: Office) -> None:
    words = {"text": "Berangkat."}
    first = await office.do(CLEAR_TICKET, "progress", words, key="k1")
    await office.do(CLEAR_TICKET, "answer", {"text": "Sudah."})
    again = await office.do(CLEAR_TICKET, "progress", words, key="k1")
    assert again == first
    assert (await office.said()).count("complaint.progressed") == 1


async def test_each_act_is_in_the_audit_once_and_a_refused_one_is_not(office: Office) -> None:
    await office.do(CLEAR_TICKET, "accept", role="opd:LAMPU", key="k1")
    await office.do(CLEAR_TICKET, "accept", role="opd:LAMPU", key="k1")
    await office.do(CLEAR_TICKET, "close", {"reason": "Selesai."})
    rows = await office.desk.pool.fetch("SELECT role, opd, act, complaint_id FROM audit.acts")
    assert [tuple(row) for row in rows] == [("opd", "LAMPU", "accept", UUID(int=1))]


async def test_a_hand_back_can_be_repeated_by_the_opd_that_no_longer_has_the_case(office: Office) -> None:
    words = {"reason": "Bukan kami."}
    first = await office.do(CLEAR_TICKET, "hand_back", words, "opd:LAMPU", key="k2")
    assert first[0] == 200
    assert await office.do(CLEAR_TICKET, "hand_back", words, "opd:LAMPU", key="k2") == first


async def test_one_idempotency_key_names_one_command(office: Office) -> None:
    await office.do(CLEAR_TICKET, "progress", {"text": "Berangkat."}, key="k3")
    for ticket, act, words in [
        (CLEAR_TICKET, "progress", {"text": "Tiba."}),
        (CLEAR_TICKET, "answer", {"text": "Berangkat."}),
        (VAGUE_TICKET, "progress", {"text": "Berangkat."}),
    ]:
        status, problem = await office.do(ticket, act, words, key="k3")
        assert (status, problem["errors"][0]["field"]) == (409, "Idempotency-Key")


async def test_two_officials_at_once_and_only_one_of_them_closes(office: Office) -> None:
    await office.do(CLEAR_TICKET, "answer", {"text": "Sudah."})
    answers = await asyncio.gather(
        *(office.do(CLEAR_TICKET, "close", {"reason": f"Alasan {n}."}) for n in range(4))
    )
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
    assert (await office.said()).count("complaint.closed") == 1


@pytest.mark.parametrize("path", ["/v1/cases/%00", "/v1/cases?category=%00", "/v1/cases?q=%00%00%00"])
async def test_what_no_store_can_hold_is_the_senders_mistake_and_not_the_stores(
    office: Office, path: str
) -> None:
    status, told = await office.get(path)
    assert status == 422
    assert told["title"] == "Something is wrong with what was sent"


async def test_an_opd_that_repeats_its_hand_back_reads_nothing_that_came_after_it(office: Office) -> None:
    back = {"reason": "bukan lampu jalan"}
    assert (await office.do(CLEAR_TICKET, "hand_back", back, role="opd:LAMPU"))[0] == 200
    later = ComplaintAmended(at=now(), by=By(kind="citizen"), changed=("text",), text="Kata-kata baru")
    await office.desk.hand_in([(UUID(int=1), later.known_as(fact_id("amended")))])
    assert (await office.get(f"/v1/cases/{CLEAR_TICKET}", role="opd:LAMPU"))[0] == 404
    status, told = await office.do(CLEAR_TICKET, "hand_back", back, role="opd:LAMPU")
    assert (status, told["state"]) == (200, "triage")
    assert "Kata-kata" not in json.dumps(told)


async def test_an_official_is_told_which_words_were_masked_and_a_repeat_is_told_the_same(
    office: Office,
) -> None:
    words = {"text": "Sudah, Ibu Contoh (0800-000-1234) sudah dihubungi."}
    for _ in range(2):
        status, case = await office.do(CLEAR_TICKET, "progress", words, "opd:LAMPU", key="p-1")
        assert (status, case["masked"]) == (200, ["telepon"])
        assert case["history"][-1]["text"] == "Sudah, Ibu Contoh ([telepon]) sudah dihubungi."
    _, case = await office.get(f"/v1/cases/{CLEAR_TICKET}")
    assert (case["masked"], case["history"][-1]["masked"]) == ([], ["telepon"])
    for table in ("delivery.said", "delivery.commands", "cases"):
        rows = await office.desk.pool.fetch(f"SELECT t::text AS whole FROM {table} AS t")
        assert rows
        number = "0800-000-1234"
        assert not [row for row in rows if number in row["whole"] or number.encode().hex() in row["whole"]]
