"""What people do in the demo: OPDs, the verifier, and those inside LAPOR; by the complaint, not by chance.

Pure. Each habit draws a number from the complaint's own id, so that the same complaint meets the same fate in
every run, in whatever order things happen.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulators.complaints.writing import phrases

WORKING_OPDS = ("PERKIM", "PUPR", "DLH", "DISHUB", "SATPOLPP", "TIRTAMAYANG", "DISDUKCAPIL", "DINSOS")
"""The agencies that do something in the demo; the others let their deadlines pass."""

WHERE_LAPOR_SENDS = ("PUPR", "DLH", "PERKIM", "DISHUB")

INCOMPLETE = "Menunggu Kelengkapan Informasi"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """Something that an official does to a case over HTTP."""

    name: str
    body: Json

    @property
    def fits(self) -> str:
        """A name for it, so that doing it again is known for the same."""
        return f"{self.name}-{hashlib.sha256(repr(sorted(self.body.items())).encode()).hexdigest()[:12]}"


def drawn(of: str, sides: int, about: str = "") -> int:
    """A number below `sides` that this text always draws, another one for another question."""
    return int.from_bytes(hashlib.sha256(f"{about}:{of}".encode()).digest()[:4], "big") % sides


def words(kind: str, of: str) -> str:
    """One of the generator's sentences: answers, asks, replies."""
    book: Sequence[str] = phrases()[kind]
    return book[drawn(of, len(book), kind)]


def of_an_opd(case: Json) -> Sequence[Act]:
    """What an OPD does with a case that is newly routed to it; `case` is a line of `GET /v1/cases`."""
    key = str(case["complaint_id"])
    born_there = case["channel"] == "lapor"
    match drawn(key, 10, "opd"):
        case 0 | 1 | 2 | 3:
            return [Act("accept", {}), Act("answer", {"text": words("answers", key)})]
        case 4:
            return [Act("progress", {"text": "Petugas sudah di lapangan."})]
        case 5 | 6 if not born_there:  # what LAPOR's own reporters lack is asked there
            return [Act("accept", {}), Act("ask", {"question": words("asks", key)})]
        case 7:
            return [Act("hand_back", {"reason": "Bukan kewenangan kami.", "suggested_opd": _other(case)})]
        case _:
            return []


def _other(case: Json) -> str:
    return "PUPR" if case["opd"] != "PUPR" else "PERKIM"


def after_a_reply(case: Json) -> Sequence[Act]:
    """What an OPD does with a case that came back to work, the reporter having spoken."""
    return [Act("answer", {"text": f"Terima kasih. {words('answers', str(case['complaint_id']) + '2')}"})]


def of_the_verifier(case: Json, status_there: str | None, outside: Collection[str]) -> Act | None:
    """What the verifier does with a case in triage; `case` is a line of `GET /v1/triage`.

    `outside`: who does not belong to the city. `status_there`: how its report stands in LAPOR; one that waits
    for its reporter there is not rejected.
    """
    key = str(case["complaint_id"])
    reasons, candidates = case["reasons"], case["candidates"]
    choice = drawn(key, 4, "verifier")
    first = candidates[0] if candidates else None
    if first is not None and first["opd"] in outside:
        if choice == 3 or status_there == INCOMPLETE:
            return None
        told = "Kewenangan instansi di luar Pemerintah Kota Jambi."
        return Act("reject", {"kind": "not_ours", "reason": told, "refer_to": first["opd"]})
    if first is not None and (choice < 2 or "handed_back" in reasons):
        again = {"again": True} if first["opd"] in case.get("handed_back", ()) else {}
        return Act("route", {"opd": first["opd"], "note": "Diverifikasi.", **again})
    if first is None and choice == 0 and status_there != INCOMPLETE:
        return Act("reject", {"kind": "unclear", "reason": "Tidak jelas apa yang dilaporkan."})
    return None


def of_the_closer(case: Json) -> Act | None:
    """Whether the verifier closes an answered case without waiting for the reporter."""
    if drawn(str(case["complaint_id"]), 9, "close") == 0:
        return Act("close", {"reason": "Selesai dikerjakan."})
    return None


def inside_lapor(reports: Sequence[Json]) -> Iterator[Json]:
    """What LAPOR's admins, institutions and reporters do to the open reports, as the control API takes it.

    `reports` are lines of `GET /control/reports`.
    """
    for report in reports:
        number = str(report["tracking_id"])
        ours = str(report["created_by"]).startswith("api:")
        choice = drawn(number, 8, "lapor")
        deed = _DEEDS.get((str(report["status"]), ours, choice))
        if deed is not None:
            yield {"tracking_id": number, **_spoken(deed, number)}


def _spoken(deed: Json, number: str) -> Json:
    kind = {"answer": "answers", "ask": "asks", "reply": "replies"}.get(str(deed["act"]))
    return {**deed, "text": words(kind, number)} if kind else deed


def _deeds() -> Iterator[tuple[tuple[str, bool, int], Json]]:
    """(status, made by the hub, number drawn) → what happens."""
    reply, answer, ask = {"act": "reply"}, {"act": "answer"}, {"act": "ask"}
    closes = {"act": "close", "by": "Pelapor"}
    for choice, opd in enumerate(WHERE_LAPOR_SENDS):
        yield ("Belum Terverifikasi", False, choice), {"act": "dispose", "institution": opd}
    yield ("Belum Terverifikasi", False, 4), {"act": "archive", "by": "Admin"}
    yield ("Belum Terverifikasi", False, 5), ask
    for choice in (0, 1, 2):
        yield ("Belum Ditindaklanjuti", False, choice), answer
    yield ("Belum Ditindaklanjuti", False, 3), {"act": "dispose", "institution": "DLH"}
    yield ("Belum Ditindaklanjuti", False, 4), {"act": "block"}
    yield ("Belum Ditindaklanjuti", True, 0), answer
    yield ("Belum Ditindaklanjuti", True, 1), {"act": "dispose", "institution": "DLH"}
    yield ("Belum Ditindaklanjuti", True, 2), {"act": "close", "by": "Admin"}
    for ours in (False, True):
        yield ("Proses", ours, 0), reply
        yield ("Proses", ours, 1), reply
        yield ("Proses", ours, 2), closes
        yield (INCOMPLETE, ours, 0), reply
        yield (INCOMPLETE, ours, 1), reply
        yield (INCOMPLETE, ours, 2), reply
        yield (INCOMPLETE, ours, 3), {"act": "archive", "by": "Pelapor"}


_DEEDS: Mapping[tuple[str, bool, int], Json] = dict(_deeds())
