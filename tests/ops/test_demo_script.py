"""What the demo hands in, and what its people do: the same for the same seed, and possible."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.demo import habits
from ops.demo.policy import forwards, outside_the_city, silent_templates
from ops.demo.script import DATED_BACK, DOORS, LIVE, publishers, write
from services.intake.domain.channels import CHANNELS
from services.lapor_bridge.domain.city import City, parse_city
from services.routing.domain.transitions import TRANSITIONS
from shared.events.parts import Klasifikasi
from simulators.lapor import statuses
from tests.city import documents

BEGAN = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
KLASIFIKASI: tuple[Klasifikasi | None, ...] = (
    "berkadar_pengawasan",
    "tidak_berkadar_pengawasan",
    "permintaan_informasi",
    "aspirasi",
    None,
)


def test_the_same_seed_tells_the_same_story() -> None:
    assert write(7, BEGAN) == write(7, BEGAN)
    assert write(7, BEGAN) != write(8, BEGAN)


def test_every_submission_has_a_name_of_its_own() -> None:
    script = write(7, BEGAN)
    names = [one.name for one in script.first]
    assert len(set(names)) == len(names)
    assert sum(one.fate == "new" for one in script.first) == LIVE + 1


def test_complaints_come_by_both_doors_each_publisher_by_its_own() -> None:
    new = [one for one in write(7, BEGAN).first if one.fate == "new"]
    assert {one.door for one in new} == {"http", "kafka"}
    assert all(one.door == DOORS[one.source] for one in new)
    assert {one.source for one in new if one.door == "http"} <= set(publishers())


def test_a_repeat_says_to_the_letter_what_came_before_also_by_the_other_door() -> None:
    script = write(7, BEGAN)
    first = {one.name: one for one in script.first}
    repeats = [one for one in script.later if one.fate == "repeat"]
    assert all(one.body == first[one.name].body for one in repeats)
    assert any(one.door != first[one.name].door for one in repeats)


def test_a_conflict_has_an_old_name_and_new_words() -> None:
    script = write(7, BEGAN)
    first = {one.name: one for one in script.first}
    conflicts = [one for one in script.later if one.fate == "refused"]
    assert {one.door for one in conflicts} == {"http", "kafka"}
    assert all(one.body["text"] != first[one.name].body["text"] for one in conflicts)


def test_letters_were_written_some_time_ago_and_nothing_comes_from_the_future() -> None:
    new = [one for one in write(7, BEGAN).first if one.fate == "new"]
    written = {one.name: datetime.fromisoformat(one.body["reported_at"]) for one in new}
    assert max(written.values()) <= BEGAN
    old = [written[one.name] for one in new if one.body["channel"] in DATED_BACK]
    assert old
    assert all(at < BEGAN - timedelta(days=9) for at in old)


def test_nobody_in_it_can_be_a_person() -> None:
    for one in write(7, BEGAN).first:
        reporter = one.body.get("reporter") or {}
        assert reporter.get("name", "Warga Contoh").startswith("Warga Contoh")
        assert reporter.get("phone", "0800").startswith("0800")
        assert reporter.get("email", ".invalid").endswith(".invalid")


def test_the_same_complaint_meets_the_same_fate() -> None:
    case = {"complaint_id": "c-1", "channel": "app", "opd": "PUPR", "reasons": [], "candidates": []}
    assert habits.of_an_opd(case) == habits.of_an_opd(case)
    assert habits.of_the_verifier(case, None, ()) == habits.of_the_verifier(case, None, ())


def test_opds_do_only_what_a_routed_case_allows() -> None:
    done: set[str] = set()
    for number in range(200):
        state = "routed"
        for act in habits.of_an_opd({"complaint_id": str(number), "channel": "app", "opd": "PUPR"}):
            state = TRANSITIONS[state, act.name]  # type: ignore[index]
            done.add(act.name)
    assert done == {"accept", "answer", "progress", "ask", "hand_back"}


def test_the_verifier_refers_to_an_owner_outside_the_city_and_routes_to_one_inside() -> None:
    outside = {"reasons": ["low_confidence"], "candidates": [{"opd": "PLN"}], "channel": "app"}
    inside = {"reasons": ["handed_back"], "candidates": [{"opd": "DLH"}], "channel": "app"}
    referred = [habits.of_the_verifier({**outside, "complaint_id": str(n)}, None, {"PLN"}) for n in range(50)]
    routed = [habits.of_the_verifier({**inside, "complaint_id": str(n)}, None, {"PLN"}) for n in range(50)]
    assert {act.body["refer_to"] for act in referred if act} == {"PLN"}
    assert {act.body["opd"] for act in routed if act} == {"DLH"}


def test_a_report_that_waits_for_its_reporter_in_lapor_is_not_rejected() -> None:
    case = {"reasons": ["no_evidence"], "candidates": [], "channel": "lapor"}
    assert not any(
        habits.of_the_verifier({**case, "complaint_id": str(n)}, habits.INCOMPLETE, ()) for n in range(50)
    )


def test_lapors_people_do_only_what_lapor_allows() -> None:
    reports = [
        {"tracking_id": str(9_000_000 + n), "status": status, "created_by": born}
        for n in range(60)
        for status in statuses.OPEN
        for born in ("api:hub", "control:filling")
    ]
    by_number = {(one["tracking_id"], one["status"], one["created_by"]): one for one in reports}
    done: set[str] = set()
    for report in by_number.values():
        for deed in habits.inside_lapor([report]):
            statuses.after(report["status"], deed["act"], by=deed.get("by"), disposed=True)
            done.add(deed["act"])
    assert done >= {"dispose", "answer", "ask", "reply", "close", "archive", "block"}


@pytest.fixture(scope="module")
def city() -> City:
    """The city as the bridge reads it."""
    return parse_city(documents(("lapor", "opds", "categories", "regions")))


@pytest.mark.parametrize("channel", [*CHANNELS, "pigeon"])
def test_the_citys_policy_reads_here_as_it_does_in_the_bridge(channel: str, city: City) -> None:
    for klasifikasi in KLASIFIKASI:
        assert forwards(channel, klasifikasi) == city.forwards(channel, klasifikasi)[0]
    assert silent_templates() == city.silent_templates


def test_the_city_cannot_tell_the_power_company_to_answer() -> None:
    assert "PLN" in outside_the_city()
    assert not set(habits.WORKING_OPDS) & outside_the_city()
