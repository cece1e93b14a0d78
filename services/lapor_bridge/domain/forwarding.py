"""What of the hub's facts goes to SP4N-LAPOR: the report itself by the city's policy, and what follows on it."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.lapor_bridge.domain.city import City
from services.lapor_bridge.domain.link import CREATE, Content, Link, Operation, Write
from services.lapor_bridge.domain.mirroring import taken_in
from shared.decision import Decision
from shared.events.intake import (
    ComplaintAmended,
    ComplaintMerged,
    ComplaintReceived,
    ComplaintUnmerged,
    ComplaintWithdrawn,
)
from shared.events.parts import ENDED_THERE
from shared.events.routing import (
    ComplaintAnswered,
    ComplaintClassified,
    ComplaintClosed,
    ComplaintProgressed,
    ComplaintRejected,
    ComplaintReopened,
    ComplaintRouted,
    InformationRequested,
)

BRIDGE = "lapor"
"""The source under which the bridge hands LAPOR's own reports in."""


def on_complaint_received(link: Link, event: ComplaintReceived, city: City, now: datetime) -> Decision[Link]:
    """Keep what a report needs; whether there will be one is decided at the first disposition."""
    if link.ticket == event.ticket:
        return Decision(link)
    link = replace(link, ticket=event.ticket)
    if event.source == BRIDGE:
        tracking_id = event.lapor.tracking_id if event.lapor else event.reference
        return taken_in(link, event.ticket, tracking_id, event.lapor, now)
    if link.forwarding == "never":
        return Decision(link)
    if event.lapor is not None:
        return Decision(kept_here(link, "it came from LAPOR by another way"))
    if not event.forward:
        return Decision(kept_here(link, "its sender forbids it"))
    content = Content(
        channel=event.channel,
        reported_at=event.reported_at,
        title=event.title,
        text=event.text,
        place=event.place,
        category_hint=event.category_hint,
        klasifikasi=event.klasifikasi,
        anonymous=event.anonymous,
        confidential=event.confidential,
    )
    return Decision(_decided(replace(link, content=content), event.id, city, now))


def on_complaint_amended(link: Link, event: ComplaintAmended, _city: City, _now: datetime) -> Decision[Link]:
    """A report that is not there yet will say what the complaint says now; one that stands there is not rewritten.

    What its reporter withholds later, and what is made confidential later, is not sent any more.
    """
    if link.content is None:
        return Decision(link)
    if is_surely_not_there(link):
        if event.forward is False:
            return Decision(kept_here(link, "its sender forbids it"))
        if event.confidential:
            return Decision(kept_here(link, "it was made confidential before it was sent"))
    said: dict[str, object] = {
        name: getattr(event, name) for name in event.changed if name in Content.model_fields
    }
    return Decision(replace(link, content=link.content.model_copy(update=said)) if said else link)


def on_complaint_merged(link: Link, event: ComplaintMerged, _city: City, _now: datetime) -> Decision[Link]:
    """No report is made of a complaint that another one goes on for; one that stands there stays."""
    return Decision(_held_back(link, True) if event.role == "merged" else link)


def on_complaint_unmerged(
    link: Link, event: ComplaintUnmerged, _city: City, _now: datetime
) -> Decision[Link]:
    """What was held back goes now."""
    return Decision(_held_back(link, False) if event.role == "merged" else link)


def on_complaint_classified(
    link: Link, event: ComplaintClassified, _city: City, _now: datetime
) -> Decision[Link]:
    """The category may become the report's, where the citizen named none."""
    return Decision(link if link.category == event.category else replace(link, category=event.category))


def on_complaint_routed(link: Link, event: ComplaintRouted, city: City, now: datetime) -> Decision[Link]:
    """The first disposition is the moment to forward; later ones only change who speaks."""
    if link.opd == event.opd:
        return Decision(link)
    return Decision(_decided(replace(link, opd=event.opd), event.id, city, now))


def on_complaint_withdrawn(
    link: Link, event: ComplaintWithdrawn, city: City, now: datetime
) -> Decision[Link]:
    """What has not left yet stays here; a report that stands there is told of it."""
    if is_surely_not_there(link):
        return Decision(kept_here(link, "its reporter withdrew it"))
    return Decision(_followed(link, "withdrawal", event.id, city, now, text=event.reason, at=event.at))


def on_complaint_progressed(
    link: Link, event: ComplaintProgressed, city: City, now: datetime
) -> Decision[Link]:
    """The OPD's report on its work, where it says something."""
    if event.by.kind == BRIDGE or not event.text:
        return Decision(link)
    return Decision(_followed(link, "progress", event.id, city, now, event.text, event.opd, event.at))


def on_complaint_answered(link: Link, event: ComplaintAnswered, city: City, now: datetime) -> Decision[Link]:
    """The OPD's answer. One that was given in LAPOR stands there already."""
    if event.by.kind == BRIDGE:
        return Decision(link)
    return Decision(_followed(link, "answer", event.id, city, now, event.text, event.opd, event.at))


def on_information_requested(
    link: Link, event: InformationRequested, city: City, now: datetime
) -> Decision[Link]:
    """The OPD's question to the reporter, who reads it there."""
    if event.by.kind == BRIDGE:
        return Decision(link)
    return Decision(_followed(link, "question", event.id, city, now, event.question, event.opd, event.at))


def on_complaint_rejected(link: Link, event: ComplaintRejected, city: City, now: datetime) -> Decision[Link]:
    """Bukan wewenang and the like: told there as the city's policy says, if there is a report."""
    if event.by.kind == BRIDGE:
        return Decision(link)
    if is_surely_not_there(link):
        was_routed = link.opd is not None
        return Decision(kept_here(link, "the city rejected it before it was sent") if was_routed else link)
    write = _write(link, "rejection", event.id, now, text=event.reason, at=event.at)
    return Decision(_queued(link, replace(write, kind=event.kind, refer_to=event.refer_to), city))


def on_complaint_closed(link: Link, event: ComplaintClosed, city: City, now: datetime) -> Decision[Link]:
    """Closed here: told there as the city's policy says. LAPOR's own closing stands there already."""
    ended_there = link.seen is not None and link.seen.state in ENDED_THERE
    if event.by.kind == BRIDGE or event.kind == "withdrawn" or ended_there:
        return Decision(link)
    write = _write(link, "closing", event.id, now, text=event.reason, at=event.at)
    return Decision(_queued(link, replace(write, kind=event.kind), city))


def on_complaint_reopened(
    link: Link, _event: ComplaintReopened, _city: City, _now: datetime
) -> Decision[Link]:
    """No call is known that reopens a report: that the two sides differ now is for the comparison to say."""
    return Decision(link)


def _held_back(link: Link, merged: bool) -> Link:
    if link.content is None or link.content.merged == merged:
        return link
    return replace(link, content=link.content.model_copy(update={"merged": merged}))


def is_surely_not_there(link: Link) -> bool:
    """Whether there is no report of it in LAPOR, and none on its way either."""
    create = link.write(CREATE)
    return link.lapor_id is None and (create is None or create.state in ("waiting", "failed"))


def _decided(link: Link, cause: UUID, city: City, now: datetime) -> Link:
    """Whether it is forwarded, once both the complaint and its first disposition are known."""
    if link.forwarding != "undecided" or link.content is None or link.opd is None:
        return link
    forwards, why = city.forwards(link.content.channel, link.content.klasifikasi)
    if not forwards:
        return kept_here(link, why)
    create = Write(
        CREATE, "create", cause, None, link.opd, link.content.reported_at, next_at=now, queued_at=now
    )
    return replace(link, forwarding="wanted", why=why).with_write(create)


def kept_here(link: Link, why: str) -> Link:
    """It stays in the hub: no text is kept, nothing waits to be written."""
    return replace(link, forwarding="never", why=why, content=None, writes=())


def _followed(
    link: Link,
    operation: Operation,
    cause: UUID,
    city: City,
    now: datetime,
    text: str | None = None,
    opd: str | None = None,
    at: datetime | None = None,
) -> Link:
    return _queued(link, _write(link, operation, cause, now, text, opd, at), city)


def _write(
    link: Link,
    operation: Operation,
    cause: UUID,
    now: datetime,
    text: str | None = None,
    opd: str | None = None,
    at: datetime | None = None,
) -> Write:
    number = max((write.n for write in link.writes), default=CREATE) + 1
    return Write(number, operation, cause, text, opd or link.opd, at, next_at=now, queued_at=now)


def _queued(link: Link, write: Write, city: City) -> Link:
    """The link with one more write at the end of its line: each cause once, and only what the policy sends."""
    if link.forwarding == "never" and link.lapor_id is None:
        return link
    if not city.tells(write.operation, write.kind) or any(kept.cause == write.cause for kept in link.writes):
        return link
    return link.with_write(write)
