"""The whole hub from docker-compose.yml: up, one complaint's whole way, two of each service, and down again."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.containers.engine import SERVICES, logged, run
from tests.containers.world import Town, until

pytestmark = pytest.mark.containers


LONGEST_START = 120.0


def test_it_is_up_from_nothing_within_two_minutes(town: Town) -> None:
    assert town.started_in < LONGEST_START


def test_a_complaint_goes_its_whole_way(town: Town) -> None:
    ticket = town.send(reporter={"name": "Warga Contoh 17", "phone": "0800-000-0017"})
    assert town.case(ticket, "routed")["opd"] == "PERKIM"
    town.act(ticket, "accept")
    town.act(ticket, "answer", text="Lampu sudah diganti, terima kasih.")
    town.case(ticket, "answered")

    def met() -> dict[str, Any] | None:
        url = f"{town.url('sla_monitor')}/v1/clocks/{ticket}"
        answer = town.http.get(url, headers=town.key("verifier"))
        return answer.json() if answer.status_code == 200 and '"met"' in answer.text else None

    until(met, 30, "the monitor to say that a deadline was met")

    def mirrored() -> bool:
        lapor = town.url("simulator")
        reports = town.http.get(f"{lapor}/control/reports?created_by=api:hub").json()["reports"]
        shown = [town.http.get(f"{lapor}/control/reports/{one['tracking_id']}").text for one in reports]
        return any("Lampu sudah diganti" in report and "Warga Contoh 17" in report for report in shown)

    until(mirrored, 60, "the answer to stand in LAPOR, under its reporter's name")
    public = town.http.get(f"{town.url('intake')}/v1/complaints/{ticket}").json()
    assert public["status"]["code"] == "answered"


def test_its_commands_work_from_a_container(town: Town) -> None:
    parts = json.loads(town.compose.ops("status", "--json"))["parts"]
    assert set(parts) == {"kafka", "postgres", *SERVICES}
    assert all(part["ready"] for part in parts.values())
    assert "no dead letters" in town.compose.ops("dead", "list")
    assert "links: " in town.compose.ops("lapor", "status")
    assert "sla.state" in town.compose.ops("topics")
    assert "routing: version 1" in town.compose.ops("city", "show")
    assert "test-publisher" in town.compose.ops("keys", "list")
    export = town.http.get(f"{town.url('simulator')}/export/laporan-ringkas.xlsx").content
    assert export.startswith(b"PK")


def test_preparing_again_changes_nothing(town: Town) -> None:
    assert town.compose.ops("secrets").strip() == "nothing was missing"
    before = town.compose.sql("routing", "SELECT count(*), max(applied_at) FROM public.migrations")
    town.compose.ops("prepare")
    assert town.compose.sql("routing", "SELECT count(*), max(applied_at) FROM public.migrations") == before


def test_a_services_role_opens_its_own_store_alone(town: Town) -> None:
    program = (
        "import asyncio, asyncpg, os\n"
        "from shared.settings import ServiceSettings\n"
        "own = ServiceSettings().store_address\n"
        "async def opens(database):\n"
        "    try:\n"
        "        await (await asyncpg.connect(own.rpartition('/')[0] + '/' + database, timeout=5)).close()\n"
        "    except asyncpg.PostgresError as refused:\n"
        "        return type(refused).__name__\n"
        "    return 'open'\n"
        f"for database in {SERVICES}: print(database, asyncio.run(opens(database)))\n"
    )
    for service in SERVICES:
        found = dict(line.split() for line in town.compose.python(service, program).splitlines())
        assert [name for name, said in found.items() if said == "open"] == [service]
        assert {said for name, said in found.items() if name != service} == {"InsufficientPrivilegeError"}


def test_services_reach_their_stores_and_not_each_other(town: Town) -> None:
    names = (*SERVICES, "simulator")
    program = (
        "import socket\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def reach(place):\n"
        "    try: socket.create_connection(place, 3).close()\n"
        "    except OSError: return False\n"
        "    return True\n"
        f"places = [(name, 8000) for name in {names}] + [('kafka', 9092), ('postgres', 5432)]\n"
        "found = ThreadPoolExecutor(7).map(reach, places)\n"
        "print(*[name for (name, _), reached in zip(places, found) if reached])\n"
    )
    with ThreadPoolExecutor(len(SERVICES)) as at_once:
        reached = dict(
            zip(SERVICES, at_once.map(lambda one: town.compose.python(one, program), SERVICES), strict=True)
        )
    assert reached == {
        "intake": "intake lapor_bridge kafka postgres",
        "routing": "routing kafka postgres",
        "lapor_bridge": "intake lapor_bridge simulator kafka postgres",
        "sla_monitor": "sla_monitor kafka postgres",
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_cannot_write_where_it_stands(town: Town, service: str) -> None:
    program = (
        "import os\n"
        "for place in ('/opt/simpul/x', '/x', '/keys/x', '/secrets/x'):\n"
        "    try: open(place, 'w')\n"
        "    except OSError as error: print(error.errno)\n"
        "told = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "print(os.getuid(), told['CapEff'].strip(), told['NoNewPrivs'].strip())\n"
    )
    *refused, who = town.compose.python(service, program).splitlines()
    assert len(refused) == 4
    assert who == "10001 0000000000000000 1"


def test_nothing_is_stored_in_a_volume_without_a_name(town: Town) -> None:
    for state in town.compose.states([]):
        mounts = json.loads(run("docker", "inspect", "--format", "{{json .Mounts}}", state["Name"]))
        volumes = [mount["Name"] for mount in mounts if mount["Type"] == "volume"]
        assert all(name.startswith(town.compose.project) for name in volumes), state["Name"]


def test_two_of_each_share_the_work(town: Town) -> None:
    town.up(*(f"{service}=2" for service in SERVICES))
    tickets = [town.send(index) for _ in range(10) for index in (1, 2)]
    for ticket in tickets:
        town.case(ticket, "routed")
    for service in SERVICES:
        ready = [state["Health"] for state in town.compose.states([service])]
        assert ready == ["healthy", "healthy"]
        hosts = {town.compose.do("exec", "-T", f"--index={n}", service, "hostname").strip() for n in (1, 2)}
        assert len(hosts) == 2


def test_stopping_leaves_nothing_unpublished(town: Town) -> None:
    tickets = [town.send() for _ in range(20)]
    town.compose.do("stop", *SERVICES)
    for state in town.compose.states(SERVICES):
        assert state["State"] == "exited"
        assert state["ExitCode"] == 0, state["Name"]
    for service in SERVICES:
        assert town.compose.sql(service, "SELECT count(*) FROM delivery.outbox") == "0"
        left = [
            json.loads(line)
            for state in town.compose.states([service])
            for line in logged(state["Name"]).splitlines()
            if '"event": "left"' in line
        ]
        assert len(left) == 2
        told = [line.get("everything_published") for line in left]  # by who does not lead: nothing
        assert True in told
        assert False not in told
    town.up()
    for ticket in tickets:
        town.case(ticket, "routed")


def test_what_is_stored_stays_over_down_and_up(town: Town) -> None:
    ticket = town.send()
    town.case(ticket, "routed")
    town.compose.do("down")
    town.up()
    assert town.case(ticket, "routed")["opd"] == "PERKIM"
