"""The numbers of each day on a real PostgreSQL: exact, said when they change, and said again when in doubt."""

import asyncio
import json
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from services.sla_monitor import store
from services.sla_monitor.aggregate import EVERY_SECONDS, aggregate
from services.sla_monitor.domain.tally import Befallen, Standing, Tally, touched
from shared.delivery.saying import make_months
from shared.events.ids import aggregate_key
from tests.conftest import MakeStore
from tests.sla_monitor.test_store import load_documents
from tests.sla_monitor.test_sweep import Watch, a_desk, heard, reached, sweep
from tests.sla_monitor.world import KEY, at, closed, end_of, received, routed, shipped, triage

pytestmark = pytest.mark.store

MONDAY = at("2026-11-02")
NUMBERS = ("open", "due_today", "warned", "breached", "met_in_time", "met_late")


@pytest.fixture
async def desk(store_of: MakeStore) -> Watch:
    pool = await store_of("sla_monitor")
    async with pool.acquire() as connection:
        await make_months(connection, date(2026, 11, 1))
        await load_documents(connection, shipped())
    desk = a_desk(pool)
    on(desk, "2026-11-02")
    return desk


def on(desk: Watch, day: str, hour: int = 12) -> None:
    """It is that day, at noon unless told otherwise."""
    desk.clock = lambda: at(day, hour)


async def settle(desk: Watch) -> None:
    """Turn until there is nothing left to tally or to say."""
    while await aggregate(desk) == 0.0:
        pass


async def said(desk: Watch) -> list[dict[str, Any]]:
    """All that was said on sla.aggregate, in order."""
    rows = await desk.pool.fetch(
        "SELECT record_key, key, id, value FROM delivery.said WHERE topic = 'sla.aggregate' ORDER BY position"
    )
    return [
        {"record_key": row["record_key"], "key": row["key"], "id": row["id"], **json.loads(row["value"])}
        for row in rows
    ]


async def believed(desk: Watch) -> dict[str, tuple[int, ...]]:
    """What a reader of the compacted topic believes: the newest numbers of each key."""
    return {one["record_key"]: tuple(one[name] for name in NUMBERS) for one in await said(desk)}


def another(n: int) -> UUID:
    return UUID(int=n + 1)


async def test_a_complaint_that_comes_in_is_counted_on_its_day(desk: Watch) -> None:
    await heard(desk, received(MONDAY), triage(MONDAY))
    await settle(desk)
    assert await believed(desk) == {
        "CITY/verify/2026-11-02": (1, 0, 0, 0, 0, 0),
        "CITY/resolution/2026-11-02": (1, 0, 0, 0, 0, 0),
    }


async def test_nothing_changed_is_nothing_said(desk: Watch) -> None:
    await heard(desk, received(MONDAY), triage(MONDAY))
    await settle(desk)
    before = await said(desk)
    assert await aggregate(desk) == EVERY_SECONDS
    await heard(desk, triage(MONDAY, "again"))  # another look of the verifier moves no clock
    await settle(desk)
    assert await said(desk) == before


async def test_at_midnight_what_is_open_is_counted_on_the_new_day_and_on_those_that_were_slept_through(
    desk: Watch,
) -> None:
    await heard(desk, received(MONDAY), triage(MONDAY))
    await settle(desk)
    on(desk, "2026-11-05", 0)
    await settle(desk)
    numbers = await believed(desk)
    assert {key: numbers[key][:2] for key in numbers if "/verify/" in key} == {
        "CITY/verify/2026-11-02": (1, 0),
        "CITY/verify/2026-11-03": (1, 0),
        "CITY/verify/2026-11-04": (1, 0),
        "CITY/verify/2026-11-05": (1, 1),
    }


async def test_an_act_heard_late_counts_on_the_day_on_which_it_was_done(desk: Watch) -> None:
    await heard(desk, received(MONDAY), triage(MONDAY))
    await settle(desk)
    on(desk, "2026-11-04")
    await settle(desk)
    await heard(desk, routed(at("2026-11-03")), now=at("2026-11-04"))
    await settle(desk)
    numbers = await believed(desk)
    assert numbers["CITY/verify/2026-11-02"] == (1, 0, 0, 0, 0, 0)
    assert numbers["CITY/verify/2026-11-03"] == (0, 0, 0, 0, 1, 0)
    assert numbers["CITY/verify/2026-11-04"] == (0, 0, 0, 0, 0, 0)
    assert numbers["PUPR/first_response/2026-11-03"][0] == numbers["PUPR/first_response/2026-11-04"][0] == 1


async def test_a_breach_is_counted_when_the_sweep_has_said_it(desk: Watch) -> None:
    await heard(desk, received(MONDAY), triage(MONDAY))
    on(desk, "2026-11-06")
    await settle(desk)
    assert (await believed(desk))["CITY/verify/2026-11-05"] == (1, 1, 0, 0, 0, 0)
    await reached(desk, end_of("2026-11-06"), end_of("2026-11-06"))
    await sweep(desk)
    await settle(desk)
    numbers = await believed(desk)
    assert numbers["CITY/verify/2026-11-05"] == (1, 1, 0, 1, 0, 0)
    assert numbers["CITY/verify/2026-11-06"] == (1, 0, 0, 0, 0, 0)


async def test_minutes_are_the_middle_one_and_the_one_that_nine_in_ten_do_not_exceed(desk: Watch) -> None:
    day = date(2026, 11, 2)
    for n in range(10):
        await _keep(
            desk, another(n), Tally((), (Befallen(None, "verify", day, "met_in_time", 10 * (n + 1)),))
        )
    await settle(desk)
    (one,) = await said(desk)
    assert (one["median_working_minutes"], one["p90_working_minutes"]) == (50, 90)
    assert (one["met_in_time"], one["opd"]) == (10, None)


async def _keep(desk: Watch, key: UUID, told: Tally) -> None:
    """As if this complaint had been tallied so."""
    async with desk.transaction([key]) as work:
        before = (await store.tallies(work.tx, [key]))[key]
        await store.keep_tallies(work.tx, {key: told})
        await store.mark_uncounted(work.tx, touched(before, told, date(2026, 11, 30)))


async def test_what_is_kept_is_what_is_read(desk: Watch) -> None:
    told = Tally(
        (
            Standing("DLH", "first_response", date(2026, 11, 1), date(2026, 11, 3), None),
            Standing(None, "verify", date(2026, 11, 1), None, date(2026, 11, 5)),
            Standing(None, "verify", date(2026, 11, 1), None, date(2026, 11, 5)),
        ),
        (Befallen("DLH", "first_response", date(2026, 11, 3), "met_late", 7),),
    )
    await _keep(desk, KEY, told)
    async with desk.read() as connection:
        assert await store.tallies(connection, [KEY, another(1)]) == {KEY: told, another(1): Tally()}


async def test_each_statement_has_a_key_row_and_an_id_of_its_own(desk: Watch) -> None:
    await heard(desk, received(MONDAY), triage(MONDAY))
    await settle(desk)
    await heard(desk, closed(MONDAY))
    await settle(desk)
    told = await said(desk)
    assert {one["key"] for one in told} == {aggregate_key(one["record_key"]) for one in told}
    assert len({one["id"] for one in told}) == len(told) == 4


async def test_in_doubt_the_newest_numbers_are_said_again_with_the_clocks(desk: Watch) -> None:
    await heard(desk, received(MONDAY), triage(MONDAY))
    await settle(desk)
    before = await believed(desk)
    key = aggregate_key("CITY/verify/2026-11-02")
    assert await desk.say_again([KEY, key]) == 2
    again = await said(desk)
    assert [one["record_key"] for one in again].count("CITY/verify/2026-11-02") == 2
    assert len({one["id"] for one in again}) == len(again)
    assert await believed(desk) == before


async def test_two_replicas_at_once_say_each_number_once(desk: Watch) -> None:
    for n in range(30):
        await heard(desk, received(MONDAY, ticket=f"0123456{n:04d}"), triage(MONDAY), key=another(n))
    other = a_desk(desk.pool)
    other.clock = desk.clock
    await asyncio.gather(settle(desk), settle(other), settle(desk), settle(other))
    await settle(desk)
    assert (await believed(desk))["CITY/verify/2026-11-02"] == (30, 0, 0, 0, 0, 0)
    assert len(await said(desk)) == len({(one["record_key"], one["open"]) for one in await said(desk)})


async def test_counting_while_complaints_change_ends_with_the_true_numbers(desk: Watch) -> None:
    """What is tallied between the counting and its commit must be counted again, or it would stay wrong for good."""

    async def coming() -> None:
        for n in range(40):
            await heard(desk, received(MONDAY, ticket=f"0123456{n:04d}"), triage(MONDAY), key=another(n))
            if n % 3 == 0:
                await heard(desk, closed(MONDAY), key=another(n))

    async def counting() -> None:
        for _ in range(60):
            await aggregate(desk)

    await asyncio.gather(coming(), counting(), counting())
    await settle(desk)
    assert (await believed(desk))["CITY/verify/2026-11-02"][0] == 40 - len(range(0, 40, 3))
