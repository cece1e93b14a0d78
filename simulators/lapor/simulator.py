"""What every request of the simulator needs at hand: its ledger, keys, clock, zone, fault menu and counts."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import count

from simulators.lapor.access import Keys
from simulators.lapor.faults import Menu
from simulators.lapor.ledger import Ledger


@dataclass(slots=True)
class Simulator:
    """One running simulator. `clock` gives aware UTC instants; `zone` is the API's, which it never says."""

    ledger: Ledger
    keys: Keys
    clock: Callable[[], datetime]
    zone: tzinfo
    silence_days: float
    completion_days: float
    menu: Menu = field(default_factory=Menu)
    traffic: Counter[str] = field(default_factory=Counter)
    _requests: "count[int]" = field(default_factory=lambda: count(1))

    def next_request(self) -> str:
        """An id for a request that brought none: counted since start."""
        return f"request-{next(self._requests)}"
