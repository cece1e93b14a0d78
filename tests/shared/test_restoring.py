"""A store restored from a backup while Kafka is ahead of it: numbered anew, and nothing is said twice."""

from uuid import uuid4

import pytest

from shared import audit, clock
from shared.delivery import envelope, restoring, sequence
from shared.delivery.desk import Desk
from shared.delivery.record import KeptRecord
from shared.events.notices import NoticeRequested
from tests.shared.test_desk import said, texts
from tests.shared.test_forgetting import SECRET, erased, holds
from tests.shared.world import Owner, Tally, World

pytestmark = pytest.mark.store
Toy = Desk[Tally, World]


async def on_kafka(desk: Toy) -> list[KeptRecord]:
    """All that was said, as it stands on Kafka."""
    rows = await desk.pool.fetch("SELECT * FROM delivery.said ORDER BY position")
    return [
        KeptRecord(
            row["topic"],
            0,
            n,
            int(row["said_at"].timestamp() * 1000),
            row["record_key"].encode(),
            row["value"],
            envelope.headers(
                "toy", row["key"], row["topic"], row["record_key"], row["type"], row["id"], row["sequence"],
                row["said_at"], row["cause"], row["correlation"], row["traceparent"],
            ),
        )
        for n, row in enumerate(rows)
    ]  # fmt: skip


async def test_what_was_said_after_the_backup_is_not_said_again_and_new_words_begin_a_new_epoch(
    desk: Toy, intake: Owner
) -> None:
    key = uuid4()
    one, two, three, four = (intake.replies(key, text) for text in "1234")
    await desk.batch([one])
    await desk.batch([two, three])
    kafka = await on_kafka(desk)
    # the backup knew `one` alone
    await desk.pool.execute("DELETE FROM delivery.said WHERE sequence > $1", sequence.parse("1.1"))
    await desk.pool.execute("DELETE FROM delivery.outbox")
    await desk.pool.execute("UPDATE delivery.keys SET said = $1, heard_intake = $1", sequence.parse("1.1"))
    await desk.pool.execute("UPDATE tallies SET texts = '{1}', size = 1")

    heard = [found for record in kafka if (found := restoring.spoken(record)) is not None]
    async with desk.read() as connection:
        said_before = await restoring.remember(connection, heard, clock.now().date())
        assert len(said_before) == 2
        assert await restoring.remember(connection, heard, clock.now().date()) == []
        epoch = await restoring.raise_epoch(
            connection,
            [number for one, _ in heard if (number := one.number)],
            audit.Operator("sari"),
            "disk",
            clock.now(),
        )
    assert epoch == 2
    desk.epoch = epoch

    await desk.batch([one, two, three])
    assert await texts(desk, key) == ["1", "2", "3"]
    assert await desk.pool.fetchval("SELECT count(*) FROM delivery.outbox") == 0
    async with desk.read() as connection:
        assert await restoring.still_unknown(connection) == []
    await desk.batch([four])
    assert await said(desk, key) == ["1.1", "1.2", "1.3", "2.1"]
    assert [record.headers for record in await on_kafka(desk)][:3] == [record.headers for record in kafka]


async def test_what_was_erased_before_the_backup_comes_back_without_words_and_without_its_notices(
    desk: Toy, intake: Owner
) -> None:
    key = uuid4()
    told = NoticeRequested(
        ticket="0123456789A",
        channel="web",
        conversation=SECRET,
        template="received",
        language="id",
        text=SECRET,
    )
    await desk.batch([intake.replies(key, SECRET)])
    async with desk.transaction([key]) as work:
        await work.say([(key, told.known_as(uuid4()))])
    kafka = await on_kafka(desk)  # it keeps what was published
    await desk.batch([erased(intake, key)])
    await desk.pool.execute(
        "DELETE FROM delivery.said"
    )  # as where the store forgot months ago, or said it later

    heard = [found for record in kafka if (found := restoring.spoken(record)) is not None]
    assert len(heard) == 2
    async with desk.read() as connection:
        written = await restoring.remember(connection, heard, clock.now().date())
    assert [one.topic for one in written] == [heard[0][0].topic]
    assert await holds(desk, SECRET) == set()


async def test_what_was_erased_after_the_backup_is_forgotten_again_and_stays_so(
    desk: Toy, intake: Owner
) -> None:
    key, other = uuid4(), uuid4()
    await desk.batch([intake.replies(key, SECRET), intake.replies(other, "yang lain")])
    # the backup was made here; then it was erased, which intake's topic and another store tell
    told = restoring.erasure(erased(intake, key))
    assert told == (key, "complaint")
    async with desk.read() as connection:
        assert await restoring.erase_again(connection, dict([told])) == [key]
        assert await restoring.erase_again(connection, dict([told])) == []
        assert await restoring.erased(connection) == {key: "complaint"}
    assert await holds(desk, SECRET) == {"public.tallies"}
    await desk.batch([intake.replies(uuid4(), "dan satu lagi")])
    assert await desk.erase_what_came_back() == 0.0
    assert await desk.erase_what_came_back() > 0.0
    assert await holds(desk, SECRET) == set()
    assert await holds(desk, "yang lain") == {"delivery.said", "public.tallies"}
    await desk.batch([intake.replies(key, SECRET)])
    assert await holds(desk, SECRET) == set()


async def test_the_new_epoch_is_above_every_number_that_anybody_has_seen(desk: Toy) -> None:
    async with desk.read() as connection:
        for seen, epoch in ((sequence.parse("1.7"), 2), (sequence.parse("4.2"), 5), (0, 6)):
            found = await restoring.raise_epoch(
                connection, [seen, 0], audit.Operator("sari"), "disk", clock.now()
            )
            assert found == epoch


def test_a_record_that_is_none_of_ours_is_left_out() -> None:
    assert restoring.spoken(KeptRecord("routing.events", 0, 0, 0, b"k", b"{}", ())) is None
    odd = (("ce_id", b"\xff"), ("ce_time", b"2026-03-02T05:00:00Z"))
    assert restoring.spoken(KeptRecord("routing.events", 0, 0, 0, b"k", b"{}", odd)) is None
