"""Images built once, and one hub in containers, where a Docker engine answers."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.containers.engine import PARTS, Compose, image, missing, run


@pytest.fixture(scope="session")
def engine() -> None:
    """An engine that answers; else the test is skipped, saying why."""
    if reason := missing():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def images(engine: None) -> Iterator[None]:
    """Every image, built from this tree."""
    Compose("simpul-images", "demo", "tools").build()
    yield
    run("docker", "image", "rm", "--force", *map(image, PARTS))


@pytest.fixture(scope="module")
def compose(images: None) -> Iterator[Compose]:
    """A hub in containers that is not up yet; gone with the tests."""
    compose = Compose(f"simpul-{uuid4().hex[:8]}", "demo")
    try:
        yield compose
    finally:
        compose.down()
