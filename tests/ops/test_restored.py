"""What `./simpul restored` says where there is nothing to look through, instead of looking for ever."""

import pytest

from ops import hub
from ops.refusal import Refusal
from ops.restored import see_topics
from ops.stack.stack import Stack

pytestmark = pytest.mark.store


async def test_topics_that_are_missing_are_named_with_what_makes_them(kafka: Stack) -> None:
    await see_topics(kafka, [])
    with pytest.raises(Refusal, match=r"Kafka has no a\.b, c\.d: ./simpul topics --create"):
        await see_topics(kafka, ["c.d", "a.b"])


async def test_a_store_without_tables_is_not_said_to_be_away(postgres: Stack) -> None:
    with pytest.raises(Refusal, match=r"the store of routing lacks tables of this version; ./simpul up"):
        async with hub.store(postgres, "routing") as connection:
            await connection.fetch("SELECT * FROM delivery.of_a_later_version")
