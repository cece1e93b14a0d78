"""Who may come in: keys by role, until they expire; a broken file never lets the wrong one in or the right one out."""

import hashlib
import json
import os
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
import structlog
from fastapi import Depends, FastAPI

from shared import clock
from shared.access import Access, Caller, Denied, Role, new_key
from shared.delivery.metrics import Metrics
from shared.limits import RATES, Limits
from shared.web import answer_problems


class KeysFile:
    """A keys file as the operations tool writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[dict[str, Any]] = []
        self._versions = 0

    def add(self, name: str, role: str, *, days: int | None = None) -> str:
        """A new key in the file; its secret. `days` until it expires, as people in Jambi count them."""
        expires = None if days is None else clock.now().astimezone(clock.JAKARTA).date() + timedelta(days)
        secret, entry = new_key(name, role, expires)
        self.entries.append(dict(entry))
        self.write({"keys": self.entries})
        return secret

    def write(self, content: object) -> None:
        """Put this into the file, seen as changed however quickly it follows."""
        self.path.write_text(content if isinstance(content, str) else json.dumps(content))
        self._versions += 1
        os.utime(self.path, ns=(self._versions, self._versions))


@pytest.fixture
def keys(tmp_path: Path) -> KeysFile:
    file = KeysFile(tmp_path / "keys.json")
    file.write({"keys": []})
    return file


def bearer(secret: str) -> str:
    return f"Bearer {secret}"


def test_a_name_speaks_for_the_opd_of_its_key_as_long_as_that_is_good(keys: KeysFile) -> None:
    keys.add("sistem-dishub", "opd:DISHUB")
    keys.add("sikesal", "publisher")
    keys.add("sistem-lama", "opd:DLH", days=-1)
    keys.add("sistem-baru", "opd:DLH", days=0)
    access = Access(keys.path)
    assert access.speaks_for("sistem-dishub") == "DISHUB"
    assert access.speaks_for("sistem-baru") == "DLH"
    assert [access.speaks_for(name) for name in ("sikesal", "sistem-lama", "siapa")] == [None] * 3
    keys.write({"keys": keys.entries[1:]})  # revoked
    assert access.speaks_for("sistem-dishub") is None


def test_a_key_says_who_came_and_as_what(keys: KeysFile) -> None:
    secret, dishub = keys.add("sikesal", "publisher"), keys.add("dishub-desk", "opd:DISHUB")
    access = Access(keys.path)
    assert access.find(bearer(secret)) == Caller("sikesal", "publisher", None)
    assert access.find(bearer(dishub)) == Caller("dishub-desk", "opd", "DISHUB")


def test_only_the_hash_of_a_key_is_kept(keys: KeysFile) -> None:
    secret = keys.add("sikesal", "publisher")
    kept = keys.path.read_text()
    assert secret not in kept
    assert hashlib.sha256(secret.encode()).hexdigest() in kept


def test_no_two_keys_are_alike() -> None:
    assert len({new_key("a", "admin")[0] for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer nothing",
        "Basic c2lrZXNhbDpycw==",
        "{secret}",
        "Token {secret}",
        "Bearer {secret}x",
        "Bearer {hash}",
    ],
)
def test_without_a_known_key_nobody_comes_in(keys: KeysFile, authorization: str) -> None:
    secret = keys.add("sikesal", "publisher")
    sent = authorization.format(secret=secret, hash=hashlib.sha256(secret.encode()).hexdigest())
    with pytest.raises(Denied) as denied:
        Access(keys.path).find(sent)
    assert denied.value.status == 401
    assert secret not in denied.value.reason


def test_the_scheme_is_written_in_any_case(keys: KeysFile) -> None:
    secret = keys.add("sikesal", "publisher")
    assert Access(keys.path).find(f"bearer {secret}").name == "sikesal"


def test_a_key_is_good_to_the_end_of_its_last_day(keys: KeysFile) -> None:
    last_day, over = keys.add("today", "admin", days=0), keys.add("yesterday", "admin", days=-1)
    access = Access(keys.path)
    assert access.find(bearer(last_day)).name == "today"
    with pytest.raises(Denied, match="expired") as denied:
        access.find(bearer(over))
    assert denied.value.status == 401


def test_a_key_that_is_added_or_taken_away_counts_at_once(keys: KeysFile) -> None:
    first = keys.add("first", "verifier")
    access = Access(keys.path)
    second = keys.add("second", "verifier")
    assert access.find(bearer(second)).name == "second"

    keys.write({"keys": keys.entries[1:]})
    assert access.find(bearer(second)).name == "second"
    with pytest.raises(Denied):
        access.find(bearer(first))


BROKEN: Sequence[object] = [
    "",
    "{",
    "null",
    "[]",
    '"keys"',
    {},
    {"keys": None},
    {"keys": 5},
    {"keys": [None]},
    {"keys": ["simpul_x"]},
    {"keys": [{}]},
    {"keys": [{"name": "x", "role": "admin"}]},
    {"keys": [{"name": "x", "role": "king", "sha256": "00"}]},
    {"keys": [{"name": "x", "role": "opd", "sha256": "00"}]},
    {"keys": [{"name": "x", "role": "admin:PUPR", "sha256": "00"}]},
    {"keys": [{"name": "x", "role": 5, "sha256": "00"}]},
    {"keys": [{"name": "x", "role": None, "sha256": "00"}]},
    {"keys": [{"name": "x", "role": "admin", "sha256": ["00"]}]},
    {"keys": [{"name": "x", "role": "admin", "sha256": "00", "expires": "tomorrow"}]},
    {"keys": [{"name": "x", "role": "admin", "sha256": "00", "expires": 20260313}]},
]


@pytest.mark.parametrize("content", BROKEN, ids=repr)
def test_a_broken_new_version_leaves_the_last_good_one_in_force(keys: KeysFile, content: object) -> None:
    secret = keys.add("sikesal", "publisher")
    access = Access(keys.path)
    keys.write(content)
    assert access.find(bearer(secret)).name == "sikesal"
    with pytest.raises(Denied):
        access.find("Bearer unknown")


def test_a_file_that_is_gone_leaves_the_last_good_one_in_force(keys: KeysFile) -> None:
    secret = keys.add("sikesal", "publisher")
    access = Access(keys.path)
    keys.path.unlink()
    assert access.find(bearer(secret)).name == "sikesal"


def test_a_broken_file_is_told_until_it_is_mended(keys: KeysFile) -> None:
    access = Access(keys.path)
    assert access.trouble() is None
    keys.write("{")
    assert "no keys file" in str(access.trouble())
    assert "no keys file" in str(access.trouble())
    keys.path.unlink()
    assert "No such file" in str(access.trouble())
    keys.add("mended", "admin")
    assert access.trouble() is None


def test_a_broken_file_is_logged_once(keys: KeysFile) -> None:
    with structlog.testing.capture_logs() as said:
        access = Access(keys.path)
        for _ in range(2):
            keys.write("{")
            access.trouble()
            access.trouble()
        keys.add("mended", "admin")
        access.trouble()
    assert [line["log_level"] for line in said] == ["error", "info"]


def test_once_mended_the_file_counts_again(keys: KeysFile) -> None:
    access = Access(keys.path)
    keys.write("{")
    with pytest.raises(Denied):
        access.find("Bearer unknown")
    assert access.find(bearer(keys.add("mended", "admin"))).name == "mended"


@pytest.mark.parametrize("content", BROKEN, ids=repr)
def test_a_broken_file_stops_the_start(keys: KeysFile, content: object) -> None:
    keys.write(content)
    with pytest.raises(SystemExit, match=r"^cannot start: the keys file .* is unreadable"):
        Access(keys.path)


def test_no_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^cannot start: the keys file .* is unreadable"):
        Access(tmp_path / "keys.json")


@pytest.mark.parametrize("role", ["", "king", "opd", "opd:", "admin:PUPR", ":DISHUB", "ADMIN"])
def test_there_is_no_key_for_a_role_that_does_not_exist(role: str) -> None:
    with pytest.raises(ValueError, match="no such role"):
        new_key("x", role)


def door(access: Access, roles: Sequence[Role], metrics: Metrics | None = None) -> httpx.AsyncClient:
    """A client of a route that lets in these roles, and of one that lets in anybody."""
    app = FastAPI()
    answer_problems(app, metrics)

    @app.get("/page", dependencies=[Depends(access.anybody)])
    async def page() -> str:
        return "page"

    @app.get("/who")
    async def who(caller: Annotated[Caller, Depends(access.caller(*roles))]) -> dict[str, str | None]:
        return {"name": caller.name, "opd": caller.opd}

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub")


async def asked(access: Access, roles: Sequence[Role], authorization: str | None) -> httpx.Response:
    """The answer of a route that lets in these roles."""
    headers = {} if authorization is None else {"Authorization": authorization}
    async with door(access, roles) as client:
        return await client.get("/who", headers=headers)


async def test_a_route_lets_in_the_roles_it_names(keys: KeysFile) -> None:
    secret = keys.add("desk", "opd:PUPR")
    answer = await asked(Access(keys.path), ("verifier", "opd"), bearer(secret))
    assert (answer.status_code, answer.json()) == (200, {"name": "desk", "opd": "PUPR"})


async def test_a_route_turns_away_other_roles_and_says_which_it_takes(keys: KeysFile) -> None:
    secret = keys.add("sikesal", "publisher")
    answer = await asked(Access(keys.path), ("verifier", "admin"), bearer(secret))
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "a key with role publisher may not do this; it takes verifier or admin"


@pytest.mark.parametrize("authorization", [None, "Bearer unknown", "Basic eDp5"])
async def test_a_route_asks_for_a_key(keys: KeysFile, authorization: str | None) -> None:
    answer = await asked(Access(keys.path), ("admin",), authorization)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


TIGHT = Limits(dict.fromkeys(RATES, 0.2))
"""Two at once, then one in five seconds."""


async def test_a_key_that_asks_too_often_is_told_when_to_come_again(keys: KeysFile) -> None:
    secret, other = keys.add("hasty", "admin"), keys.add("calm", "admin")
    metrics = Metrics()
    async with door(Access(keys.path, TIGHT), ("admin",), metrics) as client:
        answers = [await client.get("/who", headers={"Authorization": bearer(secret)}) for _ in range(3)]
        calm = await client.get("/who", headers={"Authorization": bearer(other)})
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "5"
    assert answers[2].headers["content-type"] == "application/problem+json"
    assert calm.status_code == 200
    assert turned_away(metrics, "too_many", "admin") == 1


async def test_two_keys_of_one_name_share_what_it_may_ask(keys: KeysFile) -> None:
    old, new = keys.add("sikesal", "publisher"), keys.add("sikesal", "publisher")
    async with door(Access(keys.path, TIGHT), ("publisher",)) as client:
        answers = [
            await client.get("/who", headers={"Authorization": bearer(key)}) for key in (old, new, new)
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_guessing_keys_costs_the_guesser_and_nobody_with_a_key(keys: KeysFile) -> None:
    secret = keys.add("sikesal", "publisher")
    metrics = Metrics()
    async with door(Access(keys.path, TIGHT), ("publisher",), metrics) as client:
        guesses = [await client.get("/who", headers={"Authorization": f"Bearer {n}"}) for n in range(4)]
        known = await client.get("/who", headers={"Authorization": bearer(secret)})
    assert [answer.status_code for answer in guesses] == [401, 401, 429, 429]
    assert known.status_code == 200
    assert turned_away(metrics, "unknown_key", "none") == 2
    assert turned_away(metrics, "too_many", "none") == 2


async def test_a_public_page_is_shown_to_each_address_so_often(keys: KeysFile) -> None:
    limits = Limits(TIGHT.rates, trusted=(ip_network("127.0.0.1"),))
    async with door(Access(keys.path, limits), ("admin",)) as client:
        many = [await client.get("/page", headers={"X-Forwarded-For": "192.0.2.1"}) for _ in range(3)]
        other = await client.get("/page", headers={"X-Forwarded-For": "192.0.2.2"})
    assert [answer.status_code for answer in many] == [200, 200, 429]
    assert other.status_code == 200


async def test_who_is_turned_away_is_counted_by_reason_and_role(keys: KeysFile) -> None:
    secret, over = keys.add("sikesal", "publisher"), keys.add("old", "admin", days=-1)
    metrics = Metrics()
    async with door(Access(keys.path), ("admin",), metrics) as client:
        for authorization in (bearer(secret), bearer(over), "Basic x", "Bearer x"):
            await client.get("/who", headers={"Authorization": authorization})
    assert turned_away(metrics, "not_allowed", "publisher") == 1
    for reason in ("expired_key", "no_key", "unknown_key"):
        assert turned_away(metrics, reason, "none") == 1


def turned_away(metrics: Metrics, reason: str, role: str) -> float | None:
    return metrics.registry.get_sample_value(
        "simpul_http_turned_away_total", {"reason": reason, "role": role}
    )
