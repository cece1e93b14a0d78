"""A key that is made or taken away counts at once in every running service, and a broken file changes nothing."""

import time

import pytest

from ops import keyring
from tests.flow.world import Hub, until

pytestmark = pytest.mark.flow

DOORS = {
    "intake": "/v1/complaints",
    "routing": "/v1/cases",
    "lapor_bridge": "/v1/lapor/status",
    "sla_monitor": "/v1/clocks/00000000000",
}
"""A path of each service that no caller without a key gets past."""


async def answers(hub: Hub, secret: str) -> dict[str, int]:
    """What each service says to that key, by status."""
    bearer = {"Authorization": f"Bearer {secret}"}
    return {
        service: (await hub.http.get(hub.stack.url(service) + path, headers=bearer)).status_code
        for service, path in DOORS.items()
    }


async def test_a_key_is_let_in_and_turned_away_without_a_restart(hub: Hub) -> None:
    file = hub.stack.places.hashed_keys
    with keyring.changing(file) as entries:
        secret = keyring.add(entries, "for-a-moment", "admin")
    assert 401 not in (await answers(hub, secret)).values()

    with keyring.changing(file) as entries:
        keyring.revoke(entries, "for-a-moment")
    began = time.monotonic()
    assert set((await answers(hub, secret)).values()) == {401}
    assert time.monotonic() - began < 1


async def test_a_broken_keys_file_lets_in_whom_it_let_in_and_is_seen(hub: Hub) -> None:
    file = hub.stack.places.hashed_keys
    good = file.read_bytes()
    try:
        file.write_text("{")
        for service in DOORS:
            await until(lambda service=service: seen_by(hub, service), 5, f"{service} to see it")  # type: ignore[misc]
        assert 401 not in (await answers(hub, hub.key("admin")["Authorization"].split()[1])).values()
    finally:
        file.write_bytes(good)
    for service in DOORS:
        assert not await seen_by(hub, service)


async def seen_by(hub: Hub, service: str) -> bool:
    """Whether a service says, in its health and its metrics, that an older file is in force."""
    url = hub.stack.url(service)
    health, metrics = await hub.http.get(f"{url}/ready"), await hub.http.get(f"{url}/metrics")
    assert health.status_code == 200
    return "keys" in health.json()["notes"] and "simpul_keys_file_unreadable 1.0" in metrics.text
