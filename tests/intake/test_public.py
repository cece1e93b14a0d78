"""What the public reads: everything, all but the citizen's wording, or status and dates alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.city import City
from services.intake.domain.public import Card, public_view
from services.intake.domain.tickets import ticket_for
from services.intake.domain.timeline import Step
from services.intake.page import in_words, notice_page, ticket_page
from shared.events.parts import Place
from tests.intake.world import KEYS, NOW, fact_id

CITY = City(
    opds={"PUPR": "Dinas Pekerjaan Umum", "PLN": "PLN UP3 Jambi"},
    regions={"15.71.01": "Telanaipura", "15.71.01.1001": "Simpang IV Sipin"},
)
LATER = NOW + timedelta(days=1)
SECRETS = ("Dinas", "PUPR", "lampu", "Simpang", "RT 05", "PLN", "7000001", "WhatsApp")


def step(code: Any, at: datetime | None = NOW, **more: Any) -> Step:
    return Step(code, at, fact_id(code), **more)


def card(**changes: Any) -> Card:
    whole = Card(
        ticket=ticket_for(fact_id("card"), 0, KEYS.tickets),
        channel="whatsapp",
        reported_at=NOW,
        received_at=NOW,
        title="lampu <b>mati</b>",
        text="lampu mati & gelap",
        place=Place(text="depan rumah saya", kelurahan="15.71.01.1001", lat=-1.6, lon=103.6),
        anonymous=False,
        confidential=False,
        status="answered",
        opd="PUPR",
        merged_into=None,
        steps=(
            step("received"),
            step("routed", opd="PUPR"),
            step("linked", reference="7000001"),
            step("waiting", opd="PUPR", text="Di mana?"),
            step("replied", LATER, text="Di RT 05"),
            step("answered", None, opd="PUPR", text="Sudah menyala <3"),
        ),
    )
    return replace(whole, **changes)


def test_an_open_complaint_is_shown_whole_without_point_or_address() -> None:
    view = public_view(card(), CITY)
    assert view.shows == "all"
    assert view.title == "lampu <b>mati</b>"
    assert view.area == "Kelurahan Simpang IV Sipin, Kecamatan Telanaipura"
    assert view.channel == "WhatsApp"
    assert [told.label for told in view.timeline] == [
        "Pengaduan diterima",
        "Diteruskan ke Dinas Pekerjaan Umum",
        "Tercatat di SP4N-LAPOR! dengan nomor 7000001",
        "Dinas Pekerjaan Umum meminta keterangan dari Anda",
        "Pelapor menjawab",
        "Jawaban dari Dinas Pekerjaan Umum",
    ]
    assert "depan rumah" not in view.model_dump_json()
    assert "103.6" not in view.model_dump_json()


def test_of_an_anonymous_reporter_not_one_word_is_shown_but_the_citys_words_are() -> None:
    view = public_view(card(anonymous=True), CITY)
    told = view.model_dump_json()
    assert view.shows == "without_wording"
    assert view.note
    assert "lampu" not in told
    assert "RT 05" not in told
    assert "Sudah menyala" in told


@pytest.mark.parametrize("anonymous", [True, False])
def test_of_a_confidential_complaint_only_status_and_dates_are_shown(anonymous: bool) -> None:
    view = public_view(card(confidential=True, anonymous=anonymous), CITY)
    told = view.model_dump_json() + ticket_page(view)
    assert view.shows == "status_only"
    assert [shown.code for shown in view.timeline] == ["received", "routed", "waiting", "answered"]
    for secret in SECRETS:
        assert secret not in told


def test_that_a_confidential_complaint_was_blocked_is_told_as_closed() -> None:
    view = public_view(card(confidential=True, status="blocked", steps=(step("blocked"),)), CITY)
    assert view.status.code == "closed"
    assert view.timeline[0].code == "closed"
    assert "tayang" not in view.model_dump_json()


def test_a_status_is_told_since_the_step_that_brought_it() -> None:
    steps = (step("received"), step("routed", LATER, opd="PUPR"), step("linked", LATER + timedelta(days=1)))
    view = public_view(card(status="routed", steps=steps), CITY)
    assert view.status.label == "Diteruskan ke Dinas Pekerjaan Umum"
    assert view.status.since == LATER


def test_work_that_goes_on_is_told_since_it_began() -> None:
    steps = (step("accepted", NOW, opd="PUPR"), step("progressed", LATER, opd="PUPR"))
    assert public_view(card(status="in_work", steps=steps), CITY).status.since == NOW


def test_a_rejection_tells_where_to_turn_instead() -> None:
    view = public_view(card(status="rejected", steps=(step("rejected", opd="PLN", text="Bukan kami"),)), CITY)
    assert view.timeline[0].refer_to == "PLN UP3 Jambi"
    assert "Silakan sampaikan kepada: PLN UP3 Jambi" in ticket_page(view)


def test_an_agency_that_the_registry_does_not_know_is_shown_by_its_code() -> None:
    view = public_view(card(status="routed", opd="BARU", steps=(step("routed", opd="BARU"),)), CITY)
    assert view.status.label == "Diteruskan ke BARU"


def test_an_agencys_name_with_braces_or_tags_is_only_text() -> None:
    city = City(opds={"PUPR": "{reference} <script>"})
    page = ticket_page(public_view(card(status="routed"), city))
    assert "{reference} &lt;script&gt;" in page


def test_the_page_escapes_what_people_wrote_and_loads_nothing_from_outside() -> None:
    page = ticket_page(public_view(card(), CITY))
    assert "lampu &lt;b&gt;mati&lt;/b&gt;" in page
    assert "Sudah menyala &lt;3" in page
    assert "waktu tidak diketahui" in page
    assert '<html lang="id">' in page
    assert 'name="viewport"' in page
    for outside in ("<script", "<img", "<link", "http:", "https:", "url("):
        assert outside not in page


def test_times_are_read_in_jambi() -> None:
    assert in_words(datetime(2026, 12, 31, 17, 5, tzinfo=UTC)) == "1 Januari 2027 pukul 00.05 WIB"


def test_a_notice_page_says_what_is_wrong_and_what_to_do() -> None:
    page = notice_page("Tiket tidak ditemukan", "Periksa <nomor>")
    assert "<h1>Tiket tidak ditemukan</h1>" in page
    assert "&lt;nomor&gt;" in page


@given(st.text(max_size=100))
def test_whatever_a_citizen_wrote_is_never_markup(text: str) -> None:
    assert "<tag" not in ticket_page(public_view(card(title=f"<tag{text}>", text=f"<tag{text}>"), CITY))


def test_the_citys_names_are_read_from_its_documents() -> None:
    city = City.from_documents(
        {
            "opds": {"opds": [{"code": "PUPR", "name": "Dinas PU"}]},
            "regions": {
                "kecamatan": [
                    {
                        "code": "15.71.01",
                        "name": "Telanaipura",
                        "kelurahan": [{"code": "15.71.01.1001", "name": "Simpang IV Sipin"}],
                    }
                ]
            },
        }
    )
    assert city.opd("PUPR") == "Dinas PU"
    assert city.area("15.71.01.1001", None) == "Kelurahan Simpang IV Sipin, Kecamatan Telanaipura"
    assert city.area(None, "15.71.01") == "Kecamatan Telanaipura"
    assert city.area(None, "15.71.99") is None
    assert City.from_documents({}).opd("PUPR") == "PUPR"
