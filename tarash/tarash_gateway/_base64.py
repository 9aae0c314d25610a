"""Base64 in the dialects in which people have it, in pieces: nothing else runs meanwhile."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

PIECE = 192 * 1024
"""Bytes, in whole groups of three, that are encoded at once: nothing else runs meanwhile, in no
thread, and all at once would be 70 ms of that for 20 MB."""
LETTERS = PIECE // 3 * 4
GROUP = 4


def decoded(text: str, start: int = 0) -> bytes | None:
    """Return the bytes of base64 text; None if it is none.

    It may be broken into lines, use the URL-safe alphabet, and lack its padding.
    """
    pieces: list[bytes] = []
    ended = False
    try:
        for letters in _quartets(text, start):
            if ended:
                return None  # letters after the padding

            pieces.append(base64.b64decode(letters, validate=True))
            ended = letters.endswith("=")
    except (binascii.Error, ValueError):  # the latter where it is not even ASCII
        return None

    return b"".join(pieces)


def _quartets(text: str, start: int) -> Iterator[str]:
    """Yield the letters of the usual alphabet, without white space, in whole groups of four."""
    rest = ""
    usual = safe = False
    for place in range(start, len(text), LETTERS):
        piece = text[place : place + LETTERS]
        usual = usual or "+" in piece or "/" in piece
        if "-" in piece or "_" in piece:
            safe = True
            piece = piece.replace("-", "+").replace("_", "/")
        if usual and safe:
            raise ValueError("two alphabets at once: it is rather a path")

        rest += "".join(piece.split())
        whole = len(rest) // GROUP * GROUP
        if whole:
            yield rest[:whole]

        rest = rest[whole:]

    if rest:
        padding = "" if rest.endswith("=") else "=" * (-len(rest) % GROUP)
        yield rest + padding
