"""The bridge's reading of a city: what is sent on, who is who, where something is."""

from datetime import date
from typing import Any

import pytest

from services.lapor_bridge.domain.city import CityRefused, parse_city
from tests.lapor_bridge.world import CITY, DOCUMENTS

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("channel", "klasifikasi", "goes"),
    [
        ("112", None, False),
        ("web", None, True),
        ("web", "permintaan_informasi", False),
        ("app", "aspirasi", True),
        ("carrier_pigeon", None, False),
    ],
)
def test_the_first_row_that_covers_a_complaint_decides(channel: str, klasifikasi: Any, goes: bool) -> None:
    assert CITY.forwards(channel, klasifikasi)[0] is goes


@pytest.mark.parametrize(
    ("number", "name", "code"),
    [
        ("31010", None, "LAMPU"),
        ("31010", "Dinas yang Baru Bernama", "LAMPU"),
        (None, "DINAS LAMPU KOTA CONTOH", "LAMPU"),
        (None, "dislampu", "LAMPU"),
        (None, "Perusahaan Listrik", "LISTRIK"),
        ("31001", "Pemerintah Kota Contoh", None),
        (None, "Pemerintah Kota Contoh", None),
        (None, "Dinas Lama", None),
        (None, "Dinas Asing", None),
        (None, None, None),
    ],
)
def test_an_institution_is_known_by_its_number_then_by_its_names(
    number: str | None, name: str | None, code: str | None
) -> None:
    assert CITY.opd(number, name, TODAY) == code


def test_lapors_masters_fill_in_the_numbers_that_nobody_wrote_down() -> None:
    assert CITY.institution_id("JALAN") == "31001"
    knowing = CITY.knowing({"31020": "JALAN", "99": "LAMPU"})
    assert knowing.institution_id("JALAN") == "31020"
    assert knowing.institution_id("LAMPU") == "31010"
    assert knowing.opd("31020", "Dinas Jalan dan Jembatan", TODAY) == "JALAN"


@pytest.mark.parametrize(
    ("hint", "number"),
    [
        ("1398", 1398),
        ("penerangan jalan", 1398),
        ("SOSIAL / LAINNYA", 958),
        ("Lampu Taman", 1398),
        ("Lainnya", 110),
        ("taman", 110),
        (None, 110),
    ],
)
def test_a_category_is_sent_by_number_where_its_name_means_one_only(hint: str | None, number: int) -> None:
    assert CITY.category_id(hint) == number


@pytest.mark.parametrize(
    ("city", "kecamatan", "kelurahan", "codes"),
    [
        ("Kota Contoh", "SATU", "Melati", ("15.99.01", "15.99.01.1001")),
        ("", "Satu", "Melati", ("15.99.01", "15.99.01.1001")),
        ("Kota Contoh", "", "Melati", ("15.99.01", "15.99.01.1001")),
        ("Kota Contoh", "", "Kembar", (None, None)),
        ("Kota Contoh", "Dua", "Kembar", ("15.99.02", "15.99.02.1001")),
        ("Kota Contoh", "Dua", "Melati", ("15.99.02", None)),
        ("", "Satu", "", (None, None)),
        ("", "", "Melati", (None, None)),
        ("Kota Lain", "Satu", "Melati", (None, None)),
    ],
)
def test_a_place_has_codes_only_where_they_are_sure(
    city: str, kecamatan: str, kelurahan: str, codes: tuple[str | None, str | None]
) -> None:
    place = CITY.place(city, kecamatan, kelurahan)
    assert place is not None
    assert (place.kecamatan, place.kelurahan) == codes


def test_no_place_is_no_place() -> None:
    assert CITY.place("", "", "") is None


def test_every_problem_of_the_documents_is_named_by_file_and_field() -> None:
    lapor = {**DOCUMENTS["lapor"], "otherwise": "perhaps", "surprise": 1}
    with pytest.raises(CityRefused) as refused:
        parse_city({**DOCUMENTS, "lapor": lapor, "regions": {}})
    told = "\n".join(refused.value.problems)
    for problem in ("lapor.yaml: otherwise", "lapor.yaml: surprise", "regions.yaml: city"):
        assert problem in told


def test_an_agency_that_is_not_in_the_registry_is_a_problem() -> None:
    lapor = {
        **DOCUMENTS["lapor"],
        "institutions": [{"opd": "NIRWANA", "id": "1", "certainty": "C"}] * 2,
        "channels": {},
    }
    with pytest.raises(CityRefused) as refused:
        parse_city({**DOCUMENTS, "lapor": lapor})
    assert refused.value.problems == (
        "lapor.yaml: institutions.0.opd: no agency NIRWANA in opds.yaml",
        "lapor.yaml: institutions.1.opd: no agency NIRWANA in opds.yaml",
        "lapor.yaml: institutions.opd: NIRWANA stands twice",
        "lapor.yaml: institutions.id: 1 stands twice",
        "lapor.yaml: channels.default: needs a number",
    )
