"""What a local hub keeps secret: made once, readable to its owner alone."""

import base64
import stat
from pathlib import Path

from ops.stack import credentials
from shared.access import Access


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_passwords_are_made_once_and_added_to(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "postgres.json"
    first = credentials.passwords(file, ["intake"])
    again = credentials.passwords(file, ["intake", "routing"])
    assert again["intake"] == first["intake"] != again["routing"]
    assert mode(file) == 0o600


def test_the_master_key_is_32_bytes_and_never_replaced(tmp_path: Path) -> None:
    file = credentials.master_key(tmp_path / "master.key")
    kept = file.read_bytes()
    assert len(base64.b64decode(kept)) == 32
    assert credentials.master_key(file).read_bytes() == kept
    assert mode(file) == 0o600


def test_each_role_has_a_key_that_the_services_let_in(tmp_path: Path) -> None:
    hashed, plain = tmp_path / "keys.json", tmp_path / "secrets" / "keys.json"
    keys = credentials.trial_keys(hashed, plain)
    assert keys == credentials.trial_keys(hashed, plain)
    access = Access(hashed)
    for role, key in keys.items():
        caller = access.find(f"Bearer {key}")
        assert role in (caller.role, f"opd:{caller.opd}")
        assert key not in hashed.read_text()
    assert mode(plain) == 0o600


def test_keys_whose_hashes_were_lost_are_made_anew(tmp_path: Path) -> None:
    hashed, plain = tmp_path / "keys.json", tmp_path / "secrets" / "keys.json"
    credentials.trial_keys(hashed, plain)
    hashed.unlink()
    keys = credentials.trial_keys(hashed, plain)
    assert Access(hashed).find(f"Bearer {keys['admin']}").role == "admin"
