"""docs/asyncapi.yaml is what AsyncAPI's own parser takes, not only ours. Runs where node and npm are."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.contracts import ROOT

PARSER, AS_OF = "@asyncapi/parser@3.4.0", "2026-06-01"
"""With what it needs as of that day: npm resolves the same versions for ever."""

CONTENT = "d3b87ce9eab69dceb1260ee0124bb3940da4de9d82563daeb43cd512ef983079"
"""SHA-256 over path, version and checksum of all its packages; npm has held each against its checksum."""

HOME = ROOT / ".simpul" / "cache" / "asyncapi" / CONTENT[:12]
DOCUMENT = ROOT / "docs" / "asyncapi.yaml"
READER = Path(__file__).with_name("asyncapi_parser.cjs")


@pytest.fixture(scope="module")
def node() -> str:
    """A node with the parser in HOME, fetched once; skipped, with the reason, where there can be none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("no node and npm here, so AsyncAPI's own parser cannot run")
    if not HOME.exists():
        _fetch(npm)
    return node


def _fetch(npm: str) -> None:
    fresh = HOME.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    (fresh / "package.json").write_text('{"private": true}')
    command = [
        npm,
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        "--no-save",
    ]
    made = subprocess.run(
        [*command, f"--before={AS_OF}", PARSER],
        cwd=fresh,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if made.returncode:
        pytest.skip("npm could not fetch AsyncAPI's parser (no network?)")
    packages = json.loads((fresh / "node_modules" / ".package-lock.json").read_text())["packages"]
    lines = sorted(f"{path}@{one['version']} {one['integrity']}" for path, one in packages.items())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == CONTENT, "npm brought other packages"
    fresh.rename(HOME)


def parsed(node: str, document: Path) -> dict[str, Any]:
    ran = subprocess.run(
        [node, str(READER), str(HOME), str(document)], capture_output=True, text=True, timeout=120, check=True
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_the_official_parser_finds_nothing_wrong_with_our_document(node: str) -> None:
    said = parsed(node, DOCUMENT)
    assert said["valid"]
    assert [one for one in said["found"] if one["severity"] <= 1] == []


def test_it_would_find_what_is_wrong(node: str, tmp_path: Path) -> None:
    document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    next(iter(document["operations"].values()))["action"] = "sing"
    broken = tmp_path / "asyncapi.yaml"
    broken.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert not parsed(node, broken)["valid"]
