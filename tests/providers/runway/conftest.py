"""A running simulator, and configs that lead to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import ImageGenerationConfig, VideoGenerationConfig
from tarash.tarash_gateway.testing import Simulator

FAST = {
    "provider": "runway",
    "api_key": "canary",
    "provider_config": {"min_poll_interval": 0.01},
    "poll_interval": 0.02,
    "timeout": 60,
    "max_retries": 0,
}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["runway"]) as running:
        running.keys["runway"] = {"canary"}
        yield running


@pytest.fixture
def video(simulator: Simulator) -> Callable[..., VideoGenerationConfig]:
    def make(model: str = "gen4.5", **facts: Any) -> VideoGenerationConfig:
        place = {"base_url": simulator.base_url("runway"), "model": model}
        return VideoGenerationConfig.model_validate({**FAST, **place, **facts})

    return make


@pytest.fixture
def image(simulator: Simulator) -> Callable[..., ImageGenerationConfig]:
    def make(model: str = "gen4_image", **facts: Any) -> ImageGenerationConfig:
        place = {"base_url": simulator.base_url("runway"), "model": model}
        return ImageGenerationConfig.model_validate({**FAST, **place, **facts})

    return make
