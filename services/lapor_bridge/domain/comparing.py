"""How a complaint here and its report in SP4N-LAPOR compare: a difference that stays is said once, and so is its end.

Nothing is settled here. What one side tells the other comes across as a fact, in seconds; what no rule carries
across stays different, and a person must know of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from services.lapor_bridge.domain.city import City
from services.lapor_bridge.domain.link import Difference, Field, HereState, Link
from shared.decision import Decision
from shared.events.fact import Event, Fact
from shared.events.intake import ComplaintAmended, ComplaintMerged, ComplaintReceived, ComplaintUnmerged
from shared.events.lapor import LaporConverged, LaporDiverged
from shared.events.parts import ENDED_THERE
from shared.events.routing import (
    ComplaintAnswered,
    ComplaintClassified,
    ComplaintClosed,
    ComplaintRejected,
    ComplaintReopened,
    ComplaintRouted,
    InformationRequested,
)

PERSISTS = timedelta(minutes=15)
"""For how long a difference may be only on its way. It is said when a look that much later still shows it."""

STATES: Mapping[type[Fact], HereState] = {
    ComplaintRouted: "open",
    InformationRequested: "open",
    ComplaintAnswered: "open",
    ComplaintReopened: "open",
    ComplaintRejected: "rejected",
    ComplaintClosed: "closed",
}
"""How a complaint stands here after each of these."""

Rule = Callable[[Link, Any, City, datetime], Decision[Link]]


class Sides(NamedTuple):
    """One field of both sides. silent: one of them says nothing of it. over: nobody need agree any more."""

    ours: str | None
    theirs: str | None
    verdict: Literal["agree", "differ", "silent", "over"]


def comparing(rule: Rule) -> Rule:
    """The rule, and after it the comparison of what both sides hold then."""

    def compared(link: Link, fact: Fact, city: City, now: datetime) -> Decision[Link]:
        decided = rule(link, fact, city, now)
        after = _noted(decided.state, fact)
        under_way = link.next_write is not None or after.next_write is not None
        after, says = compare(after, city, now, under_way=under_way)
        if after is decided.state:
            return decided
        return replace(decided, state=after, says=[*decided.says, *says])

    return compared


def _noted(link: Link, fact: Fact) -> Link:
    """The link with what this fact says of how the complaint stands here."""
    changed: dict[str, object] = {}
    if isinstance(fact, ComplaintReceived):
        known = link.here
        changed = {
            "anonymous": fact.anonymous if known.anonymous is None else known.anonymous,
            "confidential": fact.confidential if known.confidential is None else known.confidential,
        }
    elif isinstance(fact, ComplaintAmended):
        changed = {
            name: getattr(fact, name) for name in ("anonymous", "confidential") if name in fact.changed
        }
    elif isinstance(fact, ComplaintMerged | ComplaintUnmerged):
        changed = {"merged": isinstance(fact, ComplaintMerged)} if fact.role == "merged" else {}
    elif isinstance(fact, ComplaintClassified):
        changed = {"klasifikasi": fact.klasifikasi}
    elif type(fact) in STATES:
        changed = {"state": STATES[type(fact)]}
    here = link.here.model_copy(update=changed)
    return link if here == link.here else replace(link, here=here)


def compare(link: Link, city: City, now: datetime, *, under_way: bool) -> tuple[Link, list[Event]]:
    """The link with what agrees and what differs now, and what is to be said of it.

    `under_way`: a write of ours is on its way there, or was until now; what differs may be its doing.
    """
    if not link.linked or link.lapor_id is None or link.seen is None:
        return link, []
    known = {difference.field: difference for difference in link.differences}
    agreed = dict(link.agreed)
    differences: list[Difference] = []
    says: list[Event] = []
    for field, sides_of in FIELDS.items():
        sides, before = sides_of(link, city), known.get(field)
        if sides.verdict == "differ":
            found = _lasting(before, field, sides, now, under_way=under_way)
            if not found.said and _is_confirmed(found, link, now):
                found = found.model_copy(update={"said": True, "open": True})
                says.append(_diverged(link.lapor_id, found, agreed.get(field)))
            differences.append(found)
        elif sides.verdict == "silent":
            differences += [before] if before else []
        else:
            if sides.verdict == "agree" and sides.theirs is not None:
                agreed[field] = sides.theirs
            if before is not None and before.open:
                says.append(_converged(link.lapor_id, field, sides))
    after = _looked_at_again(replace(link, agreed=agreed, differences=tuple(differences)), now)
    return (link, says) if after == link else (after, says)


def _lasting(
    before: Difference | None, field: Field, sides: Sides, now: datetime, *, under_way: bool
) -> Difference:
    """The difference, counted from when it began; from now, while a write of ours may be what ends it."""
    fresh = before is None or (before.ours, before.theirs) != (sides.ours, sides.theirs)
    if before is None or fresh:
        return Difference(
            field=field,
            ours=sides.ours or "",
            theirs=sides.theirs or "",
            since=now,
            open=before is not None and before.open,
        )
    return before.model_copy(update={"since": now}) if under_way and not before.said else before


def _is_confirmed(difference: Difference, link: Link, now: datetime) -> bool:
    """Whether the report was looked at long enough after it began, so that nothing unread can explain it."""
    seen_at = link.seen.as_of if link.seen else None
    return seen_at is not None and min(seen_at, now) - difference.since >= PERSISTS


def _looked_at_again(link: Link, now: datetime) -> Link:
    """The link, to be read again when its first difference has lasted; a look that failed sets its own time."""
    begun = [difference.since for difference in link.differences if not difference.said]
    if not begun or link.next_write is not None:
        return link
    at = min(begun) + PERSISTS
    if at <= now or (link.look_at is not None and link.look_at <= at):
        return link
    return replace(link, look_at=at)


def _institution(link: Link, _city: City) -> Sides:
    """Which agency has it, while both work on it; one that our registry does not know says nothing."""
    ours, theirs = link.opd, link.seen.opd if link.seen else None
    if _nobody_works_on(link):
        return Sides(ours, theirs, "over")
    if link.here.state != "open" or _ended_there(link):
        return Sides(ours, theirs, "silent")
    return _sides(ours, theirs)


def _state(link: Link, city: City) -> Sides:
    """Whether it is done with. A city that does not tell LAPOR of closings expects no end there; what was
    rejected here ends there when LAPOR's admin says so."""
    ours, theirs = link.here.state, link.seen.state if link.seen else "unknown"
    if link.here.merged:
        return Sides(ours, theirs, "over")
    if ours is None or theirs == "unknown":
        return Sides(ours, theirs, "silent")
    if (ours != "open") == _ended_there(link):
        return Sides(ours, theirs, "agree")
    if ours == "rejected" or (ours == "closed" and not city.tells("closing", None)):
        return Sides(ours, theirs, "silent")
    return Sides(ours, theirs, "differ")


def _klasifikasi(link: Link, _city: City) -> Sides:
    """Its kind, which decides how long the city has."""
    ours, theirs = link.here.klasifikasi, link.seen.klasifikasi if link.seen else None
    return Sides(ours, theirs, "over") if _nobody_works_on(link) else _sides(ours, theirs)


def _anonymous(link: Link, _city: City) -> Sides:
    return _flag(link.here.anonymous, link.seen.anonymous if link.seen else None)


def _confidential(link: Link, _city: City) -> Sides:
    return _flag(link.here.confidential, link.seen.confidential if link.seen else None)


FIELDS: Mapping[Field, Callable[[Link, City], Sides]] = {
    "institution": _institution,
    "state": _state,
    "klasifikasi": _klasifikasi,
    "anonymous": _anonymous,
    "confidential": _confidential,
}
"""What is compared. Texts are not: a report that stands there is not rewritten, and its admins may edit it."""


def _sides(ours: str | None, theirs: str | None) -> Sides:
    if ours is None or theirs is None:
        return Sides(ours, theirs, "silent")
    return Sides(ours, theirs, "agree" if ours == theirs else "differ")


def _flag(ours: bool | None, theirs: bool | None) -> Sides:
    return _sides(*(None if side is None else str(side).lower() for side in (ours, theirs)))


def _nobody_works_on(link: Link) -> bool:
    """Whether it has ended on both sides, or another complaint goes on for it."""
    return link.here.merged or (link.here.state in ("closed", "rejected") and _ended_there(link))


def _ended_there(link: Link) -> bool:
    return link.seen is not None and link.seen.state in ENDED_THERE


def _diverged(lapor_id: str, found: Difference, agreed: str | None) -> LaporDiverged:
    return LaporDiverged(
        lapor_id=lapor_id, field=found.field, ours=found.ours, theirs=found.theirs, agreed=agreed
    )


def _converged(lapor_id: str, field: Field, sides: Sides) -> LaporConverged:
    agreed = sides.theirs if sides.verdict == "agree" else None
    return LaporConverged(lapor_id=lapor_id, field=field, ours=sides.ours, theirs=sides.theirs, agreed=agreed)
