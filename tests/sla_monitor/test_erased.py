"""An erased complaint's statement ends in a null for good; its clocks go on."""

import pytest

from services.sla_monitor import store
from services.sla_monitor.domain.statement import ClocksErased
from shared.events.fact import Event
from shared.events.intake import ComplaintErased
from shared.events.parts import By
from shared.events.sla import ClockMet, ClocksStated
from shared.events.words import Scope
from tests.conftest import MakeStore
from tests.sla_monitor.test_store import keep
from tests.sla_monitor.world import KEY, Monitor, answered, at, classified, fact_id, received, replied, routed

MONDAY = at("2026-11-02")


def erased(scope: Scope = "complaint") -> ComplaintErased:
    by = By(kind="person", name="admin")
    return ComplaintErased(at=MONDAY, scope=scope, by=by).known_as(fact_id(f"erased {scope}"))


def a_watched_one() -> Monitor:
    monitor = Monitor()
    monitor.hears(received(MONDAY), classified(MONDAY), routed(MONDAY))
    return monitor


def said_of(monitor: Monitor, *facts: Event) -> list[type[Event]]:
    before = len(monitor.said)
    monitor.hears(*facts)
    return [type(event) for event in monitor.said[before:]]


def test_its_statement_ends_in_a_record_without_a_value_once() -> None:
    monitor = a_watched_one()
    assert said_of(monitor, erased()) == [ClocksErased]
    assert said_of(monitor, erased()) == []
    assert ClocksErased.is_tombstone
    assert ClocksErased.topic == ClocksStated.topic


def test_no_later_fact_states_its_clocks_again_and_they_go_on() -> None:
    monitor = a_watched_one()
    monitor.hears(erased())
    said = said_of(monitor, answered(at("2026-11-03")), replied(at("2026-11-04")))
    assert ClockMet in said
    assert ClocksStated not in said


def test_with_scope_identity_the_statement_stays() -> None:
    monitor = a_watched_one()
    assert said_of(monitor, erased("identity")) == []
    assert ClocksStated in said_of(monitor, answered(at("2026-11-03")))


@pytest.mark.store
async def test_whoever_asks_for_its_statement_again_is_given_its_end(store_of: MakeStore) -> None:
    monitor = a_watched_one()
    monitor.hears(erased())
    pool = await store_of("sla_monitor")
    await keep(pool, monitor.watched)
    async with pool.acquire() as connection:
        [(key, again)] = await store.restate(connection, [KEY])
    assert key == KEY
    assert isinstance(again, ClocksErased)
