"""The loop that fetches files from where publishers keep them: outside of any transaction, and outside our walls."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import structlog

from services.intake import filing, looking
from services.intake.domain.attaching import FileFetched, FileLost
from services.intake.domain.files import MOST_BYTES, Unfit
from services.intake.filing import Fetch
from shared.delivery.desk import Desk
from shared.events.fact import Fact
from shared.events.ids import event_id
from shared.sealing import Seal

log = structlog.get_logger(__name__)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

AT_ONCE = 4
PAUSE = 2.0
WAITS = tuple(timedelta(minutes=wait) for wait in (1, 5, 30, 120, 360, 1440))
"""After each attempt that failed for a passing cause; after the last there is none: two days, seven attempts."""

WHOLE = 60.0
"""Seconds for one file, redirects and all."""

REDIRECTS = 3
_ADOPT = 3600.0


class Passing(Exception):
    """It did not come this time, and may another time. Says why in our own words."""


class ForGood(Exception):
    """It will not come, however often it is tried. Says why in our own words."""


class Fetching:
    """Fetches what is due. `exceptions`: networks that are fetched from though they are not public."""

    def __init__(
        self,
        seal: Seal,
        exceptions: Sequence[Network] = (),
        *,
        waits: Sequence[timedelta] = WAITS,
        whole: float = WHOLE,
    ) -> None:
        self._seal = seal
        self._exceptions = tuple(exceptions)
        self._waits = tuple(waits)
        self._whole = whole
        self._adopted: float | None = None

    async def turn(self, desk: Desk[Any, Any]) -> float:
        """One turn; seconds until the next. The attempt is committed before the first byte goes out."""
        now = desk.clock()
        async with desk.pool.acquire() as connection, connection.transaction():
            if self._adopted is None or now.timestamp() - self._adopted > _ADOPT:
                await filing.adopt_fetches(connection, now)
                self._adopted = now.timestamp()
            due = await filing.begin_fetches(connection, now, self._waits, AT_ONCE, seal=self._seal)
        for found in asyncio.as_completed([self._fetched(fetch) for fetch in due]):
            await self._handed_in(desk, *await found)
        return 0.0 if len(due) == AT_ONCE else PAUSE

    async def _fetched(self, fetch: Fetch) -> tuple[Fetch, Fact | None]:
        """What came of one attempt; None where it is to be tried again."""
        try:
            if fetch.url is None:
                raise ForGood("its address cannot be read any more")
            async with asyncio.timeout(self._whole):
                raw = await download(fetch.url, self._exceptions)
            file = await looking.cleaned(raw)
        except (Unfit, ForGood) as lost:
            return fetch, FileLost(file_id=fetch.file_id, reason=str(lost))
        except (Passing, TimeoutError) as passing:
            reason = str(passing) or "its server takes too long"
            log.info("file not fetched", key=str(fetch.complaint_id), attempt=fetch.attempt, reason=reason)
            if fetch.attempt <= len(self._waits):
                return fetch, None
            return fetch, FileLost(file_id=fetch.file_id, reason=f"{reason} (tried {fetch.attempt} times)")
        return fetch, FileFetched(file_id=fetch.file_id, media_type=file.media_type, content=file.content)

    async def _handed_in(self, desk: Desk[Any, Any], fetch: Fetch, fact: Fact | None) -> None:
        if fact is None:
            return
        named = fact.known_as(event_id(fetch.complaint_id, f"file:{fetch.file_id}", 0))
        async with desk.transaction([fetch.complaint_id]) as work:
            await work.apply([(fetch.complaint_id, named)])
            if isinstance(fact, FileLost):
                await filing.lose_fetch(work.tx, fetch.file_id, work.now)
        outcome = "lost" if isinstance(fact, FileLost) else "kept"
        log.info("file fetched", key=str(fetch.complaint_id), outcome=outcome, attempt=fetch.attempt)


@cache
def _trust() -> ssl.SSLContext:
    """The certificate authorities that everybody trusts; read once."""
    return httpx.create_ssl_context()


async def download(
    url: str, exceptions: Sequence[Network] = (), trust: ssl.SSLContext | None = None
) -> bytes:
    """The bytes at `url`, MOST_BYTES at most. Raises Passing or ForGood; neither quotes the address.

    Every host is resolved here, every address that it has must be public, and that very address is connected to:
    a name that points elsewhere a moment later changes nothing. The same for each redirect.
    """
    timeout = httpx.Timeout(10.0, connect=5.0)
    async with httpx.AsyncClient(
        timeout=timeout, trust_env=False, follow_redirects=False, verify=trust or _trust()
    ) as client:
        for _ in range(REDIRECTS + 1):
            answer = await _asked(client, url, exceptions)
            if isinstance(answer, bytes):
                return answer
            url = urljoin(url, answer)
    raise ForGood("its address leads on and on")


async def _asked(client: httpx.AsyncClient, url: str, exceptions: Sequence[Network]) -> bytes | str:
    """The bytes, or the address that this one leads on to."""
    request = await pinned(client, url, exceptions)
    try:
        answer = await client.send(request, stream=True)
        try:
            if answer.has_redirect_location:
                return answer.headers["location"]
            _judge(answer)
            return await _read(answer)
        finally:
            await answer.aclose()
    except (httpx.TransportError, httpx.StreamError) as error:
        raise Passing(f"its server does not answer ({type(error).__name__})") from None


async def pinned(client: httpx.AsyncClient, url: str, exceptions: Sequence[Network]) -> httpx.Request:
    """The request to the address that was checked; name and certificate stay those of the host."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ForGood("its address cannot be read") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ForGood("its address is neither http nor https")
    if parts.username or parts.password:
        raise ForGood("its address holds a name or password")
    address = await _resolved(host, port or (443 if parts.scheme == "https" else 80), exceptions)
    at = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
    named = f"[{host}]" if ":" in host else host
    port_too = f":{port}" if port else ""
    try:
        return client.build_request(
            "GET",
            parts._replace(netloc=f"{at}{port_too}", fragment="").geturl(),
            headers={"Host": f"{named}{port_too}", "Accept-Encoding": "identity", "User-Agent": "simpul"},
            extensions={"sni_hostname": host},
        )
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise ForGood("its address cannot be read") from None


async def _resolved(host: str, port: int, exceptions: Sequence[Network]) -> Address:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Passing("its host has no address") from None
    return chosen([ip_address(str(entry[4][0]).partition("%")[0]) for entry in found], exceptions)


def chosen(addresses: Sequence[Address], exceptions: Sequence[Network] = ()) -> Address:
    """The first of a host's addresses. Raises ForGood where one of them is inside somebody's walls."""
    if not addresses or not all(may_be_fetched_from(address, exceptions) for address in addresses):
        raise ForGood("its host is not a public one")
    return addresses[0]


_NAT64 = IPv6Network("64:ff9b::/96")


def may_be_fetched_from(address: Address, exceptions: Sequence[Network] = ()) -> bool:
    """Whether it is a public address, also where it wraps another one; or stands among the exceptions."""
    if any(address in network for network in exceptions):
        return True
    if isinstance(address, IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _NAT64:
            wrapped = IPv4Address(int(address) & 0xFFFF_FFFF)
        if wrapped is not None:
            return may_be_fetched_from(wrapped, exceptions)
    return address.is_global and not address.is_multicast


def _judge(answer: httpx.Response) -> None:
    """Raise what this status means for a file that is wanted."""
    status = answer.status_code
    if status in (408, 425, 429) or status >= 500:
        raise Passing(f"its server answers {status}")
    if status != 200:
        raise ForGood(f"its server answers {status}")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise ForGood("its server packs it, though asked not to")
    length = answer.headers.get("content-length", "")
    if length.isdigit() and int(length) > MOST_BYTES:
        raise ForGood(f"holds more than {MOST_BYTES} bytes")


async def _read(answer: httpx.Response) -> bytes:
    held = bytearray()
    async for piece in answer.aiter_raw():
        held += piece
        if len(held) > MOST_BYTES:
            raise ForGood(f"holds more than {MOST_BYTES} bytes")
    return bytes(held)
