"""A running simulator, and configs that point at its Google."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import Gateway, ImageGenerationConfig, VideoGenerationConfig
from tarash.tarash_gateway.testing import Simulator

KEY = "AIza-canary-5c1f0e7b9a"
TOKEN = "ya29.canary-token-77aa"
OMNI, VEO, IMAGE, IMAGEN = (
    "gemini-omni-1.1-flash",
    "veo-3.1-generate-001",
    "gemini-3.1-flash-image",
    "imagen-4.0-generate-001",
)
VERTEX = {"gcp_project": "a-project", "access_token": TOKEN}

Make = Callable[..., Any]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["google"]) as running:
        running.keys["google"] = {KEY, TOKEN}
        yield running


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as opened:
        yield opened


def _settings(simulator: Simulator, facts: dict[str, Any]) -> dict[str, Any]:
    own = dict(facts.pop("provider_config", {}))
    return {
        "provider": "google",
        "api_key": None if "gcp_project" in own else KEY,
        "base_url": simulator.base_url("google"),
        "poll_interval": 0.02,
        "timeout": 60,
        "provider_config": {
            "min_poll_interval": 0.01,
            "storage_url": simulator.base_url("google"),
            **own,
        },
        **facts,
    }


@pytest.fixture
def video(simulator: Simulator) -> Make:
    def make(model: str = OMNI, **facts: Any) -> VideoGenerationConfig:
        settings = {"model": model, **_settings(simulator, facts)}
        return VideoGenerationConfig.model_validate(settings)

    return make


@pytest.fixture
def image(simulator: Simulator) -> Make:
    def make(model: str = IMAGE, **facts: Any) -> ImageGenerationConfig:
        settings = {"model": model, **_settings(simulator, facts)}
        return ImageGenerationConfig.model_validate(settings)

    return make
