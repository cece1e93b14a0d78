"""A local hub under one folder: started, repaired, stopped, looked at; by the CLI, tests and demo."""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

import asyncpg

from ops.console import Steps
from ops.refusal import Refusal
from ops.stack import credentials, kafka, postgres, roots
from ops.stack.health import STOPPED_ITSELF, health
from ops.stack.parts import (
    PROGRAMS,
    SERVICES,
    SIMULATOR,
    STORES,
    Places,
    ordinal_of,
    service_of,
    usual_port,
)
from ops.stack.ports import HOST, Ports, is_free
from ops.stack.processes import Processes
from ops.stack.roots import CLONE

TERM, INT, QUIT = signal.SIGTERM, signal.SIGINT, signal.SIGQUIT
DRAIN_SECONDS = 20.0
KAFKA_STEPS = ((TERM, 20.0),)
POSTGRES_STEPS = ((INT, 20.0), (QUIT, 5.0))
"""Fast shutdown, then immediate; the store recovers from its log."""
PROGRAM_STEPS = ((TERM, DRAIN_SECONDS + 5),)
READY_SECONDS = 60.0
LEAVES_WITHIN = 2.0

ADDRESSES = ("SIMPUL_STORE_DSN", "SIMPUL_KAFKA_BOOTSTRAP", "SIMPUL_LAPOR_URL", "SIMPUL_INTAKE_URL")
"""By these our own processes are told where others are."""


@dataclass(frozen=True)
class Plan:
    """What `up` was asked for last: a later `up` without options brings back the same."""

    parts: tuple[str, ...] = ()
    env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class PartStatus(NamedTuple):
    """One row of `./simpul status`. `health` is ready, or says in words what is not well."""

    name: str
    pid: int | None
    url: str | None
    health: str
    log: str

    @property
    def ready(self) -> bool:
        return self.health == "ready"


class Stack:
    """`root` holds everything of it: data, ports, secrets, logs, records of its processes (`roots.current()`).

    `usual_ports=False` keeps it away from the ports that people expect a hub at. `jvm`: how Java runs Kafka. Jars
    are shared through the clone's cache. The coroutines may be called from any event loop.
    """

    def __init__(
        self,
        root: Path | None = None,
        *,
        usual_ports: bool = True,
        steps: Steps | None = None,
        jvm: Sequence[str] = kafka.JVM,
    ) -> None:
        self.places = Places((root or roots.current()).absolute())
        self._make_folders()
        self.processes = Processes(self.places.root, self.places.run)
        self.ports = Ports(self.places.root / "ports.json")
        self._usual_ports = usual_ports
        self._jvm = jvm
        self.steps = steps or Steps(silent=True)

    def _make_folders(self) -> None:
        for folder in (self.places.root, self.places.run, self.places.logs):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def is_of_demo(self) -> bool:
        """Whether it is the demo's hub."""
        return self.places.root == roots.of_demo()

    # addresses

    @property
    def bootstrap(self) -> str:
        """host:port of Kafka."""
        return f"{HOST}:{self.ports.of('kafka')}"

    def dsn(self, service: str) -> str:
        """The address of a service's own store."""
        return self.database_dsn(service, role=service)

    def database_dsn(self, database: str, role: str = postgres.SUPERUSER) -> str:
        """The address of any database here."""
        known = credentials.passwords(self.places.passwords, ())
        return postgres.dsn(role, known.get(role, ""), self.ports.of("postgres") or 0, database)

    def keep_password(self, name: str, password: str, *, until_set: bool = False) -> None:
        """Another password for a role of PostgreSQL; `until_set`: beside the one that is still in force."""
        kept_as = f"{name}{credentials.NEXT}" if until_set else name
        credentials.keep_password(self.places.passwords, kept_as, password)

    def password_to_be(self, name: str) -> str | None:
        """The one that was kept beside, if one was."""
        return credentials.passwords(self.places.passwords, ()).get(f"{name}{credentials.NEXT}")

    def url(self, part: str) -> str:
        """Where one of our own processes serves HTTP."""
        return f"http://{HOST}:{self.ports.of(part)}"

    # what commands ask of any hub (ops/hub.py)

    way_up = "./simpul up"

    @property
    def keys_file(self) -> Path:
        """The hashed keys that the services read."""
        return self.places.hashed_keys

    @property
    def master_key(self) -> Path:
        """The file with intake's master key, if it is there."""
        return self.places.master_key

    def has_stores(self) -> bool:
        """Whether it is known where they are."""
        return self.places.passwords.exists() and bool(self.ports.of("postgres"))

    def admin_key(self) -> str | None:
        """A key with role admin, if there is one here."""
        if not self.places.trial_keys.exists():
            return None
        return credentials.trial_keys(self.places.hashed_keys, self.places.trial_keys, ()).get("admin")

    # start

    async def start(self, parts: Sequence[str], env: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """Start those of `parts` that do not run, and wait until each is ready.

        Kafka and PostgreSQL first, then our own processes, all at once. `env` adds to a service's environment
        (its replicas' too). Raises Refusal naming the part that did not come up, with the end of its log.
        """
        strays = self.processes.adopt_strays()
        if strays and not self.places.passwords.exists():
            await self.stop(strays)  # they served a folder of this name that was deleted
        stores = [part for part in parts if part in STORES]
        programs = [part for part in parts if part not in STORES]
        starters = {"kafka": self._start_kafka, "postgres": self._start_postgres}

        async def start_stores() -> None:
            await together(*(starters[part]() for part in stores))

        async def start_programs() -> None:
            for part in programs:  # before any starts: they name each other's addresses
                self._choose_port(part)
            await together(
                *(self._start_program(part, (env or {}).get(service_of(part), {})) for part in programs)
            )

        await self._elsewhere_if_lost(stores, start_stores)
        await self._elsewhere_if_lost(programs, start_programs)

    async def _elsewhere_if_lost(self, parts: Sequence[str], start: Callable[[], Awaitable[None]]) -> None:
        """Start; and again where another hub took a port between its choice and its use."""
        for _ in range(3):
            try:
                return await start()
            except Refusal:
                if not any(self._lost_a_port(part) for part in parts):
                    raise
        return await start()

    def _lost_a_port(self, part: str) -> bool:
        names = [part, "kafka-controller"] if part == "kafka" else [part]
        taken = any(not is_free(self.ports.of(name) or 0) for name in names)
        return taken and self.processes.find(part) is None

    async def _start_kafka(self) -> None:
        with self.steps.step("Kafka") as told:
            home = self.places.root / "kafka"
            if self.processes.find("kafka") is None:
                broker = await asyncio.to_thread(kafka.prepare, CLONE / ".simpul" / "cache" / "kafka", told)
                await self._left("kafka", "kafka-controller")
                client, controller = self._choose_port("kafka"), self._choose_port("kafka-controller")
                home.mkdir(exist_ok=True)
                told("starting")
                await asyncio.to_thread(kafka.format_storage, broker, home, client, controller)
                self.processes.start(
                    "kafka",
                    broker.with_jvm(self._jvm).command("kafka.Kafka", "server.properties"),
                    log=self._fresh_log("kafka"),
                    cwd=home,
                    env=_environment(),
                    claim=home / "in-use",
                )
            port = kafka.port_of(home) or 0
            self.ports.remember("kafka", port)
            await self._until_ready("kafka", port, lambda: kafka.answers(port))

    async def _start_postgres(self) -> None:
        with self.steps.step("PostgreSQL") as told:
            link = self.places.root / "postgres"
            if not self.places.passwords.exists() and (link / "data").exists():
                raise Refusal(
                    f"{self.places.passwords} is gone and the stores cannot be opened without it;"
                    " put it back, or ./simpul reset to begin anew"
                )
            is_new = not self.places.passwords.exists() and not (link.is_symlink() or link.exists())
            passwords = credentials.passwords(self.places.passwords, (postgres.SUPERUSER, *SERVICES))
            if self.processes.find("postgres") is None:
                server = await asyncio.to_thread(postgres.prepare, link)
                if is_new and server.cluster.exists() and postgres.owner_of(server) is None:
                    told("clearing away what a deleted folder of this name left")
                    await asyncio.to_thread(shutil.rmtree, server.cluster)
                told("starting")
                await asyncio.to_thread(postgres.make_cluster, server, passwords[postgres.SUPERUSER])
                if (pid := postgres.owner_of(server)) is not None:
                    self.processes.adopt("postgres", pid)
                else:
                    await self._left("postgres")
                    self.processes.start(
                        "postgres",
                        server.command(self._choose_port("postgres")),
                        log=self._fresh_log("postgres"),
                        cwd=server.home,
                        env=_environment(),
                        account=server.account,
                    )
            if port := postgres.port_of(link / "data"):  # the record of it may be lost
                self.ports.remember("postgres", port)
            address = self.database_dsn("postgres")
            await self._until_ready("postgres", self.ports.of("postgres"), lambda: postgres.answers(address))
            await postgres.provide(address, {name: passwords[name] for name in SERVICES})

    async def _start_program(self, part: str, extra: Mapping[str, str]) -> None:
        wanted = self.environment(part) | dict(extra)
        with self.steps.step(part) as told:
            if self._speaks_elsewhere(part, wanted):
                told("ending the one that knows an old address")
                await self.processes.stop(part, PROGRAM_STEPS)
            if self.processes.find(part) is None:
                told("starting")
                self.launch(part, wanted)
            await self._until_ready(part, self.ports.of(part), lambda: self._serves(part))

    def launch(self, part: str, wanted: Mapping[str, str]) -> None:
        """Begin the process of one of our own parts, told this; nobody waits until it is ready."""
        self.processes.start(
            part,
            [sys.executable, "-P", "-m", PROGRAMS[service_of(part)].module],
            log=self._fresh_log(part),
            cwd=CLONE,
            env={**_environment(), **wanted},
        )

    def _speaks_elsewhere(self, part: str, wanted: Mapping[str, str]) -> bool:
        """Whether it runs and was told another address of a store: a killed one may have had to move.

        Whoever took the old port may be another hub's store, so nobody of ours may go on asking there.
        """
        told = self.processes.environment(part)
        return any(told.get(name, wanted[name]) != wanted[name] for name in ADDRESSES if name in wanted)

    def environment(self, part: str) -> dict[str, str]:
        """What one of our own processes is told."""
        places, port = self.places, str(self.ports.of(part))
        if part == SIMULATOR:
            return {
                "SIMPUL_SIM_HTTP_HOST": HOST,
                "SIMPUL_SIM_HTTP_PORT": port,
                "SIMPUL_SIM_AUTH_FILE": str(self._lapor_secret("auth")),
                "SIMPUL_SIM_TOKEN_FILE": str(self._lapor_secret("token")),
                "SIMPUL_SIM_DIR": str(places.root / "simulator"),
            }
        service = service_of(part)
        told = {
            "SIMPUL_STORE_DSN": self.dsn(service),
            "SIMPUL_KAFKA_BOOTSTRAP": self.bootstrap,
            "SIMPUL_HTTP_HOST": HOST,
            "SIMPUL_HTTP_PORT": port,
            "SIMPUL_KEYS_FILE": str(places.hashed_keys),
            "SIMPUL_REPLICA": str(ordinal_of(part)),
            "SIMPUL_DRAIN_SECONDS": str(DRAIN_SECONDS),
        }
        if service == "intake":
            told["SIMPUL_MASTER_KEY_FILE"] = str(places.master_key)
            if "SIMPUL_PUBLIC_URL" not in os.environ:
                told["SIMPUL_PUBLIC_URL"] = self.url(part)
        if service == "lapor_bridge" and self.ports.of("intake"):
            told["SIMPUL_INTAKE_URL"] = self.url("intake")
            told["SIMPUL_INTAKE_KEY_FILE"] = str(places.bridge_key)
        simulated = SIMULATOR in self.plan().parts  # then never the real one, whatever the shell says
        if service == "lapor_bridge" and (simulated or "SIMPUL_LAPOR_URL" not in os.environ):
            told["SIMPUL_LAPOR_URL"] = self.url(SIMULATOR)
            told["SIMPUL_LAPOR_AUTH_FILE"] = str(self._lapor_secret("auth"))
            told["SIMPUL_LAPOR_TOKEN_FILE"] = str(self._lapor_secret("token"))
        return told

    def _lapor_secret(self, name: str) -> Path:
        """The two static headers of SP4N-LAPOR, shared by the simulator and the bridge."""
        file = self.places.secrets / f"lapor-{name}"
        if not file.exists():
            credentials.write_private(
                file, credentials.passwords(self.places.secrets / "lapor.json", [name])[name]
            )
        return file

    async def _left(self, *parts: str) -> None:
        """Wait a moment for the last process to leave its port: one that was killed ends thread by thread."""
        until = time.monotonic() + LEAVES_WITHIN
        while time.monotonic() < until and not all(is_free(self.ports.of(part) or 0) for part in parts):  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    def _choose_port(self, part: str) -> int:
        if self.processes.find(part) is not None and (known := self.ports.of(part)):
            return known
        return self.ports.choose(part, usual_port(part) if self._usual_ports else None)

    def _fresh_log(self, part: str) -> Path:
        """Its log; past 20 MB the old one is put aside, one generation."""
        log = self.places.log(part)
        if log.exists() and log.stat().st_size > 20_000_000:
            log.replace(log.with_suffix(".log.1"))
        return log

    async def _until_ready(self, part: str, port: int | None, ready: "Probe") -> None:
        """Wait until our own process answers there; another hub's, which may have been quicker, does not count."""
        until = time.monotonic() + READY_SECONDS
        while not (self.processes.listens(part, port or 0) and await ready()):
            if self.processes.find(part) is None:
                raise Refusal(f"{part} ended instead of starting; its log ends with:\n{self.log_tail(part)}")
            if time.monotonic() > until:
                said = (await self._status_of(part)).health
                raise Refusal(
                    f"{part} was not ready within {READY_SECONDS:.0f} s ({said}); its log ends with:\n"
                    f"{self.log_tail(part)}"
                )
            await asyncio.sleep(0.05)

    async def _serves(self, part: str) -> bool:
        """A consumer that stopped itself waits for an operator (./simpul dead): it is as up as it can be."""
        said = await asyncio.to_thread(health, self.url(part))
        return said == "ready" or said.startswith(STOPPED_ITSELF)

    def log_tail(self, part: str, lines: int = 12) -> str:
        """The last lines of a part's log."""
        try:
            text = self.places.log(part).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return "(nothing)"
        return "\n".join("    " + line[:200] for line in text.splitlines()[-lines:])

    # stop

    async def stop(self, parts: Sequence[str] | None = None) -> list[str]:
        """Stop gracefully, our own processes before Kafka and PostgreSQL; what had to be killed."""
        self.processes.adopt_strays()
        running = self.running()
        wanted = [part for part in running if parts is None or part in parts]
        killed: list[str] = []

        async def end(part: str) -> None:
            steps = {"kafka": KAFKA_STEPS, "postgres": POSTGRES_STEPS}.get(part, PROGRAM_STEPS)
            with self.steps.step(f"stopping {part}"):
                if not await self.processes.stop(part, steps):
                    killed.append(part)

        await together(*(end(part) for part in wanted if part not in STORES))
        await together(*(end(part) for part in wanted if part in STORES))
        return killed

    def running(self) -> list[str]:
        """The parts whose process is there."""
        return [part for part in self.processes.names() if self.processes.find(part) is not None]

    def kill(self, part: str, what: signal.Signals = signal.SIGKILL) -> None:
        """Signal a part's process and its children, as an accident would."""
        self.processes.send(part, what, group=True)

    async def destroy(self) -> None:
        """Stop everything and delete what is stored; a shared cache, the install's log and the demo's hub stay."""
        await self.stop()
        link = self.places.root / "postgres"
        if link.is_symlink():
            home = link.resolve()
            marker = home / "made-for"
            if marker.is_file() and marker.read_bytes() == bytes(link):
                shutil.rmtree(home)
            link.unlink()
        keep = {"cache", "demo", "logs", "bootstrap.lock", "stack.lock"}
        for entry in self.places.root.iterdir():
            if entry.name not in keep:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        for log in self.places.logs.glob("*.log*"):
            if log.name != "install.log":
                log.unlink()
        self._make_folders()

    # look

    async def status(self) -> list[PartStatus]:
        """Every part that runs or should, stores first."""
        names = [*STORES, *SERVICES]
        names += sorted({*self.plan().parts, *self.processes.names()} - set(names))
        return list(await together(*(self._status_of(part) for part in names)))

    async def _status_of(self, part: str) -> PartStatus:
        pid = self.processes.find(part)
        log = str(self.places.log(part))
        if pid is None:
            wanted = part in self.plan().parts
            return PartStatus(part, None, None, "gone; ./simpul up brings it back" if wanted else "off", log)
        if part == "kafka":
            ok = await kafka.answers(self.ports.of("kafka") or 0)
            return PartStatus(part, pid, self.bootstrap, "ready" if ok else "does not answer", log)
        if part == "postgres":
            address = self.database_dsn("postgres")
            ok = await postgres.answers(address)
            return PartStatus(
                part, pid, f"{HOST}:{self.ports.of(part)}", "ready" if ok else "does not answer", log
            )
        said = await asyncio.to_thread(health, self.url(part))
        return PartStatus(part, pid, self.url(part), said, log)

    # the plan, and one hand at a time

    def plan(self) -> Plan:
        """What was asked for last."""
        try:
            kept = json.loads(self.places.plan.read_text(encoding="utf-8"))
            return Plan(tuple(kept["parts"]), kept["env"])
        except (FileNotFoundError, ValueError, KeyError):
            return Plan()

    def keep_plan(self, plan: Plan) -> None:
        """Remember what to bring back."""
        fresh = self.places.plan.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(plan), indent=2), encoding="utf-8")
        fresh.replace(self.places.plan)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else starts or stops this stack meanwhile; else Refusal."""
        with (self.places.root / "stack.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise Refusal(
                    f"another ./simpul is starting or stopping this hub ({lock.read().strip()})"
                ) from None
            lock.truncate(0)
            lock.write(f"pid {os.getpid()}\n")
            lock.flush()
            yield

    # throw-away databases, for tests

    async def make_database(self, name: str, role: str) -> str:
        """A database for a service's role; its address. To change its tables: `database_dsn`."""
        connection = await asyncpg.connect(self.database_dsn("postgres"), timeout=10)
        try:
            await postgres.make_database(connection, name, role)
        finally:
            await connection.close()
        return self.database_dsn(name, role=role)

    async def drop_database(self, name: str) -> None:
        """Away with it, whoever is connected."""
        await postgres.drop_database(self.database_dsn("postgres"), name)


Probe = Callable[[], Awaitable[bool]]
Result = TypeVar("Result")


async def together(*work: Awaitable[Result]) -> list[Result]:
    """All at once, to the end; then the first failure, if any."""
    results = await asyncio.gather(*work, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    if refusals := [str(failure) for failure in failures if isinstance(failure, Refusal)]:
        raise Refusal("\n".join(refusals))
    if failures:
        raise failures[0]
    return [result for result in results if not isinstance(result, BaseException)]


def _environment() -> dict[str, str]:
    """The user's environment, less what would bend a store or a service."""
    bending = ("KAFKA_", "PG", "PYTHONHOME", "PYTHONPATH", "CLASSPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(bending)}
    return kept | {"PYTHONPATH": str(CLONE), "PYTHONUNBUFFERED": "1"}
