"""What the bridge forgets of an erased complaint, and that nothing more of it is written in LAPOR."""

from dataclasses import replace

from services.lapor_bridge.domain.acts import AttemptBegun, Delivered, NotFoundThere
from services.lapor_bridge.domain.erasing import WHY, forget
from services.lapor_bridge.domain.link import Link
from tests.lapor_bridge.world import REPORT, answered, fold, ours, received, routed, sighted, theirs

WORDS = ("Lampu", "lampu", "diperbaiki", "pasar")


def words_in(link: Link) -> list[str]:
    return [word for word in WORDS if word in repr(link)]


def test_what_was_not_sent_never_is() -> None:
    bare = forget(ours(received(), routed()).state, "complaint")
    assert (bare.forwarding, bare.why, bare.content, bare.writes) == ("never", WHY, None, ())
    assert bare.work_at is None
    assert words_in(bare) == []


def test_a_disposition_after_it_sends_nothing_either() -> None:
    bare = forget(ours(received()).state, "complaint")
    after = forget(fold(bare, routed()).state, "complaint")
    assert (after.forwarding, after.writes) == ("never", ())


def test_of_a_report_that_stands_there_nothing_more_is_written() -> None:
    link = ours(received(), routed(), AttemptBegun(n=0, lease=60.0), Delivered(n=0, lapor_id=REPORT)).state
    link = fold(link, answered("Lampu sudah diperbaiki.")).state
    assert link.work_at is not None
    bare = forget(link, "complaint")
    assert [(write.state, write.text) for write in bare.writes] == [("done", None)] * 2
    assert (bare.lapor_id, bare.linked, bare.work_at) == (REPORT, True, None)
    later = forget(fold(bare, answered("Lampu menyala.", "again")).state, "complaint")
    assert later.work_at is None
    assert words_in(later) == []


def test_an_attempt_of_which_nobody_knows_is_still_settled_and_not_repeated() -> None:
    link = ours(received(), routed(), AttemptBegun(n=0, lease=60.0)).state
    bare = forget(link, "complaint")
    assert bare.writes[0].state == "attempted"
    assert words_in(bare) == []
    found = fold(bare, Delivered(n=0, lapor_id=REPORT)).state
    assert (found.lapor_id, found.linked) == (REPORT, True)
    not_there = forget(fold(bare, NotFoundThere(n=0, attempt=1)).state, "complaint")
    assert (not_there.work_at, not_there.forwarding) == (None, "never")


def test_a_report_that_came_from_there_stays_bound() -> None:
    link = theirs(sighted()).state
    bare = forget(link, "complaint")
    assert bare.lapor_id == REPORT
    assert forget(bare, "complaint") is bare


def test_with_scope_identity_nobody_asks_any_more_who_it_was() -> None:
    link = ours(received(), routed()).state
    bare = forget(link, "identity")
    assert bare.content is not None
    assert bare.content.nameless
    assert forget(bare, "identity") is bare
    assert replace(bare, content=link.content) == link
    there = fold(link, AttemptBegun(n=0, lease=60.0), Delivered(n=0, lapor_id=REPORT)).state
    assert forget(there, "identity") is there
