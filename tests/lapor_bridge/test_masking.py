"""Nothing that identifies a person leaves with a reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.lapor_bridge.domain.masking import masked


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("NIK 1571011212990001", "NIK [NIK]"),
        ("nik1571011212990001mohon", "nik[NIK]mohon"),
        ("1571 0112 1299 0001", "[NIK]"),
        ("hub 0812-3456-7890", "hub [telepon]"),
        ("WA+6281234567890ya", "WA[telepon]ya"),
        ("telp (0741) 123456", "telp [telepon]"),
        ("surel warga.contoh@contoh.invalid saja", "surel [surel] saja"),
        ("RT 03 RW 12 nomor 45, tanggal 12-03-2026 jam 10.30", None),
        ("Jalan ini rusak sejak 2 minggu, sekitar 150 meter.", None),
    ],
)
def test_identifiers_are_words_and_all_else_stays(text: str, safe: str | None) -> None:
    assert masked(text) == (safe if safe is not None else text)


@given(st.text(), st.from_regex(r"\A\d{16}\Z"), st.text())
def test_no_sixteen_digits_survive_wherever_they_are_glued(before: str, number: str, after: str) -> None:
    assert number not in masked(f"{before}x{number}x{after}")


@given(st.text())
def test_masking_twice_is_masking_once(text: str) -> None:
    assert masked(masked(text)) == masked(text)
