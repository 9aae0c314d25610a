"""Registered handlers that are cut off in their work: nobody knows what they have bought."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    Registry,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tests.conftest import Leap, until

CONFIG = VideoGenerationConfig(provider="mine", model="one")
REQUEST = VideoGenerationRequest(prompt="A cat")


class Endless:
    """A handler that is at work until somebody ends it."""

    def __init__(self) -> None:
        self.calls = 0
        self.over = threading.Event()


class Awaiting(Endless):
    async def generate_video_async(self, *_: Any) -> Any:
        self.calls += 1
        await asyncio.sleep(1000)


class Blocking(Endless):
    def generate_video(self, *_: Any) -> Any:
        self.calls += 1
        self.over.wait()
        raise RuntimeError("nobody hears it")


async def test_a_handler_that_is_cancelled_is_told_and_the_cancellation_propagates(
    leap: Leap,
) -> None:
    seen: list[str] = []

    class Slow:
        async def generate_video_async(self, *_: Any) -> Any:
            seen.append("begun")
            try:
                await asyncio.sleep(1000)
            finally:
                seen.append("cancelled")

    registry = Registry()
    registry.register_provider("mine", Slow())
    config = VideoGenerationConfig(provider="mine", model="one")
    work = Gateway(registry=registry).generate_video_async(
        config, VideoGenerationRequest(prompt="A cat")
    )
    limited = asyncio.ensure_future(asyncio.wait_for(work, 60))
    await until(lambda: seen == ["begun"])
    leap(60)
    with pytest.raises(TimeoutError) as caught:
        await limited

    assert type(caught.value) is TimeoutError
    assert seen == ["begun", "cancelled"]


@pytest.mark.parametrize("kind", [Awaiting, Blocking])
async def test_what_was_cut_off_is_not_begun_again_by_its_key(
    kind: type[Endless], tmp_path: Path
) -> None:
    handler, registry = kind(), Registry()
    registry.register_provider("mine", handler)
    async with Gateway(registry=registry, ledger=f"sqlite:///{tmp_path / 'jobs.db'}") as gateway:
        work = gateway.generate_video_async(CONFIG, REQUEST, idempotency_key="order")
        task = asyncio.ensure_future(work)
        await until(lambda: handler.calls == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task

        assert "may run and be billed" in cancelled.value.__notes__[0]
        with pytest.raises(TarashException, match="cut off") as again:
            await gateway.generate_video_async(CONFIG, REQUEST, idempotency_key="order")

    handler.over.set()
    assert again.value.submission == "unknown"
    assert handler.calls == 1
