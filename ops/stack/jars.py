"""Kafka's jars: fetched by their Maven coordinates, held to the sums of deploy/kafka/jars.lock."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from ops.refusal import Refusal

LOCK = Path(__file__).resolve().parents[2] / "deploy" / "kafka" / "jars.lock"
ROOTS = LOCK.with_suffix(".in")


class Jar(NamedTuple):
    """One line of the lock."""

    coordinate: str
    sha256: str

    @property
    def file(self) -> str:
        """The name under which it is kept: group and all, so that two groups cannot meet."""
        group, artifact, version = self.coordinate.split(":")
        return f"{group}.{artifact}-{version}.jar"


Fetch = Callable[[Jar, Path], Path]
"""Downloads a jar somewhere under a folder; the path."""


class Root(NamedTuple):
    """One line of jars.in."""

    coordinate: str
    alone: bool


def roots(path: Path = ROOTS) -> list[Root]:
    """What jars.in asks for."""
    return [Root(words[0], words[1:] == ["alone"]) for words in _lines(path)]


def locked(path: Path = LOCK) -> list[Jar]:
    """The jars of the class path, in order."""
    return [Jar(coordinate, digest.removeprefix("sha256:")) for coordinate, digest in _lines(path)]


def _lines(path: Path) -> list[list[str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines if line.strip() and not line.startswith("#")]


def class_path(cache: Path, wanted: list[Jar], fetch: Fetch, told: Callable[[int, int], None]) -> list[Path]:
    """Every jar's path under `cache`, fetched when missing. `told(done, all)` hears of the progress.

    A kept jar whose sum is not the locked one is fetched anew; a fetched one is refused by name.
    The caller holds the cache's lock.
    """
    for leftover in cache.glob("fetching-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with ThreadPoolExecutor(4) as pool:
        sound = list(pool.map(lambda jar: _is_sound(cache / jar.file, jar), wanted))
    missing = [jar for jar, is_sound in zip(wanted, sound, strict=True) if not is_sound]
    if missing:
        done = len(wanted) - len(missing)
        told(done, len(wanted))
        with (
            tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as staging,
            ThreadPoolExecutor(8) as pool,
        ):
            for path, jar in pool.map(lambda jar: (fetch(jar, Path(staging)), jar), missing):
                _keep(path, jar, cache / jar.file)
                done += 1
                told(done, len(wanted))
    return [cache / jar.file for jar in wanted]


def _is_sound(path: Path, jar: Jar) -> bool:
    return path.is_file() and _sum(path) == jar.sha256


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _keep(fetched: Path, jar: Jar, place: Path) -> None:
    found = _sum(fetched)
    if found != jar.sha256:
        raise Refusal(
            f"refused {jar.coordinate}: its SHA-256 is {found}, and deploy/kafka/jars.lock says {jar.sha256}"
        )
    # a new file under the old name, never a write into a jar that a running broker has mapped
    shutil.copyfile(fetched, place.with_suffix(".new"))
    place.with_suffix(".new").replace(place)


def fetch(jar: Jar, staging: Path) -> Path:
    """Download one jar from Maven's central repository into `staging`."""
    import requests
    from jgo.maven import MavenContext

    group, artifact, version = jar.coordinate.split(":")
    maven = MavenContext(repo_cache=staging, local_repos=[], timeout=30)
    try:
        return maven.project(group, artifact).at_version(version).artifact(packaging="jar").resolve()
    except requests.exceptions.SSLError as error:
        raise Refusal(
            f"cannot fetch {jar.coordinate}: the Maven repository's certificate is not trusted here;"
            " name this network's certificates in REQUESTS_CA_BUNDLE"
        ) from error
    except requests.RequestException as error:
        raise Refusal(
            f"cannot fetch {jar.coordinate}: the Maven repository cannot be reached; check the network"
        ) from error
    except RuntimeError as error:
        raise Refusal(f"cannot fetch {jar.coordinate}: the Maven repository does not have it") from error
    except OSError as error:
        raise Refusal(f"cannot keep {jar.coordinate}: {error.strerror or error}") from error
