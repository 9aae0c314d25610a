"""What the first bytes of a file say that it is, and how its name should end. Reads nothing."""

from __future__ import annotations

import re

from .._http._kinds import VAGUE, canonical, sniff
from .._support._mime import ending_of, type_by_name

HEAD_BYTES = 64
"""So many of the first bytes are enough to tell."""

SCRIPTABLE = frozenset({"image/svg+xml"})
"""Media that may hold a program: a browser runs it for the site that it is opened from."""
ARCHIVE = "application/zip"
"""Of frames, as some models return them."""
MEDIA = ("image/", "video/", "audio/")
PAGES = ("text/", "application/json", "application/problem+json", "application/xml")
PAGE = re.compile(
    rb"\s*+(?:\xef\xbb\xbf)?\s*+(?:<!doctype|<html|<\?xml|<error|\{|\[\s*+\{)", re.IGNORECASE
)
"""Takes blanks once: a file may have nothing else, and reading its first bytes must end."""


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

    # Drawings are text themselves; no other media begin like a page, whatever the server calls it.
    return declared not in SCRIPTABLE and PAGE.match(head) is not None


def type_of(head: bytes, declared: str | None, name: str = "") -> str | None:
    """Return the MIME type: by the bytes, else as declared, else by the name or the URL.

    Only ever one of media that hold no program, or of their archive: servers choose what they
    declare, and what their URLs end in.
    """
    if declared in VAGUE:
        declared = None

    kind = sniff(head) or canonical(declared or type_by_name(name) or "")
    allowed = kind.startswith(MEDIA) and kind not in SCRIPTABLE
    return kind if allowed or kind == ARCHIVE else None


def extension(content_type: str | None) -> str:
    """Return how the name of a file of this type ends, without the dot: as media do, or `bin`."""
    return (ending_of(content_type) if content_type not in SCRIPTABLE else None) or "bin"
