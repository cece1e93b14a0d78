"""Ports: the usual one, a free one where that is taken, the same again next time."""

import socket
from pathlib import Path

from ops.stack.ports import HOST, QUIET_RANGE, Ports, is_free


def test_the_usual_port_is_taken_when_it_is_free(tmp_path: Path) -> None:
    assert Ports(tmp_path / "ports.json", free=lambda _: True).choose("kafka", 9092) == 9092


def test_where_the_usual_one_is_taken_another_is_chosen_and_kept(tmp_path: Path) -> None:
    other = Ports(tmp_path / "ports.json", free=lambda port: port != 9092).choose("kafka", 9092)
    assert other in QUIET_RANGE
    assert Ports(tmp_path / "ports.json", free=lambda _: True).choose("kafka", 9092) == other


def test_two_parts_never_share_one(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "ports.json", free=lambda _: True)
    assert ports.choose("one", 9000) != ports.choose("two", 9000)


def test_a_torn_record_is_chosen_anew(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text('{"kafka": 90')
    assert Ports(tmp_path / "ports.json", free=lambda _: True).choose("kafka", 9092) == 9092


def test_a_port_where_someone_listens_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)
