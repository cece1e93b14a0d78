"""deploy/topics.yaml: what it may say, and that it agrees with the code's catalogue of events."""

from pathlib import Path

import pytest

from ops import topics
from ops.refusal import Refusal

SOUND = """
defaults: {partitions: 12, cleanup: delete, max_message_bytes: 1048576, retention_days: 30}
topics:
  letters: {producers: [intake], consumers: [others], key: id, personal_data: false, text: true}
"""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "topics.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_list_is_sound_and_holds_every_topic_of_the_contracts() -> None:
    assert set(topics.read()) == {
        "intake.submissions",
        "intake.receipts",
        "intake.events",
        "intake.notices",
        "routing.events",
        "opd.updates",
        "routing.receipts",
        "lapor.events",
        "sla.events",
        "sla.state",
        "sla.aggregate",
    }


def test_a_whole_inline_attachment_fits_into_a_submission() -> None:
    in_base64 = 4 * (1024 * 1024 + 2) // 3
    assert topics.read()["intake.submissions"].max_message_bytes > in_base64 + 512 * 1024


def test_what_carries_text_does_not_stay_for_ever() -> None:
    assert all(topic.retention_days for topic in topics.read().values() if topic.text)


def test_a_topic_is_told_to_kafka_in_its_own_words(tmp_path: Path) -> None:
    letters = topics.read(written(tmp_path, SOUND))["letters"]
    assert letters.configs["retention.ms"] == str(30 * 24 * 60 * 60 * 1000)
    assert letters.configs["cleanup.policy"] == "delete"


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ("text: true", "text: true, retention_days: null", "masking is not erasure"),
        ("personal_data: false", "personal_data: true", "one service alone"),
        ("key: id", "key: id, colour: red", "letters: colour"),
        ("producers: [intake]", "producers: [nobody]", "letters: producers"),
        ("partitions: 12", "partitions: 0", "letters: partitions"),
        ("text: true", "text: false, cleanup: compact", "compacted"),
    ],
)
def test_a_senseless_list_is_refused_by_topic_and_field(
    tmp_path: Path, was: str, becomes: str, words: str
) -> None:
    with pytest.raises(Refusal, match=words):
        topics.read(written(tmp_path, SOUND.replace(was, becomes)))
