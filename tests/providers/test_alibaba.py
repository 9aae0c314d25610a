"""Alibaba: what goes out for each model, what its answers become, and the traps of its tasks.

The wire refuses what a model's documentation does not name, so what it accepts has nothing unknown.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    ContentModerationError,
    Gateway,
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ModelDescription,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    describe_model,
    list_models,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway._http._key_lookup import account
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.providers._registry import default_registry
from tarash.tarash_gateway.testing import Fault, Script, Simulator

KEY = "canary-2f9c1a77be"
PNG: Any = {"content": samples.make_png(320, 320, seed=1), "content_type": "image/png"}
URL, VIDEO = "https://example.com/a.png", "https://example.com/a.mp4"
KITE = VideoGenerationRequest(prompt="A kite")
INTL = "https://dashscope-intl.aliyuncs.com/api/v1"
SPEAKS = "wan2.2-s2v"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["alibaba"]) as running:
        running.keys = {"alibaba": {KEY}}
        yield running

    assert running.leaks == []


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as made:
        yield made


def settings(simulator: Simulator, model: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "provider": "alibaba",
        "model": model,
        "api_key": KEY,
        "base_url": simulator.base_url("alibaba"),
        "poll_interval": 0.02,
        "max_retries": 0,
        **facts,
        "provider_config": {"min_poll_interval": 0.01, **facts.get("provider_config", {})},
    }


def video(simulator: Simulator, model: str = "wan3.0-video", **facts: Any) -> VideoGenerationConfig:
    return VideoGenerationConfig.model_validate(settings(simulator, model, facts))


def image(
    simulator: Simulator, model: str = "qwen-image-2.0", **facts: Any
) -> ImageGenerationConfig:
    return ImageGenerationConfig.model_validate(settings(simulator, model, facts))


def planned(model: str, **wishes: Any) -> Any:
    config = VideoGenerationConfig(provider="alibaba", model=model)
    request = VideoGenerationRequest.model_validate({"prompt": "A kite", **wishes})
    return plan_video(config, request)


def drawn(model: str, **wishes: Any) -> Any:
    config = ImageGenerationConfig(provider="alibaba", model=model)
    request = ImageGenerationRequest.model_validate({"prompt": "A kite", **wishes})
    return plan_image(config, request)


# ----------------------------------------------------------------------------------- what goes out
def needed(takes: ModelDescription) -> dict[str, Any]:
    """Return the least that a model needs."""
    asked: dict[str, Any] = {"video": VIDEO} if takes.needs_video else {}
    images = [{"image": URL, "type": one.role} for one in takes.images if one.required]
    roles = {one["type"] for one in images}
    if roles in ({"reference", "asset"}, {"reference", "first_frame"}):
        images = images[:1]

    # Some have several forms, each of which needs one medium or another.
    for name, role in (("-i2v", "first_frame"), ("-r2v", "reference"), ("2.6-image", "reference")):
        if name in takes.model and not images:
            images = [{"image": URL, "type": role}]

    if takes.model == SPEAKS:
        asked["extra_params"] = {"input": {"audio_url": "https://example.com/a.mp3"}}

    return {**asked, **({"image_list": images} if images else {})}


def videos_of(model: str) -> Iterator[dict[str, Any]]:
    """Yield the smallest, the largest and the fullest request of a model."""
    takes = describe_model("alibaba", model, "video")
    least, span = needed(takes), takes.duration_range
    seconds = takes.durations or (() if span is None else (span.low, span.high))
    yield least
    yield {**least, **({"duration_seconds": seconds[0]} if seconds else {})}
    full = {
        **({"duration_seconds": seconds[-1]} if seconds else {}),
        "resolution": "1080p",
        "aspect_ratio": "9:16",
        "generate_audio": False,
        "enhance_prompt": False,
        "seed": 7,
        "negative_prompt": "text",
    }
    yield {**full, **least}
    many = {one.role: one.most or 1 for one in takes.images}
    if "reference" in many and not takes.needs_video:
        yield {**full, **least, "image_list": [{"image": URL}] * many["reference"]}


VIDEOS = [
    pytest.param(one.model, wishes, id=f"{one.model}-{number}")
    for one in list_models("alibaba", output="video")
    for number, wishes in enumerate(videos_of(one.model))
]


@pytest.mark.parametrize(("model", "wishes"), VIDEOS)
async def test_every_video_model_is_understood(
    simulator: Simulator, gateway: Gateway, model: str, wishes: dict[str, Any]
) -> None:
    request = VideoGenerationRequest.model_validate({"prompt": "A kite", **wishes})
    response = await gateway.generate_video_async(video(simulator, model), request)
    (job,) = simulator.jobs("alibaba")
    assert response.video == job.result_body["output"]["video_url"]
    assert job.headers["x-dashscope-async"] == "enable"
    parameters = job.payload.get("parameters", {})
    assert parameters.get("watermark") is (None if model == SPEAKS else False)
    assert "duration" not in parameters or parameters["duration"] == response.duration


def images_of(model: str) -> Iterator[dict[str, Any]]:
    takes = describe_model("alibaba", model, "image")
    least = needed(takes)
    yield least
    yield {**least, "size": "640x480"}
    yield {**least, "aspect_ratio": "9:16"}
    most = max((one.most or 1 for one in takes.images), default=0)
    full = {"size": "2048x2048", "n": 4, "seed": 7, "negative_prompt": "text"}
    yield {**full, **({"image_list": [{"image": PNG}] * most} if most else {})}


IMAGES = [
    pytest.param(one.model, wishes, id=f"{one.model}-{number}")
    for one in list_models("alibaba", output="image")
    for number, wishes in enumerate(images_of(one.model))
]


@pytest.mark.parametrize(("model", "wishes"), IMAGES)
async def test_every_image_model_is_understood(
    simulator: Simulator, gateway: Gateway, model: str, wishes: dict[str, Any]
) -> None:
    request = ImageGenerationRequest.model_validate({"prompt": "A kite", **wishes})
    response = await gateway.generate_image_async(image(simulator, model), request)
    (job,) = simulator.jobs("alibaba")
    parameters = job.payload.get("parameters", {})
    takes_n = "n" in parameters
    # Some make four where they are not told.
    assert len(response.images) == (request.n if takes_n else 1)
    assert parameters.get("watermark") is (None if model == "z-image-turbo" else False)


def test_what_decides_on_the_bill_is_never_left_to_the_provider() -> None:
    """Alone, most make 1080P, happyhorse marks its videos, and wan2.6-image makes four."""
    assert planned("wan3.0-video").payload == {
        "model": "wan3.0-video",
        "input": {"prompt": "A kite"},
        "parameters": {
            "resolution": "720P",
            "duration": 5,
            "audio": True,
            "watermark": False,
            "prompt_extend": True,  # its default, which changes the prompt
        },
    }
    silent = planned("wan2.6-i2v-flash", image_list=[{"image": URL}], generate_audio=False)
    assert silent.payload["parameters"]["audio"] is False, "which is cheaper"
    assert planned("happyhorse-1.1-t2v").payload["parameters"] == {
        "resolution": "720P",
        "duration": 5,
        "watermark": False,
    }
    assert planned("wan2.6-t2v").payload["parameters"] == {
        "size": "1280*720",
        "duration": 5,
        "watermark": False,
        "shot_type": "single",
        "prompt_extend": True,
    }
    edited = drawn("wan2.6-image", image_list=[URL]).payload
    assert edited["parameters"] == {"size": "1K", "n": 1, "watermark": False}
    woven = drawn("wan2.6-image", extra_params={"enable_interleave": True}).payload
    assert woven["parameters"] == {
        "enable_interleave": True,
        "max_images": 1,
        "n": 1,
        "watermark": False,
    }
    assert drawn("wan2.2-t2i-plus").payload["parameters"]["n"] == 1
    own = {"duration": -1, "watermark": True}
    assert planned("wan3.0-video", extra_params=own).payload["parameters"].items() >= own.items()


def test_a_ratio_alone_makes_nothing_larger() -> None:
    assert planned("wan2.6-t2v", aspect_ratio="9:16").payload["parameters"]["size"] == "720*1280"
    assert planned("wan2.5-t2v-preview", aspect_ratio="1:1").payload["parameters"]["size"] == (
        "960*960"
    )
    assert drawn("wan2.7-image-pro", aspect_ratio="1:1").payload["parameters"]["size"] == (
        "2048*2048"
    )


def test_a_size_with_too_few_pixels_is_made_larger_and_told() -> None:
    plan = drawn("wan2.6-t2i", size="1024x1024")
    assert plan.payload["parameters"]["size"] == "1280*1280"
    assert [one.field for one in plan.adjustments] == ["size"]
    assert drawn("qwen-image-2.0", size="1000x900").payload["parameters"]["size"] == "1000*900"


@pytest.mark.parametrize(
    ("model", "wishes", "media"),
    [
        ("wan3.0-video", {"image_list": [{"image": URL}], "video": VIDEO}, "reference_"),
        ("wan2.7-i2v", {"image_list": [{"image": URL}]}, "first_frame"),
        ("wan2.7-i2v", {"video": VIDEO}, "first_clip"),
        ("wan2.7-videoedit", {"video": VIDEO}, "video"),
    ],
)
def test_media_have_a_type(model: str, wishes: dict[str, Any], media: str) -> None:
    parts = planned(model, **wishes).payload["input"]["media"]
    assert all(part["type"].startswith(media) for part in parts)
    assert len(parts) == len(wishes.get("image_list", ())) + ("video" in wishes)


def test_frames_exclude_references() -> None:
    frame = {"image": URL, "type": "first_frame"}
    with pytest.raises(ValidationError, match="not both"):
        planned("wan3.0-video", image_list=[frame, {"image": URL}])

    for model in ("wan2.7-r2v", "wan2.6-r2v"):
        with pytest.raises(ValidationError, match="takes 4 "):
            planned(model, image_list=[{"image": URL}] * 5, video=VIDEO)

        with pytest.raises(ValidationError, match="needs an image"):
            planned(model)


def test_own_parameters_go_where_the_vendor_has_them() -> None:
    sound = {"audio_url": "https://example.com/a.mp3"}
    own = {"shot_type": "multi", "input": sound}
    body = planned("wan2.6-t2v", extra_params=own).payload
    assert body["parameters"]["shot_type"] == "multi"
    assert body["input"] == {"prompt": "A kite", **sound}


def test_a_video_in_bytes_has_no_way_to_alibaba() -> None:
    clip: Any = {"content": samples.pick_video().read(), "content_type": "video/mp4"}
    with pytest.raises(ValidationError, match="public URL only"):
        planned("wan3.0-video", video=clip)


@pytest.mark.parametrize("model", ["wan2.7-videoedit", "wan2.6-r2v"])
async def test_stored_media_go_out_with_the_header_that_resolves_them(
    simulator: Simulator, gateway: Gateway, model: str
) -> None:
    for address in ("oss://dashscope-instant/a.mp4", VIDEO):
        request = VideoGenerationRequest(prompt="A kite", video=address)
        await gateway.generate_video_async(video(simulator, model), request)

    with_it, without = simulator.jobs("alibaba")
    assert "oss://" in str(with_it.payload)
    assert with_it.headers["x-dashscope-ossresourceresolve"] == "enable"
    assert "x-dashscope-ossresourceresolve" not in without.headers


def test_a_length_that_can_not_be_chosen_is_told_and_not_sent() -> None:
    plan = planned("wan2.2-t2v-plus", duration_seconds=8)
    assert "duration" not in plan.payload["parameters"]
    assert [(one.field, one.sent) for one in plan.adjustments] == [("duration_seconds", 5)]


# -------------------------------------------------------------------------------- places and keys
@pytest.mark.parametrize("tail", ["", "/", "/api/v1", "/api/v1/", "/api/v1/v1", "/api/v1/api/v1"])
def test_a_version_may_be_missing_or_doubled(tail: str) -> None:
    host = "https://dashscope.aliyuncs.com"
    config = VideoGenerationConfig(
        provider="dashscope", model="wan3.0-video", base_url=f"{host}{tail}"
    )
    wanted = f"{host}/api/v1/services/aigc/video-generation/video-synthesis"
    assert plan_video(config, KITE).endpoint == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, INTL),
        ({"region": "cn-beijing"}, "https://dashscope.aliyuncs.com/api/v1"),
        ({"region": "us-east-1"}, "https://dashscope-us.aliyuncs.com/api/v1"),
        ({"workspace": "ws-1"}, "https://ws-1.ap-southeast-1.maas.aliyuncs.com/api/v1"),
        (
            {"workspace": "ws-1", "region": "eu-central-1"},
            "https://ws-1.eu-central-1.maas.aliyuncs.com/api/v1",
        ),
    ],
)
def test_each_region_and_workspace_has_its_place(given: dict[str, str], wanted: str) -> None:
    config = VideoGenerationConfig(
        provider="alibaba", model="wan3.0-video", api_key=KEY, provider_config=given
    )
    assert account(default_registry.adapter("alibaba"), config, None).base_url == wanted


@pytest.mark.parametrize(
    "given", [{"region": "mars"}, {"region": "eu-central-1"}, {"workspace": "evil.example/"}]
)
def test_a_place_that_can_not_be_is_refused(given: dict[str, str]) -> None:
    config = VideoGenerationConfig(provider="alibaba", model="wan3.0-video", provider_config=given)
    with pytest.raises(ValidationError, match=r"region|workspace"):
        plan_video(config, KITE)


def test_the_vendors_own_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    config = VideoGenerationConfig(provider="alibaba", model="wan3.0-video", api_key=KEY)
    monkeypatch.setenv("DASHSCOPE_API_REGION", "cn-hongkong")
    assert plan_video(config, KITE).endpoint.startswith("https://cn-hongkong.dashscope.")
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "https://own.example/api/v1")
    assert plan_video(config, KITE).endpoint.startswith("https://own.example/api/v1/services/")


async def test_a_workspace_is_named_in_a_header(simulator: Simulator, gateway: Gateway) -> None:
    config = video(simulator, provider_config={"workspace": "ws-1"})
    await gateway.generate_video_async(config, KITE)
    headers = [one.headers for one in simulator.requests("alibaba")]
    assert {one["x-dashscope-workspace"] for one in headers} == {"ws-1"}
    assert "ws-1" in repr(config)


# ------------------------------------------------------------------------------------------ results
async def test_what_stands_beside_a_video(simulator: Simulator, gateway: Gateway) -> None:
    before = datetime.now(UTC)
    response = await gateway.generate_video_async(video(simulator), KITE)
    beside = response.provider_metadata
    assert beside["cost"] == {"amount": 5, "unit": "seconds"}
    assert beside["usage"]["SR"] == 720
    assert response.duration == 5
    left = datetime.fromisoformat(beside["expires_at"]) - before
    assert timedelta(hours=23) < left <= timedelta(hours=24, seconds=10)


async def test_some_images_of_a_task_may_be_refused(simulator: Simulator, gateway: Gateway) -> None:
    request = ImageGenerationRequest(prompt="A kite", n=3)
    config = image(simulator, "wan2.2-t2i-plus")
    simulator.script("alibaba", Script(outputs=1), Script(outputs=0))
    response = await gateway.generate_image_async(config, request)
    assert len(response.images) == 1
    assert response.provider_metadata["failed"] == "DataInspectionFailed"
    with pytest.raises(ContentModerationError) as caught:
        await gateway.generate_image_async(config, request)

    assert caught.value.stage == "output"


# ----------------------------------------------------------------------------------- cancel, lists
@pytest.mark.parametrize(
    ("script", "answer", "asked"),
    [
        (Script(queue_polls=9), "cancelled", 1),
        (Script(run_polls=9), "unsupported", 0),
        (Script(run_polls=0), "too_late", 0),
        # It began between our poll and our request.
        (Script(queue_polls=9, cancel="too_late"), "too_late", 1),
    ],
)
async def test_only_a_task_that_waits_can_be_stopped(
    simulator: Simulator, gateway: Gateway, script: Script, answer: str, asked: int
) -> None:
    simulator.script("alibaba", script)
    job = await gateway.submit_video_async(video(simulator), KITE)
    assert (await job.cancel_async()) == answer
    assert simulator.counters("alibaba").cancels == asked


async def test_a_lost_task_is_nobodys(simulator: Simulator, gateway: Gateway) -> None:
    """The list shows neither the prompt nor an id of ours, and all keys of an account see it."""
    await gateway.submit_video_async(video(simulator), KITE)
    simulator.fail("alibaba", "submit", Fault.reset_after())
    with pytest.raises(HTTPConnectionError) as caught:
        await gateway.generate_video_async(video(simulator), KITE)

    assert caught.value.submission == "unknown"
    assert simulator.counters("alibaba").submits == 2
    assert simulator.counters("alibaba").lists == 0


# ------------------------------------------------------------------------------------------- errors
REFUSALS: list[tuple[int, str, type[TarashException], bool]] = [
    (400, "InvalidParameter", ValidationError, False),
    (400, "InvalidParameter.DataInspection", ValidationError, False),
    (400, "InvalidURL", ValidationError, False),
    (415, "BadRequest.InputDownloadFailed", ValidationError, False),
    (400, "DataInspectionFailed", ContentModerationError, False),
    (400, "IPInfringementSuspect", ContentModerationError, False),
    (400, "Arrearage", QuotaExceededError, False),
    (403, "AllocationQuota.FreeTierOnly", QuotaExceededError, False),
    (429, "PostpaidBillOverdue", QuotaExceededError, False),
    (429, "Throttling.AllocationQuota", QuotaExceededError, False),
    (429, "CommodityNotPurchased", AuthenticationError, False),
    (401, "InvalidApiKey", AuthenticationError, False),
    (403, "Model.AccessDenied", AuthenticationError, False),
    (403, "AccessDenied.Unpurchased", AuthenticationError, False),
    (404, "ModelNotFound", ModelNotFoundError, False),
    (429, "Throttling.RateQuota", RateLimitError, True),
    (429, "LimitRequests", RateLimitError, True),
]


@pytest.mark.parametrize("good", [False, True], ids=["by status", "with a good status"])
@pytest.mark.parametrize(("status", "code", "raised", "again"), REFUSALS)
async def test_a_refusal_by_its_code(  # noqa: PLR0913, PLR0917
    simulator: Simulator,
    gateway: Gateway,
    status: int,
    code: str,
    raised: type[TarashException],
    again: bool,
    good: bool,
) -> None:
    body = {"code": code, "message": f"{code} it is", "request_id": "r"}
    fault = Fault.status(200 if good else status, body)
    simulator.fail("alibaba", "submit", fault, times=None)
    with pytest.raises(raised) as caught:
        await gateway.generate_video_async(video(simulator), KITE)

    assert type(caught.value) is raised
    assert (caught.value.submission, caught.value.retryable) == ("rejected", again)
    assert simulator.counters("alibaba").submits == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (504, "RequestTimeOut"),
        (200, "InternalError.Odd"),
        (500, "InternalError"),
        (500, "InternalError.Algo"),
        (503, "ServiceUnavailable"),
    ],
)
async def test_what_may_have_made_a_task_is_never_sent_again(
    simulator: Simulator, gateway: Gateway, status: int, code: str
) -> None:
    body = {"code": code, "message": "who knows", "request_id": "r"}
    simulator.fail("alibaba", "submit", Fault.status(status, body), times=None)
    with pytest.raises(HTTPError) as caught:
        await gateway.generate_video_async(video(simulator, max_retries=2), KITE)

    assert caught.value.submission == "unknown"
    assert simulator.counters("alibaba").submits == 1


@pytest.mark.parametrize(
    ("script", "raised", "words"),
    [
        (Script(outcome="failed"), GenerationFailedError, "internal error"),
        # Neither a code nor a message, as others have met.
        (Script(outcome="failed", error_type="silent"), GenerationFailedError, "FAILED"),
        (Script(outcome="failed", error_type="InvalidParameter"), ValidationError, "refused"),
        (Script(outcome="moderated"), ContentModerationError, "Output data"),
        (Script(outcome="moderated", error_type="input"), ContentModerationError, "Input data"),
        (
            Script(outcome="moderated", error_type="IPInfringementSuspect"),
            ContentModerationError,
            "filter",
        ),
    ],
)
async def test_a_task_that_fails_costs_nothing(
    simulator: Simulator,
    gateway: Gateway,
    script: Script,
    raised: type[TarashException],
    words: str,
) -> None:
    simulator.script("alibaba", script)
    with pytest.raises(raised, match=words) as caught:
        await gateway.generate_video_async(video(simulator), KITE)

    assert caught.value.execution_metadata is not None
    assert caught.value.execution_metadata.attempts[0].billing == "none"
    if isinstance(caught.value, ContentModerationError):
        stage = "input" if script.error_type == "input" else "output"
        assert caught.value.stage == stage


async def test_a_suspended_task_waits(simulator: Simulator, gateway: Gateway) -> None:
    waits = {"output": {"task_id": "t", "task_status": "SUSPENDED"}, "request_id": "r"}
    simulator.fail("alibaba", "poll", Fault.status(200, waits))
    assert (await gateway.generate_video_async(video(simulator), KITE)).video


RESOLD = "services/aigc/video-generation/video-synthesis"


@pytest.mark.parametrize(
    ("model", "region", "host"),
    [
        ("kling/kling-v3-video-generation", None, "dashscope.aliyuncs.com"),
        ("vidu/viduq3-pro_text2video", None, "dashscope-intl.aliyuncs.com"),
        ("kling/kling-v3-video-generation", "us-east-1", "dashscope-us.aliyuncs.com"),
    ],
)
def test_models_of_others_are_asked_for_where_they_are_sold(
    model: str, region: str | None, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kling is in Beijing only; who names a region is asked there."""
    monkeypatch.delenv("DASHSCOPE_API_REGION", raising=False)
    given = {} if region is None else {"region": region}
    config = VideoGenerationConfig(provider="alibaba", model=model, provider_config=given)
    assert plan_video(config, KITE).endpoint == f"https://{host}/api/v1/{RESOLD}"


FRAMES = [{"image": URL, "type": role} for role in ("last_frame", "first_frame")]


@pytest.mark.parametrize(
    ("model", "wishes", "sent"),
    [
        ("kling/kling-v3-video-generation", {"resolution": "1080p", "aspect_ratio": "9:16"},
         {"mode": "pro", "aspect_ratio": "9:16", "duration": 5, "audio": False}),
        ("kling/kling-v3-omni-video-generation", {"video": VIDEO},
         {"mode": "std", "media": ["base"]}),
        ("vidu/viduq2_text2video", {"aspect_ratio": "4:3"}, {"size": "1104*816", "duration": 5}),
        ("vidu/viduq3-pro_start-end2video", {"image_list": FRAMES, "generate_audio": True},
         {"resolution": "720P", "duration": 5, "audio": True, "media": ["image", "image"]}),
        ("pixverse/pixverse-v5.6-it2v",
         {"image_list": [{"image": URL}], "resolution": "1080p", "duration_seconds": 10},
         {"resolution": "1080P", "duration": 8, "audio": False, "media": ["image_url"]}),
    ],
)  # fmt: skip
async def test_models_of_others(
    simulator: Simulator, gateway: Gateway, model: str, wishes: Any, sent: Any
) -> None:
    request = VideoGenerationRequest.model_validate({"prompt": "A kite", **wishes})
    assert (await gateway.generate_video_async(video(simulator, model), request)).video
    (job,) = simulator.jobs("alibaba")
    kinds = [one["type"] for one in job.payload["input"].get("media", ())]
    given = {**job.payload["parameters"], **({"media": kinds} if kinds else {})}
    assert given == {"watermark": False, **sent}
