"""The schedule of faults is drawn from its seed alone, strikes several at a time, and never two in one place."""

from hypothesis import given
from hypothesis import strategies as st

from tests.faults.menu import MENU, kinds
from tests.faults.schedule import plan

seeds = st.integers(0, 2**31)
lengths = st.floats(30, 1200)


@given(seeds, lengths)
def test_the_same_seed_gives_the_same_faults(seed: int, seconds: float) -> None:
    assert plan(seed, seconds, kinds()) == plan(seed, seconds, kinds())


@given(seeds, lengths)
def test_no_two_faults_are_planned_for_one_place_at_one_time(seed: int, seconds: float) -> None:
    known = kinds()
    strikes = plan(seed, seconds, known)
    for n, one in enumerate(strikes):
        for other in strikes[n + 1 :]:
            if other.at < one.until:
                assert not known[one.fault].touches & known[other.fault].touches


@given(seeds)
def test_two_and_more_strike_at_a_time_for_most_of_it(seed: int) -> None:
    strikes = plan(seed, 600, kinds())
    together = sum(
        1 for second in range(20, 580) if sum(s.at <= second < s.until for s in strikes) >= 2
    )  # fmt: skip
    assert together > 350


@given(seeds)
def test_in_a_long_run_every_fault_strikes(seed: int) -> None:
    assert {strike.fault for strike in plan(seed, 1200, kinds())} == set(MENU)
