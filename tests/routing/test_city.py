"""The registry of Kota Jambi as it is committed, and what a registry must refuse."""

import copy
from datetime import date
from typing import Any

import pytest

from services.routing.domain.city import DOCUMENTS, City, CityRefused, parse_city
from shared.events.parts import Place
from tests.city import documents

ON = date(2026, 11, 24)
DOCS = documents(DOCUMENTS)


@pytest.fixture
def docs() -> dict[str, Any]:
    return copy.deepcopy(DOCS)


@pytest.fixture(scope="module")
def jambi() -> City:
    return parse_city(DOCS, version=3)


def test_the_city_has_eleven_kecamatan_and_sixty_eight_kelurahan(jambi: City) -> None:
    assert len(jambi.kecamatan) == 11
    assert sum(len(kecamatan.kelurahan) for kecamatan in jambi.kecamatan) == 68


def test_every_kecamatan_has_an_office_that_can_be_told(jambi: City) -> None:
    for kecamatan in jambi.kecamatan:
        office = jambi.kecamatan_office(Place(kecamatan=kecamatan.code), ON)
        assert office is not None
        assert office.inside
        assert kecamatan.name in office.name


def test_a_place_without_known_codes_has_no_office(jambi: City) -> None:
    assert jambi.kecamatan_office(None, ON) is None
    assert jambi.kecamatan_office(Place(text="di sini"), ON) is None
    assert jambi.kecamatan_office(Place(kecamatan="31.71.01"), ON) is None


def test_a_kelurahan_tells_its_kecamatan(jambi: City) -> None:
    assert jambi.kecamatan_code(Place(kelurahan="15.71.09.1005")) == "15.71.09"


@pytest.mark.parametrize(
    ("topic", "told", "owner", "inside"),
    [
        ("street_lights", (), "PERKIM", True),
        ("potholes", (), "PUPR", True),
        ("potholes", ("national_road",), "BPJN", False),
        ("potholes", ("pipe_trench",), "TIRTAMAYANG", True),
        ("schools", ("senior_school",), "DISDIK-PROV", False),
        ("power_cuts", (), "PLN", False),
        ("garbage", (), "DLH", True),
        ("water_supply", (), "TIRTAMAYANG", True),
    ],
)
def test_the_rule_of_the_day_names_the_owner(
    jambi: City, topic: str, told: tuple[str, ...], owner: str, inside: bool
) -> None:
    found = jambi.owner(topic, None, ON, frozenset(told))
    assert (found.code, found.inside) == (owner, inside)


def test_the_kecamatan_owns_where_the_place_is_known_and_lacks_where_it_is_not(jambi: City) -> None:
    assert jambi.owner("kelurahan_service", Place(kecamatan="15.71.09"), ON).code == "KEC-ALAM-BARAJO"
    unknown = jambi.owner("kelurahan_service", None, ON)
    assert (unknown.code, unknown.lacking) == (None, "kecamatan_unknown")


def test_a_duty_that_moves_is_one_new_dated_rule(docs: dict[str, Any]) -> None:
    rule = next(rule for rule in docs["routing"]["owners"] if rule["topic"] == "street_lights")
    rule["valid_to"] = date(2026, 2, 9)
    docs["routing"]["owners"].append(
        {"topic": "street_lights", "opd": "DISHUB", "valid_from": date(2026, 2, 10), "certainty": "B"}
    )
    city = parse_city(docs)
    assert city.owner("street_lights", None, date(2026, 2, 9)).code == "PERKIM"
    moved = city.owner("street_lights", None, date(2026, 2, 10))
    assert (moved.code, moved.rule) == ("DISHUB", "street_lights@2026-02-10")


def test_an_agency_that_ended_owns_nothing_after_that_day(docs: dict[str, Any]) -> None:
    perkim = next(opd for opd in docs["opds"]["opds"] if opd["code"] == "PERKIM")
    perkim["valid_to"] = date(2026, 6, 30)
    city = parse_city(docs)
    assert city.owner("street_lights", None, date(2026, 6, 30)).code == "PERKIM"
    assert city.owner("street_lights", None, date(2026, 7, 1)).lacking == "opd_not_in_force"


@pytest.mark.parametrize(
    ("institution", "code"),
    [
        ("Dinas Perhubungan Kota Jambi", "DISHUB"),
        ("DINAS PERHUBUNGAN", "DISHUB"),
        ("dishub", "DISHUB"),
        ("Kec. Telanaipura", "KEC-TELANAIPURA"),
        ("Kecamatan Kota Baru", "KEC-KOTA-BARU"),
        ("Perumda Air Minum\u00a0Tirta Mayang", "TIRTAMAYANG"),
        ("PT PLN (Persero) UP3 Jambi", "PLN"),
    ],
)
def test_lapor_names_an_institution_in_many_spellings(jambi: City, institution: str, code: str) -> None:
    found = jambi.opd_by_institution(institution, ON)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize(
    "institution", ["Pemerintah Kota Jambi", "PEMKOT", "Dinas Kebahagiaan", "", "Dinas Sosial Kab. Bandung"]
)
def test_the_government_itself_and_strangers_are_no_agency(jambi: City, institution: str) -> None:
    assert jambi.opd_by_institution(institution, ON) is None


def test_a_category_is_known_by_id_by_name_and_by_top_and_name(jambi: City) -> None:
    by_id = jambi.category("1397")
    assert by_id is not None
    assert by_id.topic == "potholes"
    assert jambi.category("Jalan Berlubang") is by_id
    assert jambi.category("pekerjaan umum dan penataan ruang /  jalan berlubang") is by_id
    assert jambi.category("Jalan\u00a0Berlubang") is by_id


def test_a_category_name_that_means_several_things_means_nothing(docs: dict[str, Any]) -> None:
    docs["categories"]["categories"] += [
        {"top": "Satu", "sub": "Kembar", "topic": "garbage", "strength": "high", "certainty": "C"},
        {"top": "Dua", "sub": "Kembar", "topic": "floods", "strength": "high", "certainty": "C"},
    ]
    city = parse_city(docs)
    assert city.category("Kembar") is None
    told_apart = city.category("Dua / Kembar")
    assert told_apart is not None
    assert told_apart.topic == "floods"


def test_every_problem_is_named_with_its_file_and_field(docs: dict[str, Any]) -> None:
    docs["opds"]["opds"][3]["parent"] = "NOBODY"
    docs["opds"]["opds"][4]["aliases"] = ["Dishub"]
    docs["regions"]["kecamatan"][0]["kelurahan"][0]["code"] = "15.71.02.1001"
    docs["categories"]["categories"][0]["topic"] = "unheard_of"
    docs["routing"]["owners"][0]["opd"] = "PEMKOT"
    docs["routing"]["owners"].append({"topic": "garbage", "opd": "DLH", "certainty": "C"})
    docs["contacts"]["contacts"][0]["of"] = "NOBODY"
    with pytest.raises(CityRefused) as refused:
        parse_city(docs)
    told = "\n".join(refused.value.problems)
    for expected in (
        "opds.yaml: opds[3].parent: no OPD has the code NOBODY",
        "'dishub' also names DISDIK",
        "regions.yaml: kecamatan[0].kelurahan[0].code: 15.71.02.1001 is not in 15.71.01",
        "categories.yaml: categories[0].topic: no topic is called unheard_of",
        "routing.yaml: owners[0]: PEMKOT cannot own a topic",
        "rules garbage in the same days",
        "contacts.yaml: contacts[0].of: no OPD has the code NOBODY",
    ):
        assert expected in told


def test_a_misspelt_field_and_a_missing_file_are_refused_together(docs: dict[str, Any]) -> None:
    del docs["regions"]
    docs["routing"]["deciding"]["cue_alon"] = 0.5
    with pytest.raises(CityRefused) as refused:
        parse_city(docs)
    assert "regions.yaml: missing" in refused.value.problems
    assert any(problem.startswith("routing.yaml: deciding.cue_alon: ") for problem in refused.value.problems)


def test_a_topic_without_an_owner_is_refused(docs: dict[str, Any]) -> None:
    docs["routing"]["topics"].append({"topic": "orphans", "name": "Tanpa pemilik"})
    with pytest.raises(CityRefused, match="orphans has no owner"):
        parse_city(docs)
