"""Derived ids: the same for ever, and never the same for two things."""

import re
import string
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.events import ids
from shared.events.catalogue import EVENTS

ONE = UUID("0b7f6a52-7a4e-5d55-9d3a-1f0b0c8f6f01")
ROUTED, BREACHED = "simpul.complaint.routed.v1", "simpul.clock.breached.v1"

GOLDEN = {
    ids.complaint_id("sikesal", "2026-000123"): "13c7be8b-f908-526d-8207-4f52d8a5e698",
    ids.complaint_id("lapor", "9100234"): "cf4a3cf9-e277-5939-9ab6-f1b4b1cab113",
    ids.complaint_id("warga", "jalan:rusak ✓"): "f513cf5e-ecbe-5ece-a436-4fa039bb4296",
    ids.submission_id("sikesal", "2026-000123", "5f1c"): "c5b8a811-0aab-59f1-9d2b-63dcd460eebf",
    ids.command_id("sikesal", "5f1c"): "19a3d2e3-a7a5-5767-b9c6-336a21bc667d",
    ids.event_id(ONE, ROUTED, 0): "b5f7e68d-5882-5e0c-a9e1-371a6d67d578",
    ids.event_id(ONE, ROUTED, 1): "23316172-aefa-56fa-9964-12e9e7f48a8e",
    ids.notice_id(ONE, "ZZT868MPA2Y"): "1617b528-3b01-504c-b572-c6d77889701a",
    ids.clock_event_id(ONE, BREACHED, "verify", None, 0, 1): "a594990e-522a-57dd-9e46-e2505813cec7",
    ids.clock_event_id(ONE, BREACHED, "first_response", 2, 0, 1): "34d3c8a3-6c00-5588-986e-5cbeb69cf0da",
}
"""Ids that are out in the world by now: if one of these moves, every repeat becomes a second complaint."""

sources = st.from_regex(re.compile(r"[a-z0-9][a-z0-9._-]{0,63}"), fullmatch=True)
references = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
tricky = st.text(":-" + string.ascii_lowercase[:2], min_size=1, max_size=6)
"""References made of little but separators, where a careless concatenation would meet itself."""
bodies = st.text("0123456789abcdef", min_size=4, max_size=8)
clocks = st.sampled_from(["verify", "first_response", "resolution", "silence", "completion"])
counts = st.integers(min_value=0, max_value=120)
types = st.sampled_from(list(EVENTS))


@pytest.mark.parametrize(("made", "known"), GOLDEN.items(), ids=GOLDEN.values())
def test_an_id_is_what_it_always_was(made: UUID, known: str) -> None:
    assert made == UUID(known)
    assert made.version == 5


@given(
    st.tuples(sources, references | tricky),
    st.tuples(sources, references | tricky),
)
def test_two_complaints_never_share_an_id(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (ids.complaint_id(*one) == ids.complaint_id(*other)) == (one == other)


@given(st.data())
def test_no_reference_can_pass_for_another_source(data: st.DataObject) -> None:
    """Cut one text `a:b:c` at every colon: only the first cut gives a lawful source, so there is one reading."""
    whole = data.draw(st.lists(sources, min_size=2, max_size=4).map(":".join))
    cuts = [(whole[:at], whole[at + 1 :]) for at, letter in enumerate(whole) if letter == ":"]
    lawful = [(source, rest) for source, rest in cuts if re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", source)]
    assert len(lawful) == 1


@given(
    st.tuples(sources, references | tricky, bodies),
    st.tuples(sources, references | tricky, bodies),
)
def test_two_submissions_never_share_an_id(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assert (ids.submission_id(*one) == ids.submission_id(*other)) == (one == other)


@given(st.tuples(st.uuids(), types, counts), st.tuples(st.uuids(), types, counts))
def test_two_events_never_share_an_id(one: tuple[UUID, str, int], other: tuple[UUID, str, int]) -> None:
    assert (ids.event_id(*one) == ids.event_id(*other)) == (one == other)


@given(types, types, clocks, clocks, st.tuples(counts, counts, counts), st.tuples(counts, counts, counts))
def test_two_clock_events_of_a_complaint_never_share_an_id(
    type_: str,
    other_type: str,
    clock: str,
    other_clock: str,
    numbers: tuple[int, int, int],
    other_numbers: tuple[int, int, int],
) -> None:
    one = ids.clock_event_id(ONE, type_, clock, *numbers)
    other = ids.clock_event_id(ONE, other_type, other_clock, *other_numbers)
    assert (one == other) == ((type_, clock, numbers) == (other_type, other_clock, other_numbers))


@given(sources, references)
def test_ids_of_different_sorts_never_meet(source: str, reference: str) -> None:
    assume(":" not in reference)
    made = [
        ids.complaint_id(source, reference),
        ids.submission_id(source, reference, "0"),
        ids.command_id(source, reference),
    ]
    assert len(set(made)) == 3
