"""deploy/topics.yaml against the code: who hears what, who says what, and what must not stay."""

import ast
from pathlib import Path

import pytest

from ops import contracts, topics
from shared.delivery.saying import LARGEST_EVENT
from shared.events.catalogue import EVENTS, OWNER_TOPICS
from shared.events.fact import Event
from tests.contracts.hub import SERVICES, parts_of

LISTED = topics.read()
SPOKEN = {kind.topic for kind in EVENTS.values()}

Each = pytest.mark.parametrize("service", SERVICES)


def test_every_topic_that_an_event_travels_on_is_listed() -> None:
    assert set(LISTED) >= SPOKEN


@Each
def test_a_service_hears_the_topics_that_list_it_as_a_consumer(service: str, tmp_path: Path) -> None:
    listed = {name for name, topic in LISTED.items() if service in topic.consumers and name in SPOKEN}
    assert set(parts_of(service, tmp_path).fold.topics) == listed


@Each
def test_a_service_says_on_the_topics_that_list_it_as_a_producer(service: str, tmp_path: Path) -> None:
    heard = set(parts_of(service, tmp_path).fold.types.values())
    said = {kind.topic for kind in _mentioned(service) - heard}
    listed = {name for name, topic in LISTED.items() if service in topic.producers and name in SPOKEN}
    assert said == listed
    assert parts_of(service, tmp_path).says == listed


def _mentioned(service: str) -> set[type[Event]]:
    """The event classes whose names stand in a service's code, imports aside."""
    kinds = {kind.__name__: kind for kind in EVENTS.values()}
    folder = contracts.ROOT / "services" / service
    names = {
        node.id if isinstance(node, ast.Name) else node.attr
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name | ast.Attribute)
    }
    return {kinds[name] for name in names & kinds.keys()}


@Each
def test_a_service_lists_one_major_of_a_type(service: str, tmp_path: Path) -> None:
    heard = [type_.rpartition(".v")[0] for type_ in parts_of(service, tmp_path).fold.types]
    assert len(heard) == len(set(heard))


@Each
def test_what_is_not_keyed_by_complaint_says_how_it_is_found(service: str, tmp_path: Path) -> None:
    fold = parts_of(service, tmp_path).fold
    otherwise = {kind for kind in fold.types.values() if LISTED[kind.topic].key != "complaint id"}
    assert set(fold.keys) | set(fold.lookups) >= otherwise


@Each
def test_strangers_are_answered_and_their_dead_letters_sealed(service: str, tmp_path: Path) -> None:
    parts = parts_of(service, tmp_path)
    from_outside = {name for name in parts.fold.topics if "others" in LISTED[name].producers}
    assert set(parts.fold.refuses) == from_outside
    personal = {name for name in parts.fold.topics if LISTED[name].personal_data}
    assert personal <= set(parts.fold.inbound), (
        "the fold keeps of strangers' dead letters only what is sealed"
    )
    assert set(parts.sealed) == (personal if parts.seal is not None else set())


def test_every_owner_has_its_topic_to_itself() -> None:
    for name in OWNER_TOPICS:
        assert len(LISTED[name].producers) == 1
        assert LISTED[name].key == "complaint id"


def test_only_what_others_write_carries_personal_data_and_only_for_a_week_and_to_one_reader() -> None:
    personal = {name: topic for name, topic in LISTED.items() if topic.personal_data}
    assert {name: topic.consumers for name, topic in personal.items()} == {
        "intake.submissions": ("intake",),
        "opd.updates": ("routing",),
    }
    assert {topic.retention_days for topic in personal.values()} == {7}


def test_what_somebody_wrote_does_not_stay_for_ever() -> None:
    wrote = {kind.topic for kind in EVENTS.values() if _carries_text(contracts.schema_of(kind))}
    assert {name for name in wrote if not LISTED[name].text} == set()
    for name, topic in LISTED.items():
        if topic.text:
            assert topic.retention_days is not None, name
            assert topic.retention_days <= 30, name


def _carries_text(schema: contracts.Schema) -> bool:
    """Whether a field may hold a long text: what a citizen or an official wrote."""
    if isinstance(schema, dict):
        return schema.get("maxLength", 0) >= 10_000 or any(_carries_text(inner) for inner in schema.values())
    return isinstance(schema, list) and any(_carries_text(inner) for inner in schema)


def test_the_largest_event_that_may_be_said_fits_its_topic_with_its_headers() -> None:
    for name in SPOKEN:
        assert LISTED[name].max_message_bytes >= LARGEST_EVENT + 40_000, name


def test_a_submission_with_a_full_attachment_fits_its_topic() -> None:
    attachment = 4 * (-(-(1024 * 1024) // 3))
    assert LISTED["intake.submissions"].max_message_bytes > attachment + 10_000 * 4 + 40_000
