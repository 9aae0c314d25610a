"""A job that is done is not thrown away by the clock while its bytes flow."""

from __future__ import annotations

import asyncio
import builtins
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import pytest

from tarash.tarash_gateway import (
    Gateway,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway._data._exchange import Call
from tarash.tarash_gateway._engine._attempt import Attempt
from tarash.tarash_gateway._engine._patience import limited_by, patient
from tarash.tarash_gateway._engine._timeouts import FETCH_SECONDS
from tarash.tarash_gateway._http._send_state import current_patience

CONFIG = VideoGenerationConfig(provider="openai", model="wan-2.6", api_key="sk-secretsecret")
REQUEST = VideoGenerationRequest(prompt="x")
PIECES = 12
PIECE = 4096
VIDEO = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2".ljust(PIECES * PIECE, b"\0")


@asynccontextmanager
async def serving(pause: float, *, sized: bool = True) -> AsyncIterator[str]:
    """Serve one finished job whose content comes in pieces; yield the base URL."""
    over = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, _, rest = head.decode().partition("\r\n")
        for header in rest.lower().splitlines():
            if header.startswith("content-length:"):
                await reader.readexactly(int(header.partition(":")[2]))

        if not line.split()[1].endswith("/content"):
            job = {"id": "v1", "status": "queued" if line.startswith("POST") else "completed"}
            body = json.dumps(job).encode()
            said = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
            writer.write(f"HTTP/1.1 200 OK\r\n{said}\r\nConnection: close\r\n\r\n".encode() + body)
        else:
            length = f"Content-Length: {len(VIDEO)}\r\n" if sized else ""
            said = f"Content-Type: video/mp4\r\n{length}Connection: close"
            writer.write(f"HTTP/1.1 200 OK\r\n{said}\r\n\r\n".encode())
            for number in range(PIECES):
                writer.write(VIDEO[number * PIECE : (number + 1) * PIECE])
                with suppress(ConnectionError):
                    await writer.drain()

                with suppress(builtins.TimeoutError), anyio.fail_after(pause):
                    await over.wait()

        with suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1")
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        over.set()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("limit", [0.6, 60])
async def test_a_finished_video_is_read_to_its_end_beyond_the_deadline(limit: float) -> None:
    async with serving(0.1) as url, Gateway() as gateway:
        config = CONFIG.model_copy(update={"base_url": url, "timeout": limit})
        response = await gateway.generate_video_async(config, REQUEST)

    assert isinstance(response.video, dict)
    assert response.video["content"] == VIDEO


async def test_a_body_of_which_nobody_knows_the_length_keeps_to_the_deadline() -> None:
    async with serving(30, sized=False) as url, Gateway() as gateway:
        config = CONFIG.model_copy(update={"base_url": url, "timeout": 0.6})  # waited for
        with pytest.raises(TimeoutError) as caught:
            await gateway.generate_video_async(config, REQUEST)

    assert caught.value.operation is not None


async def test_limits_are_put_off_once_and_put_back() -> None:
    attempt = Attempt(Call("video", CONFIG, REQUEST, "r"))
    start = anyio.current_time()
    scope = anyio.CancelScope(deadline=start + 9)
    with limited_by(attempt, scope):
        for _ in range(2):
            with patient(attempt):
                waiting = current_patience.get()
                assert waiting is not None
                waiting.media_begin(sized=False)
                assert scope.deadline == start + 9
                waiting.media_begin(sized=True)
                assert scope.deadline == attempt.fetch_until
                assert scope.deadline >= start + FETCH_SECONDS

            assert scope.deadline == start + 9

    assert attempt.limits == []
    assert current_patience.get() is None
