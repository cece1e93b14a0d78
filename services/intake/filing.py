"""Intake's tables of files: which a complaint has, and those still to be fetched. Their bytes lie in the `vault`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import TypeAdapter

from services.intake import vault
from services.intake.domain.complaint import Complaint, Unfetched
from shared.database import Connection, Transaction
from shared.events.parts import Attachment
from shared.sealing import Seal

ATTACHMENTS = TypeAdapter(tuple[Attachment, ...])
UNFETCHED = TypeAdapter(tuple[Unfetched, ...])


async def forget_files(tx: Transaction, complaints: Sequence[UUID]) -> None:
    """Their files are gone, whether they are here or still to be fetched."""
    await tx.execute(
        "DELETE FROM fetches USING files"
        " WHERE fetches.file_id = files.file_id AND files.complaint_id = ANY($1::uuid[])",
        complaints,
    )
    await vault.forget(tx, complaints, "files")


async def keep_files(tx: Transaction, complaints: Iterable[Complaint], seal: Seal) -> None:
    """Write down files that are new, and the bytes of those that were waited for."""
    files = [(complaint.id, file) for complaint in complaints for file in complaint.fresh_files]
    if not files:
        return
    await vault.keep_files(tx, files, seal)
    await tx.execute("DELETE FROM fetches WHERE file_id = ANY($1::text[])", [file.id for _, file in files])
    await tx.execute(
        "INSERT INTO fetches (file_id, due_at) SELECT file_id, now() FROM unnest($1::text[]) AS u (file_id)",
        [file.id for _, file in files if file.url is not None],
    )


async def list_files(tx: Transaction, complaints: Sequence[Complaint]) -> None:
    """Which files these have, as the hub knows them; in one statement."""
    rows = [
        (
            complaint.id,
            ATTACHMENTS.dump_json(complaint.attachments).decode(),
            ATTACHMENTS.dump_json(complaint.evidence).decode() if complaint.evidence else None,
            UNFETCHED.dump_json(complaint.unfetched).decode() if complaint.unfetched else None,
        )
        for complaint in complaints
    ]
    if rows:
        await tx.execute(
            """UPDATE complaints AS c
                  SET attachments = u.attachments::jsonb, evidence = u.evidence::jsonb,
                      unfetched = u.unfetched::jsonb
                 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
                   AS u (complaint_id, attachments, evidence, unfetched)
                WHERE c.complaint_id = u.complaint_id""",
            *map(list, zip(*rows, strict=True)),
        )


@dataclass(frozen=True, slots=True)
class Fetch:
    """A file to be fetched now; `attempt` counts from 1. `url` None: where it is cannot be read any more."""

    complaint_id: UUID
    file_id: str
    url: str | None
    attempt: int


async def begin_fetches(
    tx: Transaction, now: datetime, waits: Sequence[timedelta], most: int, *, seal: Seal
) -> list[Fetch]:
    """Those whose time has come, their attempt counted; the next is due after a wait, whatever becomes of this."""
    rows = await tx.fetch(
        """WITH due AS (
               SELECT file_id FROM fetches WHERE lost_at IS NULL AND due_at <= $1
                ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
           UPDATE fetches AS t
              SET attempts = t.attempts + 1,
                  due_at = $1 + ($2::interval[])[least(t.attempts + 1, cardinality($2::interval[]))]
             FROM due JOIN files AS f USING (file_id)
            WHERE t.file_id = due.file_id
        RETURNING t.file_id, t.attempts, f.complaint_id""",
        now,
        list(waits),
        most,
    )
    urls = await vault.urls(tx, [row["file_id"] for row in rows], seal)
    return [
        Fetch(row["complaint_id"], row["file_id"], urls.get(row["file_id"]), row["attempts"]) for row in rows
    ]


async def count_fetches(connection: Connection) -> tuple[int, int]:
    """Files that are still to be fetched, and those that will not come."""
    row = await connection.fetchrow(
        "SELECT count(*) FILTER (WHERE lost_at IS NULL), count(lost_at) FROM fetches"
    )
    assert row is not None
    return row[0], row[1]


async def lose_fetch(tx: Transaction, file_id: str, now: datetime) -> None:
    """It is not tried again."""
    await tx.execute("UPDATE fetches SET lost_at = $2 WHERE file_id = $1", file_id, now)


async def adopt_fetches(tx: Transaction, now: datetime) -> None:
    """Files that a replica of an older version took in are fetched too."""
    await tx.execute(
        """INSERT INTO fetches (file_id, due_at)
           SELECT file_id, $1 FROM files AS f
            WHERE url_sealed IS NOT NULL AND NOT EXISTS (SELECT FROM fetches AS t WHERE t.file_id = f.file_id)
           ON CONFLICT DO NOTHING""",
        now,
    )


@dataclass(frozen=True, slots=True)
class Filed:
    """The files of a complaint as the hub knows them."""

    attachments: tuple[Attachment, ...]
    evidence: tuple[Attachment, ...]
    unfetched: tuple[Unfetched, ...]


async def find_files(connection: Connection, complaint_id: UUID) -> Filed:
    """Which files this complaint has, in the order in which they came."""
    row = await connection.fetchrow(
        "SELECT attachments, evidence, unfetched FROM complaints WHERE complaint_id = $1", complaint_id
    )
    assert row is not None
    return Filed(
        ATTACHMENTS.validate_json(row["attachments"]),
        ATTACHMENTS.validate_json(row["evidence"] or "[]"),
        UNFETCHED.validate_json(row["unfetched"] or "[]"),
    )
