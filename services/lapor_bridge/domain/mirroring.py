"""What comes from SP4N-LAPOR: new reports on their way into the hub, and what differs from what it was told."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from services.lapor_bridge.domain.acts import (
    Reply,
    ReportSighted,
    ReportTouched,
    ReportUnreadable,
    SubmissionSent,
)
from services.lapor_bridge.domain.city import City
from services.lapor_bridge.domain.link import Link, Posting, Standing
from services.lapor_bridge.domain.marking import marker_of
from shared.decision import Decision
from shared.events import ids
from shared.events.fact import Event
from shared.events.lapor import LaporLinked, LaporReassigned, LaporReplied, LaporStatusChanged
from shared.events.parts import ENDED_THERE, LaporOrigin, LaporState
from shared.events.receipts import SubmissionAccepted, SubmissionRefused
from shared.events.submissions import SubmissionPosted

LOOK_EVERY = timedelta(hours=1)
"""How long an unfinished report goes unread when no listing points at it."""

SETTLES = timedelta(seconds=5)
"""LAPOR's marks of change are whole seconds: one younger than this when it was read may yet hide another."""

_RANK: dict[LaporState, int] = {
    "unknown": 0,
    "open": 1,
    "waiting": 1,
    "answered": 2,
    "closed": 3,
    "archived": 3,
    "blocked": 3,
}
"""How far a report has come: what is told by an old export never moves one back."""


def on_report_sighted(link: Link, act: ReportSighted, _city: City, now: datetime) -> Decision[Link]:
    """A report that the hub does not have goes to intake; of one that it has, what is new is said."""
    if link.lapor_id is None:
        return Decision(_discovered(link, act, now))
    if link.lapor_id != act.tracking_id:
        return Decision(link)
    link = _seen(link, act, now)
    if not link.linked:
        return Decision(_offered_again(link, act, now))
    link, replied = _replies(link, act, now)
    return Decision(*_differences(link, replied, now))


def on_report_touched(link: Link, act: ReportTouched, _city: City, now: datetime) -> Decision[Link]:
    """Read it soon, if it changed since."""
    if not link.linked or link.updated_at == act.updated_at or link.look_at == now:
        return Decision(link)
    return Decision(replace(link, look_at=now))


def on_report_unreadable(link: Link, act: ReportUnreadable, _city: City, now: datetime) -> Decision[Link]:
    """Leave it for a while."""
    return Decision(replace(link, look_at=now + timedelta(seconds=act.retry_after)))


def on_submission_sent(link: Link, _act: SubmissionSent, _city: City, now: datetime) -> Decision[Link]:
    """Wait for the receipt; without one it is sent again."""
    if link.posting is None or link.posting.state != "waiting":
        return Decision(link)
    posts = link.posting.posts + 1
    return Decision(
        replace(
            link, posting=replace(link.posting, posts=posts, next_at=now + RECEIPT_WITHIN * min(posts, 10))
        )
    )


RECEIPT_WITHIN = timedelta(minutes=1)
"""How long the first receipt is waited for; each further time as much longer, ten minutes at most."""


def on_submission_accepted(
    link: Link, event: SubmissionAccepted, _city: City, now: datetime
) -> Decision[Link]:
    """The hub has it: the link holds, and what changed there in the meantime can be said."""
    return taken_in(link, event.ticket, event.reference, None, now)


def on_submission_refused(
    link: Link, event: SubmissionRefused, _city: City, _now: datetime
) -> Decision[Link]:
    """Intake will not take it as it stands; the reasons are kept for a person, the text is not."""
    if link.posting is None or link.posting.body is None:
        return Decision(link)
    refused = Posting("refused", refused=_fingerprint(link.posting.body), errors=tuple(event.errors))
    return Decision(replace(link, posting=refused))


def taken_in(
    link: Link, ticket: str, tracking_id: str, arrived: LaporOrigin | None, now: datetime
) -> Decision[Link]:
    """A report that was born in LAPOR is a complaint now: by the receipt or by intake's own word, once."""
    if link.linked:
        return Decision(link if link.ticket else replace(link, ticket=ticket))
    link = replace(
        link,
        ticket=ticket,
        lapor_id=tracking_id,
        origin="lapor",
        linked=True,
        forwarding="never",
        why="it came from LAPOR",
        told=link.told or (_arrived(arrived) if arrived else None),
        posting=Posting("accepted"),
        look_at=now,
    )
    link, says = _differences(link, (), now)
    return Decision(link, [LaporLinked(lapor_id=tracking_id, origin="lapor"), *says])


def _discovered(link: Link, act: ReportSighted, now: datetime) -> Link:
    if act.submission is None:
        return link
    return replace(
        link,
        lapor_id=act.tracking_id,
        origin="lapor",
        forwarding="never",
        why="it came from LAPOR",
        told=act.standing,
        seen=act.standing,
        posting=Posting("waiting", act.submission, next_at=now),
    )


def _offered_again(link: Link, act: ReportSighted, now: datetime) -> Link:
    """A report that intake refused is offered once more when it reads otherwise."""
    posting = link.posting
    if posting is None or posting.state != "refused" or act.submission is None:
        return link
    if posting.refused == _fingerprint(act.submission):
        return link
    return replace(
        link, told=act.standing, seen=act.standing, posting=Posting("waiting", act.submission, next_at=now)
    )


def _fingerprint(submission: SubmissionPosted) -> bytes:
    """Of what intake judges: all but how the report stands in LAPOR."""
    return hashlib.sha256(submission.model_copy(update={"lapor": None}).write()).digest()


def _seen(link: Link, act: ReportSighted, now: datetime) -> Link:
    """The link with the newest that is known of the report; an older look changes nothing back."""
    seen = newest(link.seen, act.standing, now)
    if act.replies is None:
        return replace(link, seen=seen)
    look_at = None if seen.state in ENDED_THERE else now + LOOK_EVERY
    as_of, updated_at = act.standing.as_of, act.updated_at
    settled = as_of is not None and updated_at is not None and as_of - updated_at >= SETTLES
    return replace(link, seen=seen, updated_at=updated_at if settled else None, look_at=look_at)


AHEAD = timedelta(minutes=5)
"""A look that says it was taken later than this from now was taken by a clock that was wrong."""


def newest(known: Standing | None, found: Standing, now: datetime) -> Standing:
    """Which of two looks at a report holds now.

    By when they were taken, if both say; a look of unknown age (an export without a date), or an older one,
    only ever moves a report forward: it may be of last year.
    """
    if known is None or (known.as_of is None and found.as_of is not None):
        return found
    if known.as_of is not None and known.as_of > now + AHEAD:
        return found
    if known.as_of is not None and found.as_of is not None and found.as_of >= known.as_of:
        return found
    if known.as_of is None and _RANK[found.state] >= _RANK[known.state]:
        return found
    if _RANK[found.state] > _RANK[known.state]:
        return known.model_copy(
            update={"status": found.status, "state": found.state, "by": found.by, "at": found.at}
        )
    return known


def _differences(link: Link, replied: Sequence[Event], now: datetime) -> tuple[Link, list[Event]]:
    """What was seen and not yet told, as events, in the order in which LAPOR works: handed on, written, ended.

    So an answer is never told after the closing that followed it. A state that our own write brought about is
    only noted.
    """
    told, seen, lapor_id = link.told, link.seen, link.lapor_id
    says = list(replied)
    if seen is None or lapor_id is None:
        return link, says
    if seen.institution and was_reassigned(told, seen):
        says.insert(
            0,
            LaporReassigned(
                lapor_id=lapor_id,
                institution_id=seen.institution_id,
                institution=seen.institution,
                opd=seen.opd,
                at=_past(seen.disposed_at, now),
            ),
        )
    explained = link.explained
    if not _same_status(told, seen):
        ours, explained = seen.state in explained, frozenset()
        if not ours:
            says.append(
                LaporStatusChanged(
                    lapor_id=lapor_id,
                    status=seen.status or seen.state,
                    state=seen.state,
                    by=seen.by,
                    at=_past(seen.at, now),
                )
            )
    if told == seen and explained == link.explained:
        return link, says
    return replace(link, told=seen, explained=explained), says


def _same_status(told: Standing | None, seen: Standing) -> bool:
    """Two vocabularies (API and export) name the same state: what counts is the state and who brought it."""
    if told is None or told.state != seen.state:
        return False
    if seen.state == "unknown":
        return _words(told.status) == _words(seen.status)
    return told.by is None or seen.by is None or told.by == seen.by


def was_reassigned(told: Standing | None, seen: Standing) -> bool:
    """Whether another institution has it now. A renamed one is the same (DOMAIN §2): only ids tell.

    Without ids, only two different agencies of our own registry count; a name that we do not know may be
    the new name of the old one.
    """
    if seen.institution is None and seen.institution_id is None:
        return False
    if told is None or (told.institution is None and told.institution_id is None):
        return True
    if told.institution_id and seen.institution_id:
        return told.institution_id != seen.institution_id
    if _words(told.institution) == _words(seen.institution):
        return False
    return told.opd is not None and seen.opd is not None and told.opd != seen.opd


def _replies(link: Link, act: ReportSighted, now: datetime) -> tuple[Link, list[Event]]:
    """Each follow-up that somebody else wrote, once; our own are bound to their writes."""
    says: list[Event] = []
    items = set(link.items)
    for reply in act.replies or ():
        if reply.item in items:
            continue
        items.add(reply.item)
        if not _is_ours(link, reply):
            said = LaporReplied(
                lapor_id=act.tracking_id,
                item=reply.item,
                by=reply.by,
                text=reply.text,
                at=_past(reply.at, now),
            )
            says.append(said.known_as(_reply_id(link.complaint, act.tracking_id, reply.item)))
    return (replace(link, items=frozenset(items)), says) if len(items) > len(link.items) else (link, says)


def _is_ours(link: Link, reply: Reply) -> bool:
    return any(
        write.item == reply.item or (reply.marker is not None and marker_of(write.cause) == reply.marker)
        for write in link.writes
    )


def _reply_id(complaint: UUID, lapor_id: str, item: str) -> UUID:
    return ids.event_id(complaint, f"{LaporReplied.type}:{lapor_id}:{item}", 0)


def _arrived(origin: LaporOrigin) -> Standing:
    return Standing(
        status=origin.status,
        state=origin.state,
        at=origin.status_at,
        institution_id=origin.institution_id,
        institution=origin.institution,
        opd=origin.opd,
    )


def _past(at: datetime | None, now: datetime) -> datetime | None:
    """An instant that LAPOR gives, never in the future: its clock is not ours."""
    return min(at, now) if at else None


def _words(name: str | None) -> str:
    return re.sub(r"[\W_]+", " ", name or "").strip().lower()
