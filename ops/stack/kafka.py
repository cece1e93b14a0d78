"""One Kafka broker (KRaft) on this machine: its jars, its settings, its class archive, a sign of life."""

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
import signal
import struct
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ops.refusal import Refusal
from ops.stack import jars, java
from ops.stack.ports import HOST, QUIET_RANGE, is_free
from ops.stack.processes import Processes

LOGGING = jars.LOCK.with_name("log4j2.properties")

JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
"""A small heap and the first compiler only: quick to start. Not for measuring throughput."""

MEASURED = ("-Xms512m", "-Xmx512m", "-Djava.awt.headless=true")
"""What throughput is measured with: both compilers, and the collector that Java itself chooses."""


class Broker(NamedTuple):
    """What it takes to run a Kafka class here."""

    java: Path
    jars: Sequence[Path]
    archive: Path | None
    jvm: Sequence[str] = JVM

    def command(self, main: str, *arguments: str, logging: Path = LOGGING) -> list[str]:
        """The command line of one of Kafka's main classes."""
        quick = [f"-XX:SharedArchiveFile={self.archive}", "-Xlog:cds=off"] if self.archive else []
        logs = f"-Dlog4j2.configurationFile={logging.as_uri()}"
        paths = ":".join(map(str, self.jars))
        return [str(self.java), *self.jvm, *quick, logs, "-cp", paths, main, *arguments]

    def with_jvm(self, jvm: Sequence[str]) -> "Broker":
        """The same under other settings of Java, which the class archive does not fit."""
        return self if jvm == self.jvm else self._replace(jvm=jvm, archive=None)


def prepare(cache: Path, told: Callable[[str], None]) -> Broker:
    """Jars in place and sound, and the class archive made; what is there already is kept."""
    with _alone(cache):
        found = java.find()
        wanted = jars.locked()
        paths = jars.class_path(
            cache / "jars", wanted, jars.fetch, lambda done, all_: told(f"fetching jars, {done} of {all_}")
        )
        archive = cache / f"classes-{_fingerprint(found, wanted, paths)}.jsa"
        if not archive.exists():
            told("recording its classes for quick starts (once)")
            _record_classes(Broker(found.path, paths, None), archive)
        return Broker(found.path, paths, archive if archive.exists() else None)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    (cache / "jars").mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fingerprint(found: java.Java, wanted: Sequence[jars.Jar], paths: Sequence[Path]) -> str:
    """An archive fits one Java and one class path, place and all."""
    text = repr((str(found.path.resolve()), found.version, JVM, wanted, [str(path) for path in paths]))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _record_classes(broker: Broker, archive: Path) -> None:
    """Start a throw-away broker once, note which classes it loads, and archive them (60 MB).

    Worth about a second at each later start. When it does not work out, starts are slower, and that is all.
    """
    for old in archive.parent.glob("classes-*.jsa"):
        old.unlink()
    trial = archive.parent / "trial"
    trial.mkdir(exist_ok=True)
    _end_earlier_trial(trial)
    shutil.rmtree(trial, ignore_errors=True)
    trial.mkdir()
    noted, fresh = trial / "classes.txt", trial / "classes.jsa"
    noting = f"-XX:DumpLoadedClassList={noted}"
    try:
        client, controller = _two_ports()
        format_storage(broker, trial, client, controller)
        java, *arguments = broker.command("kafka.Kafka", "server.properties")
        asyncio.run(_run_trial(trial, [java, noting, *arguments], client))
        dump = ["-Xshare:dump", f"-XX:SharedClassListFile={noted}", f"-XX:SharedArchiveFile={fresh}"]
        paths = ":".join(map(str, broker.jars))
        subprocess.run(
            [broker.java, *JVM, *dump, "-cp", paths], cwd=trial, capture_output=True, check=False, timeout=120
        )
        if fresh.exists():
            fresh.replace(archive)
    except (OSError, subprocess.SubprocessError, Refusal):
        archive.unlink(missing_ok=True)
    finally:
        shutil.rmtree(trial, ignore_errors=True)


async def _run_trial(trial: Path, command: list[str], port: int) -> None:
    processes = Processes(trial, trial)
    processes.start("trial", command, log=trial / "said", cwd=trial, env=os.environ)
    try:
        await answers_within(port, 60)
    finally:
        await processes.stop("trial", [(signal.SIGTERM, 30)])


def _end_earlier_trial(trial: Path) -> None:
    """One whose `up` was killed meanwhile."""
    processes = Processes(trial, trial)
    for name in processes.adopt_strays():
        processes.send(name, signal.SIGKILL)


def _two_ports() -> tuple[int, int]:
    first, second, *_ = (port for port in reversed(QUIET_RANGE) if is_free(port))
    return first, second


def properties(log: str, client: int, controller: int) -> str:
    """server.properties of a broker that is alone: every internal topic has one copy."""
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{HOST}:{controller}
listeners=PLAINTEXT://{HOST}:{client},CONTROLLER://{HOST}:{controller}
advertised.listeners=PLAINTEXT://{HOST}:{client}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={log}
# topics are made from deploy/topics.yaml and from nothing else
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=10
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# nobody to wait for: the first member of a group gets its partitions at once
group.initial.rebalance.delay.ms=0
# killed hard, a broker may come back only when its old session is over (12 s with the defaults)
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
# the default takes half of this heap
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
"""


def port_of(home: Path) -> int | None:
    """Where the broker that was last started in this folder listens for clients."""
    try:
        found = re.search(
            r"^listeners=PLAINTEXT://[^:]+:(\d+)", (home / "server.properties").read_text(), re.MULTILINE
        )
    except OSError:
        return None
    return int(found[1]) if found else None


def format_storage(broker: Broker, home: Path, client: int, controller: int) -> None:
    """Make the broker's log folder under `home`, whole or not at all; blocks for a second."""
    settings = home / "server.properties"
    if not (home / "log" / "meta.properties").exists():
        shutil.rmtree(home / "log", ignore_errors=True)
        shutil.rmtree(home / "log.new", ignore_errors=True)
        settings.write_text(properties("log.new", client, controller), encoding="utf-8")
        # the folder's own: a hub whose log is lost is still the same hub to its stores
        named = uuid.uuid5(uuid.NAMESPACE_URL, home.resolve().as_uri())
        cluster = urlsafe_b64encode(named.bytes).decode().rstrip("=")
        command = broker.command(
            "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config=server.properties"
        )
        made = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
        if made.returncode:
            raise Refusal(
                f"Kafka could not format its folder {home}: {_last_line(made.stdout + made.stderr)}"
            )
        (home / "log.new").rename(home / "log")
    settings.write_text(properties("log", client, controller), encoding="utf-8")


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no reason given")


async def answers(port: int, patience: float = 2.0, host: str = HOST) -> bool:
    """Whether a broker there serves requests: it answers ApiVersions, which it does once it is unfenced."""
    # api key 18, version 0, correlation 1, no client id
    request = struct.pack(">ihhih", 10, 18, 0, 1, -1)
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request)
                _length, correlation, error = struct.unpack(">iih", await reader.readexactly(10))
                return bool(correlation == 1 and error == 0)
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False


async def answers_within(port: int, patience: float) -> None:
    """Wait until it serves; TimeoutError → Refusal."""
    try:
        async with asyncio.timeout(patience):
            while not await answers(port):  # noqa: ASYNC110 - a broker calls nobody back
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise Refusal(f"Kafka did not answer within {patience:.0f} s") from None
