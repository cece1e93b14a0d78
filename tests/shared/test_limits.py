"""How often each may ask: a burst, then a steady rate, by name and by address; who says so is not believed unseen."""

from collections.abc import Sequence
from ipaddress import ip_network

import pytest
from fastapi import Request

from shared.limits import BURST_SECONDS, Buckets, TooMany, address_of


class Stopwatch:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def allowed(buckets: Buckets, who: str, per_second: float, times: int) -> int:
    """How many of so many requests are let in."""
    many = 0
    for _ in range(times):
        try:
            buckets.take(who, per_second)
        except TooMany:
            continue
        many += 1
    return many


def test_whoever_was_quiet_may_hurry_and_then_goes_at_the_rate() -> None:
    time = Stopwatch()
    buckets = Buckets(time)
    assert allowed(buckets, "sikesal", 5, 1000) == 5 * BURST_SECONDS
    time.now += 2
    assert allowed(buckets, "sikesal", 5, 1000) == 10
    time.now += 3600
    assert allowed(buckets, "sikesal", 5, 1000) == 5 * BURST_SECONDS


def test_one_who_hurries_holds_up_nobody_else() -> None:
    buckets = Buckets(Stopwatch())
    allowed(buckets, "hasty", 1, 1000)
    assert allowed(buckets, "calm", 1, 1) == 1


@pytest.mark.parametrize(("per_second", "seconds"), [(50, 1), (0.5, 2), (0.05, 20)])
def test_who_is_refused_is_told_when_to_come_again_and_then_may(per_second: float, seconds: int) -> None:
    time = Stopwatch()
    buckets = Buckets(time)
    allowed(buckets, "a", per_second, 10_000)
    with pytest.raises(TooMany) as refused:
        buckets.take("a", per_second)
    assert refused.value.seconds == seconds
    time.now += seconds
    buckets.take("a", per_second)


def test_asking_while_refused_does_not_lengthen_the_wait() -> None:
    time = Stopwatch()
    buckets = Buckets(time)
    allowed(buckets, "a", 1, 1000)
    for _ in range(10):
        time.now += 0.05
        allowed(buckets, "a", 1, 100)
    time.now += 0.5
    assert allowed(buckets, "a", 1, 1) == 1


def test_only_so_many_are_remembered() -> None:
    buckets = Buckets(Stopwatch(), most=2)
    for who in ("a", "b", "a", "c"):
        allowed(buckets, who, 0.1, 5)
    assert allowed(buckets, "a", 0.1, 1) == 0
    assert allowed(buckets, "b", 0.1, 1) == 1


def asked(peer: str, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return Request({"type": "http", "client": (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("peer", "forwarded", "who"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.7"], "203.0.113.5"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["192.0.2.1, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["192.0.2.1", "198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["nobody"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7, nobody, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["2001:db8:1:2::9"], "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.5", [], "203.0.113.5"),
    ],
)
def test_an_address_is_the_peers_unless_a_trusted_proxy_names_another(
    peer: str, forwarded: Sequence[str], who: str
) -> None:
    assert address_of(asked(peer, *forwarded), (ip_network("10.0.0.0/8"),)) == who


def test_without_a_trusted_proxy_nobody_is_believed() -> None:
    assert address_of(asked("127.0.0.1", "198.51.100.7"), ()) == "127.0.0.1"
