"""Headers kept as bytes: whatever a stranger sends comes back as it was."""

from hypothesis import given
from hypothesis import strategies as st

from shared.delivery.record import pack_headers, unpack_headers

names = st.text(st.characters(), max_size=20)
"""Any code point, lone surrogates and U+0000 among them."""
headers = st.lists(st.tuples(names, st.none() | st.binary(max_size=60)), max_size=8)


@given(headers)
def test_any_headers_come_back_as_they_were(given_headers: list[tuple[str, bytes | None]]) -> None:
    assert unpack_headers(pack_headers(given_headers)) == given_headers


@given(headers)
def test_packed_headers_are_bytes_that_any_store_takes(
    given_headers: list[tuple[str, bytes | None]],
) -> None:
    packed = pack_headers(given_headers)
    assert packed.isascii()
    assert b"\x00" not in packed


def test_order_and_repeated_names_are_kept() -> None:
    twice = [("b", b"1"), ("a", None), ("b", b""), ("b", b"\xff\x00")]
    assert unpack_headers(pack_headers(twice)) == twice
