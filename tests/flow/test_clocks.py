"""Deadlines on the running hub: a breach is said when it is true, however late, and never when it is not."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from ops import city
from shared import clock
from tests.flow.world import Hub, complaint, reference, until

pytestmark = pytest.mark.flow

SECONDS = 15
"""How long after its start this test's first_response deadline falls."""


@pytest.fixture
async def due(whole: Hub, tmp_path: Path) -> AsyncIterator[datetime]:
    """A city where an OPD has until the end of the next day, and today ends soon; the instant it ends."""
    due = clock.now() + timedelta(seconds=SECONDS)
    local = due.astimezone(clock.JAKARTA)
    if local.date() != clock.now().astimezone(clock.JAKARTA).date():
        pytest.skip("the day ends in the middle of this test")
    folder = tmp_path / "city"
    shutil.copytree(city.DIRECTORY, folder)
    sla = yaml.safe_load((folder / "sla.yaml").read_text())
    (policy,) = sla["policies"]
    policy |= {"name": "of-a-test", "day_ends": local.time().isoformat()}
    policy["steps"]["first_response"] |= {"days": 1, "unit": "calendar", "warn_days_before": None}
    (folder / "sla.yaml").write_text(yaml.safe_dump(sla))
    where = {"sla_monitor": whole.stack.dsn("sla_monitor")}
    await city.load(folder, where)
    yield due
    await city.load(city.DIRECTORY, where)


async def handed_over_yesterday(hub: Hub) -> str:
    """A report that LAPOR gave to an OPD yesterday, taken in today; its ticket."""
    number = str(int(reference().split("-")[1]) + 9_000_000)
    yesterday = (clock.now() - timedelta(days=1)).isoformat()
    lapor = {
        "tracking_id": number,
        "status": "Proses",
        "state": "open",
        "opd": "PERKIM",
        "institution": "Perkim",
    }
    body = complaint(channel="lapor", reference=number, lapor={**lapor, "disposed_at": yesterday})
    await hub.submit(body | {"reported_at": yesterday}, source="lapor")

    async def ticket() -> str | None:
        rows = await hub.query(
            "intake", "SELECT ticket FROM complaints WHERE source = 'lapor' AND reference = $1", number
        )
        return rows[0][0] if rows else None

    return await until(ticket, 20, "the complaint")


async def first_responses(hub: Hub, ticket: str) -> list[tuple[str, datetime]]:
    return [
        (heard.type, datetime.fromisoformat(heard.data["at"]))
        for heard in await hub.about(ticket, "sla.events")
        if heard.data["clock"] == "first_response"
    ]


async def test_an_answer_that_waits_while_the_monitor_is_down_is_no_breach(whole: Hub, due: datetime) -> None:
    hub = whole
    answered, silent = await handed_over_yesterday(hub), await handed_over_yesterday(hub)
    for ticket in (answered, silent):
        await hub.in_state(ticket, "routed")

        async def started(ticket: str = ticket) -> bool:
            return [kind for kind, _ in await first_responses(hub, ticket)] == ["clock.started"]

        await until(started, 15, "the clock to start")
    await hub.kill("sla_monitor")
    answer = await hub.act(answered, "answer", "opd:PERKIM", text="Sudah diperbaiki.")
    assert answer.status_code == 200
    assert clock.now() < due
    await asyncio.sleep((due - clock.now()).total_seconds() + 1)
    await hub.stack.start(["sla_monitor"])

    async def breached() -> datetime | None:
        return dict(await first_responses(hub, silent)).get("clock.breached")

    assert await until(breached, 30, "the breach to be said") == due
    await hub.quiet()
    told = await first_responses(hub, answered)
    assert [kind for kind, _ in told] == ["clock.started", "clock.met"]
    assert told[1][1] < due
    stated = [heard.data for heard in await hub.about(silent, "sla.state")][-1]
    (state,) = [one for one in stated["clocks"] if one["clock"] == "first_response"]
    assert (state["status"], datetime.fromisoformat(state["breached_at"])) == ("breached", due)
