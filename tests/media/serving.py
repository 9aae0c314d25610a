"""A server of files that are too large for the simulator's memory: one block, over and over."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

BLOCK = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 4096


def block_at(offset: int, length: int) -> bytes:
    """Return a part of the file."""
    start = offset % len(BLOCK)
    return BLOCK[start : start + length]


@contextmanager
def large_file(size: int) -> Iterator[str]:
    """Serve a file of this size; yields its URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # closed
                return

            threading.Thread(target=_answer, args=(connection, size), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/large.mp4"
    finally:
        listener.close()


def _answer(connection: socket.socket, size: int) -> None:
    with connection:
        request = b""
        while b"\r\n\r\n" not in request:
            received = connection.recv(65536)
            if not received:
                return

            request += received

        asked = re.search(rb"\r\nrange: bytes=(\d+)-", request, re.IGNORECASE)
        offset = int(asked[1]) if asked else 0
        status = "206 Partial Content" if asked else "200 OK"
        ranged = f"Content-Range: bytes {offset}-{size - 1}/{size}\r\n" if asked else ""
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: video/mp4\r\n{ranged}"
            f"Content-Length: {size - offset}\r\nConnection: close\r\n\r\n"
        )
        try:
            connection.sendall(head.encode())
            while offset < size:
                part = block_at(offset, size - offset)
                connection.sendall(part)
                offset += len(part)
        except OSError:  # whoever asked has left
            return
