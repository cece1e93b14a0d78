"""Asking intake who reported a complaint, at the moment in which its report is made in SP4N-LAPOR.

What is told is sent on and forgotten: it is kept in no store, no log and no error. Intake writes down each reading.
"""

from pathlib import Path

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from services.lapor_bridge.lapor.client import read_secret
from shared.events.parts import Reporter

SECONDS = 5.0


class NotTold(Exception):
    """Intake does not say it now, for a cause that passes or that a person ends. `reason` quotes nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Told(BaseModel):
    """Of intake's answer what is used here."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    anonymous: bool
    confidential: bool
    reporter: Reporter | None


class Reporters:
    """Intake's door for the bridge's key, which is read anew each time: one that is exchanged holds at once."""

    def __init__(self, url: str, key_file: Path) -> None:
        read_secret(key_file)
        self._key_file = key_file
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            timeout=httpx.Timeout(SECONDS),
            limits=httpx.Limits(max_connections=4, keepalive_expiry=5),
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def of(self, ticket: str, *, confidential: bool) -> Reporter | None:
        """Who reported it, None where nobody said so. Raises NotTold.

        `confidential`: as the caller knows it. Where intake knows better, the fact is on its way to us, and what
        it forbids must not be sent before it is here.
        """
        try:
            key = read_secret(self._key_file)
            answer = await self._http.get(
                f"/v1/complaints/{ticket}/reporter", headers={"authorization": f"Bearer {key}"}
            )
        except SystemExit as unreadable:
            raise NotTold(str(unreadable).removeprefix("cannot start: ")) from None
        except httpx.HTTPError as away:
            raise NotTold(f"intake cannot be reached ({type(away).__name__})") from None
        if answer.status_code != 200:
            raise NotTold(f"intake answered {answer.status_code}{_MEANS.get(answer.status_code, '')}")
        try:
            told = _Told.model_validate_json(answer.content)
        except ValidationError:
            raise NotTold("intake's answer cannot be read") from None
        if told.anonymous or told.confidential != confidential:
            raise NotTold("intake knows other flags of it than were heard here")
        return told.reporter


_MEANS = {
    401: ": our key is not accepted",
    403: ": not a bridge's key, or the reporter is not to be named any more",
    404: ": it has no complaint of this ticket",
    410: ": who reported it is erased",
}
