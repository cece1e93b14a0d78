"""`./simpul bench`: what it makes of what it measured. Nothing here measures time."""

import os
import subprocess
import sys

from ops.bench import events
from ops.bench.measuring import Meter, Spread, between, per_event, ratios
from ops.bench.report import Figure, cpu
from shared.events.ids import complaint_id
from shared.events.intake import ComplaintReceived


def test_a_figure_is_told_as_the_middle_of_its_runs_with_their_spread() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0, 3)


def test_each_run_is_held_against_the_yardstick_that_ran_beside_it() -> None:
    assert ratios([25.0, 150.0], [100.0, 200.0]) == Spread(0.5, 0.25, 0.75, 2)


def test_a_target_is_reached_by_the_middle_run() -> None:
    fast = Spread.of([1.0, 5.0, 6.0])
    assert Figure("hop", "rate", "/s", fast, 5.0).reached is True
    assert Figure("hop", "rate", "/s", fast, 5.1).reached is False
    assert Figure("hop", "cost", "µs", fast, 4.9, "at most").reached is False
    assert Figure("hop", "beside it", "/s", fast).reached is None


def test_cpu_is_told_in_all_and_by_part() -> None:
    told = cpu("hop", "event", [{"service": 30.0, "postgres": 20.0}], 55)
    assert [(one.what, one.spread.middle) for one in told] == [
        ("CPU per event", 50.0),
        ("  of it service", 30.0),
        ("  of it postgres", 20.0),
    ]


def test_the_cpu_of_a_child_that_has_ended_counts() -> None:
    meter = Meter({"parent": os.getpid()})
    before = meter.read()
    subprocess.run([sys.executable, "-c", "sum(range(10_000_000))"], check=True)
    assert between(before, meter.read())["parent"] > 0.05
    assert per_event({"parent": 0.5}, 1000) == {"parent": 500.0}


def test_the_events_of_a_bench_are_those_of_intake_and_of_the_size_that_is_told() -> None:
    found = list(events.received("run", range(5)))
    assert [key for key, _ in found] == [complaint_id("bench", f"run-{n:07d}") for n in range(5)]
    sizes = [len(ComplaintReceived.read(event.write()).write()) for _, event in found]
    assert all(abs(size - events.BYTES) < 250 for size in sizes), sizes
