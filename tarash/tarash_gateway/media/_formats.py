"""What the first bytes of a file say that it is, and how its name should end. Reads nothing."""

from __future__ import annotations

import mimetypes
import re
from urllib.parse import urlsplit

HEAD_BYTES = 64
"""So many of the first bytes are enough to tell."""

SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypavis", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypheix", "image/heic"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
    # QuickTime files of the time before `ftyp`.
    (4, b"moov", "video/quicktime"),
    (4, b"mdat", "video/quicktime"),
    (4, b"wide", "video/quicktime"),
)
# `RIFF`, four bytes of length, and then what it is.
RIFF = {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo", b"WAVE": "audio/wav"}
EXTENSIONS = {
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "image/avif": "avif",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
}
VAGUE = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/binary"})
"""Types by which a server says that it doesn't know."""
PAGES = ("text/", "application/json", "application/problem+json", "application/xml")
PAGE = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?\s*(?:<!doctype|<html|<\?xml|<error|\{|\[\s*\{)", re.IGNORECASE
)
MATROSKA = b"matroska"


def sniff(head: bytes) -> str | None:
    """Return the MIME type of media by their first bytes, where these tell."""
    for offset, signature, content_type in SIGNATURES:
        if head[offset:].startswith(signature):
            webm = content_type == "video/webm"
            return "video/x-matroska" if webm and MATROSKA in head[:HEAD_BYTES] else content_type

    return RIFF.get(head[8:12]) if head[:4] == b"RIFF" else None


def is_page(head: bytes, declared: str | None) -> bool:
    """Tell whether this is a page or a message in the place of media.

    Args:
        head: The first bytes.
        declared: The MIME type that the server states.
    """
    if sniff(head) is not None:
        return False

    declared = declared or ""
    if declared.startswith(PAGES):
        return True

    return declared in VAGUE and PAGE.match(head) is not None


def type_of(head: bytes, declared: str | None, name: str = "") -> str | None:
    """Return the MIME type: by the bytes, else as declared, else by the name or the URL."""
    if declared in VAGUE:
        declared = None

    return sniff(head) or declared or mimetypes.guess_type(urlsplit(name).path)[0]


def extension(content_type: str | None) -> str:
    """Return how the name of a file of this type ends, without the dot."""
    known = EXTENSIONS.get(content_type or "")
    return known or (mimetypes.guess_extension(content_type or "") or ".bin")[1:]
