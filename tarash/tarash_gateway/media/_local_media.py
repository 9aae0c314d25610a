"""What a response holds of its media: a URL, or something that is here already. Fetches nothing."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_to_bytes, urlsplit
from urllib.request import url2pathname

from .._http._sniff import HEAD_BYTES, sniff
from . import _loopback

if TYPE_CHECKING:
    from .._data._types import MediaType

URL = re.compile(r"https?://", re.IGNORECASE)
DATA_URI = re.compile(r"data:(?P<type>[^;,]*)(?P<rest>[^,]*),", re.IGNORECASE)
BASE64_TEXT = re.compile(r"[A-Za-z0-9+/=_\s-]*")
URL_SAFE = str.maketrans("-_", "+/")
SPACE = re.compile(r"\s+")
SLICE_CHARACTERS = 1024 * 1024
"""Base64 is decoded in slices of so many characters, in whole groups of four."""
GLANCE_CHARACTERS = 96
HEAD_CHARACTERS = 8192
SHORTEST_UNKNOWN = 1024
"""Characters of base64 whose first bytes tell nothing."""
LONGEST_PATH = 4096
SHOWN_CHARACTERS = 60


class NoMedium(Exception):  # noqa: N818  (its text becomes part of an error of ours)
    """There is nothing that could be saved or looked at."""


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """A medium that needs no fetching: bytes, base64 or a file."""

    media: bytes | str | Path
    start: int = 0
    """Where base64 begins in a data URI."""
    content_type: str | None = None
    """As declared."""

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes, a megabyte at a time; blocks the thread.

        Raises:
            NoMedium: What looked like base64 is none, or the file can't be read.
        """
        if isinstance(self.media, bytes):
            for start in range(0, len(self.media), SLICE_CHARACTERS):
                yield self.media[start : start + SLICE_CHARACTERS]
        elif isinstance(self.media, Path):
            yield from _read(self.media)
        else:
            yield from _decoded(self.media, self.start)

    def head(self) -> bytes:
        """Return the first bytes of what is in memory; none of a file.

        Raises:
            NoMedium: What looked like base64 is none.
        """
        if isinstance(self.media, Path):
            return b""

        if isinstance(self.media, bytes):
            return self.media[:HEAD_BYTES]

        return next(_decoded(self.media[: self.start + HEAD_CHARACTERS], self.start), b"")

    def content(self) -> bytes | Path:
        """Return the bytes as a whole, or the file that has them."""
        if isinstance(self.media, bytes | Path):
            return self.media

        return b"".join(self.blocks())


def locate(media: MediaType, *, paths: bool = True) -> str | LocalMedia:
    """Return a URL that has to be fetched, or a medium that is here.

    Args:
        media: As a response holds it, or as a user gives it.
        paths: Whether text may be the path of a file. A provider's answer may not name one: it
            would be read for whoever wrote the answer.

    Raises:
        NoMedium: It is none of what media can be.
    """
    if isinstance(media, Mapping):
        if not media.get("content"):
            raise NoMedium("it is empty")

        return LocalMedia(media["content"], content_type=media.get("content_type"))

    if URL.match(media):
        ours = _loopback.published(media)
        return media if ours is None else LocalMedia(ours.media, content_type=ours.content_type)

    match = DATA_URI.match(media)
    if match is not None:
        return _data_uri(media, match)

    path = _path(media) if paths else None
    if path is not None:
        return LocalMedia(path)

    if _is_base64(media):
        return LocalMedia(media)

    shown = media if len(media) <= SHOWN_CHARACTERS else f"{media[:SHOWN_CHARACTERS]}…"
    raise NoMedium(f"{shown!r} is neither a URL, a data URI, base64 nor a file")


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(SLICE_CHARACTERS):
                yield block
    except OSError as error:
        raise NoMedium(f"the file {str(path)!r} can't be read ({error.strerror})") from error


def _data_uri(media: str, match: re.Match[str]) -> LocalMedia:
    declared = match["type"] or None
    if match["rest"].lower().endswith(";base64"):
        return LocalMedia(media, match.end(), declared)

    return LocalMedia(unquote_to_bytes(media[match.end() :]), content_type=declared)


def _is_base64(text: str) -> bool:
    """Tell whether text is base64: much of it, or what begins as media do.

    A path, and many a sentence, has no other characters either.
    """
    if not text or BASE64_TEXT.fullmatch(text, 0, HEAD_CHARACTERS) is None:
        return False

    head = SPACE.sub("", text[:GLANCE_CHARACTERS]).translate(URL_SAFE)
    try:
        known = sniff(_decode(head[: len(head) // 4 * 4])) is not None
    except NoMedium:
        return False

    # Of a medium by its first bytes, the rest is looked at when it is decoded.
    is_long = len(text) >= SHORTEST_UNKNOWN
    return known or (is_long and BASE64_TEXT.fullmatch(text, 0, SLICE_CHARACTERS) is not None)


def _path(text: str) -> Path | None:
    if text[:7].lower() == "file://":
        text = url2pathname(unquote(urlsplit(text).path))

    if len(text) > LONGEST_PATH or "\0" in text:
        return None

    path = Path(text)
    try:
        return path if path.is_file() else None
    except OSError:  # base64 makes names that are too long
        return None


def _decoded(text: str, start: int) -> Iterator[bytes]:
    """Decode base64 slice by slice, line breaks and the URL-safe alphabet included."""
    rest = ""
    for at in range(start, len(text), SLICE_CHARACTERS):
        piece = rest + SPACE.sub("", text[at : at + SLICE_CHARACTERS]).translate(URL_SAFE)
        whole = len(piece) - len(piece) % 4
        rest = piece[whole:]
        yield _decode(piece[:whole])

    if rest:
        yield _decode(rest + "=" * (-len(rest) % 4))


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoMedium(f"it is neither a URL nor base64 ({error})") from error
