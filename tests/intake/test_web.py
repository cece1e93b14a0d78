"""Intake over real HTTP and by records, on real PostgreSQL: one fold behind both doors."""

import json
from typing import Any
from uuid import UUID

import pytest

from services.intake.web import PostedComplaint, prefers_html
from shared import clock
from shared.delivery import envelope
from shared.delivery.record import KeptRecord
from shared.events.fact import Event
from shared.events.submissions import SubmissionPosted
from tests.intake.doors import BODY, BROWSER, Intake
from tests.intake.world import NOW, asked, routed

pytestmark = pytest.mark.store

LAPOR: dict[str, Any] = {"tracking_id": "7000001", "status": "Belum Terverifikasi", "state": "open"}


def of_routing(key: UUID, fact: Event, number: int) -> KeptRecord:
    """The record by which routing tells its `number`-th fact about a complaint."""
    sequence = 10**12 + number
    headers = envelope.headers(
        "routing", key, fact.topic, str(key), fact.type, fact.id, sequence, NOW, None, fact.id, "00-0-0-00"
    )
    return KeptRecord(fact.topic, 0, number, 0, str(key).encode(), fact.write(), headers)


async def test_a_complaint_that_is_posted_gets_a_ticket_under_which_anyone_may_follow_it(
    intake: Intake,
) -> None:
    posted = await intake.post(BODY)
    assert posted.status_code == 201
    answer = posted.json()
    assert posted.headers["location"] == f"/v1/complaints/{answer['ticket']}"
    assert answer["repeated"] is False
    seen = await intake.http.get(posted.headers["location"].lower())
    assert seen.status_code == 200
    assert seen.json()["status"]["label"] == "Diterima"
    assert seen.json()["text"] == "Lampu jalan mati, hp [telepon]"
    assert "Warga Contoh" not in seen.text


async def test_posting_it_again_is_a_repeat_and_posting_something_else_a_conflict(intake: Intake) -> None:
    first = await intake.post(BODY)
    again = await intake.post(BODY)
    assert again.status_code == 200
    assert again.json() == {
        "ticket": first.json()["ticket"],
        "complaint_id": first.json()["complaint_id"],
        "repeated": True,
    }
    other = await intake.post(BODY | {"text": "Sudah menyala"})
    assert other.status_code == 409
    assert other.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in other.json()["errors"]] == ["reference"]
    said = await intake.said()
    assert [event["type"].split(".")[1:3] for event in said] == [
        ["complaint", "received"],
        ["submission", "accepted"],
        ["submission", "accepted"],
        ["submission", "refused"],
    ]


async def test_an_idempotency_key_stands_in_for_a_reference(intake: Intake) -> None:
    body = {name: value for name, value in BODY.items() if name != "reference"}
    first = await intake.post(body, **{"Idempotency-Key": "K-9"})
    again = await intake.post(body, **{"Idempotency-Key": "K-9"})
    assert (first.status_code, again.status_code) == (201, 200)
    without = await intake.post(body)
    assert without.status_code == 422
    assert [error["field"] for error in without.json()["errors"]] == ["reference"]


async def test_the_same_complaint_by_record_and_by_http_is_one_complaint(intake: Intake) -> None:
    heard = await intake.hear(json.dumps(BODY | {"source": "sikesal"}).encode())
    assert [event["type"] for event in heard] == [
        "simpul.complaint.received.v1",
        "simpul.submission.accepted.v1",
    ]
    posted = await intake.post(BODY)
    assert posted.status_code == 200
    assert posted.json()["ticket"] == heard[1]["ticket"]


async def test_a_record_delivered_twice_says_nothing_the_second_time(intake: Intake) -> None:
    value = json.dumps(BODY | {"source": "sikesal"}).encode()
    assert len(await intake.hear(value, offset=7)) == 2
    assert await intake.hear(value, offset=7) == []
    (receipt,) = await intake.hear(value, offset=8)
    assert receipt["repeated"] is True


async def test_a_reporter_is_told_once_whichever_door_it_came_by(intake: Intake) -> None:
    value = json.dumps(BODY | {"source": "sikesal", "conversation": "web-77"}).encode()
    await intake.hear(value, offset=7)
    await intake.hear(value, offset=7)
    answer = (await intake.post(BODY | {"conversation": "web-77"})).json()
    assert answer["repeated"]
    record = of_routing(UUID(answer["complaint_id"]), routed(), 1)
    await intake.desk.batch([record])
    await intake.desk.batch([record])
    notices = await intake.said("intake.notices")
    assert [notice["template"] for notice in notices] == ["received", "routed"]
    assert {notice["conversation"] for notice in notices} == {"web-77"}
    async with intake.desk.read() as connection:
        keys = await connection.fetch("SELECT record_key FROM delivery.said WHERE topic = 'intake.notices'")
    assert {key for (key,) in keys} == {"web-77"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"conversation": "62800-0000-1234"}, "conversation"),
        ({"text": "a\x00b"}, "text"),
        ({"reporter": {"name": "a\x00b"}}, "reporter"),
        ({"channel": "smoke"}, "channel"),
        ({"reported_at": "2999-01-01T00:00:00Z"}, "reported_at"),
        ({"text": ""}, "text"),
        ({"place": {"lat": 91}}, "place.lat"),
        ({"lapor": LAPOR}, "lapor"),
    ],
)
async def test_what_is_wrong_is_told_by_field_at_both_doors_and_nothing_is_kept(
    intake: Intake, changes: dict[str, Any], field: str
) -> None:
    body = BODY | changes
    answer = await intake.post(body)
    assert answer.status_code == 422
    assert any(error["field"].startswith(field) for error in answer.json()["errors"])
    receipt = (await intake.hear(json.dumps(body | {"source": "sikesal"}).encode()))[-1]
    assert receipt["type"] == "simpul.submission.refused.v1"
    assert any(error["field"].startswith(field) for error in receipt["errors"])
    assert await intake.said("intake.events") == []
    assert await intake.dead_letters() == []


async def test_a_fault_is_told_without_repeating_what_was_sent(intake: Intake) -> None:
    answer = await intake.post(
        BODY | {"channel": "rahasia", "klasifikasi": "rahasia", "reporter": {"nik": "rahasia"}}
    )
    assert answer.status_code == 422
    assert "rahasia" not in answer.text


async def test_a_record_that_cannot_be_read_lies_sealed_among_the_dead_letters(intake: Intake) -> None:
    assert await intake.hear(b'{"nama": "Warga Contoh 17", ') == []
    (letter,) = await intake.dead_letters()
    assert letter["sealed"]
    assert b"Warga" not in letter["value"]


async def test_only_publishers_hand_complaints_in_and_anyone_reads_by_ticket(intake: Intake) -> None:
    assert (await intake.http.post("/v1/complaints", json=BODY)).status_code == 401
    assert (await intake.post(BODY, key="verifier")).status_code == 403


async def test_lapors_reports_come_from_the_bridge_alone(intake: Intake) -> None:
    body = BODY | {"reference": "7000001", "channel": "lapor", "lapor": LAPOR}
    assert (await intake.post(body, key="sikesal")).status_code == 422
    assert (await intake.post(body, key="lapor")).status_code == 422
    assert (await intake.post(body, key="bridge")).status_code == 201
    assert (await intake.said("intake.events"))[0]["source"] == "lapor"


async def test_a_key_whose_name_cannot_be_a_source_is_told_so(intake: Intake) -> None:
    answer = await intake.post(BODY, key="Other App")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["source"]


async def test_a_mistyped_ticket_is_told_from_one_that_nobody_has(intake: Intake) -> None:
    mistyped = await intake.http.get("/v1/complaints/0000000000X")
    assert mistyped.status_code == 422
    assert "mistyped" in mistyped.text
    assert (await intake.http.get("/v1/complaints/00000000000")).status_code == 404
    page = await intake.page("0000000000X")
    assert page.status_code == 404
    assert "salah ketik" in page.text
    assert "tidak ditemukan" in (await intake.page("00000000000")).text


async def test_a_browser_gets_a_page_and_a_script_gets_json(intake: Intake) -> None:
    ticket = (await intake.post(BODY | {"text": "<script>alert(1)</script>"})).json()["ticket"]
    page = await intake.page(ticket)
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["vary"] == "Accept"
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text
    assert (await intake.http.get(f"/v1/complaints/{ticket}")).headers["content-type"] == "application/json"


async def test_what_routing_does_is_read_on_the_page_in_citizens_words(intake: Intake) -> None:
    answer = (await intake.post(BODY)).json()
    documents = json.dumps({"opds": {"opds": [{"code": "PUPR", "name": "Dinas Pekerjaan Umum"}]}})
    async with intake.desk.read() as connection:
        await connection.execute(
            "INSERT INTO city_versions (digest, documents) VALUES ('\\x01', $1)", documents
        )
    for fact in (routed(), asked("Di RT berapa?")):
        await intake.desk.command(UUID(answer["complaint_id"]), fact)
    page = (await intake.page(answer["ticket"])).text
    assert "Menunggu jawaban Anda" in page
    assert "Diteruskan ke Dinas Pekerjaan Umum" in page
    assert "Di RT berapa?" in page


async def test_of_a_confidential_complaint_neither_page_nor_json_shows_a_word(intake: Intake) -> None:
    ticket = (await intake.post(BODY | {"confidential": True})).json()["ticket"]
    for shown in (await intake.page(ticket), await intake.http.get(f"/v1/complaints/{ticket}")):
        assert "Lampu" not in shown.text
        assert "Situs web" not in shown.text
        assert "Diterima" in shown.text


async def test_the_received_instant_is_the_hubs_own(intake: Intake) -> None:
    before = clock.now()
    ticket = (await intake.post(BODY)).json()["ticket"]
    seen = (await intake.http.get(f"/v1/complaints/{ticket}")).json()
    assert before.isoformat() <= seen["received_at"].replace("Z", "+00:00") <= clock.now().isoformat()


def test_a_posted_complaint_is_a_submission_without_its_source() -> None:
    submission = SubmissionPosted.model_json_schema()["properties"]
    posted = PostedComplaint.model_json_schema()["properties"]
    assert posted.keys() == submission.keys() - {"source"}
    for name in posted.keys() - {"reference"}:
        assert posted[name] == submission[name]


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/html", True),
        (BROWSER, True),
        ("text/*;q=0.5, application/json;q=0.4", True),
        ("text/html;q=0.2, application/json", False),
        ("text/html;q=nonsense", False),
        (";;,,", False),
    ],
)
def test_who_would_rather_have_html_is_read_from_the_accept_header(accept: str, html: bool) -> None:
    assert prefers_html(accept) is html


async def own(intake: Intake, key: str, **asked: Any) -> dict[str, Any]:
    """A page of what a key's name handed in."""
    bearer = {"Authorization": f"Bearer {intake.keys[key]}"}
    answer = await intake.http.get("/v1/complaints", params=asked, headers=bearer)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def test_who_lost_a_receipt_finds_the_ticket_by_its_own_reference(intake: Intake) -> None:
    ticket = (await intake.post(BODY)).json()["ticket"]
    await intake.post(BODY | {"reference": "H-2"})
    page = await own(intake, "sikesal", reference=["H-1", "never-arrived"])
    [line] = page["complaints"]
    assert (line["reference"], line["ticket"], line["status"], line["label"]) == (
        "H-1",
        ticket,
        "received",
        "Diterima",
    )
    assert "Warga Contoh" not in str(page)
    assert "Lampu" not in str(page)


async def test_a_publisher_lists_its_own_and_nobody_elses(intake: Intake) -> None:
    await intake.post(BODY)
    await intake.post(BODY | {"channel": "lapor", "lapor": LAPOR, "reference": "7000001"}, key="bridge")
    assert [line["reference"] for line in (await own(intake, "sikesal"))["complaints"]] == ["H-1"]
    assert [line["reference"] for line in (await own(intake, "bridge"))["complaints"]] == ["7000001"]
    assert (await own(intake, "Other App", reference="H-1"))["complaints"] == []
    bearer = {"Authorization": f"Bearer {intake.keys['verifier']}"}
    assert (await intake.http.get("/v1/complaints", headers=bearer)).status_code == 403


async def test_the_list_goes_on_page_by_page(intake: Intake) -> None:
    for number in (3, 1, 2):
        await intake.post(BODY | {"reference": f"H-{number}"})
    first = await own(intake, "sikesal", limit=2)
    second = await own(intake, "sikesal", limit=2, after=first["next"])
    assert [line["reference"] for page in (first, second) for line in page["complaints"]] == [
        "H-1",
        "H-2",
        "H-3",
    ]
    assert second["next"] is None


async def test_even_in_the_list_a_confidential_complaint_does_not_tell_who_has_it(intake: Intake) -> None:
    answer = (await intake.post(BODY | {"confidential": True})).json()
    await intake.desk.hand_in([(UUID(answer["complaint_id"]), routed("DLH"))])
    [line] = (await own(intake, "sikesal"))["complaints"]
    assert line["status"] == "routed"
    assert "DLH" not in str(line)
    assert "instansi yang berwenang" in line["label"]


@pytest.mark.parametrize("how", ["reference", "Idempotency-Key"])
async def test_a_complaint_is_called_by_nobodys_number_and_the_field_is_named(
    intake: Intake, how: str
) -> None:
    number = "0800-000-1234"
    body = {name: value for name, value in BODY.items() if name != "reference"}
    body, header = (body | {how: number}, {}) if how == "reference" else (body, {how: number})
    bearer = {"Authorization": f"Bearer {intake.keys['sikesal']}"}
    answer = await intake.http.post("/v1/complaints", json=body, headers=bearer | header)
    assert answer.status_code == 422
    assert how.lower() in answer.json()["errors"][0]["field"].lower()
    assert number not in answer.text
    assert await intake.desk.pool.fetchval("SELECT count(*) FROM delivery.said") == 0
