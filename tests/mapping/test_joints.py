"""What one wish leaves possible of another is known before anything is sent."""

from __future__ import annotations

import base64
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
from tarash.tarash_gateway.catalog import lookup
from tarash.tarash_gateway.catalog._google import IDS, JOINTS

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
MODEL = "veo-3.1-generate-preview"


def wishes_of(joint: Any) -> dict[str, Any]:
    """Return a wish that makes a limit hold."""
    if joint.field == "image_list":
        images = [{"image": PNG, "type": joint.values[0]}]
        first = {"image": PNG, "type": "first_frame"}
        return {"image_list": [first, *images] if joint.values[0] == "last_frame" else images}

    if joint.field == "video":
        return {
            "video": {"content": b"\0\0\0\x18ftypisom" + bytes(64), "content_type": "video/mp4"}
        }

    return {joint.field: joint.values[0]}


CASES = [
    (model, place, joint)
    for model in IDS["video"]
    for prefix, joints in JOINTS.items()
    if model.startswith(prefix)
    for place, joint in enumerate(joints)
]


@pytest.mark.parametrize(("model", "place", "joint"), CASES, ids=str)
def test_a_wish_bends_to_what_another_leaves_and_strict_refuses(
    model: str, place: int, joint: Any
) -> None:
    del place
    bad = {"duration_seconds": 5 if "veo-2" in model else 4, "resolution": "1080p"}[joint.limits]
    asked = {"prompt": "a cat", joint.limits: bad, **wishes_of(joint)}
    request = VideoGenerationRequest.model_validate(asked)
    plan = plan_video(VideoGenerationConfig(provider="google", model=model), request)
    sent = plan.payload["parameters"]
    name = {"duration_seconds": "durationSeconds"}.get(joint.limits, joint.limits)
    assert sent[name] in joint.to
    assert joint.limits in [one.field for one in plan.adjustments]
    with pytest.raises(ValidationError, match=joint.limits):
        plan_video(VideoGenerationConfig(provider="google", model=model, strict=True), request)


def test_there_are_limits_to_try() -> None:
    assert len(CASES) > 10
    assert lookup("google", MODEL, "video").joints


@pytest.mark.parametrize(
    "wishes",
    [
        {"resolution": "1080p"},
        {"resolution": "1080p", "duration_seconds": 8},
        {"resolution": "720p", "duration_seconds": 4},
        {"resolution": "1080p", "extra_params": {"durationSeconds": 4}},
        {"duration_seconds": 4, "image_list": [{"image": PNG, "type": "first_frame"}]},
    ],
    ids=["left to Google", "both fit", "plain", "the user's own word", "a first frame"],
)
def test_what_fits_together_is_left_alone(wishes: dict[str, Any]) -> None:
    config = VideoGenerationConfig(provider="google", model=MODEL, strict=True)
    plan = plan_video(config, VideoGenerationRequest.model_validate({"prompt": "a cat", **wishes}))
    wished = {"durationSeconds": wishes.get("duration_seconds"), **wishes.get("extra_params", {})}
    assert plan.payload["parameters"].get("durationSeconds") == wished["durationSeconds"]


def test_the_users_own_parameter_decides_too() -> None:
    request = VideoGenerationRequest(
        prompt="a cat", duration_seconds=4, extra_params={"resolution": "4k"}
    )
    plan = plan_video(VideoGenerationConfig(provider="google", model=MODEL), request)
    assert plan.payload["parameters"]["durationSeconds"] == 8


# ------------------------------------------------------------------------------- a size as a ratio
TAKE_RATIOS = [
    ("replicate", "black-forest-labs/flux-dev"),
    *(("luma", "photon-1"), ("luma", "uni-1"), ("stability", "stable-image-core")),
    *(("xai", "grok-imagine-image"), ("google", "gemini-3.1-flash-image")),
    ("google", "imagen-4.0-generate-001"),
]


@pytest.mark.parametrize(("provider", "model"), TAKE_RATIOS)
@pytest.mark.parametrize(
    ("size", "ratio"), [("1920x1080", "16:9"), ("1080x1920", "9:16"), ("512x512", "1:1")]
)
def test_a_size_becomes_the_nearest_ratio(provider: str, model: str, size: str, ratio: str) -> None:
    config = ImageGenerationConfig(provider=provider, model=model)
    plan = plan_image(config, ImageGenerationRequest(prompt="a cat", size=size))
    assert ratio in str(plan.payload)


@pytest.mark.parametrize(("provider", "model"), TAKE_RATIOS)
def test_other_proportions_are_said(provider: str, model: str) -> None:
    request = ImageGenerationRequest(prompt="a cat", size="1000x270")
    plan = plan_image(ImageGenerationConfig(provider=provider, model=model), request)
    assert "size" in [one.field for one in plan.adjustments]
    strict = ImageGenerationConfig(provider=provider, model=model, strict=True)
    with pytest.raises(ValidationError, match="1000x270"):
        plan_image(strict, request)


@pytest.mark.parametrize(("provider", "model"), TAKE_RATIOS)
def test_a_ratio_that_is_given_too_wins(provider: str, model: str) -> None:
    request = ImageGenerationRequest(prompt="a cat", size="1920x1080", aspect_ratio="1:1")
    plan = plan_image(ImageGenerationConfig(provider=provider, model=model), request)
    assert "1:1" in str(plan.payload)
