"""The doors of the hub and of LAPOR as an outside system finds them: HTTP with keys, a raw Kafka client.

Patient: whatever is killed meanwhile, a request is made again under the same name until it is answered.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from ops.demo.script import Delivery
from ops.refusal import Refusal
from ops.stack.parts import SIMULATOR
from ops.stack.stack import Stack

PATIENCE = 150.0
"""Seconds for which one request is tried: longer than everything takes that is killed to come back."""

AT_ONCE = 8

Json = Mapping[str, Any]


class Answer(NamedTuple):
    """A final answer: not a lost connection, not a 5xx or 429. `body` is its JSON, or its bytes."""

    status: int
    body: Any


class Doors:
    """Open doors to one hub; an asynchronous context manager. `keys` are bearer keys by who holds them."""

    def __init__(self, stack: Stack, keys: Mapping[str, str]) -> None:
        self._stack = stack
        self._keys = keys
        self._http = httpx.AsyncClient(timeout=20, trust_env=False)
        self._producer: AIOKafkaProducer | None = None
        self._produces_to = ""
        self._one_at_a_time = asyncio.Lock()
        self._room = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()
        await self._let_go()

    # citizens' channels

    async def hand_in(self, delivery: Delivery) -> Answer | None:
        """Hand a submission in; the answer by HTTP, None by Kafka, where a receipt will come."""
        if delivery.door == "http":
            body = {name: value for name, value in delivery.body.items() if name != "source"}
            return await self.ask("POST", "intake", "/v1/complaints", delivery.source, json=body)
        await self._produce(f"{delivery.source}:{delivery.reference}", json.dumps(delivery.body).encode())
        return None

    async def _produce(self, key: str, value: bytes) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                async with self._one_at_a_time, asyncio.timeout(15):
                    if self._produces_to != self._stack.bootstrap:  # killed, it may have had to move
                        await self._let_go()
                    if self._producer is None:
                        self._produces_to = self._stack.bootstrap
                        self._producer = AIOKafkaProducer(
                            bootstrap_servers=self._produces_to, acks="all", request_timeout_ms=10_000
                        )
                        await self._producer.start()
                    await self._producer.send_and_wait("intake.submissions", value, key.encode())
                    return
            except (KafkaError, OSError, TimeoutError) as error:
                _give_up_after(until, f"Kafka took no submission ({type(error).__name__})")
            async with self._one_at_a_time:
                await self._let_go()
            await asyncio.sleep(0.5)

    async def _let_go(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(5):
                    await producer.stop()
            except (KafkaError, OSError, TimeoutError):
                return

    # officials

    async def act(self, ticket: str, name: str, body: Json, holder: str, key: str) -> Answer:
        """Act on a case; the same `key` again does nothing more."""
        headers = {"Idempotency-Key": key}
        return await self.ask(
            "POST", "routing", f"/v1/cases/{ticket}/{name}", holder, json=dict(body), headers=headers
        )

    async def pages(self, path: str, holder: str, **query: str) -> list[Json]:
        """All cases of a list of routing's."""
        found: list[Json] = []
        after: str | None = ""
        while after is not None:
            asked = {**query, "limit": "200", **({"after": after} if after else {})}
            answer = await self.ask("GET", "routing", path, holder, params=asked)
            found += answer.body["cases"]
            after = answer.body["next"]
        return found

    # inside LAPOR

    async def lapor(self, method: str, path: str, **sent: Any) -> Any:
        """What the simulator answers. Raises Refusal where it does not understand the request."""
        answer = await self.ask(method, SIMULATOR, path, **sent)
        if answer.status >= 400:
            raise Refusal(f"the simulated LAPOR answered {answer.status} to {method} {path}: {answer.body}")
        return answer.body

    # any

    async def ask(self, method: str, part: str, path: str, holder: str = "", **sent: Any) -> Answer:
        """The final answer to a request. Raises Refusal when there is none for PATIENCE seconds."""
        headers = {**sent.pop("headers", {})}
        if holder:
            headers["Authorization"] = f"Bearer {self._keys[holder]}"
        until = time.monotonic() + PATIENCE
        while True:
            try:
                async with self._room:
                    answer = await self._http.request(
                        method, self._stack.url(part) + path, headers=headers, **sent
                    )
            except httpx.TransportError as error:
                _give_up_after(until, f"{part} gave no answer to {method} {path} ({type(error).__name__})")
            else:
                if answer.status_code < 500 and answer.status_code != 429:
                    return Answer(answer.status_code, _read(answer))
                _give_up_after(until, f"{part} answered {answer.status_code} to {method} {path}")
            await asyncio.sleep(0.3)


def _give_up_after(until: float, what: str) -> None:
    if time.monotonic() > until:
        raise Refusal(f"{what}, for {PATIENCE:.0f} s")


def _read(answer: httpx.Response) -> Any:
    if "json" in answer.headers.get("content-type", ""):
        return answer.json()
    return answer.content


def tracking_ids(reports: Sequence[Json]) -> list[str]:
    """The numbers of reports as the control API lists them."""
    return [str(report["tracking_id"]) for report in reports]
