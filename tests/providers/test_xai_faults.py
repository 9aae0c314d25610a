"""xAI when things go wrong: the faces of moderation, its envelopes, answers of odd shapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tarash.tarash_gateway import (
    GenerationFailedError,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image_async,
    generate_video_async,
)
from tarash.tarash_gateway.testing import Fault, Script, Simulator

URL = "https://example.com/a.png"
VIDEO = VideoGenerationRequest(prompt="A lighthouse")
IMAGE = ImageGenerationRequest(prompt="A lighthouse")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(["xai"]) as running:
        running.keys = {"xai": {"the-right-key"}}
        yield running

    assert running.leaks == []


def settings(simulator: Simulator, model: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "provider": "xai",
        "model": model,
        "api_key": "the-right-key",
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


def image_config(simulator: Simulator, **facts: Any) -> ImageGenerationConfig:
    return ImageGenerationConfig.model_validate(
        settings(simulator, "grok-imagine-image-2.0", facts)
    )


async def failing(simulator: Simulator, **facts: Any) -> TarashException:
    """Return the error of a video that fails."""
    with pytest.raises(TarashException) as caught:
        await generate_video_async(video_config(simulator, **facts), VIDEO)

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
    if units is not None:
        # What a withheld result cost is the provider's own figure, and no estimate of ours.
        assert error.execution_metadata is not None
        (attempt,) = error.execution_metadata.attempts
        ticks = job.result_body["usage"]["cost_in_usd_ticks"]
        assert attempt.cost is not None
        assert (attempt.cost.state, float(attempt.cost.amount)) == ("settled", ticks * 1e-10)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, "<html>Blocked by the content policy of this network</html>"),
        (502, "<html>Performing a safety check</html>"),
        (400, "blocked by content policy"),
        (429, {"code": "x", "error": "Too many safety checks are pending"}),
        (503, {"code": "unavailable", "error": "The moderation service is down"}),
        (403, {"error": {"message": "Your account has been blocked: see our content policy"}}),
    ],
)
async def test_words_of_the_filter_in_an_answer_of_others_end_no_paid_job(
    simulator: Simulator, status: int, body: Any
) -> None:
    simulator.fail("xai", "poll", Fault.status(status, body), times=3)
    response = await generate_video_async(video_config(simulator), VIDEO)
    assert response.video
    assert simulator.counters("xai").submits == 1


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"video": {"url": URL, "duration": 3}}, None),
        ({"status": "failed", "error": {"code": "x", "message": "GPU on fire"}}, "GPU on fire"),
    ],
)
async def test_an_answer_with_202_may_say_how_the_job_ended(
    simulator: Simulator, body: dict[str, Any], told: str | None
) -> None:
    simulator.fail("xai", "poll", Fault.status(202, body))
    if told is None:
        assert (await generate_video_async(video_config(simulator), VIDEO)).video == URL
    else:
        assert told in str(await failing(simulator))


async def test_images_with_an_empty_address_were_refused(simulator: Simulator) -> None:
    """An error that another try may mend would buy them once more, elsewhere."""
    simulator.script("xai", Script(result={"data": [{"url": ""}, {"url": ""}]}))
    error = await failing_image(simulator)
    assert type(error).__name__ == "ContentModerationError"
    assert error.retryable is False


async def test_an_image_that_was_refused_in_two_ways_is_one(simulator: Simulator) -> None:
    refused = {"url": "", "respect_moderation": False}
    simulator.script("xai", Script(result={"data": [{"url": URL}, refused, {"url": ""}]}))
    response = await generate_image_async(image_config(simulator), IMAGE)
    assert response.images == (URL,)
    assert response.provider_metadata["kept_back"] == 2


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


async def test_some_of_the_images_may_be_refused(simulator: Simulator) -> None:
    simulator.script("xai", Script(outputs=2))
    request = ImageGenerationRequest(prompt="A lighthouse", n=3)
    response = await generate_image_async(image_config(simulator), request)
    assert len(response.images) == 2
    assert response.provider_metadata["moderated_images"] == 1


# ------------------------------------------------------------------------------------------ errors
@pytest.mark.parametrize(
    ("status", "kind", "retry_after"),
    [(400, "ValidationError", None), (422, "ValidationError", None), (429, "RateLimitError", 3)],
)
async def test_a_status_has_its_error_for_videos_and_for_images(
    simulator: Simulator, status: int, kind: str, retry_after: float | None
) -> None:
    simulator.fail("xai", "submit", Fault.status(status, retry_after=3), times=2)
    for error in (await failing(simulator), await failing_image(simulator)):
        assert (type(error).__name__, error.retry_after) == (kind, retry_after)
        assert error.raw_response["error"] == f"Simulated fault: HTTP {status}"


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


async def test_an_answer_without_an_id_is_never_sent_again(simulator: Simulator) -> None:
    simulator.fail("xai", "submit", Fault.foreign_body("{}", content_type="application/json"))
    error = await failing(simulator, max_retries=3)
    assert error.submission == "unknown"
    assert (simulator.counters("xai").submits, simulator.counters("xai").accepted) == (1, 1)


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
    assert isinstance(error, HTTPError if result == {} else GenerationFailedError)
    assert error.submission == ("unknown" if result == {} else "accepted")
    assert error.raw_response == result


async def test_an_answer_without_status_and_unknown_keys(simulator: Simulator) -> None:
    video = {"url": URL, "file_output": {"file_id": "f", "expires_at": "2027-01-01T00:00:00Z"}}
    simulator.script("xai", Script(result={"video": video, "novel": 1}))
    response = await generate_video_async(video_config(simulator), VIDEO)
    assert response.video == URL
    assert response.provider_metadata["expires_at"] == "2027-01-01T00:00:00Z"
    assert response.provider_metadata["file_output"]["file_id"] == "f"
