"""The vault on real PostgreSQL: a key for each complaint, and masters that come and go."""

import base64
from typing import Any
from uuid import UUID

import pytest

from services.intake import vault
from services.intake.handlers import intake_fold
from services.intake.rewrap import Rewrap
from shared.clock import now
from shared.database import Pool
from shared.delivery.desk import Desk
from shared.delivery.metrics import Metrics
from shared.delivery.posting import Poster
from shared.delivery.saying import make_months
from shared.sealing import Seal
from tests.conftest import MakeStore
from tests.intake.pictures import pdf
from tests.intake.world import submission

pytestmark = pytest.mark.store

OLD = b"m" * 32
SEAL, NEWER = Seal(OLD), Seal(OLD, b"n" * 32)
PHOTO = pdf(b"(a photo of a face)")
ATTACHED = [
    {"name": "wajah.jpg", "media_type": "image/jpeg", "inline": base64.b64encode(PHOTO).decode()},
    {"name": "b.jpg", "media_type": "image/jpeg", "url": "https://contoh.invalid/rahasia"},
]


@pytest.fixture
async def pool(store_of: MakeStore) -> Pool:
    pool = await store_of("intake")
    async with pool.acquire() as connection:
        await make_months(connection, now().date())
    return pool


def desk_of(pool: Pool, seal: Seal) -> Desk[Any, Any]:
    poster = Poster(["127.0.0.1:1"], "intake")
    return Desk("intake", pool, intake_fold(seal), 1, Metrics(), lambda _: seal, poster)


async def take_in(pool: Pool, reference: str, seal: Seal = SEAL) -> UUID:
    posted = submission(
        reference=reference, reporter={"name": "Warga Contoh"}, attachments=ATTACHED, name=reference
    )
    fold = intake_fold(seal)
    key = fold.keys[type(posted)](posted)
    assert key is not None
    await desk_of(pool, seal).command(key, posted)
    return key


async def name_of(pool: Pool, complaint: UUID, seal: Seal) -> str | None:
    async with pool.acquire() as connection:
        reporter = (await vault.identities(connection, [complaint], seal))[complaint].reporter
    return reporter.name if reporter else None


async def photo_of(pool: Pool, complaint: UUID, seal: Seal) -> bytes:
    async with pool.acquire() as connection:
        key = (await vault.keys_of(connection, [complaint], "files", seal))[complaint]
        file, sealed = await connection.fetchrow(  # type: ignore[misc]
            "SELECT file_id, content_sealed FROM files WHERE complaint_id = $1 AND position = 0", complaint
        )
    return key.open(sealed, file.encode())


async def move_all(pool: Pool, seal: Seal) -> None:
    rewrap, desk = Rewrap(seal), desk_of(pool, seal)
    while await rewrap.turn(desk) == 0.0:
        pass


async def test_each_complaint_has_a_key_of_its_own(pool: Pool) -> None:
    one, other = await take_in(pool, "A-1"), await take_in(pool, "A-2")
    async with pool.acquire() as connection:
        keys = await vault.keys_of(connection, [one, other], "identity", SEAL)
        files = await vault.keys_of(connection, [one, other], "files", SEAL)
    assert len({key.key for key in [*keys.values(), *files.values()]}) == 4


async def test_nothing_can_be_read_once_the_key_is_gone(pool: Pool) -> None:
    complaint = await take_in(pool, "A-1")
    await pool.execute("DELETE FROM identity_keys WHERE part = 'identity'")
    with pytest.raises(LookupError):
        await name_of(pool, complaint, SEAL)


async def test_one_complaints_key_opens_no_other_complaint(pool: Pool) -> None:
    one, other = await take_in(pool, "A-1"), await take_in(pool, "A-2")
    await pool.execute(
        "UPDATE identities AS i SET sealed = o.sealed FROM identities AS o"
        " WHERE i.complaint_id = $1 AND o.complaint_id = $2",
        one,
        other,
    )
    with pytest.raises(ValueError, match="another"):
        await name_of(pool, one, SEAL)


async def test_what_the_master_alone_had_sealed_is_read_and_then_moved(pool: Pool) -> None:
    complaint = await take_in(pool, "A-1")
    await _as_version_0_1_sealed_it(pool, complaint)
    assert await name_of(pool, complaint, SEAL) == "Warga Contoh"
    before = await pool.fetchval("SELECT sealed FROM identities")
    await move_all(pool, SEAL)
    assert await pool.fetchval("SELECT sealed FROM identities") != before
    assert await pool.fetchval("SELECT bool_and(own_key) FROM identities")
    assert await pool.fetchval("SELECT bool_and(own_key) FROM files")
    assert await name_of(pool, complaint, SEAL) == "Warga Contoh"
    assert await photo_of(pool, complaint, SEAL) == PHOTO


async def test_a_new_master_wraps_the_small_keys_and_leaves_the_rest(pool: Pool) -> None:
    complaint = await take_in(pool, "A-1")
    sealed = await pool.fetchval("SELECT sealed FROM identities")
    assert await name_of(pool, complaint, NEWER) == "Warga Contoh"
    await move_all(pool, NEWER)
    assert await pool.fetchval("SELECT sealed FROM identities") == sealed
    assert {row[0] for row in await pool.fetch("SELECT master FROM identity_keys")} == {NEWER.id}
    assert await name_of(pool, complaint, NEWER) == "Warga Contoh"
    assert await photo_of(pool, complaint, NEWER) == PHOTO
    with pytest.raises(ValueError, match="another"):
        await name_of(pool, complaint, SEAL)


async def test_a_complaint_whose_master_is_lost_holds_no_other_up(pool: Pool) -> None:
    lost = await take_in(pool, "A-1", Seal(b"x" * 32))
    good = await take_in(pool, "A-2", SEAL)
    await move_all(pool, NEWER)
    rows = await pool.fetch("SELECT complaint_id, master FROM identity_keys WHERE part = 'identity'")
    assert {row[0]: row[1] for row in rows} == {lost: Seal(b"x" * 32).id, good: NEWER.id}


async def _as_version_0_1_sealed_it(pool: Pool, complaint: UUID) -> None:
    async with pool.acquire() as tx:
        identity = (await vault.identities(tx, [complaint], SEAL))[complaint]
        await tx.execute(
            "UPDATE identities SET own_key = false, sealed = $1",
            SEAL.seal(identity.model_dump_json().encode(), complaint.bytes),
        )
        for file, content in await tx.fetch("SELECT file_id, content_sealed FROM files"):
            await tx.execute(
                "UPDATE files SET own_key = false, content_sealed = $2, url_sealed = $3 WHERE file_id = $1",
                file,
                None if content is None else SEAL.seal(PHOTO, file.encode()),
                SEAL.seal(b"https://contoh.invalid/rahasia", file.encode()) if content is None else None,
            )
        await tx.execute("DELETE FROM identity_keys")
