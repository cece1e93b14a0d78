"""A missing or senseless setting stops the process at start, by its name and without its value."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from ops.contracts import ROOT
from shared.settings import ServiceSettings

SECRET = "kata-sandi-contoh"
GOOD = {
    "SIMPUL_STORE_DSN": f"postgresql://intake:{SECRET}@127.0.0.1:5432/intake",
    "SIMPUL_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "SIMPUL_HTTP_PORT": "8001",
    "SIMPUL_KEYS_FILE": "/nowhere/keys.json",
}


def started_with(**environment: str) -> tuple[int, str]:
    """Exit code and standard error of a process that reads its settings and ends."""
    program = "from shared.settings import ServiceSettings, read; print(read(ServiceSettings).brokers)"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SIMPUL_")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=bare | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def test_with_everything_given_it_starts() -> None:
    assert started_with(**GOOD) == (0, "")


def test_without_anything_each_missing_variable_is_named() -> None:
    code, said = started_with()
    assert code == 1
    assert said.splitlines() == [
        "cannot start:",
        "  SIMPUL_STORE_DSN: Field required",
        "  SIMPUL_KAFKA_BOOTSTRAP: Field required",
        "  SIMPUL_HTTP_PORT: Field required",
        "  SIMPUL_KEYS_FILE: Field required",
    ]


def test_what_makes_no_sense_is_named_and_not_repeated() -> None:
    code, said = started_with(
        **GOOD
        | {
            "SIMPUL_STORE_DSN": f"mysql://intake:{SECRET}@127.0.0.1/intake",
            "SIMPUL_KAFKA_BOOTSTRAP": f"{SECRET} 9092",
            "SIMPUL_HTTP_PORT": SECRET,
            "SIMPUL_REPLICA": "-1",
            "SIMPUL_DRAIN_SECONDS": "0",
            "SIMPUL_LOG_LEVEL": SECRET,
        }
    )
    assert code == 1
    assert SECRET not in said
    assert [line.strip().partition(":")[0] for line in said.splitlines()[1:]] == [
        "SIMPUL_STORE_DSN",
        "SIMPUL_KAFKA_BOOTSTRAP",
        "SIMPUL_HTTP_PORT",
        "SIMPUL_REPLICA",
        "SIMPUL_DRAIN_SECONDS",
        "SIMPUL_LOG_LEVEL",
    ]


def settings(**changed: object) -> ServiceSettings:
    fields = {name.removeprefix("SIMPUL_").lower(): value for name, value in GOOD.items()}
    return ServiceSettings.model_validate(fields | changed)


def test_several_brokers_are_split_at_commas() -> None:
    assert settings(kafka_bootstrap="a:1,b:2,c:3").brokers == ["a:1", "b:2", "c:3"]


@pytest.mark.parametrize("bootstrap", ["", "a", "a:1,", ",a:1", "a:1, b:2", "a:x"])
def test_brokers_are_hosts_with_ports(bootstrap: str) -> None:
    with pytest.raises(ValidationError):
        settings(kafka_bootstrap=bootstrap)


def test_settings_do_not_change_while_it_runs() -> None:
    fixed = settings()
    with pytest.raises(ValidationError):
        setattr(fixed, "http_port", 2)  # noqa: B010 — mypy would not let it
    assert fixed.keys_file == Path("/nowhere/keys.json")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIMPUL_RATE_PUBLIC", "-5"),
        ("SIMPUL_RATE_OPD", "often"),
        ("SIMPUL_TRUSTED_PROXIES", "10.0.0.0/8,proxy.example"),
        ("SIMPUL_TRUSTED_PROXIES", "10.0.0.1/8"),
    ],
)
def test_a_senseless_limit_is_named_by_its_variable(name: str, value: str) -> None:
    code, said = started_with(**GOOD | {name: value})
    assert code == 1
    assert all(line.startswith(f"  {name}: ") for line in said.splitlines()[1:])
    assert value not in said


def test_limits_are_told_by_role_and_proxies_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"SIMPUL_RATE_OPD": "7.5", "SIMPUL_TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::1"}
    for name, value in (GOOD | told).items():
        monkeypatch.setenv(name, value)
    limits = ServiceSettings().limits
    assert (limits.rates["opd"], limits.rates["public"]) == (7.5, 10.0)
    assert [str(network) for network in limits.trusted] == ["10.0.0.0/8", "2001:db8::1/128"]


def test_the_stores_password_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("a/b@c:d\n")
    told = settings(store_dsn="postgresql://intake@db:5432/intake", store_password_file=file)
    assert told.store_address == "postgresql://intake:a%2Fb%40c%3Ad@db:5432/intake"
    assert settings().store_address == settings().store_dsn


@pytest.mark.parametrize("dsn", ["postgresql://intake:known@db/intake", "postgresql://db/intake"])
def test_a_password_file_belongs_to_an_address_with_a_role_and_without_a_password(
    dsn: str, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(SECRET)
    code, said = started_with(**GOOD | {"SIMPUL_STORE_DSN": dsn, "SIMPUL_STORE_PASSWORD_FILE": str(file)})
    assert code == 1
    assert "SIMPUL_STORE_PASSWORD_FILE" in said
    assert SECRET not in said


def test_a_password_file_that_is_not_there_stops_the_process() -> None:
    dsn = "postgresql://intake@127.0.0.1:5432/intake"
    code, said = started_with(**GOOD | {"SIMPUL_STORE_DSN": dsn, "SIMPUL_STORE_PASSWORD_FILE": "/nowhere"})
    assert (code, said) == (1, "cannot start:\n  SIMPUL_STORE_PASSWORD_FILE cannot be read\n")


def test_an_empty_variable_is_as_none() -> None:
    assert started_with(**GOOD | {"SIMPUL_REPLICA": "", "SIMPUL_DRAIN_SECONDS": ""}) == (0, "")
    code, said = started_with(**GOOD | {"SIMPUL_HTTP_PORT": ""})
    assert code == 1
    assert "SIMPUL_HTTP_PORT: Field required" in said
