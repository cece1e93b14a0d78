"""A running simulator per test module, and a fresh one for tests that break it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulators.lapor_process import LaporProcess


@pytest.fixture(scope="module")
def lapor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaporProcess]:
    running = LaporProcess(tmp_path_factory.mktemp("lapor"))
    yield running
    running.stop()


@pytest.fixture
def own_lapor(tmp_path: Path) -> Iterator[LaporProcess]:
    running = LaporProcess(tmp_path)
    yield running
    if running.process.poll() is None:
        running.stop()
