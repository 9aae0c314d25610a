"""Calls as the engine makes them, and a driver that looks at a job without waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tarash.tarash_gateway._data._exchange import Call, Operation, RawResult, Snapshot
from tarash.tarash_gateway.catalog import ModelSpec
from tarash.tarash_gateway.models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    MockConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.providers.mock import MockAdapter

MODEL = "fal-ai/veo3.1"
SPECS = {kind: ModelSpec("fal", MODEL, kind, {}) for kind in ("video", "image")}

MakeCall = Callable[..., Call]


def video_call(mock: MockConfig | None = None, **wishes: Any) -> Call:
    config = VideoGenerationConfig(
        provider="fal", model=MODEL, mock=mock or MockConfig(enabled=True)
    )
    request = VideoGenerationRequest(**{"prompt": "a kite", **wishes})
    return Call("video", config, request, "tarash-1")


def image_call(mock: MockConfig | None = None, **wishes: Any) -> Call:
    config = ImageGenerationConfig(
        provider="fal", model=MODEL, mock=mock or MockConfig(enabled=True)
    )
    request = ImageGenerationRequest(**{"prompt": "a kite", **wishes})
    return Call("image", config, request, "tarash-1")


class Driver:
    """Runs calls through the adapter the way the engine does, but for the waiting."""

    def __init__(self) -> None:
        self.adapter = MockAdapter()
        self.client: Any = None

    async def submit(self, call: Call) -> Operation | RawResult:
        payload = self.adapter.build(call, SPECS[call.kind])
        return await self.adapter.submit(self.client, payload, call)

    async def begin(self, call: Call) -> Operation:
        operation = await self.submit(call)
        assert isinstance(operation, Operation)
        return operation

    async def look(self, operation: Operation) -> Snapshot:
        return await self.adapter.poll(self.client, operation)

    async def run(self, call: Call) -> Any:
        finished = await self.submit(call)
        while isinstance(finished, Operation):
            snapshot = await self.look(finished)
            if snapshot.error is not None:
                raise snapshot.error

            finished = snapshot.finished or finished

        return self.adapter.parse(call, finished)


@pytest.fixture
def driver() -> Driver:
    return Driver()


@pytest.fixture
def video() -> MakeCall:
    return video_call


@pytest.fixture
def image() -> MakeCall:
    return image_call
