"""The synthetic complaints: the same for ever, in the proportions of real exports, and about nobody."""

import json
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from shared.events.submissions import SubmissionPosted
from simulators.complaints.generate import OPEN, generate
from simulators.complaints.live import CHANNELS, live
from simulators.complaints.model import Report
from simulators.complaints.reference import tables

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SIXTEEN = re.compile(r"(?<!\d)\d{16}(?!\d)")


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    return generate(20261124, 2000, NOW)


def share(of: int, all_of: list[Report]) -> float:
    return of / len(all_of)


def test_the_same_seed_writes_the_same_bytes_in_another_process() -> None:
    program = (
        "from datetime import UTC, datetime; from simulators.complaints.generate import generate;"
        "from simulators.complaints.live import live; n = datetime(2026, 11, 24, 3, 0, tzinfo=UTC);"
        "import sys; sys.stdout.buffer.write((repr(generate(5, 60, n)) + repr(live(5, 60, n))).encode())"
    )
    other = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env={"PYTHONHASHSEED": "77"}
    )
    assert other.stdout.decode() == repr(generate(5, 60, NOW)) + repr(live(5, 60, NOW))


def test_another_seed_tells_other_stories() -> None:
    assert [r.text_before for r in generate(1, 40, NOW)] != [r.text_before for r in generate(2, 40, NOW)]


@pytest.mark.parametrize("count", [0, 1, 2, 7, 301])
def test_as_many_reports_come_as_were_asked_for(count: int) -> None:
    assert len(generate(3, count, NOW)) == count
    assert len(live(3, count, NOW)) == count


def test_fifteen_in_a_hundred_are_still_open_and_many_of_them_long_overdue(reports: list[Report]) -> None:
    still_open = [r for r in reports if r.status in OPEN]
    assert share(len(still_open), reports) == pytest.approx(0.15, abs=0.001)
    overdue = [r for r in still_open if NOW - r.reported_at > timedelta(days=30)]
    assert 0.3 < len(overdue) / len(still_open) < 0.6


def test_kinds_and_sources_come_as_often_as_in_real_exports(reports: list[Report]) -> None:
    real = tables().proportions
    for field, counts in (("klasifikasi", real["klasifikasi"]), ("source", real["source"])):
        ours = Counter(getattr(r, field) or "(empty)" for r in reports)
        whole = sum(counts.values())
        for name, count in counts.items():
            assert share(ours[name], reports) == pytest.approx(count / whole, abs=0.002), name


def test_lengths_repeats_and_edits_come_as_in_real_exports(reports: list[Report]) -> None:
    lengths = sorted(len(r.text_before) for r in reports)
    assert 300 < lengths[len(lengths) // 2] < 420
    assert lengths[-1] <= 3000
    assert lengths[int(len(lengths) * 0.99)] > 2000
    assert sum(r.repeats is not None for r in reports) == 40
    assert share(sum(r.text_before == r.text_after for r in reports), reports) == pytest.approx(
        0.353, abs=0.02
    )


def test_a_repeat_is_the_first_text_to_the_letter(reports: list[Report]) -> None:
    by_id = {r.tracking_id: r for r in reports}
    for repeat in (r for r in reports if r.repeats):
        assert repeat.repeats is not None
        assert repeat.text_before == by_id[repeat.repeats].text_before


def test_tracking_ids_are_seven_digits_and_unique(reports: list[Report]) -> None:
    assert all(re.fullmatch(r"\d{7}", r.tracking_id) for r in reports)
    assert len({r.tracking_id for r in reports}) == len(reports)


def test_nothing_happens_after_now_or_before_the_report(reports: list[Report]) -> None:
    for r in reports:
        assert r.reported_at <= r.status_at <= NOW
        assert r.reported_at.microsecond == 0
        assert all(r.reported_at <= item.at <= NOW for item in r.followups)


def test_what_looks_like_a_nik_cannot_be_anybodys(reports: list[Report]) -> None:
    found = [number for r in reports for number in SIXTEEN.findall(r.text_before)]
    assert 0.045 < share(sum(bool(SIXTEEN.search(r.text_before)) for r in reports), reports) < 0.08
    for number in found:
        day, month = int(number[6:8]), int(number[8:10])
        assert number.startswith("1571")
        assert month > 12
        assert not 1 <= day <= 31
        assert not 41 <= day <= 71


def test_phones_and_mails_reach_nobody(reports: list[Report]) -> None:
    for r in reports:
        assert re.fullmatch(r"Warga Contoh \d+", r.reporter.name)
        assert r.reporter.phone.startswith("0800-000-")
        assert r.reporter.email.endswith("@contoh.invalid")
        assert all(number.startswith("0800") for number in re.findall(r"\b0\d{9,11}\b", r.text_before))
        assert all(
            host == "contoh.invalid" for host in re.findall(r"@([a-z]+\.invalid|\S+)", r.text_before.lower())
        )


def test_cells_hold_no_line_break_and_no_emoji(reports: list[Report]) -> None:
    for r in reports:
        for text in (r.title or "", r.text_before, r.text_after):
            assert text == text.strip()
            assert not re.search(r"[\r\n\t]|[\U0001F000-\U0001FAFF]", text)


def test_who_ended_a_report_is_who_its_status_says(reports: list[Report]) -> None:
    for r in reports:
        if r.status in OPEN:
            assert r.closed_by is None
        elif r.status != "Konten Terblokir":
            assert r.status.endswith(f"oleh {r.closed_by}")
        assert (r.disposed is None) == (r.disposed_at is None)


def test_most_but_not_all_can_be_routed_honestly(reports: list[Report]) -> None:
    institutions = tables().institutions
    clear = [
        r
        for r in reports
        if r.truth.owner is not None
        and r.truth.category_was in {"right", "missing", "vague"}
        and (r.truth.owner == "KECAMATAN" or institutions[r.truth.owner].inside)
    ]
    assert 0.6 < share(len(clear), reports) < 0.8


def test_every_channel_speaks_and_references_are_unique() -> None:
    sent = live(11, 300, NOW)
    assert {s.channel for s in sent} == set(CHANNELS)
    assert len({(s.source, s.reference) for s in sent}) == 300
    assert sum(s.repeats is not None for s in sent) == 6
    assert [s.reported_at for s in sent] == sorted(s.reported_at for s in sent)


def test_a_submission_is_said_in_the_words_of_the_contract() -> None:
    for sent in live(12, 200, NOW):
        posted = SubmissionPosted.model_validate_json(json.dumps(sent.as_json()))
        assert posted.reported_at == sent.reported_at
        assert posted.text == sent.text
