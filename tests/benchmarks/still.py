"""A provider whose jobs never end, in a process of its own: speaks just enough of Runway's API.

The simulator keeps each request and checks it; under ten thousand jobs it would be what is
measured. This one takes some 20 µs for an answer.

Run as a module, it serves: it prints its address, then one JSON line of counters for each line on
standard input, and ends with it.
"""

from __future__ import annotations

import asyncio
import json
import sys

from tests.benchmarks.beside import Beside, answer

LENGTH = b"content-length:"


class Still(Beside):
    """A running provider, seen from another process. A context manager."""

    def __init__(self) -> None:
        super().__init__("tests.benchmarks.still")

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self._begins_with)

    def counters(self) -> dict[str, int]:
        """Return how many jobs were accepted, how often they were polled, and connections."""
        counted: dict[str, int] = self.ask()
        return counted


class _Wire(asyncio.Protocol):
    """One connection of a client that waits for each answer before it asks again."""

    def __init__(self, counted: dict[str, int]) -> None:
        self._counted = counted
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._counted["connections"] += 1

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, sent = self._read.partition(b"\r\n\r\n")
        if not found or len(sent) < _length(head):
            return

        self._read = b""
        method, path, _ = head.split(b" ", 2)
        if method == b"POST":
            self._counted["accepted"] += 1
            body: dict[str, str] = {"id": f"job-{self._counted['accepted']}"}
        else:
            self._counted["polls"] += 1
            body = {"id": path.rpartition(b"/")[2].decode(), "status": "RUNNING"}

        content = json.dumps(body).encode()
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
            % (len(content), content)
        )


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(LENGTH):
            return int(line.removeprefix(LENGTH))

    return 0


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    counted = {"accepted": 0, "polls": 0, "connections": 0}
    server = await loop.create_server(lambda: _Wire(counted), "127.0.0.1", 0, backlog=1000)
    answer(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    while await asyncio.to_thread(sys.stdin.readline):
        answer(counted)


if __name__ == "__main__":
    asyncio.run(_serve())
