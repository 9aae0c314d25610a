"""Both of Luma's products through the real adapter: what goes out, and what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from lumaai.types.generations import image_create_params, video_create_params, video_modify_params
from pydantic import ConfigDict, TypeAdapter, with_config

from tarash.tarash_gateway import (
    AuthenticationError,
    Gateway,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image,
    generate_video,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway.testing import Script, Simulator

FIRST = "https://example.com/first.png"
LAST = "https://example.com/last.png"
SOURCE = "https://example.com/source.mov"
FRAMES = [{"image": FIRST, "type": "first_frame"}, {"image": LAST, "type": "last_frame"}]
IMAGE0 = {"type": "image", "url": FIRST}
IMAGE1 = {"type": "image", "url": LAST}
OLD = "/dream-machine/v1/generations"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["luma"]) as running:
        running.keys["luma"] = {"luma-key-of-tests"}
        yield running


@pytest.fixture
def video(simulator: Simulator) -> Callable[..., VideoGenerationConfig]:
    return lambda model, **facts: VideoGenerationConfig(**_settings(simulator, model, facts))


@pytest.fixture
def image(simulator: Simulator) -> Callable[..., ImageGenerationConfig]:
    return lambda model, **facts: ImageGenerationConfig(**_settings(simulator, model, facts))


def _settings(simulator: Simulator, model: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "provider": "luma",
        "model": model,
        "api_key": "luma-key-of-tests",
        "base_url": simulator.base_url("luma"),
        "poll_interval": 0.02,
        "timeout": 60,
        "provider_config": {"min_poll_interval": 0.01},
        **facts,
    }


@pytest.mark.parametrize(
    ("model", "path", "payload"),
    [
        (
            "ray-2",
            f"{OLD}/video",
            {"duration": "9s", "resolution": "720p", "keyframes": {"frame0": IMAGE0}},
        ),
        (
            "ray-3.2",
            "/v1/generations",
            {
                "type": "video",
                "video": {
                    "duration": "10s",
                    "resolution": "720p",
                    "keyframes": [{"url": FIRST}],
                    "keyframe_indexes": [0],
                },
            },
        ),
    ],
)
def test_a_video(
    simulator: Simulator, video: Any, model: str, path: str, payload: dict[str, Any]
) -> None:
    request = VideoGenerationRequest.model_validate(
        {
            "prompt": "A cat",
            "duration_seconds": 9 if model == "ray-2" else 10,
            "resolution": "720p",
            "aspect_ratio": "16:9",
            "image_list": FRAMES[:1],
        }
    )
    simulator.script("luma", Script(queue_polls=1, run_polls=1))
    updates: list[Any] = []
    response = generate_video(video(model), request, updates.append)

    job = simulator.jobs("luma")[0]
    expected = {"model": model, "prompt": "A cat", "aspect_ratio": "16:9", **payload}
    assert (simulator.requests("luma")[0].path, job.payload) == (path, expected)
    assert response.raw_response == job.result_body
    assert str(response.video).startswith(simulator.media_url)
    assert (response.request_id, response.content_type) == (job.id, "video/mp4")
    assert response.provider_metadata["model"] == model
    assert response.adjustments == ()
    statuses = dict.fromkeys(update.status for update in updates)
    assert list(statuses) == ["queued", "processing", "completed"]
    assert simulator.leaks == []
    plan = plan_video(video(model), request)
    assert plan.endpoint == simulator.base_url("luma") + path
    assert plan.payload == expected


@pytest.mark.parametrize(
    ("model", "path"), [("photon-1", f"{OLD}/image"), ("uni-1", "/v1/generations")]
)
def test_an_image(simulator: Simulator, image: Any, model: str, path: str) -> None:
    request = ImageGenerationRequest(
        prompt="A cat", aspect_ratio="1:1", image_list=({"image": FIRST},)
    )
    response = generate_image(image(model), request)
    job = simulator.jobs("luma")[0]
    kind = {"type": "image"} if model == "uni-1" else {}
    given = {"prompt": "A cat", "aspect_ratio": "1:1", "image_ref": [{"url": FIRST}]}
    assert job.payload == {"model": model, **given, **kind}
    assert simulator.requests("luma")[0].path == path
    assert response.raw_response == job.result_body
    assert (len(response.images), response.content_type) == (1, "image/png")


def test_urls_of_the_agents_api_expire(image: Any) -> None:
    request = ImageGenerationRequest(prompt="A cat")
    metadata = generate_image(image("uni-1"), request).provider_metadata
    left = datetime.fromisoformat(metadata["expires_at"]) - datetime.fromisoformat(
        metadata["created_at"]
    )
    assert 3600 <= left.total_seconds() < 4000  # an hour from the last look
    assert "expires_at" not in generate_image(image("photon-1"), request).provider_metadata


@pytest.mark.parametrize(
    ("model", "wishes", "given"),
    [
        ("ray-2", {"image_list": FRAMES}, {"keyframes": {"frame0": IMAGE0, "frame1": IMAGE1}}),
        ("ray-flash-2", {"image_list": FRAMES[1:]}, {"keyframes": {"frame1": IMAGE1}}),
        ("ray-2", {"extra_params": {"loop": True, "concepts": [{"key": "orbit_left"}]}},
         {"loop": True, "concepts": [{"key": "orbit_left"}]}),
        ("ray-2", {"extra_params": {"keyframes": {"frame0": {"type": "generation", "id": "a"}}}},
         {"keyframes": {"frame0": {"type": "generation", "id": "a"}}}),
        ("ray-2",
         {"extra_params": {"keyframes": {"frame0": {"type": "generation", "id": "a"}}},
          "image_list": FRAMES[1:]},
         {"keyframes": {"frame0": {"type": "generation", "id": "a"}, "frame1": IMAGE1}}),
        ("ray-2", {"duration_seconds": 5, "extra_params": {"duration": "7s", "new": None}},
         {"duration": "7s", "new": None}),
        ("ray-2", {"video": SOURCE},
         {"generation_type": "modify_video", "media": {"url": SOURCE}, "mode": "flex_1"}),
        ("ray-2",
         {"video": SOURCE, "image_list": FRAMES[:1], "extra_params": {"mode": "adhere_3"}},
         {"generation_type": "modify_video", "media": {"url": SOURCE}, "mode": "adhere_3",
          "first_frame": {"url": FIRST}}),
        ("ray-3.2", {"image_list": FRAMES},
         {"type": "video", "video": {"start_frame": {"url": FIRST}, "end_frame": {"url": LAST}}}),
        ("ray-3.2", {"image_list": FRAMES, "duration_seconds": 10},
         {"type": "video", "video": {"duration": "10s", "keyframe_indexes": [0, 240],
                                     "keyframes": [{"url": FIRST}, {"url": LAST}]}}),
        ("ray-3.2", {"duration_seconds": 5, "extra_params": {"video": {"hdr": True}}},
         {"type": "video", "video": {"duration": "5s", "hdr": True}}),
        ("ray-3.2", {"video": SOURCE, "resolution": "540p"},
         {"type": "video_edit", "source": {"url": SOURCE, "media_type": "video/quicktime"},
          "video": {"resolution": "540p"}}),
    ],
)  # fmt: skip
def test_what_a_video_is_asked_for_with(
    simulator: Simulator, video: Any, model: str, wishes: dict[str, Any], given: dict[str, Any]
) -> None:
    request = VideoGenerationRequest.model_validate({"prompt": "A cat", **wishes})
    plan = plan_video(video(model, strict=True), request)
    assert plan.payload == {"model": model, "prompt": "A cat", **given}
    generate_video(video(model), request)
    assert simulator.jobs("luma")[0].payload == plan.payload


@pytest.mark.parametrize(
    ("model", "wishes", "given"),
    [
        ("photon-flash-1", {"image_list": [{"image": LAST, "type": "style"}]},
         {"style_ref": [{"url": LAST}]}),
        ("photon", {}, {"model": "photon-1"}),
        ("photon-flash", {"extra_params": {"format": "png"}},
         {"model": "photon-flash-1", "format": "png"}),
        ("uni-1-max", {"style": "manga", "image_list": [{"image": FIRST}, {"image": LAST}]},
         {"type": "image", "style": "manga", "image_ref": [{"url": FIRST}, {"url": LAST}]}),
        ("uni-1", {"extra_params": {"type": "image_edit", "source": {"generation_id": "a"}}},
         {"type": "image_edit", "source": {"generation_id": "a"}}),
    ],
)  # fmt: skip
def test_what_an_image_is_asked_for_with(
    image: Any, model: str, wishes: dict[str, Any], given: dict[str, Any]
) -> None:
    request = ImageGenerationRequest.model_validate({"prompt": "A cat", **wishes})
    plan = plan_image(image(model, strict=True), request)
    assert plan.payload == {"model": model, "prompt": "A cat", **given}


@pytest.mark.parametrize(
    ("model", "wishes", "message"),
    [
        ("ray-2", {"video": SOURCE, "duration_seconds": 5}, "the duration of its source"),
        ("ray-2", {"video": SOURCE, "image_list": FRAMES[1:]}, "takes no last_frame"),
        ("ray-3.2", {"video": SOURCE, "duration_seconds": 5}, "the duration of its source"),
        ("ray-2", {"image_list": FRAMES[:1] * 2}, "takes 1 image"),
        ("ray-2", {"image_list": [{"image": FIRST, "type": "style"}]}, "can't take an image"),
        ("ray-2", {"image_list": FRAMES, "extra_params": {"keyframes": {"frame0": {}}}},
         "keyframes.frame0 comes from"),
        ("ray-3.2", {"image_list": FRAMES, "extra_params": {"video": {"start_frame": {}}}},
         "video.start_frame comes from"),
        ("photon-1", {}, "makes images"),
        ("uni-1", {}, "makes images"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    video: Any, model: str, wishes: dict[str, Any], message: str
) -> None:
    request = VideoGenerationRequest.model_validate({"prompt": "A cat", **wishes})
    with pytest.raises(ValidationError, match=message):
        plan_video(video(model), request)


def test_a_video_model_makes_no_images(image: Any) -> None:
    with pytest.raises(ValidationError, match="makes videos"):
        plan_image(image("ray-2"), ImageGenerationRequest(prompt="A cat"))


@pytest.mark.parametrize(
    ("model", "wishes", "given"),
    [
        ("ray-2", {"duration_seconds": 6}, {"duration": "5s"}),
        ("ray-2", {"resolution": "480p"}, {"resolution": "540p"}),
        ("ray-2", {"seed": 1}, {}),
        ("ray-2", {"number_of_videos": 3}, {}),
        ("ray-2", {"generate_audio": True}, {}),
        ("ray-3.2", {"duration_seconds": 9}, {"type": "video", "video": {"duration": "10s"}}),
        ("ray-3.2", {"aspect_ratio": "9:21"}, {"type": "video", "aspect_ratio": "9:16"}),
    ],
)
def test_wishes_bend_and_say_so(
    video: Any, model: str, wishes: dict[str, Any], given: dict[str, Any]
) -> None:
    plan = plan_video(video(model), VideoGenerationRequest(prompt="A cat", **wishes))
    assert plan.payload == {"model": model, "prompt": "A cat", **given}
    assert [one.field for one in plan.adjustments] == list(wishes)


@pytest.mark.parametrize(
    ("model", "size"), [("ray-2", 99), ("ray-3.2", 33 * 1024 * 1024)], ids=["any", "large"]
)
def test_bytes_are_refused_with_what_to_do(
    simulator: Simulator, video: Any, model: str, size: int
) -> None:
    content = {"content": b"\x89PNG\r\n\x1a\n" + bytes(size), "content_type": "image/png"}
    request = VideoGenerationRequest.model_validate(
        {"prompt": "A cat", "image_list": [{"image": content, "type": "first_frame"}]}
    )
    with pytest.raises(ValidationError, match="give its public URL") as caught:
        generate_video(video(model), request)

    assert caught.value.submission in {None, "not_sent"}
    if model == "ray-2":
        with pytest.raises(ValidationError, match="public URL only"):
            plan_video(video(model), request)
    assert simulator.counters("luma").submits == 0


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/dream-machine/v1", "/dream-machine/v1/v1"])
@pytest.mark.parametrize("model", ["ray-2", "ray-3.2"])
def test_a_base_url_may_be_written_in_any_way(
    simulator: Simulator, video: Any, suffix: str, model: str
) -> None:
    config = video(model, base_url=simulator.base_url("luma") + suffix)
    generate_video(config, VideoGenerationRequest(prompt="A cat"))
    path = f"{OLD}/video" if model == "ray-2" else "/v1/generations"
    assert simulator.requests("luma")[0].path == path


def test_each_product_has_its_host() -> None:
    request = VideoGenerationRequest(prompt="A cat")
    hosts = {
        model: plan_video(VideoGenerationConfig(provider="luma", model=model), request).endpoint
        for model in ("ray-2", "ray-3.2")
    }
    assert hosts == {
        "ray-2": f"https://api.lumalabs.ai{OLD}/video",
        "ray-3.2": "https://agents.lumalabs.ai/v1/generations",
    }


def test_each_product_has_its_key(
    simulator: Simulator, video: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = VideoGenerationRequest(prompt="A cat")
    monkeypatch.delenv("LUMA_AGENTS_API_KEY", raising=False)
    monkeypatch.setenv("LUMAAI_API_KEY", "luma-key-of-tests")
    generate_video(video("ray-2", api_key=None), request)
    with pytest.raises(AuthenticationError, match="LUMA_AGENTS_API_KEY") as caught:
        generate_video(video("ray-3.2", api_key=None), request)

    assert caught.value.submission == "not_sent"
    monkeypatch.setenv("LUMA_AGENTS_API_KEY", "luma-api-key-of-tests")
    simulator.keys["luma"] = {"luma-api-key-of-tests"}
    generate_video(video("ray-3.2", api_key=None), request)
    monkeypatch.delenv("LUMAAI_API_KEY")
    with pytest.raises(AuthenticationError, match="LUMAAI_API_KEY"):
        generate_video(video("ray-2", api_key=None), request)


@pytest.mark.parametrize(
    ("model", "wishes", "params"),
    [
        ("ray-2", {"image_list": FRAMES, "duration_seconds": 9, "resolution": "4k"},
         video_create_params.VideoCreateParams),
        ("ray-flash-2", {"extra_params": {"loop": True, "concepts": [{"key": "a"}]}},
         video_create_params.VideoCreateParams),
        ("ray-2", {"video": SOURCE, "image_list": FRAMES[:1]},
         video_modify_params.VideoModifyParams),
    ],
)  # fmt: skip
def test_payloads_are_what_the_sdk_takes(
    video: Any, model: str, wishes: dict[str, Any], params: Any
) -> None:
    request = VideoGenerationRequest.model_validate({"prompt": "A cat", **wishes})
    validate(params, plan_video(video(model), request).payload)


def test_image_payloads_are_what_the_sdk_takes(image: Any) -> None:
    images = [{"image": FIRST}, {"image": LAST, "type": "style"}]
    request = ImageGenerationRequest.model_validate({"prompt": "A cat", "image_list": images})
    payload = plan_image(image("photon-1"), request).payload
    validate(image_create_params.ImageCreateParams, payload)


def validate(params: Any, payload: Any) -> None:
    strict = with_config(ConfigDict(extra="forbid"))(params)
    TypeAdapter(strict).validate_python(payload)


async def test_many_of_both_at_once(video: Any) -> None:
    request = VideoGenerationRequest(prompt="A cat")
    async with Gateway() as gateway:
        models = ["ray-2", "ray-3.2"] * 10
        calls = [gateway.generate_video_async(video(model), request) for model in models]
        responses = await asyncio.gather(*calls)

    assert [response.raw_response["model"] for response in responses] == models
    assert len({response.request_id for response in responses}) == 20
