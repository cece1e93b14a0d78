"""What `./simpul` says and does before there is anything but a shell and, perhaps, a Python."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("sh", "dirname", "readlink", "cmp", "env")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a space in its path, never started."""
    return make_clone(tmp_path / "a clone")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH whose newest Python is a shim without one behind it, and which has a real one, too."""
    return path_with(
        tmp_path_factory.mktemp("path") / "bin", {"python3.14": "exit 127", "python3.11": base_python()}
    )


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, python: str) -> Path:
    """A clone that was started once."""
    root = make_clone(tmp_path_factory.mktemp("once") / "a clone")
    assert start(root, python).returncode == 0
    return root


def make_clone(root: Path) -> Path:
    """What a start needs of a clone, with a lock that asks for nothing."""
    (root / "ops").mkdir(parents=True)
    (root / "requirements").mkdir()
    shutil.copy(ROOT / "simpul", root / "simpul")
    shutil.copy(ROOT / "ops" / "bootstrap.py", root / "ops" / "bootstrap.py")
    (root / "requirements" / "dev.txt").write_text("# nothing\n")
    (root / "ops" / "__main__.py").write_text("import os, sys\nprint('hub', os.getcwd(), *sys.argv[1:])\n")
    return root


def path_with(folder: Path, programs: Mapping[str, str | Path]) -> str:
    """A PATH that holds the shell's tools and these programs (a path, or a script), and nothing else."""
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool) or "")
    for name, what in programs.items():
        if isinstance(what, Path):
            (folder / name).symlink_to(what)
        else:
            (folder / name).write_text(f"#!{folder}/sh\n{what}\n")
            (folder / name).chmod(0o755)
    return str(folder)


def start(
    program: Path, path: str, *words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run `program` (a clone, or a link to its simpul) without a HOME."""
    return subprocess.run(
        [program / "simpul" if program.is_dir() else program, *words],
        env={"PATH": path, **(env or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def base_python() -> Path:
    """The Python that our own .venv was made from."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def test_without_python_it_says_which_one_it_needs(clone: Path, tmp_path: Path) -> None:
    ran = start(clone, path_with(tmp_path / "bin", {"python3": "exit 1"}), "up")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "simpul: needs Python 3.11 or newer, and found none on PATH.\n"


def test_without_the_venv_module_it_names_what_to_install(clone: Path, tmp_path: Path) -> None:
    no_venv = 'case "$2" in *ensurepip*) exit 1;; esac; exit 0'
    ran = start(clone, path_with(tmp_path / "bin", {"python3.12": no_venv}), "up")
    assert ran.returncode == 1
    assert "python3.12 has no venv module" in ran.stderr
    assert "python3-venv" in ran.stderr


def test_it_works_from_anywhere_through_a_link_and_passes_words_on(
    started: Path, python: str, tmp_path: Path
) -> None:
    (tmp_path / "hub").symlink_to(started / "simpul")
    ran = start(tmp_path / "hub", python, "up", "--only", "a b", cwd=tmp_path)
    assert ran.stdout == f"hub {tmp_path} up --only a b\n"


def test_the_second_start_installs_nothing_and_needs_no_python_on_path(started: Path, tmp_path: Path) -> None:
    before = (started / ".venv" / "installed").stat().st_mtime_ns
    ran = start(started, path_with(tmp_path / "bare", {}), "status")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (started / ".venv" / "installed").stat().st_mtime_ns == before


def test_a_changed_lock_installs_again(started: Path, python: str) -> None:
    (started / "requirements" / "dev.txt").write_text("# nothing, said otherwise\n")
    ran = start(started, python)
    assert "installing 0 packages" in ran.stderr
    assert (started / ".venv" / "installed").read_text() == "# nothing, said otherwise\n"


def test_without_a_network_it_says_so(started: Path, python: str) -> None:
    (started / "requirements" / "dev.txt").write_text(f"nothing==1.0 --hash=sha256:{'0' * 64}\n")
    ran = start(started, python, env={"PIP_INDEX_URL": "http://127.0.0.1:9/simple"})
    assert ran.returncode == 1
    assert "cannot be reached; check the network" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_package_with_another_hash_is_refused(started: Path, python: str, tmp_path: Path) -> None:
    (tmp_path / "nothing-1.0-py3-none-any.whl").write_bytes(b"not the one")
    (started / "requirements" / "dev.txt").write_text(f"nothing==1.0 --hash=sha256:{'0' * 64}\n")
    ran = start(started, python, env={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)})
    assert ran.returncode == 1
    assert "not the one that requirements/dev.txt names" in ran.stderr


def test_what_a_killed_start_left_is_made_anew(clone: Path, python: str) -> None:
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").symlink_to("/nowhere")
    (clone / ".simpul").mkdir()
    (clone / ".simpul" / "bootstrap.unfinished").touch()
    ran = start(clone, python, "status")
    assert ran.stdout.startswith("hub ")
    assert not (clone / ".simpul" / "bootstrap.unfinished").exists()


def test_of_two_starts_at_once_one_installs_and_the_other_waits(clone: Path, python: str) -> None:
    starts = [
        subprocess.Popen([clone / "simpul"], env={"PATH": python}, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [one.communicate(timeout=60)[1] for one in starts]
    assert [one.returncode for one in starts] == [0, 0]
    assert sorted("installing 0 packages" in words for words in said) == [False, True]


def test_an_install_that_runs_is_waited_for(clone: Path, python: str) -> None:
    (clone / ".simpul").mkdir()
    with (clone / ".simpul" / "bootstrap.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [clone / "simpul"],
            env={"PATH": python},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert waiting.stderr is not None
        assert waiting.stderr.readline() == "simpul: another start is installing; waiting for it.\n"
        assert waiting.poll() is None
        os.killpg(waiting.pid, signal.SIGKILL)
        waiting.communicate()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_where_it_may_not_write_it_says_so(clone: Path, python: str) -> None:
    clone.chmod(0o500)
    try:
        ran = start(clone, python)
    finally:
        clone.chmod(0o700)
    assert ran.returncode == 1
    assert "may not write there" in ran.stderr
