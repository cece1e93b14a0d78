"""The city's rules: versions with dates, and what is wrong with a document, by file and field."""

import copy
from datetime import date
from typing import Any

import pytest

from services.sla_monitor.domain.registry import RulesRefused, read_edition
from tests.sla_monitor.world import Monitor, a_registry, at, received, shipped


def with_two_policies() -> dict[str, Any]:
    """The shipped policy, and a shorter one from July 2026 on."""
    documents = shipped()
    second = copy.deepcopy(documents["sla"]["policies"][0])
    second |= {"name": "permenpanrb-5-2025", "valid_from": "2026-07-01"}
    second["steps"]["verify"]["days"] = 2
    documents["sla"]["policies"].append(second)
    return documents


def test_the_shipped_policy_has_the_lengths_of_domain_3() -> None:
    policy = read_edition(shipped()).policies.valid_on(date(2026, 11, 24))
    lengths = {
        name: (step.days, step.unit) for part in (policy.steps, policy.resolution) for name, step in part
    }
    assert lengths == {
        "verify": (3, "working"),
        "first_response": (5, "working"),
        "silence": (10, "working"),
        "completion": (10, "calendar"),
        "permintaan_informasi": (5, "working"),
        "tidak_berkadar_pengawasan": (14, "working"),
        "berkadar_pengawasan": (60, "working"),
        "aspirasi": (14, "working"),
        "unclassified": (14, "working"),
    }
    assert policy.resolution.aspirasi.provisional


def test_a_policy_holds_until_a_later_one_begins() -> None:
    policies = read_edition(with_two_policies()).policies
    assert policies.valid_on(date(2026, 6, 30)).name == "sp4n-lapor-1"
    assert policies.valid_on(date(2026, 7, 1)).name == "permenpanrb-5-2025"


def test_before_the_first_policy_the_first_one_holds() -> None:
    documents = shipped()
    documents["sla"]["policies"][0]["valid_from"] = "2020-01-01"
    assert read_edition(documents).policies.valid_on(date(2016, 1, 1)).name == "sp4n-lapor-1"


def test_a_clock_is_decided_by_the_policy_of_the_day_it_starts_and_says_so() -> None:
    monitor = Monitor(a_registry(with_two_policies()))
    monitor.hears(received(at("2026-06-30"), at("2026-07-01")))
    assert monitor.clock("resolution").policy == "sp4n-lapor-1@1"
    assert monitor.clock("verify").policy == "permenpanrb-5-2025@1"


def test_a_later_edition_does_not_move_a_clock_that_runs() -> None:
    shorter = shipped()
    shorter["sla"]["policies"][0]["steps"]["verify"]["days"] = 1
    monitor = Monitor()
    monitor.hears(received(at("2026-11-02")))
    before = monitor.clock("verify")
    monitor.city = a_registry(shipped(), shorter)
    monitor.sweeps(at("2026-11-05"))
    assert monitor.clock("verify").due_at == before.due_at
    assert monitor.clock("verify").policy == "sp4n-lapor-1@1"


def spoiled(**changes: Any) -> dict[str, Any]:
    documents = shipped()
    policy = documents["sla"]["policies"][0]
    policy |= changes.pop("policy", {})
    policy["steps"] |= changes.pop("steps", {})
    documents["holidays"] |= changes.pop("holidays", {})
    return documents


@pytest.mark.parametrize(
    ("documents", "problem"),
    [
        ({"sla": shipped()["sla"]}, "holidays.yaml: missing"),
        (spoiled(steps={"verify": {"days": 0, "unit": "working"}}), "sla.yaml: policies.0.steps.verify.days"),
        (spoiled(steps={"verifikasi": {"days": 3}}), "sla.yaml: policies.0.steps.verifikasi"),
        (spoiled(policy={"day_ends": "25:00"}), "sla.yaml: policies.0.day_ends"),
        (
            spoiled(policy={"working_hours": {"opens": "16:00", "closes": "08:00"}}),
            "sla.yaml: policies.0.working_hours",
        ),
        (spoiled(holidays={"categories": ["bank"]}), "holidays.yaml: categories.0"),
        (spoiled(holidays={"closed": [{"date": "2026-13-01"}]}), "holidays.yaml: closed.0.date"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_field(documents: dict[str, Any], problem: str) -> None:
    with pytest.raises(RulesRefused) as refused:
        read_edition(documents)
    assert any(line.startswith(problem) for line in refused.value.problems), refused.value.problems


def test_every_problem_is_named_not_only_the_first() -> None:
    documents = spoiled(policy={"day_ends": "25:00"}, holidays={"categories": []})
    with pytest.raises(RulesRefused) as refused:
        read_edition(documents)
    assert len(refused.value.problems) == 2


def test_two_policies_of_one_name_are_refused() -> None:
    documents = shipped()
    documents["sla"]["policies"] *= 2
    with pytest.raises(RulesRefused, match="two policies have the same name"):
        read_edition(documents)
