"""What the reporter does or lets pass, and lapses that race with acts."""

import pytest

from services.routing.domain.acts import Answer, Ask
from shared.events.routing import ComplaintClosed
from tests.routing.world import (
    AT_LAMPS,
    HOUR,
    NOW,
    a_case,
    done,
    fold,
    kinds,
    lapsed,
    replied,
    withdrawn,
)


def test_a_withdrawal_closes_in_the_reporters_words() -> None:
    [closed] = fold(a_case("asked"), withdrawn(reason="Sudah menyala sendiri.", at=NOW - HOUR)).says
    assert isinstance(closed, ComplaintClosed)
    assert (closed.kind, closed.by.kind, closed.at) == ("withdrawn", "citizen", NOW - HOUR)
    assert closed.reason == "Sudah menyala sendiri."


@pytest.mark.parametrize(
    ("state", "clock", "kind"), [("answered", "silence", "closed"), ("asked", "completion", "archived")]
)
def test_a_lapse_ends_the_case_when_nothing_happened_since(state: str, clock: str, kind: str) -> None:
    case = a_case(state)  # type: ignore[arg-type]
    assert case.last_act is not None
    [closed] = fold(case, lapsed(clock, case.last_act.event), now=NOW + HOUR).says
    assert isinstance(closed, ComplaintClosed)
    assert (closed.kind, closed.by.kind, closed.at) == (kind, "system", NOW)


def test_a_lapse_that_waited_on_an_earlier_answer_does_not_close_a_later_one() -> None:
    answered = a_case("answered")
    assert answered.last_act is not None
    first = answered.last_act.event
    again = fold(answered, replied(), done(Answer(text="Kini sungguh menyala."), AT_LAMPS)).state
    assert again.state == "answered"
    decision = fold(again, lapsed("silence", first))
    assert decision.says == ()
    assert decision.state.state == "answered"


def test_a_reply_that_came_before_the_lapse_keeps_the_case_open() -> None:
    answered = a_case("answered")
    assert answered.last_act is not None
    decision = fold(answered, replied(), lapsed("silence", answered.last_act.event))
    assert decision.says == ()
    assert decision.state.state == "in_work"


def test_a_reply_that_came_after_the_lapse_is_a_note_on_a_closed_case() -> None:
    answered = a_case("answered")
    assert answered.last_act is not None
    decision = fold(answered, lapsed("silence", answered.last_act.event), replied(text="Terlambat."))
    assert kinds(decision.says) == ["complaint.closed"]
    assert decision.state.state == "closed"
    assert decision.state.history[-1].text == "Terlambat."


@pytest.mark.parametrize("clock", ["verify", "first_response", "resolution"])
def test_a_clock_that_binds_the_city_never_closes_a_case(clock: str) -> None:
    case = a_case("answered")
    assert case.last_act is not None
    assert fold(case, lapsed(clock, case.last_act.event)).state is case


def test_a_lapse_without_what_was_waited_on_does_nothing() -> None:
    assert fold(a_case("answered"), lapsed("silence", None)).says == ()


def test_a_reply_in_lapors_or_our_channel_while_the_opd_works_changes_no_state() -> None:
    decision = fold(a_case("in_work"), replied())
    assert decision.state.state == "in_work"
    assert decision.state.history[-1].note


def test_a_note_in_between_does_not_save_the_case_from_a_lapse() -> None:
    asked = fold(a_case("in_work"), done(Ask(question="Nomor tiang?"))).state
    assert asked.last_act is not None
    waited_on = asked.last_act.event
    noted = fold(asked, lapsed("silence", waited_on)).state
    assert kinds(fold(noted, lapsed("completion", waited_on, name="later")).says) == ["complaint.closed"]
