"""What bytes are, by the bytes themselves: their MIME type, and an image's size in pixels.

Names and declared types are never asked. Nothing is decoded: only headers are read.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from typing import Literal

from ..exceptions import ValidationError

Wanted = Literal["image", "video", "media"]
"""What a field takes; `media` where that is not known."""

HEAD_BYTES = 8192
"""So many of the first bytes tell the type."""
HEADER_BYTES = 256 * 1024
"""So many of the first bytes nearly always tell the size too."""
MOST_PIXELS = 89_478_485
"""Above it a small file may be a trap that needs gigabytes when it is decoded; Pillow's own limit.
"""

ALIASES = {
    "image/apng": "image/png",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/jpx": "image/jp2",
    "video/x-m4v": "video/mp4",
    "video/mov": "video/quicktime",
    "video/avi": "video/x-msvideo",
}
VAGUE = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""Types by which somebody says that they don't know."""
PAGE = re.compile(rb"\s*+(?:\xef\xbb\xbf)?\s*+(?:<!doctype html|<html)", re.IGNORECASE)
MARKUP = re.compile(rb"\s*+(?:\xef\xbb\xbf)?\s*+[<{\[]")

# Files of ISO boxes, by the brand that they name first; the library knows the usual ones only.
AUDIO_BRANDS = frozenset({b"F4A ", b"F4B ", b"M4A ", b"M4B ", b"M4P "})
IMAGE_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "image/heic"),
    **dict.fromkeys((b"mif1", b"msf1"), "image/heif"),
    b"crx ": "image/x-canon-cr3",
    b"jp2 ": "image/jp2",
}
# QuickTime files of the time before `ftyp`.
OLD_BOXES = frozenset({b"mdat", b"moov", b"wide"})
BITMAP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})


def sniff(content: bytes) -> str | None:
    """Return the MIME type of media by their first bytes; None where these don't tell."""
    import filetype

    head = content[:HEAD_BYTES]
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") not in BITMAP_HEADERS:
        return None  # two letters are too few for the library's word

    guessed = filetype.guess_mime(head) or _boxes(head)
    return None if guessed is None else canonical(guessed)


def _boxes(head: bytes) -> str | None:
    box, brand = head[4:8], head[8:12]
    if box in OLD_BOXES:
        return "video/quicktime"

    if box != b"ftyp":
        return None

    if brand in AUDIO_BRANDS:
        return "audio/mp4"

    return IMAGE_BRANDS.get(brand, "video/quicktime" if brand == b"qt  " else "video/mp4")


def canonical(content_type: str) -> str:
    """Return a MIME type by its usual name, without parameters."""
    plain = content_type.partition(";")[0].strip().lower()
    return ALIASES.get(plain, plain)


def kind_of(content: bytes, where: str, wanted: Wanted) -> str:
    """Return the MIME type of an image or a video.

    Args:
        content: The bytes; the first `HEAD_BYTES` are enough.
        where: What to call them in an error.
        wanted: What the field takes; a GIF may stand for a video.

    Raises:
        ValidationError: They are something else.
    """
    kind = sniff(content)
    starts = ("image/", "video/") if wanted == "media" else (f"{wanted}/", "image/gif")
    if kind is not None and kind.startswith(starts):
        return kind

    seen = kind or _looks_like(content)
    needed = {"image": "an image", "video": "a video", "media": "an image or a video"}[wanted]
    raise ValidationError(f"{where}: this is {seen}, and {needed} is needed; give {needed}")


def _looks_like(content: bytes) -> str:
    if PAGE.match(content):
        return "a web page"

    if MARKUP.match(content):
        return "text"

    return f"no known kind of media (it begins with {content[:8]!r})"


# ---------------------------------------------------------------------------------------- pixels
def size_of(content: bytes) -> tuple[int, int] | None:
    """Return an image's width and height in pixels; None where its header doesn't tell them."""
    try:
        size = _size(content)
    except struct.error:  # it ends too early
        return None

    return size if size is not None and min(size) > 0 else None


def _size(content: bytes) -> tuple[int, int] | None:
    if content[:4] == b"\x89PNG" and content[12:16] == b"IHDR":
        width, height = struct.unpack_from(">II", content, 16)
    elif content[:3] == b"GIF":
        width, height = struct.unpack_from("<HH", content, 6)
    elif content[:2] == b"\xff\xd8":
        return _jpeg_size(content)
    elif content[:4] == b"RIFF":
        return _webp_size(content)
    elif content[:2] == b"BM":
        old = content[14:15] == b"\x0c"  # as long as the first header that there was
        width, height = struct.unpack_from("<HH" if old else "<ii", content, 18)
    elif content[4:8] == b"ftyp":
        return max(_box_sizes(content[:HEADER_BYTES]), key=math.prod, default=None)
    else:
        return None

    return width, abs(height)


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    offset = 2
    while offset + 4 <= len(content) and content[offset] == 0xFF:  # noqa: PLR2004  (of a marker)
        marker = content[offset + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD7 or marker == 1:  # noqa: PLR2004
            offset += 1 if marker == 0xFF else 2  # noqa: PLR2004  (a fill byte)
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # noqa: PLR2004
            height, width = struct.unpack_from(">HH", content, offset + 5)
            return width, height
        else:
            offset += 2 + int.from_bytes(content[offset + 2 : offset + 4], "big")

    return None


def _webp_size(content: bytes) -> tuple[int, int] | None:
    part = content[12:16]
    if part == b"VP8X":
        return (
            1 + int.from_bytes(content[24:27], "little"),
            1 + int.from_bytes(content[27:30], "little"),
        )

    if part == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)

    if part != b"VP8 ":
        return None

    width, height = struct.unpack_from("<HH", content, 26)
    return width & 0x3FFF, height & 0x3FFF


def _box_sizes(head: bytes) -> Iterator[tuple[int, int]]:
    """Yield the sizes that AVIF and HEIC state: of the image, its tiles and its thumbnails."""
    for box in re.finditer(b"ispe", head):
        yield struct.unpack_from(">II", head, box.end() + 4)
