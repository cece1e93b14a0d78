"""`./simpul test`: every check and test, each with its time, and one closing count."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ops.refusal import Refusal

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
REPORTS = ROOT / ".simpul" / "test"
END_SECONDS = 15
NO_TESTS = 5
"""pytest's exit code where nothing was collected."""


def _migrations() -> list[str]:
    found = [*ROOT.glob("shared/delivery/migrations/*.sql"), *ROOT.glob("services/*/migrations/*.sql")]
    return sorted(str(file.relative_to(ROOT)) for file in found)


class Step(NamedTuple):
    """One row of the table; past its `minutes` it is ended."""

    command: Callable[[], list[str]]
    minutes: float
    pytest: bool = False


def _tests(expression: str) -> Callable[[], list[str]]:
    return lambda: ["pytest", "-m", expression]


STEPS = {
    "tests": Step(
        lambda: [*_tests("not flow and not containers")(), "--ignore=tests/access"], 30, pytest=True
    ),
    "flow tests": Step(_tests("flow and not own_hub and not containers"), 30, pytest=True),
    "own hubs": Step(_tests("own_hub"), 30, pytest=True),
    "containers": Step(lambda: [*_tests("containers")(), "-o", "faulthandler_timeout=600"], 25, pytest=True),
    "flow in containers": Step(
        lambda: ["pytest", "--stores=containers", "tests/flow/test_path.py"], 15, pytest=True
    ),
    "access": Step(lambda: ["pytest", "tests/access"], 30, pytest=True),
    "types": Step(lambda: ["mypy"], 5),
    "format": Step(lambda: ["ruff", "format", "--check"], 1),
    "lint": Step(lambda: ["ruff", "check"], 1),
    "imports": Step(lambda: ["lint-imports"], 2),
    "migrations": Step(lambda: ["squawk", *_migrations()], 1),
}
"""The longest first; one more than there are cores run side by side, for most of them mostly wait."""


@dataclass
class Outcome:
    """What became of a step: checks count as one, a pytest run as its tests."""

    passed: int
    failed: int
    skipped: int = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"only these of: {', '.join(STEPS)}")
    parser.add_argument("-x", "--exitfirst", action="store_true", help="stop at the first step that fails")


def run(args: argparse.Namespace) -> int:
    """0 if everything passed."""
    if strangers := [name for name in args.steps if name not in STEPS]:
        raise Refusal(f"there is no step {', '.join(strangers)}; there are {', '.join(STEPS)}")
    chosen = {name: step for name, step in STEPS.items() if not args.steps or name in args.steps}
    REPORTS.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    outcomes = asyncio.run(_run_all(chosen, stop_at_first=args.exitfirst))
    passed, failed, skipped = (
        sum(getattr(outcome, kind) for outcome in outcomes) for kind in ("passed", "failed", "skipped")
    )
    left = f", {len(chosen) - len(outcomes)} steps not run" if len(outcomes) < len(chosen) else ""
    also = f", {skipped} skipped" if skipped else ""
    print(f"\n{passed} passed, {failed} failed{also}{left} in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


async def _run_all(steps: dict[str, Step], *, stop_at_first: bool) -> list[Outcome]:
    width = asyncio.Semaphore((os.cpu_count() or 1) + 1)
    outcomes: list[Outcome] = []

    async def one(name: str, step: Step) -> None:
        async with width:
            if not (stop_at_first and any(outcome.failed for outcome in outcomes)):
                outcomes.append(await _run_step(name, step))

    await asyncio.gather(*(one(name, step) for name, step in steps.items()))
    return outcomes


async def _run_step(name: str, step: Step) -> Outcome:
    report = REPORTS / f"{name.replace(' ', '-')}.xml"
    report.unlink(missing_ok=True)
    program, *words = step.command()
    if step.pytest:
        words += [f"--junitxml={report}", "--color=yes" if sys.stdout.isatty() else "--color=no"]
    began = time.monotonic()
    code, output = await _run(BIN / program, words, step.minutes * 60)
    took = time.monotonic() - began
    if step.pytest:
        outcome = _counted(report, code)
        told = f"{outcome.passed} passed"
        told += f", {outcome.failed} failed" if outcome.failed else ""
        told += f", {outcome.skipped} skipped" if outcome.skipped else ""
    else:
        outcome = Outcome(passed=int(code == 0), failed=int(code != 0))
        told = "ok" if code == 0 else "FAILED"
    print(f"{name:<18} {told}  ({took:.1f} s)", flush=True)
    if outcome.failed:
        print(output.rstrip() + f"\n--- {name} failed ---\n", flush=True)
    return outcome


async def _run(program: Path, words: Sequence[str], deadline: float) -> tuple[int, str]:
    """Exit code and output. Past its deadline in seconds, or when we are interrupted, all of it is ended."""
    process = await asyncio.create_subprocess_exec(
        program,
        *words,
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    output = bytearray()

    async def listen() -> None:
        assert process.stdout is not None
        while chunk := await process.stdout.read(65536):
            output.extend(chunk)

    try:
        async with asyncio.timeout(deadline):
            await listen()
            code = await process.wait()
    except TimeoutError:
        output.extend(f"\nended: it ran for more than {deadline / 60:.0f} minutes".encode())
        code = -1
    finally:
        await _end(process)
    return code, output.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """First as Ctrl-C would, so that pytest takes its stores down; what stays is killed."""
    for sign in (signal.SIGINT, signal.SIGKILL):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), END_SECONDS)


def _counted(report: Path, code: int) -> Outcome:
    """From pytest's own report; a run that ended without one, or ended ill with all tests well, is a failure."""
    try:
        suites = list(ET.parse(report).getroot().iter("testsuite"))  # noqa: S314 - pytest wrote it just now
    except (FileNotFoundError, ET.ParseError):
        return Outcome(0, 0 if code == NO_TESTS else 1)
    total, failures, errors, skipped = (
        sum(int(suite.get(kind, 0)) for suite in suites)
        for kind in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    if code not in (0, NO_TESTS) and not failed:
        failed = 1
    return Outcome(max(0, total - failures - errors - skipped), failed, skipped)
