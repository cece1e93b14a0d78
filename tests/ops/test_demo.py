"""`./simpul demo` on real Kafka and PostgreSQL: killed in its midst, gone on with, repaired by `up`, it adds up."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ops.stack.roots import CLONE
from ops.stack.stack import Stack

pytestmark = [pytest.mark.flow, pytest.mark.own_hub]


class Clone:
    """`./simpul` as somebody at a terminal uses it, with a folder of its own for its hubs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said = root / "said"

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        """A command; what it shows meanwhile goes to `said`, what it gives to its stdout."""
        with self.said.open("ab") as said:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", "ops", *words),
                cwd=CLONE,
                env={**os.environ, "PYTHONPATH": str(CLONE), "SIMPUL_ROOT": str(self.root)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
            )

    async def until_said(self, words: str, times: int = 1) -> None:
        """Wait until it has shown that."""
        async with asyncio.timeout(120):
            while self.said.read_text(encoding="utf-8").count(words) < times:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    def kill(self, part: str) -> None:
        """kill -9 of one process of the demo's hub."""
        Stack(self.root / "demo").kill(part, signal.SIGKILL)


@pytest.fixture
async def clone(tmp_path: Path) -> AsyncIterator[Clone]:
    """Nothing of it is left afterwards."""
    yield Clone(tmp_path)
    if (tmp_path / "demo").exists():
        await Stack(tmp_path / "demo").destroy()


async def test_it_adds_up_though_the_demo_routing_and_the_bridge_are_killed_in_its_midst(
    clone: Clone,
) -> None:
    first = await clone.start("demo", "--json")
    await clone.until_said("submissions come in")
    clone.kill("routing")
    first.kill()
    await first.wait()

    second = await clone.start("demo", "--json")
    await clone.until_said("An unfinished demo")
    await clone.until_said("* the city works")
    clone.kill("lapor_bridge")
    up = await clone.start("up", "--detach")
    shown, _ = await up.communicate()
    assert up.returncode == 0
    assert "the demo's hub is up" in shown.decode()

    told, _ = await second.communicate()
    facts: dict[str, Any] = json.loads(told)
    assert [check for check in facts["checks"] if not check["ok"]] == []
    assert second.returncode == 0
    assert sum(facts["summary"]["received"].values()) > 400
    assert len({line["who"] for line in facts["story"]["lines"]}) == 5
    assert Stack(clone.root / "demo").running() == []
