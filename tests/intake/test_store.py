"""Intake's tables on real PostgreSQL: what is written is what is read, and nothing of identity lies open."""

import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

import asyncpg
import pytest

from services.intake import store, vault
from services.intake.domain.complaint import Complaint
from services.intake.domain.following import on_later_fact
from services.intake.domain.receiving import on_submission_posted
from services.intake.domain.tickets import ticket_for
from shared.database import Pool, Transaction
from shared.events.fact import Event
from shared.events.lapor import LaporLinked, LaporReplied
from shared.events.parts import By, Place, Reporter
from shared.events.submissions import SubmissionPosted
from shared.sealing import Seal
from tests.intake.pictures import pdf
from tests.intake.world import KEYS, NIK, NOW, asked, blank, fact_id, kept, received, routed, submission

pytestmark = pytest.mark.store

SEAL = Seal(b"m" * 32)
Stores: TypeAlias = Callable[[str], Awaitable[Pool]]


@pytest.fixture
async def pool(store_of: Stores) -> Pool:
    return await store_of("intake")


async def load(tx: Transaction, *ids: UUID) -> dict[UUID, Complaint]:
    return dict(await store.load_complaints(tx, ids, keys=KEYS))


async def save(pool: Pool, *complaints: Complaint) -> None:
    async with pool.acquire() as tx, tx.transaction():
        await store.save_complaints(tx, {complaint.id: complaint for complaint in complaints}, seal=SEAL)


async def take_in(pool: Pool, *posted: SubmissionPosted) -> Sequence[Complaint]:
    """Load, fold, save, as one batch does."""
    async with pool.acquire() as tx, tx.transaction():
        keys = [blank(one).id for one in posted]
        states = await load(tx, *keys)
        for key, one in zip(keys, posted, strict=True):
            states[key] = on_submission_posted(states[key], one, KEYS, NOW).state
        await store.save_complaints(tx, states, seal=SEAL)
    return list(states.values())


async def follow(pool: Pool, key: UUID, *facts: Event) -> None:
    async with pool.acquire() as tx, tx.transaction():
        complaint = (await load(tx, key))[key]
        for fact in facts:
            complaint = on_later_fact(complaint, fact, KEYS, NOW).state
        await store.save_complaints(tx, {key: complaint}, seal=SEAL)


async def test_a_complaint_not_known_yet_is_blank_and_has_a_free_ticket(pool: Pool) -> None:
    key = fact_id("nobody")
    async with pool.acquire() as tx:
        assert await load(tx, key) == {key: Complaint(key, ticket_for(key, 0, KEYS.tickets))}


async def test_what_was_saved_is_loaded_as_it_stood(pool: Pool) -> None:
    (complaint,) = await take_in(pool, submission())
    reply = LaporReplied(lapor_id="7", item="1", by=By(kind="citizen"), text="RT 05")
    facts = [routed(), asked(), LaporLinked(lapor_id="7", origin="hub").known_as(fact_id("l"))]
    await follow(pool, complaint.id, *facts, reply.known_as(fact_id("r")))
    expected = complaint
    for fact in [*facts, reply]:
        expected = on_later_fact(expected, fact, KEYS, NOW).state
    async with pool.acquire() as tx:
        assert await load(tx, complaint.id) == {complaint.id: kept(expected)}


async def test_a_repeat_from_the_store_is_known_as_one(pool: Pool) -> None:
    (complaint,) = await take_in(pool, submission())
    async with pool.acquire() as tx:
        loaded = (await load(tx, complaint.id))[complaint.id]
    assert on_submission_posted(loaded, submission(), KEYS, NOW).says == ()
    assert len(on_submission_posted(loaded, submission("again"), KEYS, NOW).says) == 1


async def test_of_a_reporter_nothing_lies_open_in_any_table(pool: Pool) -> None:
    reporter = Reporter(name="Warga Contoh 17", phone="0800-000-1234", email="w17@contoh.invalid", nik=NIK)
    photo = base64.b64encode(pdf(b"(a photo of a face)")).decode()
    posted = submission(
        text=f"Saya Warga, NIK {NIK}, hp 08000001234",
        place=Place(text="rumah 08000001234"),
        reporter=reporter,
        conversation="percakapan-99",
        attachments=[
            {"name": "f.jpg", "media_type": "image/jpeg", "inline": photo},
            {"name": "g.jpg", "media_type": "image/jpeg", "url": "https://contoh.invalid/rahasia"},
        ],
    )
    (complaint,) = await take_in(pool, posted)
    async with pool.acquire() as connection:
        for table in ("complaints", "identities", "identity_keys", "files", "timeline", "early_facts"):
            rows = await connection.fetch(f"SELECT * FROM {table}")
            told = " ".join(str(value) for row in rows for value in row.values())
            secrets = (
                "Contoh 17",
                "08000001234",
                "0800-000",
                NIK,
                "contoh.invalid",
                "of a face",
            )
            for secret in secrets:
                assert secret not in told, table
        identity = (await vault.identities(connection, [complaint.id], SEAL))[complaint.id]
        key = (await vault.keys_of(connection, [complaint.id], "files", SEAL))[complaint.id]
        files = await connection.fetch("SELECT * FROM files ORDER BY position")
    assert (identity.reporter, identity.text) == (reporter, posted.text)
    photo_file, address = files
    assert key.open(photo_file["content_sealed"], photo_file["file_id"].encode()) == pdf(
        b"(a photo of a face)"
    )
    assert key.open(address["url_sealed"], address["file_id"].encode()) == b"https://contoh.invalid/rahasia"


async def test_the_talk_with_a_reporter_is_known_to_the_rules_by_the_channels_own_name(pool: Pool) -> None:
    await take_in(pool, submission(conversation="wa-99", confidential=True))
    key = blank(submission()).id
    async with pool.acquire() as tx:
        loaded = (await load(tx, key))[key]
    assert (loaded.channel, loaded.conversation, loaded.confidential) == ("app", "wa-99", True)


async def test_a_taken_ticket_goes_to_nobody_else(pool: Pool) -> None:
    newcomer = blank(submission(reference="late"))
    first = received(reference="early")
    thief = replace(first, ticket=newcomer.ticket)
    await save(pool, thief)
    async with pool.acquire() as tx:
        loaded = (await load(tx, newcomer.id))[newcomer.id]
    assert loaded.ticket == ticket_for(newcomer.id, 1, KEYS.tickets)


async def test_two_complaints_with_one_ticket_are_refused_by_the_store(pool: Pool) -> None:
    one, other = received(reference="one"), received(reference="other")
    twin = replace(other, ticket=one.ticket)
    with pytest.raises(asyncpg.UniqueViolationError):
        await save(pool, one, twin)


async def test_early_facts_wait_in_order_and_go_when_their_complaint_comes(pool: Pool) -> None:
    posted = submission()
    key = blank(posted).id
    linked = LaporLinked(lapor_id="7", origin="hub").known_as(fact_id("l"))
    await follow(pool, key, linked)
    await follow(pool, key, routed(), asked())
    async with pool.acquire() as tx:
        waiting = (await load(tx, key))[key]
    assert waiting.early == (linked, routed(), asked())
    assert [fact.id for fact in waiting.early] == [linked.id, routed().id, asked().id]
    await take_in(pool, posted)
    async with pool.acquire() as tx:
        assert await tx.fetchval("SELECT count(*) FROM early_facts") == 0
        loaded = (await load(tx, key))[key]
        card = await store.find_card(tx, loaded.ticket)
    assert (loaded.status, loaded.lapor_id, loaded.awaits) == ("waiting", "7", asked().id)
    assert card is not None
    assert [step.code for step in card.steps] == ["received", "linked", "routed", "waiting"]


async def test_the_card_of_a_ticket_holds_what_the_public_may_need(pool: Pool) -> None:
    posted = submission(place=Place(text="dekat pasar", kelurahan="15.71.01.1001"), anonymous=True)
    (complaint,) = await take_in(pool, posted)
    await follow(pool, complaint.id, routed(at=NOW + timedelta(minutes=1)))
    async with pool.acquire() as connection:
        card = await store.find_card(connection, complaint.ticket)
        nothing = await store.find_card(connection, ticket_for(fact_id("no such"), 0, KEYS.tickets))
    assert nothing is None
    assert card is not None
    assert (card.status, card.opd, card.anonymous, card.confidential) == ("routed", "PUPR", True, False)
    assert card.place == posted.place
    assert [(step.code, step.at) for step in card.steps] == [
        ("received", NOW),
        ("routed", NOW + timedelta(minutes=1)),
    ]


async def test_two_thousand_complaints_are_written_and_read_in_a_handful_of_statements(pool: Pool) -> None:
    posted = [submission(f"s{n}", reference=f"R-{n}") for n in range(2000)]
    await take_in(pool, *posted)
    keys = [blank(one).id for one in posted]
    async with pool.acquire() as tx, tx.transaction():
        states = await load(tx, *keys)
        assert all(complaint.is_known for complaint in states.values())
        changed = {key: on_later_fact(state, routed(), KEYS, NOW).state for key, state in states.items()}
        await store.save_complaints(tx, changed, seal=SEAL)
    async with pool.acquire() as tx:
        assert await tx.fetchval("SELECT count(*) FROM timeline") == 4000
        assert await tx.fetchval("SELECT count(*) FROM complaints WHERE opd = 'PUPR'") == 2000


async def test_the_citys_names_follow_the_newest_version(pool: Pool) -> None:
    names = store.CityNames()
    async with pool.acquire() as connection:
        assert (await names.read(connection)).opd("PUPR") == "PUPR"
        for name in ("Dinas PU", "Dinas PUPR Kota"):
            documents = json.dumps({"opds": {"opds": [{"code": "PUPR", "name": name}]}})
            await connection.execute(
                "INSERT INTO city_versions (digest, documents) VALUES ($1, $2)", name.encode(), documents
            )
            assert (await names.read(connection)).opd("PUPR") == name
