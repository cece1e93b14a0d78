"""What is in a file: told by its bytes alone, and given back clean, or refused with the reason.

Pictures lose everything but their pixels: EXIF with place and device, XMP, comments, thumbnails, colour profile, and
whatever stands behind their end. Which way they are up is applied to the pixels first.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

MOST_BYTES = 10 * 1_048_576
"""Bytes of one file as it comes."""

MOST_PIXELS = 50_000_000
"""Width times height: what phones take at most. Decoded, that is 150 MB; the header is asked before."""

INLINE_PIXELS = 25_000_000
"""The same for a file that comes inside a submission: many may come in one batch, which must not take long."""

PROGRESSIVE_PIXELS = 25_000_000
"""The same for a progressive JPEG, which no camera writes: decoding one takes more than twice the memory."""

_ORIENTATION = 0x0112
_TURNED: Mapping[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF 2.32, tag 274: what makes a picture with this value stand upright."""

_BREAKS = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
)
"""What Pillow raises for what it cannot read."""

BROKEN = "is damaged or not whole"
MOVING = "holds more than one picture"
TOO_LARGE = "has more pixels than are looked at"


class Unfit(Exception):
    """This file is not kept. Says why, and quotes nothing."""

    @property
    def reason(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True)
class Clean:
    """A file as it is kept: its type by content, and the bytes without what tells on who made it."""

    media_type: str
    content: bytes


EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "application/pdf": "pdf"}
"""Every type that is kept, and how a file of it is named when it is given out."""


def clean(raw: bytes, most_pixels: int = MOST_PIXELS) -> Clean:
    """The file without its metadata. Raises Unfit, and nothing else."""
    if not raw:
        raise Unfit("is empty")
    if len(raw) > MOST_BYTES:
        raise Unfit(f"holds more than {MOST_BYTES} bytes")
    try:
        if raw.startswith(b"\xff\xd8\xff"):
            return Clean("image/jpeg", _clean_jpeg(raw, most_pixels))
        if raw.startswith(b"\x89PNG\r\n\x1a\n"):
            return Clean("image/png", _clean_png(raw, most_pixels))
        if raw.startswith(b"RIFF") and raw[8:12] == b"WEBP":
            return Clean("image/webp", _clean_webp(raw, most_pixels))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unfit(TOO_LARGE) from None
    except _BREAKS:
        raise Unfit(BROKEN) from None
    if raw.startswith(b"%PDF-"):
        return Clean("application/pdf", _harmless_pdf(raw))
    raise Unfit("is none of JPEG, PNG, WebP and PDF by its content")


def _opened(content: bytes, kind: str, most: int) -> Image.Image:
    """The picture, not decoded yet: what its header says is bearable."""
    picture = Image.open(io.BytesIO(content), formats=(kind,))
    if picture.width * picture.height > most:
        raise Unfit(TOO_LARGE)
    return picture


def _clean_jpeg(raw: bytes, most: int) -> bytes:
    """Encoded anew by the tables that it came with, so that next to nothing is lost.

    Of several pictures in one file (a phone's depth map, a brightness map) the first is the photograph.
    """
    opened = _opened(raw, "JPEG", most)
    if not isinstance(opened, JpegImageFile):
        raise Unfit(BROKEN)
    if "progressive" in opened.info and opened.width * opened.height > PROGRESSIVE_PIXELS:
        raise Unfit(TOO_LARGE)
    turn = _TURNED.get(opened.getexif().get(_ORIENTATION, 1))
    opened.load()
    tables, sampling = opened.quantization, get_sampling(opened)
    opened.info.clear()
    picture: Image.Image = opened
    del opened  # of each step only what the next one needs is held: a large picture is 200 MB
    if picture.mode not in ("L", "RGB"):
        picture, tables, sampling = picture.convert("RGB"), {}, -1
    if turn is not None:
        picture = picture.transpose(turn)
    out = io.BytesIO()
    try:
        picture.save(out, "JPEG", qtables=tables or None, subsampling=sampling)
    except ValueError:  # tables that may be read and not be written
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=90)
    return out.getvalue()


_PNG_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def _clean_png(raw: bytes, most: int) -> bytes:
    """Only the chunks that make the pixels, byte for byte, unless the picture must be turned."""
    kept = [raw[:8]]
    exif = b""
    for kind, chunk in _png_chunks(raw):
        if kind == b"acTL":
            raise Unfit(MOVING)
        if kind == b"eXIf":
            exif = chunk[8:-4]
        if kind in _PNG_KEPT:
            kept.append(chunk)
        if kind == b"IEND":
            break
    else:
        raise Unfit(BROKEN)
    return _upright(b"".join(kept), "PNG", exif, most)


def _png_chunks(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 12 <= len(raw):
        (length,) = struct.unpack_from(">I", raw, at)
        end = at + 12 + length
        if end > len(raw):
            return
        yield raw[at + 4 : at + 8], raw[at:end]
        at = end


_WEBP_PIXELS = (b"ALPH", b"VP8 ", b"VP8L")
_WEBP_ALPHA = 0x10


def _clean_webp(raw: bytes, most: int) -> bytes:
    """Only the chunks that make the pixels, byte for byte, unless the picture must be turned."""
    kept: list[bytes] = []
    exif = b""
    end = 8 + int.from_bytes(raw[4:8], "little")
    if end > len(raw):
        raise Unfit(BROKEN)
    at = 12
    while at + 8 <= end:
        kind, length = raw[at : at + 4], int.from_bytes(raw[at + 4 : at + 8], "little")
        body, padding = raw[at + 8 : at + 8 + length], b"\0" * (length % 2)
        if kind in (b"ANIM", b"ANMF"):
            raise Unfit(MOVING)
        if kind == b"EXIF":
            exif = body
        if kind == b"VP8X":
            body = bytes([body[0] & _WEBP_ALPHA]) + body[1:]  # no flag for what is not kept
        if kind == b"VP8X" or kind in _WEBP_PIXELS:
            kept.append(kind + length.to_bytes(4, "little") + body + padding)
        at += 8 + length + length % 2
    chunks = b"WEBP" + b"".join(kept)
    return _upright(b"RIFF" + len(chunks).to_bytes(4, "little") + chunks, "WEBP", exif, most)


def _upright(stripped: bytes, kind: str, exif: bytes, most: int) -> bytes:
    """The same bytes, proven by decoding them; or the picture encoded anew where EXIF says it was turned."""
    picture = _opened(stripped, kind, most)
    picture.load()
    read = Image.Exif()
    if exif:
        read.load(exif)
    turn = _TURNED.get(read.get(_ORIENTATION, 1))
    if turn is None:
        return stripped
    picture.info = {name: value for name, value in picture.info.items() if name == "transparency"}
    out = io.BytesIO()
    picture.transpose(turn).save(out, kind, **({"quality": 90, "method": 0} if kind == "WEBP" else {}))
    return out.getvalue()


_ACTIVE = re.compile(
    rb"/(?:JavaScript|JS|Launch|EmbeddedFiles?|RichMedia|XFA|SubmitForm|ImportData|Encrypt)(?![A-Za-z0-9_.-])"
)
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_PACKED_OBJECTS = re.compile(rb"/ObjStm\b[^\0]{0,300}?\bstream\r?\n")
_MOST_STREAMS = 500
_STREAM_BYTES = 1_048_576


def _harmless_pdf(raw: bytes) -> bytes:
    """As it came, its own metadata with it. Refused where something active shows, also in packed objects.

    What is packed in other ways than deflate is not seen: that is why a PDF is only ever given out to be saved.
    """
    if b"%%EOF" not in raw[-2048:]:
        raise Unfit(BROKEN)
    for part in (raw, *_unpacked(raw)):
        if _ACTIVE.search(_ESCAPED.sub(lambda escape: bytes([int(escape[1], 16)]), part)):
            raise Unfit("is a PDF with active, embedded or encrypted content")
    return raw


def _unpacked(raw: bytes) -> Iterator[bytes]:
    """What the object streams hold, up to a bound on their number and size."""
    for ordinal, found in enumerate(_PACKED_OBJECTS.finditer(raw)):
        if ordinal == _MOST_STREAMS:
            raise Unfit("is a PDF with more objects than are looked into")
        packed = raw[found.end() : found.end() + _STREAM_BYTES]
        try:
            yield zlib.decompressobj().decompress(packed, _STREAM_BYTES)
        except zlib.error:
            continue
