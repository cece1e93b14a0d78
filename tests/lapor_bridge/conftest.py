"""A simulated LAPOR and a bridge with its own store, for tests that need both."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.lapor_bridge import store
from services.lapor_bridge.discover import Discovery
from services.lapor_bridge.domain.city import DOCUMENTS
from services.lapor_bridge.domain.link import Link
from services.lapor_bridge.forward import Forwarding
from services.lapor_bridge.handlers import fold
from services.lapor_bridge.lapor.client import LaporClient
from shared import clock
from shared.database import Pool
from shared.delivery import saying
from shared.delivery.desk import Desk
from shared.delivery.metrics import Metrics
from shared.delivery.posting import Poster
from shared.events.catalogue import EVENTS
from shared.events.fact import Event, Fact
from tests.city import documents
from tests.conftest import MakeStore
from tests.intake.conftest import intake as intake
from tests.lapor_bridge.running import KEYS, Lapor


@pytest.fixture
def lapor(tmp_path: Path) -> Iterator[Lapor]:
    """A running, empty SP4N-LAPOR of its own."""
    running = Lapor(tmp_path)
    yield running
    running.go_away()


@pytest.fixture
async def client(lapor: Lapor) -> AsyncIterator[LaporClient]:
    """The bridge's client towards it, impatient."""
    made = LaporClient(lapor.url, auth=KEYS["auth"], token=KEYS["token"], seconds=1.0)
    yield made
    await made.close()


@dataclass
class Bridge:
    """The bridge without Kafka: its desk over a real store, its loops, and a clock that tests move."""

    desk: Desk[Link, Any]
    forwarding: Forwarding
    discovery: Discovery
    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return clock.now() + self.ahead

    async def hear(self, key: UUID, *facts: Fact) -> None:
        """Facts as they come from the other services."""
        for fact in facts:
            await self.desk.hand_in([(key, fact)])

    async def link(self, key: UUID) -> Link:
        async with self.desk.read() as connection:
            return (await store.load_links(connection, [key]))[key]

    async def said(self) -> list[tuple[UUID, Event]]:
        """Everything that the bridge said, in order."""
        async with self.desk.read() as connection:
            rows = await connection.fetch("SELECT key, type, value FROM delivery.said ORDER BY position")
        return [(row["key"], EVENTS[row["type"]].read(row["value"])) for row in rows]

    async def forward(self, turns: int = 1, wait: float = 30) -> None:
        """Let the outbound loop turn, each time as much later."""
        for _ in range(turns):
            await self.forwarding.turn(self.desk)
            self.ahead += timedelta(seconds=wait)


async def load_jambi(pool: Pool) -> None:
    """The city's documents, as `./simpul city load` stores them."""
    await pool.execute(
        "INSERT INTO city_versions (digest, documents) VALUES ('\\x01', $1::jsonb)",
        json.dumps(documents(DOCUMENTS)),
    )


@pytest.fixture
async def bridge(store_of: MakeStore, client: LaporClient) -> Bridge:
    pool = await store_of("lapor_bridge")
    await load_jambi(pool)
    async with pool.acquire() as connection:
        await saying.make_months(connection, clock.now().date())
    made: Bridge
    desk = Desk(
        name="lapor_bridge",
        pool=pool,
        fold=fold,
        epoch=1,
        metrics=Metrics(),
        seals=lambda _: None,
        poster=Poster(["127.0.0.1:1"], "lapor_bridge"),
        clock=lambda: made.now(),  # noqa: PLW0108 - made below
    )
    made = Bridge(desk, Forwarding(client, UTC, 1.0), Discovery(client, UTC, 1.0))
    await made.discovery.turn(desk)
    return made
