"""What SP4N-LAPOR's words mean to the hub, and the hub's to LAPOR: tables and plain functions, no HTTP.

Statuses and klasifikasi as real exports and the dashboard write them (DOMAIN §2); ids and numbers are the
city's documents.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from pydantic import ValidationError

from services.lapor_bridge.domain.acts import Reply, ReportSighted
from services.lapor_bridge.domain.city import City
from services.lapor_bridge.domain.link import Content, Link, Standing, Write
from services.lapor_bridge.domain.marking import item_line, marker_in, report_line, ticket_in
from services.lapor_bridge.lapor.ringkas import LONGEST_TITLE, Row, folded
from shared.clock import JAKARTA
from shared.events.parts import By, Klasifikasi, LaporOrigin, LaporState, Reporter
from shared.events.submissions import SubmissionPosted
from shared.masking import masked

Json = dict[str, Any]

SOURCE = "lapor"
"""Our source and channel for what was born there."""

CONTENT_LIMIT = 3_000
TITLE_LIMIT = 255
"""Characters that LAPOR takes."""

STATUSES: Mapping[str, LaporState] = {
    "belum terverifikasi": "open",
    "belum ditindaklanjuti": "open",
    "proses": "open",
    "menunggu kelengkapan informasi": "waiting",
    "ditutup oleh sistem": "closed",
    "ditutup oleh admin": "closed",
    "ditutup oleh pelapor": "closed",
    "diarsipkan oleh sistem": "archived",
    "diarsipkan oleh admin": "archived",
    "diarsipkan oleh pelapor": "archived",
    "konten terblokir": "blocked",
}
"""What a status means to us. One that is not here is `unknown`, said as it is written."""

ENDED_BY: Mapping[str, By] = {
    "sistem": By(kind="lapor", name="Sistem"),
    "admin": By(kind="lapor", name="Admin"),
    "pelapor": By(kind="citizen"),
}
"""Who closed or archived, by the last word of the status."""

KLASIFIKASI: Mapping[str, Klasifikasi] = {
    "pengaduan berkadar pengawasan": "berkadar_pengawasan",
    "pengaduan tidak berkadar pengawasan": "tidak_berkadar_pengawasan",
    "permintaan informasi": "permintaan_informasi",
    "aspirasi": "aspirasi",
}

SECRET_REPLY = "(Tanggapan bersifat rahasia; bacalah di SP4N-LAPOR.)"  # noqa: S105
"""Said in place of a follow-up that LAPOR marks as secret: the hub's events have no such flag."""

NO_WORDS = "{opd} telah menindaklanjuti laporan ini."
"""Told in place of an answer that the OPD gave without a word."""

AHEAD = timedelta(minutes=15)
"""How far LAPOR's clock may be ahead of ours before a report counts as dated in the future."""

FILES_ONLY = "(Lampiran tanpa teks; lihat di SP4N-LAPOR.)"

_WRITTEN = re.compile(r"(\d{1,2})-(\d{1,2})-(\d{4}) (\d{1,2}):(\d{2}):(\d{2})")
_HOLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_TRACKING_ID = re.compile(r"\d{1,20}")
_UNUSUAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Untranslatable(Exception):
    """A report that cannot become a complaint; the text says why and quotes nothing of it."""


class Unspeakable(Exception):
    """Something that cannot be said to LAPOR yet, because a number of its is not known here; the text says which."""


@dataclass(frozen=True, slots=True)
class Tongue:
    """How to read and write LAPOR's words: with which documents, its times in which zone, and what day it is."""

    city: City
    zone: tzinfo
    today: date


def instant(text: object, zone: tzinfo) -> datetime | None:
    """`d-m-Y H:i:s` without a zone, read in `zone`; None where it is no such time."""
    written = _WRITTEN.fullmatch(str(text or "").strip())
    if written is None:
        return None
    day, month, year, hour, minute, second = (int(part) for part in written.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except ValueError:
        return None


def written(at: datetime, zone: tzinfo) -> str:
    """An instant as LAPOR writes it."""
    return at.astimezone(zone).strftime("%d-%m-%Y %H:%M:%S")


def state_of(status: str) -> tuple[LaporState, By | None]:
    """What a status means, and who brought an ended report there."""
    words = folded(status)
    state = STATUSES.get(words, "unknown")
    return state, ENDED_BY.get(words.rpartition(" oleh ")[2]) if " oleh " in words else None


def klasifikasi_of(name: str) -> Klasifikasi | None:
    """LAPOR's class as ours; None where it is empty or unknown."""
    return KLASIFIKASI.get(folded(name))


def sighting_of_row(row: Row, made_on: date | None, tongue: Tongue) -> ReportSighted:
    """A row of the export as a sighting; its age is the beginning of the day on which the file was made."""
    as_of = datetime.combine(made_on, time(), tzinfo=JAKARTA) if made_on else None
    standing = _standing(
        tongue,
        row.status,
        as_of=as_of,
        institution_id=row.institution_id,
        institution=row.institution,
        klasifikasi=klasifikasi_of(row.klasifikasi),
        anonymous=row.anonymous,
        confidential=row.confidential,
    )
    submission = _submission(
        row.tracking_id,
        reported_at=row.reported_at,
        title=row.title or None,
        text=row.text,
        place=tongue.city.place(row.city, row.kecamatan, row.kelurahan),
        category=(row.category_id or row.category or "")[:200] or None,
        klasifikasi=klasifikasi_of(row.klasifikasi),
        anonymous=row.anonymous,
        confidential=row.confidential,
        lapor=_origin(row.tracking_id, standing, row.text_before, row.text),
    )
    return ReportSighted(tracking_id=row.tracking_id, standing=standing, submission=submission)


def oddities_of_row(row: Row) -> list[str]:
    """What a person should know of a row that is taken all the same."""
    odd: list[str] = []
    if state_of(row.status)[0] == "unknown":
        odd.append("Status Laporan is not known; kept as it is written")
    if row.klasifikasi and klasifikasi_of(row.klasifikasi) is None:
        odd.append("Klasifikasi Laporan is not known; taken as none")
    return odd


def sighting_of_report(
    report: Json, as_of: datetime, tongue: Tongue, followups: Sequence[Json] | None = None
) -> ReportSighted:
    """A report of the API as a sighting: with `followups` of one that the hub has, else as a submission to it.

    Raises Untranslatable where it cannot be understood, or cannot be a complaint.
    """
    tracking_id = tracking_id_of(report)
    standing = standing_of_report(report, as_of, tongue)
    updated_at = updated_at_of(report, tongue)
    if followups is None:
        return ReportSighted(
            tracking_id=tracking_id,
            standing=standing,
            updated_at=updated_at,
            submission=submission_of_report(report, standing, tongue),
        )
    replies = [reply for item in followups if (reply := reply_of(item, tongue)) is not None]
    ordered = sorted(replies, key=lambda reply: (reply.at or as_of, len(reply.item), reply.item))
    return ReportSighted(
        tracking_id=tracking_id,
        standing=standing,
        updated_at=updated_at,
        replies=_without_questions(ordered, asked_at(report, tongue.zone)),
    )


def tracking_id_of(report: Json) -> str:
    """A report's number. Raises Untranslatable."""
    found = str(report.get("tracking_id") or report.get("id") or "")
    if not _TRACKING_ID.fullmatch(found):
        raise Untranslatable("its tracking id is not a number")
    return found


def updated_at_of(report: Json, tongue: Tongue) -> datetime | None:
    """LAPOR's mark of the report's last change."""
    return instant(report.get("updated_at"), tongue.zone)


def ticket_of_report(report: Json) -> str | None:
    """The ticket that a report carries because we made it."""
    return ticket_in(_text(report, "content"), _text(report, "content_before"), _text(report, "tags_raw"))


def marker_of_item(item: Json) -> str | None:
    """The mark that a follow-up carries because we wrote it."""
    return marker_in(_text(item, "content"))


def standing_of_report(report: Json, as_of: datetime, tongue: Tongue) -> Standing:
    """How a report of the API stands. Raises Untranslatable where it has no status."""
    status = _text(report, "status_name")
    if not status:
        raise Untranslatable("it has no status")
    return _standing(
        tongue,
        status,
        as_of=as_of,
        at=instant(report.get("status_at"), tongue.zone) or _last_log(report, tongue.zone),
        institution_id=_text(report, "disposition_id"),
        institution=_text(report, "disposition_name"),
        disposed_at=instant(report.get("disposition_at"), tongue.zone),
        klasifikasi=klasifikasi_of(_text(report, "classification_name")),
        anonymous=_told_flag(report, "is_anonymous"),
        confidential=_told_flag(report, "is_secret"),
    )


def submission_of_report(report: Json, standing: Standing, tongue: Tongue) -> SubmissionPosted:
    """A report of the API as a submission to intake, nobody's name in it. Raises Untranslatable."""
    reported_at = instant(report.get("created_at"), tongue.zone)
    if reported_at is None:
        raise Untranslatable("its created_at is not a time")
    if standing.as_of is not None and reported_at > standing.as_of:
        if reported_at > standing.as_of + AHEAD:
            raise Untranslatable("it is dated in the future; is SIMPUL_LAPOR_TIMES right?")
        reported_at = standing.as_of
    text = _text(report, "content") or _text(report, "content_before")
    if not text:
        raise Untranslatable("it has no text")
    if len(text) > 10_000:
        raise Untranslatable("its text is longer than 10,000 characters")
    tracking_id = tracking_id_of(report)
    return _submission(
        tracking_id,
        reported_at=reported_at,
        title=_cut(_text(report, "title"), LONGEST_TITLE) or None,
        text=text,
        place=tongue.city.place(_text(report, "city"), _text(report, "district"), _text(report, "village")),
        category=(_text(report, "category_id") or _text(report, "category_name"))[:200] or None,
        klasifikasi=klasifikasi_of(_text(report, "classification_name")),
        anonymous=_privacy(report, "is_anonymous"),
        confidential=_privacy(report, "is_secret"),
        lapor=_origin(tracking_id, standing, _text(report, "content_before"), text),
    )


def asked_at(report: Json, zone: tzinfo) -> frozenset[datetime]:
    """When the report was made to wait for its reporter, by its status logs."""
    logs = report.get("status_logs")
    times = [
        instant(log.get("timestamp"), zone)
        for log in (logs if isinstance(logs, list) else ())
        if isinstance(log, dict) and state_of(_text(log, "status_name"))[0] == "waiting"
    ]
    return frozenset(at for at in times if at is not None)


def reply_of(item: Json, tongue: Tongue) -> Reply | None:
    """A follow-up that answers or replies: an institution's words or the reporter's; None for all else.

    Not said: LAPOR's own remarks (nobody wrote them), ratings, and stock texts that only announce an act
    which comes as a status or an institution anyway (`silent_templates` of lapor.yaml).
    """
    item_id = _text(item, "id")
    institution_id = _text(item, "institution_from_id")
    content = _text(item, "content")
    template = _text(item, "template_code")
    if not item_id or item.get("rating") or template in tongue.city.silent_templates:
        return None
    if not institution_id and (_text(item, "user_type") == "admin" or not _text(item, "user_id")):
        return None
    at = instant(item.get("created_at"), tongue.zone)
    text = content or filled(_text(item, "template_content"), _text(item, "data"))
    if not text:
        if not item.get("attachments"):
            return None
        text = FILES_ONLY
    return Reply(
        item=item_id,
        by=_author(institution_id, _text(item, "data"), tongue) if institution_id else By(kind="citizen"),
        text=SECRET_REPLY
        if _flag(item, "is_secret")
        else masked(text, 10_000, tongue.city.published(tongue.today)),
        at=at,
        marker=marker_in(content),
    )


def _without_questions(replies: Sequence[Reply], asked: frozenset[datetime]) -> tuple[Reply, ...]:
    """Without what an institution wrote in the very second in which the report was made to wait.

    That is its question to the reporter, no answer; it comes to us as that status.
    """
    open_questions = set(asked)
    kept: list[Reply] = []
    for reply in replies:
        if reply.by.kind == "opd" and reply.at in open_questions:
            open_questions.discard(reply.at)
        else:
            kept.append(reply)
    return tuple(kept)


def filled(template: str, values: str) -> str:
    """A stock text with its `{{…}}` holes filled from a JSON object; a hole without value shows its name."""
    try:
        told = json.loads(values or "{}")
    except ValueError:
        told = {}
    known: Mapping[str, Any] = told if isinstance(told, dict) else {}
    return _HOLE.sub(lambda hole: str(known.get(hole[1]) or f"({hole[1].replace('_', ' ')})"), template)


def report_to_create(link: Link, content: Content, tongue: Tongue) -> dict[str, object]:
    """The report that a complaint becomes in LAPOR, without identity, under the hub's own account.

    The flags are the citizen's: anonymous stays anonymous, confidential becomes `is_secret`. The ticket is
    its mark, in the text and in the tags. Raises Unspeakable.
    """
    city = tongue.city
    assert link.ticket is not None
    mark = report_line(link.ticket)
    report: dict[str, object | None] = {
        "title": _cut(content.title, TITLE_LIMIT),
        "content": _with_mark(content.text, mark),
        "channel": city.channel(content.channel),
        "is_new_user_slider": 0,
        "user_id": city.account,
        "is_disposisi_slider": 1,
        "disposition_id": _institution_id(link.opd, city),
        "classification_id": city.classification(content.klasifikasi),
        "category_id": city.category_id(content.category_hint, link.category),
        "location_id": city.location,
        "date_of_incident": content.reported_at.astimezone(JAKARTA).date().isoformat(),
        "tags_raw": f"simpul,{link.ticket}",
        "is_approval": 1,
        "is_anonymous": int(content.anonymous),
        "is_secret": int(content.confidential),
        "is_priority": 0,
        "attachments": "[]",
    }
    return {name: value for name, value in report.items() if value is not None}


def reported_by(report: Mapping[str, object], reporter: Reporter | None) -> dict[str, object]:
    """The report in its reporter's own name, where there is one and a way to reach them: LAPOR asks for both.

    NIK and address are not told: LAPOR has no field for them.
    """
    contact = {"emailUser": reporter.email, "phoneUser": reporter.phone} if reporter else {}
    known = {name: value for name, value in contact.items() if value}
    if reporter is None or not reporter.name or not known:
        return dict(report)
    anybodys = {name: value for name, value in report.items() if name != "user_id"}
    return {**anybodys, "is_new_user_slider": 1, "nameUser": reporter.name, **known}


def followup_to_add(link: Link, write: Write, tongue: Tongue) -> dict[str, str]:
    """The item that a fact of the hub becomes under its report, in the words of lapor.yaml and with its mark.

    Always by an institution: without one LAPOR takes it for the reporter's. Secret under a confidential
    complaint, whose report may be a public one of before it was made so. Raises Unspeakable.
    """
    city = tongue.city
    telling = city.telling(write.operation, write.kind)
    assert telling is not None
    assert link.lapor_id is not None
    item = {
        "complaint_id": link.lapor_id,
        "user_id": "" if city.account is None else str(city.account),
        "institution_from_id": _institution_id(write.opd, city),
        "template_code": telling.template_code or "",
        "is_secret": str(int(bool(link.here.confidential))),
        "content": _with_mark(_told(telling.text, write, city), item_line(write.cause)),
    }
    return {name: value for name, value in item.items() if value}


def rejection_to_send(link: Link, write: Write, tongue: Tongue) -> dict[str, object]:
    """Bukan wewenang: a request to LAPOR's admin, naming the institution that should have it if it is known.

    It knows no secrecy; so of a confidential complaint it says nothing but that.
    """
    city = tongue.city
    telling = city.telling(write.operation, write.kind)
    assert telling is not None
    reason: dict[str, object | None] = {
        "is_request": 1,
        "reason": city.institution_id_of(write.refer_to),
        "reason_description": _with_mark(
            _told(telling.text, replace(write, text=None) if link.here.confidential else write, city),
            item_line(write.cause),
        ),
        "not_authority": 1,
    }
    return {name: value for name, value in reason.items() if value is not None}


def _institution_id(opd: str | None, city: City) -> str:
    """LAPOR's id of the agency, or else of the city itself."""
    found = city.institution_id(opd)
    if found is None:
        raise Unspeakable("neither the agency's institution id in LAPOR nor the city's is known yet")
    return found


def _told(words: str, write: Write, city: City) -> str:
    refer_to = city.opd_name(write.refer_to) if write.refer_to else ""
    filled_in = (
        (words if write.text or words != "{text}" else NO_WORDS)
        .replace("{opd}", city.opd_name(write.opd))
        .replace("{refer_to}", refer_to)
        .replace("{text}", write.text or "")
    )
    return filled_in.strip()


def _with_mark(text: str, mark: str) -> str:
    return f"{_cut(text, CONTENT_LIMIT - len(mark) - 2)}\n\n{mark}"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _standing(
    tongue: Tongue,
    status: str,
    *,
    as_of: datetime | None,
    at: datetime | None = None,
    institution_id: str = "",
    institution: str = "",
    disposed_at: datetime | None = None,
    klasifikasi: Klasifikasi | None = None,
    anonymous: bool | None = None,
    confidential: bool | None = None,
) -> Standing:
    state, by = state_of(status)
    return Standing(
        status=status,
        state=state,
        by=by,
        at=at,
        institution_id=institution_id or None,
        institution=institution or None,
        opd=tongue.city.opd(institution_id, institution, tongue.today),
        disposed_at=disposed_at,
        as_of=as_of,
        klasifikasi=klasifikasi,
        anonymous=anonymous,
        confidential=confidential,
    )


def _origin(tracking_id: str, standing: Standing, text_before: str, text: str) -> LaporOrigin:
    words = folded(standing.status or "").rpartition(" oleh ")
    return LaporOrigin(
        tracking_id=tracking_id,
        institution_id=standing.institution_id,
        institution=standing.institution,
        opd=standing.opd,
        status=standing.status or "",
        state=standing.state,
        status_at=standing.at,
        disposed_at=standing.disposed_at,
        closed_by=words[2].capitalize() if words[1] else None,
        text_before_edit=text_before if text_before and text_before != text else None,
    )


def _submission(tracking_id: str, **fields: Any) -> SubmissionPosted:
    """A submission of ours. Raises Untranslatable, naming the fields that the contract refuses."""
    try:
        return SubmissionPosted(source=SOURCE, reference=tracking_id, channel=SOURCE, **fields)
    except ValidationError as wrong:
        names = sorted({".".join(str(part) for part in error["loc"]) for error in wrong.errors()})
        raise Untranslatable(f"it breaks the contract in {', '.join(names)}") from None


def _author(institution_id: str, values: str, tongue: Tongue) -> By:
    """The OPD by our code where we know it, else as LAPOR names it."""
    code = tongue.city.opd(institution_id, None, tongue.today)
    name = filled("{{institution_from}}", values)
    return By(kind="opd", name=(code or name)[:200])


def _last_log(report: Json, zone: tzinfo) -> datetime | None:
    """When the status was last written, for a LAPOR that says it in `status_logs` only."""
    logs = report.get("status_logs")
    if not isinstance(logs, list):
        return None
    times = [instant(log.get("timestamp"), zone) for log in logs if isinstance(log, dict)]
    return max((at for at in times if at is not None), default=None)


def _text(fields: Json, name: str) -> str:
    value = fields.get(name)
    if value is None or isinstance(value, bool | dict | list):
        return ""
    return _UNUSUAL.sub(" ", str(value)).strip()


def _flag(fields: Json, name: str) -> bool:
    return str(fields.get(name)).strip().lower() in ("1", "true")


def _told_flag(report: Json, name: str) -> bool | None:
    """A flag that protects a citizen, as LAPOR tells it; None where it does not plainly."""
    return {"0": False, "false": False, "1": True, "true": True}.get(str(report.get(name)).strip().lower())


def _privacy(report: Json, name: str) -> bool:
    """The same, where it must be known: it is never guessed. Raises Untranslatable."""
    told = _told_flag(report, name)
    if told is None:
        raise Untranslatable(f"{name} is neither 0 nor 1")
    return told
