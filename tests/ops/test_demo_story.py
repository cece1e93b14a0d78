"""One complaint's whole way, as the demo tells it."""

import io

from rich.console import Console

from ops.demo import story, telling
from ops.demo.summary import summarise
from ops.demo.sums.every import check_all
from shared.events.catalogue import EVENTS, OWNER_TOPICS
from tests.ops.demo_world import CALL, LAMP, NOW, QUESTION, answers, evidence, forwards


def test_every_event_that_an_owner_says_can_be_told() -> None:
    said = {
        name.removeprefix("simpul.").rpartition(".v")[0]
        for name, kind in EVENTS.items()
        if kind.topic in OWNER_TOPICS
    }
    assert said <= set(story._WORDS)


def test_it_goes_in_order_through_all_four_services_and_lapor() -> None:
    told = story.tell(evidence(), LAMP)
    assert [line.at for line in told.lines] == sorted(line.at for line in told.lines)
    assert {line.who for line in told.lines} == {*story.WHO.values(), story.LAPOR}
    assert told.lines[0].event == "complaint.received"
    assert told.lines[-1].event == "complaint.closed"
    assert told.lapor_id == "9700001"
    assert told.trace == ("Judul memuat “lampu”.",)


def test_marks_of_ours_in_lapor_are_not_quoted() -> None:
    quotes = [line.quote for line in story.tell(evidence(), LAMP).lines if line.who == story.LAPOR]
    assert quotes == ["Sudah.", "Belum."]


def test_a_complaint_that_never_went_to_lapor_has_a_story_too() -> None:
    told = story.tell(evidence(), CALL)
    assert told.lapor_id is None
    assert "triage.requested" in [line.event for line in told.lines]


def test_what_is_told_at_the_end_fits_any_paper() -> None:
    found = evidence()
    checks = check_all(found, answers(), forwards, {QUESTION}, NOW)
    for width in (60, 80, 160):
        page = io.StringIO()
        console = Console(file=page, width=width)
        telling.show_story(console, story.tell(found, LAMP))
        telling.show_summary(console, summarise(found, answers(), by_export=1))
        telling.show_checks(console, checks)
        assert max(map(len, page.getvalue().splitlines())) <= width
        assert "All" in page.getvalue()
