"""The whole hub as processes, and an outside system that speaks with it by HTTP and by Kafka."""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from ops import quiet
from ops.stack.stack import Stack
from shared.delivery import envelope, sequence
from shared.events.intake import CitizenReplied

HEARD = {
    "intake": ("intake.submissions", "routing.events", "lapor.events"),
    "routing": ("intake.events", "lapor.events", "opd.updates", "sla.events"),
    "lapor_bridge": ("intake.events", "intake.receipts", "routing.events"),
    "sla_monitor": ("intake.events", "routing.events"),
}
"""Which topics each service hears; deploy/topics.yaml says the same, and a contract test holds both."""

LAMPS = ("Lampu jalan mati di depan pasar", "Sudah seminggu lampu jalan di depan pasar padam, gelap sekali.")
"""A complaint whose owner the rules know for certain."""
VAGUE = ("Mohon bantuan", "Tolong ditindaklanjuti, terima kasih banyak sebelumnya.")
"""One that nobody could route by its text."""

AT = datetime(2026, 11, 2, 3, tzinfo=UTC)
"""When things happened that these tests make up."""

Got = TypeVar("Got")
_references = itertools.count(1)


@dataclass(frozen=True)
class Heard:
    """A record as an outside consumer sees it."""

    topic: str
    key: str
    headers: Mapping[str, str]
    data: Any

    @property
    def type(self) -> str:
        return self.headers["ce_type"].removeprefix("simpul.").removesuffix(".v1")


def reference() -> str:
    """A name that no other complaint of this run has."""
    return f"r-{next(_references)}-{uuid4().hex[:8]}"


def complaint(words: tuple[str, str] = LAMPS, **more: Any) -> dict[str, Any]:
    """The body of a complaint as a channel's system sends it."""
    title, text = words
    reported_at = datetime.now(UTC) - timedelta(minutes=5)  # noqa: TID251 — an outside system's clock
    return {"channel": "app", "title": title, "text": text, "reported_at": reported_at.isoformat(), **more}


class Hub:
    """One running hub and the keys to it."""

    def __init__(self, stack: Stack, services: Sequence[str]) -> None:
        self.stack = stack
        self.services = list(services)
        self.http = httpx.AsyncClient(timeout=20)
        self._producer: AIOKafkaProducer | None = None

    def key(self, role: str) -> dict[str, str]:
        """The header that opens a door for `role`."""
        keys = json.loads(self.stack.places.trial_keys.read_text())
        return {"Authorization": f"Bearer {keys[role]}"}

    # by HTTP

    async def post(self, body: Mapping[str, Any]) -> httpx.Response:
        """Hand a complaint to intake."""
        return await self.http.post(
            f"{self.stack.url('intake')}/v1/complaints", json=body, headers=self.key("publisher")
        )

    async def received(self, words: tuple[str, str] = LAMPS, **more: Any) -> str:
        """The ticket of a new complaint."""
        answer = await self.post(complaint(words, reference=reference(), **more))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["ticket"])

    async def case(self, ticket: str) -> dict[str, Any] | None:
        """The case as a verifier sees it; None where routing does not know it yet."""
        answer = await self.http.get(
            f"{self.stack.url('routing')}/v1/cases/{ticket}", headers=self.key("verifier")
        )
        return answer.json() if answer.status_code == 200 else None

    async def public(self, ticket: str) -> dict[str, Any]:
        """What anybody sees."""
        answer = await self.http.get(f"{self.stack.url('intake')}/v1/complaints/{ticket}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def act(self, ticket: str, act: str, role: str = "verifier", **body: Any) -> httpx.Response:
        """Do something about a case."""
        return await self.http.post(
            f"{self.stack.url('routing')}/v1/cases/{ticket}/{act}", json=body, headers=self.key(role)
        )

    async def in_state(self, ticket: str, state: str, seconds: float = 20) -> dict[str, Any]:
        """The case once it is in that state."""

        async def there() -> dict[str, Any] | None:
            case = await self.case(ticket)
            return case if case and case["state"] == state else None

        return await until(there, seconds, f"{ticket} to be {state}")

    # by Kafka

    async def produce(
        self,
        topic: str,
        key: str | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> None:
        """One record, as any client would write it."""
        if self._producer is None:
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self.stack.bootstrap, acks="all", max_request_size=4 * 2**20
            )
            await self._producer.start()
        await self._producer.send_and_wait(
            topic, value, key.encode() if key else None, headers=list(headers), partition=partition
        )

    async def submit(self, body: Mapping[str, Any], source: str = "warga") -> None:
        """Publish a complaint on intake.submissions, without any header."""
        whole = {"source": source, **body}
        await self.produce("intake.submissions", f"{source}:{body['reference']}", json.dumps(whole).encode())

    async def read(self, topic: str) -> list[Heard]:
        """Everything that stands on a topic now."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.stack.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            await consumer._client.force_metadata_update()
            partitions = consumer.partitions_for_topic(topic) or await _partitions(consumer, topic)
            places = [TopicPartition(topic, n) for n in sorted(partitions)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            found: list[Heard] = []
            for place in places:
                await consumer.seek_to_beginning(place)
            while any([await consumer.position(place) < ends[place] for place in places]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [_heard(record) for record in records]
            return found
        finally:
            await consumer.stop()

    async def key_of(self, ticket: str) -> str:
        """The complaint id behind a ticket."""
        rows = await self.query("intake", "SELECT complaint_id FROM complaints WHERE ticket = $1", ticket)
        return str(rows[0][0])

    async def about(self, ticket: str, topic: str) -> list[Heard]:
        """What one owner said about one complaint, in order."""
        key = await self.key_of(ticket)
        return [heard for heard in await self.read(topic) if heard.key == key]

    # inside

    async def query(self, service: str, sql: str, *values: Any) -> list[asyncpg.Record]:
        """A look into a service's store."""
        connection = await asyncpg.connect(self.stack.dsn(service), timeout=10)
        try:
            found: list[asyncpg.Record] = await connection.fetch(sql, *values)
            return found
        finally:
            await connection.close()

    async def quiet(self, seconds: float = 60) -> None:
        """Wait until nothing is left to do anywhere."""
        still = await quiet.until_quiet(
            self.stack.bootstrap,
            {service: self.stack.dsn(service) for service in self.services},
            {service: HEARD[service] for service in self.services},
            seconds,
        )
        assert not still, still

    async def kill(self, part: str) -> None:
        """kill -9, and it is gone."""
        self.stack.kill(part)
        assert await self.stack.processes.ended(part, 10), part

    async def close(self) -> None:
        await self.http.aclose()
        if self._producer is not None:
            await self._producer.stop()


def spoken_by_intake(key: str, number: str, **spoilt: bytes) -> list[tuple[str, bytes]]:
    """The headers that intake would write on a citizen's reply, with some of them spoilt."""
    event_id = uuid4()
    made = envelope.headers(
        "intake", UUID(key), "intake.events", key, CitizenReplied.type, event_id, sequence.parse(number), AT,
        None, event_id, "",
    )  # fmt: skip
    return [(name, spoilt.get(name, value)) for name, value in made]


async def until(look: Callable[[], Awaitable[Got | None]], seconds: float, what: str) -> Got:
    """Look again and again until there is something; AssertionError naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = await look()
        except (httpx.TransportError, OSError, asyncpg.PostgresError):
            found = None
        if found:
            return found
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        await asyncio.sleep(0.1)


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.add_topic(topic)
    return set(consumer.partitions_for_topic(topic) or ())


def _heard(record: Any) -> Heard:
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    try:
        data = json.loads(record.value) if record.value else None
    except ValueError:
        data = None
    return Heard(record.topic, (record.key or b"").decode(), headers, data)
