"""`secrets`: what a hub in containers keeps secret, made where it is missing; nothing that is there is changed.

A folder for each part, so that a container sees its own and no other's; the hashed keys lie beside, for all.
"""

import argparse
import secrets
from pathlib import Path

from ops import hub
from ops.hub import Elsewhere
from ops.refusal import Refusal
from ops.stack import credentials
from ops.stack.parts import SERVICES
from ops.stack.postgres import SUPERUSER

LAPOR = ("lapor-auth", "lapor-token")
"""The two static headers of SP4N-LAPOR, for the bridge; the simulator lets in who sends the same."""


OPERATOR = "operator"
"""The name that commands come in by."""


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """None: folder and keys file are named by the environment."""


def run(_args: argparse.Namespace) -> None:
    here = hub.current()
    if not isinstance(here, Elsewhere):
        raise Refusal("the local hub makes its own; this is for one that runs elsewhere")
    made = make(here.secrets, here.keys_file)
    print("made: " + ", ".join(made) if made else "nothing was missing")


def make(folder: Path, keys_file: Path) -> list[str]:
    """Fill what is missing under `folder` and in the file of hashed keys; the names of what was made."""
    made = [
        _made(credentials.store_password_file(folder, name), secrets.token_urlsafe(24))
        for name in (SUPERUSER, *SERVICES)
    ]
    made.append(_made(folder / "intake" / "master.key", credentials.random_key()))
    for name in LAPOR:
        bridge = folder / "lapor_bridge" / name
        made.append(_made(bridge, secrets.token_urlsafe(24)))
        made.append(_made(folder / "simulator" / name, bridge.read_text(encoding="utf-8")))
    own = (
        (credentials.operator_key(folder), OPERATOR, "admin"),
        (credentials.bridge_key(folder), credentials.BRIDGE, "bridge"),
    )
    whole = keys_file.exists()
    for file, name, role in own:
        if not whole:
            file.unlink(missing_ok=True)
        made.append(credentials.key_file(keys_file, file, name, role))
    return [str(file.relative_to(folder)) for file in made if file is not None]


def _made(file: Path, text: str) -> Path | None:
    """The file, if it was missing. Its group may read it: PostgreSQL runs as a user of its own."""
    if file.exists():
        return None
    credentials.write_private(file, text, 0o640)
    return file
