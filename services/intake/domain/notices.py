"""Notices, as a table: what a reporter is told, at which step, in which words; the flags bind every one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from services.intake.domain.complaint import Complaint
from services.intake.domain.means import Means
from services.intake.domain.tickets import grouped
from services.intake.domain.timeline import Step, StepCode
from shared.decision import Decision
from shared.events.ids import notice_id
from shared.events.notices import NoticeRequested

LONGEST_QUOTE = 1_500
"""Characters of an official's text in one message; the whole of it stands on the ticket's page."""


@dataclass(frozen=True, slots=True)
class Template:
    """How one step is told to whoever reported it.

    `name` is the occasion as readers of `intake.notices` know it. `words` hold {ticket} and, where they like,
    {opd}; what an official wrote follows them, and `advice` comes last. `discreet` is for a confidential
    complaint: status alone, the same whatever anybody wrote and whichever agency it is. It has an advice and
    a name of its own where the other ones would not fit or would say too much.
    """

    name: str
    words: str
    discreet: str
    advice: str = ""
    discreet_advice: str | None = None
    discreet_name: str | None = None


NOTICES: Mapping[StepCode, Template] = MappingProxyType(
    {
        "received": Template(
            "received",
            "Pengaduan Anda telah kami terima dengan nomor {ticket}.",
            "Pengaduan Anda telah kami terima dengan nomor {ticket}.",
        ),
        "routed": Template(
            "routed",
            "Pengaduan {ticket} telah diteruskan ke {opd}.",
            "Pengaduan {ticket} telah diteruskan ke instansi yang berwenang.",
        ),
        "waiting": Template(
            "asked",
            "{opd} memerlukan keterangan dari Anda tentang pengaduan {ticket}.",
            "Kami memerlukan keterangan dari Anda tentang pengaduan {ticket}.",
            advice="Silakan jawab melalui kanal ini.",
            discreet_advice="Silakan hubungi petugas dengan menyebutkan nomor pengaduan.",
        ),
        "answered": Template(
            "answered",
            "Pengaduan {ticket} telah dijawab oleh {opd}.",
            "Pengaduan {ticket} telah dijawab.",
            advice="Jika masalahnya belum selesai, sampaikan melalui kanal ini.",
        ),
        "rejected": Template(
            "rejected",
            "Pengaduan {ticket} tidak dapat ditangani pemerintah kota.",
            "Pengaduan {ticket} ditolak.",
        ),
        "closed": Template(
            "closed",
            "Pengaduan {ticket} telah ditutup. Terima kasih atas laporan Anda.",
            "Pengaduan {ticket} telah ditutup. Terima kasih atas laporan Anda.",
        ),
        "archived": Template(
            "archived",
            "Pengaduan {ticket} telah diarsipkan.",
            "Pengaduan {ticket} telah diarsipkan.",
        ),
        "withdrawn": Template(
            "withdrawn",
            "Pengaduan {ticket} telah dicabut atas permintaan pelapor.",
            "Pengaduan {ticket} telah dicabut atas permintaan pelapor.",
        ),
        "merged": Template(
            "merged",
            "Pengaduan {ticket} digabungkan dengan pengaduan lain tentang hal yang sama.",
            "Pengaduan {ticket} digabungkan dengan pengaduan lain.",
        ),
        "blocked": Template(
            "blocked",
            "Pengaduan {ticket} ditutup karena isinya tidak dapat ditayangkan.",
            "Pengaduan {ticket} telah ditutup. Terima kasih atas laporan Anda.",
            discreet_name="closed",
        ),
    }
)
"""At which steps of the timeline a reporter is told. Other steps are read on the ticket's page."""

Rule = Callable[[Complaint, Any, Means, datetime], Decision[Complaint]]


def telling(rule: Rule) -> Rule:
    """`rule`, and then the notices that the steps it took are worth: no rule has to think of them."""

    def told(complaint: Complaint, fact: Any, means: Means, now: datetime) -> Decision[Complaint]:
        decision = rule(complaint, fact, means, now)
        notices = list(notices_due(complaint, decision.state, means))
        return replace(decision, says=[*decision.says, *notices]) if notices else decision

    return told


def notices_due(before: Complaint, after: Complaint, means: Means) -> Iterator[NoticeRequested]:
    """What the reporter is told of the steps between these two states, once for each step."""
    taken = after.steps - before.steps
    for step in after.fresh[len(after.fresh) - taken :] if taken > 0 else ():
        template = NOTICES.get(step.code)
        if template is not None and after.conversation is not None:
            yield _notice(after, after.conversation, step, template, means)


def _notice(
    complaint: Complaint, conversation: str, step: Step, template: Template, means: Means
) -> NoticeRequested:
    discreet = complaint.confidential
    return NoticeRequested(
        ticket=complaint.ticket,
        channel=complaint.channel,
        conversation=conversation,
        template=(template.discreet_name if discreet else None) or template.name,
        language="id",
        text=_discreetly(complaint, template, means)
        if discreet
        else _plainly(complaint, step, template, means),
    ).known_as(notice_id(step.event_id, complaint.ticket))


def _plainly(complaint: Complaint, step: Step, template: Template, means: Means) -> str:
    """Status, agency, and what an official wrote. Never a word of the citizen's own, so anonymous may have it."""
    opd = means.city.opd(step.opd)
    words = template.words.format(ticket=grouped(complaint.ticket), opd=opd)
    turn_to = f"Silakan sampaikan kepada: {opd}." if step.code == "rejected" and step.opd else ""
    quote = _shortened(step.text) if step.text else ""
    if quote:
        words = f"{words.removesuffix('.')}:"
    last = " ".join(filter(None, (turn_to, template.advice, _follow(complaint, template, means))))
    return "\n\n".join(filter(None, (_capitalized(words), quote, last)))


def _discreetly(complaint: Complaint, template: Template, means: Means) -> str:
    words = template.discreet.format(ticket=grouped(complaint.ticket))
    advice = template.advice if template.discreet_advice is None else template.discreet_advice
    return "\n\n".join(
        filter(None, (words, " ".join(filter(None, (advice, _follow(complaint, template, means))))))
    )


def _follow(complaint: Complaint, template: Template, means: Means) -> str:
    if means.follow_at is not None:
        return f"Perkembangan pengaduan: {means.follow_at}/v1/complaints/{complaint.ticket}"
    return "Simpan nomor ini untuk mengikuti perkembangannya." if template.name == "received" else ""


def _shortened(text: str) -> str:
    text = text.strip()
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE].rsplit(maxsplit=1)[0]} …"


def _capitalized(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
