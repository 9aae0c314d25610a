"""What the first bytes of a file say that it is, and how its name should end. Reads nothing."""

from __future__ import annotations

import mimetypes
import re
from urllib.parse import urlsplit

from ._kinds import VAGUE, sniff

HEAD_BYTES = 64
"""So many of the first bytes are enough to tell."""

EXTENSIONS = {
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "image/avif": "avif",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/heif": "heif",
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
PAGES = ("text/", "application/json", "application/problem+json", "application/xml")
PAGE = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?\s*(?:<!doctype|<html|<\?xml|<error|\{|\[\s*\{)", re.IGNORECASE
)


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
