"""The forms in which text stands for media, and base64 both ways, in pieces. Reads no file."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

from .._support._base64 import PIECE, decoded
from ..exceptions import ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._data._types import MediaContent

URL = re.compile(r"https?://[^\s/]+", re.IGNORECASE)
# A provider's own way to name what it stores, such as gs://bucket/object.
REFERENCE = re.compile(r"(?!https?:|file:|s?ftps?:)[a-z][a-z0-9+.-]*://[^\s/]+", re.IGNORECASE)
SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
DATA_URI = re.compile(
    r"data:\s*(?P<type>[\w.+-]+/[\w.+-]+|)"
    # Parameters, of which values may be quoted.
    r"(?:;(?!\s*base64\s*,)[^;,\"]*(?:\"[^\"]*\")?\s*)*;\s*base64\s*,",
    re.IGNORECASE,
)
SHORTEST_BASE64 = 64
"""Characters: below this, text that happens to be base64 is rather a path."""
HEAVY_BYTES = 256 * 1024
"""From here on, encoding is worth a thread."""
SHOWN_CHARACTERS = 60
GLANCE = 1024
"""Characters, in whole groups of four."""

Result = TypeVar("Result")


class Reference(str):
    """Text that goes over the wire as it is: checked, uploaded, or a plan's placeholder."""

    __slots__ = ()


def data_uri(media: MediaContent) -> str:
    """Return bytes as a data URI."""
    content = memoryview(media["content"])
    pieces = [
        binascii.b2a_base64(content[start : start + PIECE], newline=False).decode()
        for start in range(0, len(content), PIECE)
    ]
    return "".join([f"data:{media['content_type']};base64,", *pieces])


async def encoded(media: MediaContent) -> str:
    """Return bytes as a data URI, made in a thread where they are many."""
    return await in_thread(len(media["content"]), data_uri, media)


async def in_thread(size: int, work: Callable[..., Result], *arguments: object) -> Result:
    """Do work on so many bytes: at once where they are few, else beside the event loop."""
    if size < HEAVY_BYTES:
        return work(*arguments)

    from anyio import to_thread

    return await to_thread.run_sync(work, *arguments, abandon_on_cancel=True)


def from_data_uri(text: str, where: str) -> MediaContent | None:
    """Return the bytes of a data URI; None for any other text.

    Raises:
        ValidationError: What it holds is no base64.
    """
    match = DATA_URI.match(text)
    if match is None:
        return None

    content = decoded(text, match.end())
    if content is None and "%" in text:  # escaped, as any URI may be
        content = decoded(unquote(text[match.end() :]))

    if content is None:
        raise ValidationError(f"{where}: the data URI does not hold base64; encode it again")

    return {"content": content, "content_type": match["type"]}
