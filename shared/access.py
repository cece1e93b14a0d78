"""Who may come in: bearer keys, hashed, in one mounted file that is read again when it changes."""

import hashlib
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, cast, get_args

from fastapi import Request

from shared import clock

_NAME = re.compile(r"[^:\x00-\x1f\x7f]{1,64}")

Role = Literal["publisher", "opd", "verifier", "admin", "bridge"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key it was. `opd` is the code for role opd, else None."""

    name: str
    role: Role
    opd: str | None


class Denied(Exception):
    """401 where the key is missing, unknown or expired; 403 where its role does not fit."""

    def __init__(self, status: Literal[401, 403], reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def new_key(name: str, role: str, expires: date | None = None) -> tuple[str, dict[str, str]]:
    """A fresh key: the secret, to be shown once, and the entry for the file's `keys` list.

    `role` is publisher, verifier, admin, bridge or `opd:CODE`. The name is printable and holds no
    colon, which ids derived from it are joined with. ValueError where either is something else.
    """
    _parse_role(role)
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"a key's name has 1 to 64 printable characters and no colon: {name!r}")
    secret = f"simpul_{secrets.token_urlsafe(32)}"
    entry = {"name": name, "role": role, "sha256": hashlib.sha256(secret.encode()).hexdigest()}
    return secret, entry | ({"expires": expires.isoformat()} if expires else {})


def _parse_role(role: str) -> tuple[Role, str | None]:
    kind, _, code = role.partition(":")
    if kind not in get_args(Role) or (kind == "opd") != bool(code):
        raise ValueError(f"no such role: {role} (publisher, opd:CODE, verifier, admin, bridge)")
    return cast("Role", kind), code or None


class Access:
    """The keys in the file at `path`; a broken new version keeps the last good one in force."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._keys: dict[str, tuple[Caller, date | None]] = {}
        self._refresh(strict=True)

    def caller(self, *roles: Role) -> Callable[[Request], Awaitable[Caller]]:
        """A FastAPI dependency that lets in only these roles and says who came."""

        async def who(request: Request) -> Caller:
            found = self.find(request.headers.get("authorization", ""))
            if found.role not in roles:
                raise Denied(
                    403, f"a key with role {found.role} may not do this; it takes {' or '.join(roles)}"
                )
            return found

        return who

    def find(self, authorization: str) -> Caller:
        """Whose `Authorization` header that is. Raises Denied(401)."""
        self._refresh()
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise Denied(401, "send a key: Authorization: Bearer …")
        known = self._keys.get(hashlib.sha256(secret.strip().encode()).hexdigest())
        if known is None:
            raise Denied(401, "no such key")
        caller, expires = known
        if expires is not None and clock.now().astimezone(clock.JAKARTA).date() > expires:
            raise Denied(401, "this key has expired")
        return caller

    def _refresh(self, *, strict: bool = False) -> None:
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size)
            if seen == self._seen:
                return
            entries = json.loads(self._path.read_bytes())["keys"]
            keys: dict[str, tuple[Caller, date | None]] = {}
            for entry in entries:
                role, opd = _parse_role(entry["role"])
                expires = date.fromisoformat(entry["expires"]) if "expires" in entry else None
                keys[entry["sha256"]] = (Caller(entry["name"], role, opd), expires)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as wrong:
            if strict:
                raise SystemExit(f"cannot start: the keys file {self._path} is unreadable: {wrong}") from None
            return
        self._keys, self._seen = keys, seen
