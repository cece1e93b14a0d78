"""The listing by update time, which is ours: complete, in order, and steady while reports change."""

from typing import Any

from tests.simulators.lapor_process import LaporProcess

NOW = "2025-11-24T03:00:00Z"
"""When the generated reports are made: long past, and never the day of the test."""


def pages(lapor: LaporProcess, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    follow: str | None = url
    while follow:
        results = lapor.http.get(follow).json()["results"]
        found += results["data"]
        follow = results["next_page_url"]
    return found


def fill(lapor: LaporProcess, seed: int, count: int, *, backdate: bool = False) -> list[str]:
    asked = {"generate": {"seed": seed, "count": count, "now": NOW}, "backdate": backdate}
    ids: list[str] = lapor.http.post("/control/reports", json=asked).json()["tracking_ids"]
    return ids


def test_every_report_is_listed_once(own_lapor: LaporProcess) -> None:
    ids = fill(own_lapor, 1, 130)
    assert sorted(r["tracking_id"] for r in pages(own_lapor, "/complaints?page_size=50")) == sorted(ids)


def test_filling_twice_adds_nothing(own_lapor: LaporProcess) -> None:
    assert len(fill(own_lapor, 3, 20)) == 20
    assert fill(own_lapor, 3, 20) == []


def test_what_changed_since_a_time_is_listed_inclusive_of_its_second(own_lapor: LaporProcess) -> None:
    fill(own_lapor, 2, 30, backdate=True)
    body = {"reports": [{"title": "Baru", "text": "Baru saja masuk."}]}
    (new,) = own_lapor.http.post("/control/reports", json=body).json()["tracking_ids"]
    (start,) = [r["updated_at"] for r in pages(own_lapor, "/complaints") if r["tracking_id"] == new]
    assert [r["tracking_id"] for r in pages(own_lapor, f"/complaints?updated_since={start}")] == [new]
    old = next(r for r in pages(own_lapor, "/complaints") if r["status_name"] == "Belum Ditindaklanjuti")
    act = {"tracking_id": old["tracking_id"], "act": "reply", "text": "Masih sama."}
    own_lapor.http.post("/control/acts", json={"acts": [act]})
    listed = [r["tracking_id"] for r in pages(own_lapor, f"/complaints?updated_since={start}")]
    assert listed == [new, old["tracking_id"]]
    day, month, year, clock = start[:2], start[3:5], start[6:10], start[11:]
    iso = f"{year}-{month}-{day}T{clock}Z"
    assert [r["tracking_id"] for r in pages(own_lapor, f"/complaints?updated_since={iso}")] == listed


def test_a_change_between_two_pages_hides_no_report(own_lapor: LaporProcess) -> None:
    body = {"reports": [{"title": f"Lampu {n}", "text": "Lampu jalan padam."} for n in range(60)]}
    ids = own_lapor.http.post("/control/reports", json=body).json()["tracking_ids"]
    first = own_lapor.http.get("/complaints?page_size=20").json()["results"]
    acts = [{"tracking_id": r["tracking_id"], "act": "reply", "text": "Halo"} for r in first["data"][::2]]
    assert len(acts) == 10
    own_lapor.http.post("/control/acts", json={"acts": acts})
    rest = pages(own_lapor, first["next_page_url"])
    assert {r["tracking_id"] for r in first["data"]} | {r["tracking_id"] for r in rest} == set(ids)
    assert [r["tracking_id"] for r in rest[-len(acts) :]] == [a["tracking_id"] for a in acts]


def test_a_time_that_is_none_is_refused(own_lapor: LaporProcess) -> None:
    answer = own_lapor.http.get("/complaints?updated_since=kemarin")
    assert answer.status_code == 422
    assert "updated_since" in answer.json()["errors"]
