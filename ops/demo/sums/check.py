"""One sum, and the few ways in which two accounts are compared; what does not fit is named."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One sum. `odd`: some of what does not fit, for whoever looks for the reason."""

    name: str
    expected: int
    found: int
    odd: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.expected == self.found and not self.odd


def same(name: str, expected: set[Any], found: set[Any]) -> Check:
    """The same things on both sides."""
    odd = [f"missing: {_text(one)}" for one in expected - found]
    odd += [f"not expected: {_text(one)}" for one in found - expected]
    return Check(name, len(expected), len(found), tuple(sorted(odd)[:SHOWN]))


def once_each(name: str, expected: set[Any], found: Sequence[Any]) -> Check:
    """Each of these once, and nothing else."""
    counted = Counter(found)
    odd = [f"missing: {_text(one)}" for one in expected - counted.keys()]
    odd += [f"not expected: {_text(one)}" for one in counted.keys() - expected]
    odd += [f"{times} times: {_text(one)}" for one, times in counted.items() if times > 1]
    return Check(name, len(expected), len(found), tuple(sorted(odd)[:SHOWN]))


def every(
    name: str, things: Sequence[Any], holds: Callable[[Any], bool], named: Callable[[Any], str]
) -> Check:
    """It holds for every one of these."""
    odd = [named(one) for one in things if not holds(one)]
    return Check(name, len(things), len(things) - len(odd), tuple(sorted(odd)[:SHOWN]))


def none(name: str, odd: Sequence[str]) -> Check:
    """There is none of these."""
    return Check(name, 0, len(odd), tuple(sorted(odd)[:SHOWN]))


def _text(thing: object) -> str:
    return ", ".join(map(str, thing)) if isinstance(thing, tuple) else str(thing)
