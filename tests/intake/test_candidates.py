"""What others found in public: kept at once, told to the hub only when a verifier accepts it."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.intake.domain.channels import CHANNELS
from services.intake.domain.receiving import on_submission_posted
from services.intake.web import Taken
from shared import clock
from shared.events.receipts import SubmissionRefused
from shared.events.submissions import SubmissionPosted
from tests.intake.doors import Intake
from tests.intake.world import KEYS, NOW, blank, submission

LINK = "https://media.contoh.invalid/warga/7"
PUBLICATION = {"link": LINK, "published_on": "2026-11-22", "outlet": "Media Contoh"}
POST: dict[str, Any] = {"channel": "social_media", "publication": PUBLICATION}


def fields_refused(posted: SubmissionPosted) -> list[str]:
    (receipt,) = on_submission_posted(blank(posted), posted, KEYS, NOW).says
    assert isinstance(receipt, SubmissionRefused)
    return [error.field for error in receipt.errors]


@pytest.mark.parametrize(
    ("channel", "lacks"),
    [
        ("call_center_112", ["taken_by"]),
        ("counter", ["taken_by"]),
        ("letter", ["taken_by", "letter"]),
        ("mass_media", ["publication"]),
        ("social_media", ["publication"]),
    ],
)
def test_a_channel_says_what_it_must_or_is_told_what_is_missing(channel: str, lacks: list[str]) -> None:
    assert fields_refused(submission(channel=channel)) == lacks


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"publication": PUBLICATION}, "publication"),
        ({"letter": {"dated_on": "2026-11-20"}}, "letter"),
        ({"channel": "counter", "taken_by": "  "}, "taken_by"),
        ({"channel": "letter", "taken_by": "TU", "letter": {"dated_on": "2026-11-25"}}, "letter.dated_on"),
        ({**POST, "publication": {**PUBLICATION, "published_on": "2026-11-25"}}, "publication.published_on"),
        ({**POST, "publication": {**PUBLICATION, "published_on": "1999-12-31"}}, "publication.published_on"),
    ],
)
def test_what_does_not_fit_is_refused_by_field(said: dict[str, Any], field: str) -> None:
    assert fields_refused(submission(**said)) == [field]


def test_who_took_a_call_stays_sealed_with_intake() -> None:
    posted = submission(channel="call_center_112", taken_by="Petugas Contoh 4")
    decision = on_submission_posted(blank(posted), posted, KEYS, NOW)
    assert decision.state.newcomer is not None
    assert decision.state.newcomer.identity.taken_by == "Petugas Contoh 4"
    assert all(b"Petugas" not in said.write() for said in decision.says)


def test_only_what_others_found_in_public_waits_for_a_verifier() -> None:
    assert {name for name, rule in CHANNELS.items() if rule.candidate} == {"mass_media", "social_media"}


async def waiting(intake: Intake, **query: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {intake.keys['verifier']}"}
    answer = await intake.http.get("/v1/candidates", params=query, headers=headers)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def decide(intake: Intake, ticket: str, act: str, body: Any = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {intake.keys['verifier']}"}
    return await intake.http.post(f"/v1/candidates/{ticket}/{act}", json=body, headers=headers)


async def found(intake: Intake, link: str = LINK, **more: Any) -> Taken:
    return await intake.taken(**{**POST, "publication": {**PUBLICATION, "link": link}, **more})


@pytest.mark.store
async def test_a_post_has_its_ticket_at_once_and_the_hub_hears_nothing_of_it(intake: Intake) -> None:
    taken = await found(intake, conversation="ig-1")
    assert [said["type"].split(".")[1:3] for said in await intake.said()] == [["submission", "accepted"]]
    (one,) = (await waiting(intake))["candidates"]
    assert (one["ticket"], one["link"], one["published_on"], one["posts"]) == (
        taken.ticket,
        LINK,
        "2026-11-22",
        1,
    )
    assert "Menunggu verifikasi" in (await intake.page(taken.ticket)).text
    assert (await intake.act(taken.ticket, "amend", {"confidential": True}, key="sikesal")).status_code == 409
    assert (await intake.act(taken.ticket, "withdraw", {}, key="sikesal")).status_code == 409


@pytest.mark.store
async def test_accepted_it_is_a_complaint_reported_when_it_was_published_and_received_now(
    intake: Intake,
) -> None:
    taken = await found(intake, conversation="ig-1")
    before = clock.now()
    accepted = await decide(intake, taken.ticket, "accept")
    assert accepted.json() == {"ticket": taken.ticket, "status": "received", "repeated": False}
    (received,) = await intake.said("intake.events")
    assert (received["ticket"], received["channel"]) == (taken.ticket, "social_media")
    assert received["reported_at"] == "2026-11-21T17:00:00Z"  # the day in Jakarta
    assert received["at"] == received["received_at"] >= before.isoformat()[:19]
    assert LINK not in json.dumps(received)
    assert [notice["template"] for notice in await intake.said("intake.notices")] == ["received"]
    assert (await waiting(intake))["candidates"] == []
    assert "Diterima" in (await intake.page(taken.ticket)).text
    async with intake.desk.read() as connection:
        acts = await connection.fetch("SELECT act, name FROM audit.acts")
    assert ("accept", "verifier") in [tuple(row) for row in acts]


@pytest.mark.store
async def test_a_decision_repeated_says_nothing_and_the_other_one_is_refused_naming_the_state(
    intake: Intake,
) -> None:
    taken, other = await found(intake), await found(intake, f"{LINK}8")
    assert (await decide(intake, taken.ticket, "accept")).status_code == 200
    assert (await decide(intake, taken.ticket, "accept")).json()["repeated"]
    assert (await decide(intake, other.ticket, "drop", {"reason": "Bukan keluhan."})).status_code == 200
    assert (await decide(intake, other.ticket, "drop", {"reason": "Lain."})).json()["repeated"]
    assert len(await intake.said("intake.events")) == 1
    late = await decide(intake, taken.ticket, "drop", {"reason": "Keliru."})
    assert late.status_code == 409
    assert "received" in late.text
    again = await decide(intake, other.ticket, "accept")
    assert again.status_code == 409
    assert "dropped" in again.text
    assert "Tidak diproses" in (await intake.page(other.ticket)).text


@pytest.mark.store
async def test_to_drop_one_takes_a_reason_and_what_is_no_candidate_is_not_decided(intake: Intake) -> None:
    taken = await found(intake)
    assert (await decide(intake, taken.ticket, "drop", {})).status_code == 422
    plain = await intake.taken()
    answer = await decide(intake, plain.ticket, "accept")
    assert answer.status_code == 409
    assert "received" in answer.text


@pytest.mark.store
async def test_who_finds_the_same_link_again_is_decided_with_the_first(intake: Intake) -> None:
    first = await found(intake)
    second = await found(
        intake, "http://www.media.contoh.invalid/warga/7/?utm_source=x", text="Hal yang sama"
    )
    (one,) = (await waiting(intake))["candidates"]
    assert (one["ticket"], one["posts"]) == (first.ticket, 2)
    refused = await decide(intake, second.ticket, "accept")
    assert refused.status_code == 409
    assert first.ticket in refused.text
    await decide(intake, first.ticket, "accept")
    assert (await intake.http.get(f"/v1/complaints/{second.ticket}")).json()["ticket"] == first.ticket
    third = await found(intake)
    assert (await waiting(intake))["candidates"] == []
    assert (await intake.http.get(f"/v1/complaints/{third.ticket}")).json()["status"]["code"] == "received"
    assert len(await intake.said("intake.events")) == 1
    mine = {"Authorization": f"Bearer {intake.keys['sikesal']}"}
    listed = (await intake.http.get("/v1/complaints", headers=mine)).json()["complaints"]
    assert {one["ticket"]: one["status"] for one in listed} == dict.fromkeys(
        (first.ticket, second.ticket, third.ticket), "received"
    )


@pytest.mark.store
async def test_a_find_that_was_erased_keeps_nobody_elses_from_being_accepted(intake: Intake) -> None:
    first, second = await intake.taken(**POST), await intake.taken(**POST)
    erase = {"scope": "identity", "reason": "surat 1/2026"}
    for repeated in (False, True):
        done = await intake.act(first.ticket, "erase", erase, key="admin")
        assert (done.status_code, done.json()["repeated"]) == (200, repeated)
    official = {"Authorization": f"Bearer {intake.keys['verifier']}"}
    listed = (await intake.http.get("/v1/candidates", headers=official)).json()["candidates"]
    assert second.ticket in [one["ticket"] for one in listed]
    for path, words in ((f"{first.ticket}/drop", {"reason": "dihapus"}), (f"{second.ticket}/accept", None)):
        told = await intake.http.post(f"/v1/candidates/{path}", json=words, headers=official)
        assert told.status_code == 200, told.text
    assert (await intake.http.get(f"/v1/complaints/{second.ticket}")).json()["status"]["code"] == "received"


async def test_the_page_of_a_second_find_leads_to_no_confidential_first_one(intake: Intake) -> None:
    first, second = await intake.taken(**POST, confidential=True), await intake.taken(**POST)
    shown = (await intake.http.get(f"/v1/complaints/{second.ticket}")).json()
    assert (shown["ticket"], shown["shows"]) == (second.ticket, "all")
    assert first.ticket not in json.dumps(shown)


async def test_the_list_is_read_page_by_page_the_longest_waiting_first(intake: Intake) -> None:
    tickets = [(await found(intake, f"{LINK}{n}")).ticket for n in range(5)]
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = await waiting(intake, limit=2, **after)
        seen += [one["ticket"] for one in page["candidates"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == tickets


@pytest.mark.store
async def test_by_kafka_a_post_is_a_candidate_too_and_its_repeat_a_repeat(intake: Intake) -> None:
    reported = (clock.now() - timedelta(minutes=5)).isoformat()
    value = {"source": "pantau", "reference": "1", "reported_at": reported, "text": "Jalan rusak", **POST}
    (receipt,) = await intake.hear(json.dumps(value).encode())
    (again,) = await intake.hear(json.dumps(value).encode())
    assert (receipt["repeated"], again["repeated"]) == (False, True)
    assert UUID(receipt["complaint_id"])
    (refused,) = await intake.hear(json.dumps(value | {"reference": "2", "publication": None}).encode())
    assert [error["field"] for error in refused["errors"]] == ["publication"]
