"""A prompt that is longer than its model takes is refused in the plan: never cut, never sent."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.providers import _folders
from tarash.tarash_gateway.providers._shipped import FOLDERS

PNG = "https://example.com/a.png"
# By hand, from the vendors' pages: provider, model, kind, field, characters.
LIMITS = [
    ("alibaba", "wan3.0-video", "video", "prompt", 20_000),
    ("alibaba", "wan2.7-i2v", "video", "prompt", 5000),
    ("alibaba", "wan2.7-t2v", "video", "negative_prompt", 500),
    ("alibaba", "wan2.6-t2v", "video", "prompt", 1500),
    ("alibaba", "wan2.2-t2v-plus", "video", "prompt", 800),
    ("alibaba", "qwen-image-2.0", "image", "prompt", 800),
    ("alibaba", "qwen-image-2.0-pro", "image", "negative_prompt", 500),
    ("alibaba", "wan2.7-image", "image", "prompt", 5000),
    ("alibaba", "wan2.6-image", "image", "prompt", 2000),
    ("alibaba", "kling/kling-v3-video-generation", "video", "prompt", 2500),
    ("bfl", "flux-3-video", "video", "prompt", 15_000),
    ("kling", "kling-3.0", "video", "prompt", 3072),
    ("kling", "kling-o1", "video", "prompt", 2500),
    ("kling", "kling-v2-6", "video", "prompt", 2500),
    ("kling", "kling-v2-6", "video", "negative_prompt", 2500),
    ("kling", "kling-v3", "image", "prompt", 2500),
    ("luma", "ray-3.2", "video", "prompt", 6000),
    ("luma", "uni-1", "image", "prompt", 6000),
    ("minimax", "MiniMax-H3", "video", "prompt", 7000),
    ("minimax", "MiniMax-Hailuo-2.3", "video", "prompt", 2000),
    ("minimax", "image-01", "image", "prompt", 1500),
    ("recraft", "recraftv4_1", "image", "prompt", 10_000),
    ("recraft", "recraftv3", "image", "prompt", 1000),
]


def plan(provider: str, model: str, kind: str, **wishes: Any) -> Any:
    if kind == "image":
        # The editing models want an image.
        images = {"image_list": ({"image": PNG},)} if model == "wan2.6-image" else {}
        request = ImageGenerationRequest.model_validate({"prompt": "a cat", **images, **wishes})
        return plan_image(ImageGenerationConfig(provider=provider, model=model), request)

    frame = {"image": PNG, "type": "first_frame"}
    images = {"image_list": (frame,)} if "i2v" in model else {}
    made = VideoGenerationRequest.model_validate({"prompt": "a cat", **images, **wishes})
    return plan_video(VideoGenerationConfig(provider=provider, model=model), made)


@pytest.mark.parametrize(("provider", "model", "kind", "field", "most"), LIMITS)
def test_a_prompt_has_at_most_so_many_characters(
    provider: str, model: str, kind: str, field: str, most: int
) -> None:
    # Letters of three bytes: characters are counted, and no bytes.
    assert "画" * most in str(plan(provider, model, kind, **{field: "画" * most}).payload)
    with pytest.raises(ValidationError, match=rf"{field} has {most + 1} .* at most {most}") as told:
        plan(provider, model, kind, **{field: "画" * (most + 1)})

    assert told.value.field == field


def test_every_limit_that_a_file_says_is_here() -> None:
    said = {
        (name, take.source, take.longest)
        for name in FOLDERS
        if (_folders.__file__ and _declares(name))
        for model in _folders.declaration(f"tarash.tarash_gateway.providers.{name}").models
        for take in model.takes.values()
        if take.longest is not None
    }
    assert said == {(provider, field, most) for provider, _, _, field, most in LIMITS}


def _declares(name: str) -> bool:
    from tarash.tarash_gateway.providers._registry import shipped

    place = shipped()[name.replace("_", "-")].adapter
    return isinstance(place, str) and "_folders:" in place
