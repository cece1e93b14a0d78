"""Handing LAPOR's own reports in at intake: one whose posting cannot be kept is not posted without end."""

import dataclasses
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ops.stack.stack import Stack
from services.lapor_bridge import handlers, store
from services.lapor_bridge.domain.acts import SubmissionSent
from services.lapor_bridge.domain.city import City
from services.lapor_bridge.domain.link import Link
from services.lapor_bridge.post import AGAIN_AFTER, post
from shared.delivery.fold import Fold
from shared.delivery.posting import Poster
from shared.events.submissions import SubmissionPosted
from tests.lapor_bridge.conftest import Bridge
from tests.lapor_bridge.running import Lapor
from tests.lapor_bridge.test_mirror import fill

pytestmark = pytest.mark.store


def chokes(_link: Link, _act: SubmissionSent, _city: City, _now: datetime) -> NoReturn:
    raise KeyError("a bad deploy")


async def due(bridge: Bridge) -> list[UUID]:
    async with bridge.desk.read() as connection:
        return [key for key, _, _ in await store.due_to_post(connection, bridge.now(), 10)]


async def test_a_posting_that_cannot_be_kept_is_put_off(bridge: Bridge, lapor: Lapor, kafka: Stack) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        if SubmissionPosted.topic not in await admin.list_topics():
            await admin.create_topics([NewTopic(SubmissionPosted.topic, 1, 1)])
    finally:
        await admin.close()
    fill(lapor, institution="DISHUB")
    await bridge.discovery.turn(bridge.desk)
    (key,) = await due(bridge)
    sound = bridge.desk.fold
    broken = Fold(
        {**handlers.hears, SubmissionSent: chokes}, load=sound.load, save=sound.save, city=sound.city
    )
    desk = dataclasses.replace(bridge.desk, fold=broken, poster=Poster([kafka.bootstrap], "lapor_bridge"))
    try:
        await post(desk)
        assert await due(bridge) == []
        bridge.ahead += AGAIN_AFTER + timedelta(seconds=1)
        assert await due(bridge) == [key]
    finally:
        await desk.poster.close()
