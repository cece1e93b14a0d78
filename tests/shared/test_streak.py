"""When single bad records start to look like a bad deploy."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.delivery.streak import IN_A_ROW, IN_WINDOW, WINDOW, Streak

Outcomes = list[tuple[UUID, bool]]


def outcomes(*wells: bool, first: int = 1) -> Outcomes:
    """One outcome for each of so many distinct complaints."""
    return [(UUID(int=first + number), well) for number, well in enumerate(wells)]


def test_nothing_heard_stops_nothing() -> None:
    assert Streak().stops is None


def test_four_failures_in_a_row_are_four_bad_records() -> None:
    assert Streak().after(outcomes(False, False, False, False)).stops is None


def test_five_distinct_complaints_failing_in_a_row_stop_the_consumer() -> None:
    stopped = Streak().after(outcomes(True, False, False, False, False, False))
    assert stopped.stops == "5 complaints failed in a row"


def test_successes_later_in_the_same_batch_do_not_hide_it() -> None:
    assert Streak().after(outcomes(*[False] * 5, *[True] * 200)).stops == "5 complaints failed in a row"
    twenty = [number % 4 != 0 for number in range(80)]
    assert Streak().after(outcomes(*twenty, *[True] * 200)).stops == "20 of the last 77 complaints failed"


def test_one_success_among_them_breaks_the_row() -> None:
    assert Streak().after(outcomes(False, False, True, False, False, False, False)).stops is None


def test_one_complaint_failing_again_and_again_is_one_complaint() -> None:
    assert Streak().after([(UUID(int=1), False)] * 50).stops is None


def test_a_complaint_that_goes_well_at_last_no_longer_counts_as_failed() -> None:
    streak = Streak().after(outcomes(False, False, False, False))
    assert streak.after([(UUID(int=1), True), *outcomes(False, first=90)]).stops is None


def test_twenty_of_the_last_hundred_stop_the_consumer() -> None:
    scattered = [number % 5 == 0 for number in range(100)]
    nineteen = outcomes(*(not failed for failed in scattered[:91]), *([True] * 9))
    assert sum(not well for _, well in nineteen) == 19
    assert Streak().after(nineteen).stops is None

    twenty = Streak().after(outcomes(*(not failed for failed in scattered)))
    assert twenty.stops == "20 of the last 96 complaints failed"


def test_failures_older_than_a_hundred_complaints_are_forgotten() -> None:
    failed = [number % 5 == 0 for number in range(95)]
    streak = Streak().after(outcomes(*(not one for one in failed)))
    assert streak.stops is None
    assert streak.after(outcomes(*[True] * 100, first=1000)).after(outcomes(False, first=5000)).stops is None


def test_a_streak_is_a_value_and_a_batch_rolled_back_leaves_it_as_it_was() -> None:
    before = Streak().after(outcomes(False, False, False, False))
    assert before.after(outcomes(False, first=50)).stops is not None
    assert before.stops is None


trails = st.lists(st.tuples(st.integers(1, 150).map(lambda n: UUID(int=n)), st.booleans()), max_size=400)


@given(trails, st.integers(0, 400))
def test_it_does_not_matter_how_a_trail_is_cut_into_batches(trail: Outcomes, cut: int) -> None:
    first = Streak().after(trail[:cut])
    stops = first.stops or first.after(trail[cut:]).stops
    assert stops == Streak().after(trail).stops


@given(trails)
def test_it_stops_where_after_some_failure_the_last_word_on_each_complaint_says_so(trail: Outcomes) -> None:
    stopped = Streak().after(trail).stops is not None
    assert stopped == any(_looks_bad(trail[: n + 1]) for n, (_, well) in enumerate(trail) if not well)


def _looks_bad(trail: Outcomes) -> bool:
    """The rule, told the slow way: the newest outcome of each of the last hundred complaints."""
    newest: dict[UUID, bool] = {}
    for key, well in reversed(trail):
        newest.setdefault(key, well)
    recent = list(newest.values())[:WINDOW]
    in_a_row = len(recent) >= IN_A_ROW and not any(recent[:IN_A_ROW])
    return in_a_row or recent.count(False) >= IN_WINDOW
