"""The fault menu and the ledger under it: what the caller hears and what LAPOR nevertheless did."""

import threading
import time
from contextlib import suppress

import httpx
import pytest

from simulators.lapor.faults import Fault
from tests.simulators.lapor_process import LaporProcess
from tests.simulators.test_lapor_api import complaint


def created_by_hub(lapor: LaporProcess) -> int:
    counted: dict[str, int] = lapor.http.get("/control/counters").json()["created_by"]
    return counted.get("api:hub", 0)


def break_next(lapor: LaporProcess, kind: str, **more: object) -> None:
    body = {"kind": kind, "path": "/complaints/complaint", **more}
    assert lapor.http.post("/control/faults", json=body).status_code == 200


def send(lapor: LaporProcess, timeout: float = 5) -> httpx.Response:
    return lapor.http.post("/complaints/complaint", json=complaint(), timeout=timeout)


@pytest.mark.parametrize(("kind", "status"), [("error_500", 500), ("too_many", 429), ("html", 200)])
def test_a_request_that_was_turned_away_did_nothing(lapor: LaporProcess, kind: str, status: int) -> None:
    before = created_by_hub(lapor)
    break_next(lapor, kind, retry_after=7)
    answer = send(lapor)
    assert answer.status_code == status
    assert answer.headers.get("retry-after") == ("7" if kind == "too_many" else None)
    assert ("text/html" in answer.headers["content-type"]) == (kind == "html")
    assert created_by_hub(lapor) == before
    assert send(lapor).json()["complaint_id"]


@pytest.mark.parametrize("kind", ["reset", "lost_answer"])
def test_a_broken_connection_may_hide_a_report_that_was_made(lapor: LaporProcess, kind: str) -> None:
    before = created_by_hub(lapor)
    break_next(lapor, kind)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        send(lapor)
    assert created_by_hub(lapor) == before + 1


def test_a_truncated_answer_hides_the_number_of_a_report_that_was_made(lapor: LaporProcess) -> None:
    before = created_by_hub(lapor)
    break_next(lapor, "truncated")
    answer = send(lapor)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"."):
        answer.json()
    assert created_by_hub(lapor) == before + 1


def test_a_hang_lasts_until_the_caller_gives_up(lapor: LaporProcess) -> None:
    before = created_by_hub(lapor)
    break_next(lapor, "hang")
    with pytest.raises(httpx.ReadTimeout):
        send(lapor, timeout=0.3)
    assert created_by_hub(lapor) == before
    break_next(lapor, "hang", worked=True)
    with pytest.raises(httpx.ReadTimeout):
        send(lapor, timeout=0.3)
    assert created_by_hub(lapor) == before + 1


def test_the_next_n_requests_fail_and_then_no_more(lapor: LaporProcess) -> None:
    break_next(lapor, "error_500", next=3, method="post")
    assert lapor.http.get("/complaints").status_code == 200
    assert [send(lapor).status_code for _ in range(5)] == [500, 500, 500, 200, 200]
    lapor.http.post("/control/faults", json={"kind": "error_500", "next": 9})
    assert lapor.http.delete("/control/faults").json() == {"faults": []}
    assert send(lapor).status_code == 200


def test_a_share_of_requests_fails_the_same_way_for_the_same_seed() -> None:
    def hits(seed: int) -> list[bool]:
        fault = Fault("error_500", left=1000, share=0.3, seed=seed)
        return [fault.hits("GET", "/x") for _ in range(200)]

    assert hits(5) == hits(5)
    assert hits(5) != hits(6)
    assert 30 < sum(hits(5)) < 90


def test_what_was_answered_survives_kill_9_in_the_middle_of_writing(own_lapor: LaporProcess) -> None:
    answered: list[str] = []
    url = own_lapor.url

    def write() -> None:
        with httpx.Client(base_url=url, headers=dict(own_lapor.http.headers), timeout=5) as http:
            while True:
                try:
                    answer = http.post("/complaints/complaint", json=complaint())
                except httpx.TransportError:
                    return
                answered.append(str(answer.json()["complaint_id"]))

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    deadline = time.monotonic() + 10
    while len(answered) < 60 and time.monotonic() < deadline:
        time.sleep(0.01)
    own_lapor.kill()
    for writer in writers:
        writer.join()
    own_lapor.start()
    writes = own_lapor.http.get("/control/ledger", params={"act": "create", "limit": 10_000}).json()["writes"]
    kept = [write["tracking_id"] for write in writes]
    assert len(answered) >= 60
    assert set(answered) <= set(kept)
    assert len(kept) - len(answered) <= len(writers)
    assert created_by_hub(own_lapor) == len(kept)
    assert len(set(kept)) == len(kept)


def test_sigterm_ends_it_quickly_even_while_a_request_hangs(own_lapor: LaporProcess) -> None:
    break_next(own_lapor, "hang")

    def hang() -> None:
        with suppress(httpx.TransportError):
            httpx.post(
                f"{own_lapor.url}/complaints/complaint",
                json=complaint(),
                headers=dict(own_lapor.http.headers),
                timeout=20,
            )

    waiting = threading.Thread(target=hang)
    waiting.start()
    time.sleep(0.3)
    started = time.monotonic()
    assert own_lapor.stop() in (0, -15)
    assert time.monotonic() - started < 10
    waiting.join()


def test_seeded_life_moves_reports_by_the_rules(own_lapor: LaporProcess) -> None:
    asked = {"generate": {"seed": 1, "count": 80, "now": "2025-11-24T03:00:00Z"}}
    own_lapor.http.post("/control/reports", json=asked)
    done = own_lapor.http.post("/control/liven", json={"seed": 2, "steps": 60}).json()["done"]
    assert len(done) >= 20
    counted = own_lapor.http.get("/control/counters").json()
    assert sum(counted["writes"]["control:liven"].values()) == len(done)


def test_a_muddled_page_holds_every_row_twice_and_the_newest_first(lapor: LaporProcess) -> None:
    for _ in range(3):
        send(lapor)
    url = "/complaints?page_size=50"
    true = [row["id"] for row in lapor.http.get(url).json()["results"]["data"]]
    lapor.http.post("/control/faults", json={"kind": "muddled", "path": "/complaints", "method": "GET"})
    muddled = [row["id"] for row in lapor.http.get(url).json()["results"]["data"]]
    assert muddled == [row for row in reversed(true) for _ in range(2)]
