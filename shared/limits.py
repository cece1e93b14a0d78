"""How often each may ask: token buckets in this process's memory, by key, and by address for who has none."""

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from types import MappingProxyType

from fastapi import Request

from shared import clock

Network = IPv4Network | IPv6Network

BURST_SECONDS = 10.0
"""A full bucket holds what this many seconds allow: whoever was quiet may hurry that long."""

RATES: Mapping[str, float] = MappingProxyType(
    {
        "publisher": 500.0,
        "bridge": 500.0,
        "opd": 50.0,
        "verifier": 50.0,
        "admin": 50.0,
        "public": 10.0,
        "unknown": 2.0,
    }
)
"""Requests a second: by role for each name of a key; `public` and `unknown` keys for each address."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What this hub allows. `trusted`: proxies whose X-Forwarded-For is believed."""

    rates: Mapping[str, float] = field(default_factory=lambda: RATES)
    trusted: tuple[Network, ...] = ()


class TooMany(Exception):
    """429: this caller has to wait `seconds` before it may ask again."""

    def __init__(self, seconds: float) -> None:
        super().__init__("too many requests")
        self.seconds = max(1, math.ceil(seconds))


class Buckets:
    """One bucket per asker; the `most` that asked last are remembered."""

    def __init__(self, elapsed: Callable[[], float] = clock.elapsed, most: int = 50_000) -> None:
        self._elapsed = elapsed
        self._most = most
        self._left: dict[Hashable, tuple[float, float]] = {}

    def take(self, who: Hashable, per_second: float) -> None:
        """One request of theirs. Raises TooMany where their bucket is empty, which takes nothing from it."""
        now, full = self._elapsed(), max(1.0, per_second * BURST_SECONDS)
        left, since = self._left.pop(who, (full, now))
        left = min(full, left + (now - since) * per_second)
        allowed = left >= 1.0
        self._left[who] = (left - 1.0 if allowed else left, now)
        if len(self._left) > self._most:
            del self._left[next(iter(self._left))]
        if not allowed:
            raise TooMany((1.0 - left) / per_second)


def address_of(request: Request, trusted: tuple[Network, ...]) -> str:
    """Who asks: the peer, or whom a trusted proxy names; of IPv6 the /64, which is one subscriber's.

    X-Forwarded-For is read from its end, past trusted proxies; what a stranger wrote there counts for nothing.
    """
    peer = request.client.host if request.client else "unknown"
    told = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
    while told and _within(peer, trusted):
        nearer = told.pop()
        if not _is_address(nearer):
            break
        peer = nearer
    return _subscriber(peer)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _within(text: str, networks: tuple[Network, ...]) -> bool:
    if not networks or not _is_address(text):
        return False
    address = ip_address(text)
    return any(address in network for network in networks)


def _subscriber(text: str) -> str:
    if not _is_address(text):
        return text
    address = ip_address(text)
    if not isinstance(address, IPv6Address):
        return text
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else str(IPv6Network((address, 64), strict=False))
