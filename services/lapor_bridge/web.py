"""The bridge's few HTTP routes: how it stands with SP4N-LAPOR, and the Excel export taken in."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta, tzinfo
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from services.lapor_bridge import importing, store
from services.lapor_bridge.lapor.ringkas import NotAnExport
from shared.access import Access, Caller
from shared.decision import Refused
from shared.delivery.desk import Desk
from shared.events.parts import FieldError

LARGEST_FILE = 32 * 1024 * 1024
SHOWN = 100
DELAYED = timedelta(minutes=15)
"""How long a write may wait before it is listed."""

_WORKBOOK = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}

MakeRoutes = Callable[[Desk[Any, Any], Access], APIRouter]


def lapor_routes(zone: tzinfo, *, connected: bool) -> MakeRoutes:
    """The routes of a bridge that reads LAPOR's times in `zone`, and talks to its API if it is `connected`."""

    def routes(desk: Desk[Any, Any], access: Access) -> APIRouter:
        router = APIRouter()

        @router.get("/v1/lapor/status")
        async def status(
            _: Annotated[Caller, Depends(access.caller("verifier", "admin"))],
        ) -> dict[str, Any]:
            """Links, writes and postings by where they stand, and what waits for a person."""
            async with desk.read() as connection:
                reached = await store.reached(connection)
                waiting = await store.oldest_waiting(connection)
                return {
                    "connected": connected,
                    "away": asdict(away) if (away := await store.away(connection)) else None,
                    "listing_read_to": reached,
                    **await store.counts(connection),
                    "oldest_unfinished_write": waiting,
                    "waiting_for_a_person": [asdict(one) for one in await store.stuck(connection, SHOWN)],
                    "delayed": [
                        asdict(one) for one in await store.delayed(connection, desk.clock() - DELAYED, SHOWN)
                    ],
                    "diverged": [asdict(one) for one in await store.diverged(connection, SHOWN)],
                    "refused_by_intake": [
                        {"lapor_id": lapor_id, "errors": [error.model_dump() for error in errors]}
                        for lapor_id, errors in await store.refused(connection, SHOWN)
                    ],
                    "odd_reports": [
                        {"lapor_id": lapor_id, "reason": reason, "since": since}
                        for lapor_id, reason, since in await store.oddities(connection, SHOWN)
                    ],
                }

        @router.post("/v1/lapor/imports", openapi_extra={"requestBody": _WORKBOOK})
        async def take_in(
            request: Request, _: Annotated[Caller, Depends(access.caller("admin"))]
        ) -> dict[str, Any]:
            """Take in an export "Laporan Ringkas" (.xlsx, the bytes as the body): what was new, known and odd."""
            content = await _body(request)
            try:
                imported = await importing.take_in(desk, content, zone)
            except NotAnExport as why:
                raise Refused([FieldError(field="body", reason=str(why))]) from why
            return imported.as_json()

        return router

    return routes


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > LARGEST_FILE:
            raise Refused([FieldError(field="body", reason=f"is larger than {LARGEST_FILE} bytes")])
    return bytes(content)
