"""Photos on their way through the whole hub: the citizen's, and the OPD's that shows its work."""

import base64
from typing import Any

import pytest

from tests.flow.world import LAMPS, Hub, complaint, reference, until
from tests.intake.pictures import CANARY, photo

pytestmark = pytest.mark.flow


async def test_a_photo_comes_by_kafka_and_an_opds_answer_shows_another(hub: Hub) -> None:
    name = reference()
    inline = {"name": "a.jpg", "media_type": "image/jpeg", "inline": base64.b64encode(photo()).decode()}
    await hub.submit(complaint(LAMPS, reference=name, attachments=[inline]))

    async def accepted() -> dict[str, Any] | None:
        heard = [h.data for h in await hub.read("intake.receipts") if h.data["reference"] == name]
        return heard[0] if heard else None

    receipt = await until(accepted, 20, "a receipt")
    ticket = receipt["ticket"]
    await hub.in_state(ticket, "routed")
    (received,) = [h for h in await hub.about(ticket, "intake.events") if h.type == "complaint.received"]
    (attachment,) = received.data["attachments"]
    files = f"{hub.stack.url('intake')}/v1/complaints/{ticket}/attachments"

    async def evidence() -> dict[str, Any] | None:
        """Intake hears from routing whose case it is."""
        sent = await hub.http.post(
            files, files={"file": ("selesai.jpg", photo(size=(64, 64)))}, headers=hub.key("opd:PERKIM")
        )
        return sent.json() if sent.status_code == 201 else None

    shown = await until(evidence, 20, "the door to open for the OPD")
    seen = await hub.http.get(f"{files}/{attachment['id']}", headers=hub.key("opd:PERKIM"))
    assert seen.status_code == 200
    assert CANARY.encode() not in seen.content
    answered = await hub.act(ticket, "answer", "opd:PERKIM", text="Lampu sudah menyala.", attachments=[shown])
    assert answered.status_code == 200, answered.text

    async def told() -> dict[str, Any] | None:
        heard = [h.data for h in await hub.about(ticket, "routing.events") if h.type == "complaint.answered"]
        return heard[0] if heard else None

    assert (await until(told, 20, "the answer"))["attachments"] == [shown]
