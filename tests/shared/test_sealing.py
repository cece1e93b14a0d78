"""What is sealed opens only with the same key, in the same context, untouched."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sealing import DataKey, Seal

SEAL = Seal(bytes(range(32)))
CONTEXT = b"complaint 1"
PLAIN = b"Warga Contoh, 0800-000-0017"
ELSE = "this was sealed with another key or for another context"


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_what_was_sealed_opens_as_it_was(plain: bytes, context: bytes) -> None:
    assert SEAL.open(SEAL.seal(plain, context), context) == plain


def test_the_same_thing_sealed_twice_looks_different() -> None:
    assert SEAL.seal(PLAIN, CONTEXT) != SEAL.seal(PLAIN, CONTEXT)


def test_nothing_of_it_shows() -> None:
    assert b"Warga" not in SEAL.seal(PLAIN, CONTEXT)


def test_another_context_does_not_open_it() -> None:
    with pytest.raises(ValueError, match=ELSE):
        SEAL.open(SEAL.seal(PLAIN, CONTEXT), b"complaint 2")


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(ValueError, match=ELSE):
        Seal(bytes(32)).open(SEAL.seal(PLAIN, CONTEXT), CONTEXT)


@pytest.mark.parametrize("place", [0, 11, 12, 20, -1])
def test_a_flipped_bit_does_not_open_it(place: int) -> None:
    spoiled = bytearray(SEAL.seal(PLAIN, CONTEXT))
    spoiled[place] ^= 1
    with pytest.raises(ValueError, match=ELSE):
        SEAL.open(bytes(spoiled), CONTEXT)


@pytest.mark.parametrize("length", [0, 1, 7, 11, 12, 20, 27])
def test_what_is_cut_short_is_a_value_error_too(length: int) -> None:
    with pytest.raises(ValueError, match=r".+"):
        SEAL.open(SEAL.seal(PLAIN, CONTEXT)[:length], CONTEXT)


def test_subkeys_are_the_same_for_ever_and_differ_by_purpose() -> None:
    assert SEAL.derive("tickets").hex() == GOLDEN
    keys = [SEAL.derive(purpose) for purpose in ("tickets", "pseudonyms", "fingerprints", "sealing")]
    assert len(set(keys)) == 4
    assert all(len(key) == 32 for key in keys)
    assert Seal(bytes(32)).derive("tickets") != SEAL.derive("tickets")


GOLDEN = "11651ba092313ecddc504c304f13f035f836795a90a1283ae7484531050ea3ba"
"""If this changes, tickets and pseudonyms that are out in the world change with it."""


def test_a_master_key_has_32_bytes() -> None:
    for length in (0, 16, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            Seal(b"k" * length)


def test_the_key_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    file.write_bytes(base64.b64encode(bytes(range(32))) + b"\n")
    assert Seal.from_file(file).open(SEAL.seal(PLAIN, CONTEXT), CONTEXT) == PLAIN


@pytest.mark.parametrize(
    "content", [None, b"", b"not base64!", base64.b64encode(b"short"), bytes(range(128, 160))]
)
def test_a_file_without_a_key_stops_the_start_and_is_not_quoted(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "master.key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SystemExit) as stop:
        Seal.from_file(file)
    assert str(stop.value).startswith(f"cannot start: the master key file {file} is unreadable")
    assert "not base64!" not in str(stop.value)


def test_a_newer_master_seals_and_the_older_ones_still_open() -> None:
    old, both = Seal(bytes(range(32))), Seal(bytes(range(32)), b"n" * 32)
    assert both.open(old.seal(PLAIN, CONTEXT), CONTEXT) == PLAIN
    assert both.open(both.seal(PLAIN, CONTEXT), CONTEXT) == PLAIN
    with pytest.raises(ValueError, match=ELSE):
        old.open(both.seal(PLAIN, CONTEXT), CONTEXT)
    assert old.id != both.id


def test_a_newer_master_changes_no_ticket() -> None:
    assert Seal(bytes(range(32)), b"n" * 32).derive("tickets").hex() == GOLDEN


def test_each_line_of_the_file_is_a_master_the_newest_last(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    masters = [bytes(range(32)), b"n" * 32]
    file.write_bytes(b"\n".join(map(base64.b64encode, masters)) + b"\n")
    assert Seal.from_file(file).id == Seal(*masters).id


def test_a_wrapped_key_is_the_key_and_is_opened_in_its_context_alone() -> None:
    key = DataKey.fresh()
    wrapped = SEAL.wrap(key, CONTEXT)
    assert key.key not in wrapped
    assert SEAL.unwrap(wrapped, CONTEXT).open(key.seal(PLAIN, CONTEXT), CONTEXT) == PLAIN
    with pytest.raises(ValueError, match=ELSE):
        SEAL.unwrap(wrapped, b"complaint 2")
    with pytest.raises(ValueError, match=ELSE):
        SEAL.open(wrapped, CONTEXT)
