"""A part of the demo's hub that is gone is brought back: by somebody, or after a while by the demo."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.demo.keeping import Keeper
from ops.stack.stack import Plan, Stack


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Some process that can stand for a part."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


async def test_who_is_gone_and_who_is_back_is_told_once(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    stack = Stack(tmp_path, usual_ports=False)
    stack.keep_plan(Plan(("simulator",)))
    news: list[str] = []
    keeper = Keeper(stack, news.append)
    for _ in range(3):
        await keeper.look()
    assert news == ["simulator is gone: ./simpul up brings it back, else the demo in 10 s"]
    stack.processes.adopt("simulator", sleeper.pid)
    for _ in range(3):
        await keeper.look()
    assert news[1:] == ["simulator is back"]
    assert keeper.returned == {"simulator": 1}


async def test_nobody_coming_the_demo_starts_it_itself(tmp_path: Path) -> None:
    stack = Stack(tmp_path, usual_ports=False)
    stack.keep_plan(Plan(("simulator",)))
    keeper = Keeper(stack, lambda _: None, grace=0.0)
    await keeper.look()
    pid = stack.processes.find("simulator")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert await stack.processes.ended("simulator", 10)
    await keeper.look()
    assert stack.processes.find("simulator") not in (None, pid)
    await stack.destroy()


async def test_while_up_is_at_work_the_demo_waits(tmp_path: Path) -> None:
    stack = Stack(tmp_path, usual_ports=False)
    stack.keep_plan(Plan(("simulator",)))
    news: list[str] = []
    with stack.alone():
        await Keeper(stack, news.append, grace=0.0).look()
    assert stack.processes.find("simulator") is None
    assert "another ./simpul is starting or stopping this hub" in news[-1]
