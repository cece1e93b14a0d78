"""What routing forgets of an erased complaint, and what it keeps of its case."""

import pytest

from services.routing.domain.acts import Answer, Ask, HandBack
from services.routing.domain.case import Case
from services.routing.domain.erasing import forget, on_complaint_erased
from shared.events.intake import ComplaintErased
from shared.events.parts import Place
from shared.events.words import Scope
from tests.routing.world import AT_LAMPS, CITY, NOW, VERIFIER, a_case, done, fact_id, fold, received, replied

WORDS = ("Lampu jalan", "lampu jalan", "mati", "gelap", "Kenari", "Gang", "-1.6")


def erased(scope: Scope = "complaint") -> ComplaintErased:
    event = ComplaintErased(at=NOW, scope=scope, by=VERIFIER)
    return event.known_as(fact_id("erased"))


def a_talked_of_case() -> Case:
    place = Place(text="Gang Kenari 17", lat=-1.6, lon=103.6, kelurahan="15.99.01.1001")
    case = fold(a_case("new"), received(place=place, category_hint="lampu")).state
    acts = [done(HandBack(reason="Bukan Kenari."), AT_LAMPS)]
    return fold(case, *acts, replied(text="Masih gelap, kata Kenari.")).state


def test_no_word_of_the_case_is_left() -> None:
    case = a_talked_of_case()
    assert all(word in repr(case) for word in WORDS)
    bare = forget(case, "complaint")
    assert [word for word in WORDS if word in repr(bare)] == []


def test_state_dispositions_numbers_and_instants_stay() -> None:
    case = a_talked_of_case()
    bare = forget(case, "complaint")
    assert (bare.state, bare.opd, bare.classified) == (case.state, case.opd, case.classified)
    assert [(d.number, d.opd, d.at, d.ended) for d in bare.dispositions] == [
        (d.number, d.opd, d.at, d.ended) for d in case.dispositions
    ]
    assert [(m.act, m.at, m.event) for m in bare.history] == [(m.act, m.at, m.event) for m in case.history]
    assert bare.complaint is not None
    assert bare.complaint.place == Place(kelurahan="15.99.01.1001", kecamatan="15.99.01")


def test_what_is_bare_already_is_the_same_again() -> None:
    bare = forget(a_talked_of_case(), "complaint")
    assert forget(bare, "complaint") is bare
    case = a_talked_of_case()
    assert forget(case, "identity") is case


def test_that_it_was_erased_is_in_its_history_once() -> None:
    decision = on_complaint_erased(a_talked_of_case(), erased(), CITY, NOW)
    assert (decision.says, decision.forgets) == ((), "complaint")
    again = on_complaint_erased(forget(decision.state, "complaint"), erased(), CITY, NOW)
    assert [m.text for m in again.state.history if m.act == "complaint.erased"] == ["complaint"]


@pytest.mark.parametrize("act", [Ask(question="Di mana?"), Answer(text="Sudah.")])
def test_officials_work_on_and_their_words_are_not_kept(act: Ask | Answer) -> None:
    case = forget(a_case("in_work"), "complaint")
    after = forget(fold(case, done(act, AT_LAMPS)).state, "complaint")
    assert after.state in ("asked", "answered")
    assert after.history[-1].text is None


def test_facts_that_wait_for_the_complaint_wait_without_words() -> None:
    waiting = fold(a_case("new"), replied(text="Kenari")).state
    decision = on_complaint_erased(waiting, erased(), CITY, NOW)
    bare = forget(decision.state, "complaint")
    assert [fact.type for fact in bare.early] == ["simpul.citizen.replied.v1", "simpul.complaint.erased.v1"]
    assert "Kenari" not in repr(bare)
