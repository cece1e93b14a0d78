"""Complaints as channels bring them to the hub today: app, web, WhatsApp, 112, counter, letter, media."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, cast

from simulators.complaints.draw import filled, from_quantiles, maybe, one, pick
from simulators.complaints.generate import category_for
from simulators.complaints.model import Submission, Truth
from simulators.complaints.reference import tables
from simulators.complaints.writing import (
    Identifiers,
    compose,
    draw_scene,
    impossible_nik,
    in_habit,
    person,
    title_for,
    writer,
)


@dataclass(frozen=True, slots=True)
class _Channel:
    """How a channel system behaves; shares from 0 to 1 are judgement, no counts are known."""

    source: str
    weight: int
    titled: float
    categorised: float
    located: float
    named: float
    anonymous: float
    talks: bool
    polite: bool
    taken_by: str | None = None
    dated: bool = False
    public: bool = False


CHANNELS = {
    "app": _Channel("sikesal", 34, 0.95, 0.85, 0.9, 0.9, 0.15, talks=False, polite=False),
    "web": _Channel("portal-jambi", 16, 0.95, 0.7, 0.3, 0.8, 0.3, talks=False, polite=False),
    "whatsapp": _Channel("wa-gateway", 20, 0.0, 0.0, 0.15, 1.0, 0.05, talks=True, polite=False),
    "call_center_112": _Channel(
        "call-center-112", 12, 0.4, 0.3, 0.6, 0.7, 0.1, talks=False, polite=True, taken_by="Petugas 112"
    ),
    "counter": _Channel(
        "loket-mpp", 7, 0.9, 0.8, 0.2, 1.0, 0.02, talks=False, polite=True, taken_by="Loket 3"
    ),
    "letter": _Channel(
        "tata-usaha", 3, 1.0, 0.5, 0.0, 1.0, 0.0, talks=False, polite=True, taken_by="Tata Usaha", dated=True
    ),
    "social_media": _Channel(
        "media-sosial", 5, 0.0, 0.1, 0.05, 0.3, 0.0, talks=True, polite=False, public=True
    ),
    "mass_media": _Channel("media-massa", 3, 1.0, 0.3, 0.1, 0.0, 0.0, talks=False, polite=True, public=True),
}
_CLASSES = {
    "tidak_berkadar_pengawasan": 66,
    "berkadar_pengawasan": 10,
    "permintaan_informasi": 7,
    "aspirasi": 4,
    "": 13,
}


def live(seed: int, count: int, now: datetime) -> list[Submission]:
    """`count` submissions of the last hour before `now` (aware), in order of `reported_at`.

    References are unique per source and hold the seed; about 2% repeat an earlier text exactly, under a
    reference of their own.
    """
    rng = Random(f"live {seed}")  # noqa: S311 - chance for test matter, not for secrets
    known = tables()
    share = known.proportions
    now = now.astimezone(UTC).replace(microsecond=0)
    channels = filled(rng, count, {name: channel.weight for name, channel in CHANNELS.items()})
    repeats = filled(rng, count, {"repeat": share["exact_repeats"], "new": 1 - share["exact_repeats"]})
    ages = sorted((rng.uniform(0, 3600) for _ in range(count)), reverse=True)
    made: list[Submission] = []
    for index, name in enumerate(channels):
        channel = CHANNELS[name]
        topic = rng.choices(known.topics, weights=[topic.weight for topic in known.topics])[0]
        spot = one(rng, known.spots)
        who = person(seed % 1000 * 10_000 + index + 1)
        scene = draw_scene(rng, spot, who)
        habits = writer(rng, share["all_caps"], polite=channel.polite)
        inside = share["in_body"]
        holds = Identifiers(maybe(rng, inside["sixteen_digits"]), maybe(rng, inside["mobile"]))
        besides = one(rng, known.topics) if maybe(rng, share["chosen"]["second_subject"]) else None
        text = in_habit(
            rng,
            compose(rng, topic, scene, from_quantiles(rng, share["body_chars"], least=20), holds, besides),
            habits,
        )
        title = in_habit(rng, title_for(rng, topic, scene), habits, title=True)
        category_id, category_was = category_for(rng, known, topic, klasifikasi_missing=False)
        if not maybe(rng, channel.categorised):
            category_id, category_was = None, "missing"
        first = one(rng, made) if repeats[index] == "repeat" and made else None
        located = maybe(rng, channel.located)
        anonymous = maybe(rng, channel.anonymous)
        made.append(
            Submission(
                source=channel.source,
                reference=f"{seed}-{index + 1:05d}",
                channel=name,
                reported_at=now - timedelta(seconds=round(ages[index])),
                title=first.title if first else (title if maybe(rng, channel.titled) else None),
                text=first.text if first else text,
                lat=round(spot.lat + rng.uniform(-0.003, 0.003), 6) if located else None,
                lon=round(spot.lon + rng.uniform(-0.003, 0.003), 6) if located else None,
                place_text=scene.place.removeprefix("di ") if maybe(rng, 0.4) else None,
                kelurahan=spot.kelurahan_code if located and maybe(rng, 0.5) else None,
                kecamatan=spot.kecamatan_code if located else None,
                category=known.categories[category_id] if category_id else None,
                klasifikasi=pick(rng, _CLASSES) or None,
                anonymous=anonymous,
                confidential=maybe(rng, 0.06),
                reporter=who if maybe(rng, channel.named) else None,
                nik=impossible_nik(rng, spot) if maybe(rng, 0.1) else None,
                conversation=f"{name}-{seed}-{index + 1}" if channel.talks else None,
                taken_by=channel.taken_by,
                dated_on=(now - timedelta(days=20)).date() if channel.dated else None,
                link=f"https://{channel.source}.contoh.invalid/{seed}/{index + 1}"
                if channel.public
                else None,
                repeats=first.reference if first else None,
                truth=first.truth if first else Truth(topic.name, topic.owner, cast(Any, category_was)),
            )
        )
    return made
