"""What the tests of saving and probing share: a simulator, and what it has made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    ImageGenerationResponse,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    generate_image,
    generate_video,
)
from tarash.tarash_gateway.testing import Simulator

KEY = "canary-7c21:secret-e55d19"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator

    assert simulator.leaks == []


@pytest.fixture
def video_config(simulator: Simulator) -> Callable[..., VideoGenerationConfig]:
    def make(**changes: Any) -> VideoGenerationConfig:
        settings = {
            "provider": "fal",
            "model": "fal-ai/veo3.1",
            "api_key": KEY,
            "base_url": simulator.base_url(changes.get("provider", "fal")),
            "poll_interval": 0.02,
            "provider_config": {"min_poll_interval": 0.01},
            **changes,
        }
        return VideoGenerationConfig.model_validate(settings)

    return make


@pytest.fixture
def video(video_config: Callable[..., VideoGenerationConfig]) -> VideoGenerationResponse:
    """A finished video with a public URL."""
    return generate_video(video_config(), VideoGenerationRequest(prompt="A lighthouse"))


@pytest.fixture
def images(simulator: Simulator) -> ImageGenerationResponse:
    """Three finished images with public URLs."""
    config = ImageGenerationConfig(
        provider="fal",
        model="fal-ai/flux/dev",
        api_key=KEY,
        base_url=simulator.base_url("fal"),
        poll_interval=0.02,
    )
    return generate_image(config, ImageGenerationRequest(prompt="A lighthouse", n=3))
