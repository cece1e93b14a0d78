"""An OPD's own system works a case by Kafka alone."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.flow.world import LAMPS, Hub, reference, until

pytestmark = pytest.mark.flow


async def test_an_opds_system_accepts_repeats_itself_and_is_refused_what_cannot_be(hub: Hub) -> None:
    ticket = await hub.received(LAMPS)
    await hub.in_state(ticket, "routed")
    name, other = reference(), reference()
    accept = update(ticket, name, "accept")
    for body in [
        accept,
        accept,
        {**accept, "text": "Kami terima."},
        update(ticket, other, "close", text="Selesai."),
        update("9999999999Z", reference(), "accept"),
    ]:
        await hub.produce("opd.updates", ticket, json.dumps(body).encode())

    async def receipts() -> list[tuple[str, Any]] | None:
        heard = [h for h in await hub.read("routing.receipts") if h.data["source"] == "trial-opd-perkim"]
        found = [
            (h.type, h.data.get("repeated", [error["field"] for error in h.data.get("errors", ())]))
            for h in heard
        ]
        return found if len(found) == 5 else None

    assert sorted(await until(receipts, 20, "five receipts"), key=str) == [
        ("update.accepted", False),
        ("update.accepted", True),
        ("update.refused", ["act"]),
        ("update.refused", ["reference"]),
        ("update.refused", ["ticket"]),
    ]
    case = await hub.in_state(ticket, "in_work")
    assert case["history"][-1]["by"] == {"kind": "opd", "name": "PERKIM"}
    await hub.quiet()
    said = [heard.type for heard in await hub.about(ticket, "routing.events")]
    assert said == ["complaint.classified", "complaint.routed", "complaint.accepted"]


def update(ticket: str, name: str, act: str, **more: Any) -> dict[str, Any]:
    """An update as PERKIM's system sends it, done now."""
    at = datetime.now(UTC).isoformat()  # noqa: TID251 — an outside system's clock
    return {
        "source": "trial-opd-perkim",
        "reference": name,
        "opd": "PERKIM",
        "ticket": ticket,
        "act": act,
        "at": at,
        **more,
    }
