"""The seeded generator of synthetic SP4N-LAPOR reports: same arguments, same reports, byte for byte."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, cast

from simulators.complaints.draw import filled, from_quantiles, maybe, one, pick
from simulators.complaints.model import Closer, Followup, Institution, Klasifikasi, Report, Truth
from simulators.complaints.reference import Spot, Tables, Topic, tables
from simulators.complaints.writing import (
    Identifiers,
    compose,
    draw_habits,
    draw_scene,
    edited,
    in_habit,
    person,
    phrases,
    title_for,
)

NEWEST_ID = 9_600_000
"""About where national ids stand at `now`: seven digits, as all ids seen so far (DOMAIN §2)."""

OPEN = ("Belum Terverifikasi", "Menunggu Kelengkapan Informasi", "Belum Ditindaklanjuti", "Proses")
_EMPTY = "(empty)"
_LAG_HOURS = {
    "6h-1d": (6, 24),
    "1d-3d": (24, 72),
    "3d-7d": (72, 168),
    "7d-30d": (168, 720),
    "30d-400d": (720, 9600),
}
_CLOSER: dict[str, Closer] = {"Sistem": "Sistem", "Admin": "Admin", "Pelapor": "Pelapor"}


@dataclass(frozen=True, slots=True)
class _Content:
    """What a report says, before anybody dealt with it."""

    title: str | None
    before: str
    after: str
    topic: Topic
    spot: Spot
    repeats: str | None


def generate(seed: int, count: int, now: datetime) -> list[Report]:
    """`count` reports up to `now` (aware), tracking ids ascending.

    Proportions are those of proportions.json; shares that tests and the demo count on (open, repeats,
    klasifikasi, source) are kept to the nearest whole report, the others in expectation.
    """
    rng = Random(seed)  # noqa: S311 - chance for test matter, not for secrets
    known = tables()
    share = known.proportions
    chosen = share["chosen"]
    now = now.astimezone(UTC).replace(microsecond=0)

    opens = filled(rng, count, {"open": chosen["open_share"], "ended": 1 - chosen["open_share"]})
    open_status = iter(filled(rng, opens.count("open"), chosen["open_status"]))
    classes = filled(rng, count, share["klasifikasi"])
    sources = filled(rng, count, share["source"])
    repeats = filled(rng, count, {"repeat": share["exact_repeats"], "new": 1 - share["exact_repeats"]})
    edits = filled(
        rng,
        count,
        {
            "same": share["same_before_and_after"],
            "spelling": share["same_but_case_and_spaces"],
            "changed": 1 - share["same_before_and_after"] - share["same_but_case_and_spaces"],
        },
    )
    drafts: list[_Content] = []
    reports: list[Report] = []
    used: set[int] = set()
    for index in range(count):
        content = _content(rng, known, drafts, reports, repeat=repeats[index] == "repeat", edit=edits[index])
        drafts.append(content)
        stale = opens[index] == "ended" or maybe(rng, chosen["open_older_than_30_days_share"])
        sent_at = _sent(rng, share, now, reports, content, stale=stale)
        lag = _lag(rng, share)
        identity = _free_id(rng, used, NEWEST_ID - (now - sent_at).days * chosen["ids_per_day"], now, sent_at)
        status = next(open_status) if opens[index] == "open" else _ended(rng, share, classes[index])
        reports.append(
            _report(
                rng,
                known,
                content,
                tracking_id=str(identity),
                reported_at=min(sent_at + lag, now),
                status=status,
                klasifikasi=classes[index],
                source=sources[index],
                number=seed % 1000 * 10_000 + index,
                now=now,
            )
        )
    return sorted(reports, key=lambda report: int(report.tracking_id))


def _sent(
    rng: Random,
    share: Mapping[str, Any],
    now: datetime,
    reports: list[Report],
    content: _Content,
    *,
    stale: bool,
) -> datetime:
    """When it was sent: a repeat some days after the first of its kind, anything else at a usual hour."""
    if content.repeats is None:
        return _instant(rng, share, now, stale=stale)
    first = next(report for report in reports if report.tracking_id == content.repeats)
    later = timedelta(days=one(rng, share["repeat_days"]), minutes=rng.randrange(2, 240))
    return min(first.reported_at + later, now)


def _instant(rng: Random, share: Mapping[str, Any], now: datetime, *, stale: bool) -> datetime:
    """A moment in the span, on a weekday and at an hour as often as the exports have them (UTC)."""
    first, last = (31, share["chosen"]["span_days"]) if stale else (0, 30)
    while True:
        day = now - timedelta(days=rng.uniform(first, last))
        hour = int(pick(rng, share["hour_utc"]))
        at = day.replace(hour=hour, minute=rng.randrange(60), second=rng.randrange(60), microsecond=0)
        weekday = (at + timedelta(hours=7)).weekday()
        if at <= now and maybe(rng, share["weekday_wib_mon0"][str(weekday)] / 383):
            return at


def _free_id(rng: Random, used: set[int], near: int, now: datetime, at: datetime) -> int:
    within = 1 - ((now - at) % timedelta(days=1)) / timedelta(days=1)
    identity = near - 2_900 + int(within * 2_800) + rng.randrange(100)
    while identity in used:
        identity += 1
    used.add(identity)
    return identity


def _lag(rng: Random, share: Mapping[str, Any]) -> timedelta:
    """How much later than its id a report says it came in: forwarded reports."""
    kind = pick(rng, share["id_lag"])
    if kind == "none":
        return timedelta(0)
    low, high = _LAG_HOURS[kind]
    return timedelta(seconds=round(3600 * rng.uniform(low, high)))


def _ended(rng: Random, share: Mapping[str, Any], klasifikasi: str) -> str:
    ends = {name: n for name, n in share["klasifikasi_x_status"][klasifikasi].items() if name not in OPEN}
    return pick(rng, ends)


def _content(
    rng: Random, known: Tables, drafts: list[_Content], reports: list[Report], *, repeat: bool, edit: str
) -> _Content:
    share = known.proportions
    firsts = [i for i, draft in enumerate(drafts) if draft.repeats is None]
    if repeat and firsts:
        index = one(rng, firsts)
        first = drafts[index]
        return _Content(
            first.title, first.before, first.after, first.topic, first.spot, reports[index].tracking_id
        )
    topic = rng.choices(known.topics, weights=[topic.weight for topic in known.topics])[0]
    spot = one(rng, known.spots)
    scene = draw_scene(rng, spot, person(rng.randrange(1, 10_000)))
    habits = draw_habits(rng, share["all_caps"])
    inside = share["in_body"]
    holds = Identifiers(
        sixteen_digits=maybe(rng, inside["sixteen_digits"]),
        mobile=maybe(rng, inside["mobile"]),
        email=maybe(rng, inside["email"]),
        url=maybe(rng, inside["url"]),
    )
    besides = one(rng, known.topics) if maybe(rng, share["chosen"]["second_subject"]) else None
    length = from_quantiles(rng, share["body_chars"], least=20)
    before = in_habit(rng, compose(rng, topic, scene, length, holds, besides), habits)
    title = None
    if not maybe(rng, share["missing"]["Judul Laporan"]):
        title = in_habit(rng, title_for(rng, topic, scene), habits, title=True)
    return _Content(title, before, edited(rng, before, edit), topic, spot, None)


def category_for(
    rng: Random, known: Tables, topic: Topic, *, klasifikasi_missing: bool
) -> tuple[str | None, str]:
    """A category id as a hurried citizen or admin picks it, and how it was picked."""
    ways: dict[str, float] = dict(known.proportions["chosen"]["category"])
    if klasifikasi_missing:
        return None, "missing"
    ways["missing"] = max(0.0, ways["missing"] - known.proportions["missing"]["Klasifikasi Laporan"])
    way = pick(rng, ways)
    if way == "missing":
        return None, way
    if way == "right":
        return one(rng, topic.category), way
    if way == "near":
        return one(rng, topic.near), way
    if way == "vague":
        return pick(rng, known.proportions["chosen"]["vague_category"]), way
    other = one(rng, known.topics)
    return one(rng, other.category), way


def _report(
    rng: Random,
    known: Tables,
    content: _Content,
    *,
    tracking_id: str,
    reported_at: datetime,
    status: str,
    klasifikasi: str,
    source: str,
    number: int,
    now: datetime,
) -> Report:
    share = known.proportions
    root = known.institutions["PEMKOT"]
    disposed = _disposed(rng, known, content, status)
    parent = root if disposed is None or maybe(rng, share["parent_is_root"]) else disposed
    category_id, category_was = category_for(
        rng, known, content.topic, klasifikasi_missing=klasifikasi == _EMPTY
    )
    kind = pick(rng, share["source_x_type"][source])
    disposed_at = _between(rng, reported_at, now, days=4) if disposed else None
    followups, status_at = _story(rng, status, disposed, disposed_at or reported_at, now)
    closer = _CLOSER.get(status.rpartition(" oleh ")[2]) or (
        "Admin" if status == "Konten Terblokir" else None
    )
    closed = status.startswith("Ditutup")
    in_city = not maybe(rng, share["missing"]["Kota/Kabupaten"])
    category = known.categories[category_id] if category_id else None
    if category and " " in category and maybe(rng, share["nbsp_in_category"]):
        category = category.replace(" ", "\u00a0", 1)
    return Report(
        tracking_id=tracking_id,
        reported_at=reported_at,
        title=content.title,
        text_before=content.before,
        text_after=content.after,
        klasifikasi=None if klasifikasi == _EMPTY else cast(Klasifikasi, klasifikasi),
        category_id=category_id,
        category=category,
        anonymous="Anonim" in kind,
        confidential="Rahasia" in kind,
        source=None if source == _EMPTY else source,
        parent=parent,
        disposed=disposed,
        disposed_at=disposed_at,
        status=status,
        status_at=status_at,
        closed_by=closer,
        reason=next(iter(share["reason_by_status"].get(status, ())), None),
        province="Jambi" if in_city or maybe(rng, 0.45) else None,
        city=pick(rng, share["chosen"]["kota_kabupaten"]) if in_city else None,
        kecamatan=None if maybe(rng, share["kecamatan_missing"]) else content.spot.kecamatan.upper(),
        kelurahan=None if maybe(rng, share["kelurahan_missing"]) else content.spot.kelurahan,
        kecamatan_code=content.spot.kecamatan_code,
        kelurahan_code=content.spot.kelurahan_code,
        reporter=person(number),
        rating=int(pick(rng, share["chosen"]["rating"]))
        if closed and maybe(rng, share["chosen"]["rated_share_of_closed"])
        else None,
        followups=followups,
        repeats=content.repeats,
        truth=Truth(content.topic.name, content.topic.owner, cast(Any, category_was)),
    )


def _disposed(rng: Random, known: Tables, content: _Content, status: str) -> Institution | None:
    """Who it was given to: mostly the owner, sometimes the kecamatan or nobody (counts by status)."""
    given = {"Belum Ditindaklanjuti": 1.0, "Proses": 1.0, "Belum Terverifikasi": 0.0}.get(status)
    if given is None:
        counts = known.proportions["status_x_disposed_empty"][status]
        given = counts.get("filled", 0) / sum(counts.values())
    if not maybe(rng, given):
        return None
    chosen = known.proportions["chosen"]
    if maybe(rng, chosen["disposed_to_root"]):
        return known.institutions["PEMKOT"]
    if maybe(rng, chosen["disposed_to_kecamatan"]) or content.topic.owner is None:
        return known.office("KECAMATAN", content.spot)
    return known.office(content.topic.owner, content.spot)


def _between(rng: Random, start: datetime, now: datetime, *, days: float) -> datetime:
    """A whole second after `start`, within `days`, never after `now`."""
    reach = min(timedelta(days=days), max(now - start, timedelta(0)))
    return start + timedelta(seconds=round(reach.total_seconds() * rng.uniform(0.05, 0.95)))


def _story(
    rng: Random, status: str, disposed: Institution | None, since: datetime, now: datetime
) -> tuple[tuple[Followup, ...], datetime]:
    """What was written under the report, and when it came into its present status."""
    book = phrases()
    items: list[Followup] = []
    at = since
    if status == "Menunggu Kelengkapan Informasi":
        at = _between(rng, at, now, days=3)
        items.append(Followup(at, one(rng, book["asks"]), disposed, system=disposed is None))
        return tuple(items), at
    if disposed is not None and (status == "Proses" or status.startswith("Ditutup")):
        at = _between(rng, at, now, days=9)
        items.append(Followup(at, one(rng, book["answers"]), disposed))
        proses_at = at
        if maybe(rng, 0.3):
            at = _between(rng, at, now, days=4)
            items.append(Followup(at, one(rng, book["replies"])))
            at = _between(rng, at, now, days=4)
            items.append(Followup(at, one(rng, book["answers"]), disposed))
        if status == "Proses":
            return tuple(items), proses_at
    if status in OPEN:
        return (), at
    return tuple(items), _between(rng, at, now, days=14)
