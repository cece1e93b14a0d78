"""SP4N-LAPOR as an integrator meets it, over real HTTP."""

import json
import re
from typing import Any

import httpx
import pytest

from tests.simulators.lapor_process import KEYS, LaporProcess

TIME = re.compile(r"\d{2}-\d{2}-\d{4} \d{2}:\d{2}:\d{2}")


def complaint(**changes: object) -> dict[str, object]:
    """A complaint as the hub forwards it."""
    return {
        "title": "Lampu jalan mati",
        "content": "Lampu jalan mati di Lr. Setia sudah dua minggu.",
        "channel": 9,
        "is_new_user_slider": 0,
        "user_id": "77",
        "is_disposisi_slider": 0,
        "classification_id": 2,
        "category_id": "1398",
        "is_anonymous": 1,
        **changes,
    }


def created(lapor: LaporProcess, **changes: object) -> str:
    answer = lapor.http.post("/complaints/complaint", json=complaint(**changes))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["complaint_id"])


def shown(lapor: LaporProcess, tracking_id: str) -> dict[str, Any]:
    found: dict[str, Any] = lapor.http.get(f"/complaints/{tracking_id}/complaint").json()["results"]["data"]
    return found


def acted(lapor: LaporProcess, tracking_id: str, act: str, **more: object) -> dict[str, Any]:
    answer = lapor.http.post(
        "/control/acts", json={"acts": [{"tracking_id": tracking_id, "act": act, **more}]}
    )
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()["results"][0]
    return result


def followups(lapor: LaporProcess, tracking_id: str) -> list[dict[str, Any]]:
    """All pages."""
    url: str | None = f"/complaints/{tracking_id}/followups"
    found: list[dict[str, Any]] = []
    while url:
        results = lapor.http.get(url).json()["results"]
        found += results["data"]
        url = results["next_page_url"]
    return found


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"auth": KEYS["auth"]},
        {"token": KEYS["token"]},
        {"auth": "salah", "token": KEYS["token"]},
        {"auth": KEYS["auth"], "token": "salah"},
        {"authorization": f"Basic {KEYS['auth']}", "token": KEYS["token"]},
    ],
)
def test_without_both_keys_nothing_is_shown(lapor: LaporProcess, headers: dict[str, str]) -> None:
    answer = httpx.get(f"{lapor.url}/masters/templates", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["status"] == "error"


def test_the_key_may_also_come_as_bearer(lapor: LaporProcess) -> None:
    headers = {"authorization": f"Bearer {KEYS['auth']}", "token": KEYS["token"]}
    assert httpx.get(f"{lapor.url}/masters/templates", headers=headers).status_code == 200


def test_a_created_report_has_a_plain_seven_digit_number_and_waits_to_be_verified(
    lapor: LaporProcess,
) -> None:
    tracking_id = created(lapor)
    assert re.fullmatch(r"\d{7}", tracking_id)
    report = shown(lapor, tracking_id)
    assert report["status_name"] == "Belum Terverifikasi"
    assert report["disposition_id"] is None
    assert report["classification_name"] == "Pengaduan Tidak Berkadar Pengawasan"
    assert report["category_name"] == "Penerangan Jalan"
    assert report["user_name"] == "Anonim"
    assert TIME.fullmatch(report["created_at"])
    assert report["status_logs"][0]["note"] == "Laporan diterima"
    assert TIME.fullmatch(report["status_logs"][0]["timestamp"])


def test_a_report_disposed_at_birth_is_at_its_institution(lapor: LaporProcess) -> None:
    report = shown(lapor, created(lapor, is_disposisi_slider=1, disposition_id="31010"))
    assert report["status_name"] == "Belum Ditindaklanjuti"
    assert report["disposition_name"] == "Dinas Perumahan Rakyat dan Kawasan Permukiman Kota Jambi"


def test_without_a_user_the_account_of_the_key_complains(lapor: LaporProcess) -> None:
    assert shown(lapor, created(lapor, user_id=None, is_anonymous=0))["user_name"] == "Akun hub"


def test_the_same_complaint_sent_twice_becomes_two_reports(lapor: LaporProcess) -> None:
    before = lapor.http.get("/control/counters").json()["same_report_created_twice"]
    twice = {"title": "Dikirim dua kali"}
    assert created(lapor, **twice) != created(lapor, **twice)
    assert lapor.http.get("/control/counters").json()["same_report_created_twice"] == before + 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": ""}, "title"),
        ({"content": "x" * 3001}, "content"),
        ({"channel": 99}, "channel"),
        ({"channel": "app"}, "channel"),
        ({"category_id": "1"}, "category_id"),
        ({"classification_id": 9}, "classification_id"),
        ({"is_disposisi_slider": 1}, "disposition_id"),
        ({"disposition_id": "5"}, "disposition_id"),
        ({"is_new_user_slider": 1}, "nameUser"),
        ({"is_new_user_slider": 1, "nameUser": "Warga Contoh 3"}, "emailUser"),
        ({"attachments": "[999999]"}, "attachments"),
        ({"attachments": "satu"}, "attachments"),
        ({"title": "\ud800"}, "title"),
        ({"channel": "9" * 40}, "channel"),
        ({"content": ["a"]}, "content"),
    ],
)
def test_what_lapor_cannot_take_is_refused_by_field(
    lapor: LaporProcess, changes: dict[str, object], field: str
) -> None:
    answer = lapor.http.post("/complaints/complaint", content=json.dumps(complaint(**changes)))
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]


def test_a_body_that_is_no_json_object_is_refused(lapor: LaporProcess) -> None:
    for body in (b"", b"[1]", b"{", b"\xff"):
        assert lapor.http.post("/complaints/complaint", content=body).status_code == 422


def test_files_are_uploaded_first_and_named_by_id(lapor: LaporProcess) -> None:
    answer = lapor.http.post(
        "/complaints/complaint/file",
        files=[
            ("attachments[]", ("a.jpg", b"\xff\xd8satu", "image/jpeg")),
            ("attachments[]", ("b.pdf", b"dua")),
        ],
    )
    ids = [doc["id"] for doc in answer.json()["results"]["docs"]]
    assert len(ids) == 2
    report = shown(lapor, created(lapor, attachments=json.dumps(ids)))
    assert [a["file_name"] for a in report["attachments"]] == ["a.jpg", "b.pdf"]
    assert report["attachments"][0]["extension"] == "jpg"
    assert lapor.http.get(report["attachments"][0]["path"]).content == b"\xff\xd8satu"


def test_an_answer_of_the_institution_brings_the_report_into_work(lapor: LaporProcess) -> None:
    tracking_id = created(lapor, is_disposisi_slider=1, disposition_id="31010")
    answer = lapor.http.post(
        "/complaints/followup/add",
        data={
            "complaint_id": tracking_id,
            "user_id": "5",
            "institution_from_id": "31010",
            "template_code": "tindak_lanjut",
            "content": "Lampu sudah diganti.",
            "is_secret": "0",
        },
        files=[("attachment[]", ("foto.png", b"png", "image/png"))],
    )
    assert answer.status_code == 200, answer.text
    assert shown(lapor, tracking_id)["status_name"] == "Proses"
    (item,) = followups(lapor, tracking_id)
    assert item["content"] == "Lampu sudah diganti."
    assert item["user_type"] == "instansi"
    assert TIME.fullmatch(item["created_at"])
    assert item["attachments"] == [
        {"path": item["attachments"][0]["path"], "file_name": "foto.png", "extension": "png"}
    ]


def test_a_disposition_appears_as_an_item_with_a_template_and_its_holes(lapor: LaporProcess) -> None:
    tracking_id = created(lapor)
    assert acted(lapor, tracking_id, "dispose", institution="DLH")["status"] == "Belum Ditindaklanjuti"
    (item,) = followups(lapor, tracking_id)
    assert item["content"] is None
    assert "{{institution_from}}" in item["template_content"]
    assert json.loads(item["data"]) == {
        "institution_from": "Pemerintah Kota Jambi",
        "institution_to": "Dinas Lingkungan Hidup Kota Jambi",
    }


def test_followups_come_in_pages_in_the_order_they_were_written(lapor: LaporProcess) -> None:
    tracking_id = created(lapor, is_disposisi_slider=1, disposition_id="31011")
    acts = [{"tracking_id": tracking_id, "act": "reply", "text": f"Balasan {n}"} for n in range(45)]
    lapor.http.post("/control/acts", json={"acts": acts})
    first = lapor.http.get(f"/complaints/{tracking_id}/followups?page=1").json()["results"]
    assert len(first["data"]) == 20
    assert [item["content"] for item in followups(lapor, tracking_id)] == [f"Balasan {n}" for n in range(45)]
    assert lapor.http.get(f"/complaints/{tracking_id}/followups?page=9").json()["results"]["data"] == []


def test_not_our_authority_is_asked_first_and_decided_by_an_admin(lapor: LaporProcess) -> None:
    tracking_id = created(lapor, is_disposisi_slider=1, disposition_id="31010")
    body = {"is_request": 1, "reason": "31012", "reason_description": "Milik Dishub.", "not_authority": 1}
    assert lapor.http.post(f"/complaints/process/{tracking_id}/reject", json=body).status_code == 200
    assert shown(lapor, tracking_id)["disposition_id"] == "31010"
    body["is_request"] = 0
    lapor.http.post(f"/complaints/process/{tracking_id}/reject", json=body)
    report = shown(lapor, tracking_id)
    assert (report["disposition_id"], report["status_name"]) == ("31012", "Belum Ditindaklanjuti")


@pytest.mark.parametrize(
    ("act", "by", "status", "reason"),
    [
        ("close", "Admin", "Ditutup oleh Admin", None),
        ("close", "Pelapor", "Ditutup oleh Pelapor", None),
        ("close", "Sistem", "Ditutup oleh Sistem", None),
        ("archive", "Admin", "Diarsipkan oleh Admin", "Laporan ini diarsipkan karena"),
        ("archive", "Pelapor", "Diarsipkan oleh Pelapor", "sesuai dengan keinginan Pelapor"),
        ("block", None, "Konten Terblokir", None),
    ],
)
def test_an_ended_report_says_who_ended_it_and_takes_no_more_answers(
    lapor: LaporProcess, act: str, by: str | None, status: str, reason: str | None
) -> None:
    tracking_id = created(lapor, is_disposisi_slider=1, disposition_id="31010")
    acted(lapor, tracking_id, "answer", text="Sedang dikerjakan.")
    assert acted(lapor, tracking_id, act, by=by)["status"] == status
    report = shown(lapor, tracking_id)
    assert report["status_by"] == (by or "Admin")
    assert (report["reason"] is None) if reason is None else (reason in report["reason"])
    late = {"complaint_id": tracking_id, "institution_from_id": "31010", "content": "Terlambat."}
    answer = lapor.http.post("/complaints/followup/add", data=late, files={"x": b""})
    assert answer.status_code == 422
    assert "refused" in acted(lapor, tracking_id, "reply", text="Halo?")


def test_a_reporter_asked_to_complete_who_does_so_is_dealt_with_again(lapor: LaporProcess) -> None:
    tracking_id = created(lapor)
    assert acted(lapor, tracking_id, "ask", text="Di mana?")["status"] == "Menunggu Kelengkapan Informasi"
    assert acted(lapor, tracking_id, "reply", text="Di Lr. Setia.")["status"] == "Belum Terverifikasi"
    acted(lapor, tracking_id, "dispose", institution="PERKIM")
    acted(lapor, tracking_id, "ask", text="Nomor tiang?")
    assert acted(lapor, tracking_id, "reply", text="Tidak terbaca.")["status"] == "Proses"


def test_a_reporter_rates_a_closed_report(lapor: LaporProcess) -> None:
    tracking_id = created(lapor)
    assert "refused" in acted(lapor, tracking_id, "rate", rating=4)
    acted(lapor, tracking_id, "close", by="Admin")
    acted(lapor, tracking_id, "rate", rating=4)
    assert shown(lapor, tracking_id)["rating"] == 4


def test_the_system_ends_what_the_reporter_leaves_silent(lapor: LaporProcess) -> None:
    answered, asked, fresh = (created(lapor) for _ in range(3))
    old = "2026-01-05T02:00:00Z"
    acted(lapor, answered, "answer", text="Sudah selesai.", at=old)
    acted(lapor, asked, "ask", text="Di mana?", at=old)
    acted(lapor, fresh, "answer", text="Sudah selesai.")
    ended = {e["tracking_id"]: e["status"] for e in lapor.http.post("/control/tick").json()["ended"]}
    assert ended[answered] == "Ditutup oleh Sistem"
    assert ended[asked] == "Diarsipkan oleh Sistem"
    assert fresh not in ended


def test_masters_come_in_pages(lapor: LaporProcess) -> None:
    url: str | None = "/masters/institutions/external?page_size=30"
    names: dict[str, str] = {}
    while url:
        results = lapor.http.get(url).json()["results"]
        names |= {row["id"]: row["name"] for row in results["data"]}
        url = results["next_page_url"]
    assert len(names) == 72
    assert names["31001"] == "Pemerintah Kota Jambi"
    codes = [
        row["code"] for row in lapor.http.get("/masters/templates?page_size=50").json()["results"]["data"]
    ]
    assert "tindak_lanjut" in codes


def test_unknown_reports_are_not_found(lapor: LaporProcess) -> None:
    assert lapor.http.get("/complaints/1/complaint").status_code == 404
    assert lapor.http.get("/complaints/1/followups").status_code == 404
    assert lapor.http.get("/files/123456").status_code == 404
    assert lapor.http.get("/complaints?page=0").status_code == 422
    assert (
        lapor.http.post("/complaints/process/1/reject", json={"reason_description": "x"}).status_code == 404
    )


def test_every_write_is_in_the_ledger_under_the_key_that_made_it(lapor: LaporProcess) -> None:
    answer = lapor.http.post(
        "/complaints/complaint",
        json=complaint(title="Tercatat"),
        headers={"auth": "kunci-lain", "x-request-id": "kiriman-1"},
    )
    tracking_id = answer.json()["complaint_id"]
    acted(lapor, tracking_id, "close", by="Admin")
    writes = lapor.http.get("/control/ledger", params={"tracking_id": tracking_id}).json()["writes"]
    assert [(w["side"], w["author"], w["act"], w["status"]) for w in writes] == [
        ("api", "other", "create", "Belum Terverifikasi"),
        ("control", "admin", "close", "Ditutup oleh Admin"),
    ]
    assert writes[0]["request_id"] == "kiriman-1"


def test_a_rename_shows_in_old_reports_too(lapor: LaporProcess) -> None:
    tracking_id = created(lapor, is_disposisi_slider=1, disposition_id="31026")
    lapor.http.post("/control/institutions", json={"institution": "31026", "name": "Dinas Nama Baru"})
    assert shown(lapor, tracking_id)["disposition_name"] == "Dinas Nama Baru"
