"""Makes .venv from the hash-locked requirements; runs on the bare Python that was found: no packages.

Two starts at once wait for each other; a start that was killed midway leaves a mark, and the next one makes
.venv anew. What fails is told in one sentence.
"""

import errno
import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements" / "dev.txt"
INSTALLED = VENV / "installed"
STATE = ROOT / ".simpul"
UNFINISHED = STATE / "bootstrap.unfinished"
LOG = STATE / "logs" / "install.log"

ROOM_NEEDED = 1_200_000_000
"""Bytes: .venv takes 0.5 GB, Kafka, PostgreSQL and their first data the rest."""

REASONS = (
    (r"No space left on device|Disk quota exceeded", "the disk is full"),
    (r"DO NOT MATCH THE HASHES", "a downloaded package is not the one that requirements/dev.txt names"),
    (
        r"NewConnectionError|NameResolutionError|Failed to establish|Temporary failure in name resolution"
        r"|ConnectTimeout|ReadTimeout|Read timed out|ProxyError|SSLError|Network is unreachable"
        r"|Connection (?:refused|aborted|reset)|Connection broken",
        "the package index cannot be reached; check the network (pip's own settings apply)",
    ),
    (r"No matching distribution found for (\S+)", "there is no ready-made package of {0} for this machine"),
    (r"Permission denied", "this user may not write there"),
)
"""What pip's output holds, first match, and how it is told."""


class CannotInstall(Exception):
    """Told to the user as it is."""


def main() -> int:
    try:
        _prepare()
    except CannotInstall as reason:
        sys.stderr.write(f"simpul: {reason}.\n")
        return 1
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        sys.stderr.write(f"simpul: cannot install in {ROOT}: {_disk_words(error)}{place}.\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nsimpul: installing was interrupted; the next start begins anew.\n")
        return 130
    return 0


def _prepare() -> None:
    if os.pathsep in str(ROOT):
        raise CannotInstall(f"the path {ROOT} holds a colon, and Python cannot install there; move the clone")
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with (STATE / "bootstrap.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("simpul: another start is installing; waiting for it.\n")
            fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = LOCK.read_bytes()
        if not _is_in_place(wanted):
            _install(wanted)


def _is_in_place(wanted: bytes) -> bool:
    return os.access(PYTHON, os.X_OK) and INSTALLED.is_file() and INSTALLED.read_bytes() == wanted


def _install(wanted: bytes) -> None:
    usable = not UNFINISHED.exists() and os.access(PYTHON, os.X_OK) and _runs("import pip")
    UNFINISHED.touch()
    if not usable:
        if shutil.disk_usage(ROOT).free < ROOM_NEEDED:
            raise CannotInstall(f"needs about {ROOM_NEEDED / 1e9:.1f} GB of free disk in {ROOT}")
        _make_venv()
    _fill_venv(wanted)
    fresh = INSTALLED.with_name("installed.new")
    fresh.write_bytes(wanted)
    fresh.replace(INSTALLED)
    UNFINISHED.unlink()


def _runs(statement: str) -> bool:
    return subprocess.run([PYTHON, "-I", "-c", statement], capture_output=True, check=False).returncode == 0


def _make_venv() -> None:
    if VENV.is_symlink():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    made = subprocess.run(
        [sys.executable, "-I", "-m", "venv", VENV],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(),
    )
    LOG.write_text(made.stdout + made.stderr)
    if made.returncode:
        reason = _reason(made.stdout + made.stderr) or f"making .venv failed; {LOG} tells why"
        raise CannotInstall(f"cannot make .venv: {reason}")


def _fill_venv(wanted: bytes) -> None:
    total = len(re.findall(rb"^[\w.-]+==", wanted, re.MULTILINE))
    live = sys.stderr.isatty()
    if not live:
        sys.stderr.write(f"simpul: installing {total} packages into .venv (once).\n")
    command = [str(PYTHON), "-I", "-m", "pip", "install", "--require-hashes", "--no-deps"]
    command += ["--only-binary", ":all:"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--retries=2"]
    command += ["-r", str(LOCK)]
    seen, output = 0, []
    with (
        LOG.open("a") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_environment()
        ) as pip,
    ):
        assert pip.stdout is not None
        for line in pip.stdout:
            log.write(line)
            output.append(line)
            if line.startswith(("Collecting ", "Requirement already satisfied")):
                seen += 1
            if live:
                doing = "installing" if line.startswith("Installing collected") else "fetching"
                sys.stderr.write(f"\r\033[Ksimpul: {doing} packages, {min(seen, total)} of {total}")
                sys.stderr.flush()
    if live:
        sys.stderr.write("\r\033[K")
    if pip.returncode:
        reason = _reason("".join(output)) or f"pip failed; {LOG} tells why"
        raise CannotInstall(f"cannot install the requirements: {reason}")


def _environment() -> dict[str, str]:
    """The user's environment, so that pip's settings hold, less what would send packages elsewhere."""
    elsewhere = {
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_USER",
        "PIP_ROOT",
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_NO_BINARY",
    }
    bent = {"PYTHONPATH", "PYTHONHOME", "PIP_QUIET", "PIP_CONSTRAINT", "PIP_REQUIREMENT"}
    return {name: value for name, value in os.environ.items() if name not in elsewhere | bent}


def _reason(output: str) -> str | None:
    for pattern, words in REASONS:
        if found := re.search(pattern, output):
            return words.format(*found.groups())
    return None


def _disk_words(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "this user may not write there"
    return error.strerror or str(error)


if __name__ == "__main__":
    sys.exit(main())
