"""A line between us and the simulator that may be cut, or made odd, at any byte of an answer.

It passes whole requests on, and says what a test makes of the answers' bytes: no library corrects
it on the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tarash.tarash_gateway.testing import Counters, Simulator

COUNTED = {
    "submits": "submit",
    "polls": "poll",
    "results": "result",
    "cancels": "cancel",
    "lists": "list",
    "uploads": "upload",
    "models": "model",
    "streams": "stream",
    "downloads": "download",
}
"""What the simulator counts a request as, and the name of that step."""


@dataclass(frozen=True, slots=True)
class Said:
    """What goes out in place of an answer.

    Attributes:
        data: The bytes.
        resets: Whether the connection ends with a reset, as of a machine that has gone.
        stays: Whether it stays open after them, and silent.
        repeats: What comes after them for as long as anybody listens.
        keeps: Whether the connection is kept for the next request.
    """

    data: bytes
    resets: bool = False
    stays: bool = False
    repeats: bytes = b""
    keeps: bool = False


Twist = Callable[[bytes], Said]
"""Given a whole answer, head and body, returns what is said in its place."""


def cut(after: int, *, resets: bool = False) -> Twist:
    """Return what cuts the line after so many bytes of an answer."""
    return lambda whole: Said(whole[:after], resets)


def kept(whole: bytes) -> Said:
    """Return an answer as it is, after which the connection is kept."""
    return Said(whole.replace(b"Connection: close\r\n", b"", 1), keeps=True)


class Line:
    """Stands before one origin of a simulator.

    Args:
        simulator: Whose.
        provider: Whose counters say which step a request was.
        origin: The URL of the origin; None for the provider's.
        hosts: Further pairs of hosts and ports to put in the place of others, in what is answered.
    """

    def __init__(
        self,
        simulator: Simulator,
        provider: str,
        origin: str | None = None,
        hosts: dict[str, str] | None = None,
    ) -> None:
        self._simulator = simulator
        self._provider = provider
        self._behind = urlsplit(origin or simulator.base_url(provider)).netloc
        self._hosts = dict(hosts or {})
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._idle: set[asyncio.StreamWriter] = set()
        self.twists: dict[str, list[Twist]] = {}
        """By step: one for each answer to come; the last one for ever, where `stays` names it."""
        self.stays: set[str] = set()
        """Steps whose last twist is never used up."""
        self.answers: list[tuple[str, bytes]] = []
        """Each step that was asked for, and the whole answer before anything was made of it."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._hosts[self._behind] = self.host
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        self._closing.set()
        for task in self._tasks:
            task.cancel()

        await asyncio.gather(*self._tasks)
        await asyncio.sleep(0)

    @property
    def host(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def url(self) -> str:
        """The URL by which to go through it."""
        return f"http://{self.host}"

    def twist(self, step: str, *twists: Twist, stays: bool = False) -> None:
        """Make something of the next answers to a step, and of all later ones where it stays."""
        self.twists[step] = list(twists)
        self.stays.discard(step)
        if stays:
            self.stays.add(step)

    def clear(self) -> None:
        """Pass everything on as it is, and forget what was."""
        self.twists, self.stays, self.answers = {}, set(), []

    def asked(self, step: str) -> int:
        """Return how often a step was asked for."""
        return sum(one == step for one, _ in self.answers)

    def say_unasked(self, data: bytes) -> int:
        """Say something on every connection that is kept; return how many there are."""
        for writer in self._idle:
            writer.write(data)

        return len(self._idle)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            # Whoever asked may have gone; and at the end all are cancelled.
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._answered(reader, writer):
                    self._idle.add(writer)
        finally:
            self._idle.discard(writer)
            writer.transport.abort()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer a request; return whether the connection is kept for another."""
        asked = await _whole_request(reader)
        self._idle.discard(writer)
        async with self._turn:  # else the counters don't tell whose step it was
            step, whole = await self._pass(asked)

        said = self._made(step, whole)
        await self._say(writer, said)
        return said.keeps

    async def _pass(self, asked: bytes) -> tuple[str, bytes]:
        before = self._simulator.counters(self._provider)
        host, _, port = self._behind.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            head, _, body = asked.partition(b"\r\n\r\n")
            for behind, shown in self._hosts.items():
                head = head.replace(shown.encode(), behind.encode())

            lines = [
                one for one in head.split(b"\r\n") if not one.lower().startswith(b"connection")
            ]
            writer.write(b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body)
            whole = await reader.read()
        finally:
            writer.transport.abort()

        step = _step(before, self._simulator.counters(self._provider))
        whole = self._readdressed(whole)
        self.answers.append((step, whole))
        return step, whole

    def _readdressed(self, whole: bytes) -> bytes:
        head, _, body = whole.partition(b"\r\n\r\n")
        length = len(body)
        for behind, shown in self._hosts.items():
            head = head.replace(behind.encode(), shown.encode())
            body = body.replace(behind.encode(), shown.encode())

        said, now = f"Content-Length: {length}".encode(), f"Content-Length: {len(body)}".encode()
        return head.replace(said, now) + b"\r\n\r\n" + body

    def _made(self, step: str, whole: bytes) -> Said:
        twists = self.twists.get(step, [])
        if not twists:
            return Said(whole)

        lasts = len(twists) == 1 and step in self.stays
        return (twists[0] if lasts else twists.pop(0))(whole)

    async def _say(self, writer: asyncio.StreamWriter, said: Said) -> None:
        writer.write(said.data)
        await writer.drain()
        while said.repeats:
            writer.write(said.repeats)
            await writer.drain()

        if said.stays:
            await self._closing.wait()

        if not (said.resets or said.keeps):
            writer.close()
            await writer.wait_closed()


async def _whole_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    named = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    if named.get("expect"):
        raise AssertionError("nobody asked for a 100")

    if named.get("transfer-encoding") == "chunked":
        return head + await reader.readuntil(b"0\r\n\r\n")

    return head + await reader.readexactly(int(named.get("content-length", "0")))


def _step(before: Counters, after: Counters) -> str:
    risen = [step for name, step in COUNTED.items() if getattr(after, name) > getattr(before, name)]
    return risen[0] if risen else "other"
