"""A bucket on this machine that speaks as much of S3 as saving needs: objects and parts."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Bucket:
    """What is stored, and what has begun to be."""

    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    """Those that nobody has ended: a real store would bill them."""
    refuses: int | None = None
    """A status to answer everything with."""
    parts: int = 0
    hold: threading.Event = field(default_factory=threading.Event)
    """While it is not set, the second part of an upload is not answered."""
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.read()
        except ConnectionResetError:  # whoever sent it was stopped
            return web.Response(status=400)

        if self.refuses is not None:
            return _error(self.refuses, "AccessDenied")

        key = request.path.removeprefix("/bucket/")
        if request.method == "HEAD":
            found = self.objects.get(key)
            headers = {"ETag": '"1"', "Last-Modified": "Sat, 21 Nov 2026 00:00:00 GMT"}
            status = 404 if found is None else 200
            return web.Response(status=status, headers=headers, body=found)

        if "uploadId" in request.query or "uploads" in request.query:
            return await self._in_parts(request, key, body)

        if request.headers.get("If-None-Match") == "*" and key in self.objects:
            return _error(412, "PreconditionFailed")

        self.objects[key] = body
        return web.Response(headers={"ETag": '"1"'})

    async def _in_parts(self, request: web.Request, key: str, body: bytes) -> web.StreamResponse:
        if "uploads" in request.query:
            upload = f"upload-{next(_numbers)}"
            self.uploads[upload] = {}
            inner = f"<Bucket>bucket</Bucket><Key>{key}</Key><UploadId>{upload}</UploadId>"
            return _xml("InitiateMultipartUploadResult", inner)

        upload = request.query["uploadId"]
        if request.method == "PUT":
            self.parts += 1
            while self.parts > 1 and not self.hold.is_set():  # noqa: ASYNC110  (a thread's event)
                await asyncio.sleep(0.01)

            if upload in self.uploads:
                self.uploads[upload][int(request.query["partNumber"])] = body

            return web.Response(headers={"ETag": '"1"'})

        parts = self.uploads.pop(upload)
        if request.method == "DELETE":
            return web.Response(status=204)

        self.objects[key] = b"".join(parts[number] for number in sorted(parts))
        inner = f"<Bucket>bucket</Bucket><Key>{key}</Key><ETag>1</ETag>"
        return _xml("CompleteMultipartUploadResult", inner)


_numbers = itertools.count()


def _xml(name: str, inner: str) -> web.Response:
    return web.Response(text=f"<{name}>{inner}</{name}>", content_type="application/xml")


def _error(status: int, code: str) -> web.Response:
    text = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
    return web.Response(status=status, text=text, content_type="application/xml")


@contextmanager
def bucket() -> Iterator[Bucket]:
    """Serve a bucket, in a thread of its own."""
    made, ready, loop = Bucket(), threading.Event(), asyncio.new_event_loop()
    made.hold.set()

    async def start() -> web.AppRunner:
        application = web.Application(client_max_size=2**30)
        application.router.add_route("*", "/{path:.*}", made.answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    def serve() -> None:
        runner = loop.run_until_complete(start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    ready.wait()
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
