"""The vault: what of a complaint only intake may know, sealed under that complaint's own keys.

Who reported it and every word as it came is one part, its files are the other; each part has a key of its own, and
goes with it. The keys lie in the store, wrapped by the master key, which does not.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal
from uuid import UUID

from services.intake.domain.complaint import File, Identity
from shared.database import Connection, Transaction
from shared.sealing import DataKey, Seal

Part = Literal["identity", "files"]

_TABLES: Mapping[Part, str] = {"identity": "identities", "files": "files"}


async def keys_of(tx: Transaction, complaints: Sequence[UUID], part: Part, seal: Seal) -> dict[UUID, DataKey]:
    """The keys of those that have one. ValueError where a master key is missing that wrapped one."""
    rows = await tx.fetch(
        "SELECT complaint_id, wrapped FROM identity_keys WHERE complaint_id = ANY($1::uuid[]) AND part = $2",
        complaints,
        part,
    )
    return {complaint: seal.unwrap(wrapped, _context(complaint, part)) for complaint, wrapped in rows}


async def make_keys(
    tx: Transaction, complaints: Iterable[UUID], part: Part, seal: Seal
) -> dict[UUID, DataKey]:
    """Fresh keys for complaints that have none; whoever calls holds their key rows."""
    keys = {complaint: DataKey.fresh() for complaint in complaints}
    if keys:
        await tx.copy_records_to_table(
            "identity_keys",
            columns=("complaint_id", "part", "master", "wrapped"),
            records=[
                (complaint, part, seal.id, seal.wrap(key, _context(complaint, part)))
                for complaint, key in keys.items()
            ],
        )
    return keys


async def keys_for(
    tx: Transaction, complaints: Sequence[UUID], part: Part, seal: Seal
) -> dict[UUID, DataKey]:
    """The key of each: the one it has, or a fresh one."""
    known = await keys_of(tx, complaints, part, seal)
    return known | await make_keys(tx, [one for one in complaints if one not in known], part, seal)


async def keep_identities(
    tx: Transaction, identities: Mapping[UUID, Identity], keys: Mapping[UUID, DataKey]
) -> None:
    """Keep who reported these, in place of what was kept before."""
    await tx.execute(
        """INSERT INTO identities (complaint_id, sealed, own_key)
           SELECT complaint_id, sealed, true FROM unnest($1::uuid[], $2::bytea[]) AS u (complaint_id, sealed)
           ON CONFLICT (complaint_id) DO UPDATE SET sealed = excluded.sealed, own_key = true""",
        list(identities),
        [
            keys[complaint].seal(identity.model_dump_json().encode(), complaint.bytes)
            for complaint, identity in identities.items()
        ],
    )


async def identities(tx: Transaction, complaints: Sequence[UUID], seal: Seal) -> dict[UUID, Identity]:
    """Who reported these, where it is still known."""
    rows = await tx.fetch(
        "SELECT complaint_id, sealed, own_key FROM identities WHERE complaint_id = ANY($1::uuid[])",
        complaints,
    )
    keys = await keys_of(tx, complaints, "identity", seal)
    return {
        complaint: Identity.model_validate_json(
            (keys[complaint] if own else seal).open(sealed, complaint.bytes)
        )
        for complaint, sealed, own in rows
    }


async def keep_files(tx: Transaction, files: Sequence[tuple[UUID, File]], seal: Seal) -> None:
    """Add these files behind those that each complaint has; one that was waited for gets its bytes."""
    keys = await keys_for(tx, list(dict.fromkeys(complaint for complaint, _ in files)), "files", seal)
    rows = [
        (
            file.id,
            complaint,
            None if file.content is None else keys[complaint].seal(file.content, file.id.encode()),
            None if file.url is None else keys[complaint].seal(file.url.encode(), file.id.encode()),
            file.media_type,
            file.opd,
        )
        for complaint, file in files
    ]
    await tx.execute(
        """WITH u AS (
               SELECT * FROM unnest($1::text[], $2::uuid[], $3::bytea[], $4::bytea[], $5::text[], $6::text[])
                 WITH ORDINALITY AS u (file_id, complaint_id, content_sealed, url_sealed, media_type, opd, ordinal)),
           there AS (
               SELECT complaint_id, max(position) AS last FROM files
                WHERE complaint_id = ANY($2::uuid[]) GROUP BY complaint_id)
           INSERT INTO files (file_id, complaint_id, position, content_sealed, url_sealed, media_type, opd, own_key)
           SELECT file_id, complaint_id, coalesce(last + 1, 0) - 1
                  + row_number() OVER (PARTITION BY complaint_id ORDER BY ordinal),
                  content_sealed, url_sealed, media_type, opd, true
             FROM u LEFT JOIN there USING (complaint_id)
           ON CONFLICT (file_id) DO UPDATE
              SET content_sealed = excluded.content_sealed, url_sealed = NULL,
                  media_type = excluded.media_type, own_key = true""",
        *map(list, zip(*rows, strict=True)),
    )


async def file(connection: Connection, complaint: UUID, file_id: str, seal: Seal) -> File | None:
    """A file of this complaint with its bytes; None where it has no such file, or not here (any more)."""
    row = await connection.fetchrow(
        """SELECT content_sealed, media_type, opd, own_key FROM files
            WHERE complaint_id = $1 AND file_id = $2 AND content_sealed IS NOT NULL""",
        complaint,
        file_id,
    )
    key = (await keys_of(connection, [complaint], "files", seal)).get(complaint)
    if row is None or (key is None and row["own_key"]):
        return None
    opening = key if key is not None and row["own_key"] else seal
    content = opening.open(row["content_sealed"], file_id.encode())
    return File(file_id, content, None, row["media_type"], row["opd"])


async def urls(tx: Transaction, files: Sequence[str], seal: Seal) -> dict[str, str]:
    """Where these are to be fetched, by the file's id; without those that cannot be opened (any more)."""
    rows = await tx.fetch(
        """SELECT file_id, complaint_id, url_sealed, own_key FROM files
            WHERE file_id = ANY($1::text[]) AND url_sealed IS NOT NULL""",
        files,
    )
    keys = await keys_of(tx, [row["complaint_id"] for row in rows], "files", seal)
    found: dict[str, str] = {}
    for row in rows:
        opening = keys.get(row["complaint_id"]) if row["own_key"] else seal
        if opening is not None:
            found[row["file_id"]] = opening.open(row["url_sealed"], row["file_id"].encode()).decode()
    return found


async def forget(tx: Transaction, complaints: Sequence[UUID], part: Part) -> None:
    """Delete the keys of these, and what they had sealed: whoever finds an old copy of that has no key to it."""
    await tx.execute(
        "DELETE FROM identity_keys WHERE complaint_id = ANY($1::uuid[]) AND part = $2", complaints, part
    )
    await tx.execute(
        f"DELETE FROM {_TABLES[part]} WHERE complaint_id = ANY($1::uuid[])",  # noqa: S608
        complaints,
    )


async def to_move(connection: Connection, after: UUID, seal: Seal, limit: int) -> list[UUID]:
    """Complaints from behind `after` of which something is sealed by a master key itself, or by an older one."""
    rows = await connection.fetch(
        """SELECT complaint_id FROM (
               SELECT complaint_id FROM identities WHERE NOT own_key
               UNION SELECT complaint_id FROM files WHERE NOT own_key
               UNION SELECT complaint_id FROM identity_keys WHERE master <> $2) AS moving
            WHERE complaint_id > $1 ORDER BY complaint_id LIMIT $3""",
        after,
        seal.id,
        limit,
    )
    return [row[0] for row in rows]


async def move(tx: Transaction, complaint: UUID, seal: Seal) -> None:
    """Wrap this complaint's keys with the newest master, and seal with them what a master itself had sealed.

    Whoever calls holds its key row. ValueError where the master that is needed is not there any more.
    """
    await _rewrap(tx, complaint, seal)
    await _move_identity(tx, complaint, seal)
    await _move_files(tx, complaint, seal)


async def _rewrap(tx: Transaction, complaint: UUID, seal: Seal) -> None:
    rows = await tx.fetch(
        "SELECT part, wrapped FROM identity_keys WHERE complaint_id = $1 AND master <> $2", complaint, seal.id
    )
    for part, wrapped in rows:
        context = _context(complaint, part)
        await tx.execute(
            "UPDATE identity_keys SET master = $3, wrapped = $4 WHERE complaint_id = $1 AND part = $2",
            complaint,
            part,
            seal.id,
            seal.wrap(seal.unwrap(wrapped, context), context),
        )


async def _move_identity(tx: Transaction, complaint: UUID, seal: Seal) -> None:
    sealed = await tx.fetchval(
        "SELECT sealed FROM identities WHERE complaint_id = $1 AND NOT own_key", complaint
    )
    if sealed is not None:
        key = (await keys_for(tx, [complaint], "identity", seal))[complaint]
        await tx.execute(
            "UPDATE identities SET sealed = $2, own_key = true WHERE complaint_id = $1",
            complaint,
            key.seal(seal.open(sealed, complaint.bytes), complaint.bytes),
        )


async def _move_files(tx: Transaction, complaint: UUID, seal: Seal) -> None:
    rows = await tx.fetch(
        "SELECT file_id, content_sealed, url_sealed FROM files WHERE complaint_id = $1 AND NOT own_key",
        complaint,
    )
    if not rows:
        return
    key = (await keys_for(tx, [complaint], "files", seal))[complaint]

    def again(sealed: bytes | None, context: bytes) -> bytes | None:
        return None if sealed is None else key.seal(seal.open(sealed, context), context)

    for file, content, url in rows:
        await tx.execute(
            "UPDATE files SET content_sealed = $2, url_sealed = $3, own_key = true WHERE file_id = $1",
            file,
            again(content, file.encode()),
            again(url, file.encode()),
        )


def _context(complaint: UUID, part: str) -> bytes:
    return complaint.bytes + part.encode()
