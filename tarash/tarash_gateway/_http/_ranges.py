"""Which part of a file an answer brings: by what is said of the range, not by the status.

Some servers send the part that was asked for with 200, or all of it with 206. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiohttp

OK, PARTIAL, UNSATISFIABLE = 200, 206, 416
CONTENT_RANGE = re.compile(r"\s*bytes[ =](\d{1,18})-(\d{1,18})/(\d{1,18}|\*)\s*", re.IGNORECASE)


class OddRange(Exception):  # noqa: N818  (control flow: whoever catches it begins anew)
    """What an answer says of its part can't be; the text says why."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a file that an answer brings."""

    first: int
    """The place of its first byte."""
    stops_at: int | None
    """The place after its last byte, where it is said to be a part; None for the file's end."""
    total: int | None
    """Bytes of the whole file; None where nobody says, or where they come packed."""
    is_packed: bool
    """Whether it comes compressed, so that no place in it can be asked for."""
    is_ranged: bool
    """Whether the answer says of which part it is."""
    is_doubtful: bool = False
    """Whether it calls itself a part, of which nobody asked: the bytes have to show that it is all.
    """


def stretch_of(response: aiohttp.ClientResponse, *, is_asked: bool = True) -> Stretch:
    """Return the part of a file that a good answer brings.

    Args:
        response: The answer.
        is_asked: Whether a part may have been asked for; where all was, an answer that names no
            part is all of it, or `is_doubtful`.

    Raises:
        OddRange: It says nothing that can be.
    """
    packed = response.headers.get("Content-Encoding", "identity").lower() != "identity"
    stated = response.headers.get("Content-Range", "")
    match = CONTENT_RANGE.fullmatch(stated)
    if match is None:
        # Lists of things are said to be parts, too, in units of their own.
        doubt = response.status == PARTIAL
        if (doubt and (is_asked or stated)) or stated.strip().lower().startswith("bytes"):
            raise OddRange("the server sent a part, and did not say which")

        length = None if packed else response.content_length
        return Stretch(0, None, length, packed, is_ranged=False, is_doubtful=doubt)

    first, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    if not first <= last < (last + 1 if total is None else total):
        raise OddRange("the server sent a part that can't be")

    if packed and first > 0:
        raise OddRange("the server sent another part than was asked for")

    if packed:
        return Stretch(first, None, None, is_packed=True, is_ranged=True)

    return Stretch(first, last + 1, total, is_packed=False, is_ranged=True)


def whole_length(response: aiohttp.ClientResponse) -> int | None:
    """Return the bytes that a file has of which nothing more is left to send (416)."""
    _, _, stated = response.headers.get("Content-Range", "").partition("*/")
    return int(stated) if stated.isdigit() and len(stated) <= 18 else None  # noqa: PLR2004


def validator_of(response: aiohttp.ClientResponse) -> str | None:
    """Return what a range may be bound to: a strong ETag, else the date of the last change."""
    return strong_tag(response) or response.headers.get("Last-Modified")


def strong_tag(response: aiohttp.ClientResponse) -> str | None:
    """Return the ETag where it stands for the very bytes."""
    tag = response.headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else None
