"""What `./simpul down PART` stops."""

import pytest

from ops.down import meant
from ops.refusal import Refusal

THERE = ("kafka", "routing", "routing.1", "routing.2", "intake", "intake.1")


def test_a_service_is_stopped_with_all_its_processes() -> None:
    assert meant(["routing"], THERE) == ["routing", "routing.1", "routing.2"]


def test_one_of_its_processes_is_stopped_alone() -> None:
    assert meant(["routing.1", "kafka"], THERE) == ["kafka", "routing.1"]


def test_what_does_not_run_may_be_named_and_what_there_is_not_may_not() -> None:
    assert meant(["sla_monitor"], THERE) == ["sla_monitor"]
    for stranger in ("routin", "routing.3"):
        with pytest.raises(Refusal, match=f"there is no part {stranger}"):
            meant([stranger], THERE)
