"""Who may come in: bearer keys, hashed, in one mounted file that is read again when it changes."""

import hashlib
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, cast, get_args

import structlog
from fastapi import Request, Security
from fastapi.security import HTTPBearer

from shared import clock
from shared.limits import Buckets, Limits, address_of

log = structlog.get_logger(__name__)

_NAME = re.compile(r"[^:\x00-\x1f\x7f]{1,64}")

Role = Literal["publisher", "opd", "verifier", "admin", "bridge"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key it was. `opd` is the code for role opd, else None."""

    name: str
    role: Role
    opd: str | None


Why = Literal["no_key", "unknown_key", "expired_key", "not_allowed"]


class Denied(Exception):
    """401 where the key is missing, unknown or expired; 403 where its role does not fit."""

    def __init__(self, status: Literal[401, 403], reason: str, why: Why = "not_allowed") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.why: Why = why


class _Bearer(HTTPBearer):
    """Says in the OpenAPI document that a route takes a key; looking the key up is Access's."""

    async def __call__(self, _: Request) -> None:  # type: ignore[override]
        return None


BEARER = _Bearer(scheme_name="key", description="A key made by `./simpul keys add`.")


def new_key(
    name: str, role: str, expires: date | None = None, created: date | None = None
) -> tuple[str, dict[str, str]]:
    """A fresh key: the secret, to be shown once, and the entry for the file's `keys` list.

    `role` is publisher, verifier, admin, bridge or `opd:CODE`. The name is printable and holds no
    colon, which ids derived from it are joined with. ValueError where either is something else.
    """
    _parse_role(role)
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"a key's name has 1 to 64 printable characters and no colon: {name!r}")
    secret = f"simpul_{secrets.token_urlsafe(32)}"
    entry = {"name": name, "role": role, "sha256": hashlib.sha256(secret.encode()).hexdigest()}
    days = {"created": created, "expires": expires}
    return secret, entry | {day: on.isoformat() for day, on in days.items() if on is not None}


def _parse_role(role: str) -> tuple[Role, str | None]:
    kind, _, code = role.partition(":")
    if kind not in get_args(Role) or (kind == "opd") != bool(code):
        raise ValueError(f"no such role: {role} (publisher, opd:CODE, verifier, admin, bridge)")
    return cast("Role", kind), code or None


def parse_keys(written: bytes) -> dict[str, tuple[Caller, date | None]]:
    """Hash → whose key it is and its last day. Raises an error of BROKEN where that is no keys file."""
    keys: dict[str, tuple[Caller, date | None]] = {}
    for entry in json.loads(written)["keys"]:
        role, opd = _parse_role(entry["role"])
        expires = date.fromisoformat(entry["expires"]) if "expires" in entry else None
        keys[entry["sha256"]] = (Caller(entry["name"], role, opd), expires)
    return keys


BROKEN = (ValueError, KeyError, TypeError, AttributeError)
"""What a file that is no keys file is met with."""


class Access:
    """The keys in the file at `path`; a broken new version keeps the last good one in force.

    `limits` bounds how often each key, and each address without one, may ask.
    """

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self._path = path
        self._limits = limits or Limits()
        self._buckets = Buckets()
        self._seen: tuple[int, int, int] | None = None
        self._keys: dict[str, tuple[Caller, date | None]] = {}
        self._trouble: str | None = None
        self._refresh(strict=True)

    def caller(self, *roles: Role) -> Callable[..., Awaitable[Caller]]:
        """A FastAPI dependency that lets in only these roles, as often as theirs allows, and says who came."""

        async def who(request: Request, _: Annotated[None, Security(BEARER, scopes=[*roles])]) -> Caller:
            found = await self.known(request)
            if found.role not in roles:
                raise Denied(
                    403, f"a key with role {found.role} may not do this; it takes {' or '.join(roles)}"
                )
            return found

        return who

    async def known(self, request: Request) -> Caller:
        """Whose key came with it, whatever its role, as often as that allows. Raises Denied(401)."""
        found = self.looked_up(request)
        request.state.role = found.role
        self._buckets.take((found.role, found.name), self._limits.rates[found.role])
        return found

    def looked_up(self, request: Request) -> Caller:
        """Whose key came with it; only a miss counts, to the address. Raises Denied(401), or TooMany after many."""
        try:
            return self.find(request.headers.get("authorization", ""))
        except Denied:
            self._charge(request, "unknown")
            raise

    async def anybody(self, request: Request) -> None:
        """A FastAPI dependency for routes without a key: each address as often as the public may."""
        request.state.role = "public"
        self._charge(request, "public")

    def find(self, authorization: str) -> Caller:
        """Whose `Authorization` header that is. Raises Denied(401)."""
        self._refresh()
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise Denied(401, "send a key: Authorization: Bearer …", "no_key")
        known = self._keys.get(hashlib.sha256(secret.strip().encode()).hexdigest())
        if known is None:
            raise Denied(401, "no such key", "unknown_key")
        caller, expires = known
        if expires is not None and clock.now().astimezone(clock.JAKARTA).date() > expires:
            raise Denied(401, "this key has expired", "expired_key")
        return caller

    def speaks_for(self, name: str) -> str | None:
        """The OPD of a good key of that name; None where there is none."""
        self._refresh()
        today = clock.now().astimezone(clock.JAKARTA).date()
        return next(
            (
                caller.opd
                for caller, expires in self._keys.values()
                if caller.name == name and caller.opd is not None and (expires is None or today <= expires)
            ),
            None,
        )

    def trouble(self) -> str | None:
        """What is wrong with the file as it is now, in words; None where it is in force."""
        self._refresh()
        return self._trouble

    def _charge(self, request: Request, kind: Literal["public", "unknown"]) -> None:
        address = address_of(request, self._limits.trusted)
        self._buckets.take((kind, address), self._limits.rates[kind])

    def _refresh(self, *, strict: bool = False) -> None:
        """Read the file where it is another than the one last seen, sound or not."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen == self._seen:
                return
            self._keys = parse_keys(self._path.read_bytes())
        except OSError as wrong:
            self._unfit(f"{wrong.strerror}", strict=strict)
            self._seen = None  # a file that cannot be read is tried again
            return
        except BROKEN as wrong:
            self._unfit(f"it is no keys file ({type(wrong).__name__})", strict=strict)
        else:
            if self._trouble is not None:
                log.info("the keys file is in force again", file=str(self._path))
            self._trouble = None
        self._seen = seen

    def _unfit(self, why: str, *, strict: bool) -> None:
        if strict:
            raise SystemExit(f"cannot start: the keys file {self._path} is unreadable: {why}") from None
        if why != self._trouble:
            log.error("the keys file is unreadable; the keys of its last good version hold", why=why)
        self._trouble = why
