"""What officials write leaves routing without what names a person; the city's own numbers stand."""

import typing
from typing import Any

import pytest
from pydantic import ValidationError

from services.routing.domain import acts
from services.routing.domain.acts import Act, Answer, Close, HandBack, Progress, Reject, Reopen, Route
from services.routing.domain.case import Case
from services.routing.domain.updates import Speaker
from shared.events.parts import Attachment
from shared.events.updates import OpdUpdatePosted, UpdateAccepted
from tests.routing.world import ACTS, AT_LAMPS, NOW, VAGUE, a_case, done, fact_id, fold, received

NIK, PHONE, EMAIL = "1571014599990001", "0800-000-1234", "warga.17@contoh.invalid"
QUOTING = f"Ibu Contoh, NIK {NIK}, hp {PHONE}, {EMAIL}."
MASKED = "Ibu Contoh, NIK [NIK], hp [telepon], [surel]."
KINDS = ("NIK", "telepon", "surel")

FILE: dict[str, Any] = {"id": "a1" * 16, "media_type": "image/jpeg", "size": 1, "sha256": "0" * 64}

IN_WORDS: list[tuple[Any, Act, str]] = [
    ("triage", Route(opd="LAMPU", note=QUOTING), "note"),
    ("triage", Reject(kind="unclear", reason=QUOTING), "reason"),
    ("in_work", Progress(text=QUOTING), "text"),
    ("in_work", acts.Ask(question=QUOTING), "question"),
    ("in_work", HandBack(reason=QUOTING), "reason"),
    ("routed", acts.Accept(text=QUOTING), "text"),
    ("routed", Answer(text=QUOTING), "text"),
    ("answered", Close(reason=QUOTING), "reason"),
    ("closed", Reopen(reason=QUOTING), "reason"),
    ("in_work", acts.Extend(clock="resolution", days=2, reason=QUOTING), "reason"),
]


@pytest.mark.parametrize(("state", "act", "field"), IN_WORDS, ids=lambda one: getattr(one, "name", ""))
def test_whoever_is_quoted_by_an_official_is_not_named_in_what_is_said_or_kept(
    state: Any, act: Act, field: str
) -> None:
    decision = fold(a_case(state), done(act))
    words = [getattr(event, field) for event in decision.says if getattr(event, field, None)]
    assert words == [MASKED]
    everything = repr(decision.state) + "".join(event.write().decode() for event in decision.says)
    assert not [name for name in (NIK, PHONE, EMAIL) if name in everything]
    assert [moment.masked for moment in decision.state.history if moment.text == MASKED] == [KINDS]


def test_each_act_that_holds_words_is_in_the_table_above() -> None:
    tried = {type(act) for _, act, _ in IN_WORDS}
    coded = {"opd", "suggested_opd", "category", "attachments", "urgency", "klasifikasi", "clock", "kind"}
    for kind in {type(act) for act in ACTS.values()}:
        worded = {name for name, hint in typing.get_type_hints(kind).items() if "str" in str(hint)}
        words = worded & set(kind.model_fields) - coded
        assert words <= set(acts._WORDS), kind
        assert kind in tried or not words


def test_who_is_named_to_turn_to_has_no_number_of_his_own() -> None:
    reject = Reject(kind="not_ours", reason="Bukan kota.", refer_to=f"Pak RT {PHONE}")
    (said,) = fold(a_case("triage"), done(reject)).says
    assert getattr(said, "refer_to", None) == "Pak RT [telepon]"


def test_an_offices_own_number_stands_and_one_that_it_gave_up_does_not() -> None:
    text = f"Hubungi loket kami (0799) 600000 atau +62 799 600000, bukan 0799-611111 dan bukan {PHONE}."
    case = fold(a_case("routed"), done(Answer(text=text), AT_LAMPS)).state
    assert case.last_act is not None
    assert case.last_act.text == (
        "Hubungi loket kami (0799) 600000 atau +62 799 600000, bukan [telepon] dan bukan [telepon]."
    )
    assert case.last_act.masked == ("telepon",)


def test_the_same_words_again_say_nothing_though_they_were_masked() -> None:
    once = fold(a_case("routed"), done(Answer(text=QUOTING), name="once")).state
    again = fold(once, done(Answer(text=QUOTING), name="again"))
    assert (again.state, again.says) == (once, ())


def test_an_opds_own_system_is_masked_alike_and_told_so_also_when_it_repeats_itself() -> None:
    def update(record: str) -> OpdUpdatePosted:
        return (
            OpdUpdatePosted(
                source="sistem-lampu",
                reference="wo-1",
                opd="LAMPU",
                ticket="0123456789A",
                act="answer",
                at=NOW,
                text=QUOTING,
                attachments=(Attachment(name=f"foto {NIK}.jpg", **FILE),),
            )
            .known_as(fact_id(record))
            .found(Speaker("LAMPU"))
        )

    first = fold(a_case("routed"), update("first"))
    answered, receipt = first.says
    assert getattr(answered, "text", None) == MASKED
    assert getattr(answered, "attachments")[0].name == "foto [NIK].jpg"  # noqa: B009
    assert isinstance(receipt, UpdateAccepted)
    assert receipt.masked == KINDS
    (repeat,) = fold(first.state, update("again")).says
    assert isinstance(repeat, UpdateAccepted)
    assert (repeat.repeated, repeat.masked) == (True, KINDS)


@pytest.mark.parametrize("wrong", [{"id": NIK}, {"media_type": f"image/{NIK}"}, {"sha256": PHONE}])
def test_a_cited_file_holds_no_words_but_its_name(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="as intake keeps it"):
        Answer.model_validate({"text": "Selesai.", "attachments": [FILE | {"name": "foto.jpg"} | wrong]})


def test_words_without_identifiers_are_said_as_they_were_written() -> None:
    case = fold(Case(), received(VAGUE), done(Route(opd="LAMPU", note="Tiang 12, RT 05."))).state
    assert [moment.masked for moment in case.history if moment.text == "Tiang 12, RT 05."] == [()]
