"""What a model takes only beside something else, or never beside it, is refused in time."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib import import_module
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
from tarash.tarash_gateway.mapping import Apart
from tarash.tarash_gateway.models import GenerationPlan
from tarash.tarash_gateway.providers._registry import shipped
from tarash.tarash_gateway.providers._shipped import FOLDERS

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
CLIP = {"content": b"\0\0\0\x18ftypisom" + bytes(64), "content_type": "video/mp4"}
ROLES = {"first_frame", "last_frame", "reference", "asset", "style"}
MODELS: Mapping[str, tuple[str, ...]] = {
    "google": ("veo-3.1-generate-preview", "veo-3.1-fast-generate-001", "veo-2.0-generate-001"),
    "replicate": (
        *("google/veo-3.1", "google/veo-3.1-fast", "bytedance/seedance-2.0"),
        *("bytedance/seedance-1-pro", "kwaivgi/kling-v2.6", "minimax/hailuo-02"),
    ),
    "openai": ("gpt-image-2.6-flare", "openai/gpt-image-2.5-sunburst"),
    "azure_openai": ("gpt-image-2.6-flare", "gpt-image-2.5-flare"),
    "luma": ("ray-3.2",),
    "fal": ("fal-ai/wan/v2.7/image-to-video",),
}


def plan(provider: str, model: str, **wishes: Any) -> GenerationPlan:
    if "gpt-image" in model:
        found = ImageGenerationRequest.model_validate({"prompt": "a cat", **wishes})
        return plan_image(ImageGenerationConfig(provider=provider, model=model), found)

    request = VideoGenerationRequest.model_validate({"prompt": "a cat", **wishes})
    return plan_video(VideoGenerationConfig(provider=provider, model=model), request)


def wishes_for(*names: str) -> dict[str, Any]:
    wishes: dict[str, Any] = {
        "image_list": [{"image": PNG, "type": n} for n in names if n in ROLES]
    }
    wishes |= {"video": CLIP} if "video" in names else {}
    wishes |= {"mask_image": PNG} if "mask_image" in names else {}
    if "mask_image" in names:
        wishes["image_list"] = [{"image": PNG}]

    own = {name: True for name in names if name not in ROLES | {"video", "mask_image"}}
    return {**wishes, "extra_params": own}


def rules_of(provider: str, model: str) -> Any:
    return lookup(provider, model, "image" if "gpt-image" in model else "video").rules


def takes(provider: str, model: str, names: tuple[str, ...]) -> list[str]:
    """Return those of the names that the model has a place for at all."""
    spec = lookup(provider, model, "video")
    roles = {role for mapper in spec.mappers.values() for role in mapper.roles}
    return [name for name in names if name not in ROLES or name in roles]


CASES = [
    (provider, model, place)
    for provider, models in MODELS.items()
    for model in models
    for place in range(len(rules_of(provider, model)))
]


@pytest.mark.parametrize(("provider", "model", "place"), CASES, ids=str)
def test_media_that_a_rule_excludes_are_refused_by_name(
    provider: str, model: str, place: int
) -> None:
    rule = rules_of(provider, model)[place]
    these = takes(provider, model, rule.these)[0]
    if not isinstance(rule, Apart):
        with pytest.raises(ValidationError, match=f"{these} only beside a {rule.those[0]}"):
            plan(provider, model, **wishes_for(these))

        plan(provider, model, **wishes_for(these, rule.those[0]))
        return

    for those in takes(provider, model, rule.those):
        both = wishes_for(these, those)
        if len(both["extra_params"]) > 1:
            found = plan(provider, model, **both).adjustments
            assert f"extra_params.{those}" in [one.field for one in found]
        else:
            with pytest.raises(ValidationError, match=f"either .*{these}.*{those}.*not both"):
                plan(provider, model, **both)


def test_every_module_with_rules_has_a_model_here() -> None:
    for name in FOLDERS:
        row = shipped()[name.replace("_", "-")]
        if not isinstance(row.models, str):
            continue  # declared: its rules are in its file

        rules = getattr(import_module(row.models), "RULES", {})
        assert bool(rules) == (name in MODELS)
        for prefix in rules:
            if not prefix.startswith("openai/"):
                assert any(prefix in model for model in MODELS[name]), prefix


@pytest.mark.parametrize("provider", ["google", "replicate"])
def test_a_parameter_that_is_switched_off_excludes_nothing(provider: str) -> None:
    model = MODELS[provider][0]
    frames = [{"image": PNG, "type": role} for role in ("first_frame", "last_frame")]
    assert not plan(provider, model, image_list=frames).adjustments
    off = {"extra_params": {"video.loop": False}, "duration_seconds": 10}
    assert plan("luma", "ray-3.2", **off).payload["video"] == {"duration": "10s", "loop": False}


# ----------------------------------------------------------------------- limits of other providers
@pytest.mark.parametrize(
    ("provider", "model", "wishes", "field", "sent"),
    [
        ("fal", "fal-ai/pixverse/v5/text-to-video", ("1080p", 8), "duration_seconds", 5),
        ("fal", "fal-ai/pixverse/v5.5/text-to-video", ("1080p", 10), "duration_seconds", 8),
        ("fal", "fal-ai/ltx-2/text-to-video/fast", ("2160p", 12), "resolution", "1080p"),
        ("replicate", "minimax/hailuo-02", ("1080p", 10), "duration_seconds", 6),
        ("replicate", "minimax/hailuo-2.3", ("1080p", 10), "duration_seconds", 6),
    ],
)
def test_a_resolution_and_a_duration_that_exclude_each_other(
    provider: str, model: str, wishes: tuple[str, int], field: str, sent: object
) -> None:
    resolution = {"2160p": "4k"}.get(wishes[0], wishes[0])
    asked: dict[str, Any] = {"resolution": resolution, "duration_seconds": wishes[1]}
    found = {one.field: one for one in plan(provider, model, **asked).adjustments}
    assert found[field].sent == sent
    assert found[field].requested == asked[field]


def test_references_of_veo_at_replicate_are_wide_and_eight_seconds_long() -> None:
    wishes = {"image_list": [PNG], "duration_seconds": 4, "aspect_ratio": "9:16"}
    made = plan("replicate", "google/veo-3.1", **wishes)
    assert (made.payload["input"]["duration"], made.payload["input"]["aspect_ratio"]) == (8, "16:9")
    assert {one.field for one in made.adjustments} == {"duration_seconds", "aspect_ratio"}


def test_a_ratio_that_an_image_decides_is_left_out_and_said() -> None:
    frame = {"image_list": [{"image": PNG, "type": "first_frame"}], "aspect_ratio": "9:16"}
    made = plan("replicate", "bytedance/seedance-1-pro", **frame)
    assert "aspect_ratio" not in made.payload["input"]
    assert [one.sent for one in made.adjustments] == [None]


@pytest.mark.parametrize("own", [{"video.loop": True}, {"video": {"loop": True}}], ids=str)
def test_a_loop_of_luma_has_five_seconds(own: dict[str, Any]) -> None:
    made = plan("luma", "ray-3.2", duration_seconds=10, extra_params=own)
    assert made.payload["video"] == {"duration": "5s", "loop": True}
    assert [one.field for one in made.adjustments] == ["duration_seconds"]


@pytest.mark.parametrize(
    "own", [{"video.duration": "10s"}, {"video": {"duration": "10s"}}], ids=str
)
def test_the_users_own_duration_wins_in_either_spelling(own: dict[str, Any]) -> None:
    config = VideoGenerationConfig(provider="luma", model="ray-3.2", strict=True)
    request = VideoGenerationRequest(prompt="a cat", duration_seconds=7, extra_params=own)
    made = plan_video(config, request)
    assert made.payload["video"] == {"duration": "10s"}
    assert not made.adjustments


def test_hdr_of_luma_is_no_draft_and_numbers_its_frames() -> None:
    frames = [{"image": PNG, "type": role} for role in ("first_frame", "last_frame")]
    hdr = {"extra_params": {"video.hdr": True}, "image_list": frames, "resolution": "360p"}
    made = plan("luma", "ray-3.2", duration_seconds=5, **hdr)
    assert made.payload["video"]["keyframe_indexes"] == [0, 120]
    assert made.payload["video"]["resolution"] == "540p"
    with pytest.raises(ValidationError, match="say duration_seconds"):
        plan("luma", "ray-3.2", **hdr)


def test_an_svg_of_openai_comes_alone() -> None:
    svg = {"n": 3, "extra_params": {"output_format": "svg"}}
    made = plan("openai", "gpt-image-2.6-flare", **svg)
    assert made.payload["n"] == 1
    assert [one.field for one in made.adjustments] == ["n"]
