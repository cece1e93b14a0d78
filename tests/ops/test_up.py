"""What `./simpul up` starts: what is asked for now, and what was asked for before."""

import pytest

from ops.refusal import Refusal
from ops.stack.stack import Plan
from ops.up import wanted_parts


def wanted(
    plan: Plan | None = None,
    only: str | None = None,
    replicas: int = 1,
    simulator: bool = False,
    lapor_known: bool = False,
) -> list[str]:
    return wanted_parts(
        plan or Plan(), only=only, replicas=replicas, simulator=simulator, lapor_known=lapor_known
    )


def test_the_bridge_is_left_out_where_there_is_no_lapor_to_speak_with() -> None:
    assert wanted() == ["kafka", "postgres", "intake", "routing", "sla_monitor"]
    assert "lapor_bridge" in wanted(lapor_known=True)
    with pytest.raises(Refusal, match="SIMPUL_LAPOR_URL"):
        wanted(only="lapor_bridge")


def test_with_the_simulator_the_whole_hub_comes() -> None:
    assert wanted(simulator=True) == [
        "kafka",
        "postgres",
        "intake",
        "routing",
        "lapor_bridge",
        "sla_monitor",
        "simulator",
    ]


def test_what_was_asked_for_before_comes_back() -> None:
    before = Plan(parts=("kafka", "postgres", "routing", "routing.1", "lapor_bridge", "simulator"))
    assert set(before.parts) <= set(wanted(before))


def test_replicas_are_named_by_their_ordinal() -> None:
    assert wanted(only="routing", replicas=3) == ["routing", "routing.1", "routing.2"]


@pytest.mark.parametrize(("only", "replicas"), [("kafak", 1), (None, 0), (None, 10)])
def test_a_slip_of_the_pen_is_refused(only: str | None, replicas: int) -> None:
    with pytest.raises(Refusal):
        wanted(only=only, replicas=replicas)
