"""The JSON that the simulated LAPOR answers with: known field names and, around them, invented ones."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from simulators.lapor import statuses
from simulators.lapor.records import Row

CLASSES = {
    1: "Pengaduan Berkadar Pengawasan",
    2: "Pengaduan Tidak Berkadar Pengawasan",
    3: "Permintaan Informasi",
    4: "Aspirasi",
}
"""classification_id. INVENTED numbers."""

CHANNELS = {
    1: "Website",
    2: "SMS",
    3: "Android",
    4: "ios",
    5: "Facebook",
    6: "Instagram",
    7: "Whatsapp",
    8: "Hotline Service",
    9: "Call Center",
    10: "Email Instansi",
    11: "Pos Surat",
    12: "Tatap Muka",
    13: "Website Institusi",
}
"""channel. The names are known from exports (A), the numbers are INVENTED."""


@dataclass(frozen=True, slots=True)
class Template:
    """A stock text for follow-ups; `act` is what a follow-up with it does to the report."""

    code: str
    name: str
    content: str
    act: str


TEMPLATES = {
    template.code: template
    for template in (
        Template(
            "tindak_lanjut", "Tindak lanjut", "{{institution_from}} telah menindaklanjuti laporan.", "answer"
        ),
        Template(
            "permintaan_kelengkapan",
            "Minta kelengkapan",
            "{{institution_from}} meminta kelengkapan data.",
            "ask",
        ),
        Template("selesai", "Selesai", "Laporan dinyatakan selesai oleh {{institution_from}}.", "close"),
        Template(
            "disposisi",
            "Disposisi",
            "Laporan diteruskan dari {{institution_from}} ke {{institution_to}}.",
            "dispose",
        ),
        Template(
            "bukan_wewenang",
            "Bukan wewenang",
            "{{institution_from}} menyatakan bukan wewenang.",
            "request_refusal",
        ),
    )
}
"""Follow-up templates. INVENTED codes and texts; the `{{…}}` holes are known."""

_HOLE = re.compile(r"\{\{(\w+)\}\}")


def shown_time(stored: str, zone: tzinfo) -> str:
    """A stored instant as the API writes it: `d-m-Y H:i:s` in `zone`, without saying which."""
    return read_stored(stored).astimezone(zone).strftime("%d-%m-%Y %H:%M:%S")


def read_stored(stored: str) -> datetime:
    """The instant that the store wrote."""
    return datetime.strptime(stored, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def read_since(text: str, zone: tzinfo) -> datetime:
    """`updated_since`: `d-m-Y H:i:s` or ISO 8601, without offset in the API's zone. Raises ValueError."""
    if re.fullmatch(r"\d{1,2}-\d{1,2}-\d{4} \d{1,2}:\d{2}:\d{2}", text):
        return datetime.strptime(text, "%d-%m-%Y %H:%M:%S").replace(tzinfo=zone)
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=zone)


def report_shape(report: Row, files: Sequence[Row], zone: tzinfo) -> dict[str, Any]:
    """A report as listing and detail show it; an anonymous reporter is not named."""
    return {
        "id": report["tracking_id"],
        "tracking_id": report["tracking_id"],
        "title": report["title"],
        "content": report["text_after"],
        "content_before": report["text_before"],
        "channel": _number_of(report["source"], CHANNELS),
        "channel_name": report["source"],
        "classification_id": _number_of(report["klasifikasi"], CLASSES),
        "classification_name": report["klasifikasi"],
        "category_id": report["category_id"],
        "category_name": report["category"],
        "is_anonymous": report["anonymous"],
        "is_secret": report["confidential"],
        "is_priority": report["priority"],
        "status_code": statuses.CODES[report["status"]],
        "status_name": report["status"],
        "status_by": report["closed_by"],
        "status_at": shown_time(report["status_at"], zone),
        "reason": report["reason"],
        "institution_id": report["parent_id"],
        "institution_name": report["parent"],
        "disposition_id": report["disposed_id"],
        "disposition_name": report["disposed"],
        "disposition_at": report["disposed_at"] and shown_time(report["disposed_at"], zone),
        "province": report["province"],
        "city": report["city"],
        "district": report["kecamatan"],
        "village": report["kelurahan"],
        "location_id": report["location_id"],
        "date_of_incident": report["incident_on"],
        "user_name": "Anonim" if report["anonymous"] else report["reporter"],
        "rating": report["rating"],
        "attachments": [_file_shape(file) for file in files],
        "created_at": shown_time(report["reported_at"], zone),
        "updated_at": shown_time(report["updated_at"], zone),
    }


def log_shape(log: Row, zone: tzinfo) -> dict[str, Any]:
    """One line of `status_logs`."""
    return {"note": log["note"], "status_name": log["status"], "timestamp": shown_time(log["at"], zone)}


def followup_shape(item: Row, files: Sequence[Row], zone: tzinfo) -> dict[str, Any]:
    """One follow-up: own words in `content`, else a template's text with holes and their values in `data`."""
    template = TEMPLATES.get(item["template_code"] or "")
    stock = template is not None and item["content"] is None
    holes = {"institution_from": item["institution_from"], "institution_to": item["institution_to"]}
    return {
        "id": item["id"],
        "created_at": shown_time(item["at"], zone),
        "content": item["content"],
        "template_code": item["template_code"],
        "template_content": template.content if template is not None and stock else None,
        "data": json.dumps({name: value for name, value in holes.items() if value is not None}),
        "user_id": item["user_id"],
        "user_type": _writer(item),
        "institution_from_id": item["institution_from_id"],
        "institution_to_id": item["institution_to_id"],
        "rating": item["rating"],
        "is_secret": item["is_secret"],
        "attachments": [_file_shape(file) for file in files],
    }


def institution_shape(institution: Row) -> dict[str, Any]:
    """An institution of the masters."""
    return {"id": institution["id"], "name": institution["name"]}


def template_shape(template: Template) -> dict[str, Any]:
    """A follow-up template of the masters, with the names of its holes."""
    return {
        "code": template.code,
        "name": template.name,
        "content": template.content,
        "holes": _HOLE.findall(template.content),
    }


def results(data: object, **beside: object) -> dict[str, Any]:
    """LAPOR's envelope around `data`."""
    return {"status": "success", "results": {"data": data, **beside}}


def failure(message: str, errors: Mapping[str, str] | None = None) -> dict[str, Any]:
    """LAPOR's envelope around a refusal; the real one is not known."""
    body: dict[str, Any] = {"status": "error", "message": message}
    if errors:
        body["errors"] = {name: [reason] for name, reason in errors.items()}
    return body


def _writer(item: Row) -> str:
    if item["institution_from_id"] is not None:
        return "instansi"
    return "pelapor" if item["user_id"] is not None else "admin"


def _file_shape(file: Row) -> dict[str, Any]:
    name = str(file["name"])
    return {"path": f"/files/{file['id']}", "file_name": name, "extension": name.rpartition(".")[2].lower()}


def _number_of(name: str | None, numbers: Mapping[int, str]) -> int | None:
    if name is not None and name.startswith("Website - "):
        name = "Website"
    return next((number for number, known in numbers.items() if known == name), None)
