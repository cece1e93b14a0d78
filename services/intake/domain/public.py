"""What anyone who holds the ticket may read of a complaint; its two flags bind every word of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.intake.domain.channels import CHANNELS
from services.intake.domain.city import City
from services.intake.domain.timeline import (
    STATUS_WORDS,
    STEPS,
    Status,
    Step,
    StepCode,
    standing,
    status_after,
)
from shared.events.fact import Instant
from shared.events.parts import Place, Ticket
from shared.events.words import Scope

NOTES = {
    "all": None,
    "without_wording": "Pelapor meminta namanya dirahasiakan: kata-kata dan foto pelapor tidak ditampilkan.",
    "status_only": "Pengaduan ini rahasia: hanya status dan tanggal yang ditampilkan.",
}
"""Why something is not shown, in the citizen's language."""

ERASED: Mapping[Scope, str] = {
    "identity": "Data pelapor telah dihapus.",
    "complaint": "Isi pengaduan dan data pelapor telah dihapus; yang tersisa hanya status dan tanggal.",
}
"""That something is gone for good."""


@dataclass(frozen=True, slots=True)
class Survivor:
    """The complaint that goes on for this one."""

    ticket: str
    confidential: bool


@dataclass(frozen=True, slots=True)
class Card:
    """A complaint as intake's tables hold it, without identity."""

    ticket: str
    channel: str
    reported_at: datetime
    received_at: datetime
    title: str
    text: str
    place: Place | None
    anonymous: bool
    confidential: bool
    status: Status
    opd: str | None
    merged_into: Survivor | None
    steps: tuple[Step, ...]
    erased: Scope | None = None

    @property
    def stands(self) -> Status:
        return standing(self.status, merged=self.merged_into is not None)


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class PublicStatus(_Shown):
    """How it stands: a code for machines, words for citizens, and since when (null: nobody knows)."""

    code: Status
    label: str
    since: Instant | None


class PublicStep(_Shown):
    """One entry of the timeline, oldest first. `at` null: the instant is unknown."""

    code: StepCode
    label: str
    at: Instant | None
    text: str | None = None
    refer_to: str | None = None


class PublicComplaint(_Shown):
    """A complaint as the public sees it.

    `shows` says how much: everything; all but the citizen's wording (anonymous); status and dates alone
    (confidential). `erased`: who reported it, or all words too, are gone. Nothing here ever names the reporter.
    `merged_into` is the complaint to follow instead;
    null also where one of the two is confidential.
    """

    ticket: Ticket
    status: PublicStatus
    reported_at: Instant
    received_at: Instant
    shows: Literal["all", "without_wording", "status_only"]
    note: str | None
    erased: Scope | None = None
    channel: str | None = None
    area: str | None = None
    title: str | None = None
    text: str | None = None
    merged_into: Ticket | None = None
    timeline: tuple[PublicStep, ...]


def public_view(card: Card, city: City) -> PublicComplaint:
    """The complaint as its flags allow (CONTRACTS.md: what the public sees)."""
    if card.confidential:
        return _status_and_dates(card)
    wording = not card.anonymous
    code, label = worded(card.stands, card.opd, city, confidential=False)
    shows: Literal["all", "without_wording"] = "all" if wording else "without_wording"
    place = card.place or Place()
    return PublicComplaint(
        ticket=card.ticket,
        status=PublicStatus(code=code, label=label, since=_since(card)),
        reported_at=card.reported_at,
        received_at=card.received_at,
        shows=shows,
        note=_note(card, shows),
        erased=card.erased,
        channel=CHANNELS[card.channel].label if card.channel in CHANNELS else card.channel,
        area=city.area(place.kelurahan, place.kecamatan),
        title=card.title or None if wording else None,
        text=card.text or None if wording else None,
        merged_into=_to_follow(card),
        timeline=tuple(_told(step, city, wording=wording) for step in card.steps),
    )


def _note(card: Card, shows: Literal["all", "without_wording", "status_only"]) -> str | None:
    """Why something is missing: first that it is gone, then that it is not shown."""
    gone = ERASED[card.erased] if card.erased else None
    return gone if card.erased == "complaint" else " ".join(filter(None, (gone, NOTES[shows]))) or None


def worded(status: Status, opd: str | None, city: City, *, confidential: bool) -> tuple[Status, str]:
    """How it stands, as a code and in words; of a confidential one neither who has it nor that it was blocked."""
    if confidential:
        status = _discreet_status(status)
        return status, STATUS_WORDS[status].format(opd="instansi yang berwenang")
    return status, STATUS_WORDS[status].format(opd=city.opd(opd))


def _to_follow(card: Card) -> str | None:
    """The survivor's ticket, unless that is confidential: then nothing is told of it."""
    survivor = card.merged_into
    return None if survivor is None or survivor.confidential else survivor.ticket


def _told(step: Step, city: City, *, wording: bool) -> PublicStep:
    rule = STEPS[step.code]
    return PublicStep(
        code=step.code,
        label=rule.words.format(opd=city.opd(step.opd), reference=step.reference),
        at=step.at,
        text=step.text if wording or not rule.citizens else None,
        refer_to=city.opd(step.opd) if step.code == "rejected" and step.opd else None,
    )


def _since(card: Card) -> datetime | None:
    """Since when it stands as it does."""
    if card.stands == "merged":
        return next((step.at for step in reversed(card.steps) if step.code == "merged"), None)
    status: Status = "received"
    since: datetime | None = card.received_at
    for step in card.steps:
        after = status_after(status, step.code)
        if after != status:
            status, since = after, step.at
    return since


def _status_and_dates(card: Card) -> PublicComplaint:
    """Neither agency nor text nor channel: an agency's name already tells what it is about."""
    timeline = tuple(_discreet(card.steps))
    code, label = worded(card.stands, card.opd, City(), confidential=True)
    return PublicComplaint(
        ticket=card.ticket,
        status=PublicStatus(code=code, label=label, since=_since(card)),
        reported_at=card.reported_at,
        received_at=card.received_at,
        shows="status_only",
        note=_note(card, "status_only"),
        erased=card.erased,
        timeline=timeline,
    )


def _discreet(steps: tuple[Step, ...]) -> Iterator[PublicStep]:
    for step in steps:
        rule = STEPS[step.code]
        if rule.discreet is not None:
            code = step.code if rule.status is None else _discreet_status(rule.status)
            yield PublicStep(code=code, label=rule.discreet, at=step.at)


def _discreet_status(status: Status) -> Status:
    """That it was blocked for what it says is not told: it is closed."""
    return "closed" if status == "blocked" else status
