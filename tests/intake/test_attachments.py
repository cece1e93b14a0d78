"""Files over real HTTP, on real PostgreSQL: who may send them, who may see them, and what they become."""

import asyncio
import base64
import hashlib
import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from services.intake.web import Taken
from shared.events.routing import ComplaintHandedBack
from tests.intake.doors import BODY, Intake
from tests.intake.pictures import CANARY, pdf, photo
from tests.intake.test_files import stands_upright
from tests.intake.world import BY_OPD, NOW, fact_id, routed

pytestmark = pytest.mark.store

PHOTO = photo(orientation=6)
PDF = pdf(b"<</Author (anyone)>>")


def by(intake: Intake, key: str | None, secret: str | None = None) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {intake.keys[key]}"} if key else {}
    return headers | ({"Simpul-Secret": secret} if secret else {})


async def send(
    intake: Intake, taken: Taken, content: bytes = PHOTO, *, key: str | None = "sikesal", name: str = "a.jpg"
) -> httpx.Response:
    return await intake.http.post(
        f"/v1/complaints/{taken.ticket}/attachments",
        files={"file": (name, content, "text/html")},
        headers=by(intake, key),
    )


async def see(
    intake: Intake,
    taken: Taken,
    file: str | None = None,
    *,
    key: str | None = None,
    secret: str | None = None,
) -> httpx.Response:
    path = f"/v1/complaints/{taken.ticket}/attachments" + (f"/{file}" if file else "")
    return await intake.http.get(path, headers=by(intake, key, secret))


async def given_to(intake: Intake, taken: Taken, opd: str, number: int = 1) -> None:
    """Routing says that this OPD has the case."""
    await intake.desk.hand_in([(taken.complaint_id, routed(opd, disposition=number))])


async def test_a_file_is_kept_upright_and_without_metadata_and_told_as_an_amendment(intake: Intake) -> None:
    taken = await intake.taken()
    sent = await send(intake, taken, name=f"{CANARY} 08000001234.png")
    assert sent.status_code == 201
    told = sent.json()
    assert told["media_type"] == "image/jpeg"
    assert told["name"] == f"{CANARY} [telepon].png"
    assert sent.headers["location"] == f"/v1/complaints/{taken.ticket}/attachments/{told['id']}"
    seen = await see(intake, taken, told["id"], key="sikesal")
    assert seen.status_code == 200
    assert (len(seen.content), hashlib.sha256(seen.content).hexdigest()) == (told["size"], told["sha256"])
    assert CANARY.encode() not in seen.content
    stands_upright(Image.open(io.BytesIO(seen.content)))
    (amended,) = [one for one in await intake.said() if "amended" in one["type"]]
    assert amended["changed"] == ["attachments"]
    assert amended["attachments"] == [told]
    assert amended["by"]["kind"] == "citizen"


async def test_a_file_is_given_out_in_a_way_that_runs_nothing(intake: Intake) -> None:
    taken = await intake.taken()
    picture = (await send(intake, taken)).json()["id"]
    document = (await send(intake, taken, PDF, name='"><script>.html')).json()["id"]
    for file, kind, shown in ((picture, "image/jpeg", "inline"), (document, "application/pdf", "attachment")):
        seen = await see(intake, taken, file, key="verifier")
        assert seen.headers["content-type"] == kind
        assert seen.headers["content-disposition"].startswith(f'{shown}; filename="{taken.ticket}-')
        assert seen.headers["x-content-type-options"] == "nosniff"
        assert seen.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert seen.headers["cache-control"].startswith("private")
        assert "script" not in str(seen.headers)


async def test_the_same_file_again_changes_nothing(intake: Intake) -> None:
    taken = await intake.taken()
    first = await send(intake, taken)
    said = await intake.said()
    again = await send(intake, taken, name="another.jpg")
    assert again.status_code == 200
    assert again.json() == first.json()
    assert await intake.said() == said
    assert len((await see(intake, taken, key="sikesal")).json()["attachments"]) == 1


async def test_a_file_that_came_inside_the_complaint_is_not_kept_twice(intake: Intake) -> None:
    inline = {"name": "a", "media_type": "image/jpeg", "inline": base64.b64encode(PHOTO).decode()}
    taken = await intake.taken(attachments=[inline])
    assert (await send(intake, taken)).status_code == 200
    assert len((await see(intake, taken, key="sikesal")).json()["attachments"]) == 1


async def test_the_same_file_sent_at_once_is_kept_once(intake: Intake) -> None:
    taken = await intake.taken()
    answers = await asyncio.gather(send(intake, taken), send(intake, taken))
    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert len((await see(intake, taken, key="sikesal")).json()["attachments"]) == 1


async def until(intake: Intake, taken: Taken, statuses: set[int]) -> httpx.Response:
    """The photo sent again and again, until the answer is one of these."""
    for _ in range(100):
        told = await send(intake, taken)
        if told.status_code in statuses:
            return told
        await asyncio.sleep(0.05)
    raise AssertionError(told.status_code)


async def test_who_sends_too_many_at_once_is_told_to_wait_and_holds_nobody_else_up(intake: Intake) -> None:
    taken = await intake.taken()
    host, port = intake.http.base_url.host, intake.http.base_url.port
    begun = (
        f"POST /v1/complaints/{taken.ticket}/attachments HTTP/1.1\r\nHost: hub\r\nContent-Length: 1000\r\n"
        "Expect: 100-continue\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nAuthorization: Bearer {intake.keys['sikesal']}\r\n\r\n"
    )
    lines = [await asyncio.open_connection(host, port) for _ in range(2)]
    for reader, writer in lines:
        writer.write(begun.encode())
        assert b" 100 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    told = await send(intake, taken)
    assert told.status_code == 503
    assert told.headers["retry-after"]
    assert (await send(intake, taken, PDF, key="verifier")).status_code == 201
    for _, writer in lines:
        writer.close()
    await until(intake, taken, {200, 201})


async def test_no_more_than_ten_files_are_kept_of_one_complaint(intake: Intake) -> None:
    addresses = [
        {"name": "a", "media_type": "image/png", "url": f"https://contoh.invalid/{n}"} for n in range(9)
    ]
    taken = await intake.taken(attachments=addresses)
    assert (await send(intake, taken)).status_code == 201
    refused = await send(intake, taken, PDF)
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["field"] == "file"
    await given_to(intake, taken, "PUPR")
    assert (await send(intake, taken, PDF, key="opd")).status_code == 201


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "content"),
        (PHOTO[: len(PHOTO) // 2], "damaged"),
        (b"", "empty"),
        (pdf(b"<</S /JavaScript>>"), "active"),
    ],
)
async def test_what_is_unfit_is_refused_naming_the_file(intake: Intake, content: bytes, reason: str) -> None:
    taken = await intake.taken()
    refused = await send(intake, taken, content)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["field"] == "file"
    assert reason in error["reason"]


async def test_what_is_too_large_is_refused_before_it_is_held(intake: Intake) -> None:
    taken = await intake.taken()
    refused = await send(intake, taken, b"\xff\xd8\xff" + b"x" * 11_000_000)
    assert refused.status_code == 413


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {"file": "x"}},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
        {"content": b"--b\r\n\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
        {"files": {"photo": ("a.jpg", PHOTO)}},
        {"files": [("file", ("a.jpg", PHOTO)), ("file", ("b.jpg", PHOTO))]},
        {"files": {"file": ("a.jpg", PHOTO)}, "data": {"more": "x"}},
        {},
    ],
)
async def test_a_request_of_another_shape_is_refused(intake: Intake, sent: dict[str, Any]) -> None:
    taken = await intake.taken()
    headers = by(intake, "sikesal") | sent.pop("headers", {})
    refused = await intake.http.post(f"/v1/complaints/{taken.ticket}/attachments", headers=headers, **sent)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "file"


SENDS = {"sikesal": 201, "Other App": 404, "bridge": 404, "opd": 404, "other opd": 404, "verifier": 201}
OF_A_CASE = SENDS | {"opd": 201}


@pytest.mark.parametrize(("has_case", "expected"), [(False, SENDS), (True, OF_A_CASE)])
async def test_only_who_has_to_do_with_a_complaint_sends_and_sees_its_files(
    intake: Intake, has_case: bool, expected: dict[str, int]
) -> None:
    taken = await intake.taken(confidential=True, anonymous=True)
    if has_case:
        await given_to(intake, taken, "PUPR")
    file = (await send(intake, taken, photo(size=(40, 40)), key="admin")).json()["id"]
    for number, (key, status) in enumerate(expected.items()):
        fresh = photo(size=(50 + number, 50))
        assert (await send(intake, taken, fresh, key=key)).status_code == status, key
        shown = 200 if status == 201 else status
        assert (await see(intake, taken, key=key)).status_code == shown, key
        assert (await see(intake, taken, file, key=key)).status_code == shown, key


async def test_an_opd_that_handed_a_case_back_sees_its_files_no_more_until_it_has_it_again(
    intake: Intake,
) -> None:
    taken = await intake.taken()
    await given_to(intake, taken, "PUPR")
    file = (await send(intake, taken)).json()["id"]
    back = ComplaintHandedBack(at=NOW, by=BY_OPD, disposition=1, opd="PUPR", reason="bukan jalan kota")
    await intake.desk.hand_in([(taken.complaint_id, back.known_as(fact_id("handed back")))])
    for path in (None, file):
        assert (await see(intake, taken, path, key="opd")).status_code == 404
    assert (await send(intake, taken, photo(size=(60, 60)), key="opd")).status_code == 404
    await given_to(intake, taken, "PUPR", 2)
    assert (await see(intake, taken, file, key="opd")).status_code == 200


async def test_the_public_sees_no_file_and_a_tracking_secret_opens_its_own_complaint_alone(
    intake: Intake,
) -> None:
    taken, other = await intake.taken(), await intake.taken()
    file = (await send(intake, taken)).json()["id"]
    for path in (None, file):
        assert (await see(intake, taken, path)).status_code == 401
        assert (await see(intake, taken, path, secret="wrong")).status_code == 404
        assert (await see(intake, taken, path, secret=other.secret)).status_code == 404
        assert (await see(intake, taken, path, secret=taken.secret)).status_code == 200
    assert (await see(intake, other, file, secret=other.secret)).status_code == 404
    sent = await intake.http.post(
        f"/v1/complaints/{taken.ticket}/attachments",
        files={"file": ("b.pdf", PDF)},
        headers={"Simpul-Secret": taken.secret or ""},
    )
    assert sent.status_code == 201
    assert file not in (await intake.page(taken.ticket)).text


async def test_a_case_that_moves_on_takes_its_files_along(intake: Intake) -> None:
    taken = await intake.taken()
    file = (await send(intake, taken)).json()["id"]
    await given_to(intake, taken, "PUPR")
    assert (await see(intake, taken, file, key="opd")).status_code == 200
    await given_to(intake, taken, "DLH", 2)
    assert (await see(intake, taken, file, key="opd")).status_code == 404
    assert (await see(intake, taken, file, key="other opd")).status_code == 200


async def test_an_opds_evidence_is_none_of_the_complaints_words(intake: Intake) -> None:
    taken = await intake.taken()
    await given_to(intake, taken, "PUPR")
    sent = await send(intake, taken, PDF, key="opd", name="selesai.pdf")
    assert sent.status_code == 201
    assert set(sent.json()) == {"id", "name", "media_type", "size", "sha256"}
    assert (await send(intake, taken, PDF, key="opd")).status_code == 200
    listed = (await see(intake, taken, key="sikesal")).json()
    assert listed["attachments"] == []
    assert listed["evidence"] == [sent.json()]
    assert not [one for one in await intake.said() if "amended" in one["type"]]
    assert (await see(intake, taken, sent.json()["id"], key="opd")).status_code == 200


async def test_an_anonymous_reporters_pdf_is_not_for_an_opd_and_its_photo_is(intake: Intake) -> None:
    taken = await intake.taken(anonymous=True)
    await given_to(intake, taken, "PUPR")
    document = (await send(intake, taken, PDF)).json()["id"]
    picture = (await send(intake, taken, PHOTO)).json()["id"]
    assert (await see(intake, taken, document, key="opd")).status_code == 403
    assert (await see(intake, taken, picture, key="opd")).status_code == 200
    assert (await see(intake, taken, document, key="verifier")).status_code == 200


async def test_a_withdrawn_complaint_takes_no_more_files_from_its_reporter(intake: Intake) -> None:
    taken = await intake.taken()
    await intake.act(taken.ticket, "withdraw", key="sikesal")
    refused = await send(intake, taken)
    assert refused.status_code == 409
    assert "attach" in refused.json()["errors"][0]["reason"]


async def test_each_sight_of_a_file_by_an_official_is_in_the_audit(intake: Intake) -> None:
    taken = await intake.taken()
    file = (await send(intake, taken)).json()["id"]
    for key in ("verifier", "sikesal", "opd"):
        await see(intake, taken, file, key=key)
    async with intake.desk.read() as connection:
        rows = await connection.fetch("SELECT name, act, about, complaint_id FROM audit.acts ORDER BY at")
    assert [(row["name"], row["act"]) for row in rows] == [("sikesal", "attach"), ("verifier", "read file")]
    assert rows[1]["about"] == file
    assert rows[1]["complaint_id"] == taken.complaint_id


async def test_of_a_file_nothing_lies_open_in_the_store(intake: Intake) -> None:
    taken = await intake.taken()
    await send(intake, taken, pdf(b"(a secret word)"))
    async with intake.desk.read() as connection:
        for table in ("files", "complaints", "fetches", "audit.acts", "delivery.said"):
            rows = await connection.fetch(f"SELECT * FROM {table}")
            assert b"secret word" not in b" ".join(
                value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row
            )


async def test_a_bad_inline_file_refuses_a_submission_by_both_doors_naming_it(intake: Intake) -> None:
    inline = base64.b64encode(PHOTO[:100]).decode()
    attachments = [
        {"name": "a", "media_type": "image/png", "url": "https://contoh.invalid/a"},
        {"name": "b", "media_type": "image/jpeg", "inline": inline},
    ]
    refused = await intake.post(BODY | {"attachments": attachments})
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"field": "attachments.1.inline", "reason": "is damaged or not whole"}
    ]
    (receipt,) = await intake.hear(
        json.dumps(BODY | {"source": "sikesal", "attachments": attachments}).encode()
    )
    assert receipt["errors"] == refused.json()["errors"]


async def test_others_are_answered_while_a_large_photo_is_looked_into(intake: Intake) -> None:
    out = io.BytesIO()
    Image.effect_noise((1000, 750), 60).convert("RGB").resize((4000, 3000)).save(out, "JPEG", quality=85)
    taken = await intake.taken()
    sending = asyncio.create_task(send(intake, taken, out.getvalue()))
    slowest = 0.0
    while not sending.done():
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(0.01)
        slowest = max(slowest, asyncio.get_running_loop().time() - began)
    assert sending.result().status_code == 201
    assert slowest < 0.5
