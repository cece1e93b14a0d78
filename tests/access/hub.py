"""The four services as they stand behind their doors: real HTTP on ports, real PostgreSQL, no Kafka between them.

What a service says is carried to the others by hand, so that a complaint stands everywhere within a moment.
"""

import asyncio
import base64
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import httpx

from ops import city, keyring
from ops.stack.parts import SERVICES, city_directory
from ops.stack.ports import any_free
from ops.stack.stack import Stack
from services.intake.app import service as intake
from services.lapor_bridge.app import service as lapor_bridge
from services.routing.app import service as routing
from services.sla_monitor.app import service as sla_monitor
from shared import clock, database
from shared.access import Access
from shared.bodies import limit_bodies
from shared.delivery import saying
from shared.delivery.desk import Desk
from shared.delivery.metrics import Metrics
from shared.delivery.posting import Poster
from shared.delivery.record import KeptRecord
from shared.events.catalogue import EVENTS
from shared.limits import RATES
from shared.service import Service, make_app, open_doors
from shared.web import HttpServer

OURS: Mapping[str, Service[Any]] = {
    "intake": intake,
    "routing": routing,
    "lapor_bridge": lapor_bridge,
    "sla_monitor": sla_monitor,
}
HOLDER, OTHER_OPD = "PERKIM", "DISHUB"
CALLERS = {
    "sender": ("sikesal", "publisher"),
    "publisher": ("other-app", "publisher"),
    "holder": ("meja-perkim", f"opd:{HOLDER}"),
    "opd": ("meja-dishub", f"opd:{OTHER_OPD}"),
    "verifier": ("verifikator", "verifier"),
    "admin": ("admin", "admin"),
    "bridge": ("bridge", "bridge"),
}
"""Who comes with a key: the column of the table -> the key's name and role. `nobody` comes without one."""

NAME, PHONE, WORDS = "Warga Canary Contoh", "0800-000-4711", "kenanga"
"""What is searched for in answers: whose complaint it is, and a word of it."""
PDF = b"%PDF-1.7\n%%EOF\n"
LAMPS = {
    "channel": "app",
    "title": f"Lampu jalan mati di depan pasar {WORDS}",
    "text": f"Sudah seminggu lampu jalan di depan pasar padam, gelap sekali. Lampu jalan mati {WORDS}.",
    "reporter": {"name": NAME, "phone": PHONE},
    "attachments": [
        {"name": "a.pdf", "media_type": "application/pdf", "inline": base64.b64encode(PDF).decode()}
    ],
}
_references = itertools.count(1)
_offsets = itertools.count(1)


class Known(NamedTuple):
    """One complaint that everybody has heard of."""

    ticket: str
    complaint_id: UUID
    reference: str
    secret: str
    """The tracking secret, which its reporter has."""


class Hub:
    """What is behind the doors, the keys to them, and complaints in every state that matters."""

    def __init__(self, keys_file: Path) -> None:
        self.keys_file = keys_file
        self.keys: dict[str, str] = {}
        self.desks: dict[str, Desk[Any, Any]] = {}
        self.documents: dict[str, dict[str, Any]] = {}
        self.urls: dict[str, str] = {}
        self.http = httpx.AsyncClient(timeout=30)
        self.letters = 0
        self.other: Known
        """A complaint that no test is about: the stranger's."""
        self._servers: list[HttpServer] = []
        self._carried: dict[str, int] = {}
        self._ready: list[Known] = []

    async def open(self, stack: Stack) -> None:
        """Empty stores with the city loaded, keys for every caller, four doors."""
        with keyring.changing(self.keys_file) as entries:
            self.keys = {who: keyring.add(entries, *CALLERS[who]) for who in CALLERS}
        dsns = {name: await _store(stack, name) for name in SERVICES}
        await city.load(city_directory(), dsns)
        for name, dsn in dsns.items():
            await self._serve(name, dsn)
        self.other = await self.case()

    async def close(self) -> None:
        for server in self._servers:
            await server.stop()
        await self.http.aclose()
        for desk in self.desks.values():
            desk.pool.terminate()

    async def _serve(self, name: str, dsn: str) -> None:
        """A door of the service as it makes it itself; only the limits are higher, or tests would meet them."""
        port = any_free()
        master = self.keys_file.with_name("master.key")
        master.write_text(base64.b64encode(b"m" * 32).decode())
        told = {
            "store_dsn": dsn,
            "kafka_bootstrap": "127.0.0.1:1",
            "http_port": port,
            "keys_file": self.keys_file,
            "master_key_file": master,
            **{f"rate_{of}": 100_000 for of in RATES},
        }
        service = OURS[name]
        settings = service.settings.model_validate(told)
        parts = service.open(settings)
        access, metrics = Access(self.keys_file, settings.limits), Metrics()
        self.desks[name] = desk = Desk(
            name=name,
            pool=await database.open_pool(dsn, "tests"),
            fold=parts.fold,
            epoch=1,
            metrics=metrics,
            seals=lambda topic: parts.seal if topic in parts.sealed else None,
            poster=Poster(["127.0.0.1:1"], name),
            restate=parts.restate,
        )
        async with desk.read() as connection:
            await saying.make_months(connection, clock.now().date())
        app = make_app(name, metrics)
        limit_bodies(app, access, parts.bodies)
        open_doors(app, parts, desk, access)
        self.documents[name] = json.loads(json.dumps(app.openapi()))
        server = HttpServer(app, "127.0.0.1", port)
        await server.start()
        self._servers.append(server)
        self.urls[name] = f"http://127.0.0.1:{port}"

    async def ask(
        self, service: str, method: str, path: str, who: str = "nobody", **sent: Any
    ) -> httpx.Response:
        """The answer to one request; `who`: a column of the table."""
        headers = dict(sent.pop("headers", {}))
        if who in self.keys:
            headers["Authorization"] = f"Bearer {self.keys[who]}"
        return await self.http.request(method, self.urls[service] + path, headers=headers, **sent)

    async def post(self, who: str = "sender", **more: Any) -> Known:
        """A complaint handed in by that caller, heard by nobody else yet."""
        reference = f"m-{next(_references)}"
        body = {**LAMPS, "reference": reference, "reported_at": clock.now().isoformat(), **more}
        answer = await self.ask("intake", "POST", "/v1/complaints", who, json=body)
        assert answer.status_code == 201, answer.text
        taken = answer.json()
        return Known(taken["ticket"], UUID(taken["complaint_id"]), reference, taken["secret"])

    async def case(self, **more: Any) -> Known:
        """A complaint of the sender's that is with the holder: no test has seen it before."""
        if more:
            known = await self.post(**more)
            await self.carry()
            return known
        if not self._ready:
            self._ready = await asyncio.gather(*(self.post() for _ in range(25)))
            await self.carry()
        return self._ready.pop()

    async def file_of(self, known: Known) -> str:
        """The attachment that it came with."""
        listed = await self.ask("intake", "GET", f"/v1/complaints/{known.ticket}/attachments", "sender")
        return str(listed.json()["attachments"][0]["id"]) if listed.status_code == 200 else "0" * 32

    async def carry(self) -> None:
        """Bring everybody what the others have said since."""
        while True:
            news = [(name, *one) for name in OURS for one in await self._news(name)]
            if not news:
                return
            for hearer, desk in self.desks.items():
                facts = [
                    (key, EVENTS[kind].read(value).known_as(event))
                    for speaker, key, kind, event, value in news
                    if speaker != hearer and kind in desk.fold.types and EVENTS[kind] not in desk.fold.keys
                ]
                if facts:
                    await desk.hand_in(facts)

    async def _news(self, name: str) -> list[tuple[UUID, str, UUID, bytes]]:
        async with self.desks[name].read() as connection:
            rows = await connection.fetch(
                "SELECT position, key, type, id, value FROM delivery.said WHERE position > $1 ORDER BY position",
                self._carried.get(name, 0),
            )
        if rows:
            self._carried[name] = rows[-1]["position"]
        return [(row["key"], row["type"], row["id"], row["value"]) for row in rows]

    async def dead_letter(self, service: str) -> int:
        """The number of a new dead letter of that service."""
        desk = self.desks[service]
        topic = next(iter(desk.fold.inbound), desk.fold.topics[0])
        record = KeptRecord(topic, 0, next(_offsets), 0, str(UUID(int=0)).encode(), b"{", ())
        await desk.batch([record])
        self.letters += 1
        async with desk.read() as connection:
            number: int = await connection.fetchval("SELECT max(id) FROM delivery.dead_letters")
        return number

    async def traces(self) -> dict[str, int]:
        """How much each service has said, and how many dead letters are worked: what no refused request changes."""
        found = {"open letters": -self.letters}
        for name, desk in self.desks.items():
            async with desk.read() as connection:
                found[name] = await connection.fetchval("SELECT count(*) FROM delivery.said")
                found["open letters"] += await connection.fetchval(
                    "SELECT count(*) FROM delivery.dead_letters WHERE status = 'open'"
                )
        return found


async def _store(stack: Stack, service: str) -> str:
    await stack.make_database(f"access_{service}", service)
    dsn = stack.database_dsn(f"access_{service}")
    await database.migrate(dsn, service)
    return dsn
