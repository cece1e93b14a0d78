"""Any sequence of facts and acts keeps a case's promises."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.routing.domain.acts import (
    Accept,
    Act,
    Answer,
    Ask,
    Close,
    HandBack,
    Progress,
    Reject,
    Route,
)
from services.routing.domain.case import Case
from services.routing.domain.transitions import ARRIVALS, TRANSITIONS
from shared.decision import Refused
from shared.events.fact import Event, Fact
from shared.events.routing import (
    ComplaintAccepted,
    ComplaintAnswered,
    ComplaintClassified,
    ComplaintClosed,
    ComplaintHandedBack,
    ComplaintProgressed,
    ComplaintRejected,
    ComplaintRouted,
    InformationRequested,
    TriageRequested,
)
from tests.routing.world import (
    ABROAD,
    AT_LAMPS,
    AT_ROADS,
    CLEAR,
    VAGUE,
    VERIFIER,
    amended,
    fact_id,
    fold,
    in_lapor,
    lapsed,
    linked,
    merged,
    reassigned,
    received,
    replied,
    replied_there,
    status_changed,
    unmerged,
    withdrawn,
)

_WORK = (
    ComplaintAccepted,
    ComplaintProgressed,
    ComplaintAnswered,
    ComplaintHandedBack,
    InformationRequested,
)

_ACTS = st.sampled_from(
    [
        Route(opd="JALAN"),
        Route(opd="BERSIH"),
        Route(opd="LISTRIK"),
        Reject(kind="unclear", reason="Tidak jelas."),
        Accept(),
        Progress(text="Berangkat."),
        Progress(),
        Ask(question="Di mana?"),
        HandBack(reason="Bukan kami."),
        HandBack(reason="Bukan kami.", suggested_opd="BERSIH"),
        Answer(text="Selesai."),
        Answer(text="Selesai lagi."),
        Close(reason="Tuntas."),
    ]
)
_WORDS = st.sampled_from([CLEAR, VAGUE, ABROAD])
_ORIGINS = st.sampled_from(
    [
        None,
        in_lapor("open"),
        in_lapor("closed"),
        in_lapor("archived"),
        in_lapor("open", opd="BERSIH"),
        in_lapor("open", opd="LISTRIK"),
        in_lapor("open", institution="Dinas Entah"),
    ]
)
_ENDS = st.sampled_from(["open", "waiting", "answered", "closed", "archived", "blocked", "unknown"])
_OPDS = st.sampled_from([None, "LAMPU", "BERSIH", "LISTRIK", "LAMA"])
_BY = st.sampled_from([VERIFIER, AT_LAMPS, AT_ROADS])


class CaseMachine(RuleBasedStateMachine):
    """One complaint's case, told anything in any order, each fact now and then twice."""

    def __init__(self) -> None:
        super().__init__()
        self.case = Case()
        self.said: list[Event] = []
        self.facts = 0

    def hear(self, fact: Fact, *, again: bool) -> None:
        """The case hears the fact, perhaps twice; the second time nothing may come of it."""
        before = self.case
        try:
            decision = fold(before, fact)
        except Refused:
            assert isinstance(fact, Act)
            return
        self.case, said = decision.state, list(decision.says)
        self.said += said
        if self.case.state != before.state and before.state != "new":
            assert self.case.state in {to for (state, _), to in TRANSITIONS.items() if state == before.state}
        if before.state == "closed":
            assert said == []
        if again:
            try:
                twice = fold(self.case, fact)
            except Refused:
                return
            if not isinstance(fact, Act):
                assert twice.says == ()
                assert twice.state == self.case

    def fresh(self) -> str:
        self.facts += 1
        return f"fact {self.facts}"

    @rule(words=_WORDS, origin=_ORIGINS, again=st.booleans())
    def a_complaint_is_received(self, words: tuple[str, str], origin: object, again: bool) -> None:
        arrived = self.case.arrived
        self.hear(received(words, lapor=origin), again=again)  # type: ignore[arg-type]
        assert arrived or self.case.state in ARRIVALS or self.said

    @rule(act=_ACTS, by=_BY)
    def an_official_acts(self, act: Act, by: object) -> None:
        fact = act.model_copy().done_by(by).known_as(fact_id(self.fresh()))  # type: ignore[arg-type]
        self.hear(fact, again=False)

    @rule(again=st.booleans())
    def the_reporter_replies(self, again: bool) -> None:
        self.hear(replied(self.fresh()), again=again)

    @rule(again=st.booleans())
    def the_reporter_withdraws(self, again: bool) -> None:
        self.hear(withdrawn(self.fresh()), again=again)

    @rule(
        clock=st.sampled_from(["silence", "completion", "verify"]), right=st.booleans(), again=st.booleans()
    )
    def a_clock_lapses(self, clock: str, right: bool, again: bool) -> None:
        last = self.case.last_act
        since = last.event if last and right else fact_id("something else")
        self.hear(lapsed(clock, since, self.fresh()), again=again)

    @rule(state=_ENDS, again=st.booleans())
    def lapor_changes_the_status(self, state: str, again: bool) -> None:
        self.hear(status_changed(state, self.fresh()), again=again)

    @rule(opd=_OPDS, again=st.booleans())
    def lapor_reassigns(self, opd: str | None, again: bool) -> None:
        self.hear(reassigned(opd, self.fresh()), again=again)

    @rule(
        item=st.integers(1, 4).map(str),
        kind=st.sampled_from(["opd", "citizen", "lapor"]),
        again=st.booleans(),
    )
    def somebody_writes_in_lapor(self, item: str, kind: str, again: bool) -> None:
        self.hear(replied_there(item, self.fresh(), kind), again=again)

    @rule(words=_WORDS, again=st.booleans())
    def the_reporter_amends(self, words: tuple[str, str], again: bool) -> None:
        self.hear(amended(self.fresh(), title=words[0], text=words[1], confidential=True), again=again)

    @rule(role=st.sampled_from(["merged", "survivor"]), apart=st.booleans(), again=st.booleans())
    def a_verifier_merges_or_sets_apart(self, role: str, apart: bool, again: bool) -> None:
        self.hear((unmerged if apart else merged)(self.fresh(), role), again=again)

    @rule()
    def the_bridge_links(self) -> None:
        self.hear(linked(), again=True)

    @invariant()
    def nothing_is_said_before_the_complaint_arrives(self) -> None:
        assert self.case.arrived == (self.case.state != "new")
        assert self.case.arrived or not self.said
        assert not (self.case.arrived and self.case.early)

    @invariant()
    def it_is_classified_once_and_before_it_is_first_routed(self) -> None:
        kinds = [type(event) for event in self.said]
        assert kinds.count(ComplaintClassified) <= 1
        if ComplaintRouted in kinds:
            assert kinds.index(ComplaintClassified) < kinds.index(ComplaintRouted)

    @invariant()
    def dispositions_count_up_from_one(self) -> None:
        routed = [event.disposition for event in self.said if isinstance(event, ComplaintRouted)]
        assert routed == list(range(1, len(routed) + 1))
        assert [one.number for one in self.case.dispositions] == routed
        assert all(one.ended for one in self.case.dispositions[:-1])

    @invariant()
    def who_works_holds_the_disposition_that_is_open(self) -> None:
        at_work = self.case.state in ("routed", "in_work", "asked", "answered")
        assert (self.case.disposition is not None) == at_work
        now: tuple[int, str] | None = None
        for event in self.said:
            if isinstance(event, ComplaintRouted):
                now = (event.disposition, event.opd)
            elif isinstance(event, _WORK):
                assert (event.disposition, event.opd) == now
                now = None if isinstance(event, ComplaintHandedBack) else now

    @invariant()
    def every_id_is_said_once(self) -> None:
        assert len({event.id for event in self.said}) == len(self.said)

    @invariant()
    def the_state_is_what_was_said_last(self) -> None:
        """Whoever reads only routing's events, and the reporter's replies, knows the state."""
        if not self.said:
            return
        last = self.said[-1]
        expected = {
            ComplaintRouted: {"routed"},
            TriageRequested: {"triage"},
            ComplaintAccepted: {"in_work"},
            ComplaintProgressed: {"in_work"},
            InformationRequested: {"asked", "in_work"},
            ComplaintAnswered: {"answered", "in_work"},
            ComplaintRejected: {"rejected"},
            ComplaintClosed: {"closed"},
        }
        assert self.case.state in expected[type(last)]

    @invariant()
    def what_was_said_stands_in_the_history(self) -> None:
        told = [moment.event for moment in self.case.history]
        assert [event.id for event in self.said] == [one for one in told if one in {e.id for e in self.said}]


CaseMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestCaseMachine = CaseMachine.TestCase
