"""Replicate through the real adapter: what goes out, and what comes back."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from tarash.tarash_gateway import (
    GenerationFailedError,
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
from tarash.tarash_gateway._data._media_input import ImageInput
from tarash.tarash_gateway._data._types import MediaContent
from tarash.tarash_gateway.providers.replicate.models import IMAGE_MODELS, MODELS
from tarash.tarash_gateway.testing import Script, Simulator

VIDEO = "google/veo-3.1"
IMAGE = "black-forest-labs/flux-schnell"
HASH = "0123456789abcdef" * 4
PNG: MediaContent = {"content": b"\x89PNG\r\n\x1a\n" + bytes(100), "content_type": "image/png"}
URL = "https://example.com/a.mp4"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["replicate"]) as running:
        running.keys["replicate"] = {"r8_key-of-tests"}
        yield running


@pytest.fixture
def video(simulator: Simulator) -> Callable[..., VideoGenerationConfig]:
    return lambda model=VIDEO, **facts: VideoGenerationConfig(**_settings(simulator, model, facts))


@pytest.fixture
def image(simulator: Simulator) -> Callable[..., ImageGenerationConfig]:
    return lambda model=IMAGE, **facts: ImageGenerationConfig(**_settings(simulator, model, facts))


def _settings(simulator: Simulator, model: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "provider": "replicate",
        "model": model,
        "api_key": "r8_key-of-tests",
        "base_url": simulator.base_url("replicate"),
        "poll_interval": 0.02,
        "timeout": 60,
        "provider_config": {"min_poll_interval": 0.01},
        **facts,
    }


def sent(simulator: Simulator) -> dict[str, Any]:
    given: dict[str, Any] = simulator.jobs("replicate")[0].payload["input"]
    return given


def test_a_video(simulator: Simulator, video: Any) -> None:
    request = VideoGenerationRequest(
        prompt="A cat", duration_seconds=8, aspect_ratio="16:9", generate_audio=False, seed=7
    )
    simulator.script("replicate", Script(queue_polls=1, run_polls=1))
    updates: list[Any] = []
    response = generate_video(video(), request, updates.append)

    job = simulator.jobs("replicate")[0]
    assert job.endpoint == VIDEO
    assert job.payload == {
        "input": {
            "prompt": "A cat",
            "duration": 8,
            "aspect_ratio": "16:9",
            "generate_audio": False,
            "seed": 7,
        }
    }
    assert response.raw_response == job.result_body
    assert response.video == job.result_body["output"]
    assert (response.request_id, response.content_type) == (job.id, "video/mp4")
    assert response.provider_metadata["metrics"] == {"predict_time": 0.05, "total_time": 0.05}
    assert response.provider_metadata["seed"] == 42
    left = datetime.fromisoformat(response.provider_metadata["expires_at"]) - job.submitted_at
    assert 3600 <= left.total_seconds() <= 3602
    statuses = [update.status for update in updates]
    assert list(dict.fromkeys(statuses)) == ["queued", "processing", "completed"]
    assert 40 in [update.progress_percent for update in updates]
    assert {update.request_id for update in updates} == {job.id}
    assert simulator.leaks == []
    assert "prefer" not in job.headers


def test_images_are_waited_for(simulator: Simulator, image: Any) -> None:
    response = generate_image(image(), ImageGenerationRequest(prompt="A cat", n=3))
    job = simulator.jobs("replicate")[0]
    assert job.headers["prefer"] == "wait=4"
    assert job.payload["input"] == {"prompt": "A cat", "num_outputs": 3}
    assert list(response.images) == job.result_body["output"]
    assert (len(response.images), response.content_type) == (3, "image/png")
    assert response.raw_response == job.result_body
    assert response.request_id == job.id
    assert simulator.counters("replicate").polls == 0


def test_an_image_that_takes_longer_is_looked_after(simulator: Simulator, image: Any) -> None:
    simulator.script("replicate", Script(run_polls=1))
    generate_image(image(), ImageGenerationRequest(prompt="A cat"))
    assert simulator.counters("replicate").accepted == 1
    assert simulator.counters("replicate").polls == 2


@pytest.mark.parametrize(
    ("model", "path", "version"),
    [
        (f"minimax/video-01:{HASH}", "/v1/predictions", HASH),
        (HASH, "/v1/predictions", HASH),
        ("me/unheard-of", "/v1/models/me/unheard-of/predictions", None),
        ("deployments/me/mine", "/v1/deployments/me/mine/predictions", None),
    ],
)
def test_where_predictions_are_made(
    simulator: Simulator, video: Any, model: str, path: str, version: str | None
) -> None:
    generate_video(video(model), VideoGenerationRequest(prompt="A cat"))
    request = next(one for one in simulator.requests("replicate") if one.method == "POST")
    assert request.path == path
    assert request.json().get("version") == version
    assert request.json()["input"] == {"prompt": "A cat"}


def test_a_version_has_the_mappers_of_its_model() -> None:
    config = VideoGenerationConfig(provider="replicate", model=f"minimax/video-01:{HASH}")
    request = VideoGenerationRequest(
        prompt="A cat",
        image_list=({"image": URL, "type": "first_frame"},),
        enhance_prompt=True,
    )
    given = {"prompt": "A cat", "first_frame_image": URL, "prompt_optimizer": True}
    assert plan_video(config, request).payload == {"input": given, "version": HASH}


@pytest.mark.parametrize("model", ["flux", "a/b/c", "me/mine:", ""])
def test_what_is_no_model_is_refused(model: str) -> None:
    with pytest.raises(ValueError, match=r"owner/name|at least 1 character"):
        plan_video(
            VideoGenerationConfig(provider="replicate", model=model),
            VideoGenerationRequest(prompt="A cat"),
        )


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_a_base_url_may_end_in_the_version(simulator: Simulator, video: Any, suffix: str) -> None:
    config = video(base_url=simulator.base_url("replicate") + suffix)
    generate_video(config, VideoGenerationRequest(prompt="A cat"))
    path = f"/v1/models/{VIDEO}/predictions"
    assert simulator.requests("replicate")[0].path == path
    plan = plan_video(config, VideoGenerationRequest(prompt="A cat"))
    assert plan.endpoint == simulator.base_url("replicate") + path


def test_key_and_base_url_come_from_the_environment(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_key-of-tests")
    monkeypatch.setenv("TARASH_REPLICATE_BASE_URL", simulator.base_url("replicate"))
    monkeypatch.setenv("REPLICATE_BASE_URL", "http://127.0.0.1:9/wrong")
    config = VideoGenerationConfig(provider="replicate", model=VIDEO)
    assert generate_video(config, VideoGenerationRequest(prompt="A cat")).status == "completed"


@pytest.mark.parametrize(
    ("model", "roles", "names"),
    [
        ("google/veo-3.1", ["first_frame", "last_frame"], ["image", "last_frame"]),
        ("google/veo-3.1", ["reference", "asset"], ["reference_images"] * 2),
        ("bytedance/seedance-1-pro", ["first_frame", "last_frame"], ["image", "last_frame_image"]),
        ("bytedance/seedance-2.0", ["reference", "reference"], ["reference_images"] * 2),
        ("kwaivgi/kling-v2.6", ["first_frame", "last_frame"], ["start_image", "end_image"]),
        ("minimax/hailuo-02", ["first_frame"], ["first_frame_image"]),
        ("minimax/video-01", ["first_frame"], ["first_frame_image"]),
        ("minimax/video-01", ["reference"], ["subject_reference"]),
        ("luma/ray-2-720p", ["first_frame", "last_frame"], ["start_image", "end_image"]),
        ("wan-video/wan-2.5-i2v-fast", ["reference"], ["image"]),
        ("runwayml/gen-4.5", ["first_frame"], ["image"]),
    ],
)  # fmt: skip
def test_image_roles(model: str, roles: list[str], names: list[str]) -> None:
    images: Any = tuple({"image": f"{URL}?{role}", "type": role} for role in roles)
    plan = plan_video(
        VideoGenerationConfig(provider="replicate", model=model),
        VideoGenerationRequest(prompt="A cat", image_list=images),
    )
    given = plan.payload["input"]
    found = [url for name in dict.fromkeys(names) for url in _listed(given[name])]
    assert found == [f"{URL}?{role}" for role in roles]
    assert set(given) == {"prompt", *names}


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    ("model", "roles", "message"),
    [
        ("me/unheard-of", ["first_frame"], "can't take an image"),
        ("google/veo-3.1", ["last_frame"], "only beside a first_frame"),
        ("google/veo-3.1", ["first_frame", "reference"], "not both"),
        ("google/veo-3.1", ["reference"] * 4, "takes 3 image"),
        ("wan-video/wan-2.2-i2v-fast", [], "needs an image"),
    ],
)
def test_images_that_do_not_fit_are_refused(model: str, roles: list[str], message: str) -> None:
    images: Any = tuple({"image": URL, "type": role} for role in roles)
    request = VideoGenerationRequest(prompt="A cat", image_list=images)
    with pytest.raises(ValidationError, match=message):
        plan_video(VideoGenerationConfig(provider="replicate", model=model), request)


def test_small_media_go_inline_and_large_ones_are_uploaded(
    simulator: Simulator, video: Any
) -> None:
    large: MediaContent = {
        "content": b"\x89PNG\r\n\x1a\n" + bytes(300_000),
        "content_type": "image/png",
    }
    images: tuple[ImageInput, ...] = (
        {"image": PNG, "type": "first_frame"},
        {"image": large, "type": "last_frame"},
    )
    generate_video(video(), VideoGenerationRequest(prompt="A cat", image_list=images))
    given = sent(simulator)
    encoded = base64.b64encode(PNG["content"]).decode()
    assert given["image"] == f"data:image/png;base64,{encoded}"
    assert given["last_frame"].startswith(f"{simulator.base_url('replicate')}/v1/files/")
    upload = next(one for one in simulator.requests("replicate") if one.path == "/v1/files")
    assert b'filename="input.png"' in upload.body
    assert large["content"] in upload.body
    assert simulator.counters("replicate").uploads == 1


def test_extra_params_go_into_the_input_and_win(simulator: Simulator, video: Any) -> None:
    extra = {"duration": 7, "person_generation": {"a": [1, None]}}
    request = VideoGenerationRequest(prompt="A cat", duration_seconds=8, extra_params=extra)
    generate_video(video(), request)
    assert sent(simulator) == {"prompt": "A cat", **extra}


@pytest.mark.parametrize(
    ("model", "wishes", "given"),
    [
        ("google/veo-3", {"duration_seconds": 5}, {"duration": 6}),
        ("google/veo-3", {"aspect_ratio": "1:1"}, {"aspect_ratio": "16:9"}),
        ("kwaivgi/kling-v2.5-turbo-pro", {"duration_seconds": 9}, {"duration": 10}),
        ("kwaivgi/kling-v2.5-turbo-pro", {"seed": 1}, {}),
        ("minimax/hailuo-02", {"resolution": "720p"}, {"resolution": "768p"}),
        ("wan-video/wan-2.2-t2v-fast", {"duration_seconds": 4}, {"num_frames": 81}),
        ("wan-video/wan-2.5-t2v", {"resolution": "4k"}, {"size": "1920*1080"}),
        ("wan-video/wan-2.5-t2v", {"aspect_ratio": "4:5"}, {"size": "720*1280"}),
        (VIDEO, {"number_of_videos": 2}, {}),
    ],
)
def test_wishes_bend_and_say_so(model: str, wishes: dict[str, Any], given: dict[str, Any]) -> None:
    plan = plan_video(
        VideoGenerationConfig(provider="replicate", model=model),
        VideoGenerationRequest(prompt="A cat", **wishes),
    )
    assert plan.payload == {"input": {"prompt": "A cat", **given}}
    assert [one.field for one in plan.adjustments] == list(wishes)


@pytest.mark.parametrize(
    ("model", "wishes", "given"),
    [
        ("openai/sora-2", {"aspect_ratio": "9:16", "duration_seconds": 8},
         {"aspect_ratio": "portrait", "seconds": 8}),
        ("openai/sora-2-pro", {"resolution": "1080p"}, {"resolution": "high"}),
        ("wan-video/wan-2.5-t2v-fast", {"aspect_ratio": "9:16", "resolution": "1080p"},
         {"size": "1080*1920"}),
        ("wan-video/wan-2.5-t2v", {"resolution": "720p", "negative_prompt": "rain"},
         {"size": "1280*720", "negative_prompt": "rain"}),
        ("bytedance/seedance-2.0", {"video": URL}, {"reference_videos": [URL]}),
    ],
)  # fmt: skip
def test_wishes_of_a_video(model: str, wishes: dict[str, Any], given: dict[str, Any]) -> None:
    config = VideoGenerationConfig(provider="replicate", model=model, strict=True)
    plan = plan_video(config, VideoGenerationRequest(prompt="A cat", **wishes))
    assert plan.payload == {"input": {"prompt": "A cat", **given}}


@pytest.mark.parametrize(
    ("model", "wishes", "given"),
    [
        ("black-forest-labs/flux-1.1-pro", {"size": "1024x576", "image_list": [{"image": URL}]},
         {"image_prompt": URL, "aspect_ratio": "custom", "width": 1024, "height": 576}),
        ("black-forest-labs/flux-1.1-pro", {"aspect_ratio": "3:2"}, {"aspect_ratio": "3:2"}),
        ("black-forest-labs/flux-dev", {"n": 4, "image_list": [{"image": URL}]},
         {"num_outputs": 4, "image": URL}),
        ("black-forest-labs/flux-kontext-pro", {"image_list": [{"image": URL}]},
         {"input_image": URL}),
        ("bytedance/seedream-4", {"size": "2048x1024", "image_list": [{"image": URL}] * 2},
         {"image_input": [URL, URL], "size": "custom", "width": 2048, "height": 1024}),
        ("google/nano-banana-pro", {"image_list": [{"image": URL}]}, {"image_input": [URL]}),
    ],
)  # fmt: skip
def test_wishes_of_an_image(model: str, wishes: dict[str, Any], given: dict[str, Any]) -> None:
    config = ImageGenerationConfig(provider="replicate", model=model, strict=True)
    plan = plan_image(config, ImageGenerationRequest(prompt="A cat", **wishes))
    assert plan.payload == {"input": {"prompt": "A cat", **given}}
    assert plan.endpoint.endswith(f"/v1/models/{model}/predictions")


@pytest.mark.parametrize("model", MODELS)
def test_every_known_model_plans(model: str) -> None:
    model = f"{model}a" if model.endswith("/") else model
    images: Any = ()
    if "i2v" in model or "motion" in model:
        images = ({"image": URL, "type": "reference"},)
    elif "2.3-fast" in model:
        images = ({"image": URL, "type": "first_frame"},)

    wishes: dict[str, Any] = {"prompt": "A cat", "image_list": images}
    if model.startswith(IMAGE_MODELS):
        config = ImageGenerationConfig(provider="replicate", model=model, strict=True)
        plan = plan_image(config, ImageGenerationRequest(**wishes))
    else:
        video = URL if "motion" in model else None
        request = VideoGenerationRequest(**wishes, video=video)
        plan = plan_video(VideoGenerationConfig(provider="replicate", model=model), request)

    assert plan.payload["input"]["prompt"] == "A cat"


def test_a_model_is_not_asked_for_what_it_does_not_make() -> None:
    with pytest.raises(ValidationError, match="flux-dev makes images"):
        plan_video(
            VideoGenerationConfig(provider="replicate", model="black-forest-labs/flux-dev"),
            VideoGenerationRequest(prompt="A cat"),
        )

    with pytest.raises(ValidationError, match="makes videos"):
        plan_image(
            ImageGenerationConfig(provider="replicate", model=f"minimax/video-01:{HASH}"),
            ImageGenerationRequest(prompt="A cat"),
        )


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (URL, [URL]),
        ([URL, f"{URL}?2"], [URL, f"{URL}?2"]),
        ({"thumbnail": f"{URL}?2", "video": URL}, [URL]),
        ({"files": [{"url": URL}]}, [URL]),
        ("data:video/mp4;base64,AAAA", [{"content": b"\0\0\0", "content_type": "video/mp4"}]),
    ],
)
def test_outputs_of_every_shape(
    simulator: Simulator, video: Any, output: Any, found: list[Any]
) -> None:
    simulator.script("replicate", Script(result={"output": output, "unheard_of": 1}))
    response = generate_video(video(), VideoGenerationRequest(prompt="A cat"))
    assert list(response.videos) == found
    assert response.raw_response["unheard_of"] == 1


@pytest.mark.parametrize("output", [None, [], {}, "some text", ["some", " text"], 1])
def test_a_result_without_media_is_a_failure(simulator: Simulator, video: Any, output: Any) -> None:
    simulator.script("replicate", Script(result={"output": output, "data_removed": True}))
    with pytest.raises(GenerationFailedError, match=r"without video.*have been removed") as caught:
        generate_video(video(), VideoGenerationRequest(prompt="A cat"))

    assert caught.value.raw_response == simulator.jobs("replicate")[0].result_body


def test_an_image_inline_is_base64(simulator: Simulator, image: Any) -> None:
    simulator.script("replicate", Script(result={"output": ["data:image/png;base64,AAAA"]}))
    response = generate_image(image(), ImageGenerationRequest(prompt="A cat"))
    assert (response.images, response.content_type) == (("AAAA",), "image/png")
