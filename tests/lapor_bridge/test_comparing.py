"""Complaint and report compared: what stays different is said once, what is on its way never, and its end once."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.lapor_bridge.domain import acts
from services.lapor_bridge.domain.comparing import FIELDS, PERSISTS
from services.lapor_bridge.domain.link import Link
from shared.events.fact import Event, Fact
from shared.events.intake import ComplaintAmended, ComplaintMerged
from shared.events.lapor import LaporConverged, LaporDiverged
from shared.events.parts import By, ComplaintRef
from shared.events.routing import (
    ComplaintClassified,
    ComplaintClosed,
    ComplaintRejected,
    ComplaintReopened,
    ComplaintRouted,
)
from tests.lapor_bridge.world import (
    CITY,
    NOW,
    OURS,
    REPORT,
    TICKET,
    answered,
    fold,
    named,
    ours,
    received,
    routed,
    standing,
)

MINUTE = timedelta(minutes=1)
A_PERSON = By(kind="person", name="verifikator")


def look(at: datetime, status: str = "Proses", **shown: Any) -> acts.ReportSighted:
    """The report as it was read then."""
    stands = standing(status, as_of=at, **shown)
    return acts.ReportSighted(tracking_id=REPORT, standing=stands, updated_at=at, replies=())


def there(
    at: datetime, opd: str, state: str = "open", status: str = "Proses", **more: Any
) -> acts.ReportSighted:
    return look(at, status, state=state, opd=opd, institution_id=opd, institution=opd, **more)


def shared(opd: str = "LAMPU", **complaint: Any) -> Link:
    """A complaint that stands in LAPOR as well, with the same agency, just looked at."""
    made = ours(
        received(**complaint),
        routed(opd),
        acts.AttemptBegun(n=0, lease=20),
        acts.Delivered(n=0, lapor_id=REPORT),
    )
    flags = {name: made.state.here.__getattribute__(name) for name in ("anonymous", "confidential")}
    return fold(made.state, there(NOW, opd, **flags)).state


class Story:
    """What happens to one link, minute by minute, and what is said of the comparison."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.now = NOW
        self.says: list[Event] = []

    def happens(self, *facts: Fact, after: timedelta = MINUTE) -> "Story":
        self.now += after
        done = fold(self.link, *facts, now=self.now)
        self.link = done.state
        self.says += [one for one in done.says if isinstance(one, LaporDiverged | LaporConverged)]
        return self

    def told(self) -> list[tuple[str, str, str | None, str | None, str | None]]:
        return [
            (one.type.split(".")[2], one.field, one.ours, one.theirs, one.agreed)
            for one in self.says
            if isinstance(one, LaporDiverged | LaporConverged)
        ]


def closed(name: str = "closed") -> Fact:
    return named(ComplaintClosed(at=NOW, by=By(kind="rule"), kind="closed", reason="Selesai."), name)


def made_confidential(value: bool = True) -> Fact:
    event = ComplaintAmended(at=NOW, by=By(kind="citizen"), changed=("confidential",), confidential=value)
    return named(event, f"confidential {value}")


def test_another_agency_there_is_said_when_it_stays_and_its_end_when_they_agree() -> None:
    story = Story(shared())
    story.happens(there(NOW + MINUTE, "JALAN"))
    assert story.told() == []
    assert story.link.look_at == story.now + PERSISTS
    story.happens(there(story.now + PERSISTS, "JALAN"), after=PERSISTS)
    assert story.told() == [("diverged", "institution", "LAMPU", "JALAN", "LAMPU")]
    story.happens(there(story.now + PERSISTS, "JALAN"), after=PERSISTS)
    assert len(story.told()) == 1
    story.happens(routed("JALAN", 2))
    assert story.told()[1:] == [("converged", "institution", "JALAN", "JALAN", "JALAN")]
    story.happens(there(story.now + PERSISTS, "JALAN"), after=PERSISTS)
    assert len(story.told()) == 2
    assert story.link.differences == ()


def test_what_comes_across_in_time_is_never_said() -> None:
    story = Story(shared())
    story.happens(there(NOW + MINUTE, "JALAN")).happens(routed("JALAN", 2))
    story.happens(there(story.now + PERSISTS, "JALAN"), after=PERSISTS)
    assert story.told() == []


def test_an_old_look_says_nothing_however_long_ago_the_difference_began() -> None:
    story = Story(shared())
    story.happens(routed("JALAN", 2))
    story.happens(routed("JALAN", 3), after=10 * PERSISTS)
    story.happens(acts.ReportUnreadable(retry_after=60), after=10 * PERSISTS)
    assert story.told() == []
    assert story.link.look_at == story.now + MINUTE


def test_while_our_own_write_is_under_way_nothing_is_said() -> None:
    story = Story(shared()).happens(answered(), closed())
    for _ in range(3):
        story.happens(there(story.now + PERSISTS, "LAMPU"), after=PERSISTS)
    assert story.told() == []
    for n in (1, 2):
        story.happens(acts.AttemptBegun(n=n, lease=20)).happens(acts.Delivered(n=n))
    story.happens(there(story.now + MINUTE, "LAMPU"))
    assert story.told() == []
    story.happens(there(story.now + PERSISTS, "LAMPU"), after=PERSISTS)
    assert story.told() == [("diverged", "state", "closed", "open", "open")]
    story.happens(there(story.now + MINUTE, "LAMPU", "closed", "Ditutup oleh Admin"))
    assert story.told()[1:] == [("converged", "state", "closed", "closed", "closed")]


def test_a_closing_that_lapor_declines_leaves_a_difference_for_a_person() -> None:
    story = Story(shared()).happens(closed())
    for attempt in (1, 2, 3):
        story.happens(acts.AttemptBegun(n=1, lease=20), after=PERSISTS)
        story.happens(acts.Declined(n=1, attempt=attempt, reason="LAPOR answered 422"))
    story.happens(there(story.now + PERSISTS, "LAMPU"), after=PERSISTS)
    assert story.told() == [("diverged", "state", "closed", "open", "open")]


def test_a_complaint_that_is_made_confidential_after_it_stands_there_is_said_to_differ() -> None:
    story = Story(shared()).happens(made_confidential())
    story.happens(there(story.now + PERSISTS, "LAMPU", anonymous=False, confidential=False), after=PERSISTS)
    assert story.told() == [("diverged", "confidential", "true", "false", "false")]
    story.happens(there(story.now + MINUTE, "LAMPU", anonymous=False, confidential=True))
    assert story.told()[1:] == [("converged", "confidential", "true", "true", "true")]


def test_a_flag_matters_when_all_else_is_over() -> None:
    story = Story(shared())
    story.happens(
        there(story.now + MINUTE, "JALAN", "closed", "Ditutup oleh Pelapor", confidential=False), closed()
    )
    story.happens(made_confidential())
    at = story.now + PERSISTS
    story.happens(there(at, "JALAN", "closed", "Ditutup oleh Pelapor", confidential=False), after=PERSISTS)
    assert [one[:2] for one in story.told()] == [("diverged", "confidential")]


def test_reopened_here_and_closed_there_differ_until_it_is_closed_here() -> None:
    story = Story(shared()).happens(there(NOW + MINUTE, "LAMPU", "closed", "Ditutup oleh Sistem"), closed())
    reopened = ComplaintReopened(at=NOW, by=A_PERSON, reason="Belum selesai.")
    story.happens(named(reopened, "reopened"))
    assert story.link.look_at is not None
    at = story.now + PERSISTS
    story.happens(there(at, "LAMPU", "closed", "Ditutup oleh Sistem"), after=PERSISTS)
    assert story.told() == [("diverged", "state", "open", "closed", "closed")]
    story.happens(closed("closed again"))
    assert story.told()[1:] == [("converged", "state", "closed", "closed", "closed")]


def test_what_was_rejected_here_waits_for_lapors_admin_without_a_word() -> None:
    rejected = ComplaintRejected(
        at=NOW, by=A_PERSON, kind="not_ours", reason="Milik PLN.", refer_to="LISTRIK"
    )
    story = Story(shared()).happens(named(rejected, "rejected"))
    story.happens(acts.AttemptBegun(n=1, lease=20)).happens(acts.Delivered(n=1))
    story.happens(there(story.now + PERSISTS, "LISTRIK"), after=PERSISTS)
    assert story.told() == []


def test_another_kind_there_is_said() -> None:
    said = ComplaintClassified(at=NOW, by=A_PERSON, klasifikasi="berkadar_pengawasan", urgency="normal")
    story = Story(shared()).happens(named(said, "classified"))
    story.happens(there(story.now + PERSISTS, "LAMPU", klasifikasi="aspirasi"), after=PERSISTS)
    story.happens(there(story.now + PERSISTS, "LAMPU", klasifikasi="aspirasi"), after=PERSISTS)
    assert story.told() == [("diverged", "klasifikasi", "berkadar_pengawasan", "aspirasi", None)]


def test_another_difference_in_the_same_field_is_said_as_well_and_the_end_once() -> None:
    story = Story(shared())
    for opd in ("JALAN", "LISTRIK"):
        story.happens(there(story.now + MINUTE, opd))
        story.happens(there(story.now + PERSISTS, opd), after=PERSISTS)
    story.happens(there(story.now + MINUTE, "LAMPU"))
    assert [one[:4] for one in story.told()] == [
        ("diverged", "institution", "LAMPU", "JALAN"),
        ("diverged", "institution", "LAMPU", "LISTRIK"),
        ("converged", "institution", "LAMPU", "LAMPU"),
    ]


def test_where_both_have_ended_nobody_need_agree_on_the_agency() -> None:
    story = Story(shared()).happens(there(NOW + MINUTE, "JALAN"))
    story.happens(there(story.now + PERSISTS, "JALAN"), after=PERSISTS)
    story.happens(there(story.now + MINUTE, "JALAN", "closed", "Ditutup oleh Pelapor"), closed())
    assert story.told() == [
        ("diverged", "institution", "LAMPU", "JALAN", "LAMPU"),
        ("converged", "institution", "LAMPU", "JALAN", None),
    ]


def test_of_a_merged_complaint_only_the_flags_are_compared() -> None:
    into = ComplaintRef(complaint_id=OURS, ticket="22222222222")
    this = ComplaintRef(complaint_id=OURS, ticket=TICKET)
    merged = ComplaintMerged(at=NOW, role="merged", into=into, merged=this, by=A_PERSON)
    story = Story(shared()).happens(named(merged, "merged"))
    for _ in range(2):
        story.happens(there(story.now + PERSISTS, "JALAN", "closed", "Ditutup oleh Admin"), after=PERSISTS)
    assert story.told() == []


def test_an_agency_that_lapor_does_not_name_or_we_do_not_know_says_nothing() -> None:
    story = Story(shared())
    for _ in range(2):
        story.happens(
            look(story.now + PERSISTS, institution_id="9", institution="Kementerian"), after=PERSISTS
        )
    assert story.told() == []


def test_a_city_that_does_not_tell_closings_expects_none_there() -> None:
    link = replace(shared(), here=shared().here.model_copy(update={"state": "closed"}))
    assert FIELDS["state"](link, CITY).verdict == "differ"
    silent = replace(CITY, _lapor=CITY._lapor.model_copy(update={"templates": {}}))
    assert FIELDS["state"](link, silent).verdict == "silent"


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_what_one_side_does_not_tell_is_no_difference(name: Any) -> None:
    link = replace(shared(), seen=standing(state="unknown"))
    assert FIELDS[name](link, CITY).verdict == "silent"


STEPS = st.sampled_from(
    [
        "look LAMPU", "look JALAN", "look closed", "look secret", "routed LAMPU", "routed JALAN", "closed", "reopened",
        "answered", "write", "unreadable", "confidential", "open to all",
    ]
)  # fmt: skip


def a_fact(step: str, story: Story, n: int) -> Fact | None:
    """What this step is, as the link stands; None where it cannot be now."""
    what, _, which = step.partition(" ")
    if what == "look":
        ended = {"state": "closed", "status": "Ditutup oleh Admin"} if which == "closed" else {}
        opd = which if which in ("LAMPU", "JALAN") else (story.link.seen and story.link.seen.opd) or "LAMPU"
        return there(story.now, opd, confidential=which == "secret", anonymous=False, **ended)
    if what == "routed":
        by = By(kind="rule")
        event = ComplaintRouted(at=NOW, by=by, disposition=n + 2, opd=which, trace=("x",))
        return named(event, f"routed {n}")
    if what == "write":
        write = story.link.next_write
        if write is None:
            return None
        if write.state == "waiting":
            return (
                acts.AttemptBegun(n=write.n, lease=20)
                if write.next_at and write.next_at <= story.now
                else None
            )
        return acts.Delivered(n=write.n, item=str(n))
    made: dict[str, Fact] = {
        "closed": closed(f"closed {n}"),
        "reopened": named(ComplaintReopened(at=NOW, by=A_PERSON, reason="x"), f"reopened {n}"),
        "answered": answered(name=f"answered {n}"),
        "unreadable": acts.ReportUnreadable(retry_after=60),
        "confidential": named(made_confidential(), f"confidential {n}"),
        "open": named(made_confidential(False), f"open {n}"),
    }
    return made[what]


@given(st.lists(st.tuples(STEPS, st.integers(0, 40)), max_size=40))
def test_whatever_happens_each_difference_is_said_once_after_it_lasted_and_each_end_once(
    steps: list[tuple[str, int]],
) -> None:
    story = Story(shared())
    open_fields: dict[str, tuple[str | None, str | None]] = {}
    began: dict[str, tuple[tuple[str | None, str | None], datetime]] = {}
    for n, (step, minutes) in enumerate(steps):
        story.now += minutes * MINUTE
        fact = a_fact(step, story, n)
        if fact is None:
            continue
        was_under_way = story.link.next_write is not None
        before = len(story.says)
        story.happens(fact, after=timedelta(0))
        for said in story.says[before:]:
            assert isinstance(said, LaporDiverged | LaporConverged)
            if isinstance(said, LaporConverged):
                assert open_fields.pop(said.field)
                continue
            values = (said.ours, said.theirs)
            assert open_fields.get(said.field) != values
            open_fields[said.field] = values
            assert not was_under_way
            held, since = began[said.field]
            assert held == values
            assert story.now - since >= PERSISTS
            assert step.startswith("look")
        for name, sides_of in FIELDS.items():
            found = sides_of(story.link, CITY)
            held = (found.ours, found.theirs)
            if found.verdict == "differ" and began.get(name, (None,))[0] != held:
                began[name] = (held, story.now)
            elif found.verdict in ("agree", "over"):
                began.pop(name, None)
                assert name not in open_fields
        again = fold(story.link, *([fact] if step.startswith(("look", "routed")) else []), now=story.now)
        assert [one for one in again.says if isinstance(one, LaporDiverged | LaporConverged)] == []
    story.now += PERSISTS
    while story.link.next_write is not None:
        write = story.link.next_write
        story.happens(acts.AttemptBegun(n=write.n, lease=20)) if write.state == "waiting" else None
        story.happens(acts.Delivered(n=write.n, item=f"last {write.n}"))
    seen = story.link.seen
    assert seen is not None
    for _ in range(2):
        story.now += 2 * PERSISTS
        still = seen.model_copy(update={"as_of": story.now})
        last = acts.ReportSighted(tracking_id=REPORT, standing=still, replies=())
        story.happens(last, after=timedelta(0))
    differing = {name for name, sides_of in FIELDS.items() if sides_of(story.link, CITY).verdict == "differ"}
    assert differing == {one.field for one in story.link.differences if one.said} & differing
