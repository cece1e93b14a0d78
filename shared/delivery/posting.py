"""Posting submissions: straight to Kafka, not through `said`, because they may carry identity (DESIGN §3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.delivery import envelope
from shared.delivery.producer import Producer
from shared.delivery.reading import begun_trace
from shared.events.fact import Event


@dataclass(frozen=True, slots=True)
class _Post:
    topic: str
    record_key: bytes
    value: bytes
    headers: envelope.Headers


class Poster:
    """Posts on a topic that is not the service's own; its sender repeats until a receipt comes."""

    def __init__(self, brokers: Sequence[str], source: str) -> None:
        self._producer = Producer(brokers, f"{source}-poster")
        self._source = source

    async def post(self, events: Sequence[tuple[UUID, Event]], now: datetime) -> list[bool]:
        """Post these (complaint id, event known under an id); whether each was acknowledged."""
        return await self._producer.send([self._post(subject, event, now) for subject, event in events])

    def _post(self, subject: UUID, event: Event, now: datetime) -> _Post:
        key = event.record_key(subject)
        headers = envelope.headers(
            self._source,
            subject,
            event.topic,
            key,
            event.type,
            event.id,
            None,
            now,
            None,
            event.id,
            begun_trace(event.id),
        )
        return _Post(event.topic, key.encode(), event.write(), headers)

    async def close(self) -> None:
        await self._producer.close()
