"""A front before the simulator that passes all on, and sends media in its own way."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import SplitResult, urlsplit

HOP = frozenset({"connection", "content-length", "transfer-encoding", "host", "accept-encoding"})


@dataclass(frozen=True, slots=True)
class Sent:
    """What the front sends for a medium."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    """Bytes after which the connection breaks; None for none."""


Media = Callable[[int, Mapping[str, str]], Sent | None]
"""Given how often media were asked for before, and the headers; None for the simulator's answer."""


@dataclass(slots=True)
class Front:
    """A running front."""

    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    """The headers of each request for a medium."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    front: Front
    behind: SplitResult
    media: Media

    def log_message(self, *_facts: Any) -> None:
        """Say nothing."""

    def pass_on(self) -> None:
        content, status, kind = self._behind(self._body())
        if kind.startswith("video/") and self.command == "GET":
            asked = {name.lower(): value for name, value in self.headers.items()}
            number = len(self.front.asked)
            self.front.asked.append(asked)
            sent = self.media(number, asked)
            if sent is not None:
                self._send(sent, kind)
                return

        root = f"{self.behind.scheme}://{self.behind.netloc}"
        self._send(Sent(content.replace(root.encode(), self.front.url.encode()), status), kind)

    do_GET = do_POST = do_PUT = do_DELETE = pass_on  # noqa: N815

    def _behind(self, body: bytes) -> tuple[bytes, int, str]:
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP}
        connection = http.client.HTTPConnection(self.behind.hostname or "", self.behind.port)
        try:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.read(), answer.status, answer.headers.get("Content-Type", "")
        finally:
            connection.close()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()

        self.rfile.readline()
        return b"".join(pieces)

    def _send(self, sent: Sent, kind: str) -> None:
        self.close_connection = True
        with suppress(OSError):  # whoever asked may leave at any moment
            self.send_response(sent.status)
            for name, value in {"Content-Type": kind, **sent.headers}.items():
                self.send_header(name, value)

            self.send_header("Content-Length", str(len(sent.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(sent.body[: sent.cut])


@contextmanager
def before(origin: str, media: Media) -> Iterator[Front]:
    """Serve in front of an origin of the simulator."""
    front = Front()
    facts = {"front": front, "behind": urlsplit(origin), "media": staticmethod(media)}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), facts))
    server.daemon_threads = True
    front.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield front
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def through(front: Front, base_url: str) -> str:
    """Return a base URL of the simulator as it is at the front."""
    return f"{front.url}{urlsplit(base_url).path}"
