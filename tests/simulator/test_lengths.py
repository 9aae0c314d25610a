"""What a simulated job makes where the request leaves it to the model: its kind, and its length."""

from __future__ import annotations

import pytest

from tarash.tarash_gateway import (
    Gateway,
    MockConfig,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway.models import MediaContent
from tarash.tarash_gateway.testing import Simulator, image_bytes

FIRST: MediaContent = {"content": image_bytes(768, 768), "content_type": "image/png"}


@pytest.mark.parametrize(
    ("provider", "model", "seconds"),
    [
        ("fal", "fal-ai/veo3.1", 8),
        ("fal", "fal-ai/hunyuan-video", 5),  # 129 frames
        ("fal", "fal-ai/ltx-2-19b/text-to-video", 5),  # 121 frames
        ("fal", "fal-ai/kling-video/v2.5-turbo/pro/text-to-video", 5),
        ("fal", "some-team/of-their-own-video", 5),
        ("google", "veo-3.1-lite-generate-001", 8),
        ("replicate", "google/veo-3.1", 8),
        ("replicate", "minimax/video-01", 5),
        ("runway", "veo3.1", 8),
    ],
)
async def test_a_video_is_as_long_as_the_model_makes_it(
    provider: str, model: str, seconds: int
) -> None:
    request = VideoGenerationRequest(prompt="x")
    with Simulator([provider]) as simulator:
        real = VideoGenerationConfig(
            provider=provider,
            model=model,
            api_key="any:key",
            base_url=simulator.base_url(provider),
            poll_interval=0.05,
            provider_config={"min_poll_interval": 0.05},
        )
        mocked = VideoGenerationConfig(
            provider=provider, model=model, mock=MockConfig(enabled=True)
        )
        async with Gateway() as gateway:
            made = await (await gateway.generate_video_async(real, request)).probe_async()
            rehearsed = await gateway.generate_video_async(mocked, request)

    assert made.duration == rehearsed.duration == seconds  # the nearest of 5, 8 and 10 s


@pytest.mark.parametrize("model", ["fal-ai/framepack", "decart/lucy-i2v", "bytedance/lynx"])
async def test_a_model_makes_what_the_catalogue_says(model: str) -> None:
    request = VideoGenerationRequest(prompt="x", image_list=[{"image": FIRST}])
    with Simulator(["fal"]) as simulator:
        config = VideoGenerationConfig(
            provider="fal",
            model=model,
            api_key="any:key",
            base_url=simulator.base_url("fal"),
            poll_interval=0.05,
        )
        async with Gateway() as gateway:
            response = await gateway.generate_video_async(config, request)

    assert str(response.video).endswith(".mp4")
