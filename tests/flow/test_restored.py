"""A store restored from a backup while Kafka is ahead: what comes back, what does not, and that all go on."""

import json
from collections import Counter

import asyncpg
import pytest

from ops.refusal import Refusal
from ops.restored import Restored, restore
from ops.stack import postgres
from shared import audit
from shared.delivery import restoring
from tests.flow.world import LAMPS, Hub, complaint, reference, until

pytestmark = [pytest.mark.flow, pytest.mark.own_hub]
SARI = audit.Operator("sari")


async def copied(hub: Hub, service: str, copy: str) -> None:
    """A copy of a store, made while its service was off for a moment."""
    connection = await asyncpg.connect(hub.stack.database_dsn("postgres"))
    try:
        await connection.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{service}"')
    finally:
        await connection.close()


async def backed_up(hub: Hub, service: str) -> None:
    await hub.stack.stop([service])
    await copied(hub, service, f"{service}_backup")
    await hub.stack.start([service])


async def put_back(hub: Hub, service: str) -> Restored:
    """The store is lost; its backup takes its place; and the operator says so."""
    await hub.stack.stop([service])
    address = hub.stack.database_dsn("postgres")
    await postgres.drop_database(address, service)
    await copied(hub, f"{service}_backup", service)
    await postgres.drop_database(address, f"{service}_backup")
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(f'ALTER DATABASE "{service}" OWNER TO "{service}_owner"')
        await connection.execute(f'GRANT CONNECT ON DATABASE "{service}" TO "{service}"')
    finally:
        await connection.close()
    done = await restore(hub.stack, service, SARI, "its disk died")
    await hub.stack.start([service])
    await hub.quiet(90)
    return done


async def left(hub: Hub, service: str) -> Counter[str]:
    """The types of what the restored store still does not know that it said."""
    connection = await asyncpg.connect(hub.stack.dsn(service))
    try:
        return Counter(one.type.split(".")[-2] for one in await restoring.still_unknown(connection))
    finally:
        await connection.close()


async def answered(hub: Hub, ticket: str) -> None:
    await hub.in_state(ticket, "routed")
    assert (await hub.act(ticket, "accept", "opd:PERKIM")).status_code == 200
    assert (await hub.act(ticket, "answer", "opd:PERKIM", text="Sudah diperbaiki.")).status_code == 200


async def codes(hub: Hub, ticket: str) -> Counter[str]:
    """How often each step stands on the public timeline."""
    return Counter(step["code"] for step in (await hub.public(ticket))["timeline"])


async def standing(hub: Hub) -> dict[str, object]:
    """What the monitor knows and has told of each complaint, but for when it first looked."""
    rows = await hub.query("sla_monitor", "SELECT ticket, history, told FROM complaints")
    found: dict[str, object] = {}
    for ticket, history, told in rows:
        runs = json.loads(told)
        for run in runs["runs"]:
            run.pop("seen_at", None)
        found[ticket] = (json.loads(history), runs)
    return found


async def each_once(hub: Hub, ticket: str, topic: str) -> None:
    """Nothing about this complaint was published a second time."""
    ids = [heard.headers["ce_id"] for heard in await hub.about(ticket, topic)]
    assert len(ids) == len(set(ids))


async def nothing_is_stuck(hub: Hub) -> None:
    for service in hub.services:
        assert (await hub.query(service, "SELECT count(*) FROM delivery.dead_letters"))[0][0] == 0
        assert not await hub.query(service, "SELECT FROM delivery.keys WHERE parked IS NOT NULL")


async def test_routing_restored_routes_again_without_a_second_word_and_tells_which_acts_are_lost(
    another: Hub,
) -> None:
    hub = another
    old = await hub.received(LAMPS)
    await hub.in_state(old, "routed")
    await hub.quiet()
    await backed_up(hub, "routing")
    new, unworked = await hub.received(LAMPS), await hub.received(LAMPS)
    await answered(hub, old)
    await answered(hub, new)
    await hub.in_state(unworked, "routed")
    await hub.quiet()
    timelines = {ticket: await codes(hub, ticket) for ticket in (old, new, unworked)}
    clocks = await hub.query("sla_monitor", "SELECT ticket, told::text FROM complaints ORDER BY 1")

    with pytest.raises(Refusal, match="stop it first"):
        await restore(hub.stack, "routing", SARI, "too early")
    done = await put_back(hub, "routing")

    assert done.epoch == 2
    assert {ticket: (await hub.in_state(ticket, "routed"))["opd"] for ticket in (old, new, unworked)}
    assert {ticket: await codes(hub, ticket) for ticket in timelines} == timelines
    assert await hub.query("sla_monitor", "SELECT ticket, told::text FROM complaints ORDER BY 1") == clocks
    assert await left(hub, "routing") == {"accepted": 2, "answered": 2}
    for ticket in timelines:
        await each_once(hub, ticket, "routing.events")

    await answered(hub, new)  # somebody does it again, under the new epoch
    await hub.quiet()
    assert (await codes(hub, new))["answered"] == 2
    assert [heard.headers["ce_sequence"] for heard in await hub.about(new, "routing.events")][-2:] == [
        "2.1",
        "2.2",
    ]
    await nothing_is_stuck(hub)


async def test_intake_restored_has_what_came_by_kafka_and_lacks_what_came_by_http(another: Hub) -> None:
    hub = another
    old = await hub.received(LAMPS)
    await hub.in_state(old, "routed")
    await hub.quiet()
    await backed_up(hub, "intake")
    by_kafka, body = reference(), complaint(LAMPS, reference=reference())
    await hub.submit(complaint(LAMPS, reference=by_kafka))
    by_http = (await hub.post(body)).json()["ticket"]
    await hub.in_state(by_http, "routed")

    async def taken() -> str | None:
        rows = await hub.query("intake", "SELECT ticket FROM complaints WHERE reference = $1", by_kafka)
        return rows[0][0] if rows else None

    ticket = await until(taken, 20, "the submission to be taken in")
    await hub.in_state(ticket, "routed")
    await answered(hub, by_http)
    await hub.quiet()

    await put_back(hub, "intake")

    assert await until(taken, 20, "the submission to be taken in again") == ticket
    assert (await codes(hub, ticket))["routed"] == 1
    answer = await hub.http.get(f"{hub.stack.url('intake')}/v1/complaints/{by_http}")
    assert answer.status_code == 404
    assert (await left(hub, "intake"))["received"] == 1
    again = await hub.post(
        body
    )  # its publisher has no 200 for a repeat: it is taken in, as the same complaint
    assert (again.status_code, again.json()["ticket"]) == (201, by_http)
    await hub.quiet()
    assert (await codes(hub, by_http))["answered"] == 1
    assert (await hub.case(by_http) or {})["state"] == "answered"
    await nothing_is_stuck(hub)


async def test_the_monitor_restored_ends_as_it_was(another: Hub) -> None:
    hub = another
    old = await hub.received(LAMPS)
    await hub.in_state(old, "routed")
    await hub.quiet()
    await backed_up(hub, "sla_monitor")
    new = await hub.received(LAMPS)
    await answered(hub, old)
    await answered(hub, new)
    await hub.quiet()
    clocks = await standing(hub)
    assert clocks

    await put_back(hub, "sla_monitor")

    async def as_it_was() -> bool:
        return await standing(hub) == clocks

    await until(as_it_was, 30, "the clocks to stand as before")
    assert await left(hub, "sla_monitor") == {}
    for ticket in (old, new):
        await each_once(hub, ticket, "sla.events")
    stated = {one.key: one.data for one in await hub.read("sla.state")}
    assert {
        row[0] for row in await hub.query("sla_monitor", "SELECT complaint_id::text FROM complaints")
    } == set(stated)
    await nothing_is_stuck(hub)
