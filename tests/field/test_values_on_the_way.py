"""What people reported of doing this job elsewhere: here, values arrive as they were meant."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.models import GenerationPlan

CLIP = {"content": b"\0\0\0\x18ftypisom" + bytes(64), "content_type": "video/mp4"}


def picture(form: str = "PNG", size: tuple[int, int] = (64, 64)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "tomato").save(buffer, form)
    return buffer.getvalue()


def video(provider: str, model: str, **wishes: Any) -> GenerationPlan:
    config = VideoGenerationConfig(provider=provider, model=model)
    return plan_video(config, VideoGenerationRequest.model_validate({"prompt": "A cat", **wishes}))


def image(provider: str, model: str, **wishes: Any) -> GenerationPlan:
    config = ImageGenerationConfig(provider=provider, model=model)
    return plan_image(config, ImageGenerationRequest.model_validate({"prompt": "A cat", **wishes}))


def bent(plan: GenerationPlan) -> set[str]:
    return {one.field for one in plan.adjustments}


# --------------------------------------------------------------------------------------- durations
@pytest.mark.parametrize("seconds", [4, 6, 8])
def test_veo_is_asked_for_the_seconds_that_were_asked_for(seconds: int) -> None:
    plan = video("google", "veo-3.1-generate-preview", duration_seconds=seconds)
    assert plan.payload["parameters"]["durationSeconds"] == seconds
    assert not bent(plan)


def test_a_duration_that_nobody_asked_for_is_not_sent() -> None:
    plan = video("google", "veo-3.1-generate-preview")
    assert "durationSeconds" not in str(plan.payload)


@pytest.mark.parametrize(
    ("model", "wire"),
    [
        ("fal-ai/veo3.1", "4s"),
        ("xai/grok-imagine-video/text-to-video", 4),
        ("fal-ai/pixverse/v5/text-to-video", "5"),
        ("fal-ai/kling-video/v2.5-turbo/pro/text-to-video", "5"),
    ],
)
def test_a_duration_has_the_type_that_the_model_reads(model: str, wire: object) -> None:
    assert video("fal", model, duration_seconds=4).payload["duration"] == wire


def test_seconds_that_references_shorten_are_said() -> None:
    references = [{"image": picture(), "type": "reference"}] * 2
    wishes = {"duration_seconds": 15, "image_list": references}
    plan = video("xai", "grok-imagine-video", **wishes)
    assert plan.payload["duration"] == 10
    assert "duration_seconds" in bent(plan)


def test_references_and_1080p_take_eight_seconds_and_say_so() -> None:
    for wishes in ({"resolution": "1080p"}, {"image_list": [picture()]}):
        plan = video("google", "veo-3.1-generate-preview", duration_seconds=4, **wishes)
        assert plan.payload["parameters"]["durationSeconds"] == 8
        assert "duration_seconds" in bent(plan)


def test_a_last_frame_takes_any_duration() -> None:
    frames = [{"image": picture(), "type": role} for role in ("first_frame", "last_frame")]
    plan = video("google", "veo-3.1-generate-preview", duration_seconds=4, image_list=frames)
    assert plan.payload["parameters"]["durationSeconds"] == 4


# ------------------------------------------------------------------------------------------ shapes
def test_a_size_that_nobody_gave_is_not_complained_about() -> None:
    plan = image("google", "imagen-4.0-generate-001", aspect_ratio="4:3")
    assert plan.payload["parameters"]["aspectRatio"] == "4:3"
    assert not plan.adjustments


def test_an_aspect_ratio_reaches_the_place_where_gemini_reads_it() -> None:
    plan = image("google", "gemini-3-pro-image", aspect_ratio="16:9")
    assert plan.payload["generationConfig"]["imageConfig"] == {"aspectRatio": "16:9"}


def test_an_upright_video_is_asked_for_in_pixels_where_pixels_are_read() -> None:
    plan = video("runway", "gen4_turbo", aspect_ratio="9:16", image_list=[picture()])
    assert plan.payload["ratio"] == "720:1280"


def test_a_prompt_without_an_image_goes_where_none_is_needed() -> None:
    assert video("runway", "gen4.5").endpoint.endswith("/text_to_video")
    with pytest.raises(ValidationError, match="needs"):
        video("runway", "gen4_turbo")


def test_only_what_was_asked_for_is_sent() -> None:
    plan = image("fal", "fal-ai/bytedance/seedream/v4/edit", image_list=[picture()])
    assert set(plan.payload) <= {"prompt", "image_urls"}


def test_parameters_of_fal_are_not_wrapped() -> None:
    assert video("fal", "fal-ai/veo3.1").payload["prompt"] == "A cat"


# ------------------------------------------------------------------------------------------- seeds
@pytest.mark.parametrize("seed", [804_822_466_654_819, 360_139_647_746_456, 2**64 - 1])
def test_a_seed_as_comfyui_draws_them_is_bent_with_a_word_where_it_is_too_large(seed: int) -> None:
    plan = video("runway", "gen4.5", seed=seed)
    assert plan.payload.get("seed") == seed or "seed" in bent(plan)


# ----------------------------------------------------------------------------------------- pictures
@pytest.mark.parametrize("form", ["JPEG", "WEBP", "PNG"])
@pytest.mark.parametrize("declared", ["image/png", "image/jpg", "png", "application/octet-stream"])
def test_the_type_of_an_image_is_that_of_its_bytes(form: str, declared: str) -> None:
    given = {"content": picture(form), "content_type": declared}
    plan = image("google", "gemini-3.1-flash-image", image_list=[given])
    assert f"'mimeType': 'image/{form.lower()}'" in str(plan.payload)


def test_a_data_uri_with_the_wrong_type_is_corrected() -> None:
    text = base64.b64encode(picture("JPEG")).decode()
    plan = image("google", "gemini-3.1-flash-image", image_list=[f"data:image/png;base64,{text}"])
    assert "'mimeType': 'image/jpeg'" in str(plan.payload)


def test_a_model_without_masks_refuses_one_and_does_not_drop_it() -> None:
    for provider, model in (
        ("google", "gemini-3.1-flash-image"),
        ("xai", "grok-imagine-image"),
        ("luma", "photon-1"),
    ):
        with pytest.raises(ValidationError, match="mask_image"):
            image(provider, model, image_list=[picture()], mask_image=picture())


@pytest.mark.parametrize("prompt", ["", " ", "\n\t"])
def test_an_empty_prompt_is_refused_before_it_costs_anything(prompt: str) -> None:
    with pytest.raises(ValueError, match="say what to make"):
        VideoGenerationRequest(prompt=prompt)


# ------------------------------------------------------------------------------ sizes and seeds
RATIO_ONLY = [
    *(("stability", model) for model in ("sd3.5-large", "sd3.5-flash", "stable-image-ultra")),
    ("luma", "photon-1"),
    ("replicate", "black-forest-labs/flux-dev"),
]


@pytest.mark.parametrize("size", ["1024x1024", "1792x1024", "4096x4096", "100x4000"])
@pytest.mark.parametrize(("provider", "model"), RATIO_ONLY)
def test_pixels_that_a_ratio_can_not_say_are_told(provider: str, model: str, size: str) -> None:
    """BerriAI/litellm#12690, the other way round: nothing of a shape is dropped without a word."""
    assert "size" in bent(image(provider, model, size=size))


@pytest.mark.parametrize(
    ("size", "told"),
    [("1024x1024", False), ("1536x864", False), ("2048x2048", False), ("4096x4096", True)],
)
def test_a_ratio_with_its_resolution_says_a_size(size: str, *, told: bool) -> None:
    assert ("size" in bent(image("xai", "grok-imagine-image-2.0", size=size))) is told


SEEDS = [
    ("stability", "sd3.5-large", 0, 2**32 - 2),
    ("stability", "stable-image-ultra", 0, 2**32 - 2),
    ("runway", "gen4_image", 0, 2**32 - 1),
    ("google", "gemini-3.1-flash-image", -(2**31), 2**31 - 1),
]
"""A provider's limits; a seed beyond them is refused there, or replaced by one of its own."""


@pytest.mark.parametrize("seed", [-(2**40), -1, 0, 2**31 - 1, 2**31, 2**32, 2**64 - 1])
@pytest.mark.parametrize(("provider", "model", "low", "high"), SEEDS)
def test_a_seed_is_sent_as_it_is_or_bent_with_a_word(
    provider: str, model: str, low: int, high: int, seed: int
) -> None:
    """gpustack/gpustack#900, pollinations/pollinations#10445."""
    plan = image(provider, model, seed=seed)
    sent = min(max(seed, low), high)
    assert f"'seed': {sent}" in str(plan.payload)
    assert ("seed" in bent(plan)) is (sent != seed)


@pytest.mark.parametrize("seed", [-1, 0, 2**32 - 1, 2**32])
@pytest.mark.parametrize(
    ("provider", "model"), [("google", "veo-3.1-generate-preview"), ("runway", "gen4.5")]
)
def test_a_seed_of_a_video_is_sent_as_it_is_or_bent_with_a_word(
    provider: str, model: str, seed: int
) -> None:
    plan = video(provider, model, seed=seed)
    assert f"'seed': {min(max(seed, 0), 2**32 - 1)}" in str(plan.payload)
    assert ("seed" in bent(plan)) is (not 0 <= seed < 2**32)
