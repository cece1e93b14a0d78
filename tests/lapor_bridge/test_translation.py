"""What LAPOR's words mean to the hub, and the hub's to LAPOR."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.lapor_bridge.domain.city import parse_city
from services.lapor_bridge.domain.link import Content, Here, Link, Write
from services.lapor_bridge.domain.marking import marker_of, ticket_in
from services.lapor_bridge.lapor import translation as t
from services.lapor_bridge.lapor.ringkas import Row
from shared.events.parts import By, Reporter
from tests.lapor_bridge.world import DOCUMENTS, HOUR, NOW, OURS, REPORT, SECOND, TICKET, TONGUE

REPORT_JSON: dict[str, Any] = {
    "id": REPORT,
    "tracking_id": REPORT,
    "title": "Jalan rusak",
    "content": "Jalan rusak.",
    "content_before": "jalan rusak",
    "classification_name": "Aspirasi",
    "category_id": "1398",
    "category_name": "Penerangan Jalan",
    "is_anonymous": 1,
    "is_secret": 0,
    "status_name": "Ditutup oleh Pelapor",
    "status_at": "24-11-2026 02:00:00",
    "disposition_id": "31010",
    "disposition_name": "Dinas Lampu",
    "disposition_at": "20-11-2026 01:00:00",
    "city": "Kota Contoh",
    "district": "SATU",
    "village": "Kembar",
    "user_name": "Warga Contoh 17",
    "created_at": "19-11-2026 18:00:00",
    "updated_at": "24-11-2026 02:00:00",
}


def item(**changed: Any) -> dict[str, Any]:
    return {
        "id": 5,
        "created_at": "24-11-2026 02:00:00",
        "content": "Sudah kami cek.",
        "template_content": None,
        "data": '{"institution_from": "Dinas Lampu"}',
        "user_type": "instansi",
        "institution_from_id": "31010",
        "rating": None,
        "is_secret": 0,
        **changed,
    }


def content(**changed: Any) -> Content:
    fields: dict[str, Any] = {
        "channel": "app",
        "reported_at": NOW - HOUR,
        "title": "Lampu mati",
        "text": "Lampu jalan mati.",
        "place": None,
        "category_hint": None,
        "klasifikasi": None,
        "anonymous": False,
        "confidential": False,
        **changed,
    }
    return Content(**fields)


@pytest.mark.parametrize(
    ("status", "state", "by"),
    [
        ("Belum Terverifikasi", "open", None),
        ("Belum Ditindaklanjuti", "open", None),
        ("PROSES", "open", None),
        ("Menunggu\u00a0Kelengkapan  Informasi", "waiting", None),
        ("Ditutup oleh Sistem", "closed", By(kind="lapor", name="Sistem")),
        ("Ditutup Oleh Admin", "closed", By(kind="lapor", name="Admin")),
        ("Ditutup oleh Pelapor", "closed", By(kind="citizen")),
        ("Diarsipkan oleh Pelapor", "archived", By(kind="citizen")),
        ("Konten Terblokir", "blocked", None),
        ("Sesuatu yang baru", "unknown", None),
    ],
)
def test_a_status_says_how_it_stands_and_who_ended_it(status: str, state: str, by: By | None) -> None:
    assert t.state_of(status) == (state, by)


def test_a_time_without_zone_is_read_in_the_zone_that_the_setting_names() -> None:
    assert t.instant("24-11-2026 02:00:00", UTC) == datetime(2026, 11, 24, 2, tzinfo=UTC)
    jakarta = ZoneInfo("Asia/Jakarta")
    assert t.instant("24-11-2026 02:00:00", jakarta) == datetime(2026, 11, 23, 19, tzinfo=UTC)
    assert t.written(datetime(2026, 11, 23, 19, tzinfo=UTC), jakarta) == "24-11-2026 02:00:00"


@pytest.mark.parametrize("text", [None, "", "2026-11-24", "31-02-2026 00:00:00", "24-11-2026 25:00:00"])
def test_what_is_no_time_is_unknown(text: str | None) -> None:
    assert t.instant(text, UTC) is None


def test_a_report_becomes_a_submission_without_a_name() -> None:
    sighting = t.sighting_of_report(REPORT_JSON, NOW, TONGUE)
    told = sighting.submission
    assert told is not None
    assert (told.source, told.reference, told.channel, told.klasifikasi) == (
        "lapor",
        REPORT,
        "lapor",
        "aspirasi",
    )
    assert (told.text, told.anonymous, told.confidential, told.category) == (
        "Jalan rusak.",
        True,
        False,
        "1398",
    )
    assert told.place is not None
    assert (told.place.kecamatan, told.place.kelurahan) == ("15.99.01", "15.99.01.1002")
    assert told.lapor is not None
    assert (told.lapor.opd, told.lapor.state, told.lapor.closed_by) == ("LAMPU", "closed", "Pelapor")
    assert told.lapor.text_before_edit == "jalan rusak"
    assert "Warga" not in told.model_dump_json()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("is_anonymous", None),
        ("is_secret", "?"),
        ("content", None),
        ("created_at", "kemarin"),
        ("created_at", "24-11-2026 10:00:00"),
        ("status_name", None),
        ("tracking_id", "A-1"),
    ],
)
def test_a_report_that_would_be_guessed_at_is_not_taken(field: str, value: object) -> None:
    report = {**REPORT_JSON, "content_before": None, field: value}
    with pytest.raises(t.Untranslatable):
        t.sighting_of_report(report, NOW, TONGUE)


def test_a_clock_that_is_a_little_ahead_makes_no_report_of_the_future() -> None:
    report = {**REPORT_JSON, "created_at": "24-11-2026 03:05:00"}
    submission = t.sighting_of_report(report, NOW, TONGUE).submission
    assert submission is not None
    assert submission.reported_at == NOW


@pytest.mark.parametrize(
    "silent",
    [
        {"content": None, "template_code": "disposisi", "template_content": "Laporan diteruskan."},
        {"institution_from_id": None, "user_type": "admin"},
        {"institution_from_id": None, "user_id": None},
        {"institution_from_id": None, "user_id": "9", "rating": 4},
        {"content": None},
    ],
)
def test_what_nobody_answered_is_no_reply(silent: dict[str, Any]) -> None:
    assert t.reply_of(item(**silent), TONGUE) is None


def test_a_reply_tells_who_wrote_and_carries_no_identifier() -> None:
    reply = t.reply_of(
        item(institution_from_id=None, user_id="9", content="NIK1571011212990001, telp 081200001111"), TONGUE
    )
    assert reply is not None
    assert (reply.by.kind, reply.text) == ("citizen", "NIK[NIK], telp [telepon]")
    answer = t.reply_of(item(), TONGUE)
    assert answer is not None
    assert (answer.by, answer.at) == (By(kind="opd", name="LAMPU"), datetime(2026, 11, 24, 2, tzinfo=UTC))


def test_a_stock_text_is_told_with_its_holes_filled() -> None:
    template = "{{institution_from}} meneruskan ke {{ institution_to }}."
    reply = t.reply_of(item(content=None, template_content=template), TONGUE)
    assert reply is not None
    assert reply.text == "Dinas Lampu meneruskan ke (institution to)."


def test_a_secret_follow_up_is_not_told_in_its_words() -> None:
    reply = t.reply_of(item(is_secret=1), TONGUE)
    assert reply is not None
    assert reply.text == t.SECRET_REPLY


def test_the_question_that_made_a_report_wait_is_no_answer() -> None:
    logs = [{"status_name": "Menunggu Kelengkapan Informasi", "timestamp": "24-11-2026 02:00:00"}]
    asked, answered = item(id=5), item(id=6, created_at="24-11-2026 02:30:00")
    sighting = t.sighting_of_report({**REPORT_JSON, "status_logs": logs}, NOW, TONGUE, [answered, asked])
    assert [reply.item for reply in sighting.replies or ()] == ["6"]


def test_a_row_of_the_export_says_the_same_as_the_report() -> None:
    row = Row(
        line=2,
        tracking_id=REPORT,
        reported_at=NOW - HOUR,
        klasifikasi="Pengaduan Tidak Berkadar Pengawasan",
        category_id="",
        category="Penerangan Jalan",
        title="",
        text_before="Lampu mati",
        text="Lampu mati",
        anonymous=False,
        confidential=True,
        source="Website",
        institution_id="",
        institution="DISLAMPU Kota Contoh",
        status="Diarsipkan oleh Sistem",
        reason="",
        province="",
        city="",
        kecamatan="",
        kelurahan="",
    )
    sighting = t.sighting_of_row(row, None, TONGUE)
    assert sighting.standing.opd == "LAMPU"
    assert (sighting.standing.as_of, sighting.replies) == (None, None)
    told = sighting.submission
    assert told is not None
    assert told.lapor is not None
    assert (told.title, told.place, told.category, told.confidential) == (
        None,
        None,
        "Penerangan Jalan",
        True,
    )
    assert (told.lapor.state, told.lapor.text_before_edit) == ("archived", None)
    assert t.oddities_of_row(row) == []
    assert len(t.oddities_of_row(replace(row, status="Aneh", klasifikasi="Aneh"))) == 2


def test_a_complaint_becomes_a_report_without_identity_and_with_its_flags() -> None:
    link = Link(OURS, ticket=TICKET, opd="LAMPU", category="Penerangan Jalan")
    report = t.report_to_create(link, content(anonymous=True, confidential=True), TONGUE)
    assert (report["channel"], report["classification_id"], report["category_id"]) == (3, 2, 1398)
    assert (report["disposition_id"], report["user_id"]) == ("31010", 7)
    assert (report["is_anonymous"], report["is_secret"], report["is_new_user_slider"]) == (1, 1, 0)
    assert ticket_in(str(report["content"])) == TICKET


def test_a_report_names_its_reporter_where_lapor_could_reach_them() -> None:
    report = t.report_to_create(Link(OURS, ticket=TICKET, opd="LAMPU"), content(), TONGUE)
    who = Reporter(name="Warga", phone="0800-000-0001", nik="1571000000000001", address="Gang Mawar")
    named = t.reported_by(report, who)
    assert "user_id" not in named
    assert {name: named[name] for name in named.keys() - report.keys()} == {
        "nameUser": "Warga",
        "phoneUser": "0800-000-0001",
    }
    assert named["is_new_user_slider"] == 1
    for nobody in (None, Reporter(), Reporter(name="Warga"), Reporter(email="w@contoh.invalid")):
        assert t.reported_by(report, nobody) == report


def test_a_text_that_is_too_long_for_lapor_keeps_its_mark() -> None:
    link = Link(OURS, ticket=TICKET, opd="LAMPU")
    report = t.report_to_create(link, content(text="x" * 9_000, title="y" * 300), TONGUE)
    assert len(str(report["content"])) <= 3_000
    assert len(str(report["title"])) <= 255
    assert ticket_in(str(report["content"])) == TICKET


def test_an_item_is_always_an_institutions_and_carries_its_mark() -> None:
    write = Write(1, "question", OURS, "Di mana?", "JALAN", NOW)
    link = Link(OURS, ticket=TICKET, lapor_id=REPORT)
    said = t.followup_to_add(link, write, TONGUE)
    assert said["institution_from_id"] == "31001"
    assert said["template_code"] == "permintaan_kelengkapan"
    assert said["content"] == f"Dinas Jalan bertanya: Di mana?\n\n[Simpul {marker_of(OURS)}]"
    wordless = t.followup_to_add(link, replace(write, operation="answer", text=None), TONGUE)
    assert wordless["content"].startswith("Dinas Jalan telah menindaklanjuti laporan ini.")


def test_nothing_is_said_in_the_reporters_name_while_no_institution_is_known() -> None:
    lapor = {**DOCUMENTS["lapor"], "city": {**DOCUMENTS["lapor"]["city"], "id": None}}
    tongue = replace(TONGUE, city=parse_city({**DOCUMENTS, "lapor": lapor}))
    write = Write(1, "answer", OURS, "Sudah.", "JALAN", NOW)
    with pytest.raises(t.Unspeakable):
        t.followup_to_add(Link(OURS, lapor_id=REPORT), write, tongue)


def test_not_ours_names_who_should_have_it() -> None:
    write = Write(1, "rejection", OURS, "Bukan kami.", "LAMPU", NOW, kind="not_ours", refer_to="LISTRIK")
    link = Link(OURS, lapor_id=REPORT)
    sent = t.rejection_to_send(link, write, TONGUE)
    assert "reason" not in sent
    assert str(sent["reason_description"]).startswith("Bukan wewenang. Bukan kami. Perusahaan Listrik")


def test_what_is_written_under_a_confidential_complaint_is_secret_or_says_nothing_of_it() -> None:
    link = Link(OURS, ticket=TICKET, lapor_id=REPORT, here=Here(confidential=True))
    assert (
        t.followup_to_add(link, Write(1, "answer", OURS, "Sudah.", "JALAN", NOW), TONGUE)["is_secret"] == "1"
    )
    rejection = Write(1, "rejection", OURS, "Isi aduan.", "LAMPU", NOW, kind="not_ours", refer_to="LISTRIK")
    told = str(t.rejection_to_send(link, rejection, TONGUE)["reason_description"])
    assert "Isi aduan" not in told
    assert told.startswith("Bukan wewenang.")
    for open_to_all in (Here(), Here(confidential=False)):
        item = t.followup_to_add(
            replace(link, here=open_to_all), Write(1, "answer", OURS, "Sudah.", "JALAN", NOW), TONGUE
        )
        assert item["is_secret"] == "0"


def test_the_newest_reply_comes_last() -> None:
    items = [item(id=n, created_at=t.written(NOW - n * SECOND, UTC)) for n in range(5, 12)]
    sighting = t.sighting_of_report(REPORT_JSON, NOW, TONGUE, items)
    assert [reply.item for reply in sighting.replies or ()] == ["11", "10", "9", "8", "7", "6", "5"]
