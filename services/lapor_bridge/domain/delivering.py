"""How a write to SP4N-LAPOR goes on: every attempt is on record before its first byte, and none is repeated
before it is known not to have arrived (DESIGN §4.10)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.lapor_bridge.domain.acts import (
    AttemptBegun,
    CannotTell,
    Declined,
    Delivered,
    LeftUnsettled,
    LookupFailed,
    NotFoundThere,
    Postponed,
)
from services.lapor_bridge.domain.city import City
from services.lapor_bridge.domain.link import (
    CREATE,
    LONGEST_WAIT,
    OWN_EFFECTS,
    Link,
    Standing,
    Write,
    backoff,
    is_due,
)
from shared.decision import Decision, Refused
from shared.events.fact import Event
from shared.events.lapor import LaporDeliveryFailed, LaporLinked
from shared.events.parts import FieldError

DECLINES = 3
"""How often LAPOR may decline the same write before a person is asked."""

LOOKUPS = 100
"""How often a look-up may fail to be made before a person is asked: with the backoff, about a day."""


def on_attempt_begun(link: Link, act: AttemptBegun, _city: City, now: datetime) -> Decision[Link]:
    """Take the write, if it is its turn and nobody else has it. Refused otherwise: nothing may be sent then."""
    write = link.next_write
    if write is None or write.n != act.n or write.state != "waiting" or not is_due(write.next_at, now):
        raise Refused([FieldError(field="n", reason="it is not this write's turn")], conflict=True)
    begun = replace(
        write,
        state="attempted",
        attempts=write.attempts + 1,
        lookups=0,
        begun_at=now,
        next_at=now + timedelta(seconds=act.lease),
    )
    return Decision(link.with_write(begun))


def on_delivered(link: Link, act: Delivered, city: City, now: datetime) -> Decision[Link]:
    """It is there. A report binds the two sides; its text and that of an item are no longer kept."""
    write = link.write(act.n)
    if write is None or write.state == "done":
        return Decision(link)
    item = act.item or act.lapor_id
    done = replace(write, state="done", text=None, next_at=None, item=item, reason=None)
    link = replace(
        link.with_write(done),
        explained=link.explained
        | (OWN_EFFECTS[write.operation] - {link.told.state if link.told else "open"}),
        items=link.items | ({act.item} if act.item else set()),
    )
    if write.n != CREATE or act.lapor_id is None:
        return Decision(link)
    sent_to = city.institution_id(write.opd)
    standing = Standing(state="open", institution_id=sent_to, opd=write.opd if sent_to else None)
    link = replace(
        link, lapor_id=act.lapor_id, origin="hub", linked=True, content=None, told=standing, look_at=now
    )
    return Decision(link, [LaporLinked(lapor_id=act.lapor_id, origin="hub")])


def on_postponed(link: Link, act: Postponed, _city: City, now: datetime) -> Decision[Link]:
    """Once more later, for as long as it takes: it is not the complaint's fault."""
    write = _in_flight(link, act.n, act.attempt)
    if write is None:
        return Decision(link)
    later = _later(now, write.attempts, act.retry_after)
    return Decision(link.with_write(replace(write, state="waiting", next_at=later, reason=act.reason)))


def on_declined(link: Link, act: Declined, _city: City, now: datetime) -> Decision[Link]:
    """Once more, in case; then a person is told, and it is settled that it is not there."""
    write = _in_flight(link, act.n, act.attempt)
    if write is None:
        return Decision(link)
    declined = write.declined + 1
    if declined < DECLINES:
        again = replace(
            write, state="waiting", declined=declined, next_at=now + backoff(declined), reason=act.reason
        )
        return Decision(link.with_write(again))
    failed = replace(write, state="failed", declined=declined, next_at=None, reason=act.reason)
    return Decision(link.with_write(failed), _failure(link, failed, settled=True))


def on_left_unsettled(link: Link, act: LeftUnsettled, _city: City, now: datetime) -> Decision[Link]:
    """Nobody knows whether it is there: it is looked up, when LAPOR has had time to finish."""
    write = _in_flight(link, act.n, act.attempt)
    if write is None:
        return Decision(link)
    later = _later(now, write.attempts, act.retry_after)
    return Decision(link.with_write(replace(write, next_at=later, reason=act.reason)))


def on_not_found_there(link: Link, act: NotFoundThere, _city: City, now: datetime) -> Decision[Link]:
    """Its one look-up says no: it may be written again."""
    write = _in_flight(link, act.n, act.attempt)
    if write is None:
        return Decision(link)
    return Decision(link.with_write(replace(write, state="waiting", next_at=now)))


def on_cannot_tell(link: Link, act: CannotTell, _city: City, _now: datetime) -> Decision[Link]:
    """Its one look-up does not say: never blindly twice, so a person must look."""
    write = _in_flight(link, act.n, act.attempt)
    if write is None:
        return Decision(link)
    return _held(link, write, act.reason)


def on_lookup_failed(link: Link, act: LookupFailed, _city: City, now: datetime) -> Decision[Link]:
    """A look-up that could not be made is none: once more later, a limited number of times."""
    write = _in_flight(link, act.n, act.attempt)
    if write is None:
        return Decision(link)
    lookups = write.lookups + 1
    if lookups >= LOOKUPS:
        return _held(link, replace(write, lookups=lookups), act.reason)
    later = _later(now, lookups, act.retry_after)
    return Decision(link.with_write(replace(write, lookups=lookups, next_at=later, reason=act.reason)))


def _in_flight(link: Link, n: int, attempt: int) -> Write | None:
    """The write, if this very attempt of it is still open; what is told about an older one is out of date."""
    write = link.write(n)
    return write if write and write.state == "attempted" and write.attempts == attempt else None


def _later(now: datetime, tries: int, retry_after: float | None) -> datetime:
    return now + min(max(backoff(tries), timedelta(seconds=retry_after or 0)), LONGEST_WAIT)


def _held(link: Link, write: Write, reason: str) -> Decision[Link]:
    held = replace(write, state="held", next_at=None, reason=reason)
    return Decision(link.with_write(held), _failure(link, held, settled=False))


def _failure(link: Link, write: Write, *, settled: bool) -> Sequence[Event]:
    return [
        LaporDeliveryFailed(
            lapor_id=link.lapor_id,
            operation=write.operation,
            reason=write.reason or "unknown",
            attempts=write.attempts,
            settled=settled,
        )
    ]
