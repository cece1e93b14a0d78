"""How a write goes on: whatever is interrupted wherever, nothing is sent blindly twice and nothing is lost."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.lapor_bridge.domain import acts
from services.lapor_bridge.domain.delivering import DECLINES, LOOKUPS
from services.lapor_bridge.domain.link import Link, backoff
from shared.decision import Refused
from shared.events.fact import Event, Fact
from shared.events.lapor import LaporDeliveryFailed
from tests.lapor_bridge.world import NOW, REPORT, answered, fold, kinds, ours, received, routed

LEASE = 20.0
BEGIN = acts.AttemptBegun(n=0, lease=LEASE)


def begun() -> Link:
    return ours(received(), routed(), answered(), BEGIN).state


def state(link: Link, n: int = 0) -> str:
    write = link.write(n)
    assert write is not None
    return write.state


def test_an_attempt_is_on_record_before_anything_is_sent() -> None:
    write = begun().writes[0]
    assert (write.state, write.attempts, write.begun_at) == ("attempted", 1, NOW)
    assert write.next_at == NOW + timedelta(seconds=LEASE)


def test_nobody_else_may_begin_what_is_begun_or_not_due_or_not_its_turn() -> None:
    for link, act in (
        (begun(), BEGIN),
        (ours(received(), routed(), answered()).state, acts.AttemptBegun(n=1, lease=LEASE)),
        (fold(begun(), acts.Postponed(n=0, attempt=1, reason="away")).state, BEGIN),
    ):
        with pytest.raises(Refused):
            fold(link, act)


def test_a_report_that_was_made_links_both_sides_and_lets_its_items_go() -> None:
    done = fold(begun(), acts.Delivered(n=0, lapor_id=REPORT))
    assert kinds(done.says) == ["lapor.linked"]
    assert (done.state.lapor_id, done.state.origin, done.state.linked) == (REPORT, "hub", True)
    assert done.state.next_write is not None
    assert done.state.next_write.n == 1
    assert fold(done.state, acts.Delivered(n=0, lapor_id=REPORT)).says == []


def test_an_item_waits_for_its_report() -> None:
    assert begun().next_write is not None
    assert begun().next_write.n == 0  # type: ignore[union-attr]
    failed = begun()
    for _ in range(DECLINES):
        failed = fold(failed, acts.Declined(n=0, attempt=failed.writes[0].attempts, reason="422")).state
        if state(failed) == "waiting":
            failed = fold(failed, BEGIN, now=NOW + timedelta(hours=1)).state
    assert (state(failed), failed.next_write, failed.work_at) == ("failed", None, None)


def test_what_lapor_declines_three_times_is_told_as_settled() -> None:
    link = begun()
    says: list[Event] = []
    for _ in range(DECLINES):
        told = fold(link, acts.Declined(n=0, attempt=link.writes[0].attempts, reason="LAPOR answered 422"))
        link, says = told.state, [*says, *told.says]
        if state(link) == "waiting":
            link = fold(link, BEGIN, now=NOW + timedelta(hours=1)).state
    assert says == [
        LaporDeliveryFailed(operation="create", reason="LAPOR answered 422", attempts=DECLINES, settled=True)
    ]


def test_a_declined_item_lets_the_next_one_pass() -> None:
    link = fold(begun(), acts.Delivered(n=0, lapor_id=REPORT), answered("Dan lagi.", name="again")).state
    for attempt in range(1, DECLINES + 1):
        link = fold(link, acts.AttemptBegun(n=1, lease=LEASE), now=NOW + attempt * timedelta(hours=1)).state
        link = fold(link, acts.Declined(n=1, attempt=attempt, reason="422")).state
    assert state(link, 1) == "failed"
    assert link.next_write is not None
    assert link.next_write.n == 2


def test_an_attempt_without_outcome_is_looked_up_and_then_written_again_only_if_it_is_not_there() -> None:
    unsettled = fold(begun(), acts.LeftUnsettled(n=0, attempt=1, reason="no answer", retry_after=30)).state
    assert state(unsettled) == "attempted"
    assert unsettled.work_at == NOW + timedelta(seconds=30)
    assert state(fold(unsettled, acts.NotFoundThere(n=0, attempt=1)).state) == "waiting"
    assert state(fold(unsettled, acts.Delivered(n=0, lapor_id=REPORT)).state) == "done"


def test_where_the_look_up_cannot_tell_a_person_is_asked_and_the_line_stands_still() -> None:
    told = fold(begun(), acts.CannotTell(n=0, attempt=1, reason="two carry its mark"))
    assert [event.settled for event in told.says if isinstance(event, LaporDeliveryFailed)] == [False]
    assert (state(told.state), told.state.next_write) == ("held", None)


def test_a_look_up_that_could_not_be_made_is_made_again_for_about_a_day() -> None:
    link, now = begun(), NOW
    says: list[Event] = []
    for _ in range(LOOKUPS):
        assert state(link) == "attempted"
        told = fold(link, acts.LookupFailed(n=0, attempt=1, reason="away"), now=now)
        link, says, now = told.state, [*says, *told.says], told.state.work_at or now
    assert kinds(says) == ["lapor.delivery_failed"]
    assert timedelta(hours=20) < now - NOW < timedelta(hours=30)


def test_lapor_is_given_the_time_that_it_asks_for() -> None:
    link = fold(begun(), acts.Postponed(n=0, attempt=1, reason="429", retry_after=900)).state
    assert link.work_at == NOW + timedelta(seconds=900)


def test_what_is_told_about_an_older_attempt_is_out_of_date() -> None:
    link = fold(begun(), acts.NotFoundThere(n=0, attempt=1)).state
    link = fold(link, BEGIN, now=NOW + timedelta(seconds=1)).state
    for late in (
        acts.Postponed(n=0, attempt=1, reason="x"),
        acts.Declined(n=0, attempt=1, reason="x"),
        acts.LeftUnsettled(n=0, attempt=1, reason="x"),
        acts.NotFoundThere(n=0, attempt=1),
        acts.CannotTell(n=0, attempt=1, reason="x"),
        acts.LookupFailed(n=0, attempt=1, reason="x"),
    ):
        assert fold(link, late).state is link


def test_the_pause_grows_to_a_quarter_of_an_hour() -> None:
    pauses = [backoff(tries).total_seconds() for tries in range(1, 40)]
    assert pauses[:4] == [5, 10, 20, 40]
    assert max(pauses) == pauses[-1] == 900


@dataclass
class World:
    """LAPOR and the loop, at the level of values: what stands there, and where the loop was cut off."""

    link: Link = field(default_factory=lambda: ours(received(), routed(), answered()).state)
    there: list[int] = field(default_factory=list)
    now: datetime = NOW

    def hand_in(self, act: Fact) -> None:
        self.link = fold(self.link, act, now=self.now).state

    def step(self, cut: str) -> None:
        """One step of the loop as `forward` takes it, cut off by a crash at the place named."""
        self.now += timedelta(hours=1)
        write = self.link.next_write
        if write is None:
            return
        if write.state == "attempted":
            found = write.n in self.there
            known = acts.Delivered(
                n=write.n, lapor_id=REPORT if write.n == 0 else None, item=str(write.n) if write.n else None
            )
            self.hand_in(known if found else acts.NotFoundThere(n=write.n, attempt=write.attempts))
            return
        self.hand_in(acts.AttemptBegun(n=write.n, lease=LEASE))
        if cut == "before sending":
            return
        self.there.append(write.n)
        if cut == "after sending":
            return
        self.hand_in(
            acts.LeftUnsettled(n=write.n, attempt=write.attempts + 1, reason="reset")
            if cut == "answer lost"
            else acts.Delivered(n=write.n, lapor_id=None if write.n else REPORT, item=str(write.n))
        )


@given(st.lists(st.sampled_from(["", "before sending", "after sending", "answer lost"]), max_size=12))
def test_wherever_the_loop_is_cut_off_each_thing_is_written_once(cuts: list[str]) -> None:
    world = World()
    for cut in [*cuts, *[""] * 6]:
        world.step(cut)
        assert len(world.there) == len(set(world.there))
    assert world.there == [0, 1]
    assert [write.state for write in world.link.writes] == ["done", "done"]
    assert [write.text for write in world.link.writes] == [None, None]
