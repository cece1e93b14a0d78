"""What citizens of Jambi write, and whom routing takes it to."""

import copy
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.routing.domain.city import DOCUMENTS, City, parse_city
from services.routing.domain.topics import Finding, find_topic
from shared.events.parts import Place
from tests.city import documents

ON = date(2026, 11, 24)
DOCS = documents(DOCUMENTS)
CITY: City = parse_city(DOCS, version=3)


def find(title: str, text: str = "", category: str | None = None, place: Place | None = None) -> Finding:
    return find_topic(title, text, category, place, CITY, ON)


@pytest.mark.parametrize(
    ("opd", "title", "text"),
    [
        ("PERKIM", "Lampu jalan mati", "Lampu jalan di RT 05 Kelurahan Beliung sudah seminggu mati"),
        ("PERKIM", "pju padam", "Selamat malam, pju di jalan Kol. Abunjani dak hidup"),
        ("PERKIM", "lampu jln mati", "lampu jalannya mati pak di lorong mawar kel. Tengah"),
        ("PUPR", "Jalan berlubang", "Jalan di depan SMA 5 berlubang dalam, sudah banyak motor jatuh"),
        ("PUPR", "Jalan rusak parah", "Jln kami rusak parah dan banyak lobang, tidak pernah diaspal"),
        ("PUPR", "Got tersumbat", "Pak RT sudah lapor, got di lorong kami tersumbat dan meluap"),
        ("PUPR", "Banjir setiap hujan", "Setiap hujan rumah kami kebanjiran karena parit dangkal"),
        ("DLH", "Sampah menumpuk", "Sampah di TPS dekat pasar Talang Banjar numpuk, dak diangkut"),
        ("DLH", "Tumpukan sampah", "ada tumpukan sampah di pinggir jalanRT 03 mohon diangkut"),
        ("DLH", "Bakar sampah", "Tetangga membakar sampah setiap sore asapnya masuk rumah"),
        ("TIRTAMAYANG", "Air PDAM mati", "Sudah 3 hari air PDAM tidak mengalir di Simpang Rimbo"),
        ("TIRTAMAYANG", "Air keruh", "Air tirta mayang keruh dan berbau"),
        ("DISHUB", "Parkir liar", "Jukir liar meminta uang parkir 5000 di jalan Gatot Subroto"),
        ("DISHUB", "Lampu merah mati", "Lampu merah simpang Pulai mati sudah 2 hari, macet"),
        ("DISDIK", "Pungutan sekolah", "SD tempat anak saya meminta iuran sekolah dan jual LKS"),
        ("DISDUKCAPIL", "KTP belum jadi", "Sudah rekam ktp bulan lalu, katanya blangko habis"),
        ("DINSOS", "Tidak pernah dapat bansos", "Kami tidak pernah dapat bantuan sosial"),
        ("DAMKARTAN", "Ular masuk rumah", "Tolong ada ular masuk rumah di Paal Merah"),
        ("SATPOLPP", "PKL di trotoar", "Pedagang kaki lima berjualan di trotoar jalan Sultan Thaha"),
        ("RSUD-HAM", "Pelayanan RSUD Abdul Manap", "Antrian rumah sakit abdul manap sangat lama"),
        ("DISDAGRIN", "Harga gas mahal", "Gas 3 kg dijual 35 ribu di pangkalan jauh di atas HET"),
        ("DPKP", "Kandang ayam bau", "Kandang ayam di dekat rumah bau menyengat"),
        ("KEC-ALAM-BARAJO", "Pelayanan kelurahan", "Pelayanan kelurahan Kenali Besar, kantor lurah tutup"),
    ],
)
def test_clear_words_reach_the_agency_by_themselves(opd: str, title: str, text: str) -> None:
    finding = find(title, text)
    assert (finding.opd, finding.agreed) == (opd, True), finding.trace


@pytest.mark.parametrize(
    ("body", "title", "text"),
    [
        ("PLN", "Mati lampu terus", "Sejak sore mati lampu di daerah kami. Tolong PLN."),
        ("PLN", "Tiang listrik miring", "Tiang listrik di depan rumah miring hampir roboh"),
        ("DISDIK-PROV", "Pungutan di SMA", "SMA negeri meminta uang komite, pungutan sekolah memberatkan"),
        ("BPJN", "Jalan nasional rusak", "Jalan nasional di Aur Duri berlubang"),
        ("BPJS-KES", "Kartu BPJS", "BPJS kesehatan saya ada tunggakan bpjs padahal rajin bayar"),
        ("BPN", "Sertifikat tanah", "Pengurusan sertifikat tanah PTSL belum selesai"),
        ("POLRESTA", "Maling motor", "Motor saya hilang dicuri, banyak maling"),
        ("MUARO-JAMBI", "Jalan rusak di Mendalo", "Jalan di Mendalo Darat rusak parah"),
    ],
)
def test_what_lies_outside_the_city_is_shown_to_a_verifier_with_the_right_address_first(
    body: str, title: str, text: str
) -> None:
    finding = find(title, text)
    assert not finding.agreed
    assert finding.ranked[0].opd == body
    assert set(finding.reasons) & {"owner_outside_city", "place_outside_city"}


def test_mati_lampu_is_the_power_company_and_lampu_jalan_mati_the_street_lights() -> None:
    assert find("Mati lampu").topic == "power_cuts"
    assert find("Lampu jalan mati").topic == "street_lights"
    assert find("Mati lampu jalan").topic == "street_lights"


def test_ktp_and_pak_rt_in_passing_are_no_matter_for_the_civil_registry() -> None:
    finding = find(
        "Mohon bantuan", "Pak RT kami sudah minta KTP warga, saya lampirkan KTP saya, tetapi belum ada kabar"
    )
    assert not finding.agreed
    assert "DISDUKCAPIL" not in [candidate.opd for candidate in finding.ranked]


@pytest.mark.parametrize("text", ["Mohon ditindaklanjuti", "", "??? 123", "\u0000\ud7ff"])
def test_words_that_tell_nothing_ask_a_verifier(text: str) -> None:
    finding = find("Tolong", text)
    assert (finding.agreed, finding.reasons, finding.ranked) == (False, ("no_sign",), ())


def test_words_and_category_that_agree_are_surer_than_either() -> None:
    words = find("Mohon bantuan", "jalan berlubang di dekat rumah")
    both = find("Mohon bantuan", "jalan berlubang di dekat rumah", "1397")
    assert not words.agreed
    assert both.agreed
    assert both.confidence > words.confidence


def test_words_and_category_that_differ_ask_a_verifier_and_show_both() -> None:
    finding = find("Sampah menumpuk", "Sampah tidak diangkut", "Penerangan Jalan")
    assert finding.reasons == ("cue_and_category_differ",)
    assert {candidate.opd for candidate in finding.ranked[:2]} == {"DLH", "PERKIM"}


def test_a_strong_category_is_enough_where_the_words_are_silent() -> None:
    assert find("Mohon diperbaiki", "Tolong pak", "Jalan Berlubang").opd == "PUPR"
    assert find("Mohon diperbaiki", "Tolong pak", "Jalan Berlubang").agreed
    assert not find("Mohon diperbaiki", "Tolong pak", "Penerangan Jalan").agreed


@pytest.mark.parametrize("category", ["Topik Lainnya", "SP4N-LAPOR!", "Bukan Kategori", "110"])
def test_a_category_that_says_nothing_changes_nothing(category: str) -> None:
    silent = find("Sampah menumpuk", "Sampah tidak diangkut")
    said = find("Sampah menumpuk", "Sampah tidak diangkut", category)
    assert (said.opd, said.confidence, said.agreed) == (silent.opd, silent.confidence, silent.agreed)


@pytest.mark.parametrize(
    ("words", "kelurahan", "kecamatan"),
    [
        ("di Kelurahan Beliung", "15.71.09.1005", "15.71.09"),
        ("di Simpang IV Sipin", "15.71.01.1001", "15.71.01"),
        ("di simp. empat sipin", "15.71.01.1001", "15.71.01"),
        ("di kenali asam bawah", "15.71.07.1005", "15.71.07"),
        ("di kel. Kenali Asam", "15.71.07.1012", "15.71.07"),
        ("di Telanaipura", None, "15.71.01"),
        ("di kel. Telanaipura", "15.71.01.1004", "15.71.01"),
        ("di kec. Telanaipura", None, "15.71.01"),
        ("Kel. Tengah Kec. Pelayangan", "15.71.05.1004", "15.71.05"),
        ("di kelurahanThehok", "15.71.02.1004", "15.71.02"),
        ("antara Thehok dan Pasir Putih", None, "15.71.02"),
    ],
)
def test_a_place_is_read_from_the_words(words: str, kelurahan: str | None, kecamatan: str | None) -> None:
    place = find("Lampu jalan mati", f"Lampu jalan mati {words}").place
    assert place is not None
    assert (place.kelurahan, place.kecamatan) == (kelurahan, kecamatan)


@pytest.mark.parametrize(
    "words", ["selamat pagi", "di tengah jalan", "pohon beringin", "pak Budiman", "air murni", "di Legok"]
)
def test_a_common_word_is_no_place_without_kel_before_it(words: str) -> None:
    assert find("Lampu jalan mati", f"Lampu jalan mati {words}").place is None


def test_seberang_kota_is_two_kecamatan_and_nobody_picks_one() -> None:
    finding = find("Pelayanan kelurahan", "Pelayanan kelurahan di Sekoja lambat, kantor lurah tutup")
    assert not finding.agreed
    assert "kecamatan_unknown" in finding.reasons
    offices = {candidate.opd for candidate in finding.ranked}
    assert {"KEC-PELAYANGAN", "KEC-DANAU-TELUK"} <= offices


def test_the_codes_of_a_place_count_more_than_its_words() -> None:
    place = Place(text="dekat Thehok", kelurahan="15.71.09.1005")
    found = find("Pelayanan kelurahan", "kantor lurah tutup, pelayanan kelurahan lambat", place=place)
    assert found.opd == "KEC-ALAM-BARAJO"
    assert found.place == Place(text="dekat Thehok", kelurahan="15.71.09.1005", kecamatan="15.71.09")


def test_a_place_with_codes_of_another_regency_is_never_routed() -> None:
    finding = find("Lampu jalan mati", "Lampu jalan mati total", place=Place(kecamatan="15.05.01"))
    assert not finding.agreed
    assert "place_outside_city" in finding.reasons


def test_violence_at_home_is_marked_confidential_and_urgent() -> None:
    finding = find("KDRT", "Tetangga saya mengalami kekerasan dalam rumah tangga")
    assert (finding.always_confidential, finding.urgency) == (True, "urgent")


def test_the_trace_says_in_plain_words_how_it_came_about() -> None:
    finding = find("Lampu jalan mati", "Mohon diperbaiki, di kel. Beliung", "1398")
    trace = "\n".join(finding.trace)
    assert "Judul memuat “lampu jalan .. mati” → Lampu penerangan jalan" in trace
    assert "Kategori “Penerangan Jalan” → Lampu penerangan jalan" in trace
    assert "Kelurahan Beliung, Kecamatan Alam Barajo" in trace
    assert "aturan street_lights@awal, registri versi 3" in trace
    assert "Dapat didisposisikan langsung: kata dan kategori sepakat" in trace


def test_the_owner_is_that_of_the_day_and_the_topic_stays() -> None:
    docs = copy.deepcopy(DOCS)
    rule = next(rule for rule in docs["routing"]["owners"] if rule["topic"] == "street_lights")
    rule["valid_to"] = date(2026, 11, 30)
    docs["routing"]["owners"].append(
        {"topic": "street_lights", "opd": "DISHUB", "valid_from": date(2026, 12, 1), "certainty": "C"}
    )
    city = parse_city(docs)
    before = find_topic("Lampu jalan mati", "", None, None, city, date(2026, 11, 30))
    after = find_topic("Lampu jalan mati", "", None, None, city, date(2026, 12, 1))
    assert (before.opd, after.opd) == ("PERKIM", "DISHUB")
    assert before.topic == after.topic


@given(st.text(max_size=400), st.text(max_size=60), st.sampled_from([None, "1397", "x", "Topik Lainnya"]))
def test_any_text_at_all_is_answered_and_twice_alike(text: str, title: str, category: str | None) -> None:
    first, second = find(title, text, category), find(title, text, category)
    assert first == second
    assert 0.0 <= first.confidence <= 1.0
    assert first.agreed == (not first.reasons)
    if first.agreed:
        assert first.owner is not None
        assert first.owner.inside


@given(st.lists(st.sampled_from([cue for topic in CITY.topics.values() for cue in topic.cues]), max_size=30))
def test_a_text_full_of_cues_is_a_matter_for_a_verifier_or_has_one_owner(cues: list[str]) -> None:
    finding = find("", ". ".join(cue.replace("..", "x") for cue in cues))
    if finding.agreed:
        assert finding.ranked[0].opd == finding.opd
        assert finding.confidence >= CITY.deciding.cue_alone
