"""What must have happened at least once in a full run, or the run proved less than it says."""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Mapping

import httpx

from tests.faults.evidence import Evidence
from tests.faults.hub import PARTS, FaultyStack
from tests.faults.menu import POINTS, Field

METRICS: Mapping[str, str] = {
    "repeat dropped": 'simpul_records_total{outcome="repeat"}',
    "event kept waiting": 'simpul_records_total{outcome="waiting"}',
    "stranger refused": 'simpul_records_total{outcome="refused"}',
    "parked": 'simpul_records_total{outcome="dead"}',
    "bisected": "simpul_batches_bisected_total",
    "batch rolled back": "simpul_batches_redelivered_total",
    "producer rebuilt": "simpul_relay_rebuilt_total",
    "state said again after a stale relay": "simpul_relay_restated_total",
    "full batch": 'simpul_batch_records_bucket{le="+Inf"}',
}
LOGGED: Mapping[str, str] = {
    "gap freed": '"stream freed"',
    "leadership taken over": '"relay leads"',
    "LAPOR left alone": '"LAPOR takes nothing"',
    "consumer built anew": "is deaf and is built anew",
}
RARE = frozenset({"consumer built anew", "state said again after a stale relay", "consumer stopped itself"})
"""What a healthy hub may do without in a run: told, not demanded."""


class Sometimes:
    """Counts while the run goes on; a process takes its counters with it when it is killed, so they are read often."""

    def __init__(self, stack: FaultyStack) -> None:
        self._stack = stack
        self._most: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)

    async def watch(self) -> None:
        async with httpx.AsyncClient(timeout=2, trust_env=False) as http:
            while True:
                await asyncio.gather(*(self._look(http, part) for part in PARTS))
                await asyncio.sleep(0.7)

    async def _look(self, http: httpx.AsyncClient, part: str) -> None:
        pid = self._stack.processes.find(part)
        if pid is None:
            return
        try:
            text = (await http.get(f"{self._stack.url(part)}/metrics")).text
        except httpx.HTTPError:
            return
        most = self._most[part, pid]
        for name, metric in METRICS.items():
            if found := re.search(rf"^{re.escape(metric)} (\S+)$", text, re.MULTILINE):
                most[name] = float(found[1])
        sizes = [
            float(n)
            for n in re.findall(r"^simpul_batch_records_bucket\{le=\"\d+\.0\"\} (\S+)$", text, re.MULTILINE)
        ]
        total = re.search(r'^simpul_batch_records_bucket\{le="\+Inf"\} (\S+)$', text, re.MULTILINE)
        if sizes and total:  # the buckets are 1, 10, 50, 100 …: how many batches had more than 50
            most["full batch"] = float(total[1]) - sizes[2]

    def counted(self, evidence: Evidence, field: Field, stops: int) -> dict[str, int]:
        """Each with its count."""
        counts = Counter(dict.fromkeys(METRICS, 0))
        for most in self._most.values():
            counts.update({name: int(value) for name, value in most.items()})
        logs = "".join(log.read_text(errors="replace") for log in self._stack.places.logs.glob("*.log"))
        for name, words in LOGGED.items():
            counts[name] = logs.count(words)
        counts["leadership taken over"] = max(0, counts["leadership taken over"] - 4)
        counts["breach withdrawn"] = sum(1 for _ in evidence.of("sla.events", "clock.breach_withdrawn"))
        counts["breach said"] = sum(1 for _ in evidence.of("sla.events", "clock.breached"))
        counts["attempt at LAPOR looked up"] = sum(int(w["lookups"]) for w in evidence.writes)
        counts["answer unknown to the client"] = sum(
            "unknown" in d.tries for d in evidence.history.deeds.values()
        )
        counts["complaint sent twice"] = sum(d.tries.count("ok") > 1 for d in evidence.history.of("submit"))
        counts["consumer stopped itself"] = stops
        counts.update({f"died {point}": field.died_at.get(point, 0) for point in POINTS})
        return dict(counts)
