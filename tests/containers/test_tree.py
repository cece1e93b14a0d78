"""What can be said of images and tree without an engine: hadolint on the Dockerfile, gitleaks on the history."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ops.stack.roots import CLONE

pytestmark = pytest.mark.containers

GITLEAKS = "v8.30.0"
HADOLINT = CLONE / ".venv" / "bin" / "hadolint"


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint comes in no package for this kind of machine")
def test_hadolint_has_nothing_to_say() -> None:
    said = subprocess.run(
        [HADOLINT, "--failure-threshold=style", CLONE / "deploy" / "Dockerfile"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (said.returncode, said.stdout) == (0, "")


def gitleaks() -> Path:
    """An installed one, or one built by Go, kept for the next time; else the test is skipped."""
    if installed := shutil.which("gitleaks"):
        return Path(installed)
    kept = CLONE / ".simpul" / "cache" / f"gitleaks-{GITLEAKS}"
    if not (kept / "gitleaks").exists():
        if shutil.which("go") is None:
            pytest.skip("neither gitleaks nor Go is here")
        kept.mkdir(parents=True, exist_ok=True)
        made = subprocess.run(
            ["go", "install", f"github.com/zricethezav/gitleaks/v8@{GITLEAKS}"],
            env={**os.environ, "GOBIN": str(kept), "GOFLAGS": ""},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        if made.returncode:
            pytest.skip(f"gitleaks could not be built: {made.stderr.splitlines()[-1:]}")
    return kept / "gitleaks"


@pytest.mark.parametrize("what", ["git", "dir"])
def test_no_secret_was_ever_committed_nor_lies_about(what: str, tmp_path: Path) -> None:
    """`git`: the whole history. `dir`: the tree as it would be committed now."""
    target = CLONE
    if what == "dir":
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=CLONE, capture_output=True, check=True,
        ).stdout.split(b"\0")  # fmt: skip
        for name in filter(None, listed):
            file = CLONE / os.fsdecode(name)
            if file.is_file():
                copy = tmp_path / os.fsdecode(name)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
        target = tmp_path
    command: list[str | Path] = [gitleaks(), what, "--no-banner", "--no-color", "--redact", "--verbose"]
    said = subprocess.run(
        [*command, "--config", CLONE / ".gitleaks.toml", target],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_gitleaks_would_find_one(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(
        "AWS = '" + "AKIA" + "Z7VQ2M5XK3JY4WTD" + "'\nKEY = '" + "simpul_" + "a1B2" * 11 + "'\n"
    )
    said = subprocess.run(
        [gitleaks(), "dir", "--no-banner", "--redact", "--config", CLONE / ".gitleaks.toml", tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert said.returncode == 1
    assert "leaks found: 2" in said.stderr
