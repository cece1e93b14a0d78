"""Whoever uses a hub in containers from outside, and looks at it again and again until it is as they wait for."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

from tests.containers.engine import Compose
from tests.flow.world import complaint, reference

Got = TypeVar("Got")


def until(look: Callable[[], Got | None], seconds: float, what: str) -> Got:
    """Look again and again until there is something."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = look()
        except httpx.TransportError:
            found = None
        if found:
            return found
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.2)


class Town:
    """Whoever uses the hub from outside, with keys that its own command made.

    `started_in`: seconds until all of it was ready, from nothing but images.
    """

    def __init__(self, compose: Compose, started_in: float) -> None:
        self.compose = compose
        self.started_in = started_in
        self.http = httpx.Client(timeout=20, trust_env=False)
        self._known: dict[tuple[str, int], str] = {}
        self._keys = {
            role: compose.ops("keys", "add", f"test-{role.lower().replace(':', '-')}", "--role", role).strip()
            for role in ("publisher", "verifier", "opd:PERKIM")
        }

    def url(self, service: str, index: int = 1) -> str:
        """Where a replica answers; asked once while it is up."""
        if (service, index) not in self._known:
            self._known[service, index] = self.compose.url(service, index)
        return self._known[service, index]

    def up(self, *scale: str) -> None:
        """Everything ready, at addresses that may be others."""
        self.compose.up(*scale)
        self._known.clear()

    def moved(self) -> None:
        """Containers were made anew: they may be elsewhere."""
        self._known.clear()

    def key(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._keys[role]}"}

    def send(self, index: int = 1, **more: Any) -> str:
        """The ticket of a new complaint."""
        answer = self.http.post(
            f"{self.url('intake', index)}/v1/complaints",
            json=complaint(reference=reference(), **more),
            headers=self.key("publisher"),
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["ticket"])

    def case(self, ticket: str, state: str) -> dict[str, Any]:
        """The case once it is in that state."""

        def look() -> dict[str, Any] | None:
            url = f"{self.url('routing')}/v1/cases/{ticket}"
            answer = self.http.get(url, headers=self.key("verifier"))
            return answer.json() if answer.status_code == 200 and answer.json()["state"] == state else None

        return until(look, 30, f"{ticket} to be {state}")

    def act(self, ticket: str, act: str, **body: str) -> None:
        url = f"{self.url('routing')}/v1/cases/{ticket}/{act}"
        answer = self.http.post(url, json=body, headers=self.key("opd:PERKIM"))
        assert answer.status_code == 200, answer.text
