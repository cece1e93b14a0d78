"""The hub that is to be broken: two replicas of each service, and a proxy on each way to broker, store and LAPOR."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from ops import topics
from ops.prepare import prepare
from ops.refusal import Refusal
from ops.stack import credentials, kafka, roots
from ops.stack.parts import CITY, CITY_DIR, SERVICES, SIMULATOR, replica, service_of
from ops.stack.ports import HOST
from ops.stack.stack import Stack, together
from shared.clock import JAKARTA
from tests.faults.proxy import Mode

REPLICAS = 2
ENTRY = Path(__file__).with_name("entry")
PARTS = tuple(replica(service, n) for service in SERVICES for n in range(REPLICAS))
"""Every process of ours, by its part's name."""

WAYS = ("kafka", "postgres", "lapor")
LAPOR_SECONDS = 4.0
PATIENCE = 240.0
"""Seconds within which a part that was brought back must be ready."""
DUE_TODAY, DUE_DAYS = "permintaan_informasi", 5
"""What was asked so many days ago is due in the midst of the run."""
QUIET_RATES = {
    f"SIMPUL_RATE_{of}": "100000" for of in ("PUBLISHER", "BRIDGE", "OPD", "VERIFIER", "ADMIN", "PUBLIC")
}
TOLD: Mapping[str, Mapping[str, str]] = {
    "sla_monitor": {"SIMPUL_SETTLE_SECONDS": "5"},
    "lapor_bridge": {"SIMPUL_LAPOR_POLL_SECONDS": "1", "SIMPUL_LAPOR_TIMEOUT": str(LAPOR_SECONDS)},
}
"""What services are told otherwise than usual: nobody waits ten minutes here."""


class FaultyStack(Stack):
    """A local hub whose services reach everything through the proxy.

    `tree`: whose code the services run (the clone's, or a copy with a bug in it). The harness itself goes past the
    proxy.
    """

    def __init__(self, root: Path, tree: Path, brokers: int = 1) -> None:
        super().__init__(root, usual_ports=False)
        self.tree = tree
        self.orders = self.places.root / "orders"
        self.orders.mkdir(exist_ok=True)
        self.brokers = tuple(f"kafka.{n}" if n else "kafka" for n in range(brokers))
        self._proxy: subprocess.Popen[str] | None = None

    # addresses

    @property
    def bootstrap(self) -> str:
        return ",".join(f"{HOST}:{self.ports.of(broker)}" for broker in self.brokers)

    def environment(self, part: str) -> dict[str, str]:
        told = super().environment(part)
        if part == SIMULATOR:
            return told
        service = service_of(part)
        store, proxied = f":{self.ports.of('postgres')}/", f":{self.ports.of('proxy-postgres')}/"
        told["SIMPUL_STORE_DSN"] = told["SIMPUL_STORE_DSN"].replace(store, proxied)
        told["SIMPUL_KAFKA_BOOTSTRAP"] = ",".join(
            f"{HOST}:{self.ports.of(f'proxy-{broker}')}" for broker in self.brokers
        )
        if service == "lapor_bridge":
            told["SIMPUL_LAPOR_URL"] = f"http://{HOST}:{self.ports.of('proxy-lapor')}"
        return {
            **told,
            **QUIET_RATES,
            **TOLD.get(service, {}),
            "PYTHONPATH": f"{ENTRY}:{self.tree}",
            "FAULTS_ORDERS": str(self.orders),
        }

    # start and stop

    async def begin(self, city: Path) -> None:
        """Everything from nothing, two replicas of each service, and wait until all are ready."""
        os.environ[CITY_DIR] = str(city)
        for name in [*self.brokers, "postgres", SIMULATOR, *PARTS]:
            self._choose_port(name)
        for broker in self.brokers:
            for name in (f"{broker}-controller", f"{broker}-proxied", f"proxy-{broker}"):
                self.ports.choose(name, None)
        for way in ("postgres", "lapor"):
            self.ports.choose(f"proxy-{way}", None)
        self._begin_proxy()
        await self.start(["kafka", "postgres"])
        await topics.provision(self.bootstrap, replication=len(self.brokers))
        await prepare(self)
        await self.start([SIMULATOR])
        await self.start(PARTS)

    async def end(self, *, keep: bool) -> None:
        """Stop it all; delete what is stored, unless it is to be looked at."""
        await (self.stop() if keep else self.destroy())
        if self._proxy is not None:
            self._proxy.kill()
            self._proxy.wait()

    async def bring_back(self, *parts: str) -> None:
        """Start these and wait until they are ready, however long a busy machine takes over it."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return await self.start(parts)
            except Refusal:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(1)

    def revive(self, part: str) -> None:
        """Begin a part's process if it is gone, without waiting for it."""
        if self.processes.find(part) is None:
            self.launch(part, self.environment(part))

    async def _start_kafka(self) -> None:
        broker = await asyncio.to_thread(
            kafka.prepare, roots.CLONE / ".simpul" / "cache" / "kafka", lambda _: None
        )
        await together(*(self._start_broker(broker, n, name) for n, name in enumerate(self.brokers)))

    async def _start_broker(self, program: kafka.Broker, n: int, name: str) -> None:
        home = self.places.root / name
        port = self.ports.of(name) or 0
        if self.processes.find(name) is None:
            home.mkdir(exist_ok=True)
            settings = home / "server.properties"
            if not (home / "log" / "meta.properties").exists():
                settings.write_text(self._properties(n, name), encoding="utf-8")
                format_ = ("format", "--cluster-id=c2ltcHVsLWZhdWx0cy0xMQ", "--config=server.properties")
                made = await asyncio.to_thread(
                    subprocess.run,
                    program.command("kafka.tools.StorageTool", *format_),
                    cwd=home, capture_output=True, text=True, check=False,
                )  # fmt: skip
                assert made.returncode == 0, made.stdout + made.stderr
            await self._left(name, f"{name}-controller")
            self.processes.start(
                name,
                program.command("kafka.Kafka", "server.properties"),
                log=self._fresh_log(name),
                cwd=home,
                env=dict(os.environ),
                claim=home / "in-use",
            )
        await self._until_ready(name, port, lambda: kafka.answers(port))

    def _properties(self, n: int, name: str) -> str:
        """A broker's settings as a local hub has them, and over them what two listeners and copies need."""
        client, controller = self.ports.of(name) or 0, self.ports.of(f"{name}-controller") or 0
        proxied, proxy = self.ports.of(f"{name}-proxied"), self.ports.of(f"proxy-{name}")
        voters = ",".join(
            f"{k + 1}@{HOST}:{self.ports.of(f'{broker}-controller')}" for k, broker in enumerate(self.brokers)
        )
        copies, least = len(self.brokers), max(1, len(self.brokers) - 1)
        return f"""\
{kafka.properties("log", client, controller)}
node.id={n + 1}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{HOST}:{client},PROXIED://{HOST}:{proxied},CONTROLLER://{HOST}:{controller}
advertised.listeners=PLAINTEXT://{HOST}:{client},PROXIED://{HOST}:{proxy}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
offsets.topic.replication.factor={copies}
min.insync.replicas={least}
"""

    # the networks

    def _begin_proxy(self) -> None:
        with self.places.log("proxy").open("ab") as log:
            self._proxy = subprocess.Popen(
                [sys.executable, "-P", "-m", "tests.faults.proxy"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1,
                env=os.environ | {"PYTHONPATH": str(roots.CLONE)}, start_new_session=True,
            )  # fmt: skip
        ways = {
            "postgres": (self.ports.of("proxy-postgres"), self.ports.of("postgres")),
            "lapor": (self.ports.of("proxy-lapor"), self.ports.of(SIMULATOR)),
        }
        for broker in self.brokers:
            ways[broker] = (self.ports.of(f"proxy-{broker}"), self.ports.of(f"{broker}-proxied"))
        self._order({"ways": ways})

    def network(self, way: str, mode: Mode, **how: Any) -> None:
        """Make one way of the network like this: `kafka` (all brokers), `postgres` or `lapor`."""
        for leg in self.brokers if way == "kafka" else (way,):
            self._order({"way": leg, "mode": mode, **how})

    def _order(self, order: Mapping[str, Any]) -> None:
        proxy = self._proxy
        assert proxy is not None
        assert proxy.stdin is not None
        assert proxy.stdout is not None
        proxy.stdin.write(json.dumps(order) + "\n")
        proxy.stdin.flush()
        assert proxy.stdout.readline().strip() == "ok", "the proxy has died"

    # what the wrapped processes obey

    def let_die(self, part: str, point: str) -> None:
        """The part kills itself when it next passes that point."""
        (self.orders / f"{part}.die").write_text(point, encoding="ascii")

    def died(self, part: str) -> bool:
        """Whether it has, since it was last asked."""
        mark = self.orders / f"{part}.died"
        if not mark.exists():
            return False
        mark.unlink()
        return True

    def spare(self, part: str) -> None:
        """It need not die any more."""
        (self.orders / f"{part}.die").unlink(missing_ok=True)

    def skew(self, service: str, seconds: float) -> None:
        """The wall clock of a service is wrong by so much; 0 puts it right."""
        (self.orders / f"{service}.clock").write_text(str(seconds), encoding="ascii")

    def keys(self, wanted: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        """A bearer key for each of these (name and role), which the services know."""
        return credentials.kept_keys(
            self.places.hashed_keys, self.places.secrets / "faults-keys.json", wanted
        )


def city_whose_day_ends(at: datetime, folder: Path, tree: Path) -> Path:
    """A copy of the city's files in which the last day of every deadline ends at this local time of day, and a request
    for information is to be answered within five days, whatever days they are.

    So that what was asked five days ago is due in the midst of the faults.
    """
    city = folder / "city"
    shutil.rmtree(city, ignore_errors=True)
    shutil.copytree(tree / CITY, city)
    file = city / "sla.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    for policy in document["policies"]:
        policy["day_ends"] = f"{at.astimezone(JAKARTA):%H:%M:%S}"
        policy["resolution"][DUE_TODAY] |= {"days": DUE_DAYS, "unit": "calendar"}
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return city


def first_day_ending(now: datetime, seconds: float) -> datetime:
    """When the day is to end: so many seconds from now, on the second; not across midnight in Jakarta."""
    wanted = (now + timedelta(seconds=seconds)).replace(microsecond=0)
    if wanted.astimezone(JAKARTA).date() == now.astimezone(JAKARTA).date():
        return wanted
    return now.replace(microsecond=0)


def parts_of(services: Sequence[str]) -> list[str]:
    """Both replicas of these services."""
    return [part for part in PARTS if service_of(part) in services]
