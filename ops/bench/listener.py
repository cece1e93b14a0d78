"""Listens to what the hub says, as a process: when each complaint was first routed, and its clocks first stated.

Reads from the ends on until so many complaints have their clocks, or for some seconds. Prints when it listens, then
one line of JSON: by complaint, the instants (`time.time`).
"""

import json
import sys
import time

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.events.routing import ComplaintRouted
from shared.events.sla import ClockBreached

TOPICS = ("routing.events", "sla.state", "sla.events")


async def main(bootstrap: str, count: int, seconds: float, what: str) -> dict[str, dict[str, float]]:
    """`what`: routed and stated, or breached."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    topics = TOPICS[:2] if what == "chain" else TOPICS[2:]
    places = []
    for topic in topics:
        await consumer._client.add_topic(topic)
        places += [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
    consumer.assign(places)
    await consumer.seek_to_end(*places)
    for place in places:
        await consumer.position(place)
    print("listening", flush=True)
    found: dict[str, dict[str, float]] = {"routed": {}, "stated": {}, "breached": {}, "times": {}}
    last = found["stated" if what == "chain" else "breached"]
    until = time.monotonic() + seconds
    while len(last) < count and time.monotonic() < until:
        batch = await consumer.getmany(timeout_ms=100, max_records=5000)
        now = time.time()
        for place, records in batch.items():
            for record in records:
                key = (record.key or b"").decode()
                if place.topic == "sla.state":
                    found["stated"].setdefault(key, now)
                    continue
                told = {name: value.decode() for name, value in record.headers}
                kind = told["ce_type"]
                if kind == ComplaintRouted.type:
                    found["routed"].setdefault(key, now)
                elif kind == ClockBreached.type:
                    found["breached"].setdefault(key, now)
                    found["times"][told["ce_id"]] = found["times"].get(told["ce_id"], 0) + 1
    await consumer.stop()
    return found


if __name__ == "__main__":
    _, kafka, wanted, patience, of = sys.argv
    print(json.dumps(uvloop.run(main(kafka, int(wanted), float(patience), of))))
