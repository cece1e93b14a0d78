"""Links on a real PostgreSQL: kept as they are, found when they are due, and nobody's name or text too long."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.lapor_bridge import store
from services.lapor_bridge.domain import acts
from services.lapor_bridge.domain.link import Link
from shared.database import Pool
from shared.events.ids import complaint_id
from shared.events.parts import FieldError
from shared.events.receipts import SubmissionRefused
from tests.conftest import MakeStore
from tests.lapor_bridge.conftest import load_jambi
from tests.lapor_bridge.test_mirroring import CLOSED, reply
from tests.lapor_bridge.world import (
    HOUR,
    NOW,
    OURS,
    REPORT,
    THEIRS,
    TICKET,
    accepted,
    answered,
    fold,
    kinds,
    ours,
    received,
    routed,
    sighted,
    standing,
    theirs,
)

pytestmark = pytest.mark.store


@pytest.fixture
async def pool(store_of: MakeStore) -> Pool:
    return await store_of("lapor_bridge")


async def kept(pool: Pool, *links: Link) -> list[Link]:
    """These links, saved and loaded again."""
    async with pool.acquire() as tx, tx.transaction():
        await store.save_links(tx, {link.complaint: link for link in links})
        loaded = await store.load_links(tx, [link.complaint for link in links])
    return [loaded[link.complaint] for link in links]


BEGUN = acts.AttemptBegun(n=0, lease=20)
STAGES = {
    "nothing known": Link(OURS),
    "waits for its first disposition": ours(received(confidential=True)).state,
    "waits to be written": ours(received(), routed(), answered()).state,
    "attempted": ours(received(), routed(), BEGUN).state,
    "postponed": ours(received(), routed(), BEGUN, acts.Postponed(n=0, attempt=1, reason="429")).state,
    "held": ours(received(), routed(), BEGUN, acts.CannotTell(n=0, attempt=1, reason="two")).state,
    "stands in LAPOR": ours(received(), routed(), BEGUN, acts.Delivered(n=0, lapor_id=REPORT)).state,
    "stays here": ours(received(channel="112"), routed()).state,
    "discovered": theirs(sighted(standing=CLOSED)).state,
    "refused": theirs(
        sighted(),
        SubmissionRefused(
            source="lapor", reference=REPORT, errors=(FieldError(field="text", reason="is wrong"),)
        ),
    ).state,
    "shared": theirs(sighted(), accepted(), sighted(replies=(reply("1"),), updated_at=NOW - HOUR)).state,
}


@pytest.mark.parametrize("stage", STAGES)
async def test_a_link_comes_back_as_it_was_kept(pool: Pool, stage: str) -> None:
    link = STAGES[stage]
    assert await kept(pool, link) == [link]
    assert await kept(pool, link) == [link]


async def test_a_complaint_that_nobody_knows_is_blank(pool: Pool) -> None:
    async with pool.acquire() as tx:
        assert await store.load_links(tx, [OURS]) == {OURS: Link(OURS)}


async def test_a_line_that_was_given_up_is_gone(pool: Pool) -> None:
    link = ours(received(), routed(), answered()).state
    await kept(pool, link)
    assert await kept(pool, replace(link, writes=())) == [replace(link, writes=())]


async def test_many_links_are_kept_at_once(pool: Pool) -> None:
    links = [
        replace(ours(received(), routed(), answered()).state, complaint=complaint_id("web", str(number)))
        for number in range(2_000)
    ]
    assert await kept(pool, *links) == links


async def test_what_is_due_is_found_in_order_and_nothing_else(pool: Pool) -> None:
    soon, later = complaint_id("web", "2"), complaint_id("web", "3")
    link = ours(received(), routed()).state
    put_off = fold(link, BEGUN).state
    await kept(
        pool, link, replace(link, complaint=soon, ticket=None), replace(put_off, complaint=later, ticket=None)
    )
    async with pool.acquire() as connection:
        assert set(await store.due_to_work(connection, NOW, 10)) == {OURS, soon}
        assert await store.due_to_work(connection, NOW - timedelta(seconds=1), 10) == []
        assert (await store.due_to_work(connection, NOW + HOUR, 10))[2:] == [later]


async def test_a_submission_waits_word_for_word(pool: Pool) -> None:
    link = theirs(sighted()).state
    await kept(pool, link)
    async with pool.acquire() as connection:
        [(key, posts, body)] = await store.due_to_post(connection, NOW, 10)
        assert (key, posts) == (THEIRS, 0)
        assert link.posting is not None
        assert link.posting.body is not None
        assert body.write() == link.posting.body.write()
        assert await store.due_to_post(connection, NOW - HOUR, 10) == []


async def test_reports_are_known_by_number_and_complaints_by_ticket(pool: Pool) -> None:
    report = theirs(sighted(), accepted()).state
    await kept(pool, ours(received(ticket="0000000000A"), routed()).state, report)
    async with pool.acquire() as connection:
        known = await store.known_reports(connection, [REPORT, "1"])
        assert {number: report.complaint for number, report in known.items()} == {REPORT: THEIRS}
        own = await store.own_tickets(connection, ["0000000000A", TICKET, "0000000000B"])
        assert own["0000000000A"].awaits_report
        assert (own[TICKET].awaits_report, own[TICKET].lapor_id) == (False, REPORT)
        assert len(own) == 2
        assert await store.due_to_look_at(connection, NOW, 10) == [(THEIRS, REPORT)]


async def test_the_cursor_never_goes_back(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await store.reached(connection) is None
        for at in (NOW, NOW - HOUR):
            await store.keep_reached(connection, at)
        assert await store.reached(connection) == NOW


async def test_an_institution_keeps_the_agency_that_it_was_once_found_to_be(pool: Pool) -> None:
    await load_jambi(pool)
    async with pool.acquire() as connection:
        before = await store.load_city(connection)
        await store.keep_institutions(connection, [("7", "Dinas Perhubungan", "DISHUB")], NOW)
        await store.keep_institutions(connection, [("7", "Dinas Baru", None)], NOW + HOUR)
        city = await store.load_city(connection)
        assert city.institution_id("DISHUB") == "7"
        assert before.institution_id("DISHUB") is None
        assert await store.load_city(connection) is city


async def test_a_city_that_a_newer_version_stored_is_read_without_what_this_one_does_not_know(
    pool: Pool,
) -> None:
    await load_jambi(pool)
    await pool.execute(
        "UPDATE city_versions SET digest = '\\x02', documents = jsonb_set(documents, '{lapor,since}', '2031')"
    )
    async with pool.acquire() as connection:
        assert (await store.load_city(connection)).name == "Kota Jambi"


async def test_without_a_city_the_bridge_says_what_to_do(pool: Pool) -> None:
    async with pool.acquire() as connection:
        with pytest.raises(LookupError, match="simpul city load"):
            await store.load_city(connection)


async def test_what_waits_for_a_person_can_be_seen(pool: Pool) -> None:
    await kept(pool, STAGES["held"], STAGES["refused"])
    async with pool.acquire() as connection:
        [stuck] = await store.stuck(connection, 10)
        assert (stuck.ticket, stuck.operation, stuck.state, stuck.reason) == (TICKET, "create", "held", "two")
        assert await store.refused(connection, 10) == [
            (REPORT, [FieldError(field="text", reason="is wrong")])
        ]
        await store.keep_oddities(connection, {"1": "it has no text"}, NOW)
        assert await store.oddities(connection, 10) == [("1", "it has no text", NOW)]
        await store.forget_oddities(connection, ["1"])
        assert await store.oddities(connection, 10) == []
        assert (await store.counts(connection))["outbound"] == {"held": 1}
        assert await store.oldest_waiting(connection) is None


def test_the_stages_are_what_they_say() -> None:
    assert STAGES["discovered"].told == CLOSED
    assert STAGES["shared"].items == {"1"}
    assert STAGES["shared"].seen == standing()
    assert kinds(theirs(sighted(), accepted()).says) == ["lapor.linked"]
