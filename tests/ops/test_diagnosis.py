"""The doctor's single looks, where a whole hub is not needed to make them true."""

import pytest

from ops import diagnosis
from ops.stack.stack import Stack


@pytest.mark.store
async def test_a_broker_without_our_topics_holds_no_record(kafka: Stack) -> None:
    assert await diagnosis._records_held(kafka.bootstrap, {}) == {}
