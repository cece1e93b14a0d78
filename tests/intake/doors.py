"""Intake over real HTTP and by records, on real PostgreSQL: one fold behind both doors."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import asyncpg
import httpx

from services.intake.domain.complaint import Complaint
from services.intake.domain.means import Means
from services.intake.web import Taken
from shared.delivery.desk import Desk
from shared.delivery.record import KeptRecord
from shared.sealing import Seal

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
BODY: dict[str, Any] = {
    "reference": "H-1",
    "channel": "web",
    "reported_at": "2026-11-24T08:00:00+07:00",
    "text": "Lampu jalan mati, hp 08000001234",
    "reporter": {"name": "Warga Contoh 17", "phone": "0800-000-1234"},
}
SEAL = Seal(b"m" * 32)


@dataclass
class Intake:
    """Intake's two doors."""

    http: httpx.AsyncClient
    desk: Desk[Complaint, Means]
    keys: Mapping[str, str]
    offset: int = field(default=0)
    counted: Iterator[int] = field(default_factory=count)

    async def post(self, body: object, key: str = "sikesal", **headers: str) -> httpx.Response:
        authorization = {"Authorization": f"Bearer {self.keys[key]}"}
        return await self.http.post("/v1/complaints", json=body, headers=authorization | headers)

    async def taken(self, **changes: Any) -> Taken:
        """A complaint that the publisher sikesal hands in."""
        body = BODY | {"reference": f"T-{next(self.counted)}"} | changes
        return Taken.model_validate((await self.post(body)).json())

    async def act(
        self, ticket: str, act: str, body: object = None, *, key: str | None = None, **headers: str
    ) -> httpx.Response:
        """Do it, with a key or what the headers bring."""
        if key is not None:
            headers["Authorization"] = f"Bearer {self.keys[key]}"
        return await self.http.post(f"/v1/complaints/{ticket}/{act}", json=body, headers=headers)

    async def page(self, ticket: str) -> httpx.Response:
        return await self.http.get(f"/v1/complaints/{ticket}", headers={"Accept": BROWSER})

    async def hear(self, value: bytes, offset: int | None = None) -> list[dict[str, Any]]:
        """One record on intake.submissions; what is said because of it."""
        self.offset += 1
        record = KeptRecord(
            "intake.submissions", 0, self.offset if offset is None else offset, 0, b"any", value, ()
        )
        before = await self.said()
        await self.desk.batch([record])
        return (await self.said())[len(before) :]

    async def said(self, topic: str = "%") -> list[dict[str, Any]]:
        async with self.desk.read() as connection:
            rows = await connection.fetch(
                "SELECT type, value FROM delivery.said WHERE topic LIKE $1 ORDER BY position", topic
            )
        return [{"type": row["type"]} | json.loads(row["value"]) for row in rows]

    async def dead_letters(self) -> list[asyncpg.Record]:
        async with self.desk.read() as connection:
            return await connection.fetch("SELECT * FROM delivery.dead_letters")
