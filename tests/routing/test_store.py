"""Cases and the city's registry on a real PostgreSQL."""

import hashlib
import json
from datetime import timedelta
from uuid import UUID

import pytest

from services.routing import store
from services.routing.domain.case import Case, CaseState
from services.routing.domain.city import CityRefused
from shared.database import Connection
from tests.conftest import MakeStore
from tests.routing.world import (
    DOCUMENTS,
    HOUR,
    NOW,
    VAGUE,
    a_case,
    fact_id,
    fold,
    in_lapor,
    linked,
    merged,
    received,
    replied_there,
    status_changed,
    withdrawn,
)

pytestmark = pytest.mark.store

KEY = UUID(int=1)
STATES: tuple[CaseState, ...] = (
    "new", "triage", "routed", "in_work", "asked", "answered", "closed", "rejected",
)  # fmt: skip


async def load_documents(connection: Connection, documents: object) -> None:
    """Store a version of the city, as the CLI does."""
    text = json.dumps(documents)
    await connection.execute(
        "INSERT INTO city_versions (digest, documents) VALUES ($1, $2::jsonb)",
        hashlib.sha256(text.encode()).digest(),
        text,
    )


@pytest.mark.parametrize("state", STATES)
async def test_a_case_comes_back_as_it_was_kept(store_of: MakeStore, state: CaseState) -> None:
    pool = await store_of("routing")
    case = a_case(state)
    await store.save_cases(pool, {KEY: case})  # type: ignore[arg-type]
    assert await store.load_cases(pool, [KEY]) == {KEY: case}  # type: ignore[arg-type]


async def test_facts_that_wait_for_their_complaint_keep_their_names_and_order(store_of: MakeStore) -> None:
    pool = await store_of("routing")
    early = (linked(), replied_there(at=NOW), status_changed("archived"), withdrawn())
    async with pool.acquire() as connection:
        await store.save_cases(connection, {KEY: fold(Case(), *early).state})
        waiting = (await store.load_cases(connection, [KEY]))[KEY]
    assert waiting.early == early
    assert [fact.id for fact in waiting.early] == [fact.id for fact in early]
    assert fold(waiting, received()).says == fold(Case(), *early, received()).says


async def test_every_case_asked_for_is_there_a_blank_one_where_nothing_is_known(store_of: MakeStore) -> None:
    pool = await store_of("routing")
    async with pool.acquire() as connection:
        assert await store.load_cases(connection, [KEY, UUID(int=2)]) == {KEY: Case(), UUID(int=2): Case()}


async def test_a_case_kept_again_replaces_what_was_there(store_of: MakeStore) -> None:
    pool = await store_of("routing")
    async with pool.acquire() as connection:
        await store.save_cases(connection, {KEY: fold(Case(), linked()).state})
        await store.save_cases(connection, {KEY: a_case("in_work")})
        assert (await store.load_cases(connection, [KEY]))[KEY] == a_case("in_work")
        assert await connection.fetchval("SELECT count(*) FROM cases") == 1


async def test_two_thousand_cases_are_kept_and_read_at_once(store_of: MakeStore) -> None:
    pool = await store_of("routing")
    cases = {
        UUID(int=n): fold(Case(), received(ticket=f"{n:011d}", lapor=in_lapor())).state for n in range(2000)
    }
    async with pool.acquire() as connection:
        await store.save_cases(connection, cases)
        assert await store.load_cases(connection, list(cases)) == cases


async def test_lists_go_on_where_the_page_before_ended(store_of: MakeStore) -> None:
    pool = await store_of("routing")
    cases = {}
    for n in range(7):
        words = {"words": VAGUE} if n % 2 else {}
        event = received(ticket=f"{n:011d}", received_at=NOW - timedelta(hours=n // 2), **words)  # type: ignore[arg-type]
        cases[UUID(int=n)] = fold(Case(), event).state
    cases[UUID(int=99)] = fold(Case(), linked()).state
    async with pool.acquire() as connection:
        await store.save_cases(connection, cases)

        async def pages(**wanted: object) -> list[int]:
            seen: list[int] = []
            after = None
            while page := await store.newest_cases(connection, after=after, limit=2, **wanted):  # type: ignore[arg-type]
                seen += [mark.complaint_id.int for mark, _ in page]
                after = page[-1][0]
            return seen

        assert await pages(opd=None, state=None) == [1, 0, 3, 2, 5, 4, 6]
        assert await pages(opd="LAMPU", state=None) == [0, 2, 4, 6]
        assert await pages(opd="LAMPU", state="triage") == []
        assert await pages(opd=None, state="triage") == [1, 3, 5]
        oldest = await store.oldest_in_triage(connection, after=None, limit=2)
        assert [mark.complaint_id.int for mark, _ in oldest] == [5, 3]
        rest = await store.oldest_in_triage(connection, after=oldest[-1][0], limit=2)
        assert [mark.complaint_id.int for mark, _ in rest] == [1]


async def test_a_merged_case_is_in_no_list_of_work_and_still_to_be_found(store_of: MakeStore) -> None:
    pool = await store_of("routing")
    apart, rests = a_case("triage"), fold(a_case("triage"), merged()).state
    async with pool.acquire() as connection:
        await store.save_cases(connection, {UUID(int=1): rests})
        assert await store.oldest_in_triage(connection, after=None, limit=9) == []
        triage = await store.newest_cases(connection, opd=None, state="triage", after=None, limit=9)
        everything = await store.newest_cases(connection, opd=None, state=None, after=None, limit=9)
        assert (triage, [case for _, case in everything]) == ([], [rests])
        await store.save_cases(connection, {UUID(int=1): apart})
        assert [case for _, case in await store.oldest_in_triage(connection, after=None, limit=9)] == [apart]


async def test_a_ticket_finds_its_case(store_of: MakeStore) -> None:
    pool = await store_of("routing")
    case = a_case("routed")
    async with pool.acquire() as connection:
        await store.save_cases(connection, {KEY: case})
        assert await store.case_of(connection, "0123456789A") == (KEY, case)
        assert await store.case_of(connection, "0123456789B") is None


async def test_the_newest_version_of_the_city_is_in_force_and_parsed_once(store_of: MakeStore) -> None:
    pool = await store_of("routing")
    async with pool.acquire() as connection:
        with pytest.raises(LookupError, match="simpul city load"):
            await store.load_city(connection)
        await load_documents(connection, DOCUMENTS)
        first = await store.load_city(connection)
        assert first.version == 1
        assert await store.load_city(connection) is first
        changed = {**DOCUMENTS, "note": "a newer version"}
        await load_documents(connection, changed)
        assert (await store.load_city(connection)).version == 2


async def test_a_city_that_cannot_be_read_says_why(store_of: MakeStore) -> None:
    pool = await store_of("routing")
    async with pool.acquire() as connection:
        await load_documents(connection, {"opds": {}})
        with pytest.raises(CityRefused, match="regions"):
            await store.load_city(connection)


async def test_history_of_a_long_case_survives(store_of: MakeStore) -> None:
    pool = await store_of("routing")
    facts = [
        replied_there(str(n), f"reply {n}", "lapor", f"Catatan {n}", at=NOW - n * HOUR) for n in range(60)
    ]
    case = fold(a_case("routed"), *facts).state
    async with pool.acquire() as connection:
        await store.save_cases(connection, {fact_id("long"): case})
        assert (await store.load_cases(connection, [fact_id("long")]))[
            fact_id("long")
        ].history == case.history
