"""The Excel export "Laporan Ringkas" of SP4N-LAPOR, read into rows; what the words in them mean is said in
`translation`.

Two versions are known: under a preamble (header in row 11) and plain (header in row 1); they differ in
columns (DOMAIN §2). So the header is found by its cell "Tracking ID" and columns by their names. The names
of reporters ("Nama Pelapor") are dropped here: no row carries them.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

Cell = int | float | str | bool | time | date | datetime | timedelta

HEADER_WITHIN = 30
"""Rows from the top of a sheet in which the header is looked for."""

UNPACKED_LIMIT = 1_000_000_000
"""Bytes that a workbook may unpack to; a larger one is refused before it is read."""

LONGEST_TEXT = 10_000
LONGEST_TITLE = 300

_COLUMNS = {
    "tracking id": "tracking_id",
    "tanggal laporan masuk": "date",
    "waktu laporan masuk": "time",
    "klasifikasi laporan": "klasifikasi",
    "id kategori": "category_id",
    "kategori": "category",
    "judul laporan": "title",
    "isi laporan awal": "text_before",
    "isi laporan akhir": "text",
    "tipe laporan (anonim/rahasia)": "type",
    "tipe laporan": "type",
    "sumber laporan": "source",
    "id instansi terdisposisi": "institution_id",
    "instansi terdisposisi": "institution",
    "status laporan": "status",
    "alasan tunda/arsip": "reason",
    "provinsi": "province",
    "kota/kabupaten": "city",
    "kecamatan": "kecamatan",
    "kelurahan": "kelurahan",
}

_NEEDED = {
    "tracking_id": "Tracking ID",
    "date": "Tanggal Laporan Masuk",
    "time": "Waktu Laporan Masuk",
    "text": "Isi Laporan Akhir",
    "type": "Tipe Laporan (Anonim/Rahasia)",
    "status": "Status Laporan",
}
"""Without these a row cannot be a complaint, or its privacy flags would be guessed."""

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan januari january",
            "feb peb februari pebruari february",
            "mar maret march",
            "apr april",
            "mei may",
            "jun juni june",
            "jul juli july",
            "agu ags agt aug agustus august",
            "sep sept september",
            "okt oct oktober october",
            "nov nop november nopember",
            "des dec desember december",
        ),
        start=1,
    )
    for name in names.split()
}

_TYPES = {"anonim": (True, False), "rahasia": (False, True), "": (False, False), "-": (False, False)}

_NOT_ZIPPED = (zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError, zlib.error)
"""What `zipfile` raises on bytes that are no archive, or a broken one."""

_DATE = re.compile(r"(\d{1,2})[ -]([a-z]+)\.?[ -](\d{4})")
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_TIME = re.compile(r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?")
_TRACKING_ID = re.compile(r"[0-9]{1,20}")
_UNUSUAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u00a0\u2007\u202f\ufeff]")
_SPACES = re.compile(r"[\s\ufeff]+")


class NotAnExport(Exception):
    """The file cannot be read as a "Laporan Ringkas"; the text says why, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One report as the export tells it, words as written there, no name of a person. `reported_at` is UTC.

    `text` is the text as it stands now (Isi Laporan Akhir), `text_before` as the reporter wrote it. Empty
    cells are empty strings.
    """

    line: int
    tracking_id: str
    reported_at: datetime
    klasifikasi: str
    category_id: str
    category: str
    title: str
    text_before: str
    text: str
    anonymous: bool
    confidential: bool
    source: str
    institution_id: str
    institution: str
    status: str
    reason: str
    province: str
    city: str
    kecamatan: str
    kelurahan: str


@dataclass(frozen=True, slots=True)
class Odd:
    """Something about a line of the sheet (1 = its first) that a person should look at.

    `taken` says whether the report was taken all the same.
    """

    line: int
    reason: str
    taken: bool


@dataclass(frozen=True, slots=True)
class Export:
    """A whole file: when it was made (the beginning of that day; None if it does not say), by which agency,
    its readable rows, and its odd lines."""

    made_on: date | None
    agency: str | None
    rows: tuple[Row, ...]
    odd: tuple[Odd, ...]


class _Unreadable(Exception):
    """Why one line is not a report."""


def folded(text: str) -> str:
    """Lower case, every run of blanks (no-break ones too) as one space: how LAPOR's names are compared."""
    return _SPACES.sub(" ", text).strip().lower()


def read(content: bytes, zone: tzinfo = UTC) -> Export:
    """The export in these bytes; its times are read in `zone` (DOMAIN §2: UTC).

    Every line that cannot be read is in `odd` with its number and reason; the others are unharmed by it.
    Raises NotAnExport for a file that is not such an export.
    """
    for sheet in _sheets(content):
        found = _header(sheet)
        if found is not None:
            at, columns = found
            return _export(sheet, at, columns, zone)
    raise NotAnExport(
        f'no sheet has a cell "Tracking ID" in its first {HEADER_WITHIN} rows: not a "Laporan Ringkas" export'
    )


def _sheets(content: bytes) -> Iterator[list[list[Cell]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > UNPACKED_LIMIT:
                raise NotAnExport("the workbook unpacks to more than it could hold")
            if packed.testzip() is not None:
                raise NotAnExport("the file is damaged")
            names = set(packed.namelist())
    except _NOT_ZIPPED as broken:
        raise NotAnExport("not an Excel workbook (.xlsx), or a damaged one") from broken
    if "xl/workbook.xml" not in names:
        raise NotAnExport("not an Excel workbook (.xlsx)")
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        for name in workbook.sheet_names:
            yield workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except PasswordError as locked:
        raise NotAnExport("the workbook is protected with a password") from locked
    except CalamineError as broken:
        raise NotAnExport("the workbook is damaged") from broken


def _header(sheet: Sequence[Sequence[Cell]]) -> tuple[int, Mapping[str, int]] | None:
    for at, cells in enumerate(sheet[:HEADER_WITHIN]):
        names = [folded(cell) if isinstance(cell, str) else "" for cell in cells]
        if "tracking id" not in names:
            continue
        columns: dict[str, int] = {}
        for place, name in enumerate(names):
            if name in _COLUMNS:
                columns.setdefault(_COLUMNS[name], place)
        lacking = [shown for column, shown in _NEEDED.items() if column not in columns]
        if lacking:
            raise NotAnExport(f"the header in row {at + 1} lacks {', '.join(lacking)}")
        return at, columns
    return None


def _export(sheet: list[list[Cell]], at: int, columns: Mapping[str, int], zone: tzinfo) -> Export:
    rows: list[Row] = []
    odd: list[Odd] = []
    first_lines: dict[str, int] = {}
    for line, cells in enumerate(sheet[at + 1 :], start=at + 2):
        if not any(_text(cell) for cell in cells):
            continue
        try:
            row = _row(line, cells, columns, zone)
        except _Unreadable as why:
            odd.append(Odd(line, str(why), taken=False))
            continue
        first = first_lines.setdefault(row.tracking_id, line)
        if first != line:
            odd.append(Odd(line, f"the same Tracking ID as line {first}", taken=False))
            continue
        rows.append(row)
    preamble = _preamble(sheet[:at])
    return Export(
        made_on=_made_on(preamble),
        agency=preamble.get("nama instansi"),
        rows=tuple(rows),
        odd=tuple(odd),
    )


def _preamble(rows: Sequence[Sequence[Cell]]) -> dict[str, str]:
    """What stands above the header: a label in the row's first filled cell, its value in the next."""
    told: dict[str, str] = {}
    for cells in rows:
        filled = [text for text in map(_text, cells) if text]
        if len(filled) >= 2:
            told[folded(filled[0])] = filled[1]
    return told


def _made_on(preamble: Mapping[str, str]) -> date | None:
    written = _ISO_DATE.fullmatch(preamble.get("tanggal generate", ""))
    try:
        return _date_of(written) if written else None
    except _Unreadable:
        return None


def _row(line: int, cells: Sequence[Cell], columns: Mapping[str, int], zone: tzinfo) -> Row:
    told = {name: cells[place] if place < len(cells) else "" for name, place in columns.items()}

    def text(name: str) -> str:
        return _text(told.get(name, ""))

    tracking_id = text("tracking_id")
    if not _TRACKING_ID.fullmatch(tracking_id):
        raise _Unreadable("Tracking ID is not a number" if tracking_id else "no Tracking ID")
    body, before = text("text"), text("text_before")
    if not body and not before:
        raise _Unreadable("no text")
    if max(len(body), len(before)) > LONGEST_TEXT:
        raise _Unreadable(f"the text is longer than {LONGEST_TEXT} characters")
    status = text("status")
    if not status:
        raise _Unreadable("no Status Laporan")
    anonymous, confidential = _flags(text("type"))
    return Row(
        line=line,
        tracking_id=tracking_id,
        reported_at=_instant(told["date"], told["time"], zone),
        klasifikasi=text("klasifikasi"),
        category_id=text("category_id"),
        category=text("category"),
        title=_shortened(text("title")),
        text_before=before,
        text=body or before,
        anonymous=anonymous,
        confidential=confidential,
        source=text("source"),
        institution_id=text("institution_id"),
        institution=text("institution"),
        status=status,
        reason=text("reason"),
        province=text("province"),
        city=text("city"),
        kecamatan=text("kecamatan"),
        kelurahan=text("kelurahan"),
    )


def _text(cell: Cell) -> str:
    """A cell as text: whole numbers without a point, control characters and no-break blanks as spaces."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return _UNUSUAL.sub(" ", str(cell)).strip()


def _shortened(title: str) -> str:
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"


def _flags(kind: str) -> tuple[bool, bool]:
    """(anonymous, confidential) of "Anonim|Rahasia". A word that is not known is put before a person."""
    anonymous = confidential = False
    for word in re.split(r"[|,;/]", kind):
        flags = _TYPES.get(folded(word))
        if flags is None:
            raise _Unreadable("Tipe Laporan is neither Anonim nor Rahasia")
        anonymous, confidential = anonymous or flags[0], confidential or flags[1]
    return anonymous, confidential


def _instant(day: Cell, clock: Cell, zone: tzinfo) -> datetime:
    return datetime.combine(_day(day), _clock(clock), tzinfo=zone).astimezone(UTC)


def _day(cell: Cell) -> date:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = folded(_text(cell))
    if not text:
        raise _Unreadable("no Tanggal Laporan Masuk")
    iso = _ISO_DATE.fullmatch(text)
    if iso:
        return _date_of(iso)
    written = _DATE.fullmatch(text)
    if written is None or written[2] not in _MONTHS:
        raise _Unreadable("Tanggal Laporan Masuk is not a date like 3 Jan 2026")
    return _real_date(int(written[3]), _MONTHS[written[2]], int(written[1]))


def _date_of(iso: re.Match[str]) -> date:
    return _real_date(int(iso[1]), int(iso[2]), int(iso[3]))


def _real_date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as none:
        raise _Unreadable("Tanggal Laporan Masuk is a day that does not exist") from none


def _clock(cell: Cell) -> time:
    if isinstance(cell, datetime):
        return cell.time()
    if isinstance(cell, time):
        return cell
    if isinstance(cell, timedelta) and timedelta(0) <= cell < timedelta(days=1):
        return _time_of(round(cell.total_seconds()))
    if isinstance(cell, float) and 0 <= cell < 1:
        return _time_of(round(cell * 86_400))
    text = _text(cell)
    written = _TIME.fullmatch(text)
    if written is None:
        raise _Unreadable("Waktu Laporan Masuk is not a time like 14:05:09" if text else "no time")
    try:
        return time(int(written[1]), int(written[2]), int(written[3] or 0))
    except ValueError as none:
        raise _Unreadable("Waktu Laporan Masuk is a time that does not exist") from none


def _time_of(seconds: int) -> time:
    minutes, second = divmod(seconds % 86_400, 60)
    return time(*divmod(minutes, 60), second)
