"""Cases and the city's registry on a real PostgreSQL."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.routing import store
from services.routing.domain.acts import Classify, HandBack, Route
from services.routing.domain.case import Case, CaseState
from services.routing.domain.city import CityRefused, parse_city
from services.routing.domain.worklists import VIEWS, Wanted
from shared.database import Connection
from shared.events.parts import Place
from shared.events.sla import ClockStarted, ClockWarned
from tests.conftest import MakeStore
from tests.routing.world import (
    AT_LAMPS,
    DOCUMENTS,
    HOUR,
    NOW,
    VAGUE,
    a_case,
    done,
    fact_id,
    fold,
    in_lapor,
    linked,
    merged,
    received,
    replied_there,
    status_changed,
    told,
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
    case = fold(a_case(state), told(ClockStarted, due_at=NOW)).state
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
        due = told(ClockStarted, due_at=NOW + timedelta(days=(n * 3) % 7)) if n != 4 else linked()
        cases[UUID(int=n)] = fold(Case(), event, due).state
    cases[UUID(int=99)] = fold(Case(), linked()).state
    async with pool.acquire() as connection:
        await store.save_cases(connection, cases)

        async def pages(**wanted: Any) -> list[int]:
            seen: list[int] = []
            after = None
            while page := await store.listed(connection, Wanted(**wanted), after=after, limit=2):
                seen += [mark.complaint_id.int for mark, _ in page]
                after = page[-1][0]
            return seen

        assert await pages() == [1, 0, 3, 2, 5, 4, 6]
        assert await pages(order="oldest") == [6, 4, 5, 2, 3, 0, 1]
        assert await pages(order="due") == [0, 5, 3, 1, 6, 2]
        assert await pages(opd="LAMPU") == [0, 2, 4, 6]
        assert await pages(opd="LAMPU", order="due") == [0, 6, 2]
        assert await pages(opd="LAMPU", states=("triage",)) == []
        assert await pages(states=("triage",), order="oldest") == [5, 3, 1]
        assert await pages(states=("triage", "routed")) == [1, 0, 3, 2, 5, 4, 6]
        assert await pages(since=NOW - HOUR) == [1, 0, 3, 2]
        assert await pages(ticket="0000000000") == [1, 0, 3, 2, 5, 4, 6]
        assert await pages(ticket="00000000003") == [3]
        assert await pages(ticket="1") == []


async def test_lists_are_narrowed_by_category_and_place(store_of: MakeStore) -> None:
    pool = await store_of("routing")
    places = [Place(kelurahan="15.99.01.1001"), Place(kecamatan="15.99.01"), Place(text="entah"), None]
    cases = {
        UUID(int=n): fold(Case(), received(ticket=f"{n:011d}", place=place)).state
        for n, place in enumerate(places)
    }
    cases[UUID(int=0)] = fold(cases[UUID(int=0)], done(Classify(category="Jalan Rusak"))).state
    async with pool.acquire() as connection:
        await store.save_cases(connection, cases)

        async def found(**wanted: Any) -> set[int]:
            page = await store.listed(connection, Wanted(**wanted), after=None, limit=9)
            return {mark.complaint_id.int for mark, _ in page}

        assert await found(kecamatan="15.99.01") == {0, 1}
        assert await found(kecamatan="15.99.02") == set()
        assert await found(category="Jalan Rusak") == {0}


async def test_a_worklist_holds_what_it_counts_and_no_more(store_of: MakeStore) -> None:
    pool = await store_of("routing")
    bounced = fold(
        a_case("routed"), done(HandBack(reason="Bukan kami."), AT_LAMPS), done(Route(opd="JALAN"))
    ).state
    back = fold(a_case("routed"), done(HandBack(reason="Bukan kami."), AT_LAMPS)).state
    urgent = fold(a_case("in_work"), told(ClockStarted, due_at=NOW), told(ClockWarned, due_at=NOW)).state
    every = [*(a_case(state) for state in STATES if state != "new"), bounced, back, urgent]
    cases = {
        UUID(int=n): replace(case, complaint=case.complaint.model_copy(update={"ticket": f"{n:011d}"}))
        for n, case in enumerate(every)
        if case.complaint is not None
    }
    expected = {
        None: {"mine": 2, "new": 1, "due_soon": 1, "waiting_for_citizen": 1, "handed_back": 1},
        "LAMPU": {"mine": 5, "new": 1, "due_soon": 1, "waiting_for_citizen": 1, "handed_back": 0},
        "JALAN": {"mine": 1, "new": 1, "due_soon": 0, "waiting_for_citizen": 0, "handed_back": 1},
    }
    async with pool.acquire() as connection:
        await store.save_cases(connection, cases)
        for opd, counts in expected.items():
            assert await store.counted(connection, opd) == counts
            for name, within in VIEWS["city" if opd is None else "opd"].items():
                page = await store.listed(connection, Wanted(opd=opd, within=within), after=None, limit=99)
                assert len(page) == counts[name], (opd, name)


async def test_a_merged_case_is_in_no_list_of_work_and_still_to_be_found(store_of: MakeStore) -> None:
    pool = await store_of("routing")
    apart, rests = a_case("triage"), fold(a_case("triage"), merged()).state
    async with pool.acquire() as connection:
        await store.save_cases(connection, {UUID(int=1): rests})
        assert await store.listed(connection, Wanted(states=("triage",)), after=None, limit=9) == []
        triage = await store.listed(connection, Wanted(within=VIEWS["city"]["mine"]), after=None, limit=9)
        everything = await store.listed(connection, Wanted(), after=None, limit=9)
        assert (triage, [case for _, case in everything]) == ([], [rests])
        await store.save_cases(connection, {UUID(int=1): apart})
        assert [
            case
            for _, case in await store.listed(connection, Wanted(states=("triage",)), after=None, limit=9)
        ] == [apart]


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


async def test_a_city_that_a_newer_version_stored_is_read_without_what_this_one_does_not_know(
    store_of: MakeStore,
) -> None:
    pool = await store_of("routing")
    newer = {**DOCUMENTS, "opds": {**DOCUMENTS["opds"], "since": 2031}}
    with pytest.raises(CityRefused, match=r"opds.yaml: .*since"):
        parse_city(newer)
    async with pool.acquire() as connection:
        await load_documents(connection, newer)
        assert (await store.load_city(connection)).opds == parse_city(DOCUMENTS).opds


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
