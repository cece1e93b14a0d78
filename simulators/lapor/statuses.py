"""The life of a report in SP4N-LAPOR: statuses as written there, and which act leads from which to which.

Pure. The statuses are known from real exports (A) and the dashboard; the moves between them are the flow that
LAPOR's guides describe (B, C). What a table does not list is refused.
"""

from typing import Final

UNVERIFIED: Final = "Belum Terverifikasi"
INCOMPLETE: Final = "Menunggu Kelengkapan Informasi"
UNANSWERED: Final = "Belum Ditindaklanjuti"
IN_WORK: Final = "Proses"
BLOCKED: Final = "Konten Terblokir"

OPEN: Final = (UNVERIFIED, INCOMPLETE, UNANSWERED, IN_WORK)
BY: Final = ("Sistem", "Admin", "Pelapor")

CODES: Final = {
    UNVERIFIED: 1,
    INCOMPLETE: 2,
    UNANSWERED: 3,
    IN_WORK: 4,
    "Ditutup oleh Sistem": 51,
    "Ditutup oleh Admin": 52,
    "Ditutup oleh Pelapor": 53,
    "Diarsipkan oleh Sistem": 61,
    "Diarsipkan oleh Admin": 62,
    "Diarsipkan oleh Pelapor": 63,
    BLOCKED: 7,
}
"""status_code of the API. INVENTED numbers: only that a code exists is known."""

REASONS: Final = {
    "Diarsipkan oleh Sistem": "Laporan diarsipkan karena sudah mencapai batas kadaluarsa pengaduan.",
    "Diarsipkan oleh Admin": "Laporan ini diarsipkan karena Mengandung SARA, Tidak Memiliki Bukti Dukung, "
    "Tidak Jelas, dan Tidak Relevan dengan Kinerja Pemerintah",
    "Diarsipkan oleh Pelapor": "Laporan ini diarsipkan sesuai dengan keinginan Pelapor",
}
"""Alasan Tunda/Arsip, word for word as exports print it (A)."""

_MOVES: Final[dict[str, dict[str, str]]] = {
    "verify": {UNVERIFIED: UNVERIFIED},
    "dispose": {UNVERIFIED: UNANSWERED, INCOMPLETE: UNANSWERED, UNANSWERED: UNANSWERED, IN_WORK: UNANSWERED},
    "ask": {UNVERIFIED: INCOMPLETE, UNANSWERED: INCOMPLETE, IN_WORK: INCOMPLETE},
    "answer": {UNVERIFIED: IN_WORK, UNANSWERED: IN_WORK, IN_WORK: IN_WORK, INCOMPLETE: IN_WORK},
    "refuse": {UNANSWERED: UNVERIFIED, IN_WORK: UNVERIFIED, UNVERIFIED: UNVERIFIED},
    "request_refusal": {UNVERIFIED: UNVERIFIED, UNANSWERED: UNANSWERED, IN_WORK: IN_WORK},
    "edit": {status: status for status in OPEN},
    "reply": {UNVERIFIED: UNVERIFIED, UNANSWERED: UNANSWERED, IN_WORK: IN_WORK, INCOMPLETE: UNVERIFIED},
    "block": dict.fromkeys(OPEN, BLOCKED),
    "protect": {status: status for status in CODES},
}
_ENDS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("close", "Sistem"): (IN_WORK,),
    ("close", "Admin"): (UNVERIFIED, UNANSWERED, IN_WORK),
    ("close", "Pelapor"): OPEN,
    ("archive", "Sistem"): (UNVERIFIED, INCOMPLETE),
    ("archive", "Admin"): OPEN,
    ("archive", "Pelapor"): OPEN,
}
ACTS: Final = (*_MOVES, "close", "archive", "rate")


class NotAllowed(Exception):
    """The act does not exist in this status; the text says both and holds no identity."""


def after(status: str, act: str, *, by: str | None = None, disposed: bool = False) -> str:
    """The status that the act leads to. Raises NotAllowed.

    A reporter's completion brings a report back to the institution that has it (`disposed`), else to be
    verified. A rating leaves the status as it is and is possible in work and after closing.
    """
    if act == "rate":
        if status == IN_WORK or status.startswith("Ditutup"):
            return status
    elif act in ("close", "archive"):
        if status in _ENDS.get((act, by or ""), ()):
            return f"{'Ditutup' if act == 'close' else 'Diarsipkan'} oleh {by}"
    elif status in _MOVES.get(act, {}):
        to = _MOVES[act][status]
        return IN_WORK if act == "reply" and status == INCOMPLETE and disposed else to
    raise NotAllowed(f'"{act}"{f" oleh {by}" if by else ""} tidak dapat dilakukan pada status "{status}"')
