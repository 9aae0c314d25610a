"""xAI: what goes out, and what its answers become, through the public functions."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tarash.tarash_gateway import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    UnsupportedOperationError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image_async,
    generate_video_async,
    list_providers,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway._data._types import MediaContent
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.providers import xai
from tarash.tarash_gateway.providers._folders import declaration
from tarash.tarash_gateway.testing import Script, Simulator

MODELS = declaration(xai.__name__).models
KNOWN = list(dict.fromkeys(name for one in MODELS for name in one.ids if not name.endswith("*")))
KEY = "canary-77b2e0c4aa"
PNG: MediaContent = {"content": samples.make_png(64, 64, seed=1), "content_type": "image/png"}
URI = f"data:image/png;base64,{base64.b64encode(PNG['content']).decode()}"
URL = "https://example.com/a.png"
VIDEO = VideoGenerationRequest(prompt="A lighthouse")
IMAGE = ImageGenerationRequest(prompt="A lighthouse")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["xai"]) as running:
        running.keys = {"xai": {KEY}}
        yield running

    assert running.leaks == []


def settings(simulator: Simulator, model: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "provider": "xai",
        "model": model,
        "api_key": KEY,
        "base_url": simulator.base_url("xai"),
        "poll_interval": 0.02,
        "provider_config": {"min_poll_interval": 0.01},
        "timeout": 60,
        "max_retries": 0,
        **facts,
    }


def video_config(
    simulator: Simulator, model: str = "grok-imagine-video", **facts: Any
) -> VideoGenerationConfig:
    return VideoGenerationConfig.model_validate(settings(simulator, model, facts))


def image_config(
    simulator: Simulator, model: str = "grok-imagine-image-2.0", **facts: Any
) -> ImageGenerationConfig:
    return ImageGenerationConfig.model_validate(settings(simulator, model, facts))


def planned(request: VideoGenerationRequest, model: str = "grok-imagine-video") -> Any:
    """Return endpoint and body that would be sent."""
    plan = plan_video(VideoGenerationConfig(provider="xai", model=model), request)
    return plan.endpoint.removeprefix("https://api.x.ai/v1/"), plan.payload


# ------------------------------------------------------------------------------------- happy paths
@pytest.mark.parametrize(
    "model", ["grok-imagine-video", "grok-imagine-video-1.5", "grok-imagine-video-1.5-lite"]
)
async def test_a_video(simulator: Simulator, model: str) -> None:
    simulator.script("xai", Script(queue_polls=1, run_polls=2))
    request = VideoGenerationRequest(
        prompt="A lighthouse", duration_seconds=6, aspect_ratio="9:16", resolution="720p"
    )
    updates: list[Any] = []
    response = await generate_video_async(video_config(simulator, model), request, updates.append)
    (job,) = simulator.jobs("xai")

    assert job.payload == {
        "model": model,
        "prompt": "A lighthouse",
        "duration": 6,
        "aspect_ratio": "9:16",
        "resolution": "720p",
    }
    assert response.request_id == job.id
    assert response.raw_response == job.result_body
    assert response.video == job.result_body["video"]["url"]
    assert (response.duration, response.content_type) == (6, "video/mp4")
    assert response.provider_metadata["cost_usd"] == pytest.approx(0.05)
    assert response.provider_metadata["usage"] == {"cost_in_usd_ticks": 500_000_000}
    expires_at = datetime.fromisoformat(response.provider_metadata["expires_at"])
    assert expires_at - datetime.now(UTC) < timedelta(hours=24)
    statuses = [update.status for update in updates]
    assert list(dict.fromkeys(statuses)) == ["queued", "processing", "completed"]
    assert [update.progress_percent for update in updates[-3:]] == [0, 50, 100]
    assert simulator.counters("xai").submits == 1


async def test_an_image(simulator: Simulator) -> None:
    request = ImageGenerationRequest(prompt="A lighthouse", n=3, aspect_ratio="16:9", quality="low")
    updates: list[Any] = []
    response = await generate_image_async(image_config(simulator), request, updates.append)
    (job,) = simulator.jobs("xai")

    assert (job.endpoint, job.payload) == (
        "images/generations",
        {
            "model": "grok-imagine-image-2.0",
            "prompt": "A lighthouse",
            "n": 3,
            "aspect_ratio": "16:9",
            "quality": "low",
        },
    )
    assert response.raw_response == job.result_body
    assert response.images == tuple(item["url"] for item in job.result_body["data"])
    assert len(response.images) == 3
    assert response.content_type == "image/png"
    assert response.provider_metadata["cost_usd"] == pytest.approx(0.05)
    assert [update.status for update in updates] == ["completed"]


async def test_images_as_base64_where_asked_for(simulator: Simulator) -> None:
    request = ImageGenerationRequest(
        prompt="A lighthouse", extra_params={"response_format": "b64_json"}
    )
    response = await generate_image_async(image_config(simulator), request)
    assert base64.b64decode(response.images[0]).startswith(b"\x89PNG")


async def test_images_are_edited_from_one_or_several(simulator: Simulator) -> None:
    one = ImageGenerationRequest(prompt="At night", image_list=({"image": PNG},))
    several = ImageGenerationRequest(
        prompt="Both", image_list=({"image": PNG}, {"image": URL, "type": "style"})
    )
    await generate_image_async(image_config(simulator), one)
    await generate_image_async(image_config(simulator), several)
    first, second = simulator.jobs("xai")
    item = {"url": URI, "type": "image_url"}
    assert (first.endpoint, first.payload["image"]) == ("images/edits", item)
    assert (second.endpoint, second.payload["images"]) == (
        "images/edits",
        [item, {"url": URL, "type": "image_url"}],
    )
    assert "images" not in first.payload
    assert "image" not in second.payload


async def test_extra_params_win_and_are_untouched(simulator: Simulator) -> None:
    keyframes = [{"image": {"url": URL}, "timestamp": 2.5}]
    request = VideoGenerationRequest(
        prompt="A lighthouse",
        duration_seconds=4,
        extra_params={"duration": 5, "user": "somebody", "keyframes": keyframes},
    )
    await generate_video_async(video_config(simulator, "grok-imagine-video-1.5"), request)
    (job,) = simulator.jobs("xai")
    assert job.payload["duration"] == 5
    assert (job.payload["user"], job.payload["keyframes"]) == ("somebody", keyframes)


async def test_a_large_image_goes_out_inline(simulator: Simulator) -> None:
    large: MediaContent = {
        "content": PNG["content"] + bytes(2 * 1024 * 1024),
        "content_type": "image/png",
    }
    request = VideoGenerationRequest(
        prompt="x", image_list=({"image": large, "type": "first_frame"},)
    )
    assert (await generate_video_async(video_config(simulator), request)).video


# --------------------------------------------------------------------------------- inputs and plans
def test_each_role_has_its_parameter() -> None:
    request = VideoGenerationRequest(
        prompt="x",
        image_list=(
            {"image": URL, "type": "first_frame"},
            {"image": PNG, "type": "last_frame"},
            {"image": URI, "type": "reference"},
            {"image": URL, "type": "asset"},
        ),
    )
    endpoint, body = planned(request, "grok-imagine-video-1.5")
    assert endpoint == "videos/generations"
    assert body["image"] == {"url": URL}
    assert body["last_frame"] == {"url": f"<image/png, {len(PNG['content'])} bytes>"}
    assert body["reference_images"] == [{"url": URI}, {"url": URL}]


def test_a_source_video_is_edited_and_keeps_its_shape() -> None:
    config = VideoGenerationConfig(provider="xai", model="grok-imagine-video")
    request = VideoGenerationRequest(
        prompt="In winter", video="https://example.com/a.mp4", duration_seconds=5,
        aspect_ratio="1:1", resolution="720p",
    )  # fmt: skip
    plan = plan_video(config, request)
    assert plan.endpoint.endswith("/videos/edits")
    assert plan.payload == {
        "model": "grok-imagine-video",
        "prompt": "In winter",
        "video": {"url": "https://example.com/a.mp4"},
    }
    assert [(one.field, one.sent) for one in plan.adjustments] == [
        ("duration_seconds", None),
        ("resolution", None),
        ("aspect_ratio", None),
    ]
    with pytest.raises(ValidationError, match="can't take an image"):
        plan_video(
            config,
            VideoGenerationRequest(prompt="x", video=URL, image_list=({"image": URL},)),
        )


async def test_a_stored_file_is_named_in_extra_params(simulator: Simulator) -> None:
    request = VideoGenerationRequest(
        prompt="In winter", duration_seconds=5, extra_params={"video": {"file_id": "file-1"}}
    )
    await generate_video_async(video_config(simulator), request)
    (job,) = simulator.jobs("xai")
    assert (job.endpoint, job.payload["video"]) == ("videos/edits", {"file_id": "file-1"})
    assert "duration" not in job.payload


async def test_a_video_is_extended(simulator: Simulator) -> None:
    request = VideoGenerationRequest(prompt="And on", video=URL, duration_seconds=12)
    response = await generate_video_async(
        video_config(simulator, "grok-imagine-video/extend"), request
    )
    (job,) = simulator.jobs("xai")
    assert (job.endpoint, job.payload) == (
        "videos/extensions",
        {
            "model": "grok-imagine-video",
            "prompt": "And on",
            "video": {"url": URL},
            "duration": 10,
        },
    )
    assert response.adjustments[0].sent == 10


def test_references_shorten_what_is_possible() -> None:
    request = VideoGenerationRequest(
        prompt="x", image_list=({"image": URL},), duration_seconds=15, resolution="1080p"
    )
    for model in ("grok-imagine-video", "grok-imagine-video-1.5"):
        _, body = planned(request, model)
        assert (body["duration"], body["resolution"]) == (10, "720p")
        assert body["reference_images"] == [{"url": URL}]


@pytest.mark.parametrize(
    ("model", "roles", "told"),
    [
        ("grok-imagine-video", ["first_frame", "reference"], "use grok-imagine-video-1.5"),
        ("grok-imagine-video", ["last_frame"], "use grok-imagine-video-1.5"),
        ("grok-imagine-video-1.5", ["first_frame", "first_frame"], "takes 1 image"),
        ("grok-imagine-video-1.5", ["reference"] * 8, "takes 7 image"),
        ("grok-imagine-video/extend", [], "needs the field 'video'"),
    ],
)
def test_what_a_model_cannot_take_is_refused(model: str, roles: list[Any], told: str) -> None:
    images: Any = [{"image": URL, "type": role} for role in roles]
    with pytest.raises(ValidationError, match=told):
        planned(VideoGenerationRequest(prompt="x", image_list=images), model)


def test_further_refusals() -> None:
    with pytest.raises(ValidationError, match="use grok-imagine-video"):
        planned(VideoGenerationRequest(prompt="x", video=URL), "grok-imagine-video-1.5")

    with pytest.raises(UnsupportedOperationError, match="generate_image"):
        planned(VIDEO, "grok-imagine-image")

    config = ImageGenerationConfig(provider="xai", model="grok-imagine-image")
    with pytest.raises(ValidationError, match="mask_image"):
        plan_image(config, ImageGenerationRequest(prompt="x", mask_image=PNG))

    four = {"prompt": "x", "image_list": [{"image": URL}] * 4}
    with pytest.raises(ValidationError, match="takes 3 image"):
        plan_image(config, ImageGenerationRequest.model_validate(four))

    with pytest.raises(UnsupportedOperationError, match="generate_video"):
        plan_image(config.model_copy(update={"model": "grok-imagine-video"}), IMAGE)


def test_a_lone_image_starts_a_model_without_references() -> None:
    request = VideoGenerationRequest(prompt="x", image_list=({"image": URL},))
    _, body = planned(request, "grok-imagine-video-1.5-lite")
    assert body["image"] == {"url": URL}


@pytest.mark.parametrize(
    "model",
    [*KNOWN, "grok-imagine-video-2", "grok-imagine-image-3"],
)
def test_every_known_id_plans(model: str) -> None:
    source = {"video": URL} if model.endswith("/extend") else {}
    if "image" in model.removeprefix("grok-imagine"):
        plan = plan_image(ImageGenerationConfig(provider="xai", model=model), IMAGE)
    else:
        request = VideoGenerationRequest.model_validate({"prompt": "A lighthouse", **source})
        plan = plan_video(VideoGenerationConfig(provider="xai", model=model), request)

    assert plan.endpoint.startswith("https://api.x.ai/v1/")
    assert plan.payload["model"] == model.partition("/")[0]
    # One that may come is said to be unknown, and sent.
    assert [one for one in plan.adjustments if one.field != "model"] == []


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"duration_seconds": 20}, {"duration_seconds": 15}),
        ({"aspect_ratio": "21:9"}, {"aspect_ratio": "16:9"}),
        ({"resolution": "4k"}, {"resolution": "720p"}),
        ({"seed": 1}, {"seed": None}),
        ({"negative_prompt": "fog"}, {"negative_prompt": None}),
        ({"number_of_videos": 2}, {"number_of_videos": None}),
        ({"generate_audio": False}, {"generate_audio": None}),
    ],
)
def test_wishes_bend_and_say_so(wish: dict[str, Any], expected: dict[str, Any]) -> None:
    config = VideoGenerationConfig(provider="xai", model="grok-imagine-video")
    request = VideoGenerationRequest.model_validate({"prompt": "x", **wish})
    plan = plan_video(config, request)
    assert {one.field: one.sent for one in plan.adjustments} == expected
    with pytest.raises(ValidationError, match="strict"):
        plan_video(config.model_copy(update={"strict": True}), request)


@pytest.mark.parametrize(
    ("size", "sent"),
    [("1024x1024", ("1:1", "1k")), ("2048x2048", ("1:1", "2k")), ("2560x1440", ("16:9", "2k"))],
)
def test_a_size_becomes_ratio_and_megapixels(size: str, sent: tuple[str, str]) -> None:
    config = ImageGenerationConfig(provider="xai", model="grok-imagine-image-2.0")
    payload = plan_image(config, ImageGenerationRequest(prompt="x", size=size)).payload
    assert (payload["aspect_ratio"], payload["resolution"]) == sent
    assert "size" not in payload


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/v1"])
async def test_key_and_base_url_come_from_the_environment(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("XAI_API_KEY", KEY)
    monkeypatch.setenv("TARASH_XAI_BASE_URL", simulator.base_url("xai") + path)
    asked = ImageGenerationConfig(provider="xai", model="grok-imagine-image")
    assert (await generate_image_async(asked, IMAGE)).images
    (info,) = [one for one in list_providers() if one.name == "xai"]
    assert (info.installed, info.extra, info.key_present) == (True, "xai", True)
    assert info.modalities == ("video", "image")
