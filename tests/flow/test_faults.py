"""Things die in the middle, and afterwards the counts are right."""

import asyncio
import itertools
import signal

import asyncpg
import httpx
import pytest

from tests.flow.world import LAMPS, VAGUE, Hub, complaint, reference, until

pytestmark = pytest.mark.flow

SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.15); RETURN NULL; END';
CREATE TRIGGER slow AFTER INSERT ON delivery.outbox FOR EACH STATEMENT EXECUTE FUNCTION slow();
"""
QUICK = "DROP TRIGGER slow ON delivery.outbox; DROP FUNCTION slow"


async def tell(hub: Hub, service: str, sql: str) -> None:
    """As PostgreSQL's superuser: a service's own role may change no table."""
    connection = await asyncpg.connect(hub.stack.database_dsn(service), timeout=10)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def post_until_taken(hub: Hub, body: dict[str, object]) -> str:
    """As a careful client does: the same reference again until there is an answer."""

    async def answered() -> str | None:
        answer = await hub.post(body)
        return answer.json()["ticket"] if answer.status_code in (200, 201) else None

    return await until(answered, 60, "intake to answer")


async def each_once(hub: Hub, tickets: list[str]) -> None:
    """Every complaint was said once by each owner, without gap or repeat, and rests where it should."""
    rows = await hub.query(
        "intake", "SELECT ticket, complaint_id FROM complaints WHERE ticket = ANY($1)", tickets
    )
    keys = {str(row["complaint_id"]) for row in rows}
    assert len(keys) == len(set(tickets)) == len(tickets)
    for topic in ("intake.events", "routing.events"):
        numbers: dict[str, list[int]] = {}
        ids: dict[str, set[str]] = {}
        for heard in await hub.read(topic):
            if heard.key in keys:
                numbers.setdefault(heard.key, []).append(int(heard.headers["ce_sequence"].partition(".")[2]))
                ids.setdefault(heard.key, set()).add(heard.headers["ce_id"])
        assert numbers.keys() == keys, topic
        for key, seen in numbers.items():
            first_seen = list(dict.fromkeys(seen))
            assert first_seen == list(range(1, len(first_seen) + 1)), (topic, key, seen)
            assert len(ids[key]) == len(first_seen)
    states = await hub.query(
        "routing", "SELECT state, count(*) FROM cases WHERE ticket = ANY($1) GROUP BY 1", tickets
    )
    assert sum(row["count"] for row in states) == len(tickets)
    for service in hub.services:
        assert (await hub.query(service, "SELECT count(*) FROM delivery.dead_letters"))[0][0] == 0
        assert (await hub.query(service, "SELECT count(*) FROM delivery.keys WHERE parked IS NOT NULL"))[0][
            0
        ] == 0


@pytest.mark.parametrize("service", ["intake", "routing"])
async def test_a_service_killed_in_mid_batch_loses_and_doubles_nothing(whole: Hub, service: str) -> None:
    hub = whole
    bodies = [complaint(LAMPS if n % 3 else VAGUE, reference=reference()) for n in range(60)]
    await tell(hub, service, SLOW)
    try:
        posting = asyncio.gather(*(post_until_taken(hub, body) for body in bodies))
        for _ in range(3):
            await asyncio.sleep(0.7)
            await hub.kill(service)
            await hub.stack.start([service])
        tickets = await posting
    finally:
        await tell(hub, service, QUICK)
    await hub.quiet()
    await each_once(hub, list(tickets))


async def test_kafka_and_postgres_restart_under_running_services(whole: Hub) -> None:
    hub = whole
    processes = {service: hub.stack.processes.find(service) for service in hub.services}
    bodies = [complaint(reference=reference()) for _ in range(40)]
    posting = asyncio.gather(*(post_until_taken(hub, body) for body in bodies))
    await hub.kill("kafka")
    await asyncio.sleep(1.0)
    await hub.kill("postgres")
    await asyncio.sleep(1.0)
    await hub.stack.start(["kafka", "postgres"])
    tickets = list(await posting)
    tickets.append(await hub.received())
    await hub.quiet(90)
    await each_once(hub, tickets)
    assert {service: hub.stack.processes.find(service) for service in hub.services} == processes
    for service in hub.services:
        assert (await hub.http.get(f"{hub.stack.url(service)}/ready")).status_code == 200


async def test_a_service_that_was_frozen_past_its_session_goes_on(whole: Hub) -> None:
    hub = whole
    hub.stack.kill("routing", signal.SIGSTOP)
    tickets = [await hub.received() for _ in range(10)]
    await asyncio.sleep(12)
    hub.stack.kill("routing", signal.SIGCONT)
    await hub.quiet()
    await each_once(hub, tickets)


async def test_a_graceful_stop_finishes_and_publishes_what_it_began(whole: Hub) -> None:
    hub = whole
    tickets = await asyncio.gather(*(hub.received() for _ in range(30)))
    await hub.stack.stop(["routing"])
    log = hub.stack.places.log("routing").read_text()
    assert '"everything_published": true' in log.splitlines()[-1]
    assert (await hub.query("routing", "SELECT count(*) FROM delivery.outbox"))[0][0] == 0
    await hub.stack.start(["routing"])
    await hub.quiet()
    await each_once(hub, list(tickets))


async def test_two_replicas_share_the_work(whole: Hub) -> None:
    hub = whole
    await hub.stack.start(["routing.1", "intake.1"])
    try:
        await asyncio.sleep(3)
        doors = itertools.cycle([hub.stack.url("intake"), hub.stack.url("intake.1")])
        bodies = [complaint(reference=reference()) for _ in range(80)]
        answers = await asyncio.gather(
            *(
                hub.http.post(f"{next(doors)}/v1/complaints", json=body, headers=hub.key("publisher"))
                for body in bodies
            )
        )
        await hub.quiet()
        await each_once(hub, [answer.json()["ticket"] for answer in answers])
        applied = [
            await counted(hub, part, 'simpul_records_total{outcome="applied"}')
            for part in ("routing", "routing.1")
        ]
        assert min(applied) > 0, applied
    finally:
        await hub.stack.stop(["routing.1", "intake.1"])


async def counted(hub: Hub, part: str, metric: str) -> float:
    text = (await hub.http.get(f"{hub.stack.url(part)}/metrics")).text
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(metric))


async def test_a_health_door_stays_open_while_the_store_is_away(whole: Hub) -> None:
    hub = whole
    await hub.kill("postgres")
    try:
        async with asyncio.timeout(15):
            while (await hub.http.get(f"{hub.stack.url('routing')}/ready")).status_code == 200:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        assert (await hub.http.get(f"{hub.stack.url('routing')}/live")).status_code == 200
        refused = await hub.post(complaint(reference=reference()))
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
    except httpx.TransportError as gone:
        raise AssertionError("a service died with its store") from gone
    finally:
        await hub.stack.start(["postgres"])
