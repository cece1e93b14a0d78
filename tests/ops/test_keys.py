"""Keys are made, shown by name, exchanged and taken away in one file, and whoever reads it sees it at once."""

import json
import os
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from ops import keyring
from ops.cli import main
from ops.contracts import ROOT
from ops.keyring import today
from shared.access import Access, Denied

TOMORROW, YESTERDAY = str(today() + timedelta(1)), str(today() - timedelta(1))


class Ring:
    """A keys file, and `./simpul keys` at work on it."""

    def __init__(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = file
        self._capsys = capsys

    def keys(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        self._capsys.readouterr()
        code = main(["keys", *words, "--file", str(self.file)])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def made(self, *words: str) -> str:
        """The secret that this made."""
        code, out, err = self.keys(*words)
        assert code == 0, err
        return out.removesuffix("\n")

    def refused(self, *words: str) -> str:
        """Why that was refused; the file is as it was, and no secret was shown."""
        before = self.file.read_bytes() if self.file.exists() else None
        code, out, err = self.keys(*words)
        assert (code, out) == (1, "")
        assert (self.file.read_bytes() if self.file.exists() else None) == before
        return err

    def lets_in(self, secret: str) -> bool:
        try:
            return bool(Access(self.file).find(f"Bearer {secret}"))
        except Denied:
            return False


@pytest.fixture
def ring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ring:
    return Ring(tmp_path / "keys.json", capsys)


@pytest.mark.parametrize("role", ["publisher", "opd:DISHUB", "verifier", "admin", "bridge"])
def test_a_key_is_shown_once_alone_and_let_in_as_what_it_is(ring: Ring, role: str) -> None:
    secret = ring.made("add", "meja-1", "--role", role)
    assert "\n" not in secret
    caller = Access(ring.file).find(f"Bearer {secret}")
    assert (caller.name, f"{caller.role}:{caller.opd}" if caller.opd else caller.role) == ("meja-1", role)
    assert secret not in ring.file.read_text()
    assert secret not in "".join(ring.keys("list")[1:]) + "".join(ring.keys("list", "--json")[1:])


def test_the_list_tells_whose_keys_there_are_and_until_when(ring: Ring) -> None:
    ring.made("add", "sikesal", "--role", "publisher", "--expires", TOMORROW)
    [row] = json.loads(ring.keys("list", "--json")[1])
    [entry] = json.loads(ring.file.read_text())["keys"]
    assert row == {
        "name": "sikesal",
        "role": "publisher",
        "created": str(today()),
        "expires": TOMORROW,
        "expired": False,
        "key": entry["sha256"][-4:],
    }
    shown = ring.keys("list")[1]
    assert all(word in shown for word in ("sikesal", "publisher", TOMORROW, entry["sha256"][-4:]))
    assert entry["sha256"] not in shown


def test_a_revoked_name_is_let_in_no_more(ring: Ring) -> None:
    secret, other = ring.made("add", "a", "--role", "admin"), ring.made("add", "b", "--role", "admin")
    access = Access(ring.file)
    assert ring.keys("revoke", "a")[0] == 0
    with pytest.raises(Denied):
        access.find(f"Bearer {secret}")
    assert access.find(f"Bearer {other}").name == "b"


def test_after_a_rotation_both_keys_are_good_until_the_older_ones_last_day(ring: Ring) -> None:
    old = ring.made("add", "sikesal", "--role", "publisher")
    new = ring.made("rotate", "sikesal", "--overlap", "3")
    assert ring.lets_in(old)
    assert ring.lets_in(new)
    entries = json.loads(ring.file.read_text())["keys"]
    assert [entry.get("expires") for entry in entries] == [str(today() + timedelta(3)), None]
    assert {(entry["name"], entry["role"]) for entry in entries} == {("sikesal", "publisher")}


def test_a_rotation_never_lengthens_an_older_keys_life(ring: Ring) -> None:
    ring.made("add", "a", "--role", "admin", "--expires", TOMORROW)
    ring.made("rotate", "a", "--overlap", "30", "--expires", str(today() + timedelta(90)))
    assert json.loads(ring.file.read_text())["keys"][0]["expires"] == TOMORROW


def test_one_key_of_a_name_can_be_revoked_alone(ring: Ring) -> None:
    old = ring.made("add", "a", "--role", "admin")
    new = ring.made("rotate", "a")
    ending = json.loads(ring.file.read_text())["keys"][0]["sha256"][-4:]
    assert ring.keys("revoke", "a", "--key", ending)[0] == 0
    assert not ring.lets_in(old)
    assert ring.lets_in(new)


def test_what_cannot_be_is_refused_in_a_sentence(ring: Ring) -> None:
    ring.made("add", "a", "--role", "admin")
    ring.made("add", "short", "--role", "admin", "--expires", TOMORROW)
    for words, why in [
        (("add", "a", "--role", "admin"), "has a key already"),
        (("add", "a", "--role", "verifier"), "has a key already"),
        (("add", "b", "--role", "king"), "no such role"),
        (("add", "b", "--role", "opd"), "no such role"),
        (("add", "b", "--role", "opd:TIDAK-ADA"), "has no agency TIDAK-ADA"),
        (("add", "b", "--role", "opd:PLN"), "outside the city"),
        (("add", "b", "--role", "admin", "--expires", YESTERDAY), "is past"),
        (("add", "a:b", "--role", "admin"), "no colon"),
        (("add", "Aplikasi Warga", "--role", "publisher"), "source of its complaints"),
        (("add", "lapor", "--role", "publisher"), "bridge's own source"),
        (("revoke", "nobody"), "has no key"),
        (("revoke", "a", "--key", "none"), "has no key that ends in"),
        (("rotate", "nobody"), "has no key that is good"),
        (("rotate", "short"), "say the next one's with --expires"),
    ]:
        assert why in ring.refused(*words)


@pytest.mark.parametrize("day", ["tomorrow", "31-12-2027", "2027-02-30"])
def test_a_day_that_is_none_is_told(ring: Ring, day: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ring.keys("add", "a", "--role", "admin", "--expires", day)
    assert "is no date" in capsys.readouterr().err


def test_without_the_citys_files_any_agency_is_taken(
    ring: Ring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPUL_CITY_DIR", str(tmp_path))
    assert ring.made("add", "b", "--role", "opd:TIDAK-ADA")


def test_a_file_that_is_none_is_left_as_it_is(ring: Ring) -> None:
    ring.file.write_text("{")
    assert "is no keys file" in ring.refused("add", "a", "--role", "admin")
    assert "is no keys file" in ring.refused("list")


def test_where_there_is_no_file_that_is_told(ring: Ring) -> None:
    assert "there is no keys file" in ring.refused("list")
    ring.file = ring.file.parent / "nowhere" / "keys.json"
    assert "cannot be written" in ring.refused("add", "a", "--role", "admin")


def test_the_file_is_read_by_owner_and_group_and_never_opened_wider(ring: Ring) -> None:
    ring.made("add", "a", "--role", "admin")
    assert stat.S_IMODE(ring.file.stat().st_mode) == 0o640
    for before, after in [(0o600, 0o600), (0o640, 0o640), (0o666, 0o640)]:
        ring.file.chmod(before)
        ring.made("rotate", "a")
        assert stat.S_IMODE(ring.file.stat().st_mode) == after


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_made_by_root_it_stays_the_services_own(ring: Ring) -> None:
    os.chown(ring.file.parent, 1234, 1235)
    ring.made("add", "a", "--role", "admin")
    assert (ring.file.stat().st_uid, ring.file.stat().st_gid) == (1234, 1235)
    os.chown(ring.file, 1236, 1237)
    ring.made("rotate", "a")
    assert (ring.file.stat().st_uid, ring.file.stat().st_gid) == (1236, 1237)


def test_the_file_is_named_by_the_environment_where_no_option_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPUL_KEYS_FILE", str(tmp_path / "mounted.json"))
    assert main(["keys", "add", "a", "--role", "admin"]) == 0
    assert [entry["name"] for entry in keyring.read(tmp_path / "mounted.json")] == ["a"]


def test_two_who_add_at_once_both_have_their_key(ring: Ring) -> None:
    program = [sys.executable, "-P", "-m", "ops", "keys", "add"]
    running = [
        subprocess.Popen(
            [*program, f"name-{n}", "--role", "admin", "--file", str(ring.file)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for n in range(4)
    ]
    secrets = [process.communicate(timeout=60)[0].strip() for process in running]
    assert len(keyring.read(ring.file)) == 4
    assert all(ring.lets_in(secret) for secret in secrets)


def test_what_is_raised_in_the_middle_leaves_the_file_as_it_was(ring: Ring) -> None:
    ring.made("add", "a", "--role", "admin")
    before = ring.file.read_bytes()

    def break_off() -> None:
        with keyring.changing(ring.file) as entries:
            entries.clear()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert ring.file.read_bytes() == before
