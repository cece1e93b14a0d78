"""Which local hub `up`, `status` and the others mean."""

from pathlib import Path

import pytest

from ops.stack import roots
from ops.stack.stack import Plan, Stack


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as that of the clone's own hub."""
    monkeypatch.setenv("SIMPUL_ROOT", str(tmp_path))
    return tmp_path


def _wanted(root: Path, *parts: str) -> None:
    Stack(root).keep_plan(Plan(parts))


def test_where_nothing_ever_ran_it_is_the_clones_own(own: Path) -> None:
    assert roots.current() == own


def test_while_only_a_demo_is_under_way_it_is_the_demos(own: Path) -> None:
    _wanted(roots.of_demo(), "kafka")
    assert roots.current() == own / "demo"
    assert Stack().is_of_demo


def test_a_hub_of_ones_own_comes_before_the_demos(own: Path) -> None:
    _wanted(roots.of_demo(), "kafka")
    _wanted(own, "kafka")
    assert roots.current() == own


def test_a_demo_that_was_ended_is_meant_no_more(own: Path) -> None:
    _wanted(roots.of_demo())
    assert roots.current() == own


def test_an_unreadable_plan_is_no_plan(own: Path) -> None:
    _wanted(roots.of_demo(), "kafka")
    (own / "demo" / "run" / "plan.json").write_text("{", encoding="utf-8")
    assert roots.current() == own


async def test_resetting_ones_own_hub_leaves_the_demos_alone(own: Path) -> None:
    _wanted(roots.of_demo(), "kafka")
    await Stack(own).destroy()
    assert roots.is_wanted(own / "demo")
