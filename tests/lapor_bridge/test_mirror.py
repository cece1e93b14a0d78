"""The bridge against a running SP4N-LAPOR, over real HTTP and on a real store: both directions, and faults."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.lapor_bridge import counting, store
from services.lapor_bridge.discover import nowhere
from services.lapor_bridge.domain.comparing import PERSISTS
from services.lapor_bridge.post import post
from shared.events.ids import complaint_id
from shared.events.intake import ComplaintAmended
from shared.events.lapor import LaporConverged, LaporDiverged, LaporReplied, LaporStatusChanged
from shared.events.parts import By
from shared.events.receipts import SubmissionAccepted
from shared.events.routing import ComplaintClosed, ComplaintRejected
from tests.lapor_bridge.conftest import Bridge
from tests.lapor_bridge.running import Lapor
from tests.lapor_bridge.world import NOW, TICKET, a_complaint, answered, kinds, named, received, routed

KEY = a_complaint(1)


def writes_of_the_hub(lapor: Lapor) -> list[str]:
    rows = lapor.http.get("/control/ledger", params={"side": "api"}).json()["writes"]
    return [row["act"] for row in rows]


def break_next(lapor: Lapor, kind: str, path: str, **more: object) -> None:
    assert lapor.http.post("/control/faults", json={"kind": kind, "path": path, **more}).status_code == 200


def act(lapor: Lapor, tracking_id: str, what: str, **more: object) -> None:
    asked = {"acts": [{"tracking_id": tracking_id, "act": what, **more}]}
    outcome = lapor.http.post("/control/acts", json=asked).json()["results"][0]
    assert "refused" not in outcome, outcome


def fill(lapor: Lapor, **report: object) -> str:
    asked = {"reports": [{"title": "Jalan rusak", "text": "Jalan berlubang di depan pasar.", **report}]}
    return str(lapor.http.post("/control/reports", json=asked).json()["tracking_ids"][0])


def accepted(tracking_id: str) -> SubmissionAccepted:
    return SubmissionAccepted(
        source="lapor",
        reference=tracking_id,
        ticket=TICKET,
        complaint_id=complaint_id("lapor", tracking_id),
        repeated=False,
    )


async def discovered(bridge: Bridge, tracking_id: str) -> UUID:
    """The complaint of a report that intake has taken in."""
    await bridge.discovery.turn(bridge.desk)
    key = complaint_id("lapor", tracking_id)
    await bridge.hear(key, accepted(tracking_id))
    await bridge.discovery.turn(bridge.desk)
    return key


async def test_a_complaint_becomes_a_report_once_and_its_answer_an_item(bridge: Bridge, lapor: Lapor) -> None:
    await bridge.discovery.turn(bridge.desk)
    await bridge.hear(KEY, received(), routed("DISHUB"), answered())
    await bridge.forward(5)
    assert writes_of_the_hub(lapor) == ["create", "answer"]
    link = await bridge.link(KEY)
    shown = lapor.http.get(f"/control/reports/{link.lapor_id}").json()
    assert shown["report"]["disposition_name"] == "Dinas Perhubungan Kota Jambi"
    assert f"Tiket Simpul: {TICKET}" in shown["report"]["content"]
    assert "Sudah diperbaiki." in shown["followups"][0]["content"]
    assert link.content is None
    assert [write.text for write in link.writes] == [None, None]


async def test_what_was_written_after_the_backup_is_found_and_not_written_again(
    bridge: Bridge, lapor: Lapor
) -> None:
    facts = [fact.known_as(uuid4()) for fact in (received(), routed("DISHUB"), answered())]
    await bridge.hear(KEY, *facts)
    await bridge.forward(5)
    written = await bridge.link(KEY)
    for table in ("outbound", "links", "delivery.keys"):  # the backup knew nothing of it
        await bridge.desk.pool.execute(f"DELETE FROM {table}")
    bridge.desk.restored_at = bridge.now()
    await bridge.hear(KEY, *facts)
    await bridge.forward(5)
    assert writes_of_the_hub(lapor) == ["create", "answer"]
    assert (await bridge.link(KEY)).lapor_id == written.lapor_id
    await bridge.hear(KEY, answered().known_as(uuid4()))
    await bridge.forward(5)
    assert writes_of_the_hub(lapor) == ["create", "answer", "answer"]


async def test_a_report_of_ours_seen_before_its_complaint_is_routed_again_becomes_no_second_complaint(
    bridge: Bridge, lapor: Lapor
) -> None:
    facts = [fact.known_as(uuid4()) for fact in (received(), routed("DISHUB"))]
    await bridge.hear(KEY, *facts)
    await bridge.forward()
    written = await bridge.link(KEY)
    for table in ("outbound", "links", "delivery.keys"):  # the backup knew nothing of it
        await bridge.desk.pool.execute(f"DELETE FROM {table}")
    bridge.desk.restored_at = bridge.now()
    for fact in facts:
        await bridge.hear(KEY, fact)
        await bridge.discovery.turn(bridge.desk)
    await bridge.forward()
    async with bridge.desk.read() as connection:
        found = await connection.fetch("SELECT complaint_id, lapor_id FROM links")
    assert [tuple(row) for row in found] == [(KEY, written.lapor_id)]
    assert writes_of_the_hub(lapor) == ["create"]


async def test_our_own_report_and_item_coming_back_are_not_said(bridge: Bridge, lapor: Lapor) -> None:
    await bridge.hear(KEY, received(), routed("DISHUB"), answered())
    await bridge.forward(3)
    for _ in range(3):
        await bridge.discovery.turn(bridge.desk)
    assert kinds([event for _, event in await bridge.said()]) == ["lapor.linked"]


@pytest.mark.parametrize("kind", ["reset", "lost_answer", "truncated", "html", "error_500", "too_many"])
@pytest.mark.parametrize("path", ["/complaints/complaint", "/complaints/followup"])
async def test_whatever_breaks_once_each_thing_is_written_once(
    bridge: Bridge, lapor: Lapor, kind: str, path: str
) -> None:
    break_next(lapor, kind, path, method="POST")
    await bridge.hear(KEY, received(), routed("DISHUB"), answered())
    await bridge.forward(8)
    assert writes_of_the_hub(lapor) == ["create", "answer"]
    assert kinds([event for _, event in await bridge.said()]) == ["lapor.linked"]


@pytest.mark.parametrize("worked", [True, False])
async def test_a_hang_is_looked_up_before_it_is_written_again(
    bridge: Bridge, lapor: Lapor, worked: bool
) -> None:
    break_next(lapor, "hang", "/complaints/complaint", method="POST", seconds=3, worked=worked)
    await bridge.hear(KEY, received(), routed("DISHUB"))
    await bridge.forward()
    link = await bridge.link(KEY)
    assert link.writes[0].state == "attempted"
    await bridge.forward(3)
    assert writes_of_the_hub(lapor) == ["create"]
    assert (await bridge.link(KEY)).lapor_id is not None


async def test_the_listing_finds_our_report_before_the_look_up_does(bridge: Bridge, lapor: Lapor) -> None:
    break_next(lapor, "lost_answer", "/complaints/complaint", method="POST")
    await bridge.hear(KEY, received(), routed("DISHUB"))
    await bridge.forward()
    await bridge.discovery.turn(bridge.desk)
    await bridge.forward(3)
    assert writes_of_the_hub(lapor) == ["create"]
    async with bridge.desk.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM links") == 1


@pytest.mark.parametrize("days", [-3, 1, 3])
async def test_a_clock_that_was_wrong_for_a_while_doubles_and_delays_nothing(
    bridge: Bridge, lapor: Lapor, days: int
) -> None:
    break_next(lapor, "lost_answer", "/complaints/complaint", method="POST")
    bridge.ahead = timedelta(days=days)
    await bridge.hear(KEY, received(), routed("DISHUB"))
    await bridge.forward()
    assert (await bridge.link(KEY)).writes[0].state == "attempted"
    bridge.ahead = timedelta(0)
    await bridge.forward(3)
    assert writes_of_the_hub(lapor) == ["create"]
    assert (await bridge.link(KEY)).lapor_id is not None
    await bridge.hear(KEY, answered())
    await bridge.forward(2)
    assert writes_of_the_hub(lapor) == ["create", "answer"]


async def test_while_lapor_is_away_nothing_is_lost(bridge: Bridge, lapor: Lapor) -> None:
    lapor.go_away()
    await bridge.hear(KEY, received(), routed("DISHUB"), answered())
    await bridge.forward(2)
    lapor.come_back()
    await bridge.forward(4)
    assert writes_of_the_hub(lapor) == ["create", "answer"]


async def test_what_lapor_declines_is_told_after_three_tries(bridge: Bridge, lapor: Lapor) -> None:
    await bridge.hear(KEY, received(), routed("DISHUB"))
    await bridge.forward(2)
    link = await bridge.link(KEY)
    act(lapor, str(link.lapor_id), "archive", by="Admin")
    await bridge.hear(KEY, answered())
    await bridge.forward(5)
    said = [event for _, event in await bridge.said()]
    assert kinds(said) == ["lapor.linked", "lapor.delivery_failed"]
    assert (await bridge.link(KEY)).writes[1].attempts == 3


async def test_a_report_of_lapor_is_handed_in_once(bridge: Bridge, lapor: Lapor) -> None:
    tracking_id = fill(lapor, institution="DISHUB")
    await bridge.discovery.turn(bridge.desk)
    await bridge.discovery.turn(bridge.desk)
    link = await bridge.link(complaint_id("lapor", tracking_id))
    assert link.posting is not None
    assert link.posting.body is not None
    assert link.posting.body.reporter is None
    assert link.posting.body.lapor is not None
    assert link.posting.body.lapor.opd == "DISHUB"
    assert await bridge.said() == []
    assert await post(bridge.desk) > 0


async def test_statuses_dispositions_and_replies_come_once(bridge: Bridge, lapor: Lapor) -> None:
    tracking_id = fill(lapor)
    key = await discovered(bridge, tracking_id)
    act(lapor, tracking_id, "dispose", institution="PUPR")
    act(lapor, tracking_id, "ask", text="Di mana tepatnya?")
    act(lapor, tracking_id, "reply", text="Depan pasar, hubungi 0812-0000-0000.")
    act(lapor, tracking_id, "answer", text="Akan kami perbaiki.")
    for _ in range(3):
        await bridge.discovery.turn(bridge.desk)
    act(lapor, tracking_id, "close", by="Pelapor")
    for _ in range(2):
        await bridge.discovery.turn(bridge.desk)
    said = [event for about, event in await bridge.said() if about == key]
    assert kinds(said) == [
        "lapor.linked",
        "lapor.reassigned",
        "lapor.replied",
        "lapor.replied",
        "lapor.status_changed",
    ]
    replies = [event for event in said if isinstance(event, LaporReplied)]
    assert [(reply.by.kind, reply.text) for reply in replies] == [
        ("citizen", "Depan pasar, hubungi [telepon]."),
        ("opd", "Akan kami perbaiki."),
    ]
    closed = next(event for event in said if isinstance(event, LaporStatusChanged))
    assert (closed.status, closed.state) == ("Ditutup oleh Pelapor", "closed")
    assert closed.by is not None
    assert closed.by.kind == "citizen"
    assert closed.at is not None


async def test_a_renamed_institution_is_no_disposition(bridge: Bridge, lapor: Lapor) -> None:
    tracking_id = fill(lapor, institution="DISHUB")
    await discovered(bridge, tracking_id)
    lapor.http.post("/control/institutions", json={"institution": "DISHUB", "name": "Dinas Baru"})
    act(lapor, tracking_id, "reply", text="Bagaimana kelanjutannya?")
    await bridge.discovery.turn(bridge.desk)
    assert kinds([event for _, event in await bridge.said()]) == ["lapor.linked", "lapor.replied"]


async def test_an_answer_to_a_report_of_lapor_is_written_there(bridge: Bridge, lapor: Lapor) -> None:
    tracking_id = fill(lapor, institution="DISHUB")
    key = await discovered(bridge, tracking_id)
    await bridge.hear(key, answered())
    await bridge.forward(2)
    assert writes_of_the_hub(lapor) == ["answer"]
    await bridge.discovery.turn(bridge.desk)
    assert kinds([event for _, event in await bridge.said()]) == ["lapor.linked"]


async def test_a_closing_here_closes_there_and_does_not_come_back(bridge: Bridge, lapor: Lapor) -> None:
    await bridge.hear(KEY, received(), routed("DISHUB"), answered())
    closed = ComplaintClosed(at=NOW, by=By(kind="rule"), kind="closed", reason="Pelapor tidak menjawab.")
    await bridge.hear(KEY, named(closed, "closed"))
    await bridge.forward(4)
    assert writes_of_the_hub(lapor) == ["create", "answer", "close"]
    for _ in range(2):
        await bridge.discovery.turn(bridge.desk)
    assert kinds([event for _, event in await bridge.said()]) == ["lapor.linked"]


async def test_not_ours_is_asked_of_lapors_admin_once(bridge: Bridge, lapor: Lapor) -> None:
    key = await discovered(bridge, fill(lapor, institution="DISHUB"))
    rejected = ComplaintRejected(
        at=NOW, by=By(kind="person"), kind="not_ours", reason="Milik PLN.", refer_to="PLN"
    )
    break_next(lapor, "lost_answer", "/complaints/process", method="POST")
    await bridge.hear(key, named(rejected, "rejected"))
    await bridge.forward(4)
    assert writes_of_the_hub(lapor) == ["request_refusal"]
    await bridge.discovery.turn(bridge.desk)
    assert kinds([event for _, event in await bridge.said()]) == ["lapor.linked"]


async def later(bridge: Bridge) -> list[tuple[str, str, str | None, str | None]]:
    """A quarter of an hour and a look at the reports later: what was said of both sides until now."""
    bridge.ahead += PERSISTS + timedelta(seconds=1)
    await bridge.discovery.turn(bridge.desk)
    said = [event for _, event in await bridge.said() if isinstance(event, LaporDiverged | LaporConverged)]
    return [(event.type.split(".")[2], event.field, event.ours, event.theirs) for event in said]


async def test_a_report_made_confidential_too_late_is_put_before_a_person_until_lapor_hides_it(
    bridge: Bridge, lapor: Lapor
) -> None:
    await bridge.hear(KEY, received(), routed("DISHUB"))
    await bridge.forward(2)
    await bridge.discovery.turn(bridge.desk)
    secret = ComplaintAmended(at=NOW, by=By(kind="citizen"), changed=("confidential",), confidential=True)
    await bridge.hear(KEY, named(secret, "secret"), answered("Isi yang rahasia."))
    await bridge.forward(2)
    report = str((await bridge.link(KEY)).lapor_id)
    shown = lapor.http.get(f"/control/reports/{report}").json()
    assert (shown["report"]["is_secret"], shown["followups"][0]["is_secret"]) == (0, 1)
    await bridge.discovery.turn(bridge.desk)
    assert not [event for _, event in await bridge.said() if isinstance(event, LaporDiverged)]
    assert await later(bridge) == [("diverged", "confidential", "true", "false")]
    async with bridge.desk.read() as connection:
        assert (await counting.count(connection, bridge.now()))[3:] == (1, 1)
        (one,) = await store.diverged(connection, 10)
    assert (one.ticket, one.lapor_id, one.field, one.agreed) == (TICKET, report, "confidential", "false")
    act(lapor, report, "protect", at=bridge.now().isoformat())
    assert (await later(bridge))[1:] == [("converged", "confidential", "true", "true")]
    assert len(await later(bridge)) == 2
    async with bridge.desk.read() as connection:
        assert await store.count_diverged(connection) == {}


async def test_another_agency_there_that_nobody_follows_here_is_said_once(
    bridge: Bridge, lapor: Lapor
) -> None:
    key = await discovered(bridge, fill(lapor, institution="DISHUB"))
    await bridge.hear(key, routed("DISHUB"))
    assert await later(bridge) == []
    report = str((await bridge.link(key)).lapor_id)
    act(lapor, report, "dispose", institution="PUPR", at=bridge.now().isoformat())
    await bridge.discovery.turn(bridge.desk)
    for _ in range(2):
        assert await later(bridge) == [("diverged", "institution", "DISHUB", "PUPR")]
    act(lapor, report, "dispose", institution="DISHUB", at=bridge.now().isoformat())
    assert (await later(bridge))[1:] == [("converged", "institution", "DISHUB", "DISHUB")]


async def test_while_lapor_is_away_what_it_may_have_done_is_not_said_to_differ(
    bridge: Bridge, lapor: Lapor
) -> None:
    await bridge.hear(KEY, received(), routed("DISHUB"))
    await bridge.forward(2)
    await bridge.discovery.turn(bridge.desk)
    lapor.go_away()
    await bridge.hear(KEY, routed("PUPR", 2))
    assert await later(bridge) == []
    lapor.come_back()
    assert await later(bridge) == [("diverged", "institution", "PUPR", "DISHUB")]


async def test_since_when_lapor_is_away_is_kept_and_forgotten_when_it_answers(
    bridge: Bridge, lapor: Lapor
) -> None:
    async def counted() -> float:
        async with bridge.desk.read() as connection:
            return (await counting.count(connection, bridge.now()))[0]

    lapor.go_away()
    for _ in range(2):
        await bridge.discovery.turn(bridge.desk)
        bridge.ahead += timedelta(minutes=10)
    assert 1200 <= await counted() < 1300
    async with bridge.desk.read() as connection:
        away = await store.away(connection)
    assert away is not None
    assert away.reason == "LAPOR cannot be reached"
    lapor.come_back()
    await bridge.discovery.turn(bridge.desk)
    assert await counted() == 0
    lapor.go_away()
    await bridge.discovery.turn(bridge.desk)
    await nowhere(bridge.desk)
    assert await counted() == 0


async def test_an_unreadable_page_does_not_stop_the_bridge(bridge: Bridge, lapor: Lapor) -> None:
    tracking_id = fill(lapor)
    for kind in ("html", "truncated", "error_500", "too_many", "reset"):
        break_next(lapor, kind, "/complaints")
        assert await bridge.discovery.turn(bridge.desk) >= 1.0
    await bridge.discovery.turn(bridge.desk)
    assert (await bridge.link(complaint_id("lapor", tracking_id))).posting is not None
