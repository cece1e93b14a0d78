"""What reporters and verifiers do with a complaint, over HTTP on real PostgreSQL."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from services.intake import vault
from services.intake.web import Taken
from shared.events.fact import Event
from tests.intake.doors import SEAL, Intake
from tests.intake.world import answered, asked, closed, routed

pytestmark = pytest.mark.store


async def hears(intake: Intake, taken: Taken, *facts: Event) -> None:
    for fact in facts:
        await intake.desk.command(taken.complaint_id, fact)


async def since_received(intake: Intake) -> list[dict[str, Any]]:
    return [event for event in await intake.said("intake.events") if ".received." not in event["type"]]


async def shown(intake: Intake, taken: Taken) -> dict[str, Any]:
    found: dict[str, Any] = (await intake.http.get(f"/v1/complaints/{taken.ticket}")).json()
    return found


async def test_an_amendment_is_said_masked_shown_at_once_and_kept_sealed_as_written(intake: Intake) -> None:
    taken = await intake.taken()
    body = {"text": "Dua lampu mati, hp 08000009999", "place": {"text": "dekat 0800-000-8888"}}
    answer = await intake.act(taken.ticket, "amend", body, key="sikesal")
    assert answer.json() == {"ticket": taken.ticket, "status": "received", "repeated": False}
    (said,) = await since_received(intake)
    assert said["changed"] == ["title", "text", "place"]
    assert said["by"] == {"kind": "citizen", "name": None}
    assert (said["title"], said["text"]) == ("Dua lampu mati, hp [telepon]",) * 2
    assert said["place"]["text"] == "dekat [telepon]"
    assert said["confidential"] is None
    view = await shown(intake, taken)
    assert view["text"] == "Dua lampu mati, hp [telepon]"
    assert view["timeline"][-1]["label"] == "Pengaduan diperbarui"
    async with intake.desk.read() as connection:
        identity = (await vault.identities(connection, [taken.complaint_id], SEAL))[taken.complaint_id]
    assert (identity.text, identity.place) == ("Dua lampu mati, hp 08000009999", "dekat 0800-000-8888")
    assert identity.reporter is not None


async def test_the_same_amendment_again_says_nothing(intake: Intake) -> None:
    taken = await intake.taken()
    for repeated in (False, True):
        answer = await intake.act(taken.ticket, "amend", {"klasifikasi": "aspirasi"}, key="sikesal")
        assert answer.json()["repeated"] is repeated
    assert len(await since_received(intake)) == 1


async def test_a_complaint_that_is_made_confidential_later_shows_status_and_dates_alone(
    intake: Intake,
) -> None:
    taken = await intake.taken()
    await hears(intake, taken, routed(), closed())
    answer = await intake.act(taken.ticket, "amend", {"confidential": True}, key="verifier")
    assert answer.status_code == 200
    page = (await intake.page(taken.ticket)).text
    assert "Lampu" not in page
    assert "PUPR" not in page
    (said,) = await since_received(intake)
    assert (said["changed"], said["by"]) == (["confidential"], {"kind": "person", "name": "verifier"})


async def test_who_asked_to_stay_anonymous_stays_so_whatever_an_official_says(intake: Intake) -> None:
    taken = await intake.taken(anonymous=True, text="Kata-kata pelapor")
    refused = await intake.act(taken.ticket, "amend", {"anonymous": False}, key="verifier")
    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"field": "anonymous", "reason": "is the reporter's to change"}]
    assert (await shown(intake, taken))["text"] is None
    assert (await intake.act(taken.ticket, "amend", {"anonymous": False}, key="sikesal")).status_code == 200
    assert (await shown(intake, taken))["text"] == "Kata-kata pelapor"
    assert (await intake.act(taken.ticket, "amend", {"anonymous": True}, key="verifier")).status_code == 200


async def test_the_words_are_the_reporters_alone_to_change(intake: Intake) -> None:
    taken = await intake.taken()
    answer = await intake.act(taken.ticket, "amend", {"text": "Lain"}, key="verifier")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["text"]
    assert await since_received(intake) == []


@pytest.mark.parametrize(
    ("act", "body", "field"),
    [
        ("amend", {}, "body"),
        ("amend", {"forward": True}, "forward"),
        ("amend", {"text": "rahasia\x00"}, "text"),
        ("amend", {"place": {"text": "rahasia\x00"}}, "body"),
        ("amend", {"source": "rahasia"}, "source"),
        ("reply", {"text": " "}, "text"),
        ("reply", None, "text"),
        ("rate", {"rating": 6}, "rating"),
        ("rate", {"rating": True}, "rating"),
        ("withdraw", {"rahasia": 1}, "rahasia"),
    ],
)
async def test_what_is_wrong_is_told_by_field_and_not_quoted(
    intake: Intake, act: str, body: dict[str, Any] | None, field: str
) -> None:
    taken = await intake.taken()
    answer = await intake.act(taken.ticket, act, body, key="sikesal")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert "rahasia" not in answer.text.replace('"rahasia"', "")


@pytest.mark.parametrize("flag", ["confidential", "anonymous"])
async def test_a_verifier_protects_and_only_the_reporter_takes_a_protection_back(
    intake: Intake, flag: str
) -> None:
    taken = await intake.taken()
    assert (await intake.act(taken.ticket, "amend", {flag: True}, key="verifier")).status_code == 200
    for key in ("verifier", "admin"):
        refused = await intake.act(taken.ticket, "amend", {flag: False}, key=key)
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == [flag]
    assert (await intake.act(taken.ticket, "amend", {flag: False}, key="sikesal")).status_code == 200


async def test_whoever_becomes_anonymous_later_shares_no_pseudonym_with_their_other_complaints(
    intake: Intake,
) -> None:
    reporter = {"phone": "0800-000-0017"}
    first, second = await intake.taken(reporter=reporter), await intake.taken(reporter=reporter)
    names = await pseudonyms(intake)
    assert names[first.ticket] == names[second.ticket]
    for repeated in (False, True):
        done = await intake.act(first.ticket, "amend", {"anonymous": True}, key="sikesal")
        assert done.json()["repeated"] is repeated
    after = await pseudonyms(intake)
    assert after[second.ticket] == names[second.ticket]
    assert after[first.ticket] not in ("", names[first.ticket])
    (said,) = await since_received(intake)
    assert (said["reporter"], said["changed"]) == (after[first.ticket], ["anonymous"])
    told = {one["ticket"]: one["reporter"] for one in await intake.said("intake.events") if "ticket" in one}
    assert told == after  # what may be said again no longer tells, either
    await intake.act(first.ticket, "amend", {"anonymous": False}, key="sikesal")
    assert await pseudonyms(intake) == after


async def pseudonyms(intake: Intake) -> dict[str, str]:
    """By ticket."""
    rows = await intake.desk.pool.fetch("SELECT ticket, reporter FROM complaints")
    return {row["ticket"]: row["reporter"] for row in rows}


async def test_a_reply_answers_what_the_citizen_was_last_asked(intake: Intake) -> None:
    taken = await intake.taken()
    question = asked()
    await hears(intake, taken, routed(), question)
    answer = await intake.act(taken.ticket, "reply", {"text": "RT 05, hp 08000001234"}, key="sikesal")
    assert answer.json()["status"] == "in_work"
    (said,) = await since_received(intake)
    assert UUID(said["answers"]) == question.id
    assert said["text"] == "RT 05, hp [telepon]"
    assert (await shown(intake, taken))["timeline"][-1]["text"] == "RT 05, hp [telepon]"


async def test_a_rating_comes_after_an_answer_and_the_last_one_counts(intake: Intake) -> None:
    taken = await intake.taken()
    early = await intake.act(taken.ticket, "rate", {"rating": 5}, key="sikesal")
    assert early.status_code == 409
    reason = f"{taken.ticket} is received; rate is possible only where it is answered, closed"
    assert early.json()["errors"] == [{"field": "act", "reason": reason}]
    await hears(intake, taken, routed(), answered())
    for body in ({"rating": 2}, {"rating": 4, "text": "Akhirnya"}, {"rating": 4, "text": "Akhirnya"}):
        assert (await intake.act(taken.ticket, "rate", body, key="sikesal")).status_code == 200
    assert [(said["rating"], said["text"]) for said in await since_received(intake)] == [
        (2, None),
        (4, "Akhirnya"),
    ]
    assert (await shown(intake, taken))["timeline"][-1]["label"] == "Pelapor memberi nilai 4 dari 5"


async def test_what_was_withdrawn_stays_so_and_is_told_once(intake: Intake) -> None:
    taken = await intake.taken()
    for repeated in (False, True):
        answer = await intake.act(taken.ticket, "withdraw", {"reason": "Sudah beres"}, key="sikesal")
        assert (answer.json()["status"], answer.json()["repeated"]) == ("withdrawn", repeated)
    await hears(intake, taken, routed(), closed("withdrawn"))
    view = await shown(intake, taken)
    assert view["status"]["label"] == "Dicabut oleh pelapor"
    assert [step["code"] for step in view["timeline"]] == ["received", "withdrawn", "routed"]
    assert [said["reason"] for said in await since_received(intake)] == ["Sudah beres"]
    after = await intake.act(taken.ticket, "reply", {"text": "Masih"}, key="sikesal")
    assert after.status_code == 409


async def test_an_idempotency_key_makes_one_reply_of_two_requests(intake: Intake) -> None:
    taken = await intake.taken()
    assert taken.secret is not None
    headers = {"Simpul-Secret": taken.secret, "Idempotency-Key": "R-1"}
    first, again = [
        await intake.act(taken.ticket, "reply", {"text": "Di RT 05."}, **headers) for _ in range(2)
    ]
    assert first.content == again.content
    assert len(await since_received(intake)) == 1
    other = await intake.act(taken.ticket, "reply", {"text": "Di RT 06."}, **headers)
    assert other.status_code == 409
    assert [error["field"] for error in other.json()["errors"]] == ["Idempotency-Key"]


async def test_two_complaints_that_are_merged_are_told_once_each_and_point_one_way(intake: Intake) -> None:
    merged, survivor = await intake.taken(), await intake.taken()
    for repeated in (False, True):
        answer = await intake.act(merged.ticket, "merge", {"into": survivor.ticket.lower()}, key="verifier")
        assert answer.json() == {"ticket": merged.ticket, "status": "merged", "repeated": repeated}
    said = await since_received(intake)
    assert sorted(event["role"] for event in said) == ["merged", "survivor"]
    for event in said:
        assert event["into"] == {"complaint_id": str(survivor.complaint_id), "ticket": survivor.ticket}
        assert event["merged"]["ticket"] == merged.ticket
    view = await shown(intake, merged)
    assert view["status"]["label"] == "Digabungkan dengan pengaduan lain"
    assert view["merged_into"] == survivor.ticket
    assert f"/v1/complaints/{survivor.ticket}" in (await intake.page(merged.ticket)).text
    assert merged.ticket not in (await intake.page(survivor.ticket)).text
    refused = await intake.act(merged.ticket, "reply", {"text": "Masih"}, key="sikesal")
    assert refused.status_code == 409
    assert survivor.ticket not in refused.text


async def test_the_reporter_of_a_merged_one_is_told_the_answer_until_theirs_is_erased(intake: Intake) -> None:
    merged, survivor = await intake.taken(conversation="app-17"), await intake.taken()
    await intake.act(merged.ticket, "merge", {"into": survivor.ticket}, key="verifier")
    await hears(intake, survivor, routed(), answered())
    told = [
        (one["conversation"], one["template"], one["ticket"]) for one in await intake.said("intake.notices")
    ]
    assert told == [
        ("app-17", "received", merged.ticket),
        ("app-17", "merged", merged.ticket),
        ("app-17", "answered", merged.ticket),
    ]
    await intake.act(merged.ticket, "erase", {"scope": "identity", "reason": "surat 17/2026"}, key="admin")
    assert await intake.said("intake.notices") == []
    await hears(intake, survivor, closed("closed"))
    assert await intake.said("intake.notices") == []


async def test_neither_page_tells_of_a_confidential_one(intake: Intake) -> None:
    merged, survivor = await intake.taken(), await intake.taken()
    await intake.act(merged.ticket, "merge", {"into": survivor.ticket}, key="verifier")
    await intake.act(survivor.ticket, "amend", {"confidential": True}, key="sikesal")
    assert survivor.ticket[:5] not in (await intake.page(merged.ticket)).text
    assert (await shown(intake, merged))["merged_into"] is None
    await intake.act(survivor.ticket, "amend", {"confidential": False}, key="sikesal")
    await intake.act(merged.ticket, "amend", {"confidential": True}, key="sikesal")
    page = (await intake.page(merged.ticket)).text
    assert survivor.ticket[:5] not in page
    assert "Digabungkan dengan pengaduan lain" in page


async def test_there_are_no_chains_and_no_circles(intake: Intake) -> None:
    first, second, third = [await intake.taken() for _ in range(3)]
    await intake.act(first.ticket, "merge", {"into": second.ticket}, key="verifier")
    for ticket, into, named in [
        (third.ticket, first.ticket, second.ticket),
        (second.ticket, third.ticket, first.ticket),
        (second.ticket, first.ticket, second.ticket),
        (first.ticket, third.ticket, second.ticket),
    ]:
        answer = await intake.act(ticket, "merge", {"into": into}, key="verifier")
        assert answer.status_code == 409
        assert named in answer.text
    assert (
        await intake.act(third.ticket, "merge", {"into": third.ticket}, key="verifier")
    ).status_code == 422
    assert len(await since_received(intake)) == 2


async def test_two_that_are_merged_into_each_other_at_once_are_not_both(intake: Intake) -> None:
    first, second = await intake.taken(), await intake.taken()
    answers = await asyncio.gather(
        intake.act(first.ticket, "merge", {"into": second.ticket}, key="verifier"),
        intake.act(second.ticket, "merge", {"into": first.ticket}, key="admin"),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_one_that_is_set_apart_again_stands_as_routing_left_it(intake: Intake) -> None:
    merged, survivor = await intake.taken(), await intake.taken()
    await intake.act(merged.ticket, "merge", {"into": survivor.ticket}, key="verifier")
    await hears(intake, merged, routed())
    assert (await shown(intake, merged))["status"]["code"] == "merged"
    headers = {"Idempotency-Key": "U-1"}
    answers = [await intake.act(merged.ticket, "unmerge", key="verifier", **headers) for _ in range(2)]
    assert [answer.json()["status"] for answer in answers] == ["routed", "routed"]
    assert [event["role"] for event in await since_received(intake)].count("merged") == 2
    assert (await intake.act(merged.ticket, "unmerge", key="verifier")).status_code == 409
    assert (
        await intake.act(merged.ticket, "merge", {"into": survivor.ticket}, key="admin")
    ).status_code == 200


async def test_who_withdraws_a_complaint_lets_those_go_that_were_merged_into_it(intake: Intake) -> None:
    merged, survivor = await intake.taken(), await intake.taken()
    await intake.act(merged.ticket, "merge", {"into": survivor.ticket}, key="verifier")
    assert (await intake.act(survivor.ticket, "withdraw", key="sikesal")).json()["status"] == "withdrawn"
    assert (await shown(intake, merged))["status"]["code"] == "received"
    said = [event["type"].split(".")[2] for event in (await since_received(intake))[2:]]
    assert sorted(said) == ["unmerged", "unmerged", "withdrawn"]


async def test_who_did_what_is_in_the_audit_without_a_word_of_it(intake: Intake) -> None:
    taken, other = await intake.taken(), await intake.taken()
    assert taken.secret is not None
    await intake.act(taken.ticket, "reply", {"text": "Masih gelap"}, **{"Simpul-Secret": taken.secret})
    await intake.act(taken.ticket, "merge", {"into": other.ticket}, key="verifier")
    async with intake.desk.read() as connection:
        rows = await connection.fetch(
            "SELECT name, role, act, complaint_id, about FROM audit.acts ORDER BY id"
        )
    assert [tuple(row) for row in rows] == [
        (f"secret:{taken.ticket}", "citizen", "reply", taken.complaint_id, None),
        ("verifier", "verifier", "merge", taken.complaint_id, None),
    ]
