"""What reporters and verifiers do with a complaint reaches every service."""

from typing import Any

import httpx
import pytest

from tests.flow.world import Hub, until

pytestmark = pytest.mark.flow


async def act(hub: Hub, ticket: str, act: str, role: str = "publisher", **body: Any) -> httpx.Response:
    """Do something with a complaint, in intake."""
    address = f"{hub.stack.url('intake')}/v1/complaints/{ticket}/{act}"
    return await hub.http.post(address, json=body or None, headers=hub.key(role))


async def clocks(hub: Hub, ticket: str, case_state: str, **statuses: str) -> None:
    """Wait until the monitor has the case and these clocks there."""

    async def there() -> bool:
        answer = await hub.http.get(
            f"{hub.stack.url('sla_monitor')}/v1/clocks/{ticket}", headers=hub.key("verifier")
        )
        stated = answer.json() if answer.status_code == 200 else {"case_state": None, "clocks": []}
        found = {clock["clock"]: clock["status"] for clock in stated["clocks"]}
        return bool(stated["case_state"] == case_state and statuses.items() <= found.items())

    await until(there, 20, f"the clocks of {ticket}: {case_state}, {statuses}")


async def test_a_merged_complaint_rests_everywhere_and_goes_on_when_it_is_set_apart(hub: Hub) -> None:
    merged, survivor = await hub.received(), await hub.received()
    await hub.in_state(merged, "routed")
    assert (await act(hub, merged, "merge", "verifier", into=survivor)).status_code == 200

    await clocks(hub, merged, "closed", verify="met", first_response="cancelled", resolution="cancelled")

    async def rests() -> bool:
        case = await hub.case(merged)
        return bool(case and (case["state"], case["merged_into"]) == ("routed", survivor))

    await until(rests, 20, "routing to let it rest")
    assert (await hub.act(merged, "accept")).status_code == 409
    assert (await hub.public(merged))["merged_into"] == survivor

    assert (await act(hub, merged, "unmerge", "verifier")).status_code == 200
    await clocks(hub, merged, "routed", verify="met", first_response="running", resolution="running")

    async def is_accepted() -> bool:
        return (await hub.act(merged, "accept")).status_code == 200

    await until(is_accepted, 20, "the OPD to accept it")


async def test_what_a_reporter_amends_and_withdraws_is_known_to_those_who_work_on_it(hub: Hub) -> None:
    ticket = await hub.received()
    await hub.in_state(ticket, "routed")
    amended = await act(hub, ticket, "amend", klasifikasi="aspirasi", confidential=True)
    assert amended.status_code == 200, amended.text

    async def bound() -> bool:
        case = await hub.case(ticket)
        return bool(case and case["confidential"] and case["klasifikasi"] == "aspirasi")

    await until(bound, 20, "routing to obey the flag")
    assert (await hub.public(ticket))["shows"] == "status_only"
    assert (await act(hub, ticket, "withdraw", reason="Sudah beres.")).status_code == 200
    await hub.in_state(ticket, "closed")
    await clocks(hub, ticket, "closed", resolution="cancelled")
    assert (await hub.public(ticket))["status"]["code"] == "withdrawn"
