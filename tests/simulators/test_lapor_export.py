"""The export "Laporan Ringkas" read back by two readers, in every version that was seen."""

from io import BytesIO

import openpyxl
import pytest
import python_calamine

from simulators.lapor.export import COLUMNS
from tests.simulators.lapor_process import LaporProcess

NOW = "2026-11-24T03:00:00Z"


@pytest.fixture(scope="module")
def filled(lapor: LaporProcess) -> LaporProcess:
    lapor.http.post("/control/reports", json={"generate": {"seed": 8, "count": 400, "now": NOW}})
    return lapor


def fetch(lapor: LaporProcess, **asked: str) -> bytes:
    answer = lapor.http.get("/export/laporan-ringkas.xlsx", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.content


def rows_of(book: bytes) -> list[list[object]]:
    sheet = python_calamine.CalamineWorkbook.from_filelike(BytesIO(book)).get_sheet_by_name("Laporan Ringkas")
    return [list(row) for row in sheet.to_python(skip_empty_area=False)]


@pytest.mark.parametrize(
    ("version", "header", "columns"), [("preamble", 11, 17), ("plain", 1, 20), ("full", 11, 25)]
)
def test_the_header_stands_where_it_stood_in_real_exports(
    filled: LaporProcess, version: str, header: int, columns: int
) -> None:
    rows = rows_of(fetch(filled, version=version))
    assert rows[header - 1][0] == "Tracking ID"
    assert tuple(rows[header - 1]) == COLUMNS[version]  # type: ignore[index]
    assert len(rows[header - 1]) == columns
    assert len([row for row in rows[header:] if row[0]]) == 400


def test_both_readers_see_the_same_cells(filled: LaporProcess) -> None:
    book = fetch(filled, version="plain")
    sheet = openpyxl.load_workbook(BytesIO(book)).active
    assert sheet is not None
    other = [[cell or "" for cell in row] for row in sheet.iter_rows(values_only=True)]
    assert other == rows_of(book)


def test_all_cells_are_text_and_ids_ascend(filled: LaporProcess) -> None:
    rows = [row for row in rows_of(fetch(filled, version="preamble"))[11:] if row[0]]
    assert all(isinstance(cell, str) for row in rows for cell in row)
    ids = [int(str(row[0])) for row in rows]
    assert ids == sorted(ids)


def test_the_preamble_is_merged_as_in_real_exports(filled: LaporProcess) -> None:
    sheet = openpyxl.load_workbook(BytesIO(fetch(filled, version="preamble"))).active
    assert sheet is not None
    merged = {str(each) for each in sheet.merged_cells.ranges}
    assert {"A1:B2", "C1:C2", "A9:B10", "C9:C10"} <= merged
    assert (sheet["A3"].value, sheet["C3"].value) == ("Nama Instansi", "Pemerintah Kota Jambi")


@pytest.mark.parametrize(("months", "name"), [("en", "May"), ("id", "Mei")])
def test_months_come_in_english_or_indonesian(filled: LaporProcess, months: str, name: str) -> None:
    dates = [str(row[1]) for row in rows_of(fetch(filled, version="plain", months=months))[1:]]
    assert any(f" {name} 2026" in date for date in dates)
    assert not any(date.startswith("0") for date in dates)


def test_both_flags_are_printed_with_a_bar_and_statuses_as_lapor_writes_them(filled: LaporProcess) -> None:
    rows = rows_of(fetch(filled, version="plain"))
    kinds = {row[rows[0].index("Tipe Laporan (Anonim/Rahasia)")] for row in rows[1:]}
    assert kinds == {"", "Anonim", "Rahasia", "Anonim|Rahasia"}
    statuses = {row[rows[0].index("Status Laporan")] for row in rows[1:]}
    assert {"Ditutup oleh Sistem", "Belum Terverifikasi", "Menunggu Kelengkapan Informasi"} <= statuses


def test_names_of_reporters_are_nobodys(filled: LaporProcess) -> None:
    rows = rows_of(fetch(filled, version="full"))[10:]
    names = {str(row[rows[0].index("Nama Pelapor")]) for row in rows[1:] if row[0]}
    assert all(name.startswith("Warga Contoh ") for name in names)


def test_a_text_with_line_breaks_and_a_formula_is_one_harmless_line(lapor: LaporProcess) -> None:
    body = {"reports": [{"title": "=1+1", "text": "baris satu\r\nbaris dua\u0001"}]}
    (tracking_id,) = lapor.http.post("/control/reports", json=body).json()["tracking_ids"]
    rows = rows_of(fetch(lapor, version="plain", created_by="control:filling"))
    (row,) = [row for row in rows if row[0] == tracking_id]
    assert row[rows[0].index("Judul Laporan")] == "=1+1"
    assert row[rows[0].index("Isi Laporan Awal")] == "baris satubaris dua"


def test_a_period_bounds_the_file(filled: LaporProcess) -> None:
    rows = rows_of(fetch(filled, version="plain", **{"from": "2026-05-01", "to": "2026-05-31"}))[1:]
    assert rows
    assert all(str(row[1]).endswith("May 2026") for row in rows)
    assert filled.http.get("/export/laporan-ringkas.xlsx?version=lama").status_code == 422
