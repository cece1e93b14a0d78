"""Drawing from counts and quantiles; the seed of the given `Random` is the only source of chance."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def pick(rng: Random, counts: Mapping[str, float]) -> str:
    """A key, as often as its count says."""
    return rng.choices(tuple(counts), weights=tuple(counts.values()))[0]


def maybe(rng: Random, share: float) -> bool:
    """True in `share` of the cases (0 to 1)."""
    return rng.random() < share


def from_quantiles(rng: Random, quantiles: Mapping[str, float], least: int) -> int:
    """A whole number whose distribution has these quantiles (keys 0.01 … 1), straight lines between them."""
    at = rng.random()
    low_share, low = 0.0, float(least)
    for key, value in quantiles.items():
        share = float(key)
        if at <= share:
            return round(low + (value - low) * (at - low_share) / (share - low_share))
        low_share, low = share, value
    return round(low)


def filled(rng: Random, total: int, shares: Mapping[str, float]) -> list[str]:
    """`total` keys in random order whose counts keep to the shares as nearly as whole numbers can."""
    weight = sum(shares.values())
    exact = {key: total * share / weight for key, share in shares.items()}
    counts = {key: int(value) for key, value in exact.items()}
    by_rest = sorted(exact, key=lambda key: (counts[key] - exact[key], key))
    for key in by_rest[: total - sum(counts.values())]:
        counts[key] += 1
    drawn = [key for key, count in counts.items() for _ in range(count)]
    rng.shuffle(drawn)
    return drawn


def one(rng: Random, choices: Sequence[T]) -> T:
    """Any one of them."""
    return choices[int(rng.random() * len(choices))]
