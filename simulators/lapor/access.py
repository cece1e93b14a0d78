"""Who may call the simulated LAPOR: two static headers, as the one known integrator sends them."""

import hmac
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

DEFAULT_NAME = "hub"


@dataclass(frozen=True, slots=True)
class Keys:
    """Accepted secrets by name; `auth` names the caller, `token` only has to be one of the known."""

    auth: dict[str, str]
    token: dict[str, str]

    def caller(self, request: Request) -> str | None:
        """The name of the key that calls, or None when either header is missing or wrong."""
        sent = request.headers.get("auth") or ""
        kind, _, bearer = request.headers.get("authorization", "").partition(" ")
        if not sent and kind.lower() == "bearer":
            sent = bearer.strip()
        name = _name_of(sent, self.auth)
        return name if name and _name_of(request.headers.get("token", ""), self.token) else None


def read_keys(auth_file: Path, token_file: Path) -> Keys:
    """Keys from two files: each line `secret` (its name is then "hub") or `name secret`.

    `#` starts a comment. Exits with a sentence when a file cannot be read or holds no secret.
    """
    return Keys(_read(auth_file), _read(token_file))


def _read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as wrong:
        raise SystemExit(f"cannot start: {path.name} cannot be read ({wrong.strerror})") from None
    found: dict[str, str] = {}
    for line in lines:
        words = line.split()
        if words and not words[0].startswith("#"):
            found[words[0] if len(words) > 1 else DEFAULT_NAME] = words[-1]
    if not found:
        raise SystemExit(f"cannot start: {path.name} holds no secret")
    return found


def _name_of(sent: str, known: dict[str, str]) -> str | None:
    given = sent.encode()
    matches = [name for name, secret in known.items() if hmac.compare_digest(secret.encode(), given)]
    return matches[0] if matches else None
