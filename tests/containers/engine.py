"""The Docker engine of this machine, and a hub brought up by it from `docker-compose.yml`."""

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ops.stack.roots import CLONE

SERVICES = ("intake", "routing", "lapor_bridge", "sla_monitor")
PARTS = (*SERVICES, "simulator", "ops")
TAG = "under-test"
PORTS = {f"SIMPUL_{part.upper()}_PORT": "0" for part in (*SERVICES, "simulator")}
"""Any free ones: a hub in containers may run here already."""


def run(
    *words: str,
    told: Mapping[str, str] | None = None,
    seconds: float = 60,
    stdin: str = "",
    folder: Path = CLONE,
) -> str:
    """What a command prints. AssertionError with all that it said where it fails."""
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **(told or {})},
        capture_output=True,
        text=True,
        input=stdin,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@functools.cache
def missing() -> str | None:
    """Why nothing can be run in containers here; None where an engine answers."""
    if shutil.which("docker") is None:
        return "there is no docker command here"
    for words, what in (
        (("docker", "info"), "no Docker engine answers here"),
        (("docker", "compose", "version"), "docker has no compose here"),
    ):
        try:
            run(*words, seconds=20)
        except (AssertionError, OSError, subprocess.TimeoutExpired):
            return what
    return None


def image(part: str) -> str:
    """The name of a part's image, as these tests build it."""
    return f"simpul/{part}:{TAG}"


def inside(part: str, *words: str) -> str:
    """What a command prints in a fresh container of a part."""
    entry, *rest = words
    return run("docker", "run", "--rm", "--network=none", f"--entrypoint={entry}", image(part), *rest)


def logged(container: str) -> str:
    """The end of what a container wrote, since it was last started."""
    begun = run("docker", "inspect", "--format", "{{.State.StartedAt}}", container).strip()
    return run("sh", "-c", f"docker logs --since {begun} --tail 50 {container} 2>&1")


class Compose:
    """One hub in containers, under a project name of its own.

    `tree`: where its docker-compose.yml lies; `tag`: its images'; `also`: files that change something of it;
    `replicas`: of each service.
    """

    def __init__(self, project: str, *profiles: str) -> None:
        self.project = project
        self.tree = CLONE
        self.tag = TAG
        self.also: list[Path] = []
        self.replicas = 1
        self._profiles = profiles

    @property
    def told(self) -> dict[str, str]:
        """What the environment says of it."""
        return {
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_PROFILES": ",".join(self._profiles),
            "COMPOSE_FILE": ":".join(map(str, [self.tree / "docker-compose.yml", *self.also])),
            "SIMPUL_VERSION": self.tag,
            "SIMPUL_REPLICAS": str(self.replicas),
            **PORTS,
        }

    def do(self, *words: str, seconds: float = 180, stdin: str = "", **told: str) -> str:
        """What `docker compose …` prints."""
        return run("docker", "compose", *words, told=self.told | told, seconds=seconds, stdin=stdin)

    def shell(self, script: str, folder: Path, seconds: float = 300) -> str:
        """What a script prints that somebody types in `folder`; it ends where a command fails."""
        return run("bash", "-euo", "pipefail", "-c", script, told=self.told, seconds=seconds, folder=folder)

    def config(self) -> dict[str, Any]:
        """The file as compose understands it."""
        found: dict[str, Any] = json.loads(self.do("config", "--format", "json"))
        return found

    def build(self) -> None:
        """Every image."""
        self.do("build", "--quiet", *PARTS, seconds=900)

    def up(self, *scale: str) -> None:
        """Everything, ready. Said again where something was ill for a moment, as its people would."""
        words = ("up", "--wait", "--no-build", *(word for one in scale for word in ("--scale", one)))
        for left in (2, 1, 0):
            try:
                self.do(*words)
                return
            except AssertionError as failed:
                if not left or "is unhealthy" not in str(failed):
                    raise

    def ops(self, *words: str, stdin: str = "") -> str:
        """What a command of the hub's prints."""
        return self.do("run", "--rm", "-T", "ops", *words, stdin=stdin)

    def url(self, service: str, index: int = 1) -> str:
        """Where a replica answers HTTP on this machine."""
        return f"http://{self.do('port', f'--index={index}', service, '8000').strip()}"

    def sql(self, database: str, statement: str, role: str = "postgres") -> str:
        """What PostgreSQL answers, by its own socket."""
        return self.do(
            "exec", "-T", "postgres", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", role, "-d", database,
            "-c", statement,
        ).strip()  # fmt: skip

    def python(self, service: str, program: str) -> str:
        """What a small program prints inside a running service."""
        return self.do("exec", "-T", service, "python", "-c", program).strip()

    def states(self, services: Sequence[str]) -> list[dict[str, Any]]:
        """Their containers, running or not: Name, Service, State, Health, ExitCode."""
        lines = self.do("ps", "--all", "--format", "json", *services).splitlines()
        return [json.loads(line) for line in lines]

    def down(self) -> None:
        """Away with it and all that it stored, and with whoever was put beside it."""
        beside = run("docker", "ps", "--all", "--quiet", "--filter", f"label=stranger={self.project}").split()
        if beside:
            run("docker", "rm", "--force", "--volumes", *beside)
        self.do("down", "--volumes", "--remove-orphans", "--timeout", "5")
