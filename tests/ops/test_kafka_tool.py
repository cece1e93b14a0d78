"""Kafka's console tools are pointed at the hub's own broker, unless they are told of another."""

import os
from pathlib import Path

import pytest

from ops.kafka_tool import with_server
from ops.refusal import Refusal
from ops.stack.stack import Stack


def test_another_broker_is_asked_where_one_is_named(tmp_path: Path) -> None:
    for options in (["--bootstrap-server", "kafka:9092", "--list"], ["--bootstrap-server=kafka:9092"]):
        assert with_server(options, tmp_path) == options


def test_help_needs_no_broker(tmp_path: Path) -> None:
    assert with_server(["--help"], tmp_path) == ["--help"]


def test_without_a_broker_here_it_is_said_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"\./simpul up starts it"):
        with_server(["--list"], tmp_path)


def test_the_broker_that_runs_here_is_added(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.ports.remember("kafka", 29092)
    stack.processes.adopt("kafka", os.getpid())
    assert with_server(["--list"], tmp_path) == ["--bootstrap-server", "127.0.0.1:29092", "--list"]
