"""Intake over real HTTP, on real PostgreSQL, for the tests of both its doors."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from ops.stack.ports import any_free
from services.intake.acting import acting_routes
from services.intake.attachments import UPLOADS, attachment_routes
from services.intake.candidates import candidate_routes
from services.intake.handlers import intake_fold
from services.intake.privacy import privacy_routes
from services.intake.web import LARGER_BODIES, complaint_routes
from shared import clock
from shared.access import Access, new_key
from shared.bodies import limit_bodies
from shared.database import Pool
from shared.delivery import saying
from shared.delivery.desk import Desk
from shared.delivery.metrics import Metrics
from shared.delivery.posting import Poster
from shared.events.submissions import SubmissionPosted
from shared.web import HttpServer, answer_problems
from tests.conftest import MakeStore
from tests.intake.doors import SEAL, Intake


@pytest.fixture
async def intake(store_of: MakeStore, tmp_path: Path) -> AsyncIterator[Intake]:
    pool: Pool = await store_of("intake")
    async with pool.acquire() as connection:
        await saying.make_months(connection, clock.now().date())
    seal = SEAL
    desk = Desk(
        name="intake",
        pool=pool,
        fold=intake_fold(seal),
        epoch=1,
        metrics=Metrics(),
        seals=lambda topic: seal if topic == SubmissionPosted.topic else None,
        poster=Poster([], "intake"),
    )
    made = {
        name: new_key(name, role)
        for name, role in {
            "sikesal": "publisher",
            "Other App": "publisher",
            "lapor": "publisher",
            "bridge": "bridge",
            "verifier": "verifier",
            "admin": "admin",
            "opd": "opd:PUPR",
            "other opd": "opd:DLH",
        }.items()
    }
    keys_file = tmp_path / "keys.json"
    keys_file.write_text(json.dumps({"keys": [entry for _, entry in made.values()]}))
    app = FastAPI()
    answer_problems(app)
    access = Access(keys_file)
    for routes in (
        complaint_routes,
        acting_routes,
        privacy_routes(seal),
        attachment_routes(seal),
        candidate_routes(seal),
    ):
        app.include_router(routes(desk, access))
    limit_bodies(app, access, LARGER_BODIES | UPLOADS)
    port = any_free()
    server = HttpServer(app, "127.0.0.1", port)
    await server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        yield Intake(http, desk, {name: secret for name, (secret, _) in made.items()})
    await server.stop()
