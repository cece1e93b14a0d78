"""What a local hub consists of: a table of its services, and what each is told by its environment."""

import os
from pathlib import Path
from typing import NamedTuple

from ops.stack import roots

STORES = ("kafka", "postgres")
CITY = "deploy/city/jambi"
CITY_DIR = "SIMPUL_CITY_DIR"
"""The environment variable that names another city's folder."""


class Program(NamedTuple):
    """One of our own processes: `python -m module`, serving HTTP at its usual port."""

    module: str
    port: int


SERVICES = {
    "intake": Program("services.intake", 8001),
    "routing": Program("services.routing", 8002),
    "lapor_bridge": Program("services.lapor_bridge", 8003),
    "sla_monitor": Program("services.sla_monitor", 8004),
}
SIMULATOR = "simulator"
PROGRAMS = SERVICES | {SIMULATOR: Program("simulators.lapor", 8010)}
USUAL_PORTS = {"kafka": 9092, "kafka-controller": 9093, "postgres": 5432} | {
    name: program.port for name, program in PROGRAMS.items()
}


def city_directory() -> Path:
    """The folder of the city whose hub this is."""
    named = os.environ.get(CITY_DIR)
    return Path(named) if named else roots.CLONE / CITY


def service_of(part: str) -> str:
    """`routing.1` is the second replica of routing."""
    return part.partition(".")[0]


def ordinal_of(part: str) -> int:
    """`routing` → 0, `routing.1` → 1."""
    return int(part.partition(".")[2] or 0)


def replica(service: str, ordinal: int) -> str:
    """The part's name of a service's replica."""
    return f"{service}.{ordinal}" if ordinal else service


def usual_port(part: str) -> int | None:
    """A second replica has none: any free port will do."""
    return USUAL_PORTS.get(part)


class Places(NamedTuple):
    """The files of one stack, all under its root."""

    root: Path

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def passwords(self) -> Path:
        return self.secrets / "postgres.json"

    @property
    def master_key(self) -> Path:
        return self.secrets / "master.key"

    @property
    def trial_keys(self) -> Path:
        return self.secrets / "keys.json"

    @property
    def bridge_key(self) -> Path:
        return self.secrets / "bridge.key"

    @property
    def hashed_keys(self) -> Path:
        return self.root / "keys.json"

    @property
    def plan(self) -> Path:
        return self.run / "plan.json"

    def log(self, part: str) -> Path:
        return self.logs / f"{part}.log"
