"""Rubbish on real topics: each kind finds its home, its neighbours go on, and operators mend it."""

import asyncio
import json
import sys
from pathlib import Path

import asyncpg
import pytest

from shared import audit, clock
from shared.delivery import operators
from shared.events.intake import CitizenReplied
from tests.flow.world import AT, LAMPS, Hub, complaint, reference, spoken_by_intake, until

pytestmark = pytest.mark.flow

GOOD = CitizenReplied(at=AT, text="Masih gelap.").write()
KINDS: dict[str, tuple[bytes | None, dict[str, bytes]]] = {
    "not JSON": (b"\x00\x01 rubbish", {}),
    "wrong schema": (b'{"at": "yesterday"}', {}),
    "no value": (None, {}),
    "a header that is not UTF-8": (GOOD, {"ce_type": b"\xff\xfe"}),
    "a null character": (json.dumps({"at": None, "text": "a\u0000b"}).encode(), {}),
    "nearly a mebibyte": (json.dumps({"at": None, "text": "x" * 1_000_000}).encode(), {}),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_rubbish_on_an_owners_topic_parks_its_complaint_and_harms_no_neighbour(
    hub: Hub, kind: str
) -> None:
    value, changed = KINDS[kind]
    ticket, neighbour = await hub.received(), await hub.received()
    await hub.in_state(ticket, "routed")
    key = await hub.key_of(ticket)
    await hub.produce("intake.events", key, value, spoken_by_intake(key, "1.2", **changed))
    await hub.produce("intake.events", key, GOOD, spoken_by_intake(key, "1.3"))

    async def dead() -> int | None:
        found = await hub.query(
            "routing", "SELECT id FROM delivery.dead_letters WHERE key = $1 AND status = 'open'", key
        )
        return found[0][0] if found else None

    letter = await until(dead, 20, "the dead letter")
    await hub.in_state(neighbour, "routed")
    await hub.quiet()
    waiting = await hub.query("routing", "SELECT count(*) FROM delivery.waiting WHERE key = $1", key)
    assert waiting[0][0] == 1
    await discard(hub, letter)

    async def freed() -> bool:
        rows = await hub.query("routing", "SELECT parked FROM delivery.keys WHERE key = $1", key)
        return rows[0][0] is None

    await until(freed, 20, "the stream to be freed")
    left = await hub.query("routing", "SELECT count(*) FROM delivery.waiting WHERE key = $1", key)
    assert left[0][0] == 0


async def discard(hub: Hub, letter: int) -> None:

    connection = await asyncpg.connect(hub.stack.dsn("routing"), timeout=10)
    try:
        await operators.discard(
            connection, letter, audit.Operator("sari"), "rubbish from a test", clock.now()
        )
    finally:
        await connection.close()


async def test_rubbish_of_strangers_is_answered_or_kept_sealed_and_parks_nothing(hub: Hub) -> None:
    name = "Warga Contoh Rahasia"
    good = reference()
    await hub.produce("intake.submissions", None, f"not JSON, by {name}".encode())
    await hub.produce("intake.submissions", "warga:x", None)
    await hub.submit(complaint(LAMPS, reference="zero", title="a\u0000b"))
    big = complaint(("Besar", "x" * 2 * 2**20), reference="big")
    await hub.submit(big)
    await hub.submit(complaint(LAMPS, reference=good))
    await hub.quiet()
    receipts = {h.key: h for h in await hub.read("intake.receipts")}
    assert receipts[f"warga:{good}"].type == "submission.accepted"
    assert receipts["warga:zero"].data["errors"][0]["field"] == "title"
    assert receipts["warga:big"].data["errors"][0]["field"] == "text"
    rows = await hub.query("intake", "SELECT value, sealed, reason FROM delivery.dead_letters")
    assert len(rows) >= 2
    assert all(row["sealed"] for row in rows if row["value"] is not None)
    assert not any(name.encode() in (row["value"] or b"") for row in rows)
    assert (await hub.query("intake", "SELECT count(*) FROM delivery.keys WHERE parked IS NOT NULL"))[0][
        0
    ] == 0


async def test_a_header_name_that_is_not_utf8_costs_neither_its_record_nor_a_neighbour(hub: Hub) -> None:
    """aiokafka raises on it, after it has moved the positions of every partition of that fetch."""
    name = reference()
    bodies = [
        json.dumps({"source": "warga", **complaint(LAMPS, reference=f"{name}-{which}")})
        for which in ("before", "bad", "after")
    ]
    client = Path(__file__).with_name("misspelt_client.py")
    done = await asyncio.create_subprocess_exec(
        sys.executable, client, hub.stack.bootstrap, "intake.submissions", "2", *bodies
    )
    assert await done.wait() == 0
    await hub.quiet()
    rows = await hub.query("intake", "SELECT reference FROM complaints WHERE reference LIKE $1", f"{name}-%")
    assert sorted(row[0] for row in rows) == [f"{name}-{w}" for w in ("after", "bad", "before", "elsewhere")]
