"""What intake is told at start: from where it may fetch, though that is not public."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest

from services.intake.settings import Settings
from shared import settings


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name, value in {
        "STORE_DSN": "postgresql://intake@127.0.0.1/intake",
        "KAFKA_BOOTSTRAP": "127.0.0.1:9092",
        "HTTP_PORT": "8000",
        "KEYS_FILE": str(tmp_path / "keys.json"),
        "MASTER_KEY_FILE": str(tmp_path / "master.key"),
    }.items():
        monkeypatch.setenv(f"SIMPUL_{name}", value)
    return monkeypatch


@pytest.mark.parametrize(
    ("value", "networks"),
    [
        ("", ()),
        ("10.20.0.0/16", (IPv4Network("10.20.0.0/16"),)),
        ("10.20.0.7, fd00::/8", (IPv4Network("10.20.0.7/32"), IPv6Network("fd00::/8"))),
    ],
)
def test_networks_are_listed_by_comma(
    told: pytest.MonkeyPatch, value: str, networks: tuple[IPv4Network | IPv6Network, ...]
) -> None:
    told.setenv("SIMPUL_FETCH_FROM", value)
    assert settings.read(Settings).fetch_from == networks


@pytest.mark.parametrize("value", ["everywhere", "10.20.0.0/99", "10.20.0.1/16"])
def test_a_senseless_network_stops_the_process_by_name(told: pytest.MonkeyPatch, value: str) -> None:
    told.setenv("SIMPUL_FETCH_FROM", value)
    with pytest.raises(SystemExit, match="SIMPUL_FETCH_FROM") as stopped:
        settings.read(Settings)
    assert value not in str(stopped.value)
