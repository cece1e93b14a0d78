"""Reading the export: both versions whole, odd lines by number and reason, strange files refused."""

import io
import zipfile
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook

from services.lapor_bridge.lapor.ringkas import Export, NotAnExport, read
from tests.lapor_bridge.running import Lapor

HEADER = (
    "Tracking ID",
    "Tanggal Laporan Masuk",
    "Waktu Laporan Masuk",
    "Nama Pelapor",
    "Klasifikasi Laporan",
    "ID Kategori",
    "Kategori",
    "Judul Laporan",
    "Isi Laporan Awal",
    "Isi Laporan Akhir",
    "Tipe Laporan (Anonim/Rahasia)",
    "Status Laporan",
    "Kota/Kabupaten",
)
ROW: dict[str, Any] = {
    "Tracking ID": "6079116",
    "Tanggal Laporan Masuk": "3 Jan 2026",
    "Waktu Laporan Masuk": "17:30:05",
    "Nama Pelapor": "Warga Contoh 17",
    "Klasifikasi Laporan": "Aspirasi",
    "Kategori": "Jalan\u00a0Berlubang",
    "Judul Laporan": "Jalan rusak",
    "Isi Laporan Awal": "jalan rusak",
    "Isi Laporan Akhir": "Jalan rusak.",
    "Status Laporan": "Proses",
}


def workbook(*rows: dict[str, Any], header: tuple[str, ...] = HEADER, above: int = 0) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for _ in range(above):
        sheet.append([None, "x"])
    sheet.append(list(header))
    for row in rows:
        sheet.append([row.get(name) for name in header])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def one(**changed: Any) -> Export:
    return read(workbook({**ROW, **changed}))


@pytest.mark.parametrize("version", ["preamble", "plain", "full"])
@pytest.mark.parametrize("months", ["en", "id"])
def test_every_version_of_the_export_is_read_whole(lapor: Lapor, version: str, months: str) -> None:
    lapor.http.post("/control/reports", json={"generate": {"seed": 7, "count": 300}, "backdate": True})
    asked = {"version": version, "months": months}
    export = read(lapor.http.get("/export/laporan-ringkas.xlsx", params=asked).content)
    assert len(export.rows) == 300
    assert export.odd == ()
    assert (export.agency, export.made_on is None) == (
        (None, True) if version == "plain" else ("Pemerintah Kota Jambi", False)
    )
    assert {row.tracking_id for row in export.rows} == {
        row["tracking_id"] for row in lapor.http.get("/control/reports").json()["reports"]
    }
    assert "\u00a0" not in "".join(row.category for row in export.rows)


def test_the_name_of_a_reporter_is_not_even_read() -> None:
    assert "Warga Contoh" not in repr(one())


def test_times_are_utc_and_may_be_told_to_be_another_zone() -> None:
    assert one().rows[0].reported_at == datetime(2026, 1, 3, 17, 30, 5, tzinfo=UTC)
    export = read(workbook(ROW), ZoneInfo("Asia/Jakarta"))
    assert export.rows[0].reported_at == datetime(2026, 1, 3, 10, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    ["3 Mei 2026", "03 May 2026", "3 MEI 2026", "3-Mei-2026", "2026-05-03", date(2026, 5, 3)],
)
def test_dates_are_read_in_both_languages_and_as_excel_keeps_them(written: object) -> None:
    assert one(**{"Tanggal Laporan Masuk": written}).rows[0].reported_at.date() == date(2026, 5, 3)


@pytest.mark.parametrize("written", ["09:05:00", "9:05", "09.05.00", time(9, 5), 0.37847222])
def test_times_are_read_as_text_and_as_excel_keeps_them(written: object) -> None:
    assert one(**{"Waktu Laporan Masuk": written}).rows[0].reported_at.time() == time(9, 5)


@pytest.mark.parametrize(
    ("written", "flags"),
    [
        ("Anonim", (True, False)),
        ("Rahasia", (False, True)),
        ("Anonim|Rahasia", (True, True)),
        ("rahasia | ANONIM", (True, True)),
        (None, (False, False)),
        ("-", (False, False)),
    ],
)
def test_the_two_flags_are_independent(written: str | None, flags: tuple[bool, bool]) -> None:
    row = one(**{"Tipe Laporan (Anonim/Rahasia)": written}).rows[0]
    assert (row.anonymous, row.confidential) == flags


@pytest.mark.parametrize(
    ("column", "written", "reason"),
    [
        ("Tracking ID", None, "no Tracking ID"),
        ("Tracking ID", "Total: 400", "Tracking ID is not a number"),
        ("Tanggal Laporan Masuk", None, "no Tanggal Laporan Masuk"),
        ("Tanggal Laporan Masuk", "3/1/2026", "Tanggal Laporan Masuk is not a date like 3 Jan 2026"),
        ("Tanggal Laporan Masuk", "31 Feb 2026", "Tanggal Laporan Masuk is a day that does not exist"),
        ("Waktu Laporan Masuk", None, "no time"),
        ("Waktu Laporan Masuk", "25:00:00", "Waktu Laporan Masuk is a time that does not exist"),
        ("Tipe Laporan (Anonim/Rahasia)", "Terbatas", "Tipe Laporan is neither Anonim nor Rahasia"),
        ("Status Laporan", None, "no Status Laporan"),
        ("Isi Laporan Akhir", "x" * 10_001, "the text is longer than 10000 characters"),
    ],
)
def test_an_odd_line_is_named_and_its_neighbours_are_unharmed(
    column: str, written: str | None, reason: str
) -> None:
    other = {**ROW, "Tracking ID": "2"}
    export = read(workbook({**ROW, column: written}, {}, other))
    assert [row.tracking_id for row in export.rows] == ["2"]
    assert [(odd.line, odd.reason, odd.taken) for odd in export.odd] == [(2, reason, False)]


def test_a_number_that_stands_twice_is_taken_once_and_named() -> None:
    export = read(workbook(ROW, {**ROW, "Tracking ID": 6079116}))
    assert len(export.rows) == 1
    assert export.odd[0].reason == "the same Tracking ID as line 2"


def test_the_text_as_it_was_stands_in_where_no_other_is_told() -> None:
    assert one(**{"Isi Laporan Akhir": None}).rows[0].text == "jalan rusak"


def test_columns_may_stand_in_any_order_and_under_any_preamble() -> None:
    export = read(workbook(ROW, header=tuple(reversed(HEADER)), above=12))
    assert (export.rows[0].line, export.rows[0].title) == (14, "Jalan rusak")


def _zip(**parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, text in parts.items():
            packed.writestr(name, text)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not an Excel workbook"),
        (b"Tracking ID;Tanggal\n1;2\n", "not an Excel workbook"),
        (_zip(**{"word/document.xml": "<a/>"}), "not an Excel workbook"),
        (_zip(**{"xl/workbook.xml": "<a"}), "damaged"),
        (workbook(ROW)[:-40], "not an Excel workbook"),
        (workbook(ROW, header=("tracking_id", "judul")), 'no sheet has a cell "Tracking ID"'),
        (workbook(ROW, above=40), 'no sheet has a cell "Tracking ID" in its first 30 rows'),
        (
            workbook(ROW, header=tuple(name for name in HEADER if not name.startswith("Tipe"))),
            "the header in row 1 lacks Tipe Laporan",
        ),
    ],
)
def test_a_file_that_is_no_such_export_is_refused_with_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(NotAnExport, match=reason):
        read(content)
