"""The public ticket page: one HTML file without scripts or outside assets, for a telephone's width."""

from datetime import datetime
from html import escape

from services.intake.domain.public import PublicComplaint, PublicStep
from services.intake.domain.tickets import grouped
from shared.clock import JAKARTA

MONTHS = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni",
    "Juli", "Agustus", "September", "Oktober", "November", "Desember",
)  # fmt: skip

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #fff; --line: #d0d7de;
  --mark: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9da7b1; --paper: #0d1117; --line: #30363d; --mark: #79b8ff; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
main { max-width: 40rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; overflow-wrap: anywhere; }
h1 { font-size: 1.15rem; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
code { font-size: 1.05em; letter-spacing: .04em; }
.status { font-size: 1.5rem; font-weight: 650; color: var(--mark); margin: .75rem 0 0; }
.soft, time { color: var(--soft); font-size: .9375rem; }
.note { border-left: 4px solid var(--mark); padding: .25rem .75rem; margin: 1rem 0; }
dl { margin: 1rem 0 0; } dt { color: var(--soft); font-size: .9375rem; } dd { margin: 0 0 .6rem; }
ol { list-style: none; margin: 0; padding: 0; }
li { border-left: 2px solid var(--line); padding: 0 0 1.1rem 1rem; }
li:last-child { padding-bottom: 0; }
li p { margin: .2rem 0 0; white-space: pre-line; }
.words { white-space: pre-line; margin: 0; }
"""


def ticket_page(complaint: PublicComplaint) -> str:
    """The page of one complaint, in Indonesian, times in WIB."""
    since = f'<p class="soft">sejak {_time(complaint.status.since)}</p>' if complaint.status.since else ""
    follow = _to_follow(complaint)
    note = f'<p class="note">{escape(complaint.note)}</p>' if complaint.note else ""
    return _page(
        f"Pengaduan {grouped(complaint.ticket)}",
        f"""<h1>Pengaduan <code>{grouped(complaint.ticket)}</code></h1>
<p class="status">{escape(complaint.status.label)}</p>
{since}
{follow}{note}
{_facts(complaint)}
{_words(complaint)}
<h2>Perjalanan pengaduan</h2>
<ol>
{"".join(_step(step) for step in complaint.timeline)}</ol>""",
    )


def _to_follow(complaint: PublicComplaint) -> str:
    if complaint.merged_into is None:
        return ""
    number = (
        f'<a href="/v1/complaints/{complaint.merged_into}"><code>{grouped(complaint.merged_into)}</code></a>'
    )
    return f'<p class="note">Perkembangannya dapat diikuti pada pengaduan {number}.</p>\n'


def notice_page(heading: str, advice: str) -> str:
    """A page for a ticket that cannot be shown: what is wrong, and what to do."""
    return _page(heading, f"<h1>{escape(heading)}</h1>\n<p>{escape(advice)}</p>")


def _page(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="id">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _facts(complaint: PublicComplaint) -> str:
    rows = [
        ("Dilaporkan", _time(complaint.reported_at)),
        ("Diterima", _time(complaint.received_at)),
        ("Melalui", escape(complaint.channel or "")),
        ("Lokasi", escape(complaint.area or "")),
    ]
    return "<dl>\n" + "".join(f"<dt>{name}</dt><dd>{value}</dd>\n" for name, value in rows if value) + "</dl>"


def _words(complaint: PublicComplaint) -> str:
    """What the citizen said; a title that is only the text's beginning is not said twice."""
    if complaint.text is None:
        return ""
    title = complaint.title or ""
    heading = "Isi pengaduan" if complaint.text.startswith(title.removesuffix("…")) else title
    return f'<h2>{escape(heading)}</h2>\n<p class="words">{escape(complaint.text)}</p>'


def _step(step: PublicStep) -> str:
    at = _time(step.at) if step.at else '<span class="soft">waktu tidak diketahui</span>'
    text = f"<p>{escape(step.text)}</p>" if step.text else ""
    turn_to = f"<p>Silakan sampaikan kepada: {escape(step.refer_to)}</p>" if step.refer_to else ""
    return f"<li><strong>{escape(step.label)}</strong><br>{at}{text}{turn_to}</li>\n"


def _time(at: datetime) -> str:
    return f'<time datetime="{at.isoformat()}">{in_words(at)}</time>'


def in_words(at: datetime) -> str:
    """`24 November 2026 pukul 15.12 WIB`."""
    local = at.astimezone(JAKARTA)
    return f"{local.day} {MONTHS[local.month - 1]} {local.year} pukul {local:%H.%M} WIB"
