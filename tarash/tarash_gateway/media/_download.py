"""Streams what a URL holds into a sink: resumed after a break, and complete or not at all.

Knows nothing of files or names; holds a megabyte or two, however much comes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

import aiohttp
import anyio

from .._http._ranges import (
    OK,
    PARTIAL,
    UNSATISFIABLE,
    OddRange,
    stretch_of,
    validator_of,
)
from .._http._reading import blocks_of
from .._http._reasons import reason_of
from .._http._retry_after import parse_retry_after
from .._support._secrets import Secrets
from ._fetch_policy import Failed, Gone
from ._formats import HEAD_BYTES, is_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._fetch_policy import Web

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


GONE = frozenset({401, 403, 404, 410})
"""What a URL answers whose time is over."""
NOT_FOUND = 404
UNTIL_THERE = (0.5, 1, 2, 4)
"""Seconds that a file may need to come to its address, one look after the other."""
PASSING = frozenset({*range(201, 206), *range(207, 300), 408, 425, 429})
"""Statuses that may pass, beside all from 500 on: also good ones that bring no file."""
FIRST_SERVER_ERROR = 500
MOST_IDLE = 4
"""Breaks in a row that bring nothing."""
MOST_BREAKS = 100
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
"""Seconds after a break that brought nothing; the pause doubles."""
MOST_CHANGES = 3
"""So often a file may turn out to be another one, or to differ from its checksum."""


class _Broken(Exception):  # noqa: N818  (control flow: whoever catches it goes on)
    """The transfer ended before its end."""

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class Sink(Protocol):
    """Where the bytes go."""

    async def begin(self, head: bytes, declared: str | None) -> None:
        """Take note of the first bytes and the stated MIME type; drop what came before, if any."""
        ...

    async def write(self, block: bytes) -> None:
        """Take the next bytes."""
        ...


class Download:
    """One medium on its way from a URL."""

    def __init__(self, web: Web, url: str, sink: Sink) -> None:
        self._web = web
        self._url = url
        self._sink = sink
        self._received = 0
        self._total: int | None = None
        self._stops_at: int | None = None
        """Where the part ends that is on its way."""
        self._overlap = 0
        """Bytes of it that are there already: some caches send whole blocks."""
        self._packed = False
        """Whether it comes compressed, so that no place in it can be asked for."""
        self._furthest = 0
        self._changes = 0
        self._checksums = Checksums({})
        self._validator: str | None = None
        """What tells that a file is still the same: an ETag, else a date."""
        self._declared = ""
        self._head: bytes | None = b""
        """The first bytes as long as they are too few to judge by; None when they were judged."""

    def move_to(self, url: str) -> None:
        """Go on at another URL of the same file."""
        self._url = url
        if self._validator is None:
            self._forget()

    async def run(self) -> None:
        """Fetch all of it.

        Raises:
            Gone: The URL doesn't open; `move_to` and another `run` go on from there.
            Failed: It can't be had whole, or is no medium.
            Refused: It leads where a download may not go.
            OSError: The sink can't take it.
        """
        breaks = idle = 0
        while True:
            try:
                await self._stretch()
            except _Broken as error:
                breaks += 1
                idle = 0 if self._received > self._furthest else idle + 1
                self._furthest = max(self._furthest, self._received)
                if idle > MOST_IDLE or breaks > MOST_BREAKS:
                    raise Failed(f"the download broke off: {error}") from error

                if idle:
                    pause = max(error.retry_after or 0, FIRST_PAUSE * 2 ** (idle - 1))
                    await anyio.sleep(min(pause, LONGEST_PAUSE))
            else:
                return

    def _forget(self) -> None:
        """Begin anew; the sink hears of it with the first bytes."""
        self._received, self._total, self._validator, self._head = 0, None, None, b""
        self._stops_at, self._overlap, self._checksums = None, 0, Checksums({})

    def _begin_anew(self, why: str) -> _Broken:
        """Forget what came, and return why."""
        why = f"{why} ({self._so_far()})"
        self._forget()
        self._changes += 1
        if self._changes > MOST_CHANGES:
            raise Failed(f"the download broke off: {why}")

        return _Broken(why)

    # -------------------------------------------------------------------------------- one stretch
    async def _stretch(self) -> None:
        """Make one request, and take in what it brings."""
        if self._head or self._packed:
            self._forget()  # too little to resume, or nothing that could be

        async with aclosing(self._blocks()) as blocks:
            async for block in blocks:
                await self._take(block)

        if self._head is not None:
            await self._judge(self._head)

        if not self._received:
            raise _Broken("the server sent nothing")

        if self._total is not None and self._received != self._total:
            raise _Broken(self._so_far())

        if self._stops_at not in (None, self._received):
            raise _Broken(self._so_far())

        wrong = self._checksums.wrong()
        if wrong is not None:
            raise self._begin_anew(f"its {wrong} is not the one that the server states")

    async def _blocks(self) -> AsyncGenerator[bytes]:
        """Yield what one request brings; whatever ends it early is one kind of error.

        The sink's errors are not among those: it works outside of this generator.
        """
        try:
            headers = self._range()
            async with self._web.get(self._url, headers) as response:
                if self._starts(response, headers):
                    self._declared = response.headers.get("Content-Type", "").partition(";")[0]
                    async for block in blocks_of(response):
                        yield block
        except TimeoutError as error:
            raise _Broken("the server fell silent") from error
        except (aiohttp.InvalidURL, ValueError) as error:
            raise Failed(f"{self._url[:80]!r} is no URL that can be fetched") from error
        except (aiohttp.ClientError, OSError) as error:
            reason = f"{self._so_far()} ({reason_of(error)})"
            raise _Broken(reason) from Secrets().error(error)

    def _range(self) -> Mapping[str, str]:
        if not self._received:
            return {}

        wanted = {"Range": f"bytes={self._received}-"}
        return {**wanted, "If-Range": self._validator} if self._validator else wanted

    def _starts(self, response: aiohttp.ClientResponse, asked: Mapping[str, str]) -> bool:
        """Take note of an answer's head; tell whether its body is to be read."""
        status = response.status
        if status in (OK, PARTIAL):
            self._places(response)
            return True

        if status == UNSATISFIABLE and asked:
            return self._at_the_end(response)

        if status in GONE:
            raise Gone(status)

        if status in PASSING or status >= FIRST_SERVER_ERROR:
            retry_after = parse_retry_after(response.headers.get("Retry-After"))
            raise _Broken(f"HTTP {status}", retry_after)

        raise Failed(f"its URL answers HTTP {status}")

    def _places(self, response: aiohttp.ClientResponse) -> None:
        """Find out which part of the file this is."""
        try:
            stretch = stretch_of(response)
        except OddRange as error:
            raise self._begin_anew(str(error)) from error

        if stretch.first > self._received:
            raise self._begin_anew("the server sent another part than was asked for")

        if stretch.first == 0:
            self._forget()
            self._validator = validator_of(response)
            whole = not (stretch.is_ranged or stretch.is_packed)
            self._checksums = Checksums(response.headers, whole=whole)
        else:
            self._same(response, stretch.total)

        self._packed = stretch.is_packed
        self._overlap = self._received - stretch.first
        self._stops_at = stretch.stops_at
        self._total = stretch.total or self._total

    def _same(self, response: aiohttp.ClientResponse, total: int | None) -> None:
        """Check that this is a part of the file that came so far."""
        known = self._total is not None and total is not None
        changed = validator_of(response) not in (None, self._validator)
        if changed or (known and total != self._total):
            raise self._begin_anew("the file at the URL has changed meanwhile")

    def _at_the_end(self, response: aiohttp.ClientResponse) -> bool:
        """Find all there already, where the end had not been announced."""
        _, _, stated = response.headers.get("Content-Range", "").partition("*/")
        if stated.isdigit() and int(stated) == self._received and self._total is None:
            self._stops_at = None
            return False

        raise self._begin_anew(f"the server has no more (it says {stated[:20] or 'nothing'})")

    async def _take(self, block: bytes) -> None:
        skipped = min(self._overlap, len(block))
        self._overlap -= skipped
        block = block[skipped:]
        self._received += len(block)
        ends_at = self._total if self._stops_at is None else self._stops_at
        if ends_at is not None and self._received > ends_at:
            raise self._begin_anew("the server sent more than it had announced")

        self._checksums.update(block)
        if self._head is None:
            await self._sink.write(block)
            return

        self._head += block
        if len(self._head) >= HEAD_BYTES:
            await self._judge(self._head)

    async def _judge(self, head: bytes) -> None:
        """Look at the first bytes before any of them is kept."""
        if head and is_page(head, self._declared):
            raise Failed(f"a page came in its place ({self._declared or 'of no stated type'})")

        self._head = None
        if head:
            await self._sink.begin(head, self._declared)
            await self._sink.write(head)

    def _so_far(self) -> str:
        of = "an unknown number" if self._total is None else str(self._total)
        return f"{self._received} bytes came of {of}"


async def appeared(download: Download, gone: Gone) -> None:
    """Run a download again that found nothing: a provider may name a file before it is there.

    Raises:
        Gone: It does not come.
    """
    for pause in UNTIL_THERE if gone.status == NOT_FOUND else ():
        try:
            await download.run()
        except Gone:
            await anyio.sleep(pause)
        else:
            return

    await download.run()
