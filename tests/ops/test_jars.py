"""Kafka's jars are the locked ones or none."""

import hashlib
from pathlib import Path

import pytest

from ops.refusal import Refusal
from ops.stack import jars

CONTENT = b"a jar"
JAR = jars.Jar("org.example:thing:1.0", hashlib.sha256(CONTENT).hexdigest())


def fetched(content: bytes, calls: list[str]) -> "jars.Fetch":
    def fetch(jar: jars.Jar, staging: Path) -> Path:
        calls.append(jar.coordinate)
        path = staging / "download"
        path.write_bytes(content)
        return path

    return fetch


def silent(_done: int, _all: int) -> None:
    """Hears of no progress."""


def test_a_jar_with_another_sum_is_refused_by_name_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"refused org\.example:thing:1\.0"):
        jars.class_path(tmp_path, [JAR], fetched(b"something else", []), silent)
    assert not (tmp_path / JAR.file).exists()


def test_a_kept_jar_is_not_fetched_again(tmp_path: Path) -> None:
    calls: list[str] = []
    for _ in range(2):
        assert jars.class_path(tmp_path, [JAR], fetched(CONTENT, calls), silent) == [tmp_path / JAR.file]
    assert calls == ["org.example:thing:1.0"]


def test_a_kept_jar_that_was_tampered_with_is_fetched_anew(tmp_path: Path) -> None:
    (tmp_path / JAR.file).write_bytes(b"tampered")
    jars.class_path(tmp_path, [JAR], fetched(CONTENT, []), silent)
    assert (tmp_path / JAR.file).read_bytes() == CONTENT


def test_leftovers_of_a_killed_fetch_go(tmp_path: Path) -> None:
    (tmp_path / "fetching-x").mkdir()
    jars.class_path(tmp_path, [JAR], fetched(CONTENT, []), silent)
    assert [path.name for path in tmp_path.iterdir()] == [JAR.file]


def test_the_lock_holds_what_jars_in_asks_for() -> None:
    locked = {jar.coordinate for jar in jars.locked()}
    assert {root.coordinate for root in jars.roots()} <= locked
    assert all(len(jar.sha256) == 64 for jar in jars.locked())
    assert len({jar.file for jar in jars.locked()}) == len(locked)
