"""HTTP with LAPOR, against the running simulator: what is known after each way in which it can go wrong."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.lapor_bridge.lapor.client import (
    Declined,
    LaporClient,
    LaporError,
    NoAnswer,
    NotSent,
    NotThere,
    read_secret,
)
from tests.lapor_bridge.running import KEYS, Lapor
from tests.lapor_bridge.test_mirror import break_next, fill

NEW = {"title": "Lampu mati", "content": "Lampu jalan mati.", "channel": 1, "user_id": 1}


async def test_a_report_is_made_read_and_added_to(client: LaporClient, lapor: Lapor) -> None:
    report_id = await client.create(NEW)
    assert (await client.report(report_id))["title"] == "Lampu mati"
    item = await client.add_followup(
        {"complaint_id": report_id, "institution_from_id": "31001", "content": "Sudah."}
    )
    assert [str(one["id"]) for one in await client.followups(report_id)] == [item]
    await client.reject(report_id, {"is_request": 1, "reason_description": "Bukan kami.", "not_authority": 1})
    assert len(await client.followups(report_id)) == 2


async def test_lists_are_followed_to_their_end(client: LaporClient, lapor: Lapor) -> None:
    lapor.http.post("/control/reports", json={"generate": {"seed": 3, "count": 250}})
    pages = [page async for page in client.changed(None)]
    assert [len(page) for page in pages] == [100, 100, 50]
    assert len({report["tracking_id"] for page in pages for report in page}) == 250
    assert len(await client.institutions()) == 72


@pytest.mark.parametrize(
    ("fault", "known"),
    [
        ("hang", NoAnswer),
        ("error_500", NoAnswer),
        ("too_many", NotSent),
        ("reset", NoAnswer),
        ("lost_answer", NoAnswer),
        ("html", NoAnswer),
        ("truncated", NoAnswer),
    ],
)
async def test_each_fault_tells_whether_it_may_have_been_done(
    client: LaporClient, lapor: Lapor, fault: str, known: type[LaporError]
) -> None:
    break_next(lapor, fault, "/complaints/complaint", retry_after=9, seconds=3)
    with pytest.raises(LaporError) as told:
        await client.create(NEW)
    assert type(told.value) is known
    assert told.value.retry_after == (9 if fault == "too_many" else None)


async def test_a_refusal_names_the_fields_and_quotes_nothing(client: LaporClient, lapor: Lapor) -> None:
    with pytest.raises(Declined, match="422 about title") as told:
        await client.create({"content": "rahasia sekali", "channel": 1})
    assert "rahasia" not in told.value.reason


async def test_what_is_not_there_is_said_to_be_not_there(client: LaporClient, lapor: Lapor) -> None:
    with pytest.raises(NotThere):
        await client.report("1")


async def test_an_answer_of_another_shape_is_no_answer(client: LaporClient, lapor: Lapor) -> None:
    fill(lapor)
    with pytest.raises(NoAnswer, match=r"without results\.data"):
        await client.report("x/../../live?")


@pytest.fixture
async def stranger(lapor: Lapor) -> AsyncIterator[LaporClient]:
    made = LaporClient(lapor.url, auth="wrong", token=KEYS["token"], seconds=1.0)
    yield made
    await made.close()


async def test_keys_that_are_not_accepted_are_not_the_reports_fault(stranger: LaporClient) -> None:
    with pytest.raises(NotSent, match="our keys are not accepted"):
        await stranger.create(NEW)


async def test_a_bearer_key_opens_as_well(lapor: Lapor) -> None:
    made = LaporClient(lapor.url, auth=KEYS["auth"], token=KEYS["token"], auth_header="bearer")
    assert await made.create(NEW)
    await made.close()


async def test_nobody_there_is_surely_not_sent(client: LaporClient, lapor: Lapor) -> None:
    lapor.go_away()
    with pytest.raises(NotSent, match="cannot be reached"):
        await client.create(NEW)


def test_a_secret_is_the_last_word_of_the_first_line_that_is_no_comment(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("# SPLP\n\nhub kunci\nother x\n")
    assert read_secret(file) == "kunci"
    file.write_text("# nothing\n")
    with pytest.raises(SystemExit, match="key holds no secret"):
        read_secret(file)
    with pytest.raises(SystemExit, match="cannot be read"):
        read_secret(tmp_path / "none")
