"""Which fault strikes when, whom, and for how long: drawn from a seed, two or more at a time. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

LANES = 3
"""So many faults may be under way at once."""
BREATH = (1.0, 5.0)
"""Seconds between two faults of one lane."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What the schedule needs to know of a fault. `touches`: of those with one of these in common only one at a time.

    `lasts`: seconds, from and to; `targets`: whom it may strike.
    """

    touches: frozenset[str]
    targets: tuple[str, ...]
    lasts: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: `at` and `lasts` in seconds; `seed` for what it draws itself."""

    at: float
    fault: str
    target: str
    lasts: float
    seed: int

    @property
    def until(self) -> float:
        return self.at + self.lasts


def plan(seed: int, seconds: float, kinds: Mapping[str, Kind], lanes: int = LANES) -> Sequence[Strike]:
    """The same seed gives the same plan. Every kind comes once before any comes again; none outlasts `seconds`."""
    draw = Random(seed)
    free_at = [draw.uniform(*BREATH) for _ in range(lanes)]
    deck: list[str] = []
    strikes: list[Strike] = []
    while kinds:
        lane = min(range(lanes), key=lambda n: free_at[n])
        now = free_at[lane]
        if now >= seconds:
            return sorted(strikes, key=lambda strike: strike.at)
        busy = {what for s in strikes if s.until > now for what in kinds[s.fault].touches}
        if len(deck) <= len(kinds) // 2:
            again = sorted(kinds)
            draw.shuffle(again)
            deck += [name for name in again if name not in deck]
        name = next((one for one in deck if not kinds[one].touches & busy), None)
        if name is None:
            free_at[lane] = now + 1.0
            continue
        deck.remove(name)
        kind = kinds[name]
        lasts = min(draw.uniform(*kind.lasts), max(1.0, seconds - now))
        strikes.append(Strike(now, name, draw.choice(kind.targets), lasts, draw.randrange(2**31)))
        free_at[lane] = now + lasts + draw.uniform(*BREATH)
    return strikes
