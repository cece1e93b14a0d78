"""Numbers given and judged: what is said takes the next one, what is heard is next, a repeat, or has to wait."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.decision import Unworkable
from shared.delivery import saying, sequence
from shared.delivery.folding import Verdict, judge
from shared.delivery.keys import KeyRow
from shared.delivery.reading import Cause, Item, begun_trace
from shared.events.catalogue import OWNER_TOPICS
from shared.events.ids import event_id
from shared.events.intake import CitizenReplied, ComplaintWithdrawn
from shared.events.receipts import SubmissionAccepted, SubmissionRefused

KEY, ID, CORRELATION = (UUID(int=n, version=5) for n in (1, 2, 3))
CAUSE = Cause(ID, CORRELATION, begun_trace(CORRELATION))
NOW = datetime(2026, 3, 13, 2, 15, 30, tzinfo=UTC)
TOPIC = "routing.events"


def row(*, said: str | None = None, heard: str | None = None) -> KeyRow:
    heard_numbers = dict.fromkeys(OWNER_TOPICS, 0)
    if heard is not None:
        heard_numbers[TOPIC] = sequence.parse(heard)
    return KeyRow(KEY, heard_numbers, 0 if said is None else sequence.parse(said), {})


def incoming(wire: str | None) -> Item:
    return Item(KEY, None, None, TOPIC, None if wire is None else sequence.parse(wire))


def replied(text: str = "ya") -> CitizenReplied:
    return CitizenReplied(at=None, text=text)


def accepted() -> SubmissionAccepted:
    return SubmissionAccepted(
        source="sikesal", reference="1", ticket="09963NB31RM", complaint_id=KEY, repeated=False
    )


# Saying


def test_the_first_thing_said_about_a_complaint_is_number_one() -> None:
    after, [said] = saying.word(row(), [replied()], CAUSE, epoch=1)
    assert said.number == after.said == sequence.parse("1.1")


def test_what_is_said_takes_the_next_numbers_in_order() -> None:
    after, said = saying.word(row(said="1.4"), [replied(), ComplaintWithdrawn(at=None)], CAUSE, epoch=1)
    assert [sequence.wire(one.number or 0) for one in said] == ["1.5", "1.6"]
    assert sequence.wire(after.said) == "1.6"


def test_a_raised_epoch_begins_again_at_one() -> None:
    _, said = saying.word(row(said="1.4"), [replied(), replied()], CAUSE, epoch=2)
    assert [sequence.wire(one.number or 0) for one in said] == ["2.1", "2.2"]


def test_receipts_take_no_number() -> None:
    after, said = saying.word(row(said="1.4"), [accepted(), replied(), accepted()], CAUSE, epoch=1)
    assert [one.number for one in said] == [None, sequence.parse("1.5"), None]
    assert [one.record_key for one in said] == ["sikesal:1", str(KEY), "sikesal:1"]
    assert after.said == sequence.parse("1.5")


def test_saying_nothing_leaves_the_row_as_it_is() -> None:
    before = row(said="1.4")
    assert saying.word(before, [], CAUSE, epoch=1) == (before, [])
    assert saying.word(before, [accepted()], CAUSE, epoch=1)[0] is before


def test_ids_follow_from_the_cause_the_type_and_its_ordinal() -> None:
    _, said = saying.word(row(), [replied(), ComplaintWithdrawn(at=None), replied()], CAUSE, epoch=1)
    assert [one.id for one in said] == [
        event_id(ID, CitizenReplied.type, 0),
        event_id(ID, ComplaintWithdrawn.type, 0),
        event_id(ID, CitizenReplied.type, 1),
    ]


def test_the_same_work_done_twice_says_the_same_thing() -> None:
    assert saying.word(row(), [replied()], CAUSE, epoch=1) == saying.word(row(), [replied()], CAUSE, epoch=1)


def test_an_event_that_brings_its_own_id_keeps_it() -> None:
    own = UUID(int=9, version=5)
    _, [said] = saying.word(row(), [replied().known_as(own)], CAUSE, epoch=1)
    assert (said.id, said.cause, said.correlation) == (own, ID, CORRELATION)


def test_what_is_said_carries_its_cause_on() -> None:
    _, [said] = saying.word(row(), [replied()], CAUSE, epoch=1)
    assert (said.key, said.topic, said.type) == (KEY, "intake.events", CitizenReplied.type)
    assert (said.cause, said.correlation, said.traceparent) == (ID, CORRELATION, CAUSE.traceparent)


def test_without_a_cause_and_an_id_nothing_can_be_said() -> None:
    with pytest.raises(LookupError, match="has neither an id of its own nor a cause"):
        saying.word(row(), [replied()], None, epoch=1)


def test_an_event_that_the_broker_would_not_take_is_not_said() -> None:
    errors = tuple({"field": "text", "reason": "x" * 10_000} for _ in range(101))
    huge = SubmissionRefused.model_validate({"source": "sikesal", "reference": "1", "errors": errors})
    with pytest.raises(Unworkable, match=r"would have \d+ bytes; the broker takes 1000000"):
        saying.word(row(), [huge], CAUSE, epoch=1)


# Hearing


@pytest.mark.parametrize(
    ("heard", "comes", "verdict"),
    [
        (None, "1.1", Verdict.APPLY),
        (None, "1.2", Verdict.JUMP),
        (None, "3.1", Verdict.APPLY),
        ("1.4", "1.3", Verdict.REPEAT),
        ("1.4", "1.4", Verdict.REPEAT),
        ("1.4", "1.5", Verdict.APPLY),
        ("1.4", "1.6", Verdict.JUMP),
        ("1.4", "2.1", Verdict.APPLY),
        ("1.4", "2.2", Verdict.JUMP),
        ("2.1", "1.5", Verdict.REPEAT),
        ("1.4", None, Verdict.APPLY),
    ],
)
def test_a_number_is_the_next_a_repeat_or_a_jump(
    heard: str | None, comes: str | None, verdict: Verdict
) -> None:
    assert judge(row(heard=heard), incoming(comes)) is verdict


@pytest.mark.parametrize(
    ("comes", "verdict"),
    [("1.4", Verdict.REPEAT), ("1.5", Verdict.REPEAT), ("1.6", Verdict.WAIT), ("2.1", Verdict.WAIT)],
)
def test_behind_a_dead_letter_everything_waits(comes: str, verdict: Verdict) -> None:
    parked = row(heard="1.4").parking(TOPIC, "unworkable", sequence.parse("1.5"), NOW)
    assert judge(parked, incoming(comes)) is verdict
    assert judge(parked.freed(TOPIC), incoming("1.5")) is Verdict.APPLY


def test_a_gap_lets_the_missing_number_through_and_holds_the_rest() -> None:
    parked = row(heard="1.4").parking(TOPIC, "gap", None, NOW)
    assert judge(parked, incoming("1.5")) is Verdict.APPLY
    assert judge(parked, incoming("1.7")) is Verdict.JUMP


def test_one_owners_parked_stream_holds_up_no_other_owner() -> None:
    parked = row().parking("intake.events", "unworkable", sequence.parse("1.1"), NOW)
    assert judge(parked, incoming("1.1")) is Verdict.APPLY


@given(st.lists(st.integers(1, 12), max_size=40))
def test_in_whatever_order_numbers_come_each_is_applied_once_and_in_order(arrivals: list[int]) -> None:
    held, applied = row(), list[int]()
    for count in arrivals:
        item = incoming(f"1.{count}")
        if judge(held, item) is Verdict.APPLY:
            assert item.number is not None
            held = held.hearing(TOPIC, item.number)
            applied.append(count)
    assert applied == list(range(1, len(applied) + 1))
