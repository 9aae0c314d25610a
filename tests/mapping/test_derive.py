"""Mappers follow from a schema's structure and names: here, schemas that no provider publishes."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway.catalog import ModelSpec
from tarash.tarash_gateway.exceptions import ValidationError
from tarash.tarash_gateway.mapping import apply_field_mappers, derive, fit
from tarash.tarash_gateway.models import ImageGenerationRequest, VideoGenerationRequest

A, B, C = (f"https://media.example/{name}.png" for name in "abc")
PROMPT = {"prompt": {"type": "string"}}
TEXT = {"type": "string"}
LIST = {"type": "array", "items": TEXT}


def sent(
    properties: dict[str, Any], kind: str = "video", required: tuple[str, ...] = (), **fields: Any
) -> dict[str, Any]:
    """Return what a request becomes with a schema, the prompt left out."""
    schema = {"properties": {**PROMPT, **properties}, "required": list(required)}
    video = kind == "video"
    mappers = derive(schema, "video" if video else "image")
    spec = ModelSpec("any", "any/model", "video" if video else "image", mappers, schema=schema)
    model = VideoGenerationRequest if video else ImageGenerationRequest
    request, _ = fit(model.model_validate({"prompt": "a cat", **fields}), spec)
    own = {name: mapper for name, mapper in mappers.items() if name not in request.extra_params}
    payload = apply_field_mappers(own, request)
    assert payload.pop("prompt") == "a cat"
    return payload


@pytest.mark.parametrize(
    ("schema", "seconds", "wire"),
    [
        ({"type": "string", "enum": ["4s", "6s", "8s"]}, 8, "8s"),
        ({"type": "string", "enum": ["auto", "5", "10"]}, 10, "10"),
        ({"type": "integer", "enum": [4, 8, 12]}, 12, 12),
        ({"type": "integer", "minimum": 1, "maximum": 15}, 30, 15),
        ({"type": "number", "minimum": 2.5, "maximum": 20}, 3.5, 3.5),
        ({"type": "number", "multipleOf": 0.5, "maximum": 20}, 3.6, 3.5),
        ({"type": "string", "default": "5s"}, 7, "7s"),
        ({"type": "string", "default": "5"}, 7, "7"),
        ({"type": "string", "enum": ["5 seconds", "10 seconds"]}, 7.5, "10 seconds"),
        ({"anyOf": [{"type": "integer", "enum": [5, 10]}, {"type": "null"}]}, 6, 5),
    ],
)
def test_durations_in_all_spellings(schema: dict[str, Any], seconds: float, wire: object) -> None:
    assert sent({"duration": schema}, duration_seconds=seconds) == {"duration": wire}


def test_durations_in_milliseconds() -> None:
    schema = {"type": "integer", "minimum": 1000, "maximum": 9000}
    assert sent({"duration_ms": schema}, duration_seconds=4) == {"duration_ms": 4000}


def test_frames_at_the_rate_that_holds() -> None:
    properties = {
        "num_frames": {"type": "integer", "minimum": 17, "maximum": 161},
        "frames_per_second": {"type": "integer", "default": 16, "nullable": True},
    }
    assert sent(properties, duration_seconds=5) == {"num_frames": 80}
    assert sent(properties, duration_seconds=60) == {"num_frames": 161}
    own = {"frames_per_second": 24}
    assert sent(properties, duration_seconds=5, extra_params=own) == {"num_frames": 120}


def test_frames_without_a_rate_are_left_alone() -> None:
    assert sent({"num_frames": {"type": "integer"}}, duration_seconds=5) == {}


@pytest.mark.parametrize(
    ("name", "schema", "ratio", "wire"),
    [
        ("aspect_ratio", {"type": "string", "enum": ["auto", "16:9", "9:16"]}, "21:9", "16:9"),
        ("aspect_ratio", {"type": "string", "enum": ["landscape", "portrait"]}, "9:16", "portrait"),
        ("ratio", {"type": "string", "enum": ["16x9", "9x16"]}, "9:16", "9x16"),
        ("aspect_ratio", {"type": "string"}, "4:5", "4:5"),
        ("mode", {"type": "string", "enum": ["auto", "1:1", "16:9", "9:16"]}, "1:1", "1:1"),
        (
            "aspect_ratio",
            {"type": "object", "properties": {"ratio": {"type": "string", "enum": ["1:1", "4:3"]}}},
            "4:3",
            {"ratio": "4:3"},
        ),
    ],
)
def test_aspect_ratios(name: str, schema: dict[str, Any], ratio: str, wire: object) -> None:
    assert sent({name: schema}, aspect_ratio=ratio) == {name: wire}


@pytest.mark.parametrize(
    ("name", "schema", "wire"),
    [
        ("resolution", {"type": "string", "enum": ["512P", "768P"]}, "768P"),
        ("resolution", {"type": "integer", "enum": [480, 720]}, 720),
        ("video_resolution", {"type": "string", "enum": ["720p", "4k"]}, "720p"),
        ("quality", {"type": "string", "enum": ["480p", "720p", "1080p"]}, "720p"),
    ],
)
def test_resolutions(name: str, schema: dict[str, Any], wire: object) -> None:
    assert sent({name: schema}, resolution="720p") == {name: wire}


SIDES = {"width": {"type": "integer"}, "height": {"type": "integer"}}
PRESETS = [
    "square_hd",
    "square",
    "portrait_4_3",
    "portrait_16_9",
    "landscape_4_3",
    "landscape_16_9",
]
SIZE = {
    "anyOf": [
        {"type": "object", "properties": SIDES, "required": ["width", "height"]},
        {"type": "string", "enum": PRESETS},
    ],
    "default": "landscape_4_3",
}


def test_sizes_as_presets_and_objects() -> None:
    assert sent({"image_size": SIZE}, "image", aspect_ratio="16:9") == {
        "image_size": "landscape_16_9"
    }
    assert sent({"image_size": SIZE}, "image", size="1600x900") == {
        "image_size": {"width": 1600, "height": 900}
    }
    assert sent({"image_size": {"type": "string", "enum": PRESETS}}, "image", size="600x900") == {
        "image_size": "portrait_4_3"
    }


def test_sizes_as_two_sides_within_limits() -> None:
    side = {"type": "integer", "minimum": 512, "maximum": 1536, "multipleOf": 64}
    payload = sent({"width": side, "height": side}, "image", size="2000x500")
    assert payload == {"width": 1536, "height": 512}


def test_the_size_of_a_video_from_lines_and_ratio() -> None:
    payload = sent({"video_size": SIZE}, resolution="720p", aspect_ratio="9:16")
    assert payload == {"video_size": {"width": 720, "height": 1280}}


def test_a_size_in_two_parts() -> None:
    properties = {
        "aspect_ratio": {"type": "string", "enum": ["1:1", "16:9"]},
        "resolution": {"type": "string", "enum": ["1K", "2K", "4K"]},
    }
    assert sent(properties, "image", size="4096x4096") == {
        "aspect_ratio": "1:1",
        "resolution": "4K",
    }


def test_first_and_last_frame_by_their_names() -> None:
    images = [{"image": A, "type": "first_frame"}, {"image": B, "type": "last_frame"}]
    names = [("start_image_url", "end_image_url"), ("first_frame_url", "last_frame_url")]
    names += [("image_url", "tail_image_url"), ("initial_image", "final_image")]
    for first, last in names:
        assert sent({first: TEXT, last: TEXT}, image_list=images) == {first: A, last: B}


def test_references_go_where_there_is_room() -> None:
    images = [{"image": A}, {"image": B}, {"image": C}]
    properties = {"image_url": TEXT, "reference_image_urls": LIST}
    payload = sent(properties, "image", ("image_url",), image_list=images)
    assert payload == {"image_url": A, "reference_image_urls": [B, C]}


def test_references_as_objects_with_roles() -> None:
    item = {
        "type": "object",
        "properties": {
            "image_url": TEXT,
            "role": {"type": "string", "enum": ["first_frame", "reference", "style"]},
            "ref_name": TEXT,
        },
        "required": ["image_url", "role", "ref_name"],
    }
    payload = sent({"images": {"type": "array", "items": item}}, image_list=[{"image": A}])
    assert payload == {"images": [{"image_url": A, "role": "reference", "ref_name": "image1"}]}


def test_too_many_images_are_refused() -> None:
    images = [{"image": A}, {"image": B}, {"image": C}]
    with pytest.raises(ValidationError, match="remove 1"):
        sent({"image_urls": {**LIST, "maxItems": 2}}, image_list=images)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ValidationError, match="at least 2"):
        sent({"image_urls": {**LIST, "minItems": 2}}, image_list=[{"image": A}])


@pytest.mark.parametrize(
    ("schema", "wire"),
    [
        (TEXT, "https://media.example/v.mp4"),
        (LIST, ["https://media.example/v.mp4"]),
        (
            {"type": "object", "properties": {"video_url": TEXT}, "required": ["video_url"]},
            {"video_url": "https://media.example/v.mp4"},
        ),
    ],
)
def test_source_videos(schema: dict[str, Any], wire: object) -> None:
    assert sent({"video": schema}, video="https://media.example/v.mp4") == {"video": wire}


def test_masks() -> None:
    properties = {"image_url": TEXT, "mask_url": TEXT, "reference_mask_urls": LIST}
    payload = sent(properties, "image", image_list=[{"image": A}], mask_image=B)
    assert payload == {"image_url": A, "mask_url": B}


def test_flags_by_meaning() -> None:
    flag = {"type": "boolean"}
    properties = {"enable_audio": flag, "prompt_optimizer": flag, "keep_audio": flag}
    wishes: dict[str, Any] = {"generate_audio": True, "enhance_prompt": False}
    assert sent(properties, **wishes) == {"enable_audio": True, "prompt_optimizer": False}
    assert sent({"mute": flag}, generate_audio=True) == {"mute": False}
    words = {"type": "string", "enum": ["AUTO", "ON", "OFF"]}
    assert sent({"magic_prompt": words}, enhance_prompt=True) == {"magic_prompt": "ON"}


def test_counts_seeds_and_words() -> None:
    properties = {
        "num_images": {"type": "integer", "minimum": 1, "maximum": 4},
        "seed": {"type": "integer", "minimum": 0, "maximum": 65535},
        "quality": {"type": "string", "enum": ["low", "high"]},
        "style": {"type": "string", "enum": ["Digital Art", "Photo"]},
    }
    wishes: dict[str, Any] = {"n": 9, "seed": 99999, "quality": "hd", "style": "digital_art"}
    assert sent(properties, "image", **wishes) == {
        "num_images": 4,
        "seed": 65535,
        "quality": "high",
        "style": "Digital Art",
    }


def test_what_is_required_and_has_no_field_is_demanded_unless_there_is_a_default() -> None:
    properties = {"voice": {"type": "string", "enum": ["a", "b"]}}
    with pytest.raises(ValidationError, match=r"'voice' \(allowed: \['a', 'b'\]\)"):
        sent(properties, required=("voice",))

    properties = {"voice": {"type": "string", "default": "a"}}
    assert sent(properties, required=("voice",)) == {"voice": "a"}


def test_nothing_is_sent_that_was_not_wished_for() -> None:
    properties = {
        "duration": {"type": "string", "enum": ["5", "10"], "default": "5"},
        "image_size": SIZE,
        "num_videos": {"type": "integer", "default": 1},
        "negative_prompt": TEXT,
    }
    assert sent(properties) == {}


@pytest.mark.parametrize(
    ("kind", "field", "names", "schema"),
    [
        (
            "video",
            "duration_seconds",
            ("length_in_seconds", "videoDuration", "num_seconds", "clip_length"),
            {"type": "string", "enum": ["5", "10"]},
        ),
        (
            "video",
            "generate_audio",
            ("with_sound", "native_audio", "audio_enabled", "generate_audio_switch"),
            {"type": "boolean"},
        ),
        (
            "video",
            "enhance_prompt",
            ("prompt_extend", "rewrite_prompt", "enable_prompt_rewriting", "prompt_upsampling"),
            {"type": "boolean"},
        ),
        (
            "image",
            "n",
            ("num_outputs", "image_count", "num_images_per_prompt", "batch_size"),
            {"type": "integer"},
        ),
        ("image", "negative_prompt", ("negative", "negativePrompt", "neg_prompt"), TEXT),
        ("video", "video", ("input_clip", "videoUrl", "driving_video_url", "source_video"), TEXT),
        ("image", "mask_image", ("mask", "maskUrl", "inpaint_mask_url"), TEXT),
    ],
)
def test_names_that_mean_the_same(
    kind: str, field: str, names: tuple[str, ...], schema: dict[str, Any]
) -> None:
    for name in names:
        properties = {**PROMPT, name: schema}
        found = derive({"properties": properties}, "video" if kind == "video" else "image")
        assert found[name].source_field == field, name


@pytest.mark.parametrize(
    "name", ["keep_audio", "keep_original_sound", "bgm", "auto_fix", "preserve_audio", "loop"]
)
def test_flags_that_only_look_alike(name: str) -> None:
    properties = {**PROMPT, name: {"type": "boolean"}}
    assert name not in derive({"properties": properties}, "video")
