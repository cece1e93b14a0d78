"""What is logged is one JSON line each, and no exception's own words are in it: they may quote a citizen."""

import json
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from ops.contracts import ROOT
from shared.logging import where

SECRET = "rahasia warga contoh"

PREAMBLE = f"""
import asyncio, logging, sys, warnings
import structlog
from shared import logging as logs
logs.configure("tests", "INFO")
SECRET = "rahasia" + " warga contoh"
ours = structlog.get_logger("ours")
foreign = logging.getLogger("foreign")
def quote():
    raise ValueError(SECRET)
assert SECRET == {SECRET!r}
"""


def logged(program: str) -> tuple[list[dict[str, Any]], str]:
    """The lines that a program logged, each parsed, and whatever else it wrote."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + textwrap.dedent(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return [json.loads(line) for line in done.stdout.splitlines()], done.stdout + done.stderr


def test_our_lines_and_those_of_libraries_have_the_same_shape() -> None:
    lines, _ = logged("ours.info('up', replica=0); foreign.warning('slow: %s s', 3)")
    assert [line["event"] for line in lines] == ["up", "slow: 3 s"]
    assert [line["logger"] for line in lines] == ["ours", "foreign"]
    assert [line["level"] for line in lines] == ["info", "warning"]
    for line in lines:
        assert line["service"] == "tests"
        assert line["timestamp"].endswith("Z")
    assert lines[0]["replica"] == 0


@pytest.mark.parametrize(
    "speak",
    [
        "ours.exception('batch failed')",
        "ours.error('batch failed', exc_info=True)",
        "ours.error('batch failed', exc_info=error)",
        "foreign.exception('batch failed')",
        "foreign.error('batch failed', exc_info=True)",
        "foreign.error('batch failed', exc_info=error)",
        "foreign.error('batch failed', exc_info=sys.exc_info())",
    ],
)
def test_of_an_exception_only_its_class_and_where_it_was_raised_is_logged(speak: str) -> None:
    [line], everything = logged(
        f"""
        try:
            quote()
        except ValueError as error:
            {speak}
        """
    )
    assert SECRET not in everything
    assert line["event"] == "batch failed"
    assert line["error"] == "ValueError"
    assert line["at"][-1].endswith(" quote")


def test_an_exception_that_came_of_another_hides_both_their_words() -> None:
    lines, everything = logged(
        """
        try:
            try:
                quote()
            except ValueError as cause:
                raise RuntimeError(SECRET) from cause
        except RuntimeError:
            foreign.exception("batch failed")
        """
    )
    assert SECRET not in everything
    assert lines[0]["error"] == "RuntimeError"


def test_a_task_that_nobody_awaited_is_told_without_its_words() -> None:
    lines, everything = logged(
        """
        async def forgotten():
            quote()

        async def main():
            task = asyncio.ensure_future(forgotten())
            await asyncio.sleep(0.01)
            del task
            import gc; gc.collect()

        asyncio.run(main())
        """
    )
    assert lines[0]["error"] == "ValueError"
    assert SECRET not in everything


def test_a_callback_that_raises_is_told_without_its_words() -> None:
    lines, everything = logged(
        """
        async def main():
            asyncio.get_running_loop().call_soon(quote)
            await asyncio.sleep(0.01)

        asyncio.run(main())
        """
    )
    assert lines[0]["error"] == "ValueError"
    assert SECRET not in everything


def test_libraries_that_chatter_are_heard_from_warnings_on() -> None:
    lines, _ = logged(
        """
        for name in ("aiokafka.consumer", "httpx", "uvicorn.access", "simpul.kafka"):
            logging.getLogger(name).info("chatter")
            logging.getLogger(name).warning("trouble")
        """
    )
    assert [line["event"] for line in lines] == ["trouble"] * 4


def test_where_names_code_positions_and_no_values() -> None:
    def inner(words: str) -> None:
        raise ValueError(words)

    with pytest.raises(ValueError, match=SECRET) as raised:
        inner(SECRET)
    positions = where(raised.value)
    assert positions[-1].startswith("test_logging.py:")
    assert positions[-1].endswith(" inner")
    assert SECRET not in " ".join(positions)


def test_where_keeps_to_the_innermost_positions() -> None:
    def dive(depth: int) -> None:
        if depth == 0:
            raise ValueError("at the bottom")
        dive(depth - 1)

    with pytest.raises(ValueError, match="at the bottom") as raised:
        dive(50)
    assert len(where(raised.value)) == 6
