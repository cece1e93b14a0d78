"""Notices, as a table: what a reporter is told, at which step, in which words; the flags bind every one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from services.intake.domain.complaint import Addressee, Complaint
from services.intake.domain.means import Means
from services.intake.domain.tickets import grouped
from services.intake.domain.timeline import Step, StepCode
from shared.decision import Decision
from shared.events.ids import notice_id
from shared.events.notices import NoticeRequested

_ENDS: tuple[StepCode, ...] = ("closed", "archived", "blocked")

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

FOLLOWED: Mapping[StepCode, Template] = MappingProxyType(
    {
        "answered": Template(
            "answered",
            "Pengaduan {ticket}, yang digabungkan dengan pengaduan lain, telah dijawab oleh {opd}.",
            "Pengaduan {ticket} telah dijawab.",
            advice="Jika masalahnya belum selesai, silakan sampaikan pengaduan baru.",
        ),
        "rejected": Template(
            "rejected",
            "Pengaduan {ticket}, yang digabungkan dengan pengaduan lain, tidak dapat ditangani pemerintah kota.",
            "Pengaduan {ticket} ditolak.",
        ),
        **{
            code: Template(
                "closed",
                "Pengaduan {ticket}, yang digabungkan dengan pengaduan lain, telah ditutup."
                " Terima kasih atas laporan Anda.",
                "Pengaduan {ticket} telah ditutup. Terima kasih atas laporan Anda.",
            )
            for code in _ENDS
        },
    }
)
"""What those are told whose complaint was merged, of the one that goes on; questions are not theirs to answer."""

Rule = Callable[[Complaint, Any, Means, datetime], Decision[Complaint]]


def telling(rule: Rule) -> Rule:
    """`rule`, and then the notices that the steps it took are worth: no rule has to think of them."""

    def told(complaint: Complaint, fact: Any, means: Means, now: datetime) -> Decision[Complaint]:
        decision = rule(complaint, fact, means, now)
        notices = list(notices_due(complaint, decision.state, means))
        return replace(decision, says=[*decision.says, *notices]) if notices else decision

    return told


def notices_due(before: Complaint, after: Complaint, means: Means) -> Iterator[NoticeRequested]:
    """What its reporter, and those who follow, are told of the steps between these states, once for each step."""
    taken = after.steps - before.steps
    for step in after.fresh[len(after.fresh) - taken :] if taken > 0 else ():
        for addressee in _addressees(after):
            template = (FOLLOWED if addressee.follows else NOTICES).get(step.code)
            if template is not None:
                yield _notice(addressee, step, template, means)


def _addressees(complaint: Complaint) -> Iterator[Addressee]:
    """The reporter; and those of the complaints merged into this one, unless this one's words are erased."""
    if complaint.conversation is not None:
        yield Addressee(
            complaint.id, complaint.ticket, complaint.channel, complaint.conversation, complaint.confidential
        )
    if complaint.erased is None:
        merged = {one.complaint_id for one in complaint.absorbed}
        for one in complaint.followers:
            if one.complaint in merged:
                yield replace(one, confidential=one.confidential or complaint.confidential)


def _notice(to: Addressee, step: Step, template: Template, means: Means) -> NoticeRequested:
    discreet = to.confidential
    notice = NoticeRequested(
        ticket=to.ticket,
        channel=to.channel,
        conversation=to.conversation,
        template=(template.discreet_name if discreet else None) or template.name,
        language="id",
        text=_discreetly(to, template, means) if discreet else _plainly(to, step, template, means),
    )
    return notice.known_as(notice_id(step.event_id, to.ticket)).told_of(to.complaint)


def _plainly(to: Addressee, step: Step, template: Template, means: Means) -> str:
    """Status, agency, and what an official wrote. Never a word of the citizen's own, so anonymous may have it."""
    opd = means.city.opd(step.opd)
    words = template.words.format(ticket=grouped(to.ticket), opd=opd)
    turn_to = f"Silakan sampaikan kepada: {opd}." if step.code == "rejected" and step.opd else ""
    quote = _shortened(step.text) if step.text else ""
    if quote:
        words = f"{words.removesuffix('.')}:"
    last = " ".join(filter(None, (turn_to, template.advice, _follow(to, template, means))))
    return "\n\n".join(filter(None, (_capitalized(words), quote, last)))


def _discreetly(to: Addressee, template: Template, means: Means) -> str:
    words = template.discreet.format(ticket=grouped(to.ticket))
    advice = template.advice if template.discreet_advice is None else template.discreet_advice
    return "\n\n".join(filter(None, (words, " ".join(filter(None, (advice, _follow(to, template, means)))))))


def _follow(to: Addressee, template: Template, means: Means) -> str:
    if means.follow_at is not None:
        return f"Perkembangan pengaduan: {means.follow_at}/v1/complaints/{to.ticket}"
    return "Simpan nomor ini untuk mengikuti perkembangannya." if template.name == "received" else ""


def _shortened(text: str) -> str:
    text = text.strip()
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE].rsplit(maxsplit=1)[0]} …"


def _capitalized(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
