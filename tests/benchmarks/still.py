"""A provider whose jobs never end, in a process of its own: speaks just enough of Runway's API.

The simulator keeps each request and checks it; under ten thousand jobs it would be what is
measured. This one takes some 20 µs for an answer.

Run as a module, it serves: it prints its address, then one JSON line of counters for each line on
standard input, and ends with it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
LENGTH = b"content-length:"


class Still:
    """A running provider, seen from another process. A context manager."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.benchmarks.still"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self.url = self._line()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._process as process:  # which closes its standard input, and so ends it
            if process.stdout is not None:
                process.stdout.close()

    def counters(self) -> dict[str, int]:
        """Return how many jobs were accepted, how often they were looked at, and connections."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        counted: dict[str, int] = json.loads(self._line())
        return counted

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the provider's process ended; what it said is above")

        return line.strip()


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
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return

        self._read = b""
        method, path, _ = head.split(b" ", 2)
        if method == b"POST":
            self._counted["accepted"] += 1
            answer: dict[str, str] = {"id": f"job-{self._counted['accepted']}"}
        else:
            self._counted["polls"] += 1
            answer = {"id": path.rpartition(b"/")[2].decode(), "status": "RUNNING"}

        said = json.dumps(answer).encode()
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
            % (len(said), said)
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
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    while await asyncio.to_thread(sys.stdin.readline):
        sys.stdout.write(f"{json.dumps(counted)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve())
