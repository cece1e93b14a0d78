"""What docker-compose.yml comes to: who may do what, who sees whom, and what each part is told."""

from typing import Any

import pytest

from services.intake.settings import Settings as IntakeSettings
from services.lapor_bridge.settings import Settings as BridgeSettings
from services.routing.settings import Settings as RoutingSettings
from services.sla_monitor.settings import Settings as MonitorSettings
from shared.settings import ServiceSettings
from simulators.lapor.settings import Settings as SimulatorSettings
from tests.containers.engine import SERVICES, Compose

pytestmark = pytest.mark.containers

SETTINGS: dict[str, type[ServiceSettings]] = {
    "intake": IntakeSettings,
    "routing": RoutingSettings,
    "lapor_bridge": BridgeSettings,
    "sla_monitor": MonitorSettings,
}
JOBS = ("secrets", "prepare", "ops")
EVERY = ("kafka", "postgres", *JOBS, *SERVICES, "simulator")

OF_THE_IMAGE = {"http_host", "http_port"}
NOT_HERE = {"replica"}
"""A container under `--scale` has no ordinal."""


@pytest.fixture(scope="module")
def config(engine: None) -> dict[str, Any]:
    return Compose("simpul", "demo", "tools").config()


def seconds(text: str) -> float:
    """compose writes 30s, 1m0s."""
    minutes, _, rest = text.rpartition("m")
    return 60 * float(minutes or 0) + float(rest.removesuffix("s") or 0)


def test_there_is_no_other_part(config: dict[str, Any]) -> None:
    assert set(config["services"]) == set(EVERY)


@pytest.mark.parametrize("part", EVERY)
def test_every_container_may_do_as_little_as_it_can(config: dict[str, Any], part: str) -> None:
    told = config["services"][part]
    user = told["user"].partition(":")[0]
    assert user.isdecimal()
    assert int(user) > 0
    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert "cap_add" not in told
    assert told["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "pid", "ipc", "devices"} & set(told)
    assert told.get("network_mode") in (None, "none")
    assert int(told["mem_limit"]) <= 2**30
    assert 0 < float(told["cpus"]) <= 2
    assert 0 < int(told["pids_limit"]) <= 512
    assert told["logging"]["options"]["max-size"]


@pytest.mark.parametrize("part", [part for part in EVERY if part not in JOBS])
def test_what_runs_on_is_watched_and_comes_back(config: dict[str, Any], part: str) -> None:
    told = config["services"][part]
    assert told["restart"] == "unless-stopped"
    check = told["healthcheck"]
    assert check["test"][0] == "CMD"
    assert seconds(check["start_interval"]) <= 1
    assert seconds(check["timeout"]) <= seconds(check["interval"])
    assert seconds(told["stop_grace_period"]) >= 30


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_time_to_leave(config: dict[str, Any], service: str) -> None:
    told = config["services"][service]
    drain = float(told["environment"]["SIMPUL_DRAIN_SECONDS"])
    assert seconds(told["stop_grace_period"]) >= drain + 5
    assert "/ready" in told["healthcheck"]["test"][-1]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_can_be_told_every_setting_that_it_has(config: dict[str, Any], service: str) -> None:
    told = set(config["services"][service]["environment"])
    known = {
        f"SIMPUL_{name.upper()}" for name in set(SETTINGS[service].model_fields) - OF_THE_IMAGE - NOT_HERE
    }
    assert told == known


def test_the_simulator_is_told_settings_that_it_has(config: dict[str, Any]) -> None:
    told = {
        name.removeprefix("SIMPUL_SIM_").lower() for name in config["services"]["simulator"]["environment"]
    }
    assert told <= set(SimulatorSettings.model_fields)


TOGETHER = {frozenset({"intake", "lapor_bridge"}): {"reporters"}}
"""The bridge asks intake who reported what it sends on."""


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_is_on_a_network_with_another_that_it_need_not_ask(
    config: dict[str, Any], service: str
) -> None:
    own = set(config["services"][service]["networks"])
    for other in set(SERVICES) - {service}:
        shared = own & set(config["services"][other]["networks"])
        assert shared == TOGETHER.get(frozenset({service, other}), set()), other
    for store in ("kafka", "postgres"):
        assert own & set(config["services"][store]["networks"]), store


WAYS_OUT = {"egress": "lapor_bridge", "attachments": "intake"}
"""To SP4N-LAPOR; to attachments that are given by their address."""


def test_only_who_must_has_a_way_out_and_nobody_shares_it(config: dict[str, Any]) -> None:
    closed = {
        name
        for name, network in config["networks"].items()
        if network.get("internal")
        or network.get("driver_opts", {}).get("com.docker.network.bridge.enable_ip_masquerade") == "false"
    }
    assert set(config["networks"]) - closed == set(WAYS_OUT)
    for way, service in WAYS_OUT.items():
        assert [name for name, told in config["services"].items() if way in told.get("networks", {})] == [
            service
        ]


def test_docker_takes_the_way_out_as_the_default(config: dict[str, Any]) -> None:
    """The gateway is the one of the first network by name."""
    for way, service in WAYS_OUT.items():
        assert min(config["services"][service]["networks"]) == way


def test_without_an_address_the_bridge_has_no_lapor_but_the_demos(engine: None) -> None:
    plain, demo = Compose("simpul").config(), Compose("simpul", "demo").config()
    for config in (plain, demo):
        assert config["services"]["lapor_bridge"]["environment"]["SIMPUL_LAPOR_URL"] == ""
    known = "lapor.simulator.invalid"
    assert known in " ".join(plain["services"]["lapor_bridge"]["entrypoint"])
    assert known not in str(plain["networks"])
    assert "simulator" not in plain["services"]
    assert demo["services"]["simulator"]["networks"]["simulated"]["aliases"] == [known]


def test_only_http_is_offered_and_only_to_this_machine(config: dict[str, Any]) -> None:
    for name, told in config["services"].items():
        for port in told.get("ports", ()):
            assert name in (*SERVICES, "simulator")
            assert (port["host_ip"], port["target"]) == ("127.0.0.1", 8000)


@pytest.mark.parametrize("part", [*SERVICES, "simulator", "postgres"])
def test_a_part_sees_its_own_secrets_alone_and_changes_none(config: dict[str, Any], part: str) -> None:
    mounts = config["services"][part]["volumes"]
    secrets = [mount for mount in mounts if mount["target"].startswith(("/secrets", "/keys"))]
    assert {mount["target"] for mount in secrets} <= {f"/secrets/{part}", "/keys"}
    assert all(mount["read_only"] for mount in secrets)


def test_no_secret_stands_in_the_file(config: dict[str, Any]) -> None:
    for told in config["services"].values():
        for name, value in told.get("environment", {}).items():
            if any(word in name for word in ("PASSWORD", "SECRET", "TOKEN", "AUTH_FILE", "MASTER")):
                assert str(value).startswith("/secrets"), name


def test_secrets_may_lie_in_a_folder_of_ones_own(engine: None) -> None:
    config = Compose("simpul").do(
        "config", SIMPUL_SECRETS="/srv/simpul/secrets/", SIMPUL_KEYS="/srv/simpul/keys"
    )
    assert "source: /srv/simpul/secrets/intake\n" in config
    assert "source: /srv/simpul/keys\n" in config


def test_images_are_named_by_version_and_project(engine: None) -> None:
    compose = Compose("simpul-elsewhere")
    images = {told["image"] for told in compose.config()["services"].values()}
    ours = {image for image in images if image.startswith("simpul/")}
    assert len(ours) == 5
    assert {image.partition(":")[2] for image in ours} == {"under-test"}
    assert compose.config()["name"] == "simpul-elsewhere"
