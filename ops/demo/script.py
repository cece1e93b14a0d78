"""What the demo hands in: the same complaints, repeats and mistakes for the same seed, and what each must become.

Pure. Texts come from the seeded generator (simulators/complaints); nothing is anybody's words or data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Literal

from simulators.complaints.live import live
from simulators.complaints.model import Submission

LIVE = 90
"""Complaints that channels bring while the demo runs; those of LAPOR come on top."""

Door = Literal["http", "kafka"]

DOORS: Mapping[str, Door] = {
    "sikesal": "http",
    "portal-jambi": "http",
    "loket-mpp": "http",
    "tata-usaha": "http",
    "media-massa": "http",
    "wa-gateway": "kafka",
    "call-center-112": "kafka",
    "media-sosial": "kafka",
}
"""By which door each publisher's system comes."""

DATED_BACK = ("letter", "counter")
"""Channels whose complaints were written some time ago: post lies, forms lie in a tray."""

TOLD_IN_FULL = "cerita"
"""Part of the reference of the one complaint whose whole way is told at the end."""

DAYS_APART = 2
"""Between the dates that lie back, from ten days on: among them a deadline is near, or has passed."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One handing in of one submission. `body` is what `submission.posted` says, source and reference in it.

    `fate`: taken in as new, known as a repeat, or refused for the field `wrong`; `why` is that in words.
    """

    door: Door
    body: Mapping[str, Any]
    fate: Literal["new", "repeat", "refused"]
    wrong: str = ""
    why: str = ""

    @property
    def source(self) -> str:
        return str(self.body["source"])

    @property
    def reference(self) -> str:
        return str(self.body["reference"])

    @property
    def name(self) -> tuple[str, str]:
        """Who calls it what: the same for every handing in of the same complaint."""
        return self.source, self.reference


@dataclass(frozen=True, slots=True)
class Script:
    """All that is handed in. `later` only once all of `first` has been taken in: repeats and conflicts."""

    first: tuple[Delivery, ...]
    later: tuple[Delivery, ...]

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        return (*self.first, *self.later)

    @property
    def hero(self) -> Delivery:
        """The complaint that is told in full."""
        return next(one for one in self.first if one.reference.endswith(TOLD_IN_FULL))


def write(seed: int, began: datetime, live_ones: int = LIVE) -> Script:
    """The script of a demo that began then (aware). The same arguments give the same script."""
    rng = Random(f"demo {seed}")  # noqa: S311 - chance for a demo, not for secrets
    told = [_delivery(one) for one in _dated_back(live(seed, live_ones, began))]
    new = [_hero(seed, began), *told]
    return Script(
        first=(*new, *_mistakes(rng, new, began)), later=(*_repeats(rng, new), *_conflicts(rng, new))
    )


def publishers() -> tuple[str, ...]:
    """Those who come by HTTP and need a key."""
    return tuple(source for source, door in DOORS.items() if door == "http")


def _dated_back(submissions: Sequence[Submission]) -> list[Submission]:
    ages = count(10, DAYS_APART)
    return [
        replace(one, reported_at=one.reported_at - timedelta(days=next(ages)))
        if one.channel in DATED_BACK
        else one
        for one in submissions
    ]


def _delivery(submission: Submission) -> Delivery:
    return Delivery(DOORS[submission.source], submission.as_json(), "new")


def _hero(seed: int, began: datetime) -> Delivery:
    """A street lamp: everybody understands it, and the rules know whose it is."""
    body = {
        "source": "sikesal",
        "reference": f"{seed}-{TOLD_IN_FULL}",
        "channel": "app",
        "reported_at": _written(began - timedelta(minutes=7)),
        "title": "Lampu jalan mati di depan pasar",
        "text": "Sudah seminggu lampu jalan di depan pasar padam, gelap sekali kalau malam. "
        "Bisa hubungi saya di 0800-000-0042.",
        "klasifikasi": "tidak_berkadar_pengawasan",
        "anonymous": False,
        "confidential": False,
        "reporter": {"name": "Warga Contoh 42", "phone": "0800-000-0042"},
    }
    return Delivery("http", body, "new")


def _repeats(rng: Random, new: Sequence[Delivery]) -> list[Delivery]:
    """The same again: by the same door, and by the other one."""
    by_http = rng.sample([one for one in new if one.door == "http"], 8)
    by_kafka = rng.sample([one for one in new if one.door == "kafka"], 4)
    same = [replace(one, fate="repeat") for one in (*by_http[:5], *by_kafka)]
    return [*same, *(replace(one, door="kafka", fate="repeat") for one in by_http[5:])]


def _conflicts(rng: Random, new: Sequence[Delivery]) -> list[Delivery]:
    """The name of an earlier complaint for something else."""
    chosen = [rng.choice([one for one in new if one.door == door]) for door in ("http", "kafka")]
    return [
        replace(
            one,
            body={**one.body, "text": "Isi yang sama sekali lain."},
            fate="refused",
            wrong="reference",
            why="an earlier complaint's reference with other words",
        )
        for one in chosen
    ]


def _mistakes(rng: Random, new: Sequence[Delivery], began: datetime) -> list[Delivery]:
    """Submissions that cannot be taken, one mistake each."""
    wrong: Sequence[tuple[Door, str, str, Mapping[str, Any]]] = (
        ("http", "channel", "an unknown channel", {"channel": "pigeon"}),
        (
            "http",
            "reported_at",
            "a date in the future",
            {"reported_at": _written(began + timedelta(days=3))},
        ),
        ("http", "text", "a text of blanks", {"text": "   "}),
        ("http", "reporter.nik", "a NIK (identity number) of three digits", {"reporter": {"nik": "157"}}),
        ("kafka", "channel", "an unknown channel", {"channel": "pigeon"}),
        ("kafka", "text", "no text", {"text": None}),
        ("kafka", "reported_at", "a date without a zone", {"reported_at": "2026-11-24 08:00:00"}),
    )
    mistakes: list[Delivery] = []
    for number, (door, field, why, changes) in enumerate(wrong, start=1):
        like = rng.choice([one for one in new if one.door == door])
        body = {**like.body, **changes, "reference": f"{like.reference}-salah-{number}"}
        body = {name: value for name, value in body.items() if value is not None}
        mistakes.append(Delivery(door, body, "refused", field, why))
    return mistakes


def _written(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
