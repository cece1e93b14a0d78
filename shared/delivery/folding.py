"""Folding items inside one transaction: check the number, apply the rule, save, say; and find the bad one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, auto
from types import MappingProxyType
from typing import Generic, TypeVar
from uuid import UUID

import asyncpg

from shared.database import Transaction, refuses_the_row
from shared.decision import Decision, Refused, Unworkable
from shared.delivery import forgetting, keys, letters, restoring, saying
from shared.delivery.fold import Fold
from shared.delivery.keys import KeyRow
from shared.delivery.reading import Cause, Item, located
from shared.delivery.record import KeptRecord
from shared.events.fact import Event
from shared.events.ids import complaint_id
from shared.events.intake import ComplaintErased
from shared.events.parts import FieldError
from shared.events.words import Scope, wordless
from shared.logging import where
from shared.sealing import Seal

S = TypeVar("S")
C = TypeVar("C")


class Verdict(Enum):
    """What becomes of an item, by its number alone."""

    APPLY = auto()
    REPEAT = auto()
    WAIT = auto()
    JUMP = auto()


def judge(row: KeyRow, item: Item) -> Verdict:
    """Whether an item is a repeat, the next of its stream, or has to wait (DESIGN §4.4)."""
    if item.number is None:
        return Verdict.APPLY
    if item.number <= row.heard[item.topic]:
        return Verdict.REPEAT
    parked = row.parked.get(item.topic)
    if parked is not None and parked.cause == "unworkable":
        return Verdict.REPEAT if parked.at is not None and item.number <= parked.at else Verdict.WAIT
    return Verdict.APPLY if row.follows(item.topic, item.number) else Verdict.JUMP


@dataclass(slots=True)
class Outcome(Generic[S]):
    """What became of some items."""

    states: dict[UUID, S] = field(default_factory=dict)
    says: list[Event] = field(default_factory=list)
    said: int = 0
    applied: list[Item] = field(default_factory=list)
    repeats: int = 0
    skipped: list[Item] = field(default_factory=list)
    waiting: list[Item] = field(default_factory=list)
    refused: list[Item] = field(default_factory=list)
    dead: list[Item] = field(default_factory=list)
    failed: list[Item] = field(default_factory=list)
    """Facts that were handed in by the service itself and that no rule could work."""
    answers: dict[UUID, tuple[S, Sequence[Event]]] = field(default_factory=dict)
    """Of facts that were handed in, by their ids: the state right after each, and what it said."""
    raised: dict[UUID, Exception] = field(default_factory=dict)
    """Of facts that were handed in, by their ids: what the rule raised."""
    trail: list[tuple[UUID, bool]] = field(default_factory=list)
    """(complaint, whether it went well) in order; what strangers got wrong is left out."""
    found: list[UUID] = field(default_factory=list)
    """What was said before the store was restored from a backup, and came of its input once more."""
    closing: set[tuple[UUID, str]] = field(default_factory=set)
    """Streams parked by a gap whose missing number has come."""

    def joined(self, later: "Outcome[S]") -> "Outcome[S]":
        """Both, in order."""
        return Outcome(
            {**self.states, **later.states},
            self.says + later.says,
            self.said + later.said,
            self.applied + later.applied,
            self.repeats + later.repeats,
            self.skipped + later.skipped,
            self.waiting + later.waiting,
            self.refused + later.refused,
            self.dead + later.dead,
            self.failed + later.failed,
            {**self.answers, **later.answers},
            {**self.raised, **later.raised},
            self.trail + later.trail,
            self.found + later.found,
            self.closing | later.closing,
        )


_NOTHING: Mapping[UUID, set[UUID]] = MappingProxyType({})


class Folding(Generic[S, C]):
    """The fold at work in one transaction, whose key rows are locked already.

    `said_before`: by complaint, ids of what was said before the store was restored: not said twice.

    `strict`: a command's own failure is the caller's to hear and is raised; otherwise every failure gets a
    home here and the others go on.
    """

    def __init__(
        self,
        tx: Transaction,
        fold: Fold[S, C],
        rows: dict[UUID, KeyRow],
        *,
        city: C,
        now: datetime,
        today: date,
        epoch: int,
        seals: Callable[[str], Seal | None],
        strict: bool = False,
        said_before: Mapping[UUID, set[UUID]] = _NOTHING,
    ) -> None:
        self.tx = tx
        self.rows = rows
        self.now = now
        self._fold = fold
        self._city = city
        self._epoch = epoch
        self._seals = seals
        self._strict = strict
        self._today = today
        self._said_before = said_before

    async def settle(self, items: Sequence[Item]) -> Outcome[S]:
        """Fold these in order, in savepoints, halved until a row that PostgreSQL refuses stands alone.

        A refused row is tried once more by itself (its load now sees what the others saved, so a ticket that
        collided inside the batch takes the next ordinal) and then treated as unworkable.
        """
        try:
            async with self.tx.transaction():
                return await self.attempt(items)
        except asyncpg.PostgresError as error:
            if not refuses_the_row(error):
                raise
            refusal = refusal_words(error)
        if len(items) == 1:
            return await self._alone(items[0], refusal)
        half = len(items) // 2
        first = await self.settle(items[:half])
        return first.joined(await self.settle(items[half:]))

    async def _alone(self, item: Item, refusal: str) -> Outcome[S]:
        """One item that the store refused: once more, then as a failure, at last as nothing but bytes."""
        unworkable = item._replace(problem=refusal)
        for tried in (await self._located_anew(item), unworkable):
            try:
                async with self.tx.transaction():
                    return await self.attempt([tried])
            except asyncpg.PostgresError as error:
                if not refuses_the_row(error):
                    raise
        return await self.attempt([unworkable._replace(fact=None, sender=None)])

    async def _located_anew(self, item: Item) -> Item:
        """The item with the complaint that the store names for it now; one before it may have moved that."""
        if type(item.fact) not in self._fold.lookups:
            return item
        [found] = await located(self.tx, [item._replace(key=None)], self._fold)
        return found if found.key in self.rows else item

    async def attempt(self, items: Sequence[Item]) -> Outcome[S]:
        """Fold these in order and write everything, or raise what PostgreSQL says and change nothing here."""
        outcome: Outcome[S] = Outcome()
        rows = dict(self.rows)
        said: list[saying.Saying] = []
        before = await self._load(items)
        states = dict(before)
        known = await letters.known_dead(
            self.tx, [i for i in items if i.problem is not None and i.number is None]
        )
        answered = await saying.answered(self.tx, self._strangers(items))

        for item in items:
            if item.cause is not None and item.cause.id in answered:
                outcome.repeats += 1
                continue
            if item.key is None:
                self._keyless(item, outcome, said)
                continue
            row = rows[item.key]
            verdict = judge(row, item)
            if verdict is Verdict.REPEAT or (known and _place(item) in known):
                outcome.repeats += 1
            elif verdict in (Verdict.JUMP, Verdict.WAIT):
                if item.topic not in row.parked:
                    row = row.parking(item.topic, "gap", None, self.now)
                rows[item.key] = self._erased_ahead(item, row, states)
                outcome.waiting.append(item)
            elif item.problem is not None:
                rows[item.key] = self._unworkable(item, row, outcome, said, ours=item.fact is not None)
            else:
                rows[item.key] = self._apply(item, row, states, outcome, said)

        changed = {key: state for key, state in states.items() if state is not before[key]}
        if changed:
            await self._fold.save(self.tx, changed)
        await saying.say(self.tx, said, self.now, self._today)
        await keys.save(self.tx, [row for key, row in rows.items() if row is not self.rows[key]])
        if outcome.waiting:
            await letters.keep_waiting(self.tx, outcome.waiting, self.now)
        if outcome.dead:
            await letters.keep_dead(self.tx, outcome.dead, self.now, self._seals)
        await forgetting.forget(self.tx, self._to_forget(rows, [*outcome.waiting, *outcome.dead]))
        if outcome.found:
            await restoring.found_again(self.tx, outcome.found, self.now)
        outcome.states = states
        outcome.said = len(said)
        self.rows = rows
        return outcome

    def _strangers(self, items: Sequence[Item]) -> list[tuple[UUID, UUID]]:
        """Under which complaints it stands what strangers were told because of these records.

        A record that comes again gets no second answer: what was refused could by now be possible, and its sender
        would have been told that it was not done.
        """
        if not self._fold.inbound:
            return []
        return [
            (key, item.cause.id)
            for item in items
            if item.topic in self._fold.inbound and item.record is not None and item.cause is not None
            for key in {item.key, _called(item)}
            if key is not None
        ]

    def _to_forget(self, rows: Mapping[UUID, KeyRow], kept: Sequence[Item]) -> dict[UUID, Scope]:
        """Complaints of which something was erased now, or of which a record was kept though it had been."""
        fresh = [key for key, row in rows.items() if row.erased != self.rows[key].erased]
        again = [item.key for item in kept if item.key is not None]
        return {key: scope for key in [*fresh, *again] if (scope := rows[key].erased) is not None}

    async def forget(self, scopes: Mapping[UUID, Scope]) -> None:
        """Forget so much of these complaints, whose erasure was not heard here but is known."""
        before = await self._fold.load(self.tx, sorted(scopes))
        after = {key: self._fold.forget(state, scopes[key]) for key, state in before.items()}
        await self._fold.save(
            self.tx, {key: state for key, state in after.items() if state is not before[key]}
        )
        rows = {key: row.forgetting(scopes.get(key)) for key, row in self.rows.items()}
        await keys.save(self.tx, [row for key, row in rows.items() if row is not self.rows[key]])
        await forgetting.forget(self.tx, scopes)
        self.rows = rows

    async def say(self, says: Sequence[tuple[UUID, Event]]) -> None:
        """Say statements: events of topics that are not numbered, each under its locked key."""
        worded = [
            saying.word(self.rows[key], [event], saying.fresh_cause(), self._epoch) for key, event in says
        ]
        await saying.say(self.tx, [one for _, words in worded for one in words], self.now, self._today)

    async def _load(self, items: Sequence[Item]) -> dict[UUID, S]:
        """The states of the complaints that some item may change, in a statement after the locking one."""
        wanted = {
            item.key
            for item in items
            if item.key is not None and item.fact is not None and item.problem is None
        }
        return dict(await self._fold.load(self.tx, sorted(wanted))) if wanted else {}

    def _apply(
        self, item: Item, row: KeyRow, states: dict[UUID, S], outcome: Outcome[S], said: list[saying.Saying]
    ) -> KeyRow:
        """The rule's answer to one item; a rule that raises is that item's failure alone."""
        if item.fact is None:
            outcome.skipped.append(item)
            return self._heard(item, row, outcome)
        try:
            decision = self._fold.rules[type(item.fact)](states[row.key], item.fact, self._city, self.now)
            row = row.forgetting(decision.forgets)
            state, says = self._without_words(decision, row.erased)
            says = self._not_said_before(row.key, says, item.cause, outcome)
            spoken, sayings = saying.word(row, says, item.cause, self._epoch)
        except Exception as error:
            if self._strict:
                raise
            if item.record is None:
                outcome.raised[item.fact.id] = error
            failed = item._replace(problem=_reason(error), errors=_errors(error))
            return self._unworkable(
                failed, row, outcome, said, ours=not isinstance(error, Refused | Unworkable)
            )
        states[row.key] = state
        said.extend(sayings)
        outcome.says.extend(says)
        outcome.applied.append(item)
        if item.record is None:
            outcome.answers[item.fact.id] = state, says
        outcome.trail.append((row.key, True))
        return self._heard(item, spoken, outcome)

    def _erased_ahead(self, item: Item, row: KeyRow, states: dict[UUID, S]) -> KeyRow:
        """An erasure is not kept waiting by what else is wrong with its complaint: the words go now.

        What the service says because of it is said when its turn comes.
        """
        if not isinstance(item.fact, ComplaintErased):
            return row
        row = row.forgetting(item.fact.scope)
        states[row.key] = self._fold.forget(states[row.key], item.fact.scope)
        return row

    def _without_words(self, decision: Decision[S], erased: Scope | None) -> tuple[S, Sequence[Event]]:
        """What follows, for a complaint of which something was erased: no later fact brings words back."""
        if erased is None:
            return decision.state, decision.says
        says = [wordless(event, erased) for event in decision.says]
        return self._fold.forget(decision.state, erased), says

    def _not_said_before(
        self, key: UUID, says: Sequence[Event], cause: Cause | None, outcome: Outcome[S]
    ) -> Sequence[Event]:
        """What others do not have yet: a restored store says only what its old self had not."""
        said_before = self._said_before.get(key)
        if not said_before:
            return says
        named = saying.named(says, cause)
        outcome.found += [event.id for event in named if event.id in said_before]
        return [event for event in named if event.id not in said_before]

    def _heard(self, item: Item, row: KeyRow, outcome: Outcome[S]) -> KeyRow:
        if item.number is None:
            return row
        if item.topic in row.parked:
            outcome.closing.add((row.key, item.topic))
        return row.hearing(item.topic, item.number)

    def _keyless(self, item: Item, outcome: Outcome[S], said: list[saying.Saying]) -> None:
        if item.problem is None:
            outcome.skipped.append(item)
        elif not self._refuse(item, outcome, said):
            outcome.dead.append(self._as_kept(item))

    def _unworkable(
        self, item: Item, row: KeyRow, outcome: Outcome[S], said: list[saying.Saying], *, ours: bool
    ) -> KeyRow:
        """Give a failure its home: a stranger's receipt, or a dead letter and a parked stream.

        `ours`: a rule or the store choked on what could be read. That counts towards a stop whoever sent it;
        what a stranger got wrong does not.
        """
        if item.record is None:
            outcome.failed.append(item)
            return row
        if ours or item.topic not in self._fold.inbound:
            outcome.trail.append((row.key, False))
        if self._refuse(item, outcome, said):
            return row
        outcome.dead.append(self._as_kept(item))
        if not self._fold.is_numbered(item.topic):
            return row
        return row.parking(item.topic, "unworkable", item.number, self.now)

    def _as_kept(self, item: Item) -> Item:
        """What strangers write may name anybody: it is kept sealed, or else only where it lies in Kafka."""
        record = item.record
        if record is None or item.topic not in self._fold.inbound or self._seals(item.topic) is not None:
            return item
        place = KeptRecord(
            record.topic, record.partition, record.offset, record.timestamp, key=None, value=None, headers=()
        )
        return item._replace(record=place)

    def _refuse(self, item: Item, outcome: Outcome[S], said: list[saying.Saying]) -> bool:
        """Tell a stranger who can be told; False where it cannot be said who sent it."""
        refusal = self._fold.refuses.get(item.topic)
        sender = _sender(item) if item.topic in self._fold.inbound else None
        if refusal is None or sender is None or item.cause is None:
            return False
        errors = item.errors or [FieldError(field="value", reason=item.problem or "it cannot be worked")]
        source, reference = sender
        receipt = refusal(source, reference, errors)
        said.append(saying.refusal(complaint_id(source, reference), receipt, item.cause))
        outcome.says.append(receipt)
        outcome.refused.append(item)
        return True


def _sender(item: Item) -> tuple[str, str] | None:
    """(source, reference) of a stranger's record, where it can be read."""
    if item.sender is not None or item.fact is None:
        return item.sender
    return item.fact.source, item.fact.reference  # type: ignore[attr-defined]


def _called(item: Item) -> UUID | None:
    """The key under which refusals of that sender and reference are said."""
    sender = _sender(item)
    return None if sender is None else complaint_id(*sender)


def _place(item: Item) -> tuple[str, int, int]:
    assert item.record is not None or item.problem is None
    return (item.topic, item.record.partition, item.record.offset) if item.record else ("", 0, 0)


def _errors(error: Exception) -> Sequence[FieldError]:
    return error.errors if isinstance(error, Refused) else ()


def _reason(error: Exception) -> str:
    """Why a rule failed, quoting nothing: our own sentences, else the class and where it was raised."""
    if isinstance(error, Refused | Unworkable):
        return str(error)
    return f"{type(error).__name__} at {' < '.join(reversed(where(error)))}"


def refusal_words(error: asyncpg.PostgresError) -> str:
    """What PostgreSQL refused, without its detail, which quotes the row."""
    about = getattr(error, "constraint_name", None) or getattr(error, "column_name", None)
    return (
        f"the store refuses the row: {type(error).__name__} ({error.sqlstate}){f' {about}' if about else ''}"
    )
