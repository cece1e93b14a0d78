"""Images built once, and one hub in containers, where a Docker engine answers."""

import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.containers.engine import Compose, image, missing, run
from tests.containers.world import Town


@pytest.fixture(scope="session")
def engine() -> None:
    """An engine that answers; else the test is skipped, saying why."""
    if reason := missing():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def images(engine: None) -> Iterator[None]:
    """Every image, built from this tree. Those of its next versions go with them."""
    Compose("simpul-images", "demo", "tools").build()
    yield
    built = run(
        "docker", "images", "--filter", f"reference={image('*')}*", "--format", "{{.Repository}}:{{.Tag}}"
    )
    run("docker", "image", "rm", "--force", *built.split())


@pytest.fixture(scope="session")
def town(images: None) -> Iterator[Town]:
    """One hub for all of these tests; gone with them."""
    compose = Compose(f"simpul-{uuid4().hex[:8]}", "demo")
    try:
        began = time.monotonic()
        compose.up()
        town = Town(compose, started_in=time.monotonic() - began)
        yield town
        town.http.close()
    finally:
        compose.down()
