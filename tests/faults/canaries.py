"""Canary identities: looked for in every topic, table and log where no identity may stand in clear."""

from collections.abc import AsyncIterator, Sequence

import asyncpg

from ops.demo.sums.check import Check, none
from ops.stack.parts import SERVICES
from tests.faults.evidence import Evidence
from tests.faults.hub import FaultyStack


async def canaries(stack: FaultyStack, evidence: Evidence) -> list[Check]:
    """One check for each kind of place."""
    songs = _songs(evidence.history.secrets)
    topics = [
        f"{topic} {one.partition}/{one.offset}"
        for topic, records in evidence.records.items()
        if topic != "intake.submissions"
        for one in records
        if _heard(songs, one.value or b"") or _heard(songs, one.key.encode())
    ]
    tables = [place for service in SERVICES async for place in _in_store(stack, service, songs)]
    logs = [log.name for log in stack.places.logs.glob("*.log*") if _heard(songs, log.read_bytes())]
    there = [n for n, r in evidence.reports.items() if _heard(songs, str(r["content"]).encode())]
    return [
        Check("canaries sang for the counting", 1, int(bool(songs))),
        none("no identity stands on a topic but intake.submissions", topics),
        none("no identity stands in clear in a store", tables),
        none("no identity stands in a log", logs),
        none("no identity stands in a report in LAPOR", there),
    ]


def _songs(secrets: Sequence[str]) -> tuple[bytes, ...]:
    """What all canaries of a run begin with, as it is, and in hexadecimal as PostgreSQL shows bytes."""
    if not secrets:
        return ()
    names = {secret[:12] for secret in secrets if secret.startswith("Kenari")}
    phones = {secret[:8] for secret in secrets if not secret.startswith("Kenari")}
    plain = [song.encode() for song in names | phones]
    return (*plain, *(song.hex().encode() for song in plain))


def _heard(songs: Sequence[bytes], text: bytes) -> bool:
    return any(song in text for song in songs)


async def _in_store(stack: FaultyStack, service: str, songs: Sequence[bytes]) -> AsyncIterator[str]:
    connection = await asyncpg.connect(stack.database_dsn(service), timeout=10)
    try:
        found = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        for (table,) in found:
            heard: list[bool] = []

            async def listen(text: bytes, heard: list[bool] = heard) -> None:
                heard.append(_heard(songs, text))

            await connection.copy_from_query(f"SELECT t::text FROM {table} AS t", output=listen)
            if any(heard):
                yield f"{service}: {table}"
    finally:
        await connection.close()
