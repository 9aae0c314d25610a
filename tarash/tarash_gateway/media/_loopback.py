"""Serves media on a loopback URL, so that a pipeline or a browser can fetch what the mock made.

One small server on the background loop, started by the first `publish` and closed with the loop. It
hands out what was published under an unguessable address, and nothing else.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from weakref import WeakKeyDictionary

from .._support import _portal

if TYPE_CHECKING:
    from aiohttp import web

HOST = "127.0.0.1"
READING = ("GET", "HEAD")
MOST_ITEMS = 256
"""Media held as bytes; the oldest makes room. Files cost nothing, and stay."""
LARGEST_TOTAL = 256 * 1024 * 1024
"""Bytes held at most, but for a single item that is larger."""
CLOSING_SECONDS = 0.5
"""How long a transfer under way may hold up the end of the loop."""


@dataclass(frozen=True, slots=True)
class _Item:
    media: bytes | Path
    content_type: str

    def read(self) -> bytes:
        return self.media if isinstance(self.media, bytes) else self.media.read_bytes()

    def size(self) -> int:
        return len(self.media) if isinstance(self.media, bytes) else 0


class _Server:
    """The published media of one loop; used on that loop only."""

    def __init__(self) -> None:
        self._starting = asyncio.Lock()
        self._origin: str | None = None
        self._held: OrderedDict[str, _Item] = OrderedDict()
        self._files: dict[str, _Item] = {}
        self._tokens: dict[_Item, str] = {}
        self._keeper: AsyncGenerator[str] | None = None
        self._server: web.Server | None = None

    async def publish(self, media: bytes | Path, content_type: str, name: str) -> str:
        origin = await self._start()
        item = _Item(media, content_type)
        token = self._keep_file(item) if isinstance(media, Path) else self._hold(item)
        return f"{origin}/{token}/{quote(name, safe='')}"

    def _keep_file(self, item: _Item) -> str:
        token = self._tokens.setdefault(item, secrets.token_urlsafe(16))
        self._files[token] = item
        return token

    def _hold(self, item: _Item) -> str:
        token = secrets.token_urlsafe(16)
        self._held[token] = item
        while len(self._held) > MOST_ITEMS or (self._total() > LARGEST_TOTAL and self._held_many()):
            self._held.popitem(last=False)

        return token

    def _total(self) -> int:
        return sum(item.size() for item in self._held.values())

    def _held_many(self) -> bool:
        return len(self._held) > 1

    def find(self, url: str) -> _Item | None:
        """Return what is published under a URL; safe to call from any thread."""
        if self._origin is None or not url.startswith(f"{self._origin}/"):
            return None

        token = url[len(self._origin) + 1 :].partition("/")[0]
        return self._held.get(token) or self._files.get(token)

    async def _start(self) -> str:
        async with self._starting:
            if self._origin is None:
                self._keeper = self._serve()
                # Suspended until the loop's shutdown finalises its asynchronous generators.
                self._origin = await anext(self._keeper)

            return self._origin

    async def _serve(self) -> AsyncGenerator[str]:
        listening = await asyncio.get_running_loop().create_server(self._connected, HOST, 0)
        try:
            yield f"http://{HOST}:{listening.sockets[0].getsockname()[1]}"
        finally:
            self._origin = None
            listening.close()
            if self._server is not None:
                await self._server.shutdown(CLOSING_SECONDS)

    def _connected(self) -> asyncio.BaseProtocol:
        # aiohttp's server costs an import. Most media are never fetched: what saves them, or
        # examines them, in this process finds them by `published`.
        from aiohttp import web

        if self._server is None:
            self._server = web.Server(self._answer, access_log=None)

        return self._server()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        from aiohttp import web

        if request.method not in READING:
            raise web.HTTPMethodNotAllowed(request.method, READING)

        token, name, *more = *request.rel_url.raw_path[1:].split("/"), ""
        item = self._held.get(token) or self._files.get(token)
        if item is None or not name or any(more):
            raise web.HTTPNotFound(text="nothing is published here, or it has made room\n")

        return _respond(request, item)


def _respond(request: web.BaseRequest, item: _Item) -> web.Response:
    from aiohttp import web

    content = item.read()
    headers = {"Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff"}
    span = _span(request.headers.get("Range"), len(content))
    if span is None:
        return web.Response(body=content, content_type=item.content_type, headers=headers)

    first, after = span
    if first >= after:
        headers["Content-Range"] = f"bytes */{len(content)}"
        return web.Response(status=416, headers=headers)

    headers["Content-Range"] = f"bytes {first}-{after - 1}/{len(content)}"
    return web.Response(
        status=206, body=content[first:after], content_type=item.content_type, headers=headers
    )


def _span(wanted: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte and the byte after the last, or None where all is to be sent.

    A range that is malformed or has several parts may be ignored (RFC 9110, 14.2), and is.
    """
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", wanted or "")
    if match is None or match.group() == "bytes=-":
        return None

    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size

    if last and int(last) < int(first):
        return None

    return int(first), min(size, int(last) + 1) if last else size


_servers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Server] = WeakKeyDictionary()


async def _publish(media: bytes | Path, content_type: str, name: str) -> str:
    # By loop: a forked child has a background loop of its own, and so a server of its own.
    server = _servers.setdefault(asyncio.get_running_loop(), _Server())
    return await server.publish(media, content_type, name)


def published(url: str) -> _Item | None:
    """Return what this process publishes under a URL; None where that is somebody else's."""
    if not _servers:
        return None

    items = (server.find(url) for server in list(_servers.values()))
    return next((item for item in items if item is not None), None)


async def publish(media: bytes | Path, content_type: str, name: str) -> str:
    """Return a URL on this machine under which the media can be fetched while the process lives.

    May be awaited on any event loop. Of media given as bytes the last 256 are kept.

    Args:
        media: The bytes, or a file that stays where it is.
        content_type: MIME type to serve it as.
        name: The last part of the URL, such as `video.mp4`.
    """
    loop = _portal.loop()
    if asyncio.get_running_loop() is loop:
        return await _publish(media, content_type, name)

    publishing = _publish(media, content_type, name)
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(publishing, loop))
