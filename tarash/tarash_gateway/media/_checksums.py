"""Checksums that a server states of a whole file. Only those that are certain to be of its bytes.

An ETag is none of these: it often is an MD5, and just as often it is not.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping

ALGORITHMS = {"md5": "md5", "sha-256": "sha256", "sha-512": "sha512"}
SIZES = {"md5": 16, "sha256": 32, "sha512": 64}
# Of the file as a whole, also where a part of it is sent.
OF_THE_FILE = ("Repr-Digest", "Digest")
STATED = re.compile(r"\s*([\w-]+)=:?([A-Za-z0-9+/=]+?):?\s*")


class Checksums:
    """The checksums of one file on its way."""

    def __init__(self, headers: Mapping[str, str], *, whole: bool = False) -> None:
        """Take note of what a server states.

        Args:
            headers: Those of the answer that begins the file.
            whole: Whether it has all of the file, as it is: what is said of the body alone counts.
        """
        stated = dict(_stated(headers)) if whole else {}
        self._stated = stated
        self._running = {name: hashlib.new(name, usedforsecurity=False) for name in stated}

    def update(self, block: bytes) -> None:
        """Take in the next bytes."""
        for running in self._running.values():
            running.update(block)

    def wrong(self) -> str | None:
        """Return the name of a checksum that differs; None where all are as stated."""
        for name, running in self._running.items():
            if running.digest() != self._stated[name]:
                return name

        return None


def _stated(headers: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    places = [("md5=" + headers[name]) for name in ("Content-MD5",) if name in headers]
    places += [headers[name] for name in OF_THE_FILE if name in headers]
    # Google states it of what is stored, which may be packed.
    if headers.get("x-goog-stored-content-encoding", "identity") == "identity":
        places += [headers["x-goog-hash"]] if "x-goog-hash" in headers else []

    for place in places:
        for part in place.split(","):
            match = STATED.fullmatch(part)
            name = ALGORITHMS.get(match[1].lower()) if match else None
            digest = _decoded(match[2]) if match and name else b""
            if name is not None and len(digest) == SIZES[name]:
                yield name, digest


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
