"""What an ops team does to a running hub, by the commands of docs/operations.md, while people use it.

Two of each service. Each test leaves the hub whole, for the next.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.containers.documents import told
from tests.containers.engine import SERVICES, Compose, run
from tests.containers.sums import adds_up, stores
from tests.containers.traffic import Traffic
from tests.containers.versions import next_version
from tests.containers.world import Town, until

pytestmark = pytest.mark.containers

DOCTOR = "docker compose run --rm ops doctor\n"
SECOND = "under-test-second"
TABLES = {"intake": "complaints", "routing": "cases", "lapor_bridge": "links", "sla_monitor": "complaints"}
SMALL_DISK = """
services:
  postgres:
    labels: {disk: small}
volumes:
  postgres:
    name: "${COMPOSE_PROJECT_NAME}_small"
    driver_opts: {type: tmpfs, device: tmpfs, o: "size=512m,uid=999,gid=999"}
"""


@pytest.fixture(scope="module", autouse=True)
def _two_of_each(town: Town) -> None:
    town.compose.replicas = 2
    town.up()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the operator types, and keeps the backups."""
    return tmp_path_factory.mktemp("desk")


def title(town: Town, service: str, index: int) -> str:
    return str(town.http.get(f"{town.compose.url(service, index)}/openapi.json").json()["info"]["title"])


def titles(town: Town) -> set[str]:
    with ThreadPoolExecutor(4) as at_once:
        asked = [at_once.submit(title, town, service, n) for service in SERVICES for n in (1, 2)]
        return {one.result() for one in asked}


def all_is_well(town: Town) -> None:
    """The doctor finds nothing, in the midst of the traffic; on a busy machine not always at the first look."""
    found = ""
    for _ in range(5):
        found = doctor(town)
        if "Nothing is wrong" in found:
            return
        time.sleep(5)
    raise AssertionError(found)


def misses(town: Town, service: str) -> str:
    """What keeps one or the other replica of a service from being ready."""
    asked = [httpx.get(f"{town.url(service, n)}/ready", trust_env=False).json()["checks"] for n in (1, 2)]
    return "; ".join(f"{name}: {why}" for checks in asked for name, why in checks.items())


def doctor(town: Town) -> str:
    """What is wrong, in words; whatever its exit code."""
    return town.compose.shell("docker compose run --rm -T ops doctor || true", Path.cwd())


@dataclass
class Rollout:
    """Two next versions, and what the page tells to type for them: until the old services are replaced, and that."""

    second: Path
    third: Path
    prepare: str
    replace: str


@pytest.fixture(scope="module")
def rollout(tmp_path_factory: pytest.TempPathFactory) -> Rollout:
    """The second version brings columns, the third takes them away."""
    place = tmp_path_factory.mktemp("trees")
    expand, contract = (
        {
            service: f"{change.format(table)}; {change.format('delivery.keys')};\n"
            for service, table in TABLES.items()
        }
        for change in ("ALTER TABLE {} ADD COLUMN remark text", "ALTER TABLE {} DROP COLUMN remark")
    )
    second = next_version(place / "second", "second", expand)
    third = next_version(place / "third", "third", contract, after=second)
    script = told("Upgrade", "export SIMPUL_VERSION").replace("1.4.2", SECOND)
    prepare, loop, replace = script.removesuffix(DOCTOR).partition("for service in")
    return Rollout(second, third, prepare, loop + replace)


def test_old_code_works_on_the_schema_of_the_next_version(town: Town, desk: Path, rollout: Rollout) -> None:
    compose = town.compose
    with Traffic(town) as traffic:
        compose.tree = rollout.second
        compose.shell(rollout.prepare, desk, seconds=600)
        assert titles(town) == {f"Simpul {service}" for service in SERVICES}
        has_gone_on(traffic)
        traffic.end()
    adds_up(town, traffic)


def test_a_new_version_takes_over_under_traffic_and_nothing_is_lost_or_refused(
    town: Town, desk: Path, rollout: Rollout
) -> None:
    compose = town.compose
    if compose.tree != rollout.second:
        compose.tree = rollout.second
        compose.shell(rollout.prepare, desk, seconds=600)
    compose.tag = SECOND
    with Traffic(town) as traffic:
        compose.shell(rollout.replace, desk)
        town.moved()
        assert titles(town) == {f"Simpul {service} second" for service in SERVICES}
        all_is_well(town)
        has_gone_on(traffic)
        traffic.end()
    adds_up(town, traffic)


def test_what_nobody_reads_any_more_is_taken_away_under_traffic(
    town: Town, desk: Path, rollout: Rollout
) -> None:
    compose = town.compose
    if compose.tag != SECOND:
        pytest.skip("the second version does not run")
    with Traffic(town) as traffic:
        compose.tree, compose.tag = rollout.third, "under-test-third"
        compose.do("build", "ops", seconds=600)
        compose.ops("prepare")
        compose.tree, compose.tag = rollout.second, SECOND
        has_gone_on(traffic)
        traffic.end()
    adds_up(town, traffic)


def has_gone_on(traffic: Traffic) -> None:
    """Complaints are taken in after what was done."""
    before = len(traffic.tickets)
    until(lambda: len(traffic.tickets) > before + 8, 120, "work to go on")


def test_one_process_after_the_other_is_restarted_and_then_killed(town: Town, desk: Path) -> None:
    with Traffic(town) as traffic:
        town.compose.shell(told("Upgrade", "for one in $("), desk)
        for service in SERVICES:
            victim = town.compose.states([service])[0]["Name"]
            run("docker", "kill", victim)
            run("docker", "start", victim)
        traffic.end()
    town.moved()
    adds_up(town, traffic)


def test_a_lost_kafka_is_filled_again_from_the_stores(town: Town, desk: Path) -> None:
    compose = town.compose
    with Traffic(town) as before:
        has_gone_on(before)
        before.end()
    adds_up(town, before)
    with Traffic(town, kafka=False) as traffic:
        compose.do("rm", "--force", "--stop", "kafka")
        run("docker", "volume", "rm", f"{compose.project}_kafka")
        compose.shell(told("A Kafka that was lost", "docker compose up").removesuffix(DOCTOR), desk)
        all_is_well(town)
        traffic.end()
    town.moved()
    adds_up(town, before, traffic)


def test_all_stores_are_restored_on_a_new_disk_while_kafka_is_ahead_of_them(town: Town, desk: Path) -> None:
    compose = town.compose
    with Traffic(town) as before:
        said = compose.shell(told("Back up", "for store in"), desk)
        before.end()
    assert "FAILED" not in said
    adds_up(town, before)
    with Traffic(town) as after:
        has_gone_on(after)
        after.end()
    adds_up(town, after)
    by_kafka = {name: ticket for name, ticket in after.tickets.items() if name.startswith("kafka-town:")}
    after.worked = set()  # what officials did after the backup is lost, and shown by --left
    restore(town, desk)
    known = {one: ticket for one, ticket, _ in stores(town)["intake"]["complaints"]}
    assert by_kafka.items() <= known.items()
    after.send_again()
    before.send_again()
    before.worked = set()
    with Traffic(town) as traffic:
        has_gone_on(traffic)
        traffic.end()
    adds_up(town, before, after, traffic)


def test_a_full_disk_of_postgresql_stops_the_work_and_loses_nothing(town: Town, desk: Path) -> None:
    if not town.compose.also:
        town.compose.shell(told("Back up", "for store in"), desk)
        restore(town, desk)
    compose = town.compose
    compose.sql("postgres", "CHECKPOINT")  # the next is minutes away
    with Traffic(town) as traffic:
        has_gone_on(traffic)
        beside(town, "cat /dev/zero > /held/filler || true")
        # submissions go on to come by Kafka; of the others each is ready that has nothing left to work
        until(lambda: "DiskFullError" in misses(town, "intake"), 120, "why it backs off")
        assert "its disk is full" in doctor(town)
        with pytest.raises(AssertionError, match=r"PANIC|terminat|closed|refused"):
            compose.sql("postgres", "CHECKPOINT")  # it ends itself and begins again, once or often
        until(
            lambda: any(
                why in misses(town, "intake") for why in ("DiskFullError", "store: it does not answer")
            ),
            120,
            "what it misses now",
        )
        beside(town, "rm /held/filler")
        has_gone_on(traffic)
        traffic.end()
    adds_up(town, traffic)


def restore(town: Town, desk: Path) -> None:
    """PostgreSQL's disk dies, the next one is small, and the last backup is put on it."""
    on_a_small_disk(town.compose, desk)
    town.compose.shell(told("Restore", "docker compose stop\n"), desk, seconds=600)
    town.moved()


def beside(town: Town, script: str) -> None:
    """Do something on the small disk, from the container that holds it."""
    (holder,) = run("docker", "ps", "--quiet", "--filter", f"label=holder={town.compose.project}").split()
    run("docker", "exec", holder, "sh", "-c", script)


def on_a_small_disk(compose: Compose, desk: Path) -> None:
    """PostgreSQL's disk is gone. The next one is small, and held by another container, so that it stays."""
    compose.do("rm", "--force", "--stop", "postgres")
    run("docker", "volume", "rm", f"{compose.project}_postgres")
    file = desk / "small.yml"
    file.write_text(SMALL_DISK)
    compose.also.append(file)
    compose.do("create", "postgres")
    run(
        "docker", "run", "--detach", "--rm",
        "--label", f"stranger={compose.project}", "--label", f"holder={compose.project}",
        "--volume", f"{compose.project}_small:/held", "--entrypoint", "sleep", "postgres:18", "infinity",
    )  # fmt: skip
