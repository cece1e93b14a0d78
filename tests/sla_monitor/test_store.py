"""What the monitor keeps, on a real PostgreSQL."""

import hashlib
import json
from datetime import timedelta
from uuid import UUID

import pytest

from services.sla_monitor import store
from services.sla_monitor.domain.registry import RulesRefused, read_edition
from services.sla_monitor.domain.watched import Watched
from shared.database import Connection, Pool
from shared.delivery import keys
from shared.events.sla import ClocksStated
from tests.conftest import MakeStore
from tests.sla_monitor.world import (
    KEY,
    SETTLE,
    TICKET,
    Monitor,
    answered,
    asked,
    at,
    classified,
    received,
    replied,
    routed,
    shipped,
)

pytestmark = pytest.mark.store

MONDAY = at("2026-11-02")


async def load_documents(connection: Connection, documents: object) -> None:
    """Store a version of the city, as the CLI does."""
    text = json.dumps(documents)
    await connection.execute(
        "INSERT INTO city_versions (digest, documents) VALUES ($1, $2::jsonb)",
        hashlib.sha256(text.encode()).digest(),
        text,
    )


def a_full_life() -> Watched:
    """A complaint with pauses, a warning, a breach, a lapse and two runs of a clock."""
    monitor = Monitor()
    monitor.hears(received(at("2026-10-05"), MONDAY), classified(MONDAY, "aspirasi"), routed(MONDAY))
    monitor.sweeps(at("2026-11-06"))
    monitor.hears(asked(at("2026-11-09")), replied(at("2026-11-10")), answered(at("2026-11-11")))
    monitor.hears(replied(at("2026-11-12"), "again"), answered(at("2026-11-13"), name="answered again"))
    monitor.sweeps(at("2026-12-20"))
    assert {clock.status for clock in monitor.stated.clocks} == {"met", "lapsed"}
    return monitor.watched


def a_running_one() -> Watched:
    monitor = Monitor()
    monitor.hears(received(MONDAY))
    return monitor.watched


async def keep(pool: Pool, *watched: Watched) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await keys.lock(connection, [one.key for one in watched])
        await store.save_watched(connection, {one.key: one for one in watched})


async def look(pool: Pool, key: UUID = KEY) -> Watched:
    async with pool.acquire() as connection:
        return (await store.load_watched(connection, [key]))[key]


@pytest.mark.parametrize("watched", [a_full_life(), a_running_one()], ids=["a full life", "running"])
async def test_a_complaint_comes_back_as_it_was_kept(store_of: MakeStore, watched: Watched) -> None:
    pool = await store_of("sla_monitor")
    await keep(pool, watched)
    found = await look(pool)
    assert (found.history, found.told, found.look_at, found.counted_by) == (
        watched.history,
        watched.told,
        watched.look_at,
        watched.counted_by,
    )
    assert found.stated is not None
    assert watched.stated is not None
    assert found.stated.write() == watched.stated.write()


async def test_facts_that_came_before_the_complaint_are_kept(store_of: MakeStore) -> None:
    pool = await store_of("sla_monitor")
    early = Monitor()
    early.hears(classified(MONDAY, "aspirasi"), routed(MONDAY))
    await keep(pool, early.watched)
    later = Monitor()
    later.watched = await look(pool)
    later.hears(received(MONDAY))
    assert later.clock("verify").status == "met"


async def test_every_complaint_asked_for_is_there_a_blank_one_where_nothing_is_known(
    store_of: MakeStore,
) -> None:
    pool = await store_of("sla_monitor")
    assert await look(pool) == Watched(KEY)


async def test_a_complaint_kept_again_replaces_what_was_there(store_of: MakeStore) -> None:
    pool = await store_of("sla_monitor")
    await keep(pool, a_running_one())
    await keep(pool, a_full_life())
    assert (await look(pool)).history == a_full_life().history
    assert await pool.fetchval("SELECT count(*) FROM complaints") == 1


async def test_what_is_due_comes_longest_due_first_and_parked_keys_are_left_out(store_of: MakeStore) -> None:
    pool = await store_of("sla_monitor")
    looks = [at("2026-11-05"), at("2026-11-03"), at("2026-11-04"), None]
    for number, when in enumerate(looks, start=1):
        await keep(pool, Watched(UUID(int=number), look_at=when))
    await pool.execute("UPDATE delivery.keys SET parked = '{}' WHERE key = $1", UUID(int=3))
    async with pool.acquire() as connection:
        assert await store.due_keys(connection, at("2026-11-06"), 10) == [UUID(int=2), UUID(int=1)]
        assert await store.due_keys(connection, at("2026-11-03"), 10) == [UUID(int=2)]
        assert await store.due_keys(connection, at("2026-11-06"), 1) == [UUID(int=2)]
        everything = [UUID(int=number) for number in range(1, 5)]
        assert await store.still_due(connection, everything, at("2026-11-04")) == [UUID(int=2)]


async def test_the_sweep_finds_its_keys_by_an_index(store_of: MakeStore) -> None:
    pool = await store_of("sla_monitor")
    await pool.execute(
        "INSERT INTO delivery.keys (key, next_due_at)"
        " SELECT gen_random_uuid(), now() + n * interval '1 minute' FROM generate_series(1, 20000) AS n"
    )
    await pool.execute("ANALYZE delivery.keys")
    plan = await pool.fetch(
        "EXPLAIN SELECT key FROM delivery.keys WHERE next_due_at <= now() AND parked IS NULL"
        " ORDER BY next_due_at LIMIT 1000"
    )
    assert "keys_due" in " ".join(row[0] for row in plan)


async def test_a_statement_said_again_has_the_next_version_and_keeps_it(store_of: MakeStore) -> None:
    pool = await store_of("sla_monitor")
    watched = a_running_one()
    await keep(pool, watched)
    async with pool.acquire() as connection:
        [(key, again)] = await store.restate(connection, [KEY, UUID(int=9)])
    assert key == KEY
    assert isinstance(again, ClocksStated)
    assert watched.stated is not None
    assert again.version == watched.stated.version + 1
    assert again.model_copy(update={"version": watched.stated.version}).write() == watched.stated.write()
    kept = (await look(pool)).stated
    assert kept is not None
    assert kept.version == again.version


async def test_a_complaint_is_found_by_its_ticket(store_of: MakeStore) -> None:
    pool = await store_of("sla_monitor")
    await keep(pool, a_running_one())
    async with pool.acquire() as connection:
        found = await store.watched_of(connection, TICKET)
        assert found is not None
        assert found.key == KEY
        assert await store.watched_of(connection, "0000000000A") is None


# the city's rules


async def test_without_a_city_it_says_what_to_run(store_of: MakeStore) -> None:
    pool = await store_of("sla_monitor")
    with pytest.raises(LookupError, match=r"\./simpul city load"):
        await store.registry_reader(SETTLE)(pool)  # type: ignore[arg-type]


async def test_every_version_is_read_and_the_newest_decides_new_clocks(store_of: MakeStore) -> None:
    pool = await store_of("sla_monitor")
    read = store.registry_reader(SETTLE)
    later = shipped()
    later["holidays"]["decreed_through"] = 2028
    async with pool.acquire() as connection:
        await load_documents(connection, shipped())
        first = await read(connection)
        assert await read(connection) is first
        await load_documents(connection, later)
        both = await read(connection)
    assert (first.newest, both.newest, sorted(both.editions)) == (1, 2, [1, 2])
    assert both.editions[1] is first.editions[1]
    assert both.settle == SETTLE == timedelta(minutes=10)


async def test_a_version_that_a_newer_monitor_stored_is_read_without_what_this_one_does_not_know(
    store_of: MakeStore,
) -> None:
    pool = await store_of("sla_monitor")
    newer = shipped()
    newer["holidays"]["moon"] = newer["sla"]["policies"][0]["grace"] = "since 2031"
    with pytest.raises(RulesRefused, match=r"sla.yaml: .*grace"):
        read_edition(newer)
    async with pool.acquire() as connection:
        await load_documents(connection, newer)
        found = await store.registry_reader(SETTLE)(connection)
    assert found.editions[1].policies == read_edition(shipped(), 1).policies


async def test_a_version_that_cannot_be_used_is_named_by_file_and_field(store_of: MakeStore) -> None:
    pool = await store_of("sla_monitor")
    async with pool.acquire() as connection:
        await load_documents(connection, {"sla": {}, "holidays": {}})
        with pytest.raises(RulesRefused, match=r"sla\.yaml: policies"):
            await store.registry_reader(SETTLE)(connection)
