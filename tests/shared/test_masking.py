"""Masking: what names a person goes, what routing needs stays."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contacts import plainly
from shared.masking import mask, masked
from tests.intake.world import NIK

LIMIT = 10_000

WORDS = [
    "lampu jalan mati", "di depan SDN 47", "RT 03 RW 05", "warga", "mohon diperbaiki pak", "wa", "NIK", "KTP",
    "hp", "sejak 3 bulan", "Rp1.500.000", "tanggal 24-11-2026", "pukul 19.30", "Jl. Kolonel Abunjani no 12", "\n",
    "rekening BCA", "[NIK]", "[telepon]", "é", "ñ", "📷",
]  # fmt: skip
IDENTIFIERS = [
    NIK, f"KTP{NIK}", f"{NIK}jalan", "1571 0145 9999 0001", "157101-459999-0001", "15.71.01.459999.0001",
    "08000001234", "0800-000-1234", "0800 000 12345", "+62 800-000-1234", "6280000012345", "hp08000001234aktif",
    "(0741) 600000", "0741-600000", "+62741600000", "warga.17@contoh.invalid", "a_b+c@sub.contoh.invalid",
    "+60 12-345 67890",
]  # fmt: skip

mixed_text = st.lists(
    st.tuples(st.sampled_from(WORDS + IDENTIFIERS), st.sampled_from(["", " ", ", ", ". "])), max_size=12
).map(lambda pieces: "".join(word + gap for word, gap in pieces))


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_an_identifier_is_taken_out_of_a_sentence(identifier: str) -> None:
    text = masked(f"Saya warga, {identifier}, lampu jalan mati.", LIMIT)
    assert identifier not in text
    assert not re.search(r"\d{4}|@", text)
    assert text.startswith("Saya warga, ")
    assert text.endswith(", lampu jalan mati.")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"NIK saya {NIK}", "NIK saya [NIK]"),
        (f"KTP{NIK}jalanRt 03", "KTP[NIK]jalanRt 03"),
        ("hub 0800-000-1234 ya", "hub [telepon] ya"),
        ("hp08000001234atau 08000005678", "hp[telepon]atau [telepon]"),
        ("08000001234 08000005678", "[telepon] [telepon]"),
        ("tulis ke warga@contoh.invalid.", "tulis ke [surel]."),
        ("Balas ke warga96@contoh. Invalid saja", "Balas ke [surel]. Invalid saja"),
        ("rekening BCA 1234567890", "rekening BCA [rekening]"),
        ("BPJS 0001234567890 mati", "BPJS [BPJS] mati"),
        ("paspor B1234567 hilang", "paspor [paspor] hilang"),
        ("NPWP 12.345.678.9-012.345", "NPWP [NPWP]"),
        (f"{NIK}08000001234", "[nomor]"),
        ("１５７１０１４５９９９９０００１", "[NIK]"),
        ("WA+6280000012345ya", "WA[telepon]ya"),
        ("telp (0741) 600000", "telp [telepon]"),
    ],
)
def test_a_word_says_what_stood_there(said: str, told: str) -> None:
    assert masked(said, LIMIT) == told


@pytest.mark.parametrize(
    "text",
    [
        "Jalan rusak di RT 05 RW 02 Kelurahan Simpang III Sipin, dekat SMPN 7.",
        "Anggaran Rp1.500.000.000 tahun 2024 untuk drainase 1200 meter.",
        "Sejak 01-02-2024 pukul 10.30 air mati, hubungi 112 tidak diangkat.",
        "Tiket 7000123 belum dijawab sejak 24/11/2026.",
        "Mobil BH 1234 AB parkir di trotoar Jl. Kolonel Abunjani No. 15.",
        "Titik -1.610000,103.610000 dekat tiang 021.",
        "Meteran PDAM 1234567, ID pelanggan 541234567890.",
        "",
        "   ",
    ],
)
def test_text_without_identifiers_is_unchanged(text: str) -> None:
    assert masked(text, LIMIT) == text


@given(mixed_text)
def test_masking_what_is_masked_changes_nothing(text: str) -> None:
    once = masked(text, LIMIT)
    assert masked(once, LIMIT) == once


@given(st.text(max_size=300))
@settings(max_examples=300)
def test_masking_any_text_twice_is_masking_it_once(text: str) -> None:
    once = masked(text, LIMIT)
    assert masked(once, LIMIT) == once


@given(mixed_text, st.text(alphabet="0123456789 .-ab@", max_size=80))
def test_no_run_of_sixteen_digits_survives(text: str, noise: str) -> None:
    assert not re.search(r"\d{16}", masked(f"{text}{noise}{text}", LIMIT))


@pytest.mark.parametrize(
    "written",
    [
        "(0741) 600000",
        "0741-600000",
        "0741 600 000",
        "+62 741 600000",
        "telp 0741600000",
        "LAYANAN@contoh.invalid",
    ],
)
def test_what_the_city_publishes_as_its_own_stands_however_it_is_written(written: str) -> None:
    own = {plainly("(0741) 600000"), plainly("layanan@contoh.invalid")}
    text = f"Hubungi {written} atau 0741-600001, surel warga@contoh.invalid."
    told = mask(text, LIMIT, own)
    assert told.text == f"Hubungi {written} atau [telepon], surel [surel]."
    assert told.kinds == ("telepon", "surel")


def test_it_is_told_which_words_took_the_place_of_what() -> None:
    assert mask(f"NIK {NIK}, hp 0800-000-1234, 0800 000 12345", LIMIT).kinds == ("NIK", "telepon")
    assert mask("lihat [NIK] dan [telepon] di atas", LIMIT).kinds == ()
    assert mask("a@b.id " * 1400, LIMIT).kinds == ("surel",)


@given(st.text(alphabet=st.characters(exclude_categories=["Nd", "Cs"], exclude_characters="@"), max_size=200))
def test_text_without_digits_or_an_at_sign_is_never_touched(text: str) -> None:
    assert masked(text, LIMIT) == text


def test_masked_text_keeps_within_its_limit_though_a_mask_may_be_longer() -> None:
    assert len(masked("a@b.id " * 1400, LIMIT)) == LIMIT


def test_a_long_text_of_digits_and_dots_is_masked_in_a_moment() -> None:
    masked("1." * 5000, LIMIT)
    masked("08 " * 3300, LIMIT)
    masked("a" * 9000 + "@", LIMIT)
