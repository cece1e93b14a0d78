"""Pictures for intake's tests: drawn here, with all that a phone writes into them."""

import io
import zlib
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

PLACE = "-1.610000,103.610000"
CANARY = "CANARY-Warga-Contoh-17"
"""Stands in every place for metadata; must be found nowhere afterwards."""

WIDE = (48, 32)
CORNERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))
"""Top left, top right, bottom left, bottom right of the picture as it should stand."""


def drawn(size: tuple[int, int] = WIDE) -> Image.Image:
    """Four quarters in four colours."""
    width, height = size
    picture = Image.new("RGB", size)
    for number, colour in enumerate(CORNERS):
        x, y = (number % 2) * (width // 2), (number // 2) * (height // 2)
        picture.paste(colour, (x, y, x + width // 2, y + height // 2))
    return picture


def exif(orientation: int = 1) -> bytes:
    """What a phone says: its maker, when, where, and which way up."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = CANARY
    tags[0x9286] = CANARY
    tags[0x0132] = "2026:11:24 08:00:00"
    gps = tags.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "S", (1.0, 36.0, 36.0), "E", (103.0, 36.0, 36.0)
    gps[29] = CANARY
    return tags.tobytes()


_AS_SEEN_BY_THE_SENSOR = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def photo(kind: str = "JPEG", orientation: int = 1, size: tuple[int, int] = WIDE) -> bytes:
    """A picture that stands upright once its orientation is applied, with metadata everywhere."""
    picture = drawn(size)
    turn = _AS_SEEN_BY_THE_SENSOR[orientation]
    if turn is not None:
        picture = picture.transpose(turn)
    written: dict[str, Any] = {"exif": exif(orientation), "xmp": f"<x>{CANARY}</x>".encode()}
    written["icc_profile"] = CANARY.encode() * 10
    if kind == "JPEG":
        written |= {"comment": CANARY, "quality": 92}
    if kind == "PNG":
        text = PngInfo()
        text.add_text("Author", CANARY)
        text.add_itxt("XML:com.adobe.xmp", CANARY)
        written = {"pnginfo": text, "exif": exif(orientation), "icc_profile": CANARY.encode() * 10}
    if kind == "WEBP":
        written |= {"lossless": True}
    out = io.BytesIO()
    picture.save(out, kind, **written)
    return out.getvalue()


def pdf(*objects: bytes, packed: bytes | None = None) -> bytes:
    """A PDF by its beginning and its end, with these things inside."""
    parts = [b"%PDF-1.7\n", *(b"1 0 obj\n" + one + b"\nendobj\n" for one in objects)]
    if packed is not None:
        stream = zlib.compress(packed)
        parts.append(b"2 0 obj\n<</Type /ObjStm /N 1 /Filter /FlateDecode>>\nstream\n" + stream)
        parts.append(b"\nendstream\nendobj\n")
    return b"".join([*parts, b"trailer\n<</Root 1 0 R>>\n%%EOF\n"])
