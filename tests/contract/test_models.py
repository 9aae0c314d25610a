"""The ids that users of this interface already write: each of them plans, alive or retired."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import (
    GenerationPlan,
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
    plan_image,
    plan_video,
)
from tests.live.cheapest import CHEAPEST, Live

IMAGE = "https://example.com/a.png"
TEXT: dict[str, Any] = {}
FIRST = {"image_list": [{"image": IMAGE, "type": "first_frame"}]}
FRAMES = {
    "image_list": [
        {"image": IMAGE, "type": "first_frame"},
        {"image": "https://example.com/b.png", "type": "last_frame"},
    ]
}
REFERENCE = {"image_list": [{"image": IMAGE}]}
VIDEO = {"video": "https://example.com/a.mp4"}

VIDEOS: dict[str, dict[str, dict[str, Any]]] = {
    "fal": {
        "fal-ai/veo3": TEXT,
        "fal-ai/veo3/fast": TEXT,
        "fal-ai/veo3/image-to-video": FIRST,
        "fal-ai/veo3.1": TEXT,
        "fal-ai/veo3.1/fast": TEXT,
        "fal-ai/veo3.1/image-to-video": FIRST,
        "fal-ai/veo3.1/fast/image-to-video": FIRST,
        "fal-ai/veo3.1/first-last-frame-to-video": FRAMES,
        "fal-ai/veo3.1/fast/first-last-frame-to-video": FRAMES,
        "fal-ai/veo3.1/reference-to-video": REFERENCE,
        "fal-ai/veo3.1/extend-video": VIDEO,
        "fal-ai/minimax/video-01": TEXT,
        "fal-ai/minimax/hailuo-02/standard/text-to-video": TEXT,
        "fal-ai/minimax/hailuo-02/standard/image-to-video": FIRST,
        "fal-ai/kling-video/v2.6/pro/text-to-video": TEXT,
        "fal-ai/kling-video/v2.6/pro/image-to-video": FIRST,
        "fal-ai/kling-video/o1/image-to-video": FRAMES,
        "fal-ai/sora-2/text-to-video": TEXT,
        "fal-ai/sora-2/image-to-video": FIRST,
        "fal-ai/wan/v2.2-a14b/text-to-video": TEXT,
        "fal-ai/wan-25-preview/text-to-video": TEXT,
        "wan/v2.6/text-to-video": TEXT,
        "fal-ai/bytedance/seedance/v1/pro/text-to-video": TEXT,
        "fal-ai/bytedance/seedance/v1/pro/image-to-video": FIRST,
        "fal-ai/pixverse/v5/text-to-video": TEXT,
        "fal-ai/pixverse/v5.5/text-to-video": TEXT,
    },
    "openai": {
        "openai/sora-2": TEXT,
        "sora-2": TEXT,
        "openai/sora-2-pro": TEXT,
        "sora-2-pro": TEXT,
        "sora-2-turbo": TEXT,
    },
    "azure-openai": {"the-name-of-a-deployment": TEXT, "sora-2": TEXT},
    "azure_openai": {"the-name-of-a-deployment": TEXT},
    "google": {
        "veo-3.0-generate-preview": TEXT,
        "veo-3.0-generate-001": TEXT,
        "veo-3-0-fast-generate-001": TEXT,
        "veo-3.1-generate-preview": TEXT,
        "veo-3.1-fast-generate-preview": TEXT,
        "gemini-omni-1.1-flash": TEXT,
    },
    "runway": {
        "gen3a_turbo": FIRST,
        "gen3a": FIRST,
        "gen-3-alpha": FIRST,
        "aleph": VIDEO,
        "aleph2": VIDEO,
        "gen4_turbo": FIRST,
        "gen4.5": TEXT,
        "veo3.1": TEXT,
    },
    "replicate": {
        "kwaivgi/kling-v2.1": FIRST,
        "kwaivgi/kling-v2.5-turbo-pro": TEXT,
        "minimax/video-01": TEXT,
        "minimax/video-01:abc123": TEXT,
        "minimax/hailuo-02": TEXT,
        "google/veo-3": TEXT,
        "google/veo-3-fast": TEXT,
        "google/veo-3.1": TEXT,
        "wan-video/wan-2.5-t2v": TEXT,
        "wan-video/wan-2.2-t2v-fast": TEXT,
        "luma/ray-2-720p": TEXT,
        "luma/ray-flash-2-720p": TEXT,
    },
    "luma": {"ray-2": TEXT, "ray-flash-2": TEXT, "ray-3.2": TEXT},
    "xai": {"grok-imagine-video": TEXT, "grok-imagine-video-1.5": FIRST},
}
IMAGES: dict[str, dict[str, dict[str, Any]]] = {
    "fal": {
        "fal-ai/flux/dev": TEXT,
        "fal-ai/flux/schnell": TEXT,
        "fal-ai/flux-pro/v1.1": TEXT,
        "fal-ai/flux-2": TEXT,
        "fal-ai/flux-2-pro": TEXT,
        "fal-ai/recraft/v3/text-to-image": TEXT,
        "fal-ai/ideogram/v3": TEXT,
        "fal-ai/z-image/turbo": TEXT,
        "fal-ai/nano-banana": TEXT,
        "fal-ai/nano-banana/edit": REFERENCE,
    },
    "openai": {
        "gpt-image-1": TEXT,
        "gpt-image-1.5": TEXT,
        "gpt-image-2": TEXT,
        "dall-e-3": TEXT,
        "dall-e-2": TEXT,
    },
    "azure-openai": {"the-name-of-a-deployment": TEXT, "gpt-image-2": TEXT},
    "azure_openai": {"the-name-of-a-deployment": TEXT},
    "google": {
        "imagen-3.0-generate-001": TEXT,
        "imagen-3.0-generate-002": TEXT,
        "gemini-2.5-flash-image": TEXT,
        "gemini-3-pro-image": TEXT,
        "gemini-2.0-flash-preview-image-generation": TEXT,
    },
    "runway": {"gen4_image": TEXT, "gen4_image_turbo": REFERENCE},
    "replicate": {
        "black-forest-labs/flux-schnell": TEXT,
        "black-forest-labs/flux-dev": TEXT,
        "black-forest-labs/flux-1.1-pro": TEXT,
        "black-forest-labs/flux-kontext-pro": TEXT,
        "black-forest-labs/flux-2-pro": TEXT,
    },
    "stability": {
        "sd3.5-large": TEXT,
        "sd3.5-large-turbo": TEXT,
        "sd3.5-medium": TEXT,
        "stable-image-ultra": TEXT,
        "stable-image-core": TEXT,
    },
    "luma": {"photon-1": TEXT, "photon-flash-1": TEXT, "uni-1": TEXT},
    "xai": {"grok-imagine-image": TEXT, "grok-imagine-image-2.0": TEXT},
}
# Durations that users know, by provider and model; the nearest allowed one serves as well.
DURATIONS = {
    ("fal", "fal-ai/veo3.1"): (4, 6, 8),
    ("fal", "fal-ai/kling-video/v2.6/pro/text-to-video"): (5, 10),
    ("fal", "fal-ai/sora-2/text-to-video"): (4, 8, 12),
    ("fal", "fal-ai/minimax/hailuo-02/standard/text-to-video"): (6, 10),
    ("openai", "sora-2"): (4, 8, 12),
    ("replicate", "google/veo-3.1"): (4, 6, 8),
    ("replicate", "kwaivgi/kling-v2.5-turbo-pro"): (5, 10),
    ("replicate", "minimax/hailuo-02"): (6, 10),
}


def rows(table: dict[str, dict[str, dict[str, Any]]]) -> list[Any]:
    return [
        pytest.param(provider, model, wishes, id=f"{provider}-{model}")
        for provider, models in table.items()
        for model, wishes in models.items()
    ]


def check(plan: GenerationPlan) -> None:
    assert plan.endpoint
    assert "A cat" in str(plan.payload)


@pytest.mark.parametrize(("provider", "model", "wishes"), rows(VIDEOS))
def test_a_video_model_plans(provider: str, model: str, wishes: dict[str, Any]) -> None:
    config = VideoGenerationConfig(provider=provider, model=model)
    request = VideoGenerationRequest.model_validate({"prompt": "A cat", **wishes})
    plan = plan_video(config, request)
    check(plan)
    assert all(part in str(plan.payload) for part in _media(wishes))


@pytest.mark.parametrize(("provider", "model", "wishes"), rows(IMAGES))
def test_an_image_model_plans(provider: str, model: str, wishes: dict[str, Any]) -> None:
    config = ImageGenerationConfig(provider=provider, model=model)
    request = ImageGenerationRequest.model_validate({"prompt": "A cat", **wishes})
    plan = plan_image(config, request)
    check(plan)
    assert all(part in str(plan.payload) for part in _media(wishes))


@pytest.mark.parametrize("one", CHEAPEST, ids=lambda one: one.provider)
def test_what_is_bought_live_plans(one: Live) -> None:
    config = ImageGenerationConfig(
        provider=one.provider, model=one.model or "a-deployment", strict=True
    )
    request = ImageGenerationRequest.model_validate({"prompt": "A cat", **one.wishes})
    check(plan_image(config, request))


@pytest.mark.parametrize(("provider", "model"), DURATIONS)
def test_durations_that_users_know_go_out_as_they_are(provider: str, model: str) -> None:
    config = VideoGenerationConfig(provider=provider, model=model, strict=True)
    for seconds in DURATIONS[provider, model]:
        request = VideoGenerationRequest(prompt="A cat", duration_seconds=seconds)
        assert plan_video(config, request).adjustments == ()


def _media(wishes: dict[str, Any]) -> list[str]:
    """Return the URLs that a request holds."""
    images = [image["image"] for image in wishes.get("image_list", ())]
    return [*images, *([wishes["video"]] if "video" in wishes else [])]
