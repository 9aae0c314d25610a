"""ByteDance: what goes out for each model, what its answers become, and the traps of its tasks.

The wire checks strictly, as ByteDance's newer models do: what it accepts has no unknown field.
"""

from __future__ import annotations

import asyncio
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

KEY = "canary-51b0c7dd3e"
PNG: Any = {"content": samples.make_png(320, 320, seed=1), "content_type": "image/png"}
URL = "https://example.com/{}.png"
VIDEO = "https://example.com/a.mp4"
V2, V25 = "dreamina-seedance-2-0-260128", "dreamina-seedance-2-5-260628"
V1, DREAM = "seedance-1-0-pro-250528", "seedream-4-5-251128"
RETIRED = {
    one.model
    for one in list_models("bytedance")
    if "-1-0-lite-" in one.model or one.model == "seedance-1-5-pro-251215"
}
FRAMES = [
    {"image": URL.format("first"), "type": "first_frame"},
    {"image": URL.format("last"), "type": "last_frame"},
]
KITE = VideoGenerationRequest(prompt="A kite")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["bytedance"]) as running:
        running.keys = {"bytedance": {KEY}}
        yield running

    assert running.leaks == []


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway() as made:
        yield made


def settings(simulator: Simulator, model: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "provider": "bytedance",
        "model": model,
        "api_key": KEY,
        "base_url": simulator.base_url("bytedance"),
        "poll_interval": 0.02,
        "max_retries": 0,
        **facts,
        "provider_config": {"min_poll_interval": 0.01, **facts.get("provider_config", {})},
    }


def video(simulator: Simulator, model: str = V2, **facts: Any) -> VideoGenerationConfig:
    return VideoGenerationConfig.model_validate(settings(simulator, model, facts))


def image(simulator: Simulator, model: str = DREAM, **facts: Any) -> ImageGenerationConfig:
    return ImageGenerationConfig.model_validate(settings(simulator, model, facts))


def planned(model: str, **wishes: Any) -> Any:
    config = VideoGenerationConfig(provider="bytedance", model=model)
    request = VideoGenerationRequest.model_validate({"prompt": "A kite", **wishes})
    return plan_video(config, request)


def drawn(model: str, **wishes: Any) -> Any:
    config = ImageGenerationConfig(provider="bytedance", model=model)
    request = ImageGenerationRequest.model_validate({"prompt": "A kite", **wishes})
    return plan_image(config, request)


# ----------------------------------------------------------------------------------- what goes out
def videos_of(model: str) -> Iterator[dict[str, Any]]:
    """Yield the smallest, the largest and the fullest request of a model."""
    takes = describe_model("bytedance", model, "video")
    span = takes.duration_range
    assert span is not None
    yield {}
    yield {"duration_seconds": span.low, "resolution": takes.resolutions[0]}
    full = {
        "duration_seconds": span.high,
        "resolution": takes.resolutions[-1],
        "generate_audio": False,
        "seed": 7,
        "negative_prompt": "text",
    }
    roles = {one.role: one.most for one in takes.images}
    yield {**full, "aspect_ratio": "21:9", "image_list": FRAMES[: len(roles.keys() & ROLES)]}
    if "reference" in roles:
        many = [{"image": URL.format(number)} for number in range(roles["reference"] or 0)]
        yield {**full, "aspect_ratio": "9:16", "image_list": many, "video": VIDEO}


ROLES = {"first_frame", "last_frame"}
VIDEOS = [
    pytest.param(one.model, wishes, id=f"{one.model}-{number}")
    for one in list_models("bytedance", output="video")
    if one.model not in RETIRED
    for number, wishes in enumerate(videos_of(one.model))
]


@pytest.mark.parametrize(("model", "wishes"), VIDEOS)
async def test_every_video_model_is_understood(
    simulator: Simulator, gateway: Gateway, model: str, wishes: dict[str, Any]
) -> None:
    request = VideoGenerationRequest.model_validate({"prompt": "A kite", **wishes})
    response = await gateway.generate_video_async(video(simulator, model), request)
    (job,) = simulator.jobs("bytedance")
    assert response.video == job.result_body["content"]["video_url"]
    assert job.payload["watermark"] is False
    seconds = int(request.duration_seconds or 5)
    assert job.payload["duration"] == response.duration == seconds
    assert job.payload["resolution"] == (request.resolution or "720p")


IMAGES = [
    pytest.param(one.model, wishes, id=f"{one.model}-{number}")
    for one in list_models("bytedance", output="image")
    for number, wishes in enumerate(
        (
            {},
            {"size": "2048x2048"},
            {"aspect_ratio": "9:16"},
            {"size": "4096x4096", "n": 3, "image_list": [{"image": PNG}] * 10},
        )
    )
]


@pytest.mark.parametrize(("model", "wishes"), IMAGES)
async def test_every_image_model_is_understood(
    simulator: Simulator, gateway: Gateway, model: str, wishes: dict[str, Any]
) -> None:
    request = ImageGenerationRequest.model_validate({"prompt": "A kite", **wishes})
    response = await gateway.generate_image_async(image(simulator, model), request)
    (job,) = simulator.jobs("bytedance")
    makes_series = "sequential_image_generation" in job.payload
    assert len(response.images) == (request.n if makes_series else 1)
    assert job.payload["watermark"] is False
    assert job.payload["size"] == ("2K" if not wishes else job.payload["size"])


def test_what_decides_on_the_bill_is_never_left_to_the_provider() -> None:
    """Alone, 2.5 makes up to 30 seconds, 1.0 makes 1080p, and images carry a watermark."""
    body = planned(V25).payload
    own_id = body.pop("safety_identifier")
    assert own_id.startswith("tarash-")
    assert body == {
        "model": V25,
        "content": [{"type": "text", "text": "A kite"}],
        "resolution": "720p",
        "duration": 5,
        "generate_audio": True,
        "watermark": False,
    }
    assert planned(V1).payload["resolution"] == "720p"
    assert drawn(DREAM).payload == {
        "model": DREAM,
        "prompt": "A kite",
        "size": "2K",
        "watermark": False,
        "response_format": "url",
        "sequential_image_generation": "disabled",
    }
    own = {"watermark": True, "duration": -1}
    assert planned(V25, extra_params=own).payload.items() >= own.items()


def test_frames_of_seedance_25_keep_their_own_ratio() -> None:
    """With another one the task is accepted, and fails afterwards."""
    plan = planned(V25, image_list=FRAMES, aspect_ratio="16:9")
    assert "ratio" not in plan.payload
    assert [one.field for one in plan.adjustments] == ["aspect_ratio"]
    assert planned(V2, image_list=FRAMES, aspect_ratio="16:9").payload["ratio"] == "16:9"
    assert planned(V25, image_list=[URL.format(1)], aspect_ratio="16:9").payload["ratio"]


def test_frames_exclude_references() -> None:
    for other in ({"image_list": [*FRAMES, {"image": URL.format(1)}]}, {"video": VIDEO}):
        with pytest.raises(ValidationError, match="not both"):
            planned(V2, **{"image_list": FRAMES, **other})

    with pytest.raises(ValidationError, match="only beside"):
        planned(V2, image_list=FRAMES[1:])

    with pytest.raises(ValidationError, match="reference"):
        planned(V1, image_list=[{"image": URL.format(1)}, {"image": URL.format(2)}])


def test_a_seed_goes_to_those_that_have_one() -> None:
    assert planned(V1, seed=11).payload["seed"] == 11
    plan = planned(V2, seed=11)
    assert "seed" not in plan.payload
    assert [one.field for one in plan.adjustments] == ["seed"]


def test_one_image_at_a_time_where_there_is_no_series() -> None:
    assert drawn(DREAM, n=4).payload["sequential_image_generation_options"] == {"max_images": 4}
    plan = drawn("dola-seedream-5-0-pro-260628", n=4)
    assert "sequential_image_generation" not in plan.payload
    assert [(one.field, one.requested) for one in plan.adjustments] == [("n", 4)]


def test_stored_media_go_out_as_they_are() -> None:
    asset = "asset://asset-2026-abc"
    plan = planned(V2, image_list=[asset], video=asset)
    assert [part.get("role") for part in plan.payload["content"]] == [
        None,
        "reference_image",
        "reference_video",
    ]
    assert str(plan.payload).count(asset) == 2


def test_a_video_in_bytes_has_no_way_to_bytedance() -> None:
    clip: Any = {"content": samples.pick_video().read(), "content_type": "video/mp4"}
    with pytest.raises(ValidationError, match="public URL only"):
        planned(V2, video=clip)


async def test_an_image_is_called_what_it_is(simulator: Simulator, gateway: Gateway) -> None:
    """A data URI whose type is another than that of its bytes is refused."""
    mislabelled = {**PNG, "content_type": "image/jpeg"}
    frame = [{"image": mislabelled, "type": "first_frame"}]
    request = VideoGenerationRequest.model_validate({"prompt": "A kite", "image_list": frame})
    assert (await gateway.generate_video_async(video(simulator), request)).video


def test_the_final_of_a_draft_repeats_nothing() -> None:
    draft = [{"type": "draft_task", "draft_task": {"id": "cgt-1"}}]
    own = {"content": draft, "resolution": "1080p"}
    body = planned(V25, extra_params=own, generate_audio=True, aspect_ratio="1:1").payload
    body.pop("safety_identifier")
    assert body == {"model": V25, "watermark": False, **own}


# -------------------------------------------------------------------------------- places and keys
@pytest.mark.parametrize(
    "given",
    [
        "https://ark.ap-southeast.bytepluses.com",
        "https://ark.ap-southeast.bytepluses.com/",
        "https://ark.ap-southeast.bytepluses.com/api/v3",
        "https://ark.ap-southeast.bytepluses.com/api/v3/",
        "https://ark.ap-southeast.bytepluses.com/api/v3/v3",
        "https://ark.ap-southeast.bytepluses.com/api/v3/api/v3",
    ],
)
def test_a_version_may_be_missing_or_doubled(given: str) -> None:
    config = VideoGenerationConfig(provider="bytedance", model=V2, base_url=given)
    wanted = "https://ark.ap-southeast.bytepluses.com/api/v3/contents/generations/tasks"
    assert plan_video(config, KITE).endpoint == wanted


@pytest.mark.parametrize(
    ("model", "region", "host", "key"),
    [
        (V2, None, "ark.ap-southeast.bytepluses.com", "of-byteplus"),
        ("seedance-1-0-pro-250528", "cn-beijing", "ark.cn-beijing.volces.com", "of-volcengine"),
        ("doubao-seedance-2-0-260128", None, "ark.cn-beijing.volces.com", "of-volcengine"),
        (DREAM, "eu-west", "ark.eu-west.bytepluses.com", "of-byteplus"),
        ("ep-20260101-abc", "cn-beijing", "ark.cn-beijing.volces.com", "of-volcengine"),
    ],
)
def test_each_cloud_gets_its_own_key(
    monkeypatch: pytest.MonkeyPatch, model: str, region: str | None, host: str, key: str
) -> None:
    monkeypatch.setenv("BYTEPLUS_API_KEY", "of-byteplus")
    monkeypatch.setenv("VOLCENGINE_ARK_API_KEY", "of-volcengine")
    place = {} if region is None else {"region": region}
    config = VideoGenerationConfig(provider="bytedance", model=model, provider_config=place)
    found = account(default_registry.adapter("bytedance"), config, None)
    assert found.base_url == f"https://{host}/api/v3"
    assert found.key.reveal() == key

    monkeypatch.setenv("ARK_API_KEY", "of-ark")
    found = account(default_registry.adapter("bytedance"), config, None)
    assert found.key.reveal() == "of-ark"


@pytest.mark.parametrize(
    ("model", "region", "words"),
    [
        (V2, "cn-beijing", "begin with doubao-"),
        ("doubao-seedance-2-0-260128", "ap-southeast", "an id of Volcengine"),
        (V2, "eu-west", "images only"),
    ],
)
def test_an_id_of_the_other_cloud_is_refused(model: str, region: str, words: str) -> None:
    """The provider would say that it knows no such model, or that it is not activated."""
    place = {"region": region}
    config = VideoGenerationConfig(provider="bytedance", model=model, provider_config=place)
    with pytest.raises(ValidationError, match=words):
        plan_video(config, KITE)

    custom = config.model_copy(update={"base_url": "https://proxy.example.com"})
    assert plan_video(custom, KITE).endpoint.startswith("https://proxy.example.com/")


@pytest.mark.parametrize(
    ("own", "asked", "sent", "left_out"),
    [
        ({"omni_reference_task_type": "edit"}, {}, {"duration": -1}, ()),
        (
            {"omni_reference_task_type": "edit"},
            {"duration_seconds": 8, "aspect_ratio": "9:16"},
            {"duration": -1},
            ("aspect_ratio", "duration_seconds"),
        ),
        (
            {"omni_reference_task_type": "extend"},
            {"duration_seconds": 8, "aspect_ratio": "9:16"},
            {"duration": 8},
            ("aspect_ratio",),
        ),
        (
            {"omni_reference_task_type": "reference"},
            {"aspect_ratio": "9:16"},
            {"ratio": "9:16"},
            (),
        ),
        (
            {"omni_reference_task_type": "edit", "duration": 6, "ratio": "1:1"},
            {},
            {"duration": 6, "ratio": "1:1"},
            (),
        ),
    ],
)
def test_an_edit_keeps_the_length_and_the_ratio_of_its_source(
    own: dict[str, Any], asked: dict[str, Any], sent: dict[str, Any], left_out: tuple[str, ...]
) -> None:
    """Anything else is refused, or accepted and failed afterwards."""
    plan = planned(V25, video="https://cdn.example.com/v.mp4", extra_params=own, **asked)
    found = {name: plan.payload[name] for name in ("duration", "ratio") if name in plan.payload}
    assert found == {"duration": 5, **sent}
    assert {one.field for one in plan.adjustments} == {*left_out}


def test_a_draft_is_a_preview_in_480p() -> None:
    for model in (V25, "doubao-seedance-1-5-pro-251215"):
        plan = planned(model, extra_params={"draft": True})
        assert plan.payload["resolution"] == "480p"
        assert plan.adjustments == ()
        plan = planned(model, extra_params={"draft": True}, resolution="1080p")
        assert plan.payload["resolution"] == "480p"
        assert [one.field for one in plan.adjustments] == ["resolution"]
        assert planned(model, extra_params={"draft": False}).payload["resolution"] == "720p"


def test_a_series_has_fifteen_images_with_its_inputs() -> None:
    images = [{"image": "https://cdn.example.com/a.png", "type": "reference"}] * 13
    fitting = drawn("seedream-4-5-251128", image_list=images, n=2).payload
    assert fitting["sequential_image_generation_options"] == {"max_images": 2}
    with pytest.raises(ValidationError, match="13 are given, which leaves 2, and n is 4"):
        drawn("seedream-4-5-251128", image_list=images, n=4)


def test_a_region_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="ap-southeast, eu-west, cn-beijing"):
        plan_video(
            VideoGenerationConfig(
                provider="byteplus", model=V2, provider_config={"region": "mars"}
            ),
            KITE,
        )


@pytest.mark.parametrize("kind", ["video", "image"])
def test_an_endpoint_of_ones_own_is_a_model(kind: str) -> None:
    plan = planned("ep-20260101-abc") if kind == "video" else drawn("ep-20260101-abc")
    assert plan.payload["model"] == "ep-20260101-abc"
    assert plan.payload["watermark"] is False
    assert ("content" in plan.payload) is (kind == "video")


# ------------------------------------------------------------------------------------------ results
async def test_what_stands_beside_a_video(simulator: Simulator, gateway: Gateway) -> None:
    request = KITE.model_copy(update={"extra_params": {"return_last_frame": True}})
    before = datetime.now(UTC)
    response = await gateway.generate_video_async(video(simulator), request)
    assert response.video is not None
    beside = response.provider_metadata
    assert beside["cost"] == {"amount": 108000, "unit": "tokens"}
    assert beside["usage"]["completion_tokens"] == 108000
    assert beside["last_frame_url"].endswith("last.png")
    left = datetime.fromisoformat(beside["expires_at"]) - before
    assert timedelta(hours=23) < left <= timedelta(hours=24, seconds=10)


async def test_some_images_of_a_series_may_be_refused(
    simulator: Simulator, gateway: Gateway
) -> None:
    simulator.script(
        "bytedance", Script(outputs=1), Script(outcome="moderated", error_type="items")
    )
    request = ImageGenerationRequest(prompt="A kite", n=3)
    response = await gateway.generate_image_async(image(simulator), request)
    assert len(response.images) == 1
    assert response.provider_metadata["error"]["code"] == "OutputImageSensitiveContentDetected"
    assert response.provider_metadata["expires_at"]

    with pytest.raises(ContentModerationError) as caught:
        await gateway.generate_image_async(image(simulator), request)

    assert caught.value.stage == "output"


async def test_images_that_all_broke_are_a_failure(simulator: Simulator, gateway: Gateway) -> None:
    """As others have met it: a good status, and nothing but errors of the service inside."""
    broke = {"error": {"code": "InternalServiceError", "message": "an unexpected error"}}
    simulator.script("bytedance", Script(result={"data": [broke, broke]}))
    request = ImageGenerationRequest(prompt="A kite", n=2)
    with pytest.raises(GenerationFailedError, match="an unexpected error") as caught:
        await gateway.generate_image_async(image(simulator), request)

    assert caught.value.retryable


async def test_images_may_come_as_base64(simulator: Simulator, gateway: Gateway) -> None:
    request = ImageGenerationRequest(prompt="A kite", extra_params={"response_format": "b64_json"})
    response = await gateway.generate_image_async(image(simulator), request)
    assert not response.images[0].startswith("http")


# ----------------------------------------------------------------------------------- cancel, lists
@pytest.mark.parametrize(
    ("script", "polls", "answer", "asked"),
    [
        (Script(queue_polls=9), 1, "cancelled", True),
        (Script(run_polls=9), 1, "unsupported", False),
        (Script(run_polls=0), 0, "too_late", False),
        (Script(run_polls=0, outcome="failed"), 0, "too_late", False),
    ],
)
async def test_a_cancel_never_erases_a_record(  # noqa: PLR0913, PLR0917
    simulator: Simulator, gateway: Gateway, script: Script, polls: int, answer: str, asked: bool
) -> None:
    """Deleting a task that has ended erases it, and one that runs can't be stopped."""
    simulator.script("bytedance", script)
    job = await gateway.submit_video_async(video(simulator), KITE)
    for _ in range(polls):
        await job.status_async()

    assert (await job.cancel_async()) == answer
    assert simulator.counters("bytedance").cancels == int(asked)
    if answer == "too_late" and script.outcome == "completed":
        assert (await job.wait_async()).video


async def test_a_lost_job_is_found_by_our_own_id_alone(
    simulator: Simulator, gateway: Gateway
) -> None:
    """The list shows no prompt: the same model and options may be somebody else's."""
    for _ in range(3):
        await gateway.submit_video_async(video(simulator), KITE)

    simulator.fail("bytedance", "submit", Fault.reset_after())
    response = await gateway.generate_video_async(video(simulator), KITE)
    assert response.request_id == simulator.jobs("bytedance")[-1].id
    (listed,) = [one for one in simulator.requests("bytedance") if one.query.get("page_size")]
    # A key of restricted permissions may list only with a model.
    assert listed.query["filter.model"] == V2
    assert simulator.counters("bytedance").submits == 4


async def test_a_lost_job_with_the_users_own_mark_is_nobodys(
    simulator: Simulator, gateway: Gateway
) -> None:
    marked = KITE.model_copy(update={"extra_params": {"safety_identifier": "user-7"}})
    await gateway.submit_video_async(video(simulator), marked)
    simulator.fail("bytedance", "submit", Fault.reset_after())
    with pytest.raises(HTTPConnectionError) as caught:
        await gateway.generate_video_async(video(simulator), marked)

    assert caught.value.submission == "unknown"
    assert simulator.counters("bytedance").submits == 2
    assert simulator.jobs("bytedance")[-1].payload["safety_identifier"] == "user-7"


# ------------------------------------------------------------------------------------------- errors
def refusal(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": f"{code}. Request id: 1", "type": "BadRequest"}}


@pytest.mark.parametrize(
    ("status", "code", "raised", "again"),
    [
        (400, "MissingParameter.content", ValidationError, False),
        (400, "InvalidParameter.UnsupportedImageFormat", ValidationError, False),
        (400, "InvalidImageURL.DownloadFailed", ValidationError, False),
        (
            400,
            "InputImageSensitiveContentDetected.PrivacyInformation",
            ContentModerationError,
            False,
        ),
        (400, "SensitiveContentDetected", ContentModerationError, False),
        (404, "InvalidAction", ValidationError, False),  # of a path that nobody knows
        (400, "InvalidEndpoint.ClosedEndpoint", ModelNotFoundError, False),
        (401, "InvalidAccountStatus", AuthenticationError, False),
        (403, "AccountOverdueError", QuotaExceededError, False),
        (403, "OperationDenied.ServiceOverdue", QuotaExceededError, False),
        (403, "OperationDenied.ServiceNotOpen", AuthenticationError, False),
        (404, "ModelNotOpen", ModelNotFoundError, False),
        (404, "InvalidEndpointOrModel.ModelIDAccessDisabled", ModelNotFoundError, False),
        (429, "QuotaExceeded", QuotaExceededError, False),
        (429, "SetLimitExceeded", QuotaExceededError, False),
        (429, "RequestBurstTooFast", RateLimitError, True),
        (429, "ServerOverloaded", RateLimitError, True),
    ],
)
async def test_a_refusal_by_its_code(  # noqa: PLR0913, PLR0917
    simulator: Simulator,
    gateway: Gateway,
    status: int,
    code: str,
    raised: type[TarashException],
    again: bool,
) -> None:
    simulator.fail("bytedance", "submit", Fault.status(status, refusal(code)), times=None)
    with pytest.raises(raised) as caught:
        await gateway.generate_video_async(video(simulator, max_retries=1), KITE)

    assert type(caught.value) is raised
    assert (caught.value.submission, caught.value.retryable) == ("rejected", again)
    assert simulator.counters("bytedance").submits == 1 + again
    assert caught.value.execution_metadata is not None
    assert caught.value.execution_metadata.attempts[0].billing == "none"


@pytest.mark.parametrize(
    ("code", "outcome", "raised", "words"),
    [
        ("InvalidParameter.TaskTypeMismatch", "failed", ValidationError, "could|refused"),
        ("InternalServiceError", "failed", GenerationFailedError, "could not make it"),
        ("expired", "failed", GenerationFailedError, "expired"),
        ("OutputVideoSensitiveContentDetected", "moderated", ContentModerationError, "filter"),
        (
            "OutputVideoSensitiveContentDetected.DeepFake",
            "moderated",
            ContentModerationError,
            "filter",
        ),
    ],
)
async def test_a_task_that_fails_costs_nothing(  # noqa: PLR0913, PLR0917
    simulator: Simulator,
    gateway: Gateway,
    code: str,
    outcome: Any,
    raised: type[TarashException],
    words: str,
) -> None:
    simulator.script("bytedance", Script(outcome=outcome, error_type=code))
    with pytest.raises(raised, match=words) as caught:
        await gateway.generate_video_async(video(simulator), KITE)

    assert caught.value.execution_metadata is not None
    assert caught.value.execution_metadata.attempts[0].billing == "none"
    if isinstance(caught.value, ContentModerationError):
        assert caught.value.stage == "output"


async def test_what_shows_only_after_acceptance_is_told(
    simulator: Simulator, gateway: Gateway
) -> None:
    request = VideoGenerationRequest.model_validate(
        {"prompt": "A kite", "image_list": FRAMES, "extra_params": {"ratio": "16:9"}}
    )
    with pytest.raises(ValidationError, match="ratio must be adaptive"):
        await gateway.generate_video_async(video(simulator, V25), request)


async def test_a_status_that_nobody_knows_keeps_the_job_open(
    simulator: Simulator, gateway: Gateway
) -> None:
    odd = {"id": "cgt-1", "status": "throttled", "error": None}
    simulator.fail("bytedance", "poll", Fault.status(200, odd))
    with pytest.warns(UserWarning, match="throttled"):
        assert (await gateway.generate_video_async(video(simulator), KITE)).video


async def test_a_cancelled_task_has_failed(simulator: Simulator, gateway: Gateway) -> None:
    """Somebody stopped it in the console."""
    simulator.script("bytedance", Script(queue_polls=3))
    job = await gateway.submit_video_async(video(simulator), KITE)
    waiting = asyncio.ensure_future(job.wait_async())
    body = {"id": job.request_id, "status": "cancelled"}
    simulator.fail("bytedance", "poll", Fault.status(200, body))
    with pytest.raises(GenerationFailedError, match="cancelled"):
        await waiting


def test_a_model_that_is_gone_names_its_successor() -> None:
    with pytest.warns(UserWarning, match="2026-11-11.*seedance-2-0-mini"):
        planned("seedance-1-5-pro-251215")


@pytest.mark.parametrize("kind", ["video", "image"])
async def test_a_broken_service_may_have_made_a_task_and_is_not_asked_again(
    simulator: Simulator, gateway: Gateway, kind: str
) -> None:
    body = {"error": {"code": "InternalServiceError", "message": "Request id: r"}}
    simulator.fail("bytedance", "submit", Fault.status(500, body), times=None)
    request = ImageGenerationRequest(prompt="A kite")
    work = (
        gateway.generate_video_async(video(simulator, max_retries=2), KITE)
        if kind == "video"
        else gateway.generate_image_async(image(simulator, max_retries=2), request)
    )
    with pytest.raises(HTTPError) as caught:
        await work

    assert caught.value.submission == "unknown"
    assert simulator.counters("bytedance").submits == 1
