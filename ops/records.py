"""Reading topics from one end to the other."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from ops import topics


async def all_records(
    bootstrap: str, names: Sequence[str], since: datetime | None = None
) -> AsyncIterator[Sequence[ConsumerRecord]]:
    """All records of these topics from `since` (else the earliest) up to their present ends, in portions of one
    partition in order."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap.split(","),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 * 2**20,
    )
    await reader.start()
    try:
        places = partitions_of(names)
        reader.assign(places)
        ends = await reader.end_offsets(places)
        begins = await reader.beginning_offsets(places)
        if since is not None:
            asked = await reader.offsets_for_times({place: int(since.timestamp() * 1000) for place in places})
            begins = {place: found.offset if found else ends[place] for place, found in asked.items()}
        for place, offset in begins.items():
            reader.seek(place, offset)
        while any([await reader.position(place) < ends[place] for place in places]):
            found = await reader.getmany(timeout_ms=500, max_records=2000)
            for place, records in found.items():
                yield [record for record in records if record.offset < ends[place]]
    finally:
        await reader.stop()


def partitions_of(names: Sequence[str]) -> list[TopicPartition]:
    """Every partition of these topics, as deploy/topics.yaml counts them."""
    counts = {name: topic.partitions for name, topic in topics.read().items()}
    return [TopicPartition(name, n) for name in names for n in range(counts[name])]
