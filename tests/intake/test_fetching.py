"""Files that are given by their address, fetched from a real server into a real store: once, clean, or told why not."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from fastapi import FastAPI
from starlette.responses import RedirectResponse, Response, StreamingResponse

from ops.stack.ports import any_free
from services.intake import filing, vault
from services.intake.domain.complaint import Complaint
from services.intake.domain.files import MOST_BYTES, clean
from services.intake.domain.means import Means
from services.intake.domain.receiving import submission_key
from services.intake.fetching import (
    WAITS,
    Fetching,
    ForGood,
    Passing,
    chosen,
    download,
    may_be_fetched_from,
    pinned,
)
from services.intake.handlers import intake_fold
from shared import clock
from shared.database import Pool
from shared.delivery import saying
from shared.delivery.desk import Desk
from shared.delivery.metrics import Metrics
from shared.delivery.posting import Poster
from shared.sealing import Seal
from shared.web import HttpServer
from tests.conftest import MakeStore
from tests.intake.pictures import CANARY, photo
from tests.intake.world import submission

pytestmark = pytest.mark.store

SEAL = Seal(b"m" * 32)
HERE = (IPv4Network("127.0.0.1/32"),)
PHOTO = photo(orientation=6)


@dataclass
class World:
    """Intake with its loop, and a publisher's server."""

    pool: Pool
    port: int
    asked: list[str] = field(default_factory=list)
    later: timedelta = timedelta()

    def __post_init__(self) -> None:
        self.desk: Desk[Complaint, Means] = Desk(
            name="intake",
            pool=self.pool,
            fold=intake_fold(SEAL),
            epoch=1,
            metrics=Metrics(),
            seals=lambda _: SEAL,
            poster=Poster([], "intake"),
            clock=lambda: clock.now() + self.later,
        )
        self.fetching = Fetching(SEAL, HERE, whole=3.0)

    async def given(self, *urls: str, reference: str = "A-1") -> UUID:
        """A complaint whose files lie at these addresses; a path is the server's."""
        attachments = [
            {
                "name": f"{CANARY} 08000001234.jpg",
                "media_type": "image/jpeg",
                "url": url if ":" in url else f"http://127.0.0.1:{self.port}{url}",
            }
            for url in urls
        ]
        posted = submission(reference, reference=reference, attachments=attachments)
        await self.desk.command(submission_key(posted), posted)
        return submission_key(posted)

    async def turns(self, after: timedelta = timedelta()) -> None:
        """The loop, until nothing more is due at that time."""
        self.later += after
        while await self.fetching.turn(self.desk) == 0.0:
            pass

    async def files(self, complaint: UUID) -> filing.Filed:
        async with self.desk.read() as connection:
            return await filing.find_files(connection, complaint)

    async def problem(self, complaint: UUID) -> str | None:
        (lost,) = (await self.files(complaint)).unfetched
        return lost.problem

    async def amended(self) -> list[dict[str, Any]]:
        rows = await self.pool.fetch(
            "SELECT value FROM delivery.said WHERE type LIKE '%complaint.amended%' ORDER BY position"
        )
        return [json.loads(row["value"]) for row in rows]


def served(world: World) -> FastAPI:
    """The publisher's server."""
    app = FastAPI()

    @app.get("/{rest:path}")
    async def anything(rest: str) -> Response:
        world.asked.append(rest)
        match rest:
            case "photo.jpg":
                return Response(PHOTO, media_type="text/html")
            case "page.jpg":
                return Response("<script>alert(1)</script>", media_type="image/jpeg")
            case "moved":
                return RedirectResponse("/photo.jpg")
            case "inside":
                return RedirectResponse(f"http://127.0.0.2:{world.port}/photo.jpg")
            case "round":
                return RedirectResponse("/round")
            case "local":
                return RedirectResponse("file:///etc/hostname")
            case "large":
                return Response(b"x", headers={"Content-Length": str(MOST_BYTES + 1)})
            case "endless":
                return StreamingResponse(endless())
            case "slow":
                return StreamingResponse(slow())
            case "packed":
                return Response(PHOTO, headers={"Content-Encoding": "gzip"})
            case "second-time":
                known = world.asked.count(rest) > 1
                return Response(PHOTO) if known else Response(status_code=503)
            case "down":
                return Response(status_code=500)
            case _:
                return Response(status_code=404)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"x" * 1_000_000
            await asyncio.sleep(0.001)

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x"
            await asyncio.sleep(0.5)

    return app


@pytest.fixture
async def world(store_of: MakeStore) -> AsyncIterator[World]:
    pool = await store_of("intake")
    async with pool.acquire() as connection:
        await saying.make_months(connection, clock.now().date())
    port = any_free()
    world = World(pool, port)
    server = HttpServer(served(world), "127.0.0.1", port)
    await server.start()
    yield world
    await server.stop()


async def test_a_file_is_fetched_cleaned_and_told_as_an_amendment(world: World) -> None:
    complaint = await world.given("/photo.jpg", "/moved")
    before = await world.files(complaint)
    assert before.attachments == ()
    assert [one.problem for one in before.unfetched] == [None, None]
    await world.turns()
    filed = await world.files(complaint)
    assert filed.unfetched == ()
    first, second = filed.attachments
    assert {one.id for one in before.unfetched} == {first.id, second.id}
    assert (first.media_type, first.name) == ("image/jpeg", f"{CANARY} [telepon].jpg")
    async with world.desk.read() as connection:
        kept = await vault.file(connection, complaint, first.id, SEAL)
    assert kept is not None
    assert kept.content == clean(PHOTO).content
    told = await world.amended()
    assert [one["changed"] for one in told] == [["attachments"], ["attachments"]]
    assert [len(one["attachments"]) for one in told] == [1, 2]
    assert told[-1]["by"] == {"kind": "system", "name": "intake"}


async def test_nothing_is_fetched_twice(world: World) -> None:
    complaint = await world.given("/photo.jpg")
    await world.turns()
    await world.turns(after=timedelta(days=3))
    assert world.asked == ["photo.jpg"]
    assert len((await world.files(complaint)).attachments) == 1
    assert await world.pool.fetchval("SELECT count(*) FROM fetches") == 0
    assert await world.pool.fetchval("SELECT count(url_sealed) FROM files") == 0


async def test_a_server_that_is_down_is_asked_again_later(world: World) -> None:
    complaint = await world.given("/second-time")
    await world.turns()
    assert world.asked == ["second-time"]
    assert await world.problem(complaint) is None
    await world.turns()
    assert world.asked == ["second-time"]
    await world.turns(after=WAITS[0])
    assert len((await world.files(complaint)).attachments) == 1


async def test_a_server_that_stays_down_is_given_up_in_the_end_and_that_is_written_down(world: World) -> None:
    complaint = await world.given("/down")
    for wait in (timedelta(), *WAITS):
        assert await world.problem(complaint) is None
        await world.turns(after=wait)
    assert await world.problem(complaint) == "its server answers 500 (tried 7 times)"
    assert len(world.asked) == 7
    await world.turns(after=timedelta(days=9))
    assert len(world.asked) == 7
    assert await world.amended() == []


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/page.jpg", "is none of JPEG, PNG, WebP and PDF by its content"),
        ("/gone", "its server answers 404"),
        ("/large", "holds more than 10485760 bytes"),
        ("/endless", "holds more than 10485760 bytes"),
        ("/packed", "its server packs it, though asked not to"),
        ("/inside", "its host is not a public one"),
        ("/round", "its address leads on and on"),
        ("/local", "its address is neither http nor https"),
        ("http://u:p@127.0.0.1/x", "its address holds a name or password"),
        ("http://127.0.0.2/x", "its host is not a public one"),
        ("http://[::1]/x", "its host is not a public one"),
        ("http://2130706434/x", "its host is not a public one"),
        ("http://[::ffff:127.0.0.2]/x", "its host is not a public one"),
        ("http://localhost:99999/x", "its address cannot be read"),
    ],
)
async def test_what_will_never_come_is_given_up_at_once(world: World, path: str, problem: str) -> None:
    complaint = await world.given(path)
    await world.turns()
    assert await world.problem(complaint) == problem
    asked = len(world.asked)
    await world.turns(after=timedelta(days=9))
    assert len(world.asked) == asked


async def test_a_slow_server_is_not_waited_for_and_holds_no_other_file_up(world: World) -> None:
    slow = await world.given("/slow", reference="A-1")
    quick = await world.given("/photo.jpg", reference="A-2")
    async with asyncio.timeout(8):
        await world.turns()
    assert await world.problem(slow) is None
    assert len((await world.files(quick)).attachments) == 1


async def test_an_attempt_is_counted_before_the_first_byte(world: World) -> None:
    await world.given("/slow")
    turning = asyncio.create_task(world.turns())
    while not world.asked:  # noqa: ASYNC110 — the server has no event for it
        await asyncio.sleep(0.01)
    assert await world.pool.fetchval("SELECT attempts FROM fetches") == 1
    turning.cancel()
    await asyncio.gather(turning, return_exceptions=True)


async def test_a_file_that_an_older_version_took_in_is_fetched_too(world: World) -> None:
    complaint = await world.given("/photo.jpg")
    await world.pool.execute("DELETE FROM fetches")
    await world.pool.execute("UPDATE complaints SET unfetched = NULL")
    await world.turns()
    (attachment,) = (await world.files(complaint)).attachments
    assert attachment.name == "lampiran"


async def test_one_whose_key_is_gone_is_given_up_and_holds_no_other_up(world: World) -> None:
    gone = await world.given("/photo.jpg", reference="A-1")
    there = await world.given("/photo.jpg", reference="A-2")
    await world.pool.execute("DELETE FROM identity_keys WHERE complaint_id = $1", gone)
    await world.turns()
    assert await world.problem(gone) == "its address cannot be read any more"
    assert len((await world.files(there)).attachments) == 1


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
    ],
)
def test_only_public_addresses_are_fetched_from(address: str, allowed: bool) -> None:
    assert may_be_fetched_from(ip_address(address)) is allowed


def certificate(name: str, folder: Path) -> Path:
    """A key and a certificate for this name alone, signed by itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    )
    return file


@pytest.mark.parametrize(("name", "fits"), [("localhost", True), ("contoh.invalid", False)])
async def test_a_certificate_must_be_the_hosts_though_its_address_is_what_is_called(
    tmp_path: Path, name: str, fits: bool
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes")
        await writer.drain()
        writer.close()

    asked: list[bytes] = []
    pem = certificate(name, tmp_path)
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(pem)
    trust = ssl.create_default_context(cafile=str(pem))
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=ours)
    port = server.sockets[0].getsockname()[1]
    everywhere_here = (*HERE, IPv6Network("::1/128"))
    async with server:
        url = f"https://localhost:{port}/a?b=c"
        if fits:
            assert await download(url, everywhere_here, trust) == b"bytes"
            assert asked[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
            assert f"host: localhost:{port}\r\n".encode() in asked[0].lower()
        else:
            with pytest.raises(Passing):
                await download(url, everywhere_here, trust)
            assert asked == []


def test_a_host_with_one_address_inside_is_not_fetched_from() -> None:
    public, inside = ip_address("8.8.8.8"), ip_address("10.0.0.1")
    assert chosen([public]) == public
    for addresses in ([public, inside], [inside, public], []):
        with pytest.raises(ForGood):
            chosen(addresses)


async def test_the_address_that_was_checked_is_the_one_that_is_called() -> None:
    everywhere_here = (*HERE, IPv6Network("::1/128"))
    async with httpx.AsyncClient() as client:
        request = await pinned(client, "http://localhost:8080/x", everywhere_here)
    assert ip_address(request.url.host.strip("[]")).is_loopback
    assert request.headers["host"] == "localhost:8080"


async def test_an_exception_is_one_network_and_no_other(world: World) -> None:
    assert await download(f"http://127.0.0.1:{world.port}/photo.jpg", HERE) == PHOTO
    with pytest.raises(ForGood):
        await download(f"http://127.0.0.1:{world.port}/photo.jpg")
