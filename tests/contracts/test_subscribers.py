"""Every subscriber as FastStream really holds it: nothing is acknowledged that was not kept."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.subscriber.usecase import BatchSubscriber

from shared.database import Pool
from shared.delivery.consumer import Consumer
from shared.delivery.desk import Desk
from shared.delivery.metrics import Metrics
from shared.delivery.posting import Poster
from tests.contracts.hub import SERVICES, parts_of

REPLICA = 3


@pytest.fixture(params=SERVICES)
async def subscriber(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    """A service's one subscriber, built by the frame on a broker that is never started."""
    parts = parts_of(request.param, tmp_path)
    desk = Desk[Any, Any](
        name=request.param,
        pool=cast("Pool", None),
        fold=parts.fold,
        epoch=1,
        metrics=Metrics(),
        seals=lambda _: parts.seal,
        poster=Poster(["127.0.0.1:1"], request.param),
    )
    broker = KafkaBroker(["127.0.0.1:1"], client_id=request.param, allow_auto_create_topics=False)
    Consumer(broker, desk, REPLICA)
    [only] = broker.subscribers
    assert {str(topic.name) for topic in cast("Any", only).topics} == set(parts.fold.topics)
    yield only
    if parts.close is not None:
        await parts.close()


def test_an_error_gives_the_whole_batch_back(subscriber: Any) -> None:
    assert subscriber.ack_policy is AckPolicy.NACK_ON_ERROR


def test_a_new_group_begins_at_the_beginning_and_commits_only_what_was_kept(subscriber: Any) -> None:
    assert subscriber._connection_args["auto_offset_reset"] == "earliest"
    assert subscriber._connection_args["enable_auto_commit"] is False


def test_a_strangers_reply_to_publishes_nothing(subscriber: Any) -> None:
    assert subscriber._no_reply is True


def test_records_come_in_batches_to_one_worker(subscriber: Any) -> None:
    assert isinstance(subscriber, BatchSubscriber)
    assert subscriber.max_records == 2000
    assert not hasattr(subscriber, "max_workers")


def test_a_replica_keeps_its_partitions_over_a_restart(subscriber: Any) -> None:
    assert subscriber._connection_args["group_instance_id"] == f"{subscriber.group_id}-{REPLICA}"
    assert subscriber.group_id in SERVICES
