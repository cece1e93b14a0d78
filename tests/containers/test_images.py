"""What is in an image: what its part needs, how much that is, who it runs as, and a list of what it is made of."""

import json
import re
from typing import Any

import pytest

from ops.stack.roots import CLONE
from tests.containers.engine import PARTS, SERVICES, TAG, image, inside, run

pytestmark = [pytest.mark.containers, pytest.mark.usefixtures("images")]

APP = "/opt/simpul/app"
MOST_BYTES = 200_000_000

HOLDS = {
    **{service: {f"services/{service}", "shared"} for service in SERVICES},
    "simulator": {"simulators/complaints", "simulators/lapor", "shared"},
    "ops": {"ops", "shared", "deploy/city", "deploy/topics.yaml", *(f"services/{name}" for name in SERVICES)},
}
"""Which parts of the tree each image holds, and `start`."""


def described(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("docker", "image", "inspect", image(part)))[0]
    return found


@pytest.mark.parametrize("part", PARTS)
def test_an_image_is_small(part: str) -> None:
    assert described(part)["Size"] < MOST_BYTES


@pytest.mark.parametrize("part", PARTS)
def test_it_runs_as_nobody_in_particular_and_is_told_signals(part: str) -> None:
    config = described(part)["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == [f"{APP}/start"]
    assert config["StopSignal"] == "SIGTERM"
    assert inside(part, "id", "-u").strip() == "10001"
    assert "exec python -m" in inside(part, "cat", f"{APP}/start")


@pytest.mark.parametrize("part", PARTS)
def test_it_says_what_it_is(part: str) -> None:
    labels = described(part)["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == f"simpul {part}"
    assert labels["org.opencontainers.image.version"] == TAG
    assert labels["simpul.sbom"] == "/opt/simpul/sbom.json"


@pytest.mark.parametrize("part", PARTS)
def test_it_holds_its_own_code_and_no_other(part: str) -> None:
    files = inside(part, "find", APP, "-type", "f", "-printf", "%P\n").split()
    foreign = [file for file in files if file != "start" and not file.startswith(tuple(HOLDS[part]))]
    assert not foreign
    for folder in HOLDS[part]:
        assert any(file.startswith(folder) for file in files), folder
    assert not [file for file in files if re.search(r"(^|/)(tests?|contracts)/|\.(md|in|toml)$", file)]


@pytest.mark.parametrize("part", PARTS)
def test_nobody_can_change_it_from_inside_and_it_compiles_nothing(part: str) -> None:
    assert inside(part, "find", "/opt/simpul", "-writable", "!", "-type", "l").strip() == ""
    sources = inside(part, "find", APP, "-name", "*.py", "-printf", ".")
    compiled = inside(part, "find", APP, "-name", "*.pyc", "-printf", ".")
    assert len(sources) == len(compiled) > 3


@pytest.mark.parametrize("part", PARTS)
def test_no_secret_and_no_address_of_the_builder_is_in_it(part: str) -> None:
    """Nothing that the build was told is in what is left of it; folders for secrets are there and empty."""
    assert inside(part, "find", "/secrets", "/keys", "-type", "f").strip() == ""
    environment = [one.partition("=")[0] for one in described(part)["Config"]["Env"]]
    assert not [name for name in environment if name.startswith("PIP_") or "PROXY" in name.upper()]
    history = run("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", image(part))
    assert "PIP_INDEX_URL" not in history


@pytest.mark.parametrize("part", PARTS)
def test_its_bill_of_materials_is_what_was_locked(part: str) -> None:
    listed = json.loads(inside(part, "cat", "/opt/simpul/sbom.json"))
    assert listed["bomFormat"] == "CycloneDX"
    found = {(one["name"].lower().replace("_", "-"), one["version"]) for one in listed["components"]}
    assert all(one["purl"].startswith("pkg:pypi/") for one in listed["components"])
    lock = (CLONE / "requirements" / f"{part}.txt").read_text()
    locked = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", lock, re.MULTILINE))
    assert found <= set(locked.items())
    conditional = set(re.findall(r"^([a-z0-9.-]+)==\S+ ;", lock, re.MULTILINE))
    missing = set(locked) - {name for name, _ in found} - conditional
    assert missing <= ONLY_ON_AN_OLDER_PYTHON


ONLY_ON_AN_OLDER_PYTHON = {"async-timeout"}
"""Locked without a condition by whoever needs it, and yet not for us."""


def test_every_command_that_works_on_a_hub_elsewhere_finds_what_it_needs() -> None:
    program = "import importlib; from ops.cli import COMMANDS;" + (
        "[importlib.import_module(c.module) for c in COMMANDS.values() if c.elsewhere]"
    )
    inside("ops", "python", "-c", program)
