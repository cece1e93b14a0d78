"""SP4N-LAPOR over HTTP, without meaning: sends fields, gives back JSON, and says what is known when it fails.

API v3 as one integrator uses it (DOMAIN §2); the listing by update time is not known of the real API, and a
404 from it is reported as such. Nothing is sent twice here: repeating is the caller's decision.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import httpx

Json = dict[str, Any]

PAGES = 1_000
"""The most pages that are followed of one list; a server that turns in circles ends there."""


class LaporError(Exception):
    """Something did not work. `reason` quotes nothing of the answer; `retry_after` in seconds, if LAPOR says."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class NotSent(LaporError):
    """It was surely not done, and not for the request's own sake: no connection, too many requests, our keys."""


class Declined(LaporError):
    """LAPOR refused this very request; it was surely not done."""


class NotThere(Declined):
    """There is no such thing, or no such path."""


class NoAnswer(LaporError):
    """Nobody knows whether it was done: no answer, an error inside LAPOR, or an answer that cannot be read."""


class LaporClient:
    """One connection pool to LAPOR. `seconds` bounds each request as a whole, headers to last byte."""

    def __init__(
        self,
        url: str,
        *,
        auth: str,
        token: str,
        auth_header: Literal["auth", "bearer"] = "auth",
        seconds: float = 10.0,
    ) -> None:
        keys = {"auth": auth} if auth_header == "auth" else {"authorization": f"Bearer {auth}"}
        self._seconds = seconds
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers={**keys, "token": token, "accept": "application/json"},
            timeout=httpx.Timeout(seconds, connect=min(5.0, seconds)),
            limits=httpx.Limits(max_connections=8, keepalive_expiry=20),
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def create(self, report: Mapping[str, object]) -> str:
        """A new report; its id. Raises NotSent, Declined or NoAnswer."""
        answer = await self._ask("POST", "/complaints/complaint", json=report)
        found = answer.get("complaint_id") or _results(answer).get("complaint_id")
        if not isinstance(found, str | int) or not str(found):
            raise NoAnswer("LAPOR took it and named no complaint_id")
        return str(found)

    async def add_followup(self, item: Mapping[str, str]) -> str | None:
        """A follow-up under a report; its id where LAPOR names it. Raises as `create`."""
        answer = await self._ask(
            "POST", "/complaints/followup/add", files={name: (None, value) for name, value in item.items()}
        )
        found = _results(answer).get("data")
        item_id = found.get("id") if isinstance(found, dict) else None
        return str(item_id) if isinstance(item_id, str | int) else None

    async def reject(self, report_id: str, reason: Mapping[str, object]) -> None:
        """Bukan wewenang. Raises as `create`."""
        await self._ask("POST", f"/complaints/process/{report_id}/reject", json=reason)

    async def report(self, report_id: str) -> Json:
        """A report as it stands. Raises NotThere and as `create`."""
        answer = await self._ask("GET", f"/complaints/{report_id}/complaint")
        found = _results(answer).get("data")
        if not isinstance(found, dict):
            raise NoAnswer("an answer without results.data")
        return found

    async def followups(self, report_id: str) -> list[Json]:
        """All follow-ups of a report, in LAPOR's order. Raises as `report`."""
        return [item async for page in self._pages(f"/complaints/{report_id}/followups", {}) for item in page]

    def changed(self, since: str | None, page_size: int = 100) -> AsyncIterator[list[Json]]:
        """Reports that changed since (as LAPOR writes times), page by page, oldest change first."""
        asked = {"page_size": str(page_size), **({"updated_since": since} if since else {})}
        return self._pages("/complaints", asked)

    async def institutions(self) -> list[Json]:
        """LAPOR's own list of institutions, each with its id and present name."""
        path = "/masters/institutions/external"
        return [one async for page in self._pages(path, {"page_size": "200"}) for one in page]

    async def _pages(self, path: str, asked: Mapping[str, str]) -> AsyncIterator[list[Json]]:
        """The pages of a list. Of `next_page_url` only the query counts: behind a gateway its host is not ours."""
        query = dict(asked)
        for _ in range(PAGES):
            results = _results(await self._ask("GET", path, params=query))
            rows = results.get("data")
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise NoAnswer("an answer without a list in results.data")
            yield rows
            following = results.get("next_page_url")
            if not following:
                return
            query = {**query, **dict(parse_qsl(urlsplit(str(following)).query))}
        raise NoAnswer(f"a list of more than {PAGES} pages")

    async def _ask(self, method: str, path: str, **parts: Any) -> Json:
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._http.request(method, path, **parts)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as away:
            raise NotSent("LAPOR cannot be reached") from away
        except (TimeoutError, httpx.TimeoutException) as silent:
            raise NoAnswer("LAPOR did not answer in time") from silent
        except httpx.HTTPError as broken:
            raise NoAnswer(f"the connection broke ({type(broken).__name__})") from broken
        return _read(answer)


def _read(answer: httpx.Response) -> Json:
    """The JSON object of a good answer; otherwise what its status says about the request."""
    status = answer.status_code
    if status == 429:
        raise NotSent("LAPOR answered 429, too many requests", _retry_after(answer))
    if status in (401, 403):
        raise NotSent(f"LAPOR answered {status}: our keys are not accepted", _retry_after(answer))
    if status >= 500:
        raise NoAnswer(f"LAPOR answered {status}", _retry_after(answer))
    if status == 404:
        raise NotThere("LAPOR answered 404, not there")
    if status >= 400:
        raise Declined(f"LAPOR answered {status}{_fields(answer)}")
    if status >= 300:
        raise NoAnswer(f"LAPOR answered {status}, a redirection")
    try:
        body = json.loads(answer.content)
    except ValueError as unreadable:
        raise NoAnswer("an answer that is not JSON") from unreadable
    if not isinstance(body, dict):
        raise NoAnswer("an answer that is not a JSON object")
    return body


def _fields(answer: httpx.Response) -> str:
    """Which fields a refusal names (never their values or texts)."""
    try:
        errors = json.loads(answer.content).get("errors")
    except (ValueError, AttributeError):
        return ""
    names: Sequence[str] = [str(name)[:40] for name in errors] if isinstance(errors, dict) else []
    return f" about {', '.join(names[:10])}" if names else ""


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds of a Retry-After in seconds; a date is left to the caller's own backoff. An hour at most."""
    told = answer.headers.get("retry-after", "")
    return min(float(told), 3600.0) if told.isdigit() else None


def _results(answer: Json) -> Json:
    found = answer.get("results")
    return found if isinstance(found, dict) else {}


def read_secret(path: Path) -> str:
    """The secret in a file: its first line that is no comment; of "name secret" the last word.

    Exits with a sentence that names the file where it cannot be read or holds nothing.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as wrong:
        raise SystemExit(f"cannot start: {path.name} cannot be read ({wrong.strerror})") from None
    for line in lines:
        words = line.split()
        if words and not words[0].startswith("#"):
            return words[-1]
    raise SystemExit(f"cannot start: {path.name} holds no secret")
