"""Whether a hub in containers adds up after all that was done to it: stores, Kafka and LAPOR, each read by itself."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.containers.engine import SERVICES
from tests.containers.traffic import Traffic
from tests.containers.world import Town, until
from tests.flow.world import HEARD

OWNERS = {
    "intake": "intake.events",
    "routing": "routing.events",
    "lapor_bridge": "lapor.events",
    "sla_monitor": "sla.events",
}
COLUMNS = {
    "intake.events": "intake",
    "routing.events": "routing",
    "lapor.events": "lapor",
    "sla.events": "sla",
}
EPOCH = 10**12

FRAME = """
    'outbox', (SELECT count(*) FROM delivery.outbox),
    'dead', (SELECT count(*) FROM delivery.dead_letters),
    'parked', (SELECT count(*) FROM delivery.keys WHERE parked IS NOT NULL),
    'said', (SELECT json_agg(json_build_array(topic, key, sequence)) FROM delivery.said WHERE sequence IS NOT NULL),
    'heard', (SELECT json_object_agg(key, json_build_object('intake', heard_intake, 'routing', heard_routing,
        'lapor', heard_lapor, 'sla', heard_sla)) FROM delivery.keys)"""
OWN = {
    "intake": "'complaints', (SELECT json_agg(json_build_array(source || ':' || reference, ticket, complaint_id))"
    " FROM complaints)",
    "routing": "'cases', (SELECT json_object_agg(complaint_id, state) FROM cases)",
    "lapor_bridge": "'links', (SELECT json_object_agg(complaint_id, lapor_id) FROM links WHERE linked)",
    "sla_monitor": "'clocks', (SELECT json_object_agg(complaint_id, history::text LIKE '%answered%') FROM complaints)",
}

ON_KAFKA = """
import asyncio, json
from aiokafka import AIOKafkaConsumer, TopicPartition
TOPICS = ["intake.events", "routing.events", "lapor.events", "sla.events"]
async def main():
    async with AIOKafkaConsumer(*TOPICS, bootstrap_servers="kafka:9092", auto_offset_reset="earliest") as consumer:
        while not consumer.assignment():
            await asyncio.sleep(0.05)
        ends = await consumer.end_offsets(consumer.assignment())
        heard = []
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    told = dict(record.headers)
                    number, name = told["ce_sequence"].decode(), told["ce_id"].decode()
                    heard.append([record.topic, record.key.decode(), number, name])
        print(json.dumps(heard))
asyncio.run(main())
"""


def stores(town: Town) -> dict[str, dict[str, Any]]:
    """What each service's store says of itself, in one look."""
    asked = "".join(f"\\c {one}\nSELECT json_build_object({FRAME}, {OWN[one]});\n" for one in SERVICES)
    told = town.compose.do(
        "exec", "-T", "postgres", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", stdin=asked
    )
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    return dict(zip(SERVICES, lines, strict=True))


def on_kafka(town: Town) -> list[tuple[str, str, int, str]]:
    """Topic, complaint, number and id of every event that stands on an owner's topic, in each complaint's order."""
    told = town.compose.do("run", "--rm", "-T", "--entrypoint", "python", "ops", "-c", ON_KAFKA)
    (line,) = [line for line in told.splitlines() if line.startswith("[")]
    return [
        (topic, key, int(epoch) * EPOCH + int(n), name)
        for topic, key, number, name in json.loads(line)
        for epoch, n in [number.split(".")]
    ]


def adds_up(town: Town, *traffics: Traffic, seconds: float = 150) -> None:
    """All that was acknowledged is there once and has gone the whole way; nothing waits, nothing is missing."""
    found: list[str] = []

    def quiet() -> bool:
        found[:] = [*wrong(stores(town), *traffics), *_in_lapor(town)]
        return not found

    try:
        until(quiet, seconds, "the hub to add up")
    except AssertionError:
        raise AssertionError(f"after {seconds} s: {found[:20]}") from None
    heard, said = on_kafka(town), stores(town)
    assert [*_inverted(heard)] == []
    for owner, topic in OWNERS.items():
        numbers = {(key, number) for name, key, number, _ in heard if name == topic}
        assert numbers == {
            (key, number) for name, key, number in said[owner]["said"] or () if name == topic
        }, topic


def wrong(said: Mapping[str, Mapping[str, Any]], *traffics: Traffic) -> Iterator[str]:
    """What does not add up, in words."""
    for service, store in said.items():
        for what in ("outbox", "dead", "parked"):
            if store[what]:
                yield f"{service}: {what} {store[what]}"
        yield from _gaps(service, store)
        yield from _unheard(service, said)
    complaints = said["intake"]["complaints"] or ()
    known = {reference: ticket for reference, ticket, _ in complaints}
    ids = {ticket: key for _, ticket, key in complaints}
    if len(known) < len(complaints):
        yield f"{len(complaints)} complaints have {len(known)} names"
    for traffic in traffics:
        for reference, ticket in traffic.tickets.items():
            if known.get(reference) != ticket:
                yield f"{reference} was given {ticket} and is {known.get(reference)}"
            elif lacking := [*_not_gone(ids[ticket], said)]:
                yield f"{ticket} has not come to {lacking}"
        for ticket in traffic.worked:
            state, clock = (
                said["routing"]["cases"].get(ids.get(ticket)),
                said["sla_monitor"]["clocks"].get(ids.get(ticket)),
            )
            if state != "answered" or not clock:
                yield f"{ticket} was answered; its case is {state}, its clocks say {clock}"


def _not_gone(key: str, said: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if (said["routing"]["cases"] or {}).get(key) not in ("routed", "in_work", "answered"):
        yield "routing"
    if key not in (said["sla_monitor"]["clocks"] or {}):
        yield "sla_monitor"
    if key not in (said["lapor_bridge"]["links"] or {}):
        yield "lapor_bridge"


def _gaps(service: str, store: Mapping[str, Any]) -> Iterator[str]:
    """Numbers that an owner left out, per complaint and epoch."""
    numbers: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for topic, key, number in store["said"] or ():
        numbers[topic, key, number // EPOCH].append(number % EPOCH)
    for (topic, key, _), given in numbers.items():
        if sorted(given) != list(range(1, len(given) + 1)):
            yield f"{service} said {sorted(given)} of {key} on {topic}"


def _unheard(service: str, said: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What others said and this one has not heard."""
    heard = said[service]["heard"] or {}
    for owner, topic in OWNERS.items():
        if topic not in HEARD[service]:
            continue
        last: dict[str, int] = defaultdict(int)
        for name, key, number in said[owner]["said"] or ():
            if name == topic:
                last[key] = max(last[key], number)
        for key, number in last.items():
            if (known := heard.get(key, {}).get(COLUMNS[topic], 0)) != number:
                yield f"{service} has heard {known} of {key} from {owner}, which said {number}"


def _in_lapor(town: Town) -> Iterator[str]:
    counters = town.http.get(f"{town.url('simulator')}/control/counters").json()
    for what in ("same_report_created_twice", "same_item_written_twice"):
        if counters[what]:
            yield f"LAPOR: {what} {counters[what]}"


def _inverted(heard: list[tuple[str, str, int, str]]) -> Iterator[str]:
    """Numbers that come on Kafka before one that they follow. A repeat may come at any time."""
    last: dict[tuple[str, str], int] = defaultdict(int)
    for topic, key, number, _ in heard:
        before = last[topic, key]
        fresh_epoch = number % EPOCH == 1 and number // EPOCH > before // EPOCH
        if number > before + 1 and not fresh_epoch:
            yield f"{topic} of {key}: {number} after {before}"
        last[topic, key] = max(before, number)
