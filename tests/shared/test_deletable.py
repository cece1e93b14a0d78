"""What may leave the outbox once Kafka has answered: order per complaint is never given up."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delivery.relay import Row, deletable


def rows(*keys: int) -> list[Row]:
    """One unpublished event for each of these complaints, in order."""
    return [
        Row(position, 0, UUID(int=key), "intake.events", b"", b"{}", [])
        for position, key in enumerate(keys, 1)
    ]


def positions(sent: list[Row], acknowledged: list[bool]) -> list[int]:
    return [row.position for row in deletable(sent, acknowledged)]


def test_what_was_acknowledged_may_go() -> None:
    assert positions(rows(1, 2, 1), [True, True, True]) == [1, 2, 3]


def test_what_was_not_stays() -> None:
    assert positions(rows(1, 2, 3), [True, False, True]) == [1, 3]


def test_after_the_first_that_was_not_a_complaints_later_ones_stay_too() -> None:
    assert positions(rows(1, 1, 1, 2), [True, False, True, True]) == [1, 4]


def test_nothing_sent_is_nothing_to_delete() -> None:
    assert positions([], []) == []


def test_an_answer_for_every_row_or_none_at_all() -> None:
    with pytest.raises(ValueError, match="argument"):
        deletable(rows(1, 2), [True])


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=60))
def test_for_each_complaint_exactly_its_acknowledged_beginning_goes(sent: list[tuple[int, bool]]) -> None:
    batch = rows(*(key for key, _ in sent))
    gone = set(positions(batch, [well for _, well in sent]))
    for key in {key for key, _ in sent}:
        own = [(row.position, well) for row, (k, well) in zip(batch, sent, strict=True) if k == key]
        beginning = next((n for n, (_, well) in enumerate(own) if not well), len(own))
        assert [position in gone for position, _ in own] == [n < beginning for n in range(len(own))]
