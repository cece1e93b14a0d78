"""The Excel export "Laporan Ringkas" in the versions that were seen, as an admin downloads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Literal

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.worksheet.worksheet import Worksheet

from simulators.lapor.records import Row
from simulators.lapor.shapes import read_stored

Version = Literal["preamble", "plain", "full"]
Months = Literal["en", "id"]

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BEFORE = (
    "Tracking ID",
    "Tanggal Laporan Masuk",
    "Waktu Laporan Masuk",
    "Klasifikasi Laporan",
    "ID Kategori",
    "Kategori",
    "Judul Laporan",
    "Isi Laporan Awal",
    "Isi Laporan Akhir",
    "Tipe Laporan (Anonim/Rahasia)",
    "Sumber Laporan",
    "Instansi Induk",
)
_AFTER = ("Instansi Terdisposisi", "Status Laporan", "Alasan Tunda/Arsip", "Provinsi", "Kota/Kabupaten")
_PLACE = ("Kecamatan", "Kelurahan")
COLUMNS: dict[Version, tuple[str, ...]] = {
    "preamble": (*_BEFORE, *_AFTER),
    "plain": (*_BEFORE, "ID Instansi Terdisposisi", *_AFTER, *_PLACE),
    "full": (
        *_BEFORE[:3],
        "Nama Pelapor",
        *_BEFORE[3:],
        "ID Instansi Terdisposisi",
        *_AFTER,
        *_PLACE,
        "Nomor SK",
        "Url SK",
        "Laporan yang Masuk melalui Kanal Aduan Setwapres",
        "Rating",
    ),
}
"""preamble: 17 columns, header in row 11 (A). plain: 20 columns, header in row 1 (A). full: the columns that
importers name besides (A for the names, their order unknown), under the preamble."""

_MONTHS: dict[Months, tuple[str, ...]] = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "id": ("Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"),
}
_TEXT = "@"


@dataclass(frozen=True, slots=True)
class Period:
    """What the preamble says about the file; days are dates of the UTC clock, as everything in the file."""

    made: datetime
    first: str
    last: str


def laporan_ringkas(reports: Sequence[Row], version: Version, months: Months, period: Period) -> bytes:
    """The workbook: all cells text, empty cells blank, times in UTC though the file does not say so."""
    book = Workbook()
    sheet = book.active
    if not isinstance(sheet, Worksheet):
        raise TypeError("a new workbook has a worksheet")
    sheet.title = "Laporan Ringkas"
    top = 1
    if version != "plain":
        _write_preamble(sheet, period)
        top = 11
    columns = COLUMNS[version]
    for number, name in enumerate(columns, start=1):
        sheet.cell(top, number, name).number_format = _TEXT
    for line, report in enumerate(reports, start=top + 1):
        printed = _printed(report, months)
        for number, name in enumerate(columns, start=1):
            cell = sheet.cell(line, number, printed[name])
            cell.data_type = "s" if printed[name] is not None else "n"
            cell.number_format = "mm-dd-yy" if version == "plain" and name == columns[1] else _TEXT
    if version != "plain":
        for number in range(1, len(columns) + 1):
            sheet.cell(top + 1 + len(reports), number).number_format = _TEXT
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _write_preamble(sheet: Worksheet, period: Period) -> None:
    lines = (
        ("Judul Laporan", "Laporan Ringkas"),
        ("Nama Instansi", "Pemerintah Kota Jambi"),
        ("Tanggal Generate", f"{period.made:%Y-%m-%d}"),
        ("Periode Masuk", f"({period.first}) - ({period.last})"),
        ("Pengelola", None),
    )
    for number, (label, value) in enumerate(lines):
        row = 1 + 2 * number
        sheet.merge_cells(start_row=row, end_row=row + 1, start_column=1, end_column=2)
        sheet.merge_cells(start_row=row, end_row=row + 1, start_column=3, end_column=3)
        sheet.cell(row, 1, label)
        sheet.cell(row, 3, value)


def _one_line(text: str | None) -> str | None:
    """Line breaks dropped without a space, as the real export does (A); what no cell can hold, too."""
    return text and ILLEGAL_CHARACTERS_RE.sub("", text.replace("\r", "").replace("\n", ""))


def _printed(report: Row, months: Months) -> dict[str, str | None]:
    at = read_stored(report["reported_at"])
    flags = [
        name for name, on in (("Anonim", report["anonymous"]), ("Rahasia", report["confidential"])) if on
    ]
    return {
        "Tracking ID": report["tracking_id"],
        "Tanggal Laporan Masuk": f"{at.day} {_MONTHS[months][at.month - 1]} {at.year}",
        "Waktu Laporan Masuk": f"{at:%H:%M:%S}",
        "Nama Pelapor": report["reporter"],
        "Klasifikasi Laporan": report["klasifikasi"],
        "ID Kategori": report["category_id"],
        "Kategori": report["category"],
        "Judul Laporan": _one_line(report["title"]),
        "Isi Laporan Awal": _one_line(report["text_before"]),
        "Isi Laporan Akhir": _one_line(report["text_after"]),
        "Tipe Laporan (Anonim/Rahasia)": "|".join(flags) or None,
        "Sumber Laporan": report["source"],
        "Instansi Induk": report["parent"],
        "ID Instansi Terdisposisi": report["disposed_id"],
        "Instansi Terdisposisi": report["disposed"],
        "Status Laporan": report["status"],
        "Alasan Tunda/Arsip": report["reason"],
        "Provinsi": report["province"],
        "Kota/Kabupaten": report["city"],
        "Kecamatan": report["kecamatan"],
        "Kelurahan": report["kelurahan"],
        "Nomor SK": None,
        "Url SK": None,
        "Laporan yang Masuk melalui Kanal Aduan Setwapres": None,
        "Rating": None if report["rating"] is None else str(report["rating"]),
    }
