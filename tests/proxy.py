"""A proxy on loopback before a PostgreSQL, which cuts or stalls a connection at a chosen statement.

It knows as much of the protocol as it takes to count what a client asks.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

How = Literal["before", "after", "stall"]
STARTUP = 196608
"""The protocol's version, in what a client says first."""
ASKED = frozenset(b"QS")
"""The types of messages that ask for an answer: a simple query, and Sync."""


class Proxy:
    """Stands between the clients of a URL and its server."""

    def __init__(self, url: str) -> None:
        self._url = url
        place = urlsplit(url)
        self._server_at = (place.hostname or "127.0.0.1", place.port or 5432)
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._closing = asyncio.Event()
        self._moving = asyncio.Event()
        self._moving.set()
        self._at: int | None = None
        self._how: How = "before"
        self.asked = 0
        """What clients have asked so far."""
        self.cuts = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        self._closing.set()
        self._moving.set()
        self.cut_all()
        await asyncio.gather(*self._tasks)
        await asyncio.sleep(0)  # what is aborted lets go of its socket with the loop's next round

    @property
    def url(self) -> str:
        """The URL by which to go through the proxy."""
        port = self._server.sockets[0].getsockname()[1]
        place = urlsplit(self._url)
        return place._replace(netloc=f"{place.username}@127.0.0.1:{port}").geturl()

    def arm(self, at: int, how: How) -> None:
        """Cut the connection of the `at`-th question from now on, counted from 1.

        Args:
            at: Which one.
            how: `before` it arrives, `after` it was answered and before the answer arrives, or
                `stall`: it never arrives, and nobody says so.
        """
        self.asked, self._at, self._how = 0, at, how

    def disarm(self) -> int:
        """Let everything pass; return what was asked since `arm`."""
        self._at = None
        return self.asked

    def cut_all(self) -> None:
        """Cut all connections."""
        for writer in list(self._writers):
            writer.transport.abort()

    def hold(self) -> None:
        """Swallow nothing, and deliver nothing, until `release`."""
        self._moving.clear()

    def release(self) -> None:
        """Deliver again."""
        self._moving.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        writers = {writer}
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                server_reader, server_writer = await asyncio.open_connection(*self._server_at)
                writers.add(server_writer)
                self._writers |= writers
                await self._pass(reader, writer, server_reader, server_writer)
        finally:  # also where the database is not there
            for one in writers:
                self._writers.discard(one)
                one.transport.abort()

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        await _begin(reader, writer, server_reader, server_writer)
        swallows = asyncio.Event()
        answers = asyncio.create_task(self._answer(server_reader, writer, swallows))
        question = b""
        try:
            while True:
                head = await reader.readexactly(5)
                question += head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)
                if head[0] not in ASKED:
                    continue  # a client sends all of a question at once, and so do we

                await self._moving.wait()
                if self._is_chosen():
                    self.cuts += 1
                    if self._how == "stall":
                        await self._closing.wait()

                    if self._how != "after":
                        return

                    swallows.set()
                    server_writer.write(question)
                    await answers
                    return

                server_writer.write(question)
                await server_writer.drain()
                question = b""
        finally:
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)

    def _is_chosen(self) -> bool:
        self.asked += 1
        if self.asked != self._at:
            return False

        self._at = None
        return True

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, swallows: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            await self._moving.wait()
            if swallows.is_set():
                return

            writer.write(data)
            await writer.drain()

        writer.transport.abort()


async def _begin(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    server_reader: asyncio.StreamReader,
    server_writer: asyncio.StreamWriter,
) -> None:
    """Pass on what comes before the protocol proper: offers of encryption, each refused."""
    while True:
        head = await reader.readexactly(4)
        body = await reader.readexactly(struct.unpack("!I", head)[0] - 4)
        server_writer.write(head + body)
        if struct.unpack("!I", body[:4])[0] == STARTUP:
            return

        writer.write(await server_reader.readexactly(1))
