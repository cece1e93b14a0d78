"""What OPDs' systems hand in: the same acts by another door, each once, each with a receipt."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.routing.domain.acts import Answer, HandBack, Route
from services.routing.domain.case import Case
from services.routing.domain.city import City
from services.routing.domain.updates import Speaker, unknown_ticket
from services.routing.handlers import routing_fold
from shared.clock import now
from shared.decision import Refused
from shared.delivery.desk import Desk
from shared.delivery.metrics import Metrics
from shared.delivery.posting import Poster
from shared.delivery.record import KeptRecord
from shared.delivery.saying import make_months
from shared.events.parts import Attachment, FieldError
from shared.events.routing import ComplaintAnswered
from shared.events.updates import OpdUpdatePosted, UpdateAccepted, UpdateRefused
from tests.conftest import MakeStore
from tests.routing.test_store import load_documents
from tests.routing.world import (
    AT_LAMPS,
    CLEAR,
    DOCUMENTS,
    HOUR,
    NOW,
    VAGUE,
    a_case,
    done,
    fact_id,
    fold,
    kinds,
    received,
)

TICKET = "0123456789A"
PHOTO = Attachment(id="a1" * 16, name="foto.jpg", media_type="image/jpeg", size=1000, sha256="0" * 64)


def an_update(act: Any, reference: str = "wo-1", place: str | None = None, **more: Any) -> OpdUpdatePosted:
    """As LAMPU's system sends it; `place` names the record, of which a redelivery has the same."""
    fields: dict[str, Any] = {
        "source": "sistem-lampu",
        "reference": reference,
        "opd": "LAMPU",
        "ticket": TICKET,
        "act": act,
        "at": NOW,
    }
    posted = OpdUpdatePosted(**{**fields, **more}).known_as(
        fact_id(place or f"record {reference} {act} {more}")
    )
    return posted.found(Speaker("LAMPU" if posted.source == "sistem-lampu" else None))


def refusal(case: Case, update: OpdUpdatePosted) -> tuple[str, str]:
    """Which field is refused, and why."""
    with pytest.raises(Refused) as refused:
        fold(case, update)
    [error] = refused.value.errors
    return error.field, error.reason


@pytest.mark.parametrize(
    ("state", "act", "text", "said"),
    [
        ("routed", "accept", None, ["complaint.accepted"]),
        ("routed", "progress", "Petugas berangkat.", ["complaint.progressed"]),
        ("in_work", "ask", "Lampu yang mana?", ["information.requested"]),
        ("asked", "answer", "Sudah menyala.", ["complaint.answered"]),
        ("in_work", "hand_back", "Bukan kami.", ["complaint.handed_back", "triage.requested"]),
        ("answered", "close", "Selesai.", ["complaint.closed"]),
    ],
)
def test_an_update_is_the_act_and_then_its_receipt(
    state: Any, act: str, text: str | None, said: list[str]
) -> None:
    decision = fold(a_case(state), an_update(act, text=text))
    assert kinds(decision.says) == [*said, "update.accepted"]
    receipt = decision.says[-1]
    assert isinstance(receipt, UpdateAccepted)
    assert (receipt.source, receipt.reference, receipt.ticket, receipt.repeated) == (
        "sistem-lampu",
        "wo-1",
        TICKET,
        False,
    )


def test_what_was_done_bears_its_own_instant_its_files_and_the_opds_name() -> None:
    at = NOW + timedelta(minutes=30)
    decision = fold(
        a_case("routed"), an_update("answer", at=at, text="Menyala.", attachments=(PHOTO,)), now=NOW + HOUR
    )
    answered = decision.says[0]
    assert isinstance(answered, ComplaintAnswered)
    assert (answered.at, answered.by, answered.attachments) == (at, AT_LAMPS, (PHOTO,))
    last = decision.state.last_act
    assert last is not None
    assert last.attachments == (PHOTO,)


def test_the_same_update_again_is_told_so_and_changes_nothing() -> None:
    once = fold(a_case("routed"), an_update("progress", text="Jalan.")).state
    again = fold(once, an_update("progress", text="Jalan.", place="sent again"))
    assert again.state is once
    [receipt] = again.says
    assert isinstance(receipt, UpdateAccepted)
    assert receipt.repeated


def test_a_repeat_is_a_repeat_whatever_happened_since() -> None:
    case = fold(a_case("routed"), an_update("accept"), an_update("answer", "wo-2", text="Menyala.")).state
    [receipt] = fold(case, an_update("accept", place="late")).says
    assert isinstance(receipt, UpdateAccepted)
    assert receipt.repeated


def test_a_redelivered_record_says_nothing_twice() -> None:
    update = an_update("accept")
    once = fold(a_case("routed"), update).state
    assert fold(once, update).says == ()


def test_the_same_name_with_other_content_is_refused_for_ever() -> None:
    case = fold(a_case("routed"), an_update("accept"), an_update("progress", "wo-2", text="Jalan.")).state
    for other in [
        an_update("answer", text="Menyala."),
        an_update("accept", text="Kami terima."),
        an_update("accept", at=NOW - timedelta(minutes=1)),
        an_update("accept", ticket="0000000002A"),
    ]:
        assert refusal(case, other) == ("reference", "was used for an update with other content")


def test_what_holds_already_is_accepted_as_a_repeat_and_its_name_is_taken() -> None:
    decision = fold(a_case("in_work"), an_update("accept"))
    [receipt] = decision.says
    assert isinstance(receipt, UpdateAccepted)
    assert receipt.repeated
    assert decision.state.last_act == a_case("in_work").last_act
    assert refusal(decision.state, an_update("answer", text="Menyala."))[0] == "reference"


def test_a_system_speaks_for_its_own_opd_alone() -> None:
    field, reason = refusal(a_case("routed"), an_update("accept", opd="JALAN"))
    assert (field, reason) == ("opd", "this source speaks for LAMPU alone")
    for nobody in (an_update("accept", source="sistem-asing"), an_update("accept").model_copy().found(None)):
        field, reason = refusal(a_case("routed"), nobody)
        assert field == "source"
        assert "keys add" in reason


def test_of_a_case_that_never_was_its_opds_a_system_learns_no_more_than_of_none() -> None:
    told = {
        (error.field, error.reason)
        for state in ("triage", "routed", "in_work", "answered", "closed")
        for error in [foreign_refusal(a_case(state))]
    }
    assert told == {("ticket", unknown_ticket().reason)}


def foreign_refusal(case: Case) -> FieldError:
    foreign = an_update("accept", source="sistem-jalan", opd="JALAN").found(Speaker("JALAN"))
    with pytest.raises(Refused) as refused:
        fold(case, foreign)
    [error] = refused.value.errors
    return error


def test_one_that_lost_the_case_is_told_so_and_not_how_it_stands_now() -> None:
    moved = fold(a_case("routed"), done(Route(opd="JALAN")), done(Answer(text="Diaspal."))).state
    field, reason = refusal(moved, an_update("progress", text="Jalan."))
    assert (field, reason) == ("opd", "the case is not with LAMPU; progress is for the OPD that has it")


def test_a_hand_back_that_was_made_by_http_is_no_error_by_kafka() -> None:
    back = fold(a_case("routed"), done(HandBack(reason="Bukan kami."), AT_LAMPS)).state
    assert kinds(fold(back, an_update("hand_back", text="Bukan kami.")).says) == ["update.accepted"]
    assert refusal(back, an_update("hand_back", text="Sungguh bukan."))[0] == "act"


def test_an_impossible_act_is_refused_naming_state_and_act() -> None:
    field, reason = refusal(a_case("closed"), an_update("hand_back", text="Bukan kami."))
    assert field == "act"
    assert reason == "the case is closed; hand_back is possible only where it is routed, in_work"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"act": "progress", "at": NOW + timedelta(minutes=6)}, "at"),
        ({"act": "progress", "at": NOW - HOUR}, "at"),
        ({"act": "answer"}, "text"),
        ({"act": "ask", "text": "   "}, "text"),
        ({"act": "hand_back"}, "text"),
        ({"act": "hand_back", "text": "x", "suggested_opd": "XYZ"}, "suggested_opd"),
        ({"act": "accept", "suggested_opd": "JALAN"}, "suggested_opd"),
        ({"act": "ask", "text": "x", "attachments": (PHOTO,)}, "attachments"),
    ],
)
def test_what_does_not_fit_is_refused_by_field(more: dict[str, Any], field: str) -> None:
    assert refusal(a_case("routed"), an_update(**more))[0] == field


def test_a_clock_that_runs_a_little_ahead_is_set_right() -> None:
    decision = fold(a_case("routed"), an_update("progress", at=NOW + timedelta(minutes=4), text="Jalan."))
    assert decision.says[0].at == NOW  # type: ignore[attr-defined]


# against a real store


class Inbox:
    """Routing's desk with two cases at LAMPU, and records as they come from Kafka."""

    def __init__(self, desk: Desk[Case, City]) -> None:
        self.desk = desk
        self._offset = 0

    async def takes(self, *updates: OpdUpdatePosted | bytes) -> list[tuple[str, Any]]:
        """What is said about a batch of these: the type, and of receipts whether repeated or which fields."""
        records = []
        for update in updates:
            self._offset += 1
            value = update if isinstance(update, bytes) else update.write()
            records.append(KeptRecord("opd.updates", 0, self._offset, 0, b"x", value, ()))
        says = (await self.desk.batch(records)).says
        return [
            (
                event.type.removeprefix("simpul.").removesuffix(".v1"),
                getattr(event, "repeated", None)
                if isinstance(event, UpdateAccepted)
                else [error.field for error in getattr(event, "errors", ())],
            )
            for event in says
        ]


@pytest.fixture
async def inbox(store_of: MakeStore) -> Inbox:
    pool = await store_of("routing")
    async with pool.acquire() as connection:
        await load_documents(connection, DOCUMENTS)
        await make_months(connection, now().date())
    desk: Desk[Case, City] = Desk(
        name="routing",
        pool=pool,
        fold=routing_fold({"sistem-lampu": "LAMPU", "sistem-jalan": "JALAN"}.get),
        epoch=1,
        metrics=Metrics(),
        seals=lambda _: None,
        poster=Poster(["127.0.0.1:1"], "routing"),
        clock=lambda: NOW,
    )
    await desk.hand_in(
        [
            (UUID(int=1), received(CLEAR)),
            (UUID(int=2), received(CLEAR, ticket="0000000002A").known_as(fact_id("second"))),
            (UUID(int=3), received(VAGUE, ticket="0000000003A").known_as(fact_id("third"))),
        ]
    )
    return Inbox(desk)


@pytest.mark.store
async def test_a_ticket_finds_its_case_and_an_unknown_one_is_refused(inbox: Inbox) -> None:
    said = await inbox.takes(
        an_update("accept"),
        an_update("accept", "wo-9", ticket="9999999999Z"),
        an_update("accept", "wo-2", ticket="0000000002A"),
    )
    assert said == [
        ("complaint.accepted", []),
        ("update.accepted", False),
        ("update.refused", ["ticket"]),
        ("complaint.accepted", []),
        ("update.accepted", False),
    ]
    assert await inbox.desk.pool.fetchval("SELECT count(*) FROM delivery.dead_letters") == 0


@pytest.mark.store
async def test_a_name_is_taken_once_about_whichever_case(inbox: Inbox) -> None:
    await inbox.takes(an_update("accept"))
    assert await inbox.takes(an_update("accept")) == [("update.accepted", True)]
    assert await inbox.takes(an_update("accept", ticket="0000000002A")) == [("update.refused", ["reference"])]
    assert await inbox.takes(an_update("accept", ticket="9999999999Z")) == [("update.refused", ["reference"])]


@pytest.mark.store
async def test_one_name_for_two_cases_in_one_batch_is_taken_for_the_first(inbox: Inbox) -> None:
    said = await inbox.takes(an_update("accept"), an_update("accept", ticket="0000000002A"))
    assert [what for what, _ in said] == ["complaint.accepted", "update.accepted", "update.refused"]
    assert await inbox.takes(an_update("accept", ticket="0000000002A")) == [("update.refused", ["reference"])]


@pytest.mark.store
async def test_a_system_that_gives_all_its_updates_one_name_stops_nobody_else(inbox: Inbox) -> None:
    tickets = [f"00000001{n}0A" for n in range(8)]
    await inbox.desk.hand_in(
        [
            (UUID(int=100 + n), received(CLEAR, ticket=one).known_as(fact_id(one)))
            for n, one in enumerate(tickets)
        ]
    )
    said = await inbox.takes(*(an_update("accept", "wo", place=one, ticket=one) for one in tickets))
    assert said[:2] == [("complaint.accepted", []), ("update.accepted", False)]
    assert said[2:] == [("update.refused", ["reference"])] * 7


@pytest.mark.store
async def test_what_was_refused_is_not_done_when_its_record_comes_again(inbox: Inbox) -> None:
    closes = KeptRecord("opd.updates", 0, 1, 0, b"x", an_update("close", "wo-7", text="Selesai.").write(), ())
    early = await inbox.desk.batch([closes])
    assert [type(said) for said in early.says] == [UpdateRefused]
    await inbox.desk.batch(
        [KeptRecord("opd.updates", 0, 2, 0, b"x", an_update("answer", "wo-8", text="Sudah.").write(), ())]
    )
    again = await inbox.desk.batch([closes])  # killed before its offset was committed, it reads it once more
    assert (list(again.says), again.repeats) == ([], 1)
    state = await inbox.desk.pool.fetchval("SELECT state FROM cases WHERE complaint_id = $1", UUID(int=1))
    assert state == "answered"


@pytest.mark.store
async def test_an_unknown_ticket_stays_refused_when_the_record_comes_again(inbox: Inbox) -> None:
    update = an_update("accept", "wo-9", ticket="0000000009A")
    record = KeptRecord("opd.updates", 0, 1, 0, b"x", update.write(), ())
    assert [type(said) for said in (await inbox.desk.batch([record])).says] == [UpdateRefused]
    await inbox.desk.hand_in(
        [(UUID(int=9), received(CLEAR, ticket="0000000009A").known_as(fact_id("ninth")))]
    )
    assert list((await inbox.desk.batch([record])).says) == []


@pytest.mark.store
async def test_what_breaks_the_contract_is_refused_where_its_sender_can_be_told(inbox: Inbox) -> None:
    broken = b'{"source": "sistem-lampu", "reference": "wo-1", "opd": "LAMPU", "act": "dance"}'
    assert await inbox.takes(broken) == [("update.refused", ["ticket", "act", "at"])]
    assert await inbox.takes(b"{}") == []
    assert await inbox.desk.pool.fetchval("SELECT count(*) FROM delivery.dead_letters") == 1


@pytest.mark.store
async def test_of_what_nobody_can_be_told_of_only_its_place_is_kept(inbox: Inbox) -> None:
    assert await inbox.takes(b'{"text": "Ibu Contoh, 0800-000-1234"}') == []
    (letter,) = await inbox.desk.pool.fetch(
        "SELECT d.value, d::text AS whole FROM delivery.dead_letters AS d"
    )
    assert letter["value"] is None
    assert "opd.updates" in letter["whole"]
    assert b"0800-000-1234".hex() not in letter["whole"]


@pytest.mark.store
async def test_an_update_about_a_case_in_triage_is_refused_and_others_go_on(inbox: Inbox) -> None:
    said = await inbox.takes(an_update("accept", "wo-3", ticket="0000000003A"), an_update("accept"))
    assert said == [("update.refused", ["ticket"]), ("complaint.accepted", []), ("update.accepted", False)]
