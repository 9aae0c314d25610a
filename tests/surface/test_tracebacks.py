"""An error that leaves the gateway shows the line that asked, and few frames of ours."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    Gateway,
    HTTPConnectionError,
    MockConfig,
    MockResponse,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    generate_video,
    generate_video_async,
    plan_video,
    plan_video_async,
    register_provider,
    submit_video,
    submit_video_async,
)

REQUEST = VideoGenerationRequest(prompt="A cat")
KEYLESS = VideoGenerationConfig(provider="fal", model="fal-ai/veo3.1")
CLOSED = KEYLESS.model_copy(update={"api_key": "k", "base_url": "http://127.0.0.1:9"})
FEW = 3


def frames_of(error: BaseException) -> list[str]:
    """Return the names of the modules whose lines are shown, without the test's own."""
    shown = [frame.f_globals["__name__"] for frame, _ in traceback.walk_tb(error.__traceback__)]
    return [name for name in shown if not name.startswith(("tests.", "_pytest"))]


@pytest.fixture(autouse=True)
def _without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAL_KEY", raising=False)


@pytest.mark.parametrize("config", [KEYLESS, CLOSED], ids=["keyless", "refused"])
@pytest.mark.parametrize("function", [generate_video, submit_video, Gateway().generate_video])
def test_a_blocking_call(function: Callable[..., Any], config: VideoGenerationConfig) -> None:
    with pytest.raises((AuthenticationError, HTTPConnectionError)) as caught:
        function(config, REQUEST)

    assert len(frames_of(caught.value)) <= FEW
    assert caught.value.__cause__ is None or frames_of(caught.value.__cause__) == []


@pytest.mark.parametrize("config", [KEYLESS, CLOSED], ids=["keyless", "refused"])
@pytest.mark.parametrize("function", [generate_video_async, submit_video_async])
async def test_an_awaited_call(
    function: Callable[..., Awaitable[Any]], config: VideoGenerationConfig
) -> None:
    with pytest.raises((AuthenticationError, HTTPConnectionError)) as caught:
        await function(config, REQUEST)

    assert len(frames_of(caught.value)) <= FEW


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_plan(is_async: bool) -> None:
    config = KEYLESS.model_copy(update={"provider": "fall"})
    with pytest.raises(ValidationError) as caught:
        _ = await plan_video_async(config, REQUEST) if is_async else plan_video(config, REQUEST)

    assert len(frames_of(caught.value)) <= FEW + 1


async def test_a_handle() -> None:
    failing = MockConfig(enabled=True, responses=[MockResponse(error=HTTPConnectionError("gone"))])
    config = KEYLESS.model_copy(update={"mock": failing})
    async with Gateway() as gateway:
        job = await gateway.enqueue_video_async(config, REQUEST)
        with pytest.raises(HTTPConnectionError) as caught:
            await job.wait_async()

    assert len(frames_of(caught.value)) <= FEW


async def test_a_cancelled_call_of_a_handler() -> None:
    begun = asyncio.Event()

    class Slow:
        async def generate_video_async(self, *_: object, **__: object) -> VideoGenerationResponse:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

    register_provider("slow-for-tracebacks", Slow())
    config = VideoGenerationConfig(provider="slow-for-tracebacks", model="m")
    task = asyncio.create_task(generate_video_async(config, REQUEST))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task

    assert len(frames_of(caught.value)) <= FEW
    assert caught.value.__notes__


def test_what_the_users_own_code_did_is_shown() -> None:
    class Broken:
        def generate_video(self, *_: object, **__: object) -> VideoGenerationResponse:
            raise KeyError("a slip of the user's")

    register_provider("broken-for-tracebacks", Broken())
    config = VideoGenerationConfig(provider="broken-for-tracebacks", model="m")
    with pytest.raises(TarashException) as caught:
        generate_video(config, REQUEST)

    assert caught.value.__cause__ is not None
    last = traceback.extract_tb(caught.value.__cause__.__traceback__)[-1]
    assert last.line == 'raise KeyError("a slip of the user\'s")'


def test_all_of_it_is_shown_to_who_debugs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "tarash.tarash_gateway")
    with pytest.raises(AuthenticationError) as caught:
        generate_video(KEYLESS, REQUEST)

    assert len(frames_of(caught.value)) > FEW + 5
