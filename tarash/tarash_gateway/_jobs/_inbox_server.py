"""Serves an inbox by itself, for `tarash webhooks listen`: one port, nothing but webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from ._inbox_app import WebhookInbox

BACKLOG = 1024
CLOSING_SECONDS = 2.0


@asynccontextmanager
async def listening(inbox: WebhookInbox, host: str, port: int) -> AsyncIterator[str]:
    """Serve meanwhile; yield the address.

    Args:
        inbox: What takes the webhooks.
        host: Where to listen.
        port: At which port; 0 for a free one.

    Raises:
        OSError: It can't be listened on.
    """

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})

        async def read() -> bytes:
            parts, size = [], 0
            while size <= inbox.max_body_bytes and (part := await request.content.readany()):
                parts.append(part)
                size += len(part)

            return b"".join(parts)

        status, body = await inbox.answer(request.raw_headers, request.path, read)
        return web.Response(status=status, body=body, content_type="application/json")

    # What is signed are the bytes as they came.
    server = web.Server(answer, access_log=None, auto_decompress=False)
    runner = web.ServerRunner(server, shutdown_timeout=CLOSING_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=BACKLOG)
        await site.start()
        bound = runner.addresses[0]
        shown = f"[{bound[0]}]" if ":" in str(bound[0]) else bound[0]
        yield f"http://{shown}:{bound[1]}"
    finally:
        await runner.cleanup()
        await inbox.aclose()
