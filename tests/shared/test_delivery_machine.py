"""One complaint's stream from the rule that says it to the rule that hears it, with a crash between any two steps.

Pure: the judgement by number, the key row and what may leave the outbox are the shipped ones; stores and Kafka are
lists. Records are repeated, dropped and put out of order between relay and reader; processes die wherever they like.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.delivery import sequence
from shared.delivery.folding import Verdict, judge
from shared.delivery.keys import KeyRow
from shared.delivery.reading import Item
from shared.delivery.relay import Row, deletable

KEY = UUID("0b7f6a52-7a4e-5d55-9d3a-1f0b0c8f6f01")
TOPIC = "intake.events"
NOW = datetime(2026, 11, 2, tzinfo=UTC)
NEVER_HEARD = dict.fromkeys((TOPIC, "routing.events", "lapor.events", "sla.events"), 0)


def row_of(position: int, number: int) -> Row:
    return Row(position, 0, KEY, TOPIC, b"", str(number).encode(), [])


def number_of(row: Row) -> int:
    return int(row.value or b"0")


class Stream(RuleBasedStateMachine):
    """Speaker with outbox, relay, a log that may misbehave, and a reader with its key row."""

    said: Bundle[int] = Bundle("said")

    @initialize(only_the_relay=st.booleans())
    def begin(self, only_the_relay: bool) -> None:
        self.spoken = KeyRow(KEY, NEVER_HEARD, 0, {})
        self.outbox: list[Row] = []
        self.position = 0
        self.log: list[int] = []
        self.committed = 0
        self.row = KeyRow(KEY, NEVER_HEARD, 0, {})
        self.waiting: set[int] = set()
        self.bad: set[int] = set()
        self.dead: set[int] = set()
        self.applied: list[int] = []
        self.all: list[int] = []
        self.only_the_relay = only_the_relay

    # the speaker, and its relay

    @rule(target=said, bad=st.booleans())
    def say(self, bad: bool) -> int:
        """The rule speaks: key row and outbox in one transaction. `bad`: the reader will choke on it."""
        number = sequence.following(self.spoken.said, 1)
        self.spoken = self.spoken._replace(said=number)
        self.position += 1
        self.outbox.append(row_of(self.position, number))
        self.all.append(number)
        if bad and number % 3 == 0:
            self.bad.add(number)
        return number

    @rule(
        answers=st.lists(st.sampled_from(["acknowledged", "lost", "unknown"]), max_size=8), dies=st.booleans()
    )
    def relay(self, answers: Sequence[str], dies: bool) -> None:
        """A round: rows in order, each acknowledged, lost, or taken though nobody heard; then it may die."""
        rows = self.outbox[: len(answers)]
        taken = answers[: len(rows)]
        self.log += [number_of(row) for row, answer in zip(rows, taken, strict=True) if answer != "lost"]
        if dies:
            return
        free = deletable(rows, [answer == "acknowledged" for answer in taken])
        self.outbox = [row for row in self.outbox if row not in free]

    @precondition(lambda self: not self.only_the_relay)
    @rule(number=said)
    def republish(self, number: int) -> None:
        """An operator says something again, or a stale relay does."""
        self.log.append(number)

    @precondition(lambda self: self.log and not self.only_the_relay)
    @rule(at=st.integers(0, 10**6))
    def lose_from_the_log(self, at: int) -> None:
        """A record that nobody has read is lost; its owner still has it in `said`."""
        unread = range(self.committed, len(self.log))
        if unread:
            lost = self.log.pop(unread[at % len(unread)])
            if all(number_of(row) != lost for row in self.outbox):
                self.outbox.append(row_of(0, lost))
                self.outbox.sort(key=number_of)

    # the reader

    @rule(most=st.integers(1, 6), dies=st.sampled_from(["no", "before the commit", "before the offsets"]))
    def hear(self, most: int, dies: str) -> None:
        """A batch in one transaction; then the offsets."""
        before = (self.row, set(self.waiting), set(self.dead), list(self.applied))
        batch = self.log[self.committed : self.committed + most]
        for number in batch:
            self._fold(number)
        if dies == "before the commit":
            self.row, self.waiting, self.dead, self.applied = before
            return
        self._free_gap()
        if dies == "no":
            self.committed += len(batch)

    @rule(back=st.integers(0, 10))
    def partitions_move(self, back: int) -> None:
        """A rebalance: what was read but not committed, and some more, comes again."""
        self.committed = max(0, self.committed - back)

    def _fold(self, number: int) -> None:
        verdict = judge(self.row, Item(KEY, None, None, TOPIC, number))
        if verdict is Verdict.REPEAT:
            return
        if verdict in (Verdict.JUMP, Verdict.WAIT):
            if TOPIC not in self.row.parked:
                self.row = self.row.parking(TOPIC, "gap", None, NOW)
            self.waiting.add(number)
        elif number in self.bad:
            self.dead.add(number)
            self.row = self.row.parking(TOPIC, "unworkable", number, NOW)
        else:
            self.applied.append(number)
            self.row = self.row.hearing(TOPIC, number)

    def _free_gap(self) -> None:
        """What waits for a number that has come is worked, in order, as far as it goes."""
        parked = self.row.parked.get(TOPIC)
        if parked is not None and parked.cause == "gap":
            self._release()

    def _release(self) -> None:
        self.row = self.row.freed(TOPIC)
        waiting, self.waiting = sorted(self.waiting), set()
        for number in waiting:
            self._fold(number)

    @precondition(lambda self: self.row.parked.get(TOPIC) and self.row.parked[TOPIC].cause == "unworkable")
    @rule(mended=st.booleans())
    def operator_works_the_dead_letter(self, mended: bool) -> None:
        """It is released once its reason is mended, or discarded; then what waited goes on."""
        at = self.row.parked[TOPIC].at
        assert at is not None
        self.dead.discard(at)
        if mended:
            self.bad.discard(at)
            self.waiting.add(at)
        else:
            self.row = self.row.hearing(TOPIC, at)
        self._release()

    # what always holds

    @invariant()
    def in_order_and_each_once(self) -> None:
        if hasattr(self, "applied"):
            assert self.applied == sorted(set(self.applied))

    @invariant()
    def nothing_is_passed_over(self) -> None:
        if hasattr(self, "applied"):
            discarded = {n for n in self.bad if n <= self.row.heard[TOPIC]}
            heard = [n for n in self.all if n <= self.row.heard[TOPIC] and n not in discarded]
            assert self.applied == heard

    def teardown(self) -> None:
        """Everything heals: what was said has been heard, but for what an operator gave up or has yet to look at."""
        if not hasattr(self, "applied"):
            return
        while self.outbox:
            self.relay(["acknowledged"] * len(self.outbox), dies=False)
        while self.committed < len(self.log):
            self.hear(6, "no")
        self.in_order_and_each_once()
        self.nothing_is_passed_over()
        if self.only_the_relay and self.all:
            assert self.log[-1] == max(self.all), "on a compacted topic the newest word must stand last"
        parked = self.row.parked.get(TOPIC)
        assert parked is None or parked.cause == "unworkable"
        if parked is None:
            assert self.row.heard[TOPIC] == max(self.all, default=0)
            assert not self.waiting
        else:
            assert (
                set(self.all)
                == {n for n in self.all if n <= self.row.heard[TOPIC]} | self.waiting | self.dead
            )


TestStream = Stream.TestCase
TestStream.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
