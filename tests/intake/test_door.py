"""Who may act on a complaint: every key at every act, and the tracking secret, which is told once."""

import asyncio
import hashlib
from typing import Any

import pytest

from tests.intake.doors import BODY, Intake

pytestmark = pytest.mark.store

ACTS: dict[str, dict[str, Any] | None] = {
    "amend": {"confidential": True},
    "reply": {"text": "Di RT 05."},
    "rate": {"rating": 4},
    "withdraw": None,
    "merge": {"into": "00000000000"},
    "unmerge": None,
}
OFFICIALS = {"amend", "merge", "unmerge"}
REPORTERS = {"amend", "reply", "rate", "withdraw"}


def is_let_in(status: int) -> bool:
    """Past the door the act may still be refused for what it says (422) or for how things stand (409)."""
    return status in (200, 409, 422)


@pytest.mark.parametrize("act", ACTS)
async def test_each_key_opens_only_what_is_its_own(intake: Intake, act: str) -> None:
    taken = await intake.taken()
    expected = {
        "sikesal": 0 if act in REPORTERS else 403,
        "Other App": 404 if act in REPORTERS else 403,
        "lapor": 404 if act in REPORTERS else 403,
        "verifier": 0 if act in OFFICIALS else 403,
        "admin": 0 if act in OFFICIALS else 403,
        "bridge": 403,
        "opd": 403,
    }
    for key, status in expected.items():
        answer = await intake.act(taken.ticket, act, ACTS[act], key=key)
        assert is_let_in(answer.status_code) if not status else answer.status_code == status, key
    assert (await intake.act(taken.ticket, act, ACTS[act])).status_code == 401
    unknown = await intake.act(taken.ticket, act, ACTS[act], Authorization="Bearer simpul_nobody")
    assert unknown.status_code == 401


@pytest.mark.parametrize("act", ACTS)
async def test_the_secret_opens_its_own_complaint_for_what_reporters_do(intake: Intake, act: str) -> None:
    taken, other = await intake.taken(), await intake.taken()
    assert taken.secret is not None
    mine = await intake.act(taken.ticket, act, ACTS[act], **{"Simpul-Secret": taken.secret})
    assert is_let_in(mine.status_code) if act in REPORTERS else mine.status_code == 401
    closed = 404 if act in REPORTERS else 401
    others = await intake.act(other.ticket, act, ACTS[act], **{"Simpul-Secret": taken.secret})
    nobodys = await intake.act("00000000000", act, ACTS[act], **{"Simpul-Secret": taken.secret})
    assert (others.status_code, nobodys.status_code) == (closed, closed)
    assert others.json() == nobodys.json()


async def test_a_publisher_may_bring_the_secret_of_a_complaint_that_another_one_sent(intake: Intake) -> None:
    taken = await intake.taken()
    assert taken.secret is not None
    answer = await intake.act(
        taken.ticket, "reply", ACTS["reply"], key="Other App", **{"Simpul-Secret": taken.secret}
    )
    assert answer.status_code == 200


async def test_a_complaint_of_lapor_is_no_publishers_whatever_it_is_called(intake: Intake) -> None:
    lapor = {"tracking_id": "7000001", "status": "Belum Terverifikasi", "state": "open"}
    body = BODY | {"reference": "7000001", "channel": "lapor", "lapor": lapor}
    ticket = (await intake.post(body, key="bridge")).json()["ticket"]
    assert (await intake.act(ticket, "withdraw", key="lapor")).status_code == 404


async def test_the_secret_is_told_once_also_where_the_same_complaint_came_many_times_in_one_moment(
    intake: Intake,
) -> None:
    bodies = [BODY | {"reference": "the first, whose commit the others wait for"}, *[BODY] * 20]
    _, *answers = await asyncio.gather(*(intake.post(body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert [("secret" in answer.json()) == (answer.status_code == 201) for answer in answers] == [True] * 20
    assert len({answer.json()["ticket"] for answer in answers}) == 1


async def test_the_secret_is_told_once_and_kept_as_a_hash(intake: Intake) -> None:
    created = await intake.post(BODY)
    secret = created.json()["secret"]
    assert len(secret) == 32
    repeat = await intake.post(BODY)
    assert repeat.status_code == 200
    assert "secret" not in repeat.json()
    async with intake.desk.read() as connection:
        kept = await connection.fetchval("SELECT secret_hash FROM complaints")
    assert kept == hashlib.sha256(secret.encode()).digest()
    assert secret not in str(await intake.said())


async def test_a_mistyped_ticket_is_told_as_such(intake: Intake) -> None:
    answer = await intake.act("0000000000X", "withdraw", key="sikesal")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["ticket"]
