"""Every cell of the table is tried at the real doors; what is forbidden changes nothing and tells nothing."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from ops import keyring
from ops.keyring import today
from shared import clock
from shared.access import new_key
from tests.access.hub import CALLERS, HOLDER, NAME, PDF, PHONE, WORDS, Hub, Known
from tests.access.table import COLUMNS, Row, rows

pytestmark = pytest.mark.store

ROWS = rows()
NOBODYS = "00000000000"
"""A well-formed ticket that no complaint has."""

WHY = {"reason": "Uji coba akses."}
BODIES: dict[str, Any] = {
    "POST /v1/complaints": {"channel": "app", "text": "Lampu mati."},
    "POST /v1/complaints/{ticket}/amend": {"category": "Lampu Jalan"},
    "POST /v1/complaints/{ticket}/reply": {"text": "Tiang nomor 7."},
    "POST /v1/complaints/{ticket}/rate": {"rating": 5},
    "POST /v1/complaints/{ticket}/erase": {"scope": "identity", **WHY},
    "POST /v1/candidates/{ticket}/drop": WHY,
    "POST /v1/complaints/{ticket}/merge": {"into": NOBODYS},
    "POST /v1/cases/{ticket}/progress": {"text": "Berangkat."},
    "POST /v1/cases/{ticket}/ask": {"question": "Tiang nomor berapa?"},
    "POST /v1/cases/{ticket}/answer": {"text": "Sudah menyala."},
    "POST /v1/cases/{ticket}/hand_back": WHY,
    "POST /v1/cases/{ticket}/route": {"opd": "DLH"},
    "POST /v1/cases/{ticket}/reject": {"kind": "unclear", **WHY},
    "POST /v1/cases/{ticket}/close": WHY,
    "POST /v1/cases/{ticket}/reopen": WHY,
    "POST /v1/cases/{ticket}/classify": {"urgency": "urgent"},
    "POST /v1/cases/{ticket}/extend": {"clock": "resolution", "days": 3, **WHY},
    "POST /v1/operations/dead-letters/{letter}/release": WHY,
    "POST /v1/operations/dead-letters/{letter}/discard": WHY,
    "POST /v1/operations/dead-letters/{letter}/edit": {"headers": {"x-note": "tried"}, **WHY},
    "POST /v1/operations/gaps/{complaint_id}/{topic}/accept": WHY,
    "POST /v1/operations/stopped/resume": WHY,
}
"""What is sent to each route that takes something: sound, so that nothing but access stands in its way."""

SERVED = (200, 201, 202, 204, 409)
"""Let through and served; 409 where the case is in a state that does not allow the act."""
NOTHING_TO_DO = {
    "POST /v1/lapor/imports": (422,),
    "POST /v1/operations/dead-letters/{letter}/edit": (422,),
    "POST /v1/operations/gaps/{complaint_id}/{topic}/accept": (404, 422),
    "POST /v1/operations/stopped/resume": (404, 422),
}
"""Let through, and told that there is nothing of the kind: no export, no mend, no gap, no stopped consumer."""


async def asked(doors: Hub, row: Row, who: str, known: Known, **headers: str) -> httpx.Response:
    """This caller asks this route about this complaint, or about a new dead letter."""
    letter = await doors.dead_letter(row.service) if "{letter}" in row.path else 0
    path = row.path.format(
        ticket=known.ticket,
        complaint_id=known.complaint_id,
        letter=letter,
        topic="intake.events",
        attachment_id=await doors.file_of(known) if "{attachment_id}" in row.path else "",
    )
    body = BODIES.get(f"{row.method} {row.path}")
    if row.path == "/v1/complaints" and body is not None:
        body = body | {"reference": f"{known.reference}-{who}", "reported_at": clock.now().isoformat()}
        if who == "bridge":
            number = str(known.complaint_id.int)[:12]
            lapor = {"tracking_id": number, "status": "Proses", "state": "open"}
            body |= {"channel": "lapor", "lapor": lapor, "reference": number}
    elif row.path.endswith("/merge"):
        body = {"into": doors.other.ticket}
    sent: dict[str, Any] = {"json": body} if body is not None else {}
    if (row.method, row.path) == ("POST", "/v1/complaints/{ticket}/attachments"):
        sent = {"files": {"file": ("b.pdf", PDF + who.encode())}}
    if who in ("citizen", "stranger"):
        headers["Simpul-Secret"] = known.secret if who == "citizen" else doors.other.secret
    return await doors.ask(row.service, row.method, path, who, headers=headers, **sent)


def refused(answer: httpx.Response, status: int) -> None:
    """Turned away with a problem, and without a word of the complaint."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert ("www-authenticate" in answer.headers) == (status == 401)
    for word in (NAME, PHONE, WORDS, HOLDER):
        assert word not in answer.text


def test_every_route_of_every_service_has_its_row(doors: Hub) -> None:
    there = {
        (service, method.upper(), path)
        for service, document in doors.documents.items()
        for path, operations in document["paths"].items()
        for method in operations
    }
    told = [(row.service, row.method, row.path) for row in ROWS]
    assert there - set(told) == set(), "a route without a row in tests/access/table.py"
    assert set(told) - there == set(), "a row without a route"
    assert len(told) == len(set(told))


def test_the_documents_name_the_roles_that_the_table_lets_in(doors: Hub) -> None:
    for row in ROWS:
        operation = doors.documents[row.service]["paths"][row.path][row.method.lower()]
        schemes = operation.get("security", ())
        named = {role for scheme in schemes for role in scheme.get("key", ())}
        assert ({"secret": []} in schemes) == (row.cells["citizen"] == "yes" != row.cells["nobody"]), row.name
        let_in = {
            CALLERS[who][1].partition(":")[0] for who in CALLERS if row.cells[who] not in ("401", "403")
        }
        assert named == (let_in if row.cells["nobody"] == "401" else set()), row.name


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_each_forbidden_cell_is_refused_and_changes_nothing(doors: Hub, row: Row) -> None:
    known = await doors.case()
    before = await doors.traces()
    for who in COLUMNS:
        if row.cells[who].isdigit():
            refused(await asked(doors, row, who, known), int(row.cells[who]))
    assert await doors.traces() == before


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_each_allowed_cell_is_served(doors: Hub, row: Row) -> None:
    known = await doors.case()
    for who in COLUMNS:
        if row.cells[who].isdigit():
            continue
        if row.method != "GET":
            known = await doors.case()
        answer = await asked(doors, row, who, known)
        expected = SERVED + NOTHING_TO_DO.get(f"{row.method} {row.path}", ())
        assert answer.status_code in expected, f"{who}: {answer.text}"
        assert (NAME in answer.text) == row.path.endswith("/reporter")
        assert (PHONE in answer.text) == row.path.endswith("/reporter")
        if row.cells[who] == "own":
            assert known.ticket not in answer.text


@pytest.mark.parametrize("row", [row for row in ROWS if "{ticket}" in row.path], ids=lambda row: row.name)
async def test_what_does_not_exist_is_told_to_those_alone_who_might_see_it(doors: Hub, row: Row) -> None:
    known = (await doors.case())._replace(ticket=NOBODYS)
    for who in COLUMNS:
        cell = row.cells[who]
        refused(await asked(doors, row, who, known), int(cell) if cell in ("401", "403") else 404)


@pytest.mark.parametrize("row", [row for row in ROWS if "{ticket}" in row.path], ids=lambda row: row.name)
async def test_another_opds_complaint_and_one_that_does_not_exist_are_answered_alike(
    doors: Hub, row: Row
) -> None:
    if row.cells["opd"] != "404":
        return
    known = await doors.case()
    others = await asked(doors, row, "opd", known)
    nobodys = await asked(doors, row, "opd", known._replace(ticket=NOBODYS))
    assert (others.status_code, others.content) == (nobodys.status_code, nobodys.content)


BAD = (
    "",
    "Bearer",
    "Bearer simpul_unknown",
    "Basic {admin}",
    "Token {admin}",
    "{admin}",
    "Bearer {admin} {admin}",
    "Bearer {admin}x",
    "Bearer {expired}",
    "Bearer {revoked}",
    "Bearer {other_hub}",
    "Bearer {hash}",
)


@pytest.fixture(scope="session")
def bad_keys(doors: Hub) -> dict[str, str]:
    """Keys that were good once or somewhere, and the hash that stands in the file."""
    with keyring.changing(doors.keys_file) as entries:
        expired = keyring.add(entries, "was-admin", "admin")
        entries[-1]["expires"] = str(today() - timedelta(1))
        hashed = next(entry["sha256"] for entry in entries if entry["role"] == "admin")
        revoked = keyring.add(entries, "revoked-admin", "admin")
    with keyring.changing(doors.keys_file) as entries:
        keyring.revoke(entries, "revoked-admin")
    other_hub, _ = new_key("admin", "admin")
    return {
        "admin": doors.keys["admin"],
        "expired": expired,
        "revoked": revoked,
        "other_hub": other_hub,
        "hash": hashed,
    }


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.cells["nobody"] == "401"], ids=lambda row: row.name
)
async def test_no_key_but_a_good_one_opens_a_door(doors: Hub, row: Row, bad_keys: dict[str, str]) -> None:
    known = await doors.case()
    before = await doors.traces()
    path = row.path.format(
        ticket=known.ticket,
        complaint_id=known.complaint_id,
        letter=1,
        topic="intake.events",
        attachment_id="0" * 32,
    )
    body = BODIES.get(f"{row.method} {row.path}")
    for authorization in BAD:
        headers = {"Authorization": authorization.format(**bad_keys)} if authorization else {}
        answer = await doors.ask(row.service, row.method, path, headers=headers, json=body)
        refused(answer, 401)
    assert await doors.traces() == before


FLAGS: dict[str, dict[str, bool]] = {
    "plain": {},
    "anonymous": {"anonymous": True},
    "confidential": {"confidential": True},
}


@pytest.mark.parametrize("flags", FLAGS.values(), ids=list(FLAGS))
async def test_flags_bind_every_answer(doors: Hub, flags: dict[str, bool]) -> None:
    """Whoever reads it and where: no identity; the public no wording of an anonymous one, of a confidential one
    neither wording nor who has it; publishers as the public."""
    known = await doors.case(**flags)
    agency = "Perumahan"
    for row in ROWS:
        if row.method != "GET" or row.path.endswith("/reporter"):
            continue
        for who in COLUMNS:
            if row.cells[who].isdigit():
                continue
            answer = await asked(doors, row, who, known)
            for word in (NAME, PHONE, PHONE.replace("-", "")):
                assert word not in answer.text, row.name
            if row.service == "intake":
                assert (WORDS in answer.text) == (not flags and row.path.endswith("/{ticket}")), row.name
                told = answer.text
                if row.path == "/v1/complaints":
                    own = (
                        await doors.ask("intake", "GET", f"{row.path}?reference={known.reference}", who)
                    ).json()
                    told = str(own["complaints"])
                    assert bool(own["complaints"]) == (who == "sender")
                if "confidential" in flags:
                    assert agency not in told, row.name
                    assert HOLDER not in told, row.name
            elif row.service != "routing":
                assert WORDS not in answer.text, row.name


async def test_lists_hold_what_is_the_callers_own(doors: Hub) -> None:
    known, others = await doors.case(), await doors.post("publisher")
    await doors.carry()
    for who, sees in (("sender", {known.reference}), ("publisher", {others.reference}), ("bridge", set())):
        asked_for = [("reference", known.reference), ("reference", others.reference)]
        page = (await doors.ask("intake", "GET", "/v1/complaints", who, params=asked_for)).json()
        assert {one["reference"] for one in page["complaints"]} == sees
    holders = (await doors.ask("routing", "GET", "/v1/cases?limit=200", "holder")).json()["cases"]
    assert known.ticket in {case["ticket"] for case in holders}
    assert {case["opd"] for case in holders} == {HOLDER}
    answer = await doors.ask("routing", "GET", f"/v1/cases?opd={HOLDER}", "opd")
    refused_for_role = answer.status_code, answer.json()["title"]
    assert refused_for_role == (403, "an OPD's key sees only its own cases")


async def test_a_case_that_went_to_another_opd_is_gone_for_the_first(doors: Hub) -> None:
    known = await doors.case()
    moved = await doors.ask(
        "routing", "POST", f"/v1/cases/{known.ticket}/route", "verifier", json={"opd": "DISHUB"}
    )
    assert moved.status_code == 200
    await doors.carry()
    late = await doors.ask(
        "routing", "POST", f"/v1/cases/{known.ticket}/answer", "holder", json={"text": "Sudah."}
    )
    assert late.status_code == 409
    for word in (WORDS, "DISHUB"):
        assert word not in late.text
    for service, path in (("routing", "/v1/cases"), ("sla_monitor", "/v1/clocks")):
        assert (await doors.ask(service, "GET", f"{path}/{known.ticket}", "holder")).status_code == 404
        assert (await doors.ask(service, "GET", f"{path}/{known.ticket}", "opd")).status_code == 200


@pytest.mark.parametrize(
    ("flags", "bridge"),
    [({}, 200), ({"anonymous": True}, 403), ({"confidential": True}, 200), ({"forward": False}, 403)],
)
async def test_the_bridge_is_told_who_reported_only_what_may_be_sent_on(
    doors: Hub, flags: dict[str, bool], bridge: int
) -> None:
    known = await doors.case(**flags)
    path = f"/v1/complaints/{known.ticket}/reporter"
    answer = await doors.ask("intake", "GET", path, "bridge")
    assert answer.status_code == bridge
    assert (NAME in answer.text) == (bridge == 200)
    assert (await doors.ask("intake", "GET", path, "verifier")).json()["reporter"]["name"] == NAME
