"""What goes over the wire for each model, without sending it."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai import types
from google.genai.interactions import CreateModelInteraction
from pydantic import TypeAdapter

from tarash.tarash_gateway import (
    GenerationPlan,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    plan_image,
    plan_video,
)

PNG = {"content": b"\x89PNG\r\n\x1a\n\0", "content_type": "image/png"}
SHOWN = "<image/png, 9 bytes>"
VERTEX = {"gcp_project": "a-project"}
OMNI_MODELS = ("gemini-omni-1.2-flash", "gemini-omni-1.1-flash", "gemini-omni-flash-preview")
VEO_MODELS = (
    "veo-2.0-generate-001",
    "veo-3.0-generate-preview",
    "veo-3.0-generate-001",
    "veo-3-0-fast-generate-001",
    "veo-3.1-generate-preview",
    "veo-3.1-fast-generate-preview",
    "veo-3.1-lite-generate-preview",
    "veo-3.1-generate-001",
    "veo-3.1-fast-generate-001",
    "veo-3.1-lite-generate-001",
)
CONTENT_MODELS = (
    "gemini-nano-banana-2.1",
    "gemini-3.1-flash-image",
    "gemini-3.1-flash-lite-image",
    "gemini-3-pro-image",
    "nano-banana-pro-preview",
    "gemini-2.5-flash-image",
    "gemini-2.0-flash-preview-image-generation",
)
IMAGEN_MODELS = (
    "imagen-3.0-generate-001",
    "imagen-3.0-generate-002",
    "imagen-4.0-generate-001",
    "imagen-4.0-ultra-generate-001",
    "imagen-4.0-fast-generate-001",
)
VIDEO = VideoGenerationRequest(
    prompt="A cat", duration_seconds=8, aspect_ratio="16:9", resolution="720p", seed=7
)


def video_plan(model: str, request: VideoGenerationRequest, **facts: Any) -> GenerationPlan:
    return plan_video(VideoGenerationConfig(provider="google", model=model, **facts), request)


def image_plan(model: str, request: ImageGenerationRequest, **facts: Any) -> GenerationPlan:
    return plan_image(ImageGenerationConfig(provider="google", model=model, **facts), request)


def asking(*roles: str, **facts: Any) -> VideoGenerationRequest:
    images = [{"image": PNG, "type": role} for role in roles]
    return VideoGenerationRequest.model_validate({"prompt": "A cat", "image_list": images, **facts})


@pytest.mark.parametrize("model", OMNI_MODELS)
def test_an_interaction_is_what_the_sdk_means_by_one(model: str) -> None:
    plan = video_plan(model, VIDEO)
    assert plan.endpoint == "https://generativelanguage.googleapis.com/v1/interactions"
    assert plan.adjustments == ()
    assert plan.payload == {
        "model": model,
        "input": "A cat",
        "background": True,
        "response_format": {
            "type": "video",
            "delivery": "uri",
            "duration": "8s",
            "aspect_ratio": "16:9",
            "resolution": "720p",
        },
        "generation_config": {"seed": 7},
    }
    parsed = TypeAdapter(CreateModelInteraction).validate_python(plan.payload)
    assert parsed.model == model


@pytest.mark.parametrize("model", VEO_MODELS)
def test_an_operation_has_instances_and_parameters_that_the_sdk_knows(model: str) -> None:
    plan = video_plan(model, VIDEO)
    root = "https://generativelanguage.googleapis.com/v1beta/models"
    assert plan.endpoint == f"{root}/{model}:predictLongRunning"
    assert plan.payload["instances"] == [{"prompt": "A cat"}]
    assert plan.payload["parameters"]["durationSeconds"] == 8
    named = {
        {"sampleCount": "numberOfVideos"}.get(name, name): value
        for name, value in plan.payload["parameters"].items()
    }
    checked = types.GenerateVideosConfig.model_validate(named)
    assert (checked.number_of_videos, checked.seed) == (1, 7)


@pytest.mark.parametrize("model", CONTENT_MODELS)
def test_images_by_generate_content_validate(model: str) -> None:
    plan = image_plan(model, ImageGenerationRequest(prompt="A cat", seed=7))
    root = "https://generativelanguage.googleapis.com/v1/models"
    assert plan.endpoint == f"{root}/{model}:generateContent"
    types.GenerateContentConfig.model_validate(plan.payload["generationConfig"])
    TypeAdapter(list[types.Content]).validate_python(plan.payload["contents"])


@pytest.mark.parametrize("model", IMAGEN_MODELS)
def test_imagen_predicts(model: str) -> None:
    request = ImageGenerationRequest(
        prompt="A cat", n=3, aspect_ratio="4:3", negative_prompt="dogs"
    )
    plan = image_plan(model, request)
    assert plan.endpoint.endswith(f"/v1beta/models/{model}:predict")
    assert plan.payload == {
        "instances": [{"prompt": "A cat"}],
        "parameters": {
            "aspectRatio": "4:3",
            "negativePrompt": "dogs",
            "sampleCount": 3,
            "includeRaiReason": True,
        },
    }


@pytest.mark.parametrize(
    ("location", "host"),
    [
        (None, "https://us-central1-aiplatform.googleapis.com"),
        ("europe-west4", "https://europe-west4-aiplatform.googleapis.com"),
        ("global", "https://aiplatform.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_vertex_is_by_location(location: str | None, host: str) -> None:
    own = {**VERTEX, **({"location": location} if location else {})}
    plan = video_plan("veo-3.1-generate-001", VIDEO, provider_config=own)
    project = f"projects/a-project/locations/{location or 'us-central1'}"
    model = "publishers/google/models/veo-3.1-generate-001"
    assert plan.endpoint == f"{host}/v1beta1/{project}/{model}:predictLongRunning"


def test_omni_on_vertex_has_lists_and_is_global() -> None:
    request = VideoGenerationRequest(
        prompt="A cat", extra_params={"delivery": "uri", "gcs_uri": "gs://bucket/folder"}
    )
    plan = video_plan("gemini-omni-1.2-flash", request, provider_config=VERTEX)
    assert plan.endpoint.endswith("/v1beta1/projects/a-project/locations/global/interactions")
    assert plan.payload["input"] == [{"type": "text", "text": "A cat"}]
    wanted = {"type": "video", "delivery": "uri", "gcs_uri": "gs://bucket/folder"}
    assert plan.payload["response_format"] == [wanted]
    TypeAdapter(CreateModelInteraction).validate_python(plan.payload)


@pytest.mark.parametrize(
    "given",
    ["http://proxy/v1beta", "http://proxy/v1/", "http://proxy/", "http://proxy"],
)
def test_a_version_at_the_end_of_the_base_url_is_forgiven(given: str) -> None:
    plan = video_plan("gemini-omni-1.1-flash", VIDEO, base_url=given)
    assert plan.endpoint == "http://proxy/v1/interactions"


def test_the_api_version_is_the_users() -> None:
    plan = video_plan("gemini-omni-1.1-flash", VIDEO, api_version="v1beta")
    assert plan.endpoint.endswith("/v1beta/interactions")


@pytest.mark.parametrize(
    ("roles", "prompt"),
    [
        (("first_frame",), "<FIRST_FRAME> A cat"),
        (("last_frame",), "[# Sources <LAST_FRAME>@Image1] A cat"),
        (
            ("last_frame", "first_frame"),
            "[# Sources <FIRST_FRAME>@Image1 <LAST_FRAME>@Image2] A cat",
        ),
        (
            ("reference", "style", "first_frame"),
            (
                "[# Sources <FIRST_FRAME>@Image1] "
                "[# References <IMAGE_REF_0>@Image2 <IMAGE_REF_1>@Image3] A cat"
            ),
        ),
    ],
)
def test_omni_reads_roles_from_the_prompt(roles: tuple[str, ...], prompt: str) -> None:
    sent = video_plan("gemini-omni-1.1-flash", asking(*roles)).payload["input"]
    part = {"type": "image", "data": SHOWN, "mime_type": "image/png"}
    assert sent == [part] * len(roles) + [{"type": "text", "text": prompt}]


def test_a_prompt_with_tags_of_its_own_is_left_alone() -> None:
    request = asking("reference", prompt="In the style of <IMAGE_REF_0>, a cat")
    sent = video_plan("gemini-omni-1.1-flash", request).payload["input"]
    assert sent[-1]["text"] == "In the style of <IMAGE_REF_0>, a cat"


def test_a_source_video_and_an_earlier_result() -> None:
    uri = "https://generativelanguage.googleapis.com/v1beta/files/abc.mp4"
    request = VideoGenerationRequest(prompt="Make it anime", video=uri)
    sent = video_plan("gemini-omni-1.1-flash", request).payload["input"]
    assert sent[0] == {"type": "video", "uri": uri, "mime_type": "video/mp4"}

    extra = {"previous_interaction_id": "v1_1"}
    plan = video_plan(
        "gemini-omni-1.1-flash", VideoGenerationRequest(prompt="x", extra_params=extra)
    )
    assert plan.payload["previous_interaction_id"] == "v1_1"


def test_veo_takes_frames_references_and_buckets() -> None:
    blob = {"bytesBase64Encoded": SHOWN, "mimeType": "image/png"}
    model = "veo-3.1-generate-001"
    instance = video_plan(model, asking("first_frame", "last_frame")).payload["instances"][0]
    assert (instance["image"], instance["lastFrame"]) == (blob, blob)

    instance = video_plan(model, asking("reference", "asset")).payload["instances"][0]
    assert instance["referenceImages"] == [{"image": blob, "referenceType": "asset"}] * 2

    request = VideoGenerationRequest(prompt="On", video="gs://bucket/cat.mp4")
    instance = video_plan(model, request, provider_config=VERTEX).payload["instances"][0]
    assert instance["video"] == {"gcsUri": "gs://bucket/cat.mp4", "mimeType": "video/mp4"}
    instance = video_plan(model, request).payload["instances"][0]
    assert instance["video"] == {"uri": "gs://bucket/cat.mp4"}


def test_a_lone_reference_becomes_the_frame_of_a_model_that_has_no_other_place() -> None:
    plan = video_plan("veo-3.0-generate-001", asking("reference"))
    assert "image" in plan.payload["instances"][0]
    assert plan.adjustments[0].field == "image_list[0].type"


@pytest.mark.parametrize(
    ("model", "roles"),
    [
        ("veo-3.0-generate-001", ("last_frame",)),
        ("veo-3.1-generate-001", ("reference",) * 4),
        ("veo-3.1-generate-001", ("style",)),
        ("gemini-omni-flash-preview", ("last_frame",)),
        ("gemini-omni-1.1-flash", ("reference",) * 11),
        ("gemini-omni-1.1-flash", ("first_frame",) * 2),
    ],
)
def test_images_without_a_place_are_refused(model: str, roles: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match=model):
        video_plan(model, asking(*roles))


@pytest.mark.parametrize(
    ("model", "wish", "sent"),
    [
        ("gemini-omni-1.2-flash", {"duration_seconds": 20}, 15),
        ("gemini-omni-1.1-flash", {"duration_seconds": 20}, 10),
        ("gemini-omni-1.1-flash", {"duration_seconds": 1}, 3),
        ("gemini-omni-1.1-flash", {"aspect_ratio": "21:9"}, "16:9"),
        ("gemini-omni-1.1-flash", {"number_of_videos": 2}, None),
        ("gemini-omni-1.1-flash", {"generate_audio": True}, None),
        ("gemini-omni-1.1-flash", {"negative_prompt": "dogs"}, None),
        ("gemini-omni-flash-preview", {"resolution": "4k"}, "720p"),
        ("veo-3.1-generate-001", {"duration_seconds": 5}, 6),
        ("veo-3.1-generate-001", {"number_of_videos": 9}, 4),
        ("veo-2.0-generate-001", {"generate_audio": True}, None),
    ],
)
def test_wishes_bend(model: str, wish: dict[str, Any], sent: object) -> None:
    plan = video_plan(model, VideoGenerationRequest.model_validate({"prompt": "A cat", **wish}))
    (adjustment,) = plan.adjustments
    assert (adjustment.field, adjustment.sent) == (next(iter(wish)), sent)


@pytest.mark.parametrize(
    ("size", "ratio", "scale"),
    [("1024x1024", "1:1", "1K"), ("2752x1536", "16:9", "2K"), ("3000x3000", "1:1", "4K")],
)
def test_a_size_is_an_aspect_ratio_and_an_image_size(size: str, ratio: str, scale: str) -> None:
    plan = image_plan("gemini-3-pro-image", ImageGenerationRequest(prompt="A cat", size=size))
    wanted = plan.payload["generationConfig"]["imageConfig"]
    assert wanted == {"aspectRatio": ratio, "imageSize": scale}


def test_extra_parameters_go_untouched_to_their_place_and_win() -> None:
    extra = {"duration": "12s", "temperature": 0.2, "labels": {"team": "x"}, "unheard_of": [1]}
    request = VideoGenerationRequest(prompt="A cat", duration_seconds=5, extra_params=extra)
    payload = video_plan("gemini-omni-1.1-flash", request).payload
    assert payload["response_format"]["duration"] == "12s"
    assert payload["generation_config"] == {"temperature": 0.2}
    assert (payload["labels"], payload["unheard_of"]) == ({"team": "x"}, [1])

    extra = {"sampleCount": 2, "storageUri": "gs://b/", "labels": {"team": "x"}}
    payload = video_plan(
        "veo-3.1-generate-001", VideoGenerationRequest(prompt="A cat", extra_params=extra)
    ).payload
    assert payload["parameters"] == {"sampleCount": 2, "storageUri": "gs://b/"}
    assert payload["labels"] == {"team": "x"}

    extra = {"imageSize": "4K", "topK": 3, "safetySettings": []}
    payload = image_plan(
        "gemini-3-pro-image", ImageGenerationRequest(prompt="A cat", extra_params=extra)
    ).payload
    assert payload["generationConfig"]["imageConfig"] == {"imageSize": "4K"}
    assert payload["generationConfig"]["topK"] == 3
    assert payload["safetySettings"] == []


def test_settings_for_vertex_want_a_project() -> None:
    with pytest.raises(ValidationError, match="gcp_project"):
        video_plan("veo-3.1-generate-001", VIDEO, provider_config={"location": "us-central1"})


def test_a_plan_shows_what_would_be_fetched() -> None:
    request = VideoGenerationRequest.model_validate(
        {
            "prompt": "A cat",
            "image_list": [{"image": "https://example.org/a.png", "type": "first_frame"}],
        }
    )
    sent = video_plan("veo-3.1-generate-001", request).payload["instances"][0]["image"]
    assert sent["bytesBase64Encoded"] == "<fetched from https://example.org/a.png>"
