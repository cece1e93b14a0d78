"""Links: two spellings of one address are one, two posts are two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.links import normalised

POST = "https://media.contoh.invalid/warga/jalan-rusak?id=7"


@pytest.mark.parametrize(
    "spelling",
    [
        "http://media.contoh.invalid/warga/jalan-rusak?id=7",
        "https://www.media.contoh.invalid/warga/jalan-rusak?id=7",
        "https://m.media.contoh.invalid/warga/jalan-rusak/?id=7",
        "HTTPS://Media.Contoh.invalid:443/warga/jalan-rusak?id=7#komentar",
        "https://media.contoh.invalid/warga/jalan-rusak?utm_source=wa&id=7&fbclid=abc",
        "  https://media.contoh.invalid/warga/jalan%2Drusak?id=7&igsh=x ",
    ],
)
def test_spellings_of_one_address_are_one(spelling: str) -> None:
    assert normalised(spelling) == normalised(POST)


@pytest.mark.parametrize(
    "other",
    [
        "https://media.contoh.invalid/warga/jalan-rusak?id=8",
        "https://media.contoh.invalid/warga/jalan-rusak",
        "https://media.contoh.invalid/Warga/jalan-rusak?id=7",
        "https://lain.contoh.invalid/warga/jalan-rusak?id=7",
        "https://media.contoh.invalid:8443/warga/jalan-rusak?id=7",
    ],
)
def test_another_post_is_another(other: str) -> None:
    assert normalised(other) != normalised(POST)


@given(st.text(max_size=60))
def test_whatever_is_written_behind_the_scheme_is_taken(rest: str) -> None:
    assert isinstance(normalised(f"https://{rest}"), str)


@given(st.permutations(["a=1", "b=2", "c=", "utm_medium=x"]))
def test_the_order_of_parameters_tells_nothing(parameters: list[str]) -> None:
    assert normalised("https://c.invalid/x?" + "&".join(parameters)) == "c.invalid/x?a=1&b=2&c="
