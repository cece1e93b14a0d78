"""Who reported it, asked of a running intake when its report is made, sent to LAPOR, and kept nowhere here."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops.stack.ports import any_free
from services.lapor_bridge import counting, store
from services.lapor_bridge.asking import NotTold, Reporters
from services.lapor_bridge.forward import Forwarding
from shared.events.intake import ComplaintAmended, ComplaintErased
from shared.events.parts import By
from tests.intake.doors import Intake
from tests.lapor_bridge.conftest import Bridge
from tests.lapor_bridge.running import Lapor
from tests.lapor_bridge.test_mirror import break_next, writes_of_the_hub
from tests.lapor_bridge.world import NOW, a_complaint, named, received, routed

pytestmark = pytest.mark.store

KEY = a_complaint(1)
WHO = {
    "name": "Kenari Contoh",
    "phone": "0800-000-0017",
    "nik": "1571000000000017",
    "address": "Gang Mawar 17",
}
CANARIES = tuple(WHO.values())


class Town:
    """Intake, the bridge and LAPOR, with the bridge's key in a file."""

    def __init__(self, intake: Intake, bridge: Bridge, lapor: Lapor, key_file: Path) -> None:
        self.intake, self.bridge, self.lapor, self.key_file = intake, bridge, lapor, key_file
        self.name_key("bridge")
        self.reporters = self.ask_at(str(intake.http.base_url))

    def name_key(self, whose: str) -> None:
        self.key_file.write_text(self.intake.keys[whose])

    def ask_at(self, url: str) -> Reporters:
        asked = Reporters(url, self.key_file)
        self.bridge.forwarding = Forwarding(self.bridge.forwarding.client, UTC, 1.0, asked)
        return asked

    async def complaint(self, **sent: Any) -> str:
        """A complaint that both services know, routed; its ticket."""
        taken = await self.intake.taken(reporter=WHO, **sent)
        flags = {name: sent.get(name, False) for name in ("anonymous", "confidential")}
        await self.bridge.hear(KEY, received(ticket=taken.ticket, **flags), routed("DISHUB"))
        return taken.ticket

    async def named(self) -> list[str]:
        """By whom LAPOR says that the reports are which we made."""
        short = self.lapor.http.get("/control/reports", params={"created_by": "api:hub"}).json()["reports"]
        shown = [self.lapor.http.get(f"/control/reports/{one['tracking_id']}").json() for one in short]
        return [one["report"]["user_name"] for one in shown]

    async def readings(self) -> int:
        return int(
            await self.intake.desk.pool.fetchval(
                "SELECT count(*) FROM audit.acts WHERE act = 'read reporter'"
            )
        )

    async def kept(self) -> set[str]:
        """Which of the reporter's words stand anywhere in the bridge's store."""
        tables = await self.bridge.desk.pool.fetch(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables"
            " WHERE table_schema IN ('public', 'delivery', 'audit')"
        )
        found: set[str] = set()
        for (table,) in tables:
            for row in await self.bridge.desk.pool.fetch(f"SELECT * FROM {table}"):
                told = b" ".join(v if isinstance(v, bytes) else str(v).encode() for v in row.values())
                found |= {word for word in CANARIES if word.encode() in told}
        return found


@pytest.fixture
async def town(intake: Intake, bridge: Bridge, lapor: Lapor, tmp_path: Path) -> AsyncIterator[Town]:
    made = Town(intake, bridge, lapor, tmp_path / "intake-key")
    yield made
    await made.reporters.close()


@pytest.mark.parametrize("confidential", [False, True])
async def test_the_report_names_its_reporter_and_we_keep_nothing_of_it(
    town: Town, caplog: pytest.LogCaptureFixture, confidential: bool
) -> None:
    caplog.set_level(logging.INFO)
    await town.complaint(confidential=confidential)
    await town.bridge.forward(2)
    assert await town.named() == ["Kenari Contoh"]
    assert await town.readings() == 1
    assert await town.kept() == set()
    assert not [word for word in CANARIES if word in caplog.text]


async def test_of_an_anonymous_one_nobody_is_asked(town: Town) -> None:
    await town.complaint(anonymous=True)
    await town.bridge.forward(2)
    assert writes_of_the_hub(town.lapor) == ["create"]
    assert "Kenari" not in str(await town.named())
    assert await town.readings() == 0


async def test_a_city_that_names_nobody_there_asks_nobody(town: Town) -> None:
    await town.bridge.desk.pool.execute(
        "INSERT INTO city_versions (digest, documents) SELECT '\\x02',"
        " jsonb_set(documents, '{lapor,names_reporters}', 'false') FROM city_versions"
    )
    await town.complaint()
    await town.bridge.forward(2)
    assert await town.named() == ["Pengguna 1"]
    assert await town.readings() == 0


async def test_an_attempt_that_is_repeated_asks_again_and_is_written_once(town: Town) -> None:
    break_next(town.lapor, "lost_answer", "/complaints/complaint", method="POST")
    break_next(town.lapor, "too_many", "/complaints/complaint", method="POST")
    await town.complaint()
    await town.bridge.forward(6)
    assert await town.named() == ["Kenari Contoh"]


async def test_while_intake_is_away_the_report_waits_and_other_writes_do_not(town: Town) -> None:
    away = town.ask_at(f"http://127.0.0.1:{any_free()}")
    await town.complaint()
    for _ in range(3):
        assert await town.bridge.forwarding.turn(town.bridge.desk) == 0.0
        town.bridge.ahead += (await town.bridge.link(KEY)).writes[0].next_at - town.bridge.now()  # type: ignore[operator]
    await away.close()
    async with town.bridge.desk.read() as connection:
        late = await store.delayed(connection, town.bridge.now(), 10)
        assert [one.reason for one in late] == ["intake cannot be reached (ConnectError)"]
        assert (await counting.count(connection, town.bridge.now()))[1] > 20
        assert await store.delayed(connection, town.bridge.now() - timedelta(hours=1), 10) == []
    assert writes_of_the_hub(town.lapor) == []
    write = (await town.bridge.link(KEY)).writes[0]
    assert (write.state, write.attempts) == ("waiting", 3)
    assert write.reason is not None
    assert write.reason.startswith("intake cannot be reached")
    town.bridge.forwarding.reporters = town.reporters
    await town.bridge.forward(2)
    assert await town.named() == ["Kenari Contoh"]


async def test_a_key_that_may_not_ask_is_told_and_its_successor_holds_at_once(town: Town) -> None:
    ticket = await town.complaint()
    for whose, expected in (("sikesal", "403"), ("opd", "403")):
        town.name_key(whose)
        with pytest.raises(NotTold, match=expected):
            await town.reporters.of(ticket, confidential=False)
    town.key_file.write_text("nobody's")
    with pytest.raises(NotTold, match="401: our key is not accepted"):
        await town.reporters.of(ticket, confidential=False)
    town.key_file.unlink()
    with pytest.raises(NotTold, match="intake-key cannot be read"):
        await town.reporters.of(ticket, confidential=False)
    town.name_key("bridge")
    assert (await town.reporters.of(ticket, confidential=False)).name == "Kenari Contoh"  # type: ignore[union-attr]


async def test_what_intake_forbids_meanwhile_is_not_sent_before_we_hear_of_it(town: Town) -> None:
    ticket = await town.complaint()
    amended = await town.intake.act(
        ticket, "amend", {"confidential": True}, key="sikesal", **{"Idempotency-Key": "a"}
    )
    assert amended.status_code == 200
    await town.bridge.forward(2)
    assert writes_of_the_hub(town.lapor) == []
    secret = ComplaintAmended(at=NOW, by=By(kind="citizen"), changed=("confidential",), confidential=True)
    await town.bridge.hear(KEY, named(secret, "secret"))
    await town.bridge.forward(2)
    assert writes_of_the_hub(town.lapor) == []
    assert (await town.bridge.link(KEY)).forwarding == "never"


async def test_an_erased_reporter_is_not_named_and_the_report_goes(town: Town) -> None:
    ticket = await town.complaint()
    body = {"scope": "identity", "reason": "surat 17/2026"}
    assert (await town.intake.act(ticket, "erase", body, key="admin")).status_code == 200
    await town.bridge.forward()
    assert writes_of_the_hub(town.lapor) == []
    erased = ComplaintErased(at=NOW, scope="identity", by=By(kind="person"))
    await town.bridge.hear(KEY, named(erased, "erased"))
    await town.bridge.forward(2)
    assert await town.named() == ["Pengguna 1"]  # the hub's own account
