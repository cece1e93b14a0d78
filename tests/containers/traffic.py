"""Steady work on a hub in containers while something is done to it: publishers, an official, a system on Kafka.

Whoever sends by HTTP repeats under the same name until there is an answer that counts, as the README tells publishers.
A request is *ok* (2xx), *failed* (an answer that no repeat helps) or *unknown* (no answer, or one that says: again).
"""

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Self
from uuid import uuid4

import httpx

from tests.containers.engine import image, run
from tests.containers.world import Town
from tests.flow.world import complaint

PATIENCE = 150.0
"""Seconds for which anybody tries: longer than anything that these tests do to a hub lasts."""
RETRIABLE = (429, 503)


class Addresses:
    """Where replicas answer now. Docker gives a new container a new port, so who finds none there asks anew."""

    def __init__(self, town: Town) -> None:
        self._project = town.compose.project
        self._lock = threading.Lock()
        self._known: dict[str, list[str]] = {}
        self._asked = 0.0
        self._turn = itertools.count()

    def one(self, service: str) -> str | None:
        """A replica's address, each in its turn; None where none runs."""
        known = self._known.get(service) or []
        return known[next(self._turn) % len(known)] if known else None

    def ask(self) -> None:
        """Look where they are; at most twice a second."""
        with self._lock:
            if time.monotonic() - self._asked < 0.5:
                return
            told = run(
                "docker", "ps", "--filter", f"label=com.docker.compose.project={self._project}",
                "--format", '{{.Label "com.docker.compose.service"}} {{.Ports}}',
            )  # fmt: skip
            known: dict[str, list[str]] = {}
            for service, _, ports in (line.partition(" ") for line in told.splitlines()):
                if "->8000" in ports:
                    known.setdefault(service, []).append(f"http://{ports.partition('->')[0]}")
            self._known, self._asked = known, time.monotonic()


class Traffic:
    """Begins when it is made, ends with `end`; `with` ends it too.

    `tickets`: of complaints that were answered with one, by reference. `worked`: those that the official was told to
    have answered. `failed`: in words, what was refused though it should not. `tally`: requests by how they ended.
    """

    def __init__(self, town: Town, *, kafka: bool = True, pause: float = 0.4) -> None:
        self.tickets: dict[str, str] = {}
        self._sent: dict[str, tuple[dict[str, Any], dict[str, str]]] = {}
        self.worked: set[str] = set()
        self.failed: list[str] = []
        self.tally: Counter[str] = Counter()
        self.slowest = 0.0
        self._town = town
        self._addresses = Addresses(town)
        self._pause = pause
        self._over = threading.Event()
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._stranger = Stranger(town) if kafka else None
        self._threads = [
            threading.Thread(target=work, daemon=True)
            for work in (self._publish, self._publish, self._officiate)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._stranger is not None:
            self._stranger.away()

    def end(self) -> None:
        """Nothing new begins; what is under way is brought to its end."""
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE + 30)
            assert not thread.is_alive()
        if self._stranger is not None:
            self.tickets |= self._stranger.ended()
        assert self.failed == []
        assert self.tally["ok"]

    def send_again(self) -> None:
        """What its publishers sent by HTTP, once more: each is known or taken in anew, under the ticket it had."""
        with httpx.Client(timeout=15, trust_env=False) as http:
            for ticket, (body, headers) in self._sent.items():
                answer = self._until_answered(http, "intake", "/v1/complaints", body, headers)
                assert answer is not None, self.failed
                assert answer.json()["ticket"] == ticket

    def _publish(self) -> None:
        """Complaints, each under a name: half by `reference`, half by Idempotency-Key; some are sent twice."""
        with httpx.Client(timeout=15, trust_env=False) as http:
            while not self._over.wait(self._pause):
                n, name = next(self._numbers), f"{uuid4().hex[:12]}"
                body = complaint() if n % 2 else complaint(reference=name)
                headers = self._town.key("publisher") | {"Idempotency-Key": name}
                answer = self._until_answered(http, "intake", "/v1/complaints", body, headers)
                if answer is None:
                    continue
                ticket = answer.json()["ticket"]
                if n % 4 == 0:
                    again = self._until_answered(http, "intake", "/v1/complaints", body, headers)
                    if again is not None and (again.status_code, again.json()["ticket"]) != (200, ticket):
                        self._fails(f"{name} was {ticket} and is {again.status_code} {again.text}")
                with self._lock:
                    self.tickets[f"test-publisher:{name}"] = ticket
                    self._sent[ticket] = body, headers

    def _officiate(self) -> None:
        """An official answers what came in last, one after the other."""
        done = set[str]()
        with httpx.Client(timeout=15, trust_env=False) as http:
            while not self._over.wait(self._pause):
                with self._lock:
                    waiting = [ticket for ticket in self.tickets.values() if ticket not in done]
                if not waiting:
                    continue
                done.add(ticket := waiting[-1])
                if self._routed(http, ticket) and all(
                    self._until_answered(
                        http, "routing", f"/v1/cases/{ticket}/{act}", body, self._as_official()
                    )
                    for act, body in (
                        ("accept", {}),
                        ("answer", {"text": "Lampu sudah diganti, terima kasih."}),
                    )
                ):
                    self.worked.add(ticket)

    def _as_official(self) -> dict[str, str]:
        return self._town.key("opd:PERKIM") | {"Idempotency-Key": uuid4().hex}

    def _routed(self, http: httpx.Client, ticket: str) -> bool:
        """Whether the case came to its OPD; events may wait a long time for a service that is away."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            answer = self._once(
                lambda base: http.get(f"{base}/v1/cases/{ticket}", headers=self._town.key("verifier")),
                "routing",
                (404,),
            )
            if answer is not None and answer.status_code == 200 and answer.json()["state"] == "routed":
                return True
            time.sleep(0.3)
        self._fails(f"{ticket} was not routed within {PATIENCE:.0f} s")
        return False

    def _until_answered(
        self, http: httpx.Client, service: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> httpx.Response | None:
        """The 2xx answer, however often it takes; None where it was refused or never came, and noted is why."""
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            answer = self._once(
                lambda base: http.post(f"{base}{path}", json=body, headers=dict(headers)), service, ()
            )
            if answer is not None and answer.is_success:
                self.slowest = max(self.slowest, time.monotonic() - began)
                return answer
            if answer is not None and answer.status_code not in RETRIABLE:
                self._fails(f"{path}: {answer.status_code} {answer.text}")
                return None
            time.sleep(0.2)
        self._fails(f"{path}: no answer within {PATIENCE:.0f} s")
        return None

    def _once(
        self, ask: Callable[[str], httpx.Response], service: str, fine: tuple[int, ...]
    ) -> httpx.Response | None:
        """One request, counted; None where nobody answers."""
        base = self._addresses.one(service)
        answer = None
        if base is not None:
            try:
                answer = ask(base)
            except httpx.TransportError:
                answer = None
        if answer is None:
            self.tally["unknown"] += 1
            self._addresses.ask()
        elif answer.is_success or answer.status_code in fine:
            self.tally["ok"] += 1
        else:
            self.tally["unknown" if answer.status_code in RETRIABLE else "failed"] += 1
            if answer.status_code >= 500 and answer.status_code not in RETRIABLE:
                self._fails(f"{service}: {answer.status_code} {answer.text}")
        return answer

    def _fails(self, why: str) -> None:
        with self._lock:
            self.failed.append(why)


STRANGER = """
import asyncio, json, signal, sys, time, uuid
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

waiting, over = {}, asyncio.Event()

async def post(producer, body):
    value, key = json.dumps(body).encode(), f"{body['source']}:{body['reference']}".encode()
    waiting[body["reference"]] = body, time.monotonic()
    try:
        await producer.send_and_wait("intake.submissions", value, key)
    except KafkaError as error:
        print(json.dumps({"away": type(error).__name__}), flush=True)

async def publish(producer):
    while not over.is_set():
        await post(producer, {**BODY, "source": "kafka-town", "reference": uuid.uuid4().hex[:12]})
        await again(producer)
        await asyncio.sleep(PAUSE)

async def again(producer):
    for body, since in [*waiting.values()]:
        if time.monotonic() - since > 20:
            await post(producer, body)

async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    told = dict(bootstrap_servers="kafka:9092")
    async with AIOKafkaProducer(acks="all", **told) as producer:
        async with AIOKafkaConsumer("intake.receipts", auto_offset_reset="earliest", **told) as consumer:
            print(json.dumps({"begun": True}), flush=True)
            publishing = asyncio.create_task(publish(producer))
            while not (publishing.done() and not waiting):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        receipt = json.loads(record.value)
                        if waiting.pop(receipt["reference"], None):
                            print(json.dumps(receipt), flush=True)
                if over.is_set():
                    await publishing
                    await again(producer)

asyncio.run(main())
"""


class Stranger:
    """A system in a container on the network for partners: publishes on intake.submissions, reads its receipts."""

    def __init__(self, town: Town, pause: float = 0.6) -> None:
        told = f"BODY, PAUSE = {dict(complaint())!r}, {pause}\n"
        self._container = run(
            "docker", "run", "--detach", "--network", f"{town.compose.project}_partners",
            "--label", f"stranger={town.compose.project}",
            "--entrypoint", "python", image("ops"), "-u", "-c", told + STRANGER,
        ).strip()  # fmt: skip

    def ended(self) -> dict[str, str]:
        """Its tickets by reference, once it has a receipt for all that it ever published."""
        run("docker", "kill", "--signal", "TERM", self._container)
        code = run("docker", "wait", self._container, seconds=PATIENCE).strip()
        said = run("sh", "-c", f"docker logs {self._container} 2>&1")
        assert code == "0", said
        told = [json.loads(line) for line in said.splitlines() if line.startswith('{"')]
        refused = [one for one in told if "errors" in one]
        assert not refused, refused
        return {f"kafka-town:{one['reference']}": one["ticket"] for one in told if "ticket" in one}

    def away(self) -> None:
        """Gone, whatever it does."""
        run("docker", "rm", "--force", self._container)
