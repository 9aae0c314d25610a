"""However large a medium is, it is in memory only so often while it is sent."""

from __future__ import annotations

import asyncio
import re
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, VideoGenerationConfig, VideoGenerationRequest
from tarash.tarash_gateway.exceptions import TarashException
from tarash.tarash_gateway.media.samples import make_png

SIZE = 12_000_000
AS_TEXT, AS_BYTES = 3.0, 0.5
"""How often beside the medium itself: base64 takes 4/3, which is there twice at the moment of its
making; the bytes of a form are read piece by piece."""
SENT = [
    ("fal", "fal-ai/veo3.1/image-to-video", AS_TEXT),
    ("google", "veo-3.1-generate-preview", AS_TEXT),
    ("xai", "grok-imagine-video", AS_TEXT),
    ("openai", "sora-2", AS_BYTES),
    ("azure_openai", "sora-2", AS_BYTES),
]
WORDS = b'{"error": {"message": "no", "type": "invalid_request_error", "code": "invalid_value"}}'
REFUSAL = (
    b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(WORDS), WORDS)
)


@asynccontextmanager
async def sink() -> AsyncIterator[tuple[str, list[int]]]:
    """Run a server that keeps nothing of what it is sent, and refuses; yield its URL and sizes."""
    sizes: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        sizes.append(left := 0 if length is None else int(length[1]))
        while left:
            left -= len(await reader.read(min(left, 65536)))

        writer.write(REFUSAL)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/v1", sizes


@pytest.mark.parametrize(("provider", "model", "most"), SENT, ids=[one[0] for one in SENT])
async def test_a_medium_is_in_memory_so_often(provider: str, model: str, most: float) -> None:
    async with sink() as (url, sizes), Gateway() as gateway:
        config = VideoGenerationConfig(provider=provider, model=model, base_url=url, api_key="a:b")

        async def send(content: bytes) -> None:
            medium: Any = {"content": content, "content_type": "image/png"}
            request = VideoGenerationRequest(
                prompt="A cat", image_list=[{"type": "first_frame", "image": medium}]
            )
            with pytest.raises(TarashException):
                await gateway.submit_video_async(config, request)

        small = make_png(1280, 720)
        large = small + bytes(SIZE)
        await send(small)  # which imports what it needs
        tracemalloc.start()
        try:
            await send(large)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert max(sizes) > SIZE
    assert peak < most * SIZE
