"""Processes by name: found again, and never mistaken for another one."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.refusal import Refusal
from ops.stack.processes import Processes, birth

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    known = Processes(tmp_path, tmp_path)
    yield known
    known.adopt_strays()
    for name in known.names():
        known.send(name, signal.SIGKILL, group=True)


def start(processes: Processes, folder: Path, command: list[str] = SLEEP, claim: Path | None = None) -> int:
    return processes.start("part", command, log=folder / "log", cwd=folder, env=os.environ, claim=claim)


def test_a_started_process_is_found_by_another_cli(processes: Processes, tmp_path: Path) -> None:
    pid = start(processes, tmp_path)
    assert Processes(tmp_path, tmp_path).find("part") == pid


def test_a_process_that_died_is_not_found(processes: Processes, tmp_path: Path) -> None:
    start(processes, tmp_path, [sys.executable, "-c", ""])
    assert asyncio.run(processes.ended("part", 10))


def test_a_pid_that_now_belongs_to_another_process_is_not_taken_for_ours(
    processes: Processes, tmp_path: Path
) -> None:
    start(processes, tmp_path)
    record = json.loads((tmp_path / "part.pid").read_text())
    processes.send("part", signal.SIGKILL)
    # our own process, as the system might have numbered it: the pid lives, its birth is another
    (tmp_path / "part.pid").write_text(json.dumps(record | {"pid": os.getpid()}))
    assert processes.find("part") is None
    assert not processes.send("part", signal.SIGKILL)


@pytest.mark.parametrize("torn", ["", "{", "[]", '{"pid": 1}', '{"pid": null, "birth": null}'])
def test_a_torn_record_is_no_process(processes: Processes, tmp_path: Path, torn: str) -> None:
    (tmp_path / "part.pid").write_text(torn)
    assert processes.find("part") is None


def test_a_process_without_record_is_found_by_its_mark(processes: Processes, tmp_path: Path) -> None:
    pid = start(processes, tmp_path)
    (tmp_path / "part.pid").unlink()
    other_hub = Processes(tmp_path / "other", tmp_path)
    assert other_hub.adopt_strays() == []
    again = Processes(tmp_path, tmp_path)
    assert again.adopt_strays() == ["part"]
    assert again.find("part") == pid


def test_a_helper_of_a_part_is_not_taken_for_the_part(processes: Processes, tmp_path: Path) -> None:
    parent = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(60)"
    pid = start(processes, tmp_path, [sys.executable, "-c", parent, *SLEEP])
    (tmp_path / "part.pid").unlink()
    assert processes.adopt_strays() == ["part"]
    assert processes.find("part") == pid


def test_one_that_does_not_listen_is_killed_with_its_helpers(processes: Processes, tmp_path: Path) -> None:
    pid = start(processes, tmp_path, STUBBORN)
    while "deaf" not in (tmp_path / "log").read_text():
        assert birth(pid)
    assert asyncio.run(processes.stop("part", [(signal.SIGTERM, 0.2)])) is False
    assert birth(pid) is None


def test_one_that_stops_in_time_is_not_killed(processes: Processes, tmp_path: Path) -> None:
    start(processes, tmp_path)
    assert asyncio.run(processes.stop("part", [(signal.SIGTERM, 10)])) is True
    assert processes.names() == []


def test_what_one_holds_another_cannot_have(processes: Processes, tmp_path: Path) -> None:
    start(processes, tmp_path, claim=tmp_path / "in-use")
    with pytest.raises(Refusal, match="in use"):
        processes.start(
            "other", SLEEP, log=tmp_path / "log", cwd=tmp_path, env=os.environ, claim=tmp_path / "in-use"
        )
    asyncio.run(processes.stop("part", [(signal.SIGTERM, 10)]))
    start(processes, tmp_path, claim=tmp_path / "in-use")
