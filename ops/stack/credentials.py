"""What a local hub keeps secret: store passwords, the master key, keys for trying; made once, mode 0600."""

import base64
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from ops import keyring
from ops.refusal import Refusal

TRIAL_ROLES = ("publisher", "opd:DISHUB", "opd:PUPR", "opd:DLH", "opd:PERKIM", "verifier", "admin")
"""One key for each is written by `up`."""


NEXT = ".next"
"""What ends the name under which a password is kept before it is set."""


def passwords(file: Path, names: Iterable[str]) -> dict[str, str]:
    """name → password; those that are missing are made."""
    known: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    missing = {name: secrets.token_urlsafe(24) for name in names if name not in known}
    if missing:
        known |= missing
        write_private(file, json.dumps(known, indent=2))
    return known


def keep_password(file: Path, name: str, password: str) -> None:
    """In a local hub: another password for a role of PostgreSQL."""
    known: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    write_private(file, json.dumps(known | {name: password}, indent=2))


def master_key(file: Path) -> Path:
    """The file with 32 random bytes in base64; never made anew over an old one."""
    if not file.exists():
        write_private(file, random_key())
    return file


def trial_keys(hashed: Path, plain: Path, roles: Iterable[str] = TRIAL_ROLES) -> dict[str, str]:
    """role → key, for the person who tries the hub; see `kept_keys`."""
    return kept_keys(
        hashed, plain, {role: (f"trial-{role.replace(':', '-').lower()}", role) for role in roles}
    )


def kept_keys(hashed: Path, plain: Path, wanted: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """who → key, for a hub that is tried out: made once, and anew where the services do not know it.

    `wanted`: who → its name and role. `hashed` is what the services read, `plain` what people do.
    """
    shown: dict[str, str] = json.loads(plain.read_text(encoding="utf-8")) if plain.exists() else {}
    known = {entry["name"] for entry in keyring.read(hashed)} if hashed.exists() else set()
    fresh = [who for who, (name, _) in wanted.items() if who not in shown or name not in known]
    if not fresh:
        return shown
    hashed.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with keyring.changing(hashed) as entries:
        names = {wanted[who][0] for who in fresh}
        entries[:] = [entry for entry in entries if entry["name"] not in names]
        for who in fresh:
            shown[who] = keyring.append(entries, *wanted[who])
        # first what is shown: a key that no service knows yet is noticed, a key that nobody knows is not
        write_private(plain, json.dumps(shown, indent=2))
    return shown


BRIDGE = "lapor-bridge"
"""The name by which the bridge asks intake who reported a complaint."""


def key_file(hashed: Path, file: Path, name: str, role: str) -> Path | None:
    """A part's own key in a file of its own, and its hash for the services: the file, if it had to be made.

    One that was revoked stays so: it is made only where the file or the hashed keys are missing.
    """
    if file.exists() and hashed.exists():
        return None
    hashed.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with keyring.changing(hashed) as entries:
        entries[:] = [entry for entry in entries if entry["name"] != name]
        write_private(file, keyring.append(entries, name, role))
    return file


def write_private(file: Path, text: str, mode: int = 0o600) -> None:
    """Write a file that only its owner reads, whole or not at all. `mode` may let its group read it, too."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)


def random_key() -> str:
    """32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def store_password_file(folder: Path, name: str) -> Path:
    """In a hub in containers: the password of a role of PostgreSQL."""
    return folder / name / "store-password"


def store_password(folder: Path, name: str) -> str:
    """That password. Refusal where it is not there."""
    file = store_password_file(folder, name)
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as wrong:
        raise Refusal(f"{file} cannot be read ({wrong.strerror}); `secrets` makes what is missing") from None


def bridge_key(folder: Path) -> Path:
    """In a hub in containers: the file with the key by which the bridge asks intake."""
    return folder / "lapor_bridge" / "intake-key"


def operator_key(folder: Path) -> Path:
    """In a hub in containers: the file with the key that commands come in with."""
    return folder / "ops" / "admin.key"
