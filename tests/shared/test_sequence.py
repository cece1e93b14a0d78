"""The numbers of an owner's stream: written, read, and told apart from jumps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delivery import sequence

epochs = st.integers(1, 9999)
counts = st.integers(1, 10**12 - 2)
numbers = st.builds(lambda epoch, count: epoch * 10**12 + count, epochs, counts)


@given(numbers)
def test_a_number_reads_back_as_it_was_written(number: int) -> None:
    assert sequence.parse(sequence.wire(number)) == number


@given(epochs, counts)
def test_on_the_wire_it_is_epoch_dot_count(epoch: int, count: int) -> None:
    assert sequence.wire(sequence.parse(f"{epoch}.{count}")) == f"{epoch}.{count}"


@given(epochs, counts, epochs, counts)
def test_numbers_sort_by_epoch_and_then_by_count(e1: int, n1: int, e2: int, n2: int) -> None:
    one, other = sequence.parse(f"{e1}.{n1}"), sequence.parse(f"{e2}.{n2}")
    assert (one < other) == ((e1, n1) < (e2, n2))


@given(numbers)
def test_a_number_fits_a_bigint_column(number: int) -> None:
    assert 0 < number < 2**63


@pytest.mark.parametrize(
    "wire",
    [
        "", "1", "1.", ".1", "0.1", "1.0", "01.1", "1.01", "-1.1", "1.-1", "1.1.1", "1,1", " 1.1", "1.1\n", "1.1 ",
        "x.y", "1e3.1", "10000.1", f"1.{10**12}", "1.٣", "१.1", "+1.1", "1.1_0", "\x00",
    ],
)  # fmt: skip
def test_anything_else_is_refused(wire: str) -> None:
    with pytest.raises(ValueError, match=r"^ce_sequence must be <epoch>\.<n>, both from 1$"):
        sequence.parse(wire)


@given(st.text(max_size=30))
def test_what_is_read_at_all_is_written_the_same(wire: str) -> None:
    try:
        number = sequence.parse(wire)
    except ValueError:
        return
    assert sequence.wire(number) == wire


def test_a_stream_begins_at_one() -> None:
    assert sequence.wire(sequence.following(0, 1)) == "1.1"
    assert sequence.follows(0, sequence.parse("1.1"))
    assert not sequence.follows(0, sequence.parse("1.2"))


def test_a_stream_may_begin_in_a_later_epoch() -> None:
    assert sequence.wire(sequence.following(0, 4)) == "4.1"
    assert sequence.follows(0, sequence.parse("4.1"))


@given(numbers)
def test_the_next_number_of_an_epoch_follows_the_last(last: int) -> None:
    after = sequence.following(last, last // 10**12)
    assert after == last + 1
    assert sequence.follows(last, after)


@given(numbers, st.integers(1, 50))
def test_a_new_epoch_begins_again_at_one_and_follows(last: int, raised: int) -> None:
    epoch = last // 10**12 + raised
    after = sequence.following(last, epoch)
    assert sequence.wire(after) == f"{epoch}.1"
    assert sequence.follows(last, after)


@given(numbers, numbers)
def test_only_the_next_of_the_epoch_or_the_first_of_a_later_one_follows(heard: int, incoming: int) -> None:
    (e1, n1), (e2, n2) = divmod(heard, 10**12), divmod(incoming, 10**12)
    assert sequence.follows(heard, incoming) == ((e1 == e2 and n2 == n1 + 1) or (e2 > e1 and n2 == 1))


@given(numbers)
def test_nothing_follows_itself_or_what_came_before(heard: int) -> None:
    assert not sequence.follows(heard, heard)
    assert not sequence.follows(heard, heard - 1)
    assert not sequence.follows(heard, 10**12 + 1) or heard == 0


@given(st.lists(st.integers(0, 2), max_size=40))
def test_an_owner_never_says_a_number_twice_and_each_follows_the_one_before(raises: list[int]) -> None:
    epoch, last = 1, 0
    for raised in raises:
        epoch += raised
        after = sequence.following(last, epoch)
        assert sequence.follows(last, after)
        assert after > last
        last = after
