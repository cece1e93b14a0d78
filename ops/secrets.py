"""`secrets`: what a hub in containers keeps secret, made where it is missing; and new passwords for stores.

A folder for each part, so that a container sees its own and no other's; the hashed keys lie beside, for all.
"""

import argparse
import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from ops import hub
from ops.hub import Elsewhere, Hub
from ops.refusal import Refusal
from ops.stack import credentials
from ops.stack.parts import SERVICES
from ops.stack.postgres import SUPERUSER
from shared.database import AWAY, quoted

LAPOR = ("lapor-auth", "lapor-token")
"""The two static headers of SP4N-LAPOR, for the bridge; the simulator lets in who sends the same."""


OPERATOR = "operator"
"""The name that commands come in by."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Folder and keys file are named by the environment."""
    acts = parser.add_subparsers(dest="act", metavar="ACT")
    rotates = acts.add_parser("rotate", help="give roles of PostgreSQL a new password")
    rotates.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        choices=(SUPERUSER, *SERVICES),
        help=", ".join((SUPERUSER, *SERVICES)),
    )


def run(args: argparse.Namespace) -> None:
    here = hub.current()
    if args.act == "rotate":
        try:
            asyncio.run(rotate(here, args.names))
        except AWAY as away:
            raise Refusal(
                f"the stores do not answer ({type(away).__name__}); is it up? {here.way_up}"
            ) from None
        services = [name for name in args.names if name in SERVICES]
        again = f"docker compose restart {' '.join(services)}" if isinstance(here, Elsewhere) else here.way_up
        print(
            f"new passwords: {', '.join(args.names)}."
            + (f" Now, so that they are used: {again}" if services else "")
        )
        return
    if not isinstance(here, Elsewhere):
        raise Refusal("the local hub makes its own; this is for one that runs elsewhere")
    made = make(here.secrets, here.keys_file)
    print("made: " + ", ".join(made) if made else "nothing was missing")


async def rotate(here: Hub, names: Sequence[str]) -> None:
    """Give these roles of PostgreSQL a new password each, kept where its holder reads it.

    What is connected stays so; a service needs the new one when it connects again, so it is to be restarted soon.
    Where this breaks off, say it again: the superuser's next password is kept before it is set.
    """
    for name in dict.fromkeys(names):
        fresh = secrets.token_urlsafe(24)
        connection = await _as_superuser(here)
        try:
            here.keep_password(name, fresh, until_set=name == SUPERUSER)
            await connection.execute(f"ALTER ROLE {quoted(name)} PASSWORD '{fresh}'")
            here.keep_password(name, fresh)
        finally:
            await connection.close()


async def _as_superuser(here: Hub) -> "asyncpg.Connection[asyncpg.Record]":
    """By its password; by the next one where a rotation broke off before that was written down as its own."""
    try:
        return await asyncpg.connect(here.database_dsn("postgres"), timeout=10)
    except asyncpg.InvalidPasswordError:
        fresh = here.password_to_be(SUPERUSER)
        if fresh is None:
            raise Refusal("PostgreSQL does not take the superuser's password that is kept here") from None
        here.keep_password(SUPERUSER, fresh)
        return await asyncpg.connect(here.database_dsn("postgres"), timeout=10)


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
