"""Who reported a complaint: sealed, told to few and on record, and gone for good once erased."""

from typing import Any, Literal
from uuid import UUID

import pytest

from services.intake.web import Taken
from shared.delivery import restoring
from shared.events.ids import complaint_id
from shared.events.parts import By
from shared.events.routing import ComplaintAnswered
from tests.intake.doors import Intake
from tests.intake.world import NIK, NOW, fact_id

pytestmark = pytest.mark.store

REPORTER = {
    "name": "Kenari Rahasia",
    "phone": "0812-9999-0017",
    "email": "kenari@contoh.invalid",
    "nik": NIK,
    "address": "Gang Mawar 17",
}
PHOTO = "JPEGdarikenari"
COMPLAINT = {
    "title": "Saya Kenari Rahasia",
    "text": f"Lampu mati. Hubungi Kenari Rahasia, 0812-9999-0017, kenari@contoh.invalid, NIK {NIK}. Pagar hijau.",
    "place": {
        "text": "Gang Mawar 17, dekat warung",
        "lat": -1.61,
        "lon": 103.6,
        "kelurahan": "15.71.01.1001",
    },
    "category": "lampu Kenari",
    "reporter": REPORTER,
    "conversation": "wa-percakapan-kenari",
}
CANARIES = (*REPORTER.values(), "081299990017", "6281299990017")
"""Who it was; in a store they may stand nowhere but sealed."""

WORDS = ("Pagar hijau", "Kenari", "Gang Mawar", "Lampu mati", "wa-percakapan", "-1.61")
"""What was said; in intake's store it may stand until it is erased."""


async def holds(intake: Intake, *words: str) -> set[tuple[str, str]]:
    """Where in the whole store one of these stands, as text or as bytes: (table, word)."""
    tables = await intake.desk.pool.fetch(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables"
        " WHERE table_schema IN ('public', 'delivery', 'audit') AND table_name !~ '^said_'"
    )
    found: set[tuple[str, str]] = set()
    for (table,) in tables:
        for row in await intake.desk.pool.fetch(f"SELECT * FROM {table}"):
            told = b" ".join(v if isinstance(v, bytes) else str(v).encode() for v in row.values())
            found |= {(table, word) for word in words if word.encode() in told}
    return found


async def erase(intake: Intake, ticket: str, scope: str = "complaint", key: str = "admin") -> Any:
    body = {"scope": scope, "reason": "surat 17/2026"}
    return await intake.act(ticket, "erase", body, key=key)


async def reporter(intake: Intake, ticket: str, key: str | None = "verifier") -> Any:
    headers = {"Authorization": f"Bearer {intake.keys[key]}"} if key else {}
    return await intake.http.get(f"/v1/complaints/{ticket}/reporter", headers=headers)


async def notes(intake: Intake) -> list[tuple[Any, ...]]:
    rows = await intake.desk.pool.fetch(
        "SELECT name, role, act, complaint_id, about FROM audit.acts ORDER BY id"
    )
    return [tuple(row) for row in rows]


async def answered(intake: Intake, taken: Taken, text: str = "Sudah, Kenari.") -> None:
    fact = ComplaintAnswered(at=NOW, by=By(kind="opd", name="PUPR"), disposition=1, opd="PUPR", text=text)
    await intake.desk.hand_in([(taken.complaint_id, fact.known_as(fact_id(f"answered {text}")))])


async def test_who_reported_it_stands_nowhere_but_sealed(intake: Intake) -> None:
    await intake.taken(**COMPLAINT | {"title": "Lampu", "category": None, "place": None})
    secrets = [word for word in CANARIES if word != "Kenari Rahasia"]  # no rule finds a name in a text
    assert await holds(intake, *secrets) == set()


async def test_a_verifier_is_told_who_reported_it_and_that_is_noted(intake: Intake) -> None:
    taken = await intake.taken(**COMPLAINT)
    answer = await reporter(intake, taken.ticket)
    assert answer.status_code == 200
    assert answer.json()["reporter"] == REPORTER
    assert answer.headers["cache-control"] == "no-store"
    assert await notes(intake) == [("verifier", "verifier", "read reporter", taken.complaint_id, None)]


@pytest.mark.parametrize("key", ["sikesal", "admin", "opd"])
async def test_nobody_else_is_told_and_nothing_is_noted(intake: Intake, key: str) -> None:
    taken = await intake.taken(**COMPLAINT)
    answer = await reporter(intake, taken.ticket, key)
    assert answer.status_code == 403
    assert await notes(intake) == []
    assert (await reporter(intake, taken.ticket, None)).status_code == 401


@pytest.mark.parametrize(
    ("flags", "status"),
    [({}, 200), ({"anonymous": True}, 403), ({"forward": False}, 403), ({"confidential": True}, 200)],
)
async def test_the_bridge_is_told_only_what_it_may_send_on(
    intake: Intake, flags: dict[str, bool], status: int
) -> None:
    taken = await intake.taken(**COMPLAINT | flags)
    assert (await reporter(intake, taken.ticket, "bridge")).status_code == status
    assert len(await notes(intake)) == (status == 200)
    assert (await reporter(intake, taken.ticket, "verifier")).status_code == 200


async def test_a_reading_that_cannot_be_noted_is_not_answered(intake: Intake) -> None:
    taken = await intake.taken(**COMPLAINT)
    await intake.desk.pool.execute("DELETE FROM identities")
    answer = await reporter(intake, taken.ticket)
    assert answer.status_code == 500
    assert await notes(intake) == []


async def test_while_the_complaint_is_being_worked_on_the_reader_is_asked_to_come_again(
    intake: Intake,
) -> None:
    taken = await intake.taken(**COMPLAINT)
    async with intake.desk.transaction([taken.complaint_id]):
        answer = await reporter(intake, taken.ticket)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert await notes(intake) == []


async def test_of_an_erased_complaint_no_word_is_left(intake: Intake) -> None:
    taken = await intake.taken(**COMPLAINT)
    await answered(intake, taken)
    assert {word for _, word in await holds(intake, *WORDS)} == set(WORDS)
    answer = await erase(intake, taken.ticket)
    assert answer.json() == {"ticket": taken.ticket, "scope": "complaint", "repeated": False}
    assert await holds(intake, *WORDS, *CANARIES) == set()
    assert await intake.desk.pool.fetchval("SELECT count(*) FROM identity_keys") == 0
    (said,) = [one for one in await intake.said() if one["type"] == "simpul.complaint.erased.v1"]
    assert (said["scope"], said["by"]["name"]) == ("complaint", "admin")


async def test_what_a_backup_brings_back_is_erased_again_with_its_keys(intake: Intake) -> None:
    taken = await intake.taken(**COMPLAINT)
    await answered(intake, taken)
    async with intake.desk.read() as connection:
        assert await restoring.erase_again(connection, {taken.complaint_id: "complaint"})
    await intake.desk.erase_what_came_back()
    assert await holds(intake, *WORDS, *CANARIES) == set()
    assert await intake.desk.pool.fetchval("SELECT count(*) FROM identity_keys") == 0
    assert (await intake.http.get(f"/v1/complaints/{taken.ticket}")).json()["erased"] == "complaint"


@pytest.mark.parametrize("scope", ["identity", "complaint"])
async def test_what_is_sent_again_after_its_erasure_does_not_come_back(
    intake: Intake, scope: Literal["identity", "complaint"]
) -> None:
    key = complaint_id("sikesal", "sent again")
    async with intake.desk.read() as connection:  # the backup was made before it came, it was erased since
        await restoring.erase_again(connection, {key: scope})
    taken = await intake.taken(**COMPLAINT, reference="sent again")
    assert taken.complaint_id == key
    assert await holds(intake, REPORTER["phone"], REPORTER["email"], NIK, "wa-percakapan") == set()
    assert await intake.desk.pool.fetchval("SELECT count(*) FROM identity_keys WHERE part = 'identity'") == 0
    found = {word for _, word in await holds(intake, *WORDS)}
    assert bool(found) == (scope == "identity")
    assert (await reporter(intake, taken.ticket)).status_code == 410


async def test_where_it_was_and_how_it_stands_is_still_known(intake: Intake) -> None:
    taken = await intake.taken(**COMPLAINT)
    await answered(intake, taken)
    await erase(intake, taken.ticket)
    shown = (await intake.http.get(f"/v1/complaints/{taken.ticket}")).json()
    assert shown["status"]["code"] == "answered"
    assert shown["erased"] == "complaint"
    assert (shown["title"], shown["text"]) == (None, None)
    assert [step["text"] for step in shown["timeline"]] == [None, None]
    place = await intake.desk.pool.fetchval("SELECT place FROM complaints")
    assert "15.71.01.1001" in place
    page = (await intake.page(taken.ticket)).text
    assert "Isi pengaduan dan data pelapor telah dihapus" in page


async def test_with_scope_identity_the_complaint_goes_on_without_its_reporter(intake: Intake) -> None:
    taken = await intake.taken(**COMPLAINT)
    assert (await erase(intake, taken.ticket, "identity")).status_code == 200
    assert await holds(intake, "wa-percakapan", REPORTER["phone"], REPORTER["email"], NIK) == set()
    assert await holds(intake, "Pagar hijau") != set()
    await answered(intake, taken)
    assert await intake.said("intake.notices") == []
    assert await holds(intake, "wa-percakapan") == set()
    shown = (await intake.http.get(f"/v1/complaints/{taken.ticket}")).json()
    assert shown["note"] == "Data pelapor telah dihapus."
    assert "Pagar hijau" in shown["text"]
    assert (await erase(intake, taken.ticket)).json()["repeated"] is False
    assert await holds(intake, *WORDS) == set()


async def test_who_reported_it_can_be_asked_no_more(intake: Intake) -> None:
    taken = await intake.taken(**COMPLAINT)
    await erase(intake, taken.ticket, "identity")
    assert (await reporter(intake, taken.ticket)).status_code == 410
    assert [note[2] for note in await notes(intake)] == ["erase"]


async def test_a_notice_that_is_not_out_yet_is_not_sent(intake: Intake) -> None:
    taken = await intake.taken(**COMPLAINT)
    waiting = (
        "SELECT count(*) FROM delivery.outbox JOIN delivery.said USING (month, position)"
        " WHERE topic = 'intake.notices'"
    )
    assert await intake.desk.pool.fetchval(waiting) == 1
    await erase(intake, taken.ticket, "identity")
    assert await intake.desk.pool.fetchval(waiting) == 0


async def test_an_erasure_is_noted_with_its_reason_and_done_once(intake: Intake) -> None:
    taken = await intake.taken(**COMPLAINT)
    await erase(intake, taken.ticket)
    assert (await erase(intake, taken.ticket)).json()["repeated"] is True
    assert (await erase(intake, taken.ticket, "identity")).json() == {
        "ticket": taken.ticket,
        "scope": "complaint",
        "repeated": True,
    }
    assert [one["type"] for one in await intake.said()].count("simpul.complaint.erased.v1") == 1
    first = (await notes(intake))[0]
    assert first == ("admin", "admin", "erase", taken.complaint_id, "complaint: surat 17/2026")


@pytest.mark.parametrize("key", ["verifier", "sikesal", "bridge", "opd"])
async def test_only_an_admin_erases(intake: Intake, key: str) -> None:
    taken = await intake.taken(**COMPLAINT)
    assert (await erase(intake, taken.ticket, key=key)).status_code == 403
    assert await holds(intake, "Pagar hijau") != set()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scope": "everything", "reason": "x"}, "scope"),
        ({"scope": "identity"}, "reason"),
        ({"scope": "identity", "reason": " "}, "reason"),
        ({"scope": "identity", "reason": "x" * 501}, "reason"),
    ],
)
async def test_what_is_wrong_with_a_request_is_told_by_field(intake: Intake, body: Any, field: str) -> None:
    taken = await intake.taken(**COMPLAINT)
    answer = await intake.act(taken.ticket, "erase", body, key="admin")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_later_facts_bring_no_words_back(intake: Intake) -> None:
    taken = await intake.taken(**COMPLAINT)
    await erase(intake, taken.ticket)
    await answered(intake, taken, "Pagar hijau milik Kenari sudah terang.")
    await intake.act(taken.ticket, "rate", {"rating": 5, "text": "Terima kasih, Kenari."}, key="sikesal")
    assert await holds(intake, *WORDS) == set()
    shown = (await intake.http.get(f"/v1/complaints/{taken.ticket}")).json()
    assert [step["code"] for step in shown["timeline"]] == ["received", "answered", "rated"]


@pytest.mark.parametrize(("act", "body"), [("reply", {"text": "Kenari"}), ("amend", {"text": "Kenari"})])
async def test_nobody_writes_to_an_erased_complaint(intake: Intake, act: str, body: Any) -> None:
    taken = await intake.taken(**COMPLAINT)
    await erase(intake, taken.ticket)
    answer = await intake.act(taken.ticket, act, body, key="sikesal")
    assert answer.status_code == 409
    assert "erased" in answer.json()["errors"][0]["reason"]
    assert (await intake.act(taken.ticket, "amend", {"anonymous": True}, key="sikesal")).status_code == 200
    assert await holds(intake, *WORDS) == set()


async def test_the_same_submission_again_is_a_repeat_and_brings_nothing_back(intake: Intake) -> None:
    taken = await intake.taken(**COMPLAINT)
    body = {"reference": "T-0", "channel": "web", "reported_at": "2026-11-24T08:00:00+07:00", **COMPLAINT}
    await erase(intake, taken.ticket)
    answer = await intake.post(body)
    assert (answer.status_code, answer.json()["ticket"]) == (200, taken.ticket)
    assert await holds(intake, *WORDS) == set()


async def test_its_neighbour_is_left_alone(intake: Intake) -> None:
    taken, other = await intake.taken(**COMPLAINT), await intake.taken(**COMPLAINT)
    await erase(intake, taken.ticket)
    assert (await reporter(intake, other.ticket)).json()["reporter"] == REPORTER
    text = await intake.desk.pool.fetchval("SELECT text FROM complaints WHERE ticket = $1", other.ticket)
    assert "Pagar hijau" in text
    assert isinstance(other.complaint_id, UUID)
