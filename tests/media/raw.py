"""A server that says what it was given to say, byte for byte: no library corrects it."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came over the wire."""

    target: str
    """The path and the query, byte for byte."""
    headers: dict[str, str]
    """By their names in lower case."""
    method: str = "GET"

    @property
    def start(self) -> int | None:
        """The first byte that is asked for; None where all are."""
        found = re.match(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(found[1]) if found else None


@dataclass(slots=True)
class Raw:
    """A running server."""

    url: str
    seen: list[Asked] = field(default_factory=list)

    @property
    def targets(self) -> list[str]:
        """Return what was asked for, in order."""
        return [asked.target for asked in self.seen]


Answers = Callable[[Asked, int], Iterable[bytes]]
"""Given a request and how many came before it: the whole answer, in pieces; then it is closed."""


def answer(
    body: bytes = b"", status: str = "200 OK", length: int | None = -1, **headers: str
) -> bytes:
    """Return a whole answer; underscores in the names of headers stand for hyphens.

    Args:
        body: What comes.
        status: The code and the reason.
        length: The Content-Length; -1 for the body's, None for none.
        headers: Further ones.
    """
    lines = [f"HTTP/1.1 {status}", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == -1 else length}")

    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body


@contextmanager
def serving(answers: Answers) -> Iterator[Raw]:
    """Serve on a port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    made = Raw(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def serve() -> None:
        with suppress(OSError):  # closed at the end
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    def one(connection: socket.socket) -> None:
        # Whoever asked may leave at any moment.
        with connection, suppress(OSError):
            asked = _read(connection)
            if asked is None:
                return

            number = len(made.seen)
            made.seen.append(asked)
            for piece in answers(asked, number):
                connection.sendall(piece)

            connection.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)

        listener.close()
        thread.join()


def _read(connection: socket.socket) -> Asked | None:
    received = b""
    while b"\r\n\r\n" not in received:
        block = connection.recv(65536)
        if not block:
            return None

        received += block

    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    left = int(headers.get("content-length", "0")) - len(body)
    while left > 0 and (block := connection.recv(65536)):
        left -= len(block)

    if headers.get("transfer-encoding") == "chunked":
        while not body.endswith(b"0\r\n\r\n") and (block := connection.recv(65536)):
            body += block

    method, target, _ = first.split(" ", 2)
    return Asked(target, headers, method)
