"""Images on the way, in the events of a stream that answers a submit. Pure; it raises nothing."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._data._exchange import PartialImage
from .._http._answer import parse_json
from .._http._sniff import sniff
from ._result_facts import mapping, text

if TYPE_CHECKING:
    from .._data._types import MediaContent

LONGEST_HEAD = 1024
"""Within this from its beginning or its end, an event says its type."""
IMAGE_TYPES = {"jpg": "image/jpeg", "svg": "image/svg+xml"}


def said_by(event: bytes, words: Sequence[str]) -> dict[str, Any]:
    """Return what an event says that has one of the words; nothing of any other.

    An event with a finished image is long, and is not read to its end for that.

    Args:
        event: Its data, as it came.
        words: Of its type; without any, each event is read.
    """
    ends = (event[:LONGEST_HEAD], event[-LONGEST_HEAD:])
    if words and not any(word.encode() in end for word in words for end in ends):
        return {}

    try:
        return mapping(parse_json(event.decode()))
    except ValueError:
        return {}


def image_in(encoded: Any, index: Any, kind: Any = None) -> PartialImage | None:
    """Return the image of an event; None where its base64 holds none.

    Args:
        encoded: The base64.
        index: Which of them it is, where the event says so.
        kind: The name of its format, which its bytes may contradict.
    """
    try:
        content = base64.b64decode(text(encoded) or "", validate=True)
    except ValueError:
        return None

    if not content:
        return None

    named = text(kind) or "png"
    made = sniff(content) or IMAGE_TYPES.get(named, f"image/{named}")
    media: MediaContent = {"content": content, "content_type": made}
    return PartialImage(index if type(index) is int else 0, media)
