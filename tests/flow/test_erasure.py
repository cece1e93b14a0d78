"""An erased complaint in the whole hub: its words are looked for as bytes, in all tables of all stores and in logs."""

from uuid import uuid4

import pytest

from tests.flow.world import Hub, complaint, reference, until

pytestmark = pytest.mark.flow

NAME = f"Kenari{uuid4().hex[:12]}"
PHONE, EMAIL, NIK = "0812-9999-0017", f"{NAME.lower()}@contoh.invalid", "1571014599990001"
REPORTER = {"name": NAME, "phone": PHONE, "email": EMAIL, "nik": NIK, "address": f"Gang {NAME} 17"}
IDENTITY = (PHONE, "081299990017", "6281299990017", EMAIL, NIK)


async def holds(hub: Hub, *words: str) -> set[tuple[str, str]]:
    """Where one of these stands in a store: (service and table, word)."""
    found: set[tuple[str, str]] = set()
    for service in hub.services:
        tables = await hub.query(
            service,
            "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables"
            " WHERE table_schema IN ('public', 'delivery', 'audit')"
            " AND table_name !~ '^said_' AND table_name <> 'city_versions'",
        )
        for (table,) in tables:
            for row in await hub.query(service, f"SELECT * FROM {table}"):
                told = b" ".join(v if isinstance(v, bytes) else str(v).encode() for v in row.values())
                found |= {(f"{service} {table}", word) for word in words if word.encode() in told}
    return found


def logged(hub: Hub) -> set[str]:
    """Which of the words stand in a service's log."""
    logs = "".join(hub.stack.places.log(service).read_text(errors="replace") for service in hub.services)
    return {word for word in (*IDENTITY, NAME) if word in logs}


async def erased(hub: Hub, ticket: str, scope: str) -> None:
    answer = await hub.http.post(
        f"{hub.stack.url('intake')}/v1/complaints/{ticket}/erase",
        json={"scope": scope, "reason": "surat 17/2026"},
        headers=hub.key("admin"),
    )
    assert answer.status_code == 200, answer.text
    await hub.quiet()


async def test_no_store_topic_or_log_keeps_a_word_of_an_erased_complaint(hub: Hub) -> None:
    words = (
        f"Lampu jalan mati, {NAME}",
        f"Lampu jalan mati di depan rumah {NAME}, hp {PHONE}, {EMAIL}, NIK {NIK}.",
    )
    body = complaint(words, reference=reference(), reporter=REPORTER, place={"text": f"Gang {NAME} 17"})
    ticket = str((await hub.post(body)).json()["ticket"])
    await hub.in_state(ticket, "routed")
    await hub.act(ticket, "progress", "opd:PERKIM", text=f"Menuju rumah {NAME}.")
    await hub.act(ticket, "ask", "opd:PERKIM", question=f"Di mana rumah {NAME}?")
    await hub.quiet()
    assert await holds(hub, *IDENTITY) == set()
    keeping = {where.split()[0] for where, _ in await holds(hub, NAME)}
    assert {"intake", "routing"} <= keeping

    await erased(hub, ticket, "complaint")
    assert await holds(hub, NAME, *IDENTITY) == set()

    await hub.act(ticket, "answer", "opd:PERKIM", text=f"Sudah menyala, {NAME}.")
    await hub.quiet()
    assert await holds(hub, NAME, *IDENTITY) == set()
    case = await hub.case(ticket)
    assert case is not None
    assert (case["state"], case["text"], case["opd"]) == ("answered", "", "PERKIM")
    said = [
        heard for heard in await hub.about(ticket, "routing.events") if heard.type == "complaint.answered"
    ]
    assert [heard.data["text"] for heard in said] == [""]
    public = await hub.public(ticket)
    assert (public["erased"], public["text"], public["status"]["code"]) == ("complaint", None, "answered")
    assert logged(hub) == set()


async def test_the_statement_of_its_clocks_ends_in_a_null_that_stays_the_last(hub: Hub) -> None:
    ticket = await hub.received()
    await hub.in_state(ticket, "routed")
    await hub.quiet()
    assert (await hub.about(ticket, "sla.state"))[-1].data["case_state"] == "routed"
    await erased(hub, ticket, "complaint")

    async def ended() -> bool:
        return (await hub.about(ticket, "sla.state"))[-1].data is None

    await until(ended, 20, "the null value")
    await hub.act(ticket, "answer", "opd:PERKIM", text="Sudah.")
    await hub.quiet()
    last = (await hub.about(ticket, "sla.state"))[-1]
    assert (last.data, last.type) == (None, "clocks.stated")
    assert "clock.met" in [heard.type for heard in await hub.about(ticket, "sla.events")]


async def test_with_scope_identity_the_case_goes_on_as_it_was(hub: Hub) -> None:
    ticket = await hub.received(reporter=REPORTER)
    await hub.in_state(ticket, "routed")
    await erased(hub, ticket, "identity")
    case = await hub.case(ticket)
    assert case is not None
    assert case["text"].startswith("Sudah seminggu lampu jalan")
    assert [moment["text"] for moment in case["history"] if moment["act"] == "complaint.erased"] == [
        "identity"
    ]
    assert (await hub.about(ticket, "sla.state"))[-1].data is not None
