"""Detached processes by name: started, found again, signalled, and never mistaken for another one.

A record holds the pid and the *birth* of the process, so that a pid that the system has given to another one
is not taken for ours. Every process also carries a mark in its environment: one whose record was lost (the
CLI was killed between start and record, or the folder was deleted) is found again by it.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from ops.refusal import Refusal

MARK = "SIMPUL_PART"


class Account(NamedTuple):
    """The system user whom a process runs as."""

    name: str
    uid: int
    gid: int


def birth(pid: int) -> str | None:
    """What tells this process from a later one with the same pid; None if it is gone or a zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():  # exact: ticks since boot, and which boot
            started = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            return f"{boot} {started}"
        return f"{process.create_time():.2f}"
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError, IndexError):
        return None


class Processes:
    """The processes of one stack. `run` holds the records, `root` is what the marks name."""

    def __init__(self, root: Path, run: Path) -> None:
        self._root = root
        self._run = run
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def find(self, name: str) -> int | None:
        """The pid of a part that runs, by its record."""
        try:
            record = json.loads(self._record(name).read_text(encoding="utf-8"))
            pid, born = int(record["pid"]), record["birth"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        if (child := self._children.get(pid)) is not None:
            child.poll()  # else it would stay a zombie
        return pid if born and birth(pid) == born else None

    def adopt_strays(self) -> list[str]:
        """Write the record of every marked process that has none; their names."""
        adopted: list[str] = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                mark = process.environ().get(MARK, "")
                root, _, name = mark.rpartition(":")
                if (
                    root == str(self._root)
                    and not self._is_child_of(process, mark)
                    and self.find(name) is None
                ):
                    self.adopt(name, process.pid)
                    adopted.append(name)
        return adopted

    @staticmethod
    def _is_child_of(process: psutil.Process, mark: str) -> bool:
        """Whether its parent carries the same mark: then the parent is the part, this one its helper."""
        try:
            parent = process.parent()
            return parent is not None and parent.environ().get(MARK) == mark
        except (psutil.Error, OSError):  # pid 1 does not always let itself be read
            return False

    def environment(self, name: str) -> dict[str, str]:
        """What a part that runs was told when it started; empty where that cannot be read."""
        try:
            return dict(psutil.Process(self.find(name) or -1).environ())
        except (psutil.Error, OSError, ValueError):
            return {}

    def listens(self, name: str, port: int) -> bool:
        """Whether it is this part's process that listens on the port, and not somebody else's."""
        try:
            sockets = psutil.Process(self.find(name) or -1).net_connections("tcp")
        except (psutil.Error, OSError, ValueError):
            return False
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in sockets)

    def names(self) -> list[str]:
        """The parts that have a record, running or not."""
        return sorted(file.stem for file in self._run.glob("*.pid"))

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        cwd: Path,
        env: Mapping[str, str],
        account: Account | None = None,
        claim: Path | None = None,
    ) -> int:
        """Start in a session of its own, writing to `log`; the pid.

        `claim` is a file that the process holds locked while it lives. Raises Refusal if another one holds it.
        """
        identity = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
        with log.open("ab") as output, contextlib.ExitStack() as open_files:
            held = []
            if claim:
                held.append(open_files.enter_context(claim.open("a")).fileno())
                try:
                    fcntl.flock(held[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise Refusal(
                        f"{claim.parent} is in use by a process that this hub does not know"
                    ) from None
            child: subprocess.Popen[bytes] = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**env, MARK: f"{self._root}:{name}"},
                start_new_session=True,
                pass_fds=held,
                **identity,  # type: ignore[call-overload]
            )
        self._children[child.pid] = child
        self.adopt(name, child.pid)
        return child.pid

    def send(self, name: str, what: signal.Signals, *, group: bool = False) -> bool:
        """Signal the process, or all of its group; False if it does not run."""
        pid = self.find(name)
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            if group:
                os.killpg(pid, what)
            else:
                os.kill(pid, what)
        return True

    async def stop(self, name: str, steps: Iterable[tuple[signal.Signals, float]]) -> bool:
        """Signal by signal, each with its patience in seconds, at last SIGKILL to the group.

        True if it ended without SIGKILL (or was not there).
        """
        for what, patience in steps:
            if not self.send(name, what):
                break
            if await self.ended(name, patience):
                break
        gentle = self.find(name) is None
        if not gentle:
            self.send(name, signal.SIGKILL, group=True)
            await self.ended(name, 10)
        self._record(name).unlink(missing_ok=True)
        return gentle

    async def ended(self, name: str, patience: float) -> bool:
        """Wait up to `patience` seconds for its end."""
        until = time.monotonic() + patience
        while self.find(name) is not None:
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.02)
        return True

    def _record(self, name: str) -> Path:
        return self._run / f"{name}.pid"

    def adopt(self, name: str, pid: int) -> None:
        """From now on this process is that part."""
        fresh = self._record(name).with_suffix(".new")
        fresh.write_text(json.dumps({"pid": pid, "birth": birth(pid)}), encoding="utf-8")
        fresh.replace(self._record(name))
