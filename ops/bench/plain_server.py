"""Intake's yardstick, a process: the same HTTP server and the same body, one INSERT and commit per request."""

import gc
import os
from uuid import UUID, uuid4

import asyncpg
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from shared.events.parts import Reference
from shared.events.submissions import Told

MAKE = """
CREATE TABLE IF NOT EXISTS plain (
    complaint_id uuid PRIMARY KEY, reference text, channel text, reported_at timestamptz, title text, text text,
    said jsonb
)
"""


class Posted(Told):
    """What intake takes."""

    reference: Reference


class Kept(BaseModel):
    """It is in the table."""

    complaint_id: UUID


def make_app(dsn: str) -> FastAPI:
    """The server."""
    app = FastAPI()
    held: list[asyncpg.Pool[asyncpg.Record]] = []

    @app.post("/v1/complaints", status_code=201)
    async def post(posted: Posted) -> Kept:
        if not held:
            held.append(await asyncpg.create_pool(dsn, min_size=16, max_size=16))
        this = uuid4()
        await held[0].execute(
            "INSERT INTO plain VALUES ($1, $2, $3, $4, $5, $6, $7)",
            this,
            posted.reference,
            posted.channel,
            posted.reported_at,
            posted.title,
            posted.text,
            posted.model_dump_json(),
        )
        return Kept(complaint_id=this)

    return app


if __name__ == "__main__":
    gc.set_threshold(50_000, 20, 50)
    uvicorn.run(
        make_app(os.environ["SIMPUL_STORE_DSN"]),
        host="127.0.0.1",
        port=int(os.environ["SIMPUL_HTTP_PORT"]),
        log_config=None,
        access_log=False,
    )
