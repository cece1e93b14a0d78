"""`./simpul status --get` hands a script the one fact that it asks for."""

from typing import Any

import pytest

from ops.refusal import Refusal
from ops.status import fact

FACTS: dict[str, Any] = {
    "ready": True,
    "parts": {
        "routing": {"pid": 7, "url": "http://127.0.0.1:8002"},
        "routing.1": {"pid": 8, "url": "http://127.0.0.1:23232"},
        "sla_monitor": {"pid": None, "url": None},
    },
    "kafka": {"bootstrap": "127.0.0.1:9092"},
    "keys": {"publisher": "simpul_x", "opd:DISHUB": "simpul_y"},
}


def test_an_address_and_a_key_are_found_by_their_dotted_names() -> None:
    assert fact(FACTS, "kafka.bootstrap") == "127.0.0.1:9092"
    assert fact(FACTS, "keys.opd:DISHUB") == "simpul_y"


def test_a_second_replica_has_a_dot_in_its_name() -> None:
    assert fact(FACTS, "parts.routing.url") == "http://127.0.0.1:8002"
    assert fact(FACTS, "parts.routing.1.url") == "http://127.0.0.1:23232"


def test_what_does_not_run_has_no_address() -> None:
    with pytest.raises(Refusal, match=r"\./simpul up"):
        fact(FACTS, "parts.sla_monitor.url")


@pytest.mark.parametrize("path", ["keys.mayor", "keys", "intake.url", "parts.routing.1.url.x"])
def test_a_name_that_is_not_there_is_refused(path: str) -> None:
    with pytest.raises(Refusal, match="there is no"):
        fact(FACTS, path)
