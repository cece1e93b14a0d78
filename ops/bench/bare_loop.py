"""The hop's yardstick, a process: getmany → `model_validate_json` → one COPY into a table → commit the offsets.

What one would write without any of the hub's promises. Reads the same records again and again for some seconds, and
prints what it did as one line of JSON.
"""

import gc
import json
import os
import sys
import time

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from ops.bench.measuring import Meter, between
from shared.events.intake import ComplaintReceived

COLUMNS = ("complaint_id", "ticket", "title", "text", "category", "received_at")
MAKE = """
CREATE TABLE IF NOT EXISTS bare (
    complaint_id uuid NOT NULL, ticket text, title text, text text, category text, received_at timestamptz
)
"""


async def main(bootstrap: str, dsn: str, first: dict[str, int], seconds: float, pids: dict[str, int]) -> None:
    """Loop over `intake.events` from these offsets on; each pass to its end."""
    connection = await asyncpg.connect(dsn)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id="bench-bare", enable_auto_commit=False, max_poll_records=2000
    )
    await consumer.start()
    begin = {TopicPartition("intake.events", int(n)): offset for n, offset in first.items()}
    consumer.assign(list(begin))
    ends = await consumer.end_offsets(list(begin))
    events = sum(ends[tp] - offset for tp, offset in begin.items())
    await _pass(consumer, connection, begin, events)  # once unmeasured: caches and compilers are warm
    meter = Meter(pids | {"python": os.getpid()})
    used, began, passes = meter.read(), time.monotonic(), 0
    while time.monotonic() - began < seconds:
        await _pass(consumer, connection, begin, events)
        passes += 1
    took = time.monotonic() - began
    print(json.dumps({"events": passes * events, "seconds": took, "cpu": between(used, meter.read())}))
    await consumer.stop()
    await connection.close()


async def _pass(
    consumer: AIOKafkaConsumer,
    connection: "asyncpg.Connection[asyncpg.Record]",
    begin: dict[TopicPartition, int],
    events: int,
) -> None:
    for partition, offset in begin.items():
        consumer.seek(partition, offset)
    done = 0
    while done < events:
        batch = await consumer.getmany(timeout_ms=100, max_records=2000)
        rows = []
        for records in batch.values():
            for record in records:
                event = ComplaintReceived.model_validate_json(record.value)
                rows.append(
                    (
                        record.key.decode(),
                        event.ticket,
                        event.title,
                        event.text,
                        event.category_hint,
                        event.received_at,
                    )
                )
        if rows:
            await connection.copy_records_to_table("bare", columns=COLUMNS, records=rows)
            await consumer.commit()
        done += len(rows)


if __name__ == "__main__":
    gc.set_threshold(50_000, 20, 50)
    _, kafka, store, offsets, length, watched = sys.argv
    uvloop.run(main(kafka, store, json.loads(offsets), float(length), json.loads(watched)))
