"""What a person chose, here or in LAPOR, no rule moves: not other words, not another registry, not the monitor."""

import copy
from typing import Any

import pytest

from services.routing.domain.acts import Classify, HandBack, Route
from services.routing.domain.case import Case
from services.routing.domain.city import City, parse_city
from shared.events.fact import Fact
from shared.events.sla import ClockBreached, ClockStarted
from tests.routing.world import (
    ABROAD,
    AT_LAMPS,
    CLEAR,
    DOCUMENTS,
    VAGUE,
    a_case,
    amended,
    done,
    fold,
    in_lapor,
    linked,
    reassigned,
    received,
    replied,
    status_changed,
    told,
)


def another_registry() -> City:
    """The small city after the street lights went to the roads' agency, and everything else with them."""
    documents: dict[str, Any] = copy.deepcopy(DOCUMENTS)
    for rule in documents["routing"]["owners"]:
        rule["opd"] = "JALAN"
        rule["others"] = []
    return parse_city(documents, 8)


CHOSEN: dict[str, Case] = {
    "by a verifier, out of triage": fold(a_case("triage"), done(Route(opd="BERSIH"))).state,
    "by a verifier, against the rules": fold(a_case("routed"), done(Route(opd="BERSIH"))).state,
    "in LAPOR, before it came": fold(Case(), received(CLEAR, lapor=in_lapor(opd="BERSIH"))).state,
    "in LAPOR, afterwards": fold(a_case("routed"), reassigned("BERSIH")).state,
}

MOVED_BY_NONE: dict[str, tuple[Fact, ...]] = {
    "words that name another owner": (amended(title=CLEAR[0], text=CLEAR[1]),),
    "words that name an owner outside": (amended(title=ABROAD[0], text=ABROAD[1]),),
    "words that name nobody": (amended(title=VAGUE[0], text=VAGUE[1]),),
    "another category of the sender's": (amended(category_hint="Jalan Rusak"),),
    "a classification": (done(Classify(category="Lampu Jalan")),),
    "a reply": (replied(),),
    "a deadline that passed": (told(ClockStarted), told(ClockBreached)),
    "news from LAPOR": (linked(), status_changed("open")),
    "the complaint once more": (received(CLEAR),),
}


@pytest.mark.parametrize("chosen", CHOSEN.values(), ids=CHOSEN)
@pytest.mark.parametrize("facts", MOVED_BY_NONE.values(), ids=MOVED_BY_NONE)
def test_no_rule_moves_what_a_person_chose_even_under_a_reloaded_registry(
    chosen: Case, facts: tuple[Fact, ...]
) -> None:
    assert (chosen.opd, chosen.pinned) == ("BERSIH", True)
    decision = fold(chosen, *facts, city=another_registry())
    after = decision.state
    assert (after.opd, after.pinned, after.dispositions) == ("BERSIH", True, chosen.dispositions)
    assert not [event for event in decision.says if event.type.startswith("simpul.complaint.routed")]


def test_the_same_registry_would_have_moved_a_new_one() -> None:
    assert fold(Case(), received(CLEAR)).state.opd == "LAMPU"
    assert fold(Case(), received(CLEAR), city=another_registry()).state.opd == "JALAN"


def test_only_people_unpin_the_opd_that_hands_it_back_or_the_city_that_routes_it_anew() -> None:
    chosen = fold(a_case("triage"), done(Route(opd="LAMPU"))).state
    assert fold(chosen, done(HandBack(reason="Bukan kami."), AT_LAMPS)).state.opd is None
    assert fold(chosen, done(Route(opd="JALAN"), name="anew")).state.opd == "JALAN"
    assert fold(chosen, reassigned("BERSIH")).state.opd == "BERSIH"
