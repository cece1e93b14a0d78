"""The sweep and the adoption of a calendar, on a real PostgreSQL, with the frame around them."""

import asyncio
import json
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest

from services.sla_monitor import store
from services.sla_monitor.adopt import adopt
from services.sla_monitor.domain.registry import Registry
from services.sla_monitor.domain.watched import Watched
from services.sla_monitor.handlers import make_fold
from services.sla_monitor.sweep import FIRST, IDLE_SECONDS, MOST, Sweep, wait_for
from shared.database import Pool
from shared.delivery.desk import Desk
from shared.delivery.metrics import Metrics
from shared.delivery.posting import Poster
from shared.delivery.saying import make_months
from shared.events.fact import Fact
from tests.conftest import MakeStore
from tests.sla_monitor.test_store import load_documents
from tests.sla_monitor.world import (
    KEY,
    SETTLE,
    answered,
    at,
    end_of,
    received,
    routed,
    shipped,
    triage,
)

pytestmark = pytest.mark.store

MONDAY = at("2026-11-02")
Watch = Desk[Watched, Registry]


def a_desk(pool: Pool) -> Watch:
    """The monitor's desk on a Wednesday, whose input has one partition per topic."""
    desk: Watch = Desk(
        name="sla_monitor",
        pool=pool,
        fold=make_fold(SETTLE),
        epoch=1,
        metrics=Metrics(),
        seals=lambda _: None,
        poster=Poster(["127.0.0.1:1"], "sla_monitor"),
        restate=store.restate,
        clock=lambda: at("2026-11-04"),
    )
    desk.partitions = {"intake.events": 1, "routing.events": 1}
    return desk


@pytest.fixture
async def desk(store_of: MakeStore) -> Watch:
    pool = await store_of("sla_monitor")
    async with pool.acquire() as connection:
        await make_months(connection, date(2026, 11, 1))
        await load_documents(connection, shipped())
    return a_desk(pool)


async def reached(desk: Watch, intake: datetime, routing: datetime | None) -> None:
    """So far the two input topics have been applied."""
    for topic, when in (("intake.events", intake), ("routing.events", routing)):
        if when is not None:
            await desk.pool.execute(
                "INSERT INTO delivery.watermarks VALUES ($1, 0, $2)"
                " ON CONFLICT (topic, partition) DO UPDATE SET reached = excluded.reached",
                topic,
                when,
            )


async def heard(desk: Watch, *facts: Fact, key: UUID = KEY, now: datetime = MONDAY) -> None:
    await desk.hand_in([(key, fact) for fact in facts], now=now)


async def sweep(desk: Watch) -> float:
    """Turn after turn while there is something to say; seconds until the next."""
    sweeping, pause = Sweep(), 0.0
    while pause == 0.0:
        pause = await sweeping.turn(desk)
    return pause


async def said(desk: Watch) -> list[str]:
    """What was said about clocks, in order, as `verify breached`."""
    rows = await desk.pool.fetch(
        "SELECT type, value FROM delivery.said WHERE topic = 'sla.events' ORDER BY position"
    )
    return [f"{json.loads(row['value'])['clock']} {row['type'].split('.')[2]}" for row in rows]


async def test_it_says_nothing_before_every_input_partition_is_known(desk: Watch) -> None:
    await heard(desk, received(MONDAY), triage(MONDAY))
    assert await sweep(desk) == IDLE_SECONDS
    await reached(desk, at("2026-12-01"), None)
    assert await sweep(desk) == IDLE_SECONDS
    assert "verify breached" not in await said(desk)


async def test_it_speaks_up_to_the_least_of_its_inputs(desk: Watch) -> None:
    await heard(desk, received(MONDAY), triage(MONDAY))
    await reached(desk, at("2026-12-01"), at("2026-11-05"))
    await sweep(desk)
    assert (await said(desk))[-1] == "verify warned"
    await reached(desk, at("2026-12-01"), at("2026-11-06"))
    await sweep(desk)
    assert (await said(desk))[-1] == "verify breached"
    [row] = await desk.pool.fetch(
        "SELECT value, said_at FROM delivery.said WHERE type = 'simpul.clock.breached.v1'"
    )
    assert datetime.fromisoformat(json.loads(row["value"])["at"]) == end_of("2026-11-05")
    assert row["said_at"] == at("2026-11-06")


async def test_an_answer_that_waits_in_the_backlog_is_no_breach(desk: Watch) -> None:
    """The monitor was down from Monday on; its backlog is read up to Friday, then to the end."""
    back_up = at("2026-12-01")
    await heard(desk, received(MONDAY), routed(MONDAY), now=MONDAY)
    await reached(desk, at("2026-11-06"), at("2026-11-06"))
    await sweep(desk)
    await heard(desk, answered(at("2026-11-06", 11)), now=back_up)
    await reached(desk, back_up, back_up)
    await sweep(desk)
    assert not [what for what in await said(desk) if what.endswith("breached")]


async def test_a_parked_complaint_is_swept_once_it_is_free_again(desk: Watch) -> None:
    await heard(desk, received(MONDAY), triage(MONDAY))
    await reached(desk, at("2026-12-01"), at("2026-12-01"))
    why = {"routing.events": {"cause": "gap", "at": None, "since": "2026-11-02T03:00:00+00:00"}}
    await desk.pool.execute("UPDATE delivery.keys SET parked = $1::jsonb", json.dumps(why))
    await sweep(desk)
    assert "verify breached" not in await said(desk)
    await desk.pool.execute("UPDATE delivery.keys SET parked = NULL")
    await sweep(desk)
    assert "verify breached" in await said(desk)


async def test_two_replicas_at_once_say_everything_once(desk: Watch) -> None:
    many = [UUID(int=number) for number in range(1, 201)]
    facts = [(key, received(MONDAY, ticket=f"{number:010d}A")) for number, key in enumerate(many)]
    await desk.hand_in([(key, fact) for key, fact in facts], now=MONDAY)
    await reached(desk, at("2026-11-06"), at("2026-11-06"))
    await asyncio.gather(*(sweep(a_desk(desk.pool)) for _ in range(3)))
    assert (await said(desk)).count("verify breached") == 200


async def test_when_more_is_due_than_one_turn_takes_it_goes_on_at_once(desk: Watch) -> None:
    """The first turn after a pause takes few, so that the first is said soon."""
    many = [UUID(int=number) for number in range(1, FIRST + MOST + 3)]
    sweeping = Sweep()
    await desk.hand_in(
        [(key, received(MONDAY, ticket=f"{n:010d}A")) for n, key in enumerate(many)], now=MONDAY
    )
    await reached(desk, at("2026-11-06"), at("2026-11-06"))
    for so_far in (FIRST, FIRST + MOST, FIRST + MOST + 2):
        assert await sweeping.turn(desk) == 0.0
        assert (await said(desk)).count("verify breached") == so_far
    assert await sweeping.turn(desk) == IDLE_SECONDS
    assert await desk.pool.fetchval("SELECT min(next_due_at) FROM delivery.keys") > at("2026-11-06")


def test_it_sleeps_until_the_next_instant_and_no_longer() -> None:
    now = at("2026-11-04")
    assert wait_for(None, now) == IDLE_SECONDS
    assert wait_for(now + timedelta(days=1), now) == IDLE_SECONDS
    assert wait_for(now + timedelta(seconds=0.3), now) == pytest.approx(0.305)


def test_what_is_due_while_an_input_lags_is_looked_at_less_and_less_often() -> None:
    now = at("2026-11-04")
    waits = [wait_for(now - timedelta(seconds=ago), now) for ago in (0.005, 0.2, 0.6, 3600)]
    assert waits == [pytest.approx(0.02), pytest.approx(0.195), pytest.approx(0.595), IDLE_SECONDS]


async def test_one_complaint_that_cannot_be_worked_stops_no_other_and_does_not_spin(desk: Watch) -> None:
    other = UUID(int=2)
    await heard(desk, received(MONDAY), triage(MONDAY))
    await heard(desk, received(MONDAY, ticket="0000000002A"), key=other)
    await desk.pool.execute(
        "UPDATE complaints SET history = jsonb_set(history, '{received,edition}', '99') WHERE complaint_id = $1",
        KEY,
    )
    await reached(desk, at("2026-11-06"), at("2026-11-06"))
    await sweep(desk)
    assert (await said(desk)).count("verify breached") == 1
    again = await desk.pool.fetchval("SELECT next_due_at FROM delivery.keys WHERE key = $1", KEY)
    assert again == at("2026-11-06") + timedelta(minutes=10)


async def test_a_new_calendar_moves_what_runs(desk: Watch) -> None:
    await heard(desk, received(MONDAY), triage(MONDAY))
    assert await adopt(desk) > 1
    later = shipped()
    later["holidays"]["closed"] = [
        {"date": "2026-11-05", "name": "Pemilihan", "source": "made up", "certainty": "C"}
    ]
    async with desk.read() as connection:
        await load_documents(connection, later)
    await adopt(desk)
    assert (await said(desk))[-2:] == ["verify rescheduled", "resolution rescheduled"]
    assert await adopt(desk) > 1
    async with desk.read() as connection:
        watched = (await store.load_watched(connection, [KEY]))[KEY]
    assert watched.stated is not None
    assert watched.stated.clocks[0].due_at == end_of("2026-11-06")


async def test_state_said_again_after_a_stale_relay_is_a_later_version(desk: Watch) -> None:
    await heard(desk, received(MONDAY))
    assert await desk.say_again([KEY]) == 1
    versions = [
        json.loads(row[0])["version"]
        for row in await desk.pool.fetch(
            "SELECT value FROM delivery.said WHERE topic = 'sla.state' ORDER BY position"
        )
    ]
    assert versions == [1, 2]
    await heard(desk, triage(MONDAY))
    newest = await desk.pool.fetchval(
        "SELECT value FROM delivery.said WHERE topic = 'sla.state' ORDER BY position DESC LIMIT 1"
    )
    assert json.loads(newest)["version"] == 3
