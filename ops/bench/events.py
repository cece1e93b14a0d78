"""What is sent while it is measured: synthetic complaints of 0.6 KB, each the first fact about its complaint."""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import lru_cache
from uuid import UUID, uuid5

from aiokafka import AIOKafkaProducer

from shared import clock
from shared.delivery import envelope, sequence
from shared.delivery.reading import begun_trace
from shared.events.ids import SIMPUL, complaint_id
from shared.events.intake import ComplaintReceived
from simulators.complaints.live import live

BYTES = 600
"""Of one event, about."""

TEXTS = 400
"""Different texts; they come again and again."""


@lru_cache(maxsize=1)
def texts() -> Sequence[tuple[str, str, str | None]]:
    """Title, text and category of synthetic complaints."""
    found = live(1571, TEXTS, clock.now())
    told = [one.as_json() for one in found]
    return [
        (str(one.get("title") or one["text"])[:80], str(one["text"])[:170], _text(one.get("category")))
        for one in told
    ]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def received(
    run: str, numbers: range, ago: timedelta = timedelta()
) -> Iterator[tuple[UUID, ComplaintReceived]]:
    """Complaints as intake tells of them, one for each number of this run; received so long ago."""
    now = clock.now() - ago
    for n, (title, text, category) in zip(numbers, itertools.cycle(texts()), strict=False):
        reference = f"{run}-{n:07d}"
        yield (
            complaint_id("bench", reference),
            ComplaintReceived(
                at=now,
                ticket=_ticket(run, n),
                source="bench",
                reference=reference,
                channel="app",
                reported_at=now - timedelta(minutes=5),
                received_at=now,
                title=title,
                text=text,
                category_hint=category,
                anonymous=False,
                confidential=False,
                forward=False,
                reporter="0" * 32,
            ),
        )


_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _ticket(run: str, n: int) -> str:
    """Eleven characters that no other complaint of the bench has; it is nobody's to type in."""
    number = uuid5(SIMPUL, f"bench:{run}:{n}").int
    return "".join(_LETTERS[number >> 5 * place & 31] for place in range(11))


def headers(key: UUID, event: ComplaintReceived) -> envelope.Headers:
    """As intake's relay would write them."""
    this = uuid5(SIMPUL, f"bench:{key}")
    return envelope.headers(
        "intake",
        key,
        event.topic,
        str(key),
        event.type,
        this,
        sequence.following(0, 1),
        event.received_at,
        this,
        this,
        begun_trace(this),
    )


async def publish(bootstrap: str, run: str, count: int, first: int = 0, ago: timedelta = timedelta()) -> int:
    """Write these to `intake.events`; how many bytes an event has in the middle."""
    sizes = 0
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        acks="all",
        compression_type="lz4",
        max_batch_size=262_144,
    ) as producer:
        for begin in range(first, first + count, 4000):
            sent = []
            for key, event in received(run, range(begin, min(begin + 4000, first + count)), ago):
                value = event.write()
                sizes += len(value)
                sent.append(
                    await producer.send(event.topic, value, str(key).encode(), headers=headers(key, event))
                )
            await asyncio.gather(*sent)
    return sizes // count
