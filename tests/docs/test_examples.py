"""Whoever copies the examples of the README gets what it says."""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from ops.stack.roots import CLONE
from shared import clock
from tests.docs.reading import Example, Reader, examples, files, put_command
from tests.flow.world import Hub

pytestmark = pytest.mark.flow

README = (CLONE / "README.md").read_text(encoding="utf-8")
DAY_IN_README = "2026-11-23"
PATIENCE = 30.0
"""Seconds; what still runs when it has printed all it should is a reader that waits for more."""


async def test_the_examples_of_the_readme_do_what_it_says(hub: Hub, tmp_path: Path) -> None:
    for name, program in files(README).items():
        (tmp_path / name).write_text(as_of_yesterday(program))
    put_command(tmp_path, [sys.executable, "-P", "-m", "ops"])
    (tmp_path / ".venv").symlink_to(CLONE / ".venv")
    reader = Reader()
    for example in examples(README):
        await follow(example, tmp_path, hub, reader)


def as_of_yesterday(text: str) -> str:
    """The example as written today: nobody reports what has not happened yet."""
    return text.replace(DAY_IN_README, (clock.now() - timedelta(days=1)).date().isoformat())


def remembering(example: Example) -> str:
    """Its script in a shell that knows what earlier ones have set, and keeps what this one sets."""
    keeps = f"trap 'declare -p {' '.join(example.sets)} >> variables' EXIT\n" if example.sets else ""
    return f"touch variables; . ./variables\n{keeps}{example.script}"


async def follow(example: Example, home: Path, hub: Hub, reader: Reader) -> None:
    """Run it until it prints what it should: who is quicker than the hub asks again."""
    until = clock.now() + timedelta(seconds=PATIENCE)
    while True:
        printed, errors = await run(example, home, hub, reader)
        missing = reader.missing(example.prints, printed)
        if not missing:
            return
        said = "\n".join([*printed, errors])
        assert clock.now() < until, f"README.md:{example.line} did not print {missing}, but:\n{said}"


async def run(example: Example, home: Path, hub: Hub, reader: Reader) -> tuple[list[str], str]:
    """What it prints until it ends, or has printed all it should and waits for more; and what it complains of."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-e", "-c", as_of_yesterday(remembering(example)),
        cwd=home, start_new_session=True,
        env=os.environ | {"SIMPUL_ROOT": str(hub.stack.places.root), "PYTHONPATH": str(CLONE)},
        stdout=asyncio.subprocess.PIPE, stderr=(home / "complaints").open("wb"),
    )  # fmt: skip
    printed: list[str] = []

    async def listen() -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            printed.append(line.decode().rstrip("\n"))
            if example.prints and not reader.missing(example.prints, printed):
                break
        else:
            await process.wait()

    try:
        async with asyncio.timeout(PATIENCE):
            await listen()
        async with asyncio.timeout(1):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    errors = (home / "complaints").read_text(encoding="utf-8", errors="replace")
    assert process.returncode in (0, -signal.SIGKILL), f"README.md:{example.line} failed: {errors}"
    return printed, errors
