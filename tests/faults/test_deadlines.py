"""The second calculator of deadlines, on days that people counted by hand."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
import yaml

from ops.stack.parts import CITY
from ops.stack.roots import CLONE
from tests.faults.deadlines import Line, Office, Overdue

NOW = datetime(2027, 6, 1, tzinfo=UTC)
VERIFY_DUE = datetime(2026, 11, 5, 16, 59, 59, 999999, UTC)


@pytest.fixture(scope="module")
def office() -> Office:
    read = [
        yaml.safe_load((CLONE / CITY / f"{name}.yaml").read_text(encoding="utf-8"))
        for name in ("sla", "holidays")
    ]
    return Office(*read)


def received(**more: Any) -> Line:
    at = "2026-11-02T03:00:00Z"
    return "complaint.received", {
        "received_at": at,
        "reported_at": at,
        "lapor": None,
        "klasifikasi": None,
        **more,
    }


def act(kind: str, at: str | None, disposition: int | None = 1) -> Line:
    return f"complaint.{kind}", {"at": at, "disposition": disposition, "by": {"kind": "rule"}}


def names(late: list[Overdue]) -> list[str]:
    return [one.clock[0] for one in late]


def test_three_working_days_after_a_monday_end_on_thursday(office: Office) -> None:
    late = list(office.overdue([received()], [], NOW))
    assert Overdue(("verify", 0), VERIFY_DUE) in late


def test_christmas_and_the_days_about_it_are_not_counted(office: Office) -> None:
    step = {"days": 2, "unit": "working"}
    due = office.due(step, datetime(2026, 12, 23, 3, tzinfo=UTC))
    assert due.date() > date(2026, 12, 27)


def test_what_was_routed_in_time_is_not_late_for_the_verifier(office: Office) -> None:
    late = list(office.overdue([received()], [act("routed", "2026-11-05T16:59:59Z")], NOW))
    assert names(late) == ["first_response", "resolution"]


def test_an_answer_meets_the_agency_and_the_citizen(office: Office) -> None:
    acts = [act("routed", "2026-11-03T03:00:00Z"), act("answered", "2026-11-04T03:00:00Z")]
    assert list(office.overdue([received()], acts, NOW)) == []


def test_a_hand_back_ends_the_agencys_clock_and_not_the_citizens(office: Office) -> None:
    acts = [act("routed", "2026-11-03T03:00:00Z"), act("handed_back", "2026-11-04T03:00:00Z")]
    assert names(list(office.overdue([received()], acts, NOW))) == ["resolution"]


def test_what_nobody_knows_when_it_happened_is_never_late(office: Office) -> None:
    acts = [act("routed", "2026-11-03T03:00:00Z"), act("answered", None)]
    assert list(office.overdue([received()], acts, NOW)) == []


def test_while_the_reporter_is_asked_the_citizens_clock_stands_still(office: Office) -> None:
    asked = ("information.requested", act("asked", "2026-11-04T03:00:00Z")[1])
    acts = [act("routed", "2026-11-03T03:00:00Z"), asked]
    assert list(office.overdue([received()], acts, NOW)) == []


def test_nothing_is_late_before_its_day_is_over(office: Office) -> None:
    assert list(office.overdue([received()], [], datetime(2026, 11, 5, 16, 59, tzinfo=UTC))) == []


def test_who_came_closed_from_lapor_has_no_deadlines(office: Office) -> None:
    assert list(office.overdue([received(lapor={"state": "closed"})], [], NOW)) == []
