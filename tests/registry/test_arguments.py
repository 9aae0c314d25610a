"""What is handed to the public functions in the wrong order, or with a line break at its end."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    Gateway,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
    plan_video,
)
from tarash.tarash_gateway.testing import Simulator

CONFIG: Any = VideoGenerationConfig(provider="fal", model="m")
REQUEST: Any = VideoGenerationRequest(prompt="A cat")


@pytest.mark.parametrize(("config", "request_"), [(REQUEST, CONFIG), ({}, REQUEST), (CONFIG, {})])
async def test_swapped_or_bare_arguments_are_named(config: Any, request_: Any) -> None:
    for blocking in (generate_video, plan_video):
        with pytest.raises(ValidationError, match="in this order"):
            blocking(config, request_)

    with pytest.raises(ValidationError, match="in this order"):
        await Gateway().generate_video_async(config, request_)


@pytest.mark.parametrize("key", ["a-key-of-the-tests\n", "  a-key-of-the-tests"])
async def test_white_space_around_a_key_is_forgiven(key: str) -> None:
    with Simulator(["fal"]) as simulator:
        config = VideoGenerationConfig(
            provider="fal",
            model="fal-ai/veo3.1",
            api_key=key,
            base_url=simulator.base_url("fal"),
        )
        async with Gateway() as gateway:
            await gateway.generate_video_async(config, REQUEST)

        sent = simulator.requests("fal")[0].headers["authorization"]
        assert sent == "Key a-key-of-the-tests"


@pytest.mark.parametrize("key", ["two\nlines", "a\x00b"])
async def test_a_key_that_cannot_be_sent_is_refused_before_anything_is(key: str) -> None:
    config = VideoGenerationConfig(provider="fal", model="m", api_key=key)
    async with Gateway() as gateway:
        with pytest.raises(AuthenticationError, match="control character") as caught:
            await gateway.generate_video_async(config, REQUEST)

    assert caught.value.submission == "not_sent"
