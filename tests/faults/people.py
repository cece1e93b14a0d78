"""Citizens, OPDs, verifiers, people in LAPOR and careless publishers: the recorded client of a run under faults."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from ops.stack.parts import SIMULATOR
from shared import clock
from tests.faults.history import Bad, Deed, History, Outcome
from tests.faults.hub import DUE_DAYS, DUE_TODAY, FaultyStack, parts_of

SOURCE = "kanal"
OPDS = ("PERKIM", "PUPR", "DLH", "DISHUB", "SATPOLPP", "TIRTAMAYANG", "DISDUKCAPIL", "DINSOS")
KEYS: Mapping[str, tuple[str, str]] = {
    SOURCE: (SOURCE, "publisher"),
    "verifier": ("petugas", "verifier"),
    **{f"opd:{code}": (f"dinas-{code.lower()}", f"opd:{code}") for code in OPDS},
}
LAMPS = ("Lampu jalan mati di depan pasar", "Sudah seminggu lampu jalan di depan pasar padam, gelap sekali.")
VAGUE = ("Mohon bantuan", "Tolong ditindaklanjuti, terima kasih banyak sebelumnya.")
CHANNELS = ("app", "web", "whatsapp", "sms", "email")
REFUSED_BY_THE_STORE = "DITOLAK OLEH TABEL"
"""Routing's store has a trigger in these runs that refuses a case with this title."""
BAD_HEADER, AFTER_HEADER = "x-bad", "x-after"
PATIENCE = 6.0
SUBMITS_AGAIN = 0.85
"""How many of those who were not answered ask again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much comes a second. `lapor`: the share of complaints that is sent on to LAPOR."""

    http: float = 5.0
    kafka: float = 7.0
    acts: float = 5.0
    inside_lapor: float = 0.5
    bad: float = 1.0
    lapor: float = 0.2


class People:
    """Everybody outside the hub. Use as an asynchronous context manager; `stop` ends the traffic and asks again
    what was left open."""

    def __init__(
        self, stack: FaultyStack, history: History, seed: int, day_ends: datetime, pace: Pace
    ) -> None:
        self.stack, self.history, self.pace = stack, history, pace
        self._random = Random(seed)
        self._day_ends = day_ends
        self._keys = stack.keys(KEYS)
        self._http = httpx.AsyncClient(
            timeout=PATIENCE, trust_env=False, limits=httpx.Limits(max_connections=200)
        )
        self._producer: AIOKafkaProducer | None = None
        self._building = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._bad_numbers = itertools.count(1)
        self._names: dict[str, Iterator[str]] = {}
        self._stopped = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._run = uuid4().hex[:6]
        self.trouble: list[str] = []

    # running

    async def work(self) -> None:
        """Come, at this pace, until `stop`."""
        pace = self.pace
        habits: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (pace.http, self._submit_by_http),
            (pace.kafka, self._submit_by_kafka),
            (pace.acts, self._act),
            (pace.acts / 4, self._verify),
            (pace.acts / 3, self._citizen),
            (pace.inside_lapor, self._inside_lapor),
            (pace.bad, self._bad_record),
        ]
        async with asyncio.TaskGroup() as group:
            for rate, habit in habits:
                if rate > 0:
                    group.create_task(self._habit(rate, habit))
            if pace.kafka:
                group.create_task(self._bursts())

    async def _habit(self, rate: float, habit: Callable[[], Awaitable[None]]) -> None:
        while not await self._pause(self._random.expovariate(rate)):
            if len(self._running) < 300:
                self._go(habit())

    async def _bursts(self) -> None:
        """Now and then many at once, so that batches are full."""
        while not await self._pause(self._random.uniform(8, 15)):
            for _ in range(60):
                self._go(self._submit_by_kafka())

    def _go(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(self._guarded(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # a fault of the harness, told at the end
            self.trouble.append(repr(error))

    async def _pause(self, seconds: float) -> bool:
        """Wait; whether the traffic is over."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)
        return self._stopped.is_set()

    def let_go(self) -> None:
        """No more of it."""
        self._stopped.set()

    async def stop(self) -> None:
        """No more of it; what is under way comes to its end."""
        self.let_go()
        while self._running:
            await asyncio.wait(set(self._running))

    async def close(self) -> None:
        for task in list(self._running):
            task.cancel()
        await self._http.aclose()
        await self._let_go()

    async def ask_again(self) -> None:
        """After healing: every submission that was not answered and whose sender does not give up is sent again."""
        left = [
            deed for deed in self.history.of("submit")
            if deed.outcome == "unknown" and self._drawn(deed.name) < SUBMITS_AGAIN
        ]  # fmt: skip
        for first in range(0, len(left), 20):
            await asyncio.gather(*(self._submit(deed, "http") for deed in left[first : first + 20]))

    def _drawn(self, name: str) -> float:
        return Random(name).random()

    # citizens

    def _new_complaint(self, door: str) -> Deed:
        n, draw, now = next(self._numbers), self._random, clock.now()
        name = f"{self._run}-{n}"
        token = f"tanda{self._run}{n}z"
        secret = f"Kenari{self._run}{n}"
        phone = f"0812{int(self._run, 16) % 9000 + 1000}{n:05d}"
        self.history.secrets += [secret, phone]
        title, text = LAMPS if draw.random() < 0.75 else VAGUE
        store_refuses = draw.random() < 0.006
        if store_refuses:
            title = REFUSED_BY_THE_STORE
        reported_at, klasifikasi = self._when(now)
        body: dict[str, Any] = {
            "reference": name,
            "channel": draw.choice(CHANNELS),
            "title": title,
            "text": f"{text} {token} Hubungi {phone}.",
            "reported_at": reported_at.isoformat(),
            "forward": draw.random() < self.pace.lapor and not store_refuses,
            "reporter": {"name": f"Warga {secret}", "phone": phone},
        }
        if klasifikasi:
            body["klasifikasi"] = klasifikasi
        if draw.random() < 0.4:
            body["conversation"] = f"percakapan-{name}"
        return self.history.begin(Deed("submit", name, token, body, "http" if door == "http" else "kafka",
                                       store_refuses=store_refuses))  # fmt: skip

    def _when(self, now: datetime) -> tuple[datetime, str | None]:
        """When it happened: mostly just now; long ago; or so that the answer is due in the midst of the run."""
        chance = self._random.random()
        if chance < 0.12:
            return now - timedelta(days=60, minutes=5), None
        if chance < 0.35 and now < self._day_ends:
            return now - timedelta(days=DUE_DAYS), DUE_TODAY
        return now - timedelta(minutes=5), self._random.choice([None, "aspirasi", "berkadar_pengawasan"])

    async def _submit_by_http(self) -> None:
        await self._submit_and_insist("http")

    async def _submit_by_kafka(self) -> None:
        await self._submit_and_insist("kafka")

    async def _submit_and_insist(self, door: str) -> None:
        deed = self._new_complaint(door)
        again = self._drawn(deed.name) < SUBMITS_AGAIN
        for _ in range(4):
            await self._submit(deed, door)
            if deed.outcome != "unknown" or not again or await self._pause(self._random.uniform(0.5, 3)):
                break
        if (
            deed.outcome == "ok" and self._random.random() < 0.1
        ):  # a sender that sends twice, for whatever reason
            await self._submit(deed, self._random.choice(["http", "kafka"]))

    async def _submit(self, deed: Deed, door: str) -> None:
        if door == "kafka":
            body = {"source": SOURCE, **deed.body}
            outcome = await self._produce(
                "intake.submissions", f"{SOURCE}:{deed.name}", json.dumps(body).encode()
            )
            deed.tries.append(outcome)
            return
        outcome, answer = await self._post("intake", "/v1/complaints", deed.body, SOURCE)
        deed.tries.append(outcome)
        if outcome == "ok":
            deed.ticket = answer["ticket"]
            deed.tickets.add(answer["ticket"])
        elif outcome == "failed" and answer:
            deed.refused = json.dumps(answer)[:300]

    async def _citizen(self) -> None:
        """A reporter replies, or takes it back."""
        case = await self._some_case(self._random.choice(["asked", "answered", "answered"]))
        if case is None or case["channel"] == "lapor":
            return
        act = "withdraw" if self._random.random() < 0.08 else "reply"
        await self._do(
            "citizen", "intake", f"/v1/complaints/{case['ticket']}/{act}", act, SOURCE, case["ticket"]
        )

    # officials

    async def _some_case(self, state: str) -> dict[str, Any] | None:
        order = self._random.choice(["newest", "oldest"])
        outcome, answer = await self._get(
            "routing", "/v1/cases", "verifier", status=state, limit="100", order=order
        )
        cases = answer.get("cases", []) if outcome == "ok" else []
        return self._random.choice(cases) if cases else None

    async def _act(self) -> None:
        """An OPD does something with a case, through its screen or through its own system."""
        case = await self._some_case(self._random.choice(["routed", "routed", "in_work", "answered"]))
        if case is None or case["opd"] not in OPDS:
            return
        draw = self._random.random()
        if case["state"] == "answered":
            act = "close"
        elif case["state"] == "routed":
            act = (
                "accept"
                if draw < 0.3
                else "progress"
                if draw < 0.45
                else "hand_back"
                if draw < 0.5
                else "answer"
            )
        else:
            act = "answer" if draw < 0.7 else "ask"
        if case["channel"] == "lapor" and act in ("ask", "hand_back"):
            act = "answer"
        if self._random.random() < 0.35:
            await self._update(case, act)
        else:
            path = f"/v1/cases/{case['ticket']}/{act}"
            await self._do("act", "routing", path, act, f"opd:{case['opd']}", case["ticket"])

    async def _verify(self) -> None:
        outcome, answer = await self._get("routing", "/v1/triage", "verifier", limit="100")
        cases = answer.get("cases", []) if outcome == "ok" else []
        if not cases:
            return
        case = self._random.choice(cases)
        path = f"/v1/cases/{case['ticket']}"
        if self._random.random() < 0.8:
            body = {"opd": self._random.choice(OPDS), "again": True}
            await self._do("act", "routing", f"{path}/route", "route", "verifier", case["ticket"], body)
        elif case["channel"] != "lapor":
            body = {"kind": "unclear"}
            await self._do("act", "routing", f"{path}/reject", "reject", "verifier", case["ticket"], body)

    async def _do(
        self, what: Any, service: str, path: str, act: str, holder: str, ticket: str, more: Any = None
    ) -> None:
        """One act by HTTP under one Idempotency-Key, tried until it is answered, a few times."""
        n = next(self._numbers)
        token = f"tanda{self._run}{n}z"
        field = {
            "ask": "question", "hand_back": "reason", "close": "reason", "reject": "reason",
            "route": "note", "withdraw": "reason",
        }.get(act, "text")  # fmt: skip
        body = {**(more or {}), field: f"Demikian kami sampaikan, {token}."}
        deed = self.history.begin(Deed(what, f"{self._run}-{act}-{n}", token, body, "http", ticket=ticket))
        for _ in range(4):
            outcome, answer = await self._post(service, path, body, holder, deed.name)
            deed.tries.append(outcome)
            if outcome == "failed" and answer:
                deed.refused = json.dumps(answer)[:300]
            if outcome != "unknown" or self._random.random() < 0.1 or await self._pause(1.0):
                return

    async def _update(self, case: Mapping[str, Any], act: str) -> None:
        """The same by an OPD's own system. Some tell late what was done in time."""
        n, now = next(self._numbers), clock.now()
        token, name = f"tanda{self._run}{n}z", f"{self._run}-{act}-{n}"
        at = now - timedelta(seconds=1)
        if act == "answer" and now > self._day_ends:
            at = self._day_ends - timedelta(seconds=2)
        body = {
            "source": f"sistem-{case['opd'].lower()}", "reference": name, "opd": case["opd"],
            "ticket": case["ticket"], "act": act, "at": at.isoformat(), "text": f"Dari sistem kami, {token}.",
        }  # fmt: skip
        deed = self.history.begin(Deed("update", name, token, body, "kafka", ticket=case["ticket"]))
        for _ in range(3):
            deed.tries.append(await self._produce("opd.updates", case["ticket"], json.dumps(body).encode()))
            if deed.outcome != "unknown" or await self._pause(1.0):
                return

    # LAPOR's own people

    async def _inside_lapor(self) -> None:
        draw = self._random.random()
        if draw < 0.5:
            n = next(self._numbers)
            report = {"title": LAMPS[0], "text": f"{LAMPS[1]} tanda{self._run}{n}z"}
            outcome, answer = await self._lapor("/control/reports", {"reports": [report]})
            if outcome == "ok":
                self.history.lapor_reports.update(map(str, answer.get("tracking_ids", [])))
        else:
            await self._lapor("/control/liven", {"seed": self._random.randrange(10**6), "steps": 2})

    async def _lapor(self, path: str, body: Any) -> tuple[Outcome, Any]:
        return await self._ask("POST", self.stack.url(SIMULATOR) + path, json=body)

    # careless publishers

    async def _bad_record(self) -> None:
        """A record that nobody can work, about a complaint of nobody's."""
        number = next(self._bad_numbers)
        topic, kind, key, value, headers = bad_record(self._random, number, f"{self._run}-bad-{number}")
        told = (SOURCE, f"{self._run}-bad-{number}") if kind == "told" else None
        self.history.bad.append(Bad(number, topic, kind, told))
        mark = str(number).encode()
        outcome = await self._produce(topic, key, value, [*headers, (BAD_HEADER, mark)])
        if topic == "intake.events" and key is not None and outcome == "ok":
            reply = {"at": clock.now().isoformat(), "text": "Menunggu di belakang."}
            made = owners_headers(topic, key, "1.2") | {"ce_type": b"simpul.citizen.replied.v1"}
            await self._produce(topic, key, json.dumps(reply).encode(), [*made.items(), (AFTER_HEADER, mark)])

    # doors

    def _url(self, service: str) -> str:
        """One of its replicas, in turn, as a balancer would choose; one that is gone it skips."""
        names = self._names.setdefault(service, itertools.cycle(parts_of([service])))
        for _ in parts_of([service]):
            name = next(names)
            if self.stack.processes.find(name) is not None:
                break
        return self.stack.url(name)

    async def _post(
        self, service: str, path: str, body: Any, holder: str, key: str | None = None
    ) -> tuple[Outcome, Any]:
        headers = {"Authorization": f"Bearer {self._keys[holder]}"} | (
            {"Idempotency-Key": key} if key else {}
        )
        return await self._ask("POST", self._url(service) + path, json=body, headers=headers)

    async def _get(self, service: str, path: str, holder: str, **query: str) -> tuple[Outcome, Any]:
        headers = {"Authorization": f"Bearer {self._keys[holder]}"}
        return await self._ask("GET", self._url(service) + path, params=query, headers=headers)

    async def _ask(self, method: str, url: str, **sent: Any) -> tuple[Outcome, Any]:
        """`ok` with the answer, `failed` where it was refused or never sent, else `unknown`."""
        try:
            async with asyncio.timeout(PATIENCE + 1):
                answer = await self._http.request(method, url, **sent)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return "failed", {}
        except (httpx.HTTPError, TimeoutError):
            return "unknown", {}
        read = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        if answer.status_code < 300:
            return "ok", read
        return ("failed", read) if answer.status_code < 500 else ("unknown", {})

    async def _produce(
        self, topic: str, key: str | None, value: bytes | None, headers: list[tuple[str, bytes]] | None = None
    ) -> Outcome:
        producer = None
        try:
            async with asyncio.timeout(PATIENCE):
                producer = await self._kafka()
                await producer.send_and_wait(
                    topic, value, key.encode() if key else None, headers=headers or []
                )
                return "ok"
        except (KafkaError, OSError, TimeoutError):
            if producer is None:
                return "failed"
            if producer is self._producer:
                await self._let_go()
            return "unknown"

    async def _kafka(self) -> AIOKafkaProducer:
        async with self._building:
            if self._producer is None:
                fresh = AIOKafkaProducer(
                    bootstrap_servers=self.stack.bootstrap.split(","), acks="all", request_timeout_ms=5_000,
                    max_request_size=3 * 2**20,
                )  # fmt: skip
                try:
                    await fresh.start()
                except BaseException:
                    await _stopped(fresh)
                    raise
                self._producer = fresh
            return self._producer

    async def _let_go(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stopped(producer)


async def _stopped(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(3):
            await producer.stop()


HEARD_BY_ALL: Mapping[str, str] = {
    "intake.events": "simpul.complaint.received.v1",
    "routing.events": "simpul.complaint.routed.v1",
    "lapor.events": "simpul.lapor.linked.v1",
    "sla.events": "simpul.clock.lapsed.v1",
}
"""Of each owner's topic a type that every reader of it in the hub lists."""


def bad_record(
    draw: Random, number: int, reference: str
) -> tuple[str, str, str | None, bytes | None, list[tuple[str, bytes]]]:
    """Topic, kind, key, value and headers of a record that cannot be worked."""
    rubbish: Mapping[str, bytes | None] = {
        "not JSON": b"\x00\x01 rubbish",
        "wrong schema": b'{"at": "yesterday"}',
        "no value": None,
        "a null character": json.dumps({"at": None, "text": "a\u0000b"}).encode(),
        "nearly a mebibyte": json.dumps({"at": None, "text": "x" * 900_000}).encode(),
        "a list": b"[]",
    }
    topic = draw.choice(["intake.submissions", "opd.updates", *HEARD_BY_ALL])
    if topic in ("intake.submissions", "opd.updates"):
        if topic == "intake.submissions" and draw.random() < 0.4:
            body = {"source": SOURCE, "reference": reference, "channel": "burung", "text": "Halo"}
            return topic, "told", f"{SOURCE}:{reference}", json.dumps(body).encode(), []
        kind = draw.choice([*rubbish])
        key = draw.choice([None, "rubbish"]) if rubbish[kind] else "rubbish"
        return topic, kind, key, rubbish[kind], []
    key = str(uuid4())
    made = owners_headers(topic, key)
    kind = draw.choice([*rubbish, "a header that is not UTF-8", "no type", "no number", "a number like none"])
    if kind in rubbish:
        return topic, kind, key, rubbish[kind], [*made.items()]
    if kind == "a header that is not UTF-8":
        made["ce_type"] = b"\xff\xfe"
    elif kind == "no type":
        del made["ce_type"]
    elif kind == "no number":
        del made["ce_sequence"]
    else:
        made["ce_sequence"] = b"one"
    return topic, kind, key, b'{"at": null}', [*made.items()]


def owners_headers(topic: str, key: str, number: str = "1.1") -> dict[str, bytes]:
    """The headers that an owner writes, by the contract and not by its code."""
    kind, id_ = HEARD_BY_ALL[topic], str(uuid4())
    written = {
        "ce_specversion": "1.0", "ce_id": id_, "ce_source": "/simpul/faults", "ce_type": kind,
        "ce_time": clock.now().isoformat(), "ce_subject": key, "ce_partitionkey": key,
        "ce_dataschema": f"urn:simpul:contracts:{topic}:{kind}", "ce_correlationid": id_, "ce_sequence": number,
        "traceparent": f"00-{UUID(id_).hex}-{UUID(id_).hex[:16]}-00",
    }  # fmt: skip
    return {name: value.encode() for name, value in written.items()}
