"""xAI: what goes out, and what its answers become, through the public functions."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tarash.tarash_gateway import (
    Gateway,
    GenerationFailedError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    UnsupportedOperationError,
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image,
    generate_image_async,
    generate_video,
    generate_video_async,
    list_providers,
    plan_image,
    plan_video,
)
from tarash.tarash_gateway._contract import Operation
from tarash.tarash_gateway._types import MediaContent
from tarash.tarash_gateway.catalog import _xai as catalogue
from tarash.tarash_gateway.media import samples
from tarash.tarash_gateway.testing import Fault, Script, Simulator

KEY = "canary-77b2e0c4aa"
PNG: MediaContent = {"content": samples.make_png(64, 64, seed=1), "content_type": "image/png"}
URI = f"data:image/png;base64,{base64.b64encode(PNG['content']).decode()}"
URL = "https://example.com/a.png"
VIDEO = VideoGenerationRequest(prompt="A lighthouse")
IMAGE = ImageGenerationRequest(prompt="A lighthouse")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
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
        "timeout": 5,
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


async def failing(
    simulator: Simulator, request: VideoGenerationRequest = VIDEO, **facts: Any
) -> TarashException:
    """Return the error of a video that fails."""
    with pytest.raises(TarashException) as caught:
        await generate_video_async(video_config(simulator, **facts), request)

    return caught.value


async def failing_image(simulator: Simulator, **facts: Any) -> TarashException:
    """Return the error of an image that fails."""
    with pytest.raises(TarashException) as caught:
        await generate_image_async(image_config(simulator, **facts), IMAGE)

    return caught.value


def billing(error: TarashException) -> str:
    """Return what the one attempt is said to cost."""
    assert error.execution_metadata is not None
    (attempt,) = error.execution_metadata.attempts
    return attempt.billing


def planned(request: VideoGenerationRequest, model: str = "grok-imagine-video") -> Any:
    """Return endpoint and body that would be sent."""
    plan = plan_video(VideoGenerationConfig(provider="xai", model=model), request)
    return plan.endpoint.removeprefix("https://api.x.ai/v1/"), plan.payload


# ------------------------------------------------------------------------------------- happy paths
@pytest.mark.parametrize(
    "model", ["grok-imagine-video", "grok-imagine-video-1.5", "grok-imagine-video-1.5-lite"]
)
async def test_a_video(simulator: Simulator, model: str) -> None:
    simulator.script("xai", Script(queue_seconds=0.05, run_seconds=0.1))
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
    assert updates[0].status == "queued"
    assert updates[-1].status == "completed"
    assert any(update.progress_percent for update in updates[:-1])
    assert simulator.counters("xai").submits == 1


def test_the_blocking_functions_do_the_same(simulator: Simulator) -> None:
    video = generate_video(video_config(simulator), VIDEO)
    image = generate_image(image_config(simulator), IMAGE)
    assert [video.raw_response, image.raw_response] == [
        job.result_body for job in simulator.jobs("xai")
    ]


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
    large: MediaContent = {"content": bytes(2 * 1024 * 1024), "content_type": "image/webp"}
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
    "model", [*catalogue.MODELS, "grok-imagine-video-2", "grok-imagine-image-3"]
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
    assert plan.adjustments == ()


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


# ------------------------------------------------------------------------------------- moderation
@pytest.mark.parametrize(
    "face", [None, "Client specified an invalid argument", "invalid_argument", "done", "failed"]
)
@pytest.mark.parametrize(("units", "cost"), [(1.0, "certain"), (0.0, "none"), (None, "possible")])
async def test_a_refused_video_is_moderation_in_each_of_its_faces(
    simulator: Simulator, face: str | None, units: float | None, cost: str
) -> None:
    script = Script(outcome="moderated", error_type=face, billable_units=units)
    simulator.script("xai", script)
    fallback = video_config(simulator, "grok-imagine-video-1.5")
    error = await failing(simulator, fallback_configs=(fallback,))
    (job,) = simulator.jobs("xai")

    assert type(error).__name__ == "ContentModerationError"
    assert (vars(error)["stage"], error.retryable) == ("output", False)
    assert error.raw_response == job.result_body
    assert billing(error) == cost
    assert simulator.counters("xai").submits == 1


@pytest.mark.parametrize(
    ("status", "body", "categories"),
    [
        (
            403,
            {
                "code": "The caller does not have permission to execute the specified operation",
                "error": "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_CSAM",
            },
            ("SAFETY_CHECK_TYPE_CSAM",),
        ),
        (400, {"code": "usage_guideline_violation", "error": "no"}, ("usage_guideline_violation",)),
        (
            400,
            {"error": {"code": "content_policy_violation", "message": "no", "type": "x"}},
            ("content_policy_violation",),
        ),
    ],
)
async def test_a_refused_prompt_is_moderation(
    simulator: Simulator, status: int, body: dict[str, Any], categories: tuple[str, ...]
) -> None:
    simulator.fail("xai", "submit", Fault.status(status, body))
    error = await failing(simulator, fallback_configs=(video_config(simulator),))
    assert type(error).__name__ == "ContentModerationError"
    assert vars(error)["stage"] == "input"
    assert vars(error)["categories"] == categories
    assert (error.raw_response, billing(error)) == (body, "none")
    assert simulator.counters("xai").submits == 1


@pytest.mark.parametrize("face", [None, "done"])
async def test_refused_images_are_moderation(simulator: Simulator, face: str | None) -> None:
    simulator.script("xai", Script(outcome="moderated", error_type=face))
    error = await failing_image(simulator)
    assert type(error).__name__ == "ContentModerationError"
    assert vars(error)["stage"] == "output"
    assert error.raw_response == simulator.jobs("xai")[0].result_body
    assert billing(error) == "possible"


async def test_some_of_the_images_may_be_refused(simulator: Simulator) -> None:
    simulator.script("xai", Script(outputs=2))
    request = ImageGenerationRequest(prompt="A lighthouse", n=3)
    response = await generate_image_async(image_config(simulator), request)
    assert len(response.images) == 2
    assert response.provider_metadata["moderated_images"] == 1


# ------------------------------------------------------------------------------------------ errors
@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, "ValidationError", False),
        (401, "AuthenticationError", False),
        (402, "QuotaExceededError", False),
        (403, "AuthenticationError", False),
        (404, "ModelNotFoundError", False),
        (422, "ValidationError", False),
        (429, "RateLimitError", True),
        (500, "HTTPError", True),
        (502, "HTTPError", True),
        (503, "HTTPError", True),
    ],
)
async def test_each_status_has_its_error(
    simulator: Simulator, status: int, kind: str, *, retryable: bool
) -> None:
    simulator.fail("xai", "submit", Fault.status(status, retry_after=3), times=2)
    for error in (await failing(simulator), await failing_image(simulator)):
        assert (type(error).__name__, error.retryable) == (kind, retryable)
        assert error.raw_response["error"] == f"Simulated fault: HTTP {status}"
        assert error.submission == ("unknown" if status == 502 else "rejected")
        assert error.retry_after == (3 if kind != "ValidationError" else None)

    assert simulator.counters("xai").submits == 2


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, {"code": "x", "error": "You have used all available credits."}, "QuotaExceededError"),
        (429, {"code": "x", "error": "Monthly spending limit reached"}, "QuotaExceededError"),
        (400, {"code": "x", "error": "Model not found: grok-9"}, "ModelNotFoundError"),
        (404, {"code": "x", "error": "The model grok-9 does not exist"}, "ModelNotFoundError"),
        (400, {"error": {"message": "n is too large", "type": "x"}}, "ValidationError"),
        (422, "Failed to deserialize", "HTTPError"),
        (400, {"odd": True}, "HTTPError"),
    ],
)
async def test_envelopes(simulator: Simulator, status: int, body: Any, kind: str) -> None:
    simulator.fail("xai", "submit", Fault.status(status, body))
    error = await failing(simulator, max_retries=2)
    assert (type(error).__name__, error.retryable) == (kind, False)
    assert error.raw_response == body
    assert simulator.counters("xai").submits == 1


async def test_a_wrong_key_is_an_error_of_the_key(simulator: Simulator) -> None:
    error = await failing(simulator, api_key="xai-wrong-key")
    assert type(error).__name__ == "AuthenticationError"
    assert vars(error)["status_code"] == 400
    assert "Incorrect API key" in str(error)


@pytest.mark.parametrize(
    ("fault", "accepted"),
    [
        (Fault.reset_before(), 0),
        (Fault.reset_after(), 1),
        (Fault.truncate(), 1),
        (Fault.foreign_body(), 1),
        (Fault.foreign_body("{}", content_type="application/json"), 1),
        (Fault.status(504, "<html>gateway</html>"), 0),
    ],
)
async def test_an_unknown_outcome_is_never_sent_again(
    simulator: Simulator, fault: Fault, accepted: int
) -> None:
    simulator.fail("xai", "submit", fault)
    error = await failing(simulator, max_retries=3)
    assert error.submission == "unknown"
    assert simulator.counters("xai").submits == 1
    assert simulator.counters("xai").accepted == accepted


async def test_a_refused_submit_that_bought_nothing_leaves_again(simulator: Simulator) -> None:
    simulator.fail("xai", "submit", Fault.status(429, retry_after=0.01))
    simulator.fail("xai", "submit", Fault.status(503))
    response = await generate_video_async(video_config(simulator, max_retries=2), VIDEO)
    assert response.video
    assert simulator.counters("xai").accepted == 1


async def test_a_failed_and_an_expired_job(simulator: Simulator) -> None:
    simulator.script(
        "xai",
        Script(outcome="failed", error_type="internal_error", error_message="GPU on fire"),
        Script(outcome="failed", error_type="expired"),
        Script(outcome="no_media"),
        Script(result={"status": "done", "video": {"duration": 3}}),
    )
    for told in ("internal_error.*GPU on fire", "expired", "without a video", "without a video"):
        error = await failing(simulator)
        assert isinstance(error, GenerationFailedError)
        assert error.raw_response == simulator.jobs("xai")[-1].result_body
        with pytest.raises(GenerationFailedError, match=told):
            raise error


@pytest.mark.parametrize("result", [{"data": []}, {"data": None}, {}, {"data": [{"odd": 1}]}])
async def test_images_without_an_image(simulator: Simulator, result: dict[str, Any]) -> None:
    simulator.script("xai", Script(result=result))
    error = await failing_image(simulator)
    assert isinstance(error, GenerationFailedError)
    assert error.raw_response == result


async def test_an_answer_without_status_and_unknown_keys(simulator: Simulator) -> None:
    video = {"url": URL, "file_output": {"file_id": "f", "expires_at": "2027-01-01T00:00:00Z"}}
    simulator.script("xai", Script(result={"video": video, "novel": 1}))
    response = await generate_video_async(video_config(simulator), VIDEO)
    assert response.video == URL
    assert response.provider_metadata["expires_at"] == "2027-01-01T00:00:00Z"
    assert response.provider_metadata["file_output"]["file_id"] == "f"


async def test_a_lost_job_says_so(simulator: Simulator) -> None:
    simulator.script("xai", Script(outcome="lost"))
    error = await failing(simulator, timeout=10)
    assert "does not know the job" in str(error)
    assert simulator.counters("xai").submits == 1


async def test_looks_that_fail_lose_nothing(simulator: Simulator) -> None:
    for fault in (Fault.status(500), Fault.status(429, retry_after=0), Fault.foreign_body(),
                  Fault.reset_before(), Fault.truncate(), Fault.status(404)):  # fmt: skip
        simulator.fail("xai", "poll", fault)

    assert (await generate_video_async(video_config(simulator, timeout=30), VIDEO)).video
    assert simulator.counters("xai").accepted == 1


async def test_the_deadline_leaves_an_operation_that_survives_json(simulator: Simulator) -> None:
    simulator.script("xai", Script(outcome="never"))
    error = await failing(simulator, timeout=0.3)
    assert isinstance(error, TimeoutError)
    assert "could not be cancelled" in str(error)
    assert billing(error) == "possible"
    assert error.operation is not None
    stored = json.loads(json.dumps(error.operation))
    assert Operation.from_json(stored).to_json() == error.operation
    assert KEY not in json.dumps(stored)


async def test_a_cancellation_leaves_no_socket(simulator: Simulator) -> None:
    simulator.script("xai", Script(outcome="never"))
    async with Gateway() as gateway:
        task = asyncio.create_task(gateway.generate_video_async(video_config(simulator), VIDEO))
        while not simulator.counters("xai").polls:  # noqa: ASYNC110  (another thread counts)
            await asyncio.sleep(0.01)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    while simulator.counters("xai").open_connections:  # noqa: ASYNC110  (as above)
        await asyncio.sleep(0.01)


def test_two_loops_in_one_process(simulator: Simulator) -> None:
    for _ in range(2):
        assert asyncio.run(generate_video_async(video_config(simulator), VIDEO)).video


async def test_the_key_can_be_checked_at_no_cost(simulator: Simulator) -> None:
    from tarash.tarash_gateway._clients import ClientCache
    from tarash.tarash_gateway._settings import account
    from tarash.tarash_gateway.providers.xai import adapter

    clients = ClientCache()
    async with clients.lease(adapter, account(adapter, video_config(simulator), None)) as client:
        await adapter.check(client)

    wrong = account(adapter, video_config(simulator, api_key="wrong-key-entirely"), None)
    async with clients.lease(adapter, wrong) as client:
        with pytest.raises(TarashException, match="Incorrect API key"):
            await adapter.check(client)

    await clients.aclose()


async def test_the_key_is_shown_nowhere(
    simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []
    for status in (400, 401, 403, 500):
        simulator.fail("xai", "submit", Fault.echo_key(status))
        error = await failing(simulator)
        texts += ["".join(traceback.format_exception(error)), repr(vars(error))]

    simulator.fail("xai", "poll", Fault.echo_key(400))
    error = await failing(simulator)
    texts += ["".join(traceback.format_exception(error)), repr(vars(error))]
    texts.append(repr(await generate_video_async(video_config(simulator), VIDEO)))

    assert simulator.requests("xai")[0].headers["authorization"] == f"Bearer {KEY}"
    assert "***" in str(texts)
    assert KEY not in "".join([*texts, caplog.text, repr(video_config(simulator))])
