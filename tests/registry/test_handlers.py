# ruff: noqa: ARG002  (what handlers are given is what is tested)
"""What is registered is checked before it is called: a mistake costs nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    Registry,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
)

RESPONSE = VideoGenerationResponse(
    request_id="r", video="https://example.com/a.mp4", status="completed", raw_response=None
)


class Right:
    def generate_video(self, config: Any, request: Any, on_progress: Any = None) -> Any:
        return RESPONSE


class Static:
    @staticmethod
    def generate_video(*_given: Any) -> Any:
        return RESPONSE


class TooFew:
    def generate_video(self, config: Any, request: Any) -> Any:
        return RESPONSE


class TooMany:
    async def generate_video_async(
        self, config: Any, request: Any, on_progress: Any, session: Any
    ) -> Any:
        return RESPONSE


class Keywords:
    def generate_video(self, *, config: Any, request: Any, on_progress: Any) -> Any:
        return RESPONSE


class Misnamed:
    async def generate_image(self, config: Any, request: Any, on_progress: Any = None) -> Any:
        return RESPONSE


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (Right, r"is the class Right, not an object of it; register Right\(\)"),
        (TooFew(), r"is called with \(config, request, on_progress\), and takes"),
        (TooMany(), "generate_video_async of the handler .*'session'"),
        (Keywords(), "and takes"),
        (Misnamed(), "is a coroutine; call it generate_image_async"),
        (object(), "none of the methods"),
    ],
)
def test_a_handler_that_can_t_be_called_is_refused(handler: object, said: str) -> None:
    registry = Registry()
    with pytest.raises(ValidationError, match=said):
        registry.register_provider("cellar", handler)

    assert registry.handler("cellar") is None


@pytest.mark.parametrize("handler", [Right(), Static, Static()])
async def test_a_handler_that_can_be_called_is_taken(handler: object) -> None:
    registry = Registry()
    registry.register_provider("cellar", handler)
    config = VideoGenerationConfig(provider="cellar", model="m")
    async with Gateway(registry=registry) as gateway:
        made = await gateway.generate_video_async(config, VideoGenerationRequest(prompt="a cat"))

    assert made.video == RESPONSE.video
