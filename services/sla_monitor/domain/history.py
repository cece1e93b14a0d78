"""What the monitor has heard about one complaint: facts as they were told, in each owner's own order.

Two owners speak, and nobody knows which comes first, so their facts are kept apart. Whatever interleaving
they arrive in, the same history is left, and clocks read nothing but the history.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.events.fact import Instant
from shared.events.parts import Channel, Klasifikasi, OpdCode, Ticket
from shared.events.sla import ClockName

What = Literal[
    "classified", "triage", "routed", "accepted", "progressed", "asked", "answered", "handed_back",
    "rejected", "closed", "withdrawn", "replied", "reopened", "extended", "amended", "merged", "unmerged",
]  # fmt: skip
"""What happened. A closing because the reporter withdrew counts as `withdrawn`, whoever tells it."""

REMARKS: frozenset[What] = frozenset({"classified", "extended"})
"""Facts that leave the case where it was."""

ENDINGS: frozenset[What] = frozenset({"rejected", "closed", "withdrawn"})
"""After these nothing runs."""

CaseState = Literal["new", "triage", "routed", "in_work", "asked", "answered", "closed", "rejected"]

Arrived = Literal["open", "disposed", "ended"]
"""How a complaint came in: fresh, or open in LAPOR; with an OPD named there; closed, archived or blocked there."""


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Heard(_Kept):
    """One fact. `at` None = nobody knows when. `edition`: the city's rules at the time it was heard.

    `by_lapor`: done by the people of SP4N-LAPOR. `clock` and `days`: what was extended, by how many working days.
    `changed`: the fields that an amendment names; of those that the clocks read, the new values stand here.
    """

    id: UUID
    what: What
    at: Instant | None = None
    edition: int
    disposition: int | None = None
    opd: OpdCode | None = None
    category: str | None = None
    klasifikasi: Klasifikasi | None = None
    answers: UUID | None = None
    by_lapor: bool = False
    clock: ClockName | None = None
    days: int = 0
    changed: tuple[str, ...] = ()
    kelurahan: str | None = None


class Received(_Kept):
    """How the complaint came in."""

    id: UUID
    ticket: Ticket
    channel: Channel
    reported_at: Instant
    received_at: Instant
    klasifikasi: Klasifikasi | None = None
    kelurahan: str | None = None
    arrived: Arrived = "open"
    edition: int


class Adoption(_Kept):
    """A clock, named by the fact that started it, that took over a later edition's calendar."""

    clock: ClockName
    since: UUID
    calendar: int


class Life(NamedTuple):
    """A stretch of a case's life: from its beginning or a reopening to its end or the next reopening.

    `begins` is the position of the reopening in the city's order (None: from the beginning), `ends` the
    position behind its last fact; `since` and `until` their instants.
    """

    begins: int | None
    ends: int
    since: datetime | None
    until: datetime | None

    def has(self, fact: Heard) -> bool:
        """Whether a fact of intake belongs here, by its instant; one of unknown instant to the first."""
        if self.begins is not None and (fact.at is None or self.since is None or fact.at <= self.since):
            return False
        return fact.at is None or self.until is None or fact.at <= self.until


class Rest(NamedTuple):
    """A stretch in which the complaint was merged into another; `until` None: it still is. None = unknown in both."""

    since: datetime | None
    until: datetime | None
    is_over: bool


class History(_Kept):
    """Everything heard, each owner's facts in the order that this owner told them."""

    received: Received | None = None
    intake: tuple[Heard, ...] = ()
    routing: tuple[Heard, ...] = ()
    adopted: tuple[Adoption, ...] = ()
    erased: bool = False
    """Its statement was taken back for good; its clocks go on."""

    def receiving(self, received: Received) -> "History":
        """With the complaint itself; a second one changes nothing."""
        return self if self.received else self.model_copy(update={"received": received})

    def hearing(self, owner: Literal["intake", "routing"], heard: Heard) -> "History":
        """With one more fact; one that is known by its id changes nothing."""
        known: tuple[Heard, ...] = getattr(self, owner)
        if any(fact.id == heard.id for fact in known):
            return self
        return self.model_copy(update={owner: (*known, heard)})

    def adopting(self, clocks: tuple[Adoption, ...]) -> "History":
        """With these clocks on a later calendar."""
        named = {(clock.clock, clock.since) for clock in clocks}
        kept = tuple(old for old in self.adopted if (old.clock, old.since) not in named)
        return self.model_copy(update={"adopted": (*kept, *clocks)})

    def calendar_of(self, clock: ClockName, since: UUID, edition: int) -> int:
        """The edition whose calendar counts for the clock that the fact `since`, heard under `edition`, began."""
        return next(
            (old.calendar for old in self.adopted if old.clock == clock and old.since == since), edition
        )

    @property
    def came_disposed(self) -> bool | None:
        """Whether LAPOR had handed it to an OPD, and routing took that for the first disposition.

        None while LAPOR names an OPD and routing has not said yet whether that is one of the city's.
        """
        if self.received is None or self.received.arrived != "disposed":
            return False
        first = next((fact for fact in self.routing if fact.what not in REMARKS), None)
        return None if first is None else first.what == "routed" and first.by_lapor

    def life_of(self, position: int) -> "Life":
        """The stretch of the case between two reopenings that the fact at that position is in; -1: the first."""
        reopened = [n for n, fact in enumerate(self.routing) if fact.what == "reopened"]
        begins = max((n for n in reopened if n <= position), default=None)
        ends = min((n for n in reopened if n > position), default=None)
        return Life(
            begins,
            len(self.routing) if ends is None else ends,
            None if begins is None else self.routing[begins].at,
            None if ends is None else self.routing[ends].at,
        )

    @property
    def rests(self) -> tuple[Rest, ...]:
        """When it was merged into another complaint, in order."""
        rests: list[Rest] = []
        for fact in self.intake:
            if fact.what == "merged":
                rests.append(Rest(fact.at, None, is_over=False))
            elif fact.what == "unmerged" and rests:
                rests[-1] = Rest(rests[-1].since, fact.at, is_over=True)
        return tuple(rests)

    @property
    def is_merged(self) -> bool:
        return bool(self.rests) and not self.rests[-1].is_over

    @property
    def klasifikasi(self) -> Klasifikasi | None:
        """The last that the city gave, else the last of the sender's."""
        given = [fact.klasifikasi for fact in self.routing if fact.what == "classified" and fact.klasifikasi]
        if given:
            return given[-1]
        amended = self._amended("klasifikasi")
        if amended is not None:
            return amended.klasifikasi
        return self.received.klasifikasi if self.received else None

    @property
    def kelurahan(self) -> str | None:
        """Where it is, as the sender said last."""
        amended = self._amended("place")
        if amended is not None:
            return amended.kelurahan
        return self.received.kelurahan if self.received else None

    def _amended(self, field: str) -> Heard | None:
        amendments = (fact for fact in reversed(self.intake) if fact.what == "amended")
        return next((fact for fact in amendments if field in fact.changed), None)

    @property
    def category(self) -> str | None:
        """The last that the city gave."""
        given = [fact.category for fact in self.routing if fact.what == "classified" and fact.category]
        return given[-1] if given else None

    @property
    def opd(self) -> OpdCode | None:
        """Who has it now; None before the first disposition, after a hand-back and when it was reopened."""
        moves = [fact for fact in self.routing if fact.what in ("routed", "handed_back", "reopened")]
        return moves[-1].opd if moves and moves[-1].what == "routed" else None

    def until(self, instant: datetime) -> "History":
        """What had happened by then, whenever it was heard. A fact of unknown instant goes with the one before it."""
        return self.model_copy(
            update={
                "intake": tuple(_happened_by(instant, self.intake)),
                "routing": tuple(_happened_by(instant, self.routing)),
            }
        )


def _happened_by(instant: datetime, facts: Iterable[Heard]) -> Iterator[Heard]:
    before = True
    for fact in facts:
        before = before if fact.at is None else fact.at <= instant
        if before:
            yield fact
