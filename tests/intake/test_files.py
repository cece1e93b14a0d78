"""What is in a file is told by its bytes; a picture keeps its pixels and nothing else."""

import io
import struct
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from services.intake.domain.files import BROKEN, MOST_BYTES, MOVING, TOO_LARGE, Unfit, clean
from tests.intake.pictures import CANARY, CORNERS, WIDE, drawn, exif, pdf, photo

KINDS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
PDF = pdf(b"<</Type /Catalog>>")


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def unfit(raw: bytes) -> str:
    with pytest.raises(Unfit) as refused:
        clean(raw)
    return refused.value.reason


def stands_upright(picture: Image.Image) -> None:
    assert picture.size == WIDE
    width, height = picture.size
    seen = picture.convert("RGB")
    for number, colour in enumerate(CORNERS):
        at = (width // 4 + (number % 2) * width // 2, height // 4 + (number // 2) * height // 2)
        found = seen.getpixel(at)
        assert isinstance(found, tuple)
        assert all(abs(one - other) < 40 for one, other in zip(found, colour, strict=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright_and_tells_nothing_but_its_pixels(kind: str, orientation: int) -> None:
    raw = photo(kind, orientation)
    assert CANARY.encode() in raw
    kept = clean(raw)
    assert kept.media_type == KINDS[kind]
    picture = opened(kept.content)
    stands_upright(picture)
    assert not picture.getexif()
    assert not set(picture.info) & {"exif", "xmp", "icc_profile", "comment", "Author", "photoshop"}
    for trace in (CANARY.encode(), b"Exif", b"http://ns.adobe.com", b"ICC", b"2026:11:24"):
        assert trace not in kept.content


@pytest.mark.parametrize("kind", KINDS)
def test_a_clean_file_is_clean_and_cleaning_is_the_same_each_time(kind: str) -> None:
    raw = photo(kind, 6)
    assert clean(raw) == clean(raw)
    again = clean(clean(raw).content)
    assert again.media_type == KINDS[kind]
    stands_upright(opened(again.content))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_upright_picture_without_loss_keeps_every_pixel(kind: str) -> None:
    assert opened(clean(photo(kind)).content).convert("RGB").tobytes() == drawn().tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "I;16", "RGB"])
def test_a_png_keeps_its_mode_and_what_is_transparent(mode: str) -> None:
    out = io.BytesIO()
    picture = Image.new("RGBA", (20, 10), (10, 20, 30, 0)) if mode == "PA" else drawn((20, 10))
    picture.convert("P" if mode == "PA" else "L" if mode == "I;16" else mode).save(out, "PNG")
    before, after = opened(out.getvalue()), opened(clean(out.getvalue()).content)
    assert (before.mode, before.tobytes()) == (after.mode, after.tobytes())
    assert before.convert("RGBA").tobytes() == after.convert("RGBA").tobytes()


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_printers_jpegs_are_kept_as_browsers_show_them(mode: str) -> None:
    out = io.BytesIO()
    drawn().convert(mode).save(out, "JPEG")
    kept = opened(clean(out.getvalue()).content)
    assert kept.mode in ("L", "RGB")
    assert kept.size == WIDE


def test_of_a_phones_pictures_in_one_file_the_photograph_is_kept() -> None:
    out = io.BytesIO()
    drawn().save(out, "MPO", save_all=True, append_images=[Image.new("L", (8, 8))], exif=exif(1))
    kept = clean(out.getvalue())
    assert kept.media_type == "image/jpeg"
    stands_upright(opened(kept.content))
    assert opened(kept.content).format == "JPEG"


@pytest.mark.parametrize("kind", KINDS)
def test_what_hides_behind_a_pictures_end_is_left_behind(kind: str) -> None:
    hidden = b"PK\x03\x04" + CANARY.encode() + b"<script>alert(1)</script>"
    kept = clean(photo(kind) + hidden)
    assert b"script" not in kept.content
    assert CANARY.encode() not in kept.content


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.97])
def test_a_picture_that_is_cut_off_is_refused(kind: str, part: float) -> None:
    raw = Image.effect_noise((200, 150), 80).convert("RGB")
    out = io.BytesIO()
    raw.save(out, kind)
    assert unfit(out.getvalue()[: int(len(out.getvalue()) * part)]) == BROKEN


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


@pytest.mark.parametrize(
    "size", [(65_000, 65_000), (10_000, 5_001), (2**31 - 1, 2**31 - 1), (100_000, 100_000)]
)
def test_a_bomb_is_refused_by_what_its_header_says(size: tuple[int, int]) -> None:
    assert unfit(png_header(*size)) == TOO_LARGE


def test_a_jpeg_with_more_pixels_than_phones_take_is_refused_before_it_is_decoded() -> None:
    raw = bytearray(photo("JPEG"))
    frame = raw.index(b"\xff\xc0")
    raw[frame + 5 : frame + 9] = struct.pack(">HH", 8_000, 8_000)
    assert unfit(bytes(raw)) == TOO_LARGE


def test_of_a_progressive_jpeg_which_costs_more_fewer_pixels_are_looked_at() -> None:
    out = io.BytesIO()
    drawn().save(out, "JPEG", progressive=True)
    assert clean(out.getvalue()).media_type == "image/jpeg"
    raw = bytearray(out.getvalue())
    frame = raw.index(b"\xff\xc2")
    raw[frame + 5 : frame + 9] = struct.pack(">HH", 5_000, 6_000)
    assert unfit(bytes(raw)) == TOO_LARGE


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_moving_pictures_are_refused(kind: str) -> None:
    out = io.BytesIO()
    drawn().save(out, kind, save_all=True, append_images=[Image.new("RGB", WIDE, (1, 2, 3))], duration=100)
    assert unfit(out.getvalue()) == MOVING


@pytest.mark.parametrize(
    "raw",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a" + b"\0" * 100,
        b"\0\0\0\x18ftypmp42" + b"\0" * 100,
        b"\0\0\0\x18ftypheic" + b"\0" * 100,
        b"PK\x03\x04" + b"\0" * 100,
        b"MZ" + b"\0" * 100,
        b"II*\0" + b"\0" * 100,
        b" %PDF-1.7\n%%EOF",
        b"RIFF\x10\0\0\0WAVEfmt ",
    ],
    ids=["svg", "html", "gif", "mp4", "heic", "zip", "exe", "tiff", "pdf after a blank", "wav"],
)
def test_other_kinds_are_refused_whatever_they_are_called(raw: bytes) -> None:
    assert "JPEG, PNG, WebP and PDF" in unfit(raw)


def test_nothing_and_too_much_are_refused() -> None:
    assert unfit(b"") == "is empty"
    assert "10485760 bytes" in unfit(b"\xff\xd8\xff" + b"\0" * MOST_BYTES)


def test_a_pdf_is_kept_as_it_came() -> None:
    assert clean(PDF).content == PDF
    assert clean(PDF).media_type == "application/pdf"


@pytest.mark.parametrize(
    "raw",
    [
        pdf(b"<</OpenAction <</S /JavaScript /JS (app.alert)>>>>"),
        pdf(b"<</S/J#61vaScript>>"),
        pdf(b"<</S /Launch /F (cmd.exe)>>"),
        pdf(b"<</Names <</EmbeddedFiles 3 0 R>>>>"),
        pdf(b"<</Encrypt 3 0 R>>"),
        pdf(b"<</AcroForm <</XFA 3 0 R>>>>"),
        pdf(b"<</Type /Catalog>>", packed=b"5 0 <</S /JavaScript>>"),
    ],
)
def test_a_pdf_that_does_something_is_refused(raw: bytes) -> None:
    assert "active" in unfit(raw)


def test_a_pdf_that_is_cut_off_is_refused() -> None:
    assert unfit(PDF[:-10]) == BROKEN


_BEGINNINGS = st.sampled_from(
    [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\xff\xff\0\0WEBP", b"RIFF\x20\0\0\0WEBPVP8X", b"%PDF-"]
)


@given(beginning=_BEGINNINGS, rest=st.binary(max_size=400))
@settings(max_examples=500, deadline=None)
def test_whatever_comes_is_kept_or_refused_and_nothing_else(beginning: bytes, rest: bytes) -> None:
    with suppress(Unfit):
        assert clean(beginning + rest).content


_WHOLE = {name: photo(name, 6) for name in KINDS} | {"PDF": pdf(b"<<>>", packed=b"5 0 <<>>")}


@given(
    kind=st.sampled_from([*KINDS, "PDF"]),
    wounds=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=6)), min_size=1, max_size=6),
)
@settings(max_examples=500, deadline=None)
def test_a_wounded_file_is_kept_clean_or_refused(kind: str, wounds: list[tuple[float, bytes]]) -> None:
    raw = bytearray(_WHOLE[kind])
    for where, bytes_there in wounds:
        at = int(where * (len(raw) - 1))
        raw[at : at + len(bytes_there)] = bytes_there
    try:
        kept = clean(bytes(raw))
    except Unfit:
        return
    if kept.media_type in KINDS.values():
        opened(kept.content)
        assert CANARY.encode() not in kept.content
