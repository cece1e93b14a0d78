"""The doctor's single looks, where a whole hub is not needed to make them true."""

from datetime import timedelta

import asyncpg
import pytest

from ops import diagnosis
from ops.diagnosis import Patient
from ops.stack.stack import Stack
from services.lapor_bridge import store as mirror
from services.lapor_bridge.domain.link import Difference, Link, Write
from shared import clock
from tests.conftest import MakeStore
from tests.lapor_bridge.world import OURS, TICKET


@pytest.mark.store
async def test_a_broker_without_our_topics_holds_no_record(kafka: Stack) -> None:
    assert await diagnosis._records_held(kafka.bootstrap, {}) == {}


@pytest.mark.store
async def test_what_stands_between_lapor_and_us_is_told_with_what_mends_it(store_of: MakeStore) -> None:
    pool = await store_of("lapor_bridge")
    now = clock.now()
    async with pool.acquire() as store:
        patient = Patient(Stack(), stores={"lapor_bridge": store})
        await mirror.keep_away(store, "LAPOR cannot be reached", now - timedelta(minutes=1))
        assert await diagnosis.lapor(patient) == []
        await mirror.keep_back(store)
        await mirror.keep_away(store, "LAPOR cannot be reached", now - timedelta(minutes=20))
        await mirror.keep_away(store, "LAPOR answered 503", now)
        differs = [
            Difference(field="confidential", ours="true", theirs="false", since=now, said=True, open=True),
            Difference(field="state", ours="closed", theirs="open", since=now, said=True, open=True),
            Difference(field="institution", ours="PUPR", theirs="DISHUB", since=now),
        ]
        held = Write(1, "answer", OURS, None, "PUPR", now, state="held", reason="2 in LAPOR carry its mark")
        link = Link(OURS, ticket=TICKET, lapor_id="9700001", differences=tuple(differs), writes=(held,))
        async with store.transaction():
            await mirror.save_links(store, {OURS: link})
        away, stuck, exposed, other = await diagnosis.lapor(patient)
    assert away.wrong.endswith("LAPOR answered 503")
    assert stuck.wrong == "1 writes to SP4N-LAPOR wait for a person"
    assert exposed.wrong == "1 reports hide less, or more, in SP4N-LAPOR than here"
    assert other.wrong == "SP4N-LAPOR says otherwise than the hub: state 1"
    assert {one.mend.partition(";")[0] for one in (stuck, exposed, other)} == {"./simpul lapor status"}


@pytest.mark.store
async def test_postgresql_tells_how_much_room_its_disk_has_and_keeps_nothing_of_the_question(
    postgres: Stack,
) -> None:
    connection = await asyncpg.connect(postgres.database_dsn("postgres"))
    try:
        assert await diagnosis.disk_of_postgres(connection, least=0, share=0.0) == []
        (full,) = await diagnosis.disk_of_postgres(connection, least=2**60)
        assert (full.part, full.wrong.partition(" has ")[0]) == ("postgres", "its disk")
        assert await connection.fetchval("SELECT to_regclass('pg_temp.disk')") is None
    finally:
        await connection.close()
