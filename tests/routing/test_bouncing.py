"""Cases that nobody wants are named and counted, and given again only on purpose."""

from dataclasses import replace
from uuid import UUID

import pytest

from services.routing import store
from services.routing.domain.acts import HandBack, Route
from services.routing.domain.bouncing import why_back
from services.routing.domain.case import Case
from shared.decision import Refused
from shared.events.parts import By
from shared.events.routing import Candidate, ComplaintRouted, TriageRequested
from tests.conftest import MakeStore
from tests.routing.world import a_case, done, fold, reassigned


def given(case: Case, opd: str, *, again: bool = False) -> Case:
    return fold(case, done(Route(opd=opd, again=again), name=f"to {opd} {len(case.dispositions)}")).state


def back(case: Case, suggested: str | None = None) -> tuple[Case, TriageRequested]:
    act = HandBack(reason="Bukan kami.", suggested_opd=suggested)
    decision = fold(case, done(act, By(kind="opd", name=case.opd), f"back {len(case.dispositions)}"))
    asked = decision.says[1]
    assert isinstance(asked, TriageRequested)
    return decision.state, asked


def test_the_first_hand_back_is_only_that() -> None:
    _, asked = back(a_case("routed"))
    assert asked.reasons == ("handed_back",)


def test_the_same_opd_twice_is_named() -> None:
    case, _ = back(a_case("routed"))
    _, asked = back(given(case, "LAMPU", again=True))
    assert asked.reasons == ("handed_back", "handed_back_twice: LAMPU")


def test_from_one_to_the_other_and_back_is_a_loop_that_names_both() -> None:
    case, _ = back(a_case("routed"), suggested="BERSIH")
    case, asked = back(given(case, "BERSIH"), suggested="LAMPU")
    assert asked.reasons == ("handed_back",)
    assert asked.candidates[0].opd == "LAMPU"
    assert "Sudah pernah" in asked.candidates[0].why
    case, asked = back(given(case, "LAMPU", again=True))
    assert asked.reasons == ("handed_back", "loop: LAMPU, BERSIH")
    assert case.found is not None
    assert case.found.reasons == asked.reasons
    assert case.handed_back == ("LAMPU", "BERSIH", "LAMPU")


def test_where_nobody_is_left_to_ask_that_is_said() -> None:
    case, asked = back(a_case("routed"))
    assert [one.opd for one in asked.candidates] == ["JALAN"]
    _, asked = back(given(case, "JALAN"))
    assert asked.reasons == ("handed_back", "handed_back_by_all")
    assert asked.candidates == ()


@pytest.mark.parametrize(
    ("path", "left", "reasons"),
    [
        (["A"], [], ("handed_back",)),
        (["A", "B"], ["C"], ("handed_back",)),
        (["A", "B", "C", "A"], ["D"], ("handed_back", "loop: A, B, C")),
        (["A", "A", "B", "A"], ["D"], ("handed_back", "loop: A, B")),
        (["B", "A", "A"], ["D"], ("handed_back", "handed_back_twice: A")),
    ],
)
def test_the_loop_is_what_lies_between_the_last_two_times(
    path: list[str], left: list[str], reasons: tuple[str, ...]
) -> None:
    others = [Candidate(opd=f"{name}X", score=1, why="") for name in left]
    assert why_back(path, others) == reasons


def test_a_second_disposition_to_one_that_gave_it_back_asks_for_an_explicit_again() -> None:
    case, _ = back(a_case("routed"))
    with pytest.raises(Refused, match="LAMPU has handed this case back") as refused:
        given(case, "LAMPU")
    assert refused.value.conflict
    assert [error.field for error in refused.value.errors] == ["again"]
    routed = fold(case, done(Route(opd="LAMPU", again=True))).says[-1]
    assert isinstance(routed, ComplaintRouted)
    assert any("sudah 1 kali mengembalikannya" in line for line in routed.trace)


def test_again_is_no_harm_where_it_is_the_first_time() -> None:
    assert given(a_case("triage"), "JALAN", again=True).given_again == 0


def test_a_double_disposition_in_lapor_is_followed_and_noted() -> None:
    moved = fold(a_case("in_work"), reassigned("BERSIH"))
    routed = moved.says[-1]
    assert isinstance(routed, ComplaintRouted)
    assert any("Disposisi ganda" in line and "LAMPU" in line for line in routed.trace)


def test_lapor_gives_it_again_without_asking_and_that_is_noted_and_counted() -> None:
    case, _ = back(a_case("routed"))
    decision = fold(case, reassigned("LAMPU"))
    routed = decision.says[-1]
    assert isinstance(routed, ComplaintRouted)
    assert any("mengembalikannya" in line for line in routed.trace)
    assert decision.state.given_again == 1


@pytest.mark.store
async def test_the_gauges_count_open_cases_only(store_of: MakeStore) -> None:
    pool = await store_of("routing")
    once, _ = back(a_case("routed"))
    looping = given(once, "LAMPU", again=True)
    over = replace(looping, state="closed")
    cases = {
        UUID(int=n): replace(case, complaint=case.complaint.model_copy(update={"ticket": f"{n:011d}"}))
        for n, case in enumerate([once, looping, over, a_case("routed")], 1)
        if case.complaint is not None
    }
    async with pool.acquire() as connection:
        await store.save_cases(connection, cases)
        assert await store.count_bounced(connection) == (2, 1)
