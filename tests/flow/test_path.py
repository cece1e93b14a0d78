"""One complaint's way through the hub."""

import asyncio

import pytest

from tests.flow.world import LAMPS, VAGUE, Hub, complaint, reference, until

pytestmark = pytest.mark.flow


async def test_a_clear_complaint_is_routed_by_itself_and_answered(hub: Hub) -> None:
    ticket = await hub.received(LAMPS)
    case = await hub.in_state(ticket, "routed")
    assert case["opd"] == "PERKIM"
    assert case["trace"]
    assert (await hub.act(ticket, "accept", "opd:PERKIM")).status_code == 200
    assert (await hub.act(ticket, "answer", "opd:PERKIM", text="Lampu sudah diganti.")).status_code == 200
    await hub.quiet()
    said = [heard.type for heard in await hub.about(ticket, "routing.events")]
    assert said == ["complaint.classified", "complaint.routed", "complaint.accepted", "complaint.answered"]
    numbers = [heard.headers["ce_sequence"] for heard in await hub.about(ticket, "routing.events")]
    assert numbers == ["1.1", "1.2", "1.3", "1.4"]
    public = await hub.public(ticket)
    told = [
        step["code"] for step in public["timeline"] if step["code"] != "linked"
    ]  # LAPOR's link comes when it comes
    assert told == ["received", "routed", "accepted", "answered"]


async def test_a_vague_complaint_waits_for_a_verifier(hub: Hub) -> None:
    ticket = await hub.received(VAGUE)
    case = await hub.in_state(ticket, "triage")
    assert case["reasons"]
    refused = await hub.act(ticket, "accept")
    assert refused.status_code == 409
    assert "triage" in refused.text
    assert (await hub.act(ticket, "route", opd="DLH")).status_code == 200
    assert (await hub.in_state(ticket, "routed"))["opd"] == "DLH"


async def test_a_complaint_by_kafka_gets_a_receipt_with_its_ticket(hub: Hub) -> None:
    body = complaint(reference=reference())
    await hub.submit(body)

    async def receipt() -> str | None:
        heard = [h for h in await hub.read("intake.receipts") if h.key == f"warga:{body['reference']}"]
        return heard[0].data["ticket"] if heard else None

    ticket = await until(receipt, 20, "the receipt")
    assert (await hub.in_state(ticket, "routed"))["opd"] == "PERKIM"


async def test_the_same_complaint_by_http_and_kafka_at_once_is_one_complaint(hub: Hub) -> None:
    for _ in range(10):
        body = complaint(reference=reference())
        answer, *_ = await asyncio.gather(
            hub.post(body), hub.submit(body, source="trial-publisher"), hub.post(body)
        )
        assert answer.status_code in (200, 201), answer.text
        await hub.quiet()
        received = await hub.about(answer.json()["ticket"], "intake.events")
        assert [h.type for h in received] == ["complaint.received"]
        receipts = [
            h for h in await hub.read("intake.receipts") if h.key == f"trial-publisher:{body['reference']}"
        ]
        assert sorted(h.data["repeated"] for h in receipts) == [False, True, True]


async def test_the_same_reference_with_other_words_is_refused_by_both_doors(hub: Hub) -> None:
    body = complaint(reference=reference())
    assert (await hub.post(body)).status_code == 201
    changed = {**body, "text": "Sesuatu yang lain sama sekali."}
    assert (await hub.post(changed)).status_code == 409
    await hub.submit(changed, source="trial-publisher")
    await hub.quiet()
    receipts = [h for h in await hub.read("intake.receipts") if h.key.endswith(body["reference"])]
    assert "submission.refused" in [h.type for h in receipts]


async def test_bad_input_is_answered_by_field_and_never_quoted(hub: Hub) -> None:
    secret = "1571010203040506"
    answer = await hub.post(complaint(reference="x", channel="pigeon", reporter={"nik": secret + "9"}))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert any("nik" in error["field"] for error in answer.json()["errors"])
    assert secret not in answer.text
    await hub.submit({"reference": "bad-1", "channel": "app", "text": "x", "reporter": {"nik": secret}})
    await hub.quiet()
    (receipt,) = [h for h in await hub.read("intake.receipts") if h.key == "warga:bad-1"]
    assert [error["field"] for error in receipt.data["errors"]] == ["reported_at"]
    assert secret not in str(receipt.data)


async def test_no_identity_leaves_intake(hub: Hub) -> None:
    phone, nik = "081177778888", "1571019999999999"
    ticket = await hub.received(
        ("Lampu jalan mati", f"Lampu jalan mati, hubungi saya {phone} atau NIK {nik}."),
        reporter={"name": "Warga Contoh Sembilan", "phone": phone, "nik": nik},
    )
    await hub.in_state(ticket, "routed")
    for topic in ("intake.events", "routing.events", "intake.receipts"):
        for heard in await hub.read(topic):
            words = str(heard)
            assert phone not in words
            assert nik not in words
            assert "Warga Contoh Sembilan" not in words
    for part in hub.services:
        log = hub.stack.places.log(part).read_text()
        assert phone not in log
        assert nik not in log
