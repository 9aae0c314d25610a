"""OpenAI's adapter where the wire goes wrong: one submit, the right error, no key shown."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import httpx2
import openai
import pytest

from tarash.tarash_gateway import (
    ContentModerationError,
    Gateway,
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
)
from tarash.tarash_gateway._http._credentials import Credentials
from tarash.tarash_gateway._http._sdk import round_trip
from tarash.tarash_gateway._http._send_state import SendState, current_wire
from tarash.tarash_gateway._support._secrets import Key
from tarash.tarash_gateway.testing import Fault, Script, Simulator

CANARY = "sk-canary-5c1f0e7b9a"
VIDEO = VideoGenerationRequest(prompt="A cat")
IMAGE = ImageGenerationRequest(prompt="A cat")
Config = VideoGenerationConfig | ImageGenerationConfig
PROVIDERS = ["openai", "azure-openai"]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(PROVIDERS) as running:
        yield running


def settings(simulator: Simulator, provider: str, **facts: Any) -> dict[str, Any]:
    return {
        "provider": provider,
        "api_key": CANARY,
        "base_url": simulator.base_url(provider),
        "poll_interval": 0.05,
        "timeout": 60,
        "max_retries": 0,
        "provider_config": {"min_poll_interval": 0.01},
        **facts,
    }


def video(simulator: Simulator, provider: str = "openai", **facts: Any) -> VideoGenerationConfig:
    return VideoGenerationConfig.model_validate(
        {"model": "sora-2", **settings(simulator, provider, **facts)}
    )


def image(simulator: Simulator, provider: str = "openai", **facts: Any) -> ImageGenerationConfig:
    return ImageGenerationConfig.model_validate(
        {"model": "gpt-image-2", **settings(simulator, provider, **facts)}
    )


async def failure(config: Config, gateway: Gateway | None = None) -> TarashException:
    """Generate, expect to fail, and return the error."""
    async with gateway or Gateway() as used:
        call: Coroutine[Any, Any, object]
        if isinstance(config, VideoGenerationConfig):
            call = used.generate_video_async(config, VIDEO)
        else:
            call = used.generate_image_async(config, IMAGE)

        with pytest.raises(TarashException) as caught:
            await call

    return caught.value


# --------------------------------------------------------------------------------- the SDK's errors
ANSWERED = {"APIStatusError"}
UNANSWERED = {"APIConnectionError", "APITimeoutError"}
# Raised by parts of the SDK that are not in use: parsing, streams, chats, sockets, logins.
ELSEWHERE = {
    *("APIError", "APIResponseValidationError", "OAuthError", "SubjectTokenProviderError"),
    *("LengthFinishReasonError", "ContentFilterFinishReasonError", "WebSocketQueueFullError"),
    *("WebSocketConnectionClosedError", "MutuallyExclusiveAuthError", "StreamAlreadyConsumed"),
    *("APIRemovedInV1", "_AmbiguousModuleClientUsageError"),
}


def below(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    for one in kind.__subclasses__():
        yield one
        yield from below(one)


def test_every_error_of_the_sdk_is_accounted_for() -> None:
    """A new class in another version has to be put into one of the sets above."""
    known = ANSWERED | UNANSWERED | ELSEWHERE
    for kind in below(openai.OpenAIError):
        if kind.__module__.startswith("openai"):
            is_known = kind.__name__ in known or issubclass(kind, openai.APIStatusError)
            assert is_known, kind


async def test_a_time_limit_of_the_sdk_is_unknown() -> None:
    request = httpx2.Request("POST", "https://example.invalid/v1/videos")
    account = Credentials("openai", "https://example.invalid/v1", Key(CANARY))

    async def send() -> None:
        raise openai.APITimeoutError(request=request)

    token = current_wire.set(SendState(sent=True))
    with pytest.raises(HTTPConnectionError) as caught:
        await round_trip(send, account, openai.APIConnectionError)

    current_wire.reset(token)
    assert caught.value.submission == "unknown"


# -------------------------------------------------------------------------------------- moderation
def envelope(**error: Any) -> dict[str, Any]:
    return {"error": {"message": "No.", "type": "invalid_request_error", "param": None, **error}}


AZURE_FILTER = {
    "code": "ResponsibleAIPolicyViolation",
    "content_filter_result": {
        "hate": {"filtered": False, "severity": "safe"},
        "violence": {"filtered": True, "severity": "high"},
        "jailbreak": {"detected": False, "filtered": False},
    },
}
FACES: list[tuple[int, dict[str, Any], str | None, tuple[str, ...]]] = [
    (
        400,
        envelope(
            code="moderation_blocked",
            type="image_generation_user_error",
            moderation_details={"moderation_stage": "output", "categories": ["violence", "other"]},
        ),
        "output",
        ("violence", "other"),
    ),
    (
        400,
        envelope(code="moderation_blocked", moderation_stage="output", categories=["other"]),
        "output",
        ("other",),
    ),
    (
        400,
        envelope(
            code="moderation_blocked",
            moderation_details={"moderation_stage": "unknown", "categories": []},
        ),
        None,
        (),
    ),
    (
        400,
        envelope(message="rejected by our safety system. safety_violations=[sexual, minors]"),
        None,
        ("sexual", "minors"),
    ),
    (400, envelope(code="content_policy_violation"), None, ()),
    (400, envelope(code="sentinel_block"), None, ()),
    (403, envelope(code="content_policy_violation"), None, ()),
    (422, envelope(code="moderation_blocked"), None, ()),
    (
        400,
        envelope(code="content_filter", message="Your task failed.", innererror=AZURE_FILTER),
        "input",
        ("violence",),
    ),
    (400, envelope(code="BadRequest", innererror=AZURE_FILTER), None, ("violence",)),
    (
        400,
        envelope(code="contentFilter", message="The generated image was filtered."),
        "output",
        (),
    ),
]


@pytest.mark.parametrize(("status", "body", "stage", "categories"), FACES)
@pytest.mark.parametrize("make", [video, image])
async def test_a_refusal_is_moderation_and_ends_the_chain(  # noqa: PLR0913, PLR0917  (one case)
    simulator: Simulator,
    make: Any,
    status: int,
    body: dict[str, Any],
    stage: str | None,
    categories: tuple[str, ...],
) -> None:
    simulator.fail("openai", "submit", Fault.status(status, body))
    error = await failure(make(simulator, fallback_configs=(make(simulator),), max_retries=2))

    assert isinstance(error, ContentModerationError)
    assert (error.stage, error.categories, error.retryable) == (stage, categories, False)
    assert error.raw_response == body
    assert error.submission == "rejected"
    assert simulator.counters("openai").submits == 1


@pytest.mark.parametrize(
    ("result", "categories"),
    [
        ({"created": 1, "error": {"code": "contentFilter", "message": "Filtered."}}, ()),
        (
            {"created": 1, "data": [{"content_filter_results": {"hate": {"filtered": True}}}]},
            ("hate",),
        ),
    ],
)
async def test_an_image_that_was_filtered_out_of_a_good_answer(
    simulator: Simulator, result: dict[str, Any], categories: tuple[str, ...]
) -> None:
    simulator.script("openai", Script(result=result))
    error = await failure(image(simulator, fallback_configs=(image(simulator),)))

    assert isinstance(error, ContentModerationError)
    assert error.categories == categories
    assert error.raw_response == result
    assert simulator.counters("openai").submits == 1


# ------------------------------------------------------------------------------------- failed jobs
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("insufficient_quota", QuotaExceededError),
        ("billing_hard_limit_reached", QuotaExceededError),
        ("rate_limit_exceeded", RateLimitError),
        ("sentinel_block", ContentModerationError),
        ("output_moderation", ContentModerationError),
    ],
)
async def test_a_failed_jobs_code_says_what_it_is(
    simulator: Simulator, code: str, kind: type[TarashException]
) -> None:
    simulator.script("openai", Script(outcome="failed", error_type=code))
    assert type(await failure(video(simulator))) is kind


# ----------------------------------------------------------------------------------------- statuses
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ValidationError),
        (409, HTTPError),
        (422, HTTPError),
    ],
)
@pytest.mark.parametrize("make", [video, image])
async def test_statuses_of_a_submit(
    simulator: Simulator, make: Any, status: int, kind: type[TarashException]
) -> None:
    simulator.fail("openai", "submit", Fault.status(status))
    error = await failure(make(simulator))

    assert type(error) is kind
    assert (error.retryable, error.submission) == (False, "rejected")


async def test_a_rate_limit_is_waited_out(simulator: Simulator) -> None:
    body = envelope(code="rate_limit_exceeded", type="requests")
    fault = Fault.status(429, body, {"retry-after-ms": "50"}, retry_after=60)
    simulator.fail("openai", "submit", fault)
    async with Gateway() as gateway:
        response = await gateway.generate_image_async(image(simulator, max_retries=1), IMAGE)

    assert response.images
    assert simulator.counters("openai").submits == 2

    simulator.fail("openai", "submit", Fault.status(429, body, retry_after=7))
    error = await failure(image(simulator))
    assert isinstance(error, RateLimitError)
    assert error.retry_after == 7


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "insufficient_quota"), (400, "billing_hard_limit_reached"), (403, "quota_exceeded")],
)
async def test_a_spent_quota_is_never_sent_again(
    simulator: Simulator, status: int, code: str
) -> None:
    simulator.fail("openai", "submit", Fault.status(status, envelope(code=code)), times=None)
    error = await failure(image(simulator, max_retries=2, fallback_configs=(image(simulator),)))

    assert type(error) is QuotaExceededError
    assert error.retryable is False
    assert simulator.counters("openai").submits == 1


@pytest.mark.parametrize(
    ("provider_name", "model", "status", "error", "said"),
    [
        ("openai", "sora-2", 404, {"code": "model_not_found"}, "2026-09-24"),
        ("openai", "sora-2-pro", 410, {}, "no successor"),
        (
            "openai",
            "dall-e-3",
            400,
            {"code": "invalid_value", "param": "model", "type": "image_generation_user_error"},
            "gpt-image-2",
        ),
        ("openai", "gpt-image-1", 404, {}, "use gpt-image-2"),
        ("openai", "gpt-image-1-mini", 404, {}, "check the model's id"),
        ("azure-openai", "mine", 404, {"code": "DeploymentNotFound"}, "deployment's name"),
    ],
)
async def test_a_retired_model_names_its_successor(  # noqa: PLR0913, PLR0917  (one case)
    simulator: Simulator,
    provider_name: str,
    model: str,
    status: int,
    error: dict[str, Any],
    said: str,
) -> None:
    simulator.fail(provider_name, "submit", Fault.status(status, envelope(**error)))
    make: Any = video if "sora" in model else image
    found = await failure(make(simulator, provider_name, model=model))

    assert isinstance(found, ModelNotFoundError)
    assert found.status_code == status
    assert said in found.message


async def test_a_refused_parameter_is_named(simulator: Simulator) -> None:
    body = envelope(code="invalid_value", param="size", message="Invalid size '1x1'.")
    simulator.fail("openai", "submit", Fault.status(400, body))
    error = await failure(image(simulator))

    assert isinstance(error, ValidationError)
    assert "size" in error.message


# ------------------------------------------------------------------------------ faults of a submit
@pytest.mark.parametrize("make", [video, image])
@pytest.mark.parametrize(
    "fault",
    [
        Fault.foreign_body("[]", "application/json"),
        Fault.status(302, headers={"Location": "https://elsewhere.example/"}),
    ],
)
async def test_an_answer_that_is_no_answer_is_never_sent_again(
    simulator: Simulator, make: Any, fault: Fault
) -> None:
    simulator.fail("openai", "list", Fault.status(500), times=None)
    simulator.fail("openai", "submit", fault)
    error = await failure(make(simulator, max_retries=2))

    assert isinstance(error, HTTPError)
    assert error.submission == ("rejected" if fault.code == 302 else "unknown")
    assert simulator.counters("openai").submits == 1


async def test_an_unreachable_server_was_not_sent_to(simulator: Simulator) -> None:
    error = await failure(video(simulator, base_url="http://127.0.0.1:9"))

    assert isinstance(error, HTTPConnectionError)
    assert error.submission == "not_sent"


async def test_an_empty_object_is_no_job(simulator: Simulator) -> None:
    simulator.fail("openai", "submit", Fault.status(200, {}))
    error = await failure(video(simulator))
    assert error.submission == "unknown"

    simulator.fail("openai", "submit", Fault.status(200, envelope(code="moderation_blocked")))
    assert isinstance(await failure(video(simulator)), ContentModerationError)


# ------------------------------------------------------------------------------- faults of a look
async def test_a_bad_download_never_loses_the_job(simulator: Simulator) -> None:
    for fault in (Fault.status(500), Fault.status(429, retry_after=0), Fault.reset_after(),
                  Fault.truncate(), Fault.foreign_body()):  # fmt: skip
        simulator.fail("openai", "result", fault)

    async with Gateway() as gateway:
        response = await gateway.generate_video_async(video(simulator), VIDEO)

    assert response.status == "completed"
    assert isinstance(response.video, dict)
    assert response.video["content"][4:8] == b"ftyp"
    assert simulator.counters("openai").accepted == 1


async def test_the_servers_pace_is_kept(simulator: Simulator) -> None:
    body = {"id": "x", "status": "in_progress", "progress": 10}
    fault = Fault.status(200, body, {"openai-poll-after-ms": "200"})
    simulator.fail("openai", "poll", fault)
    started = asyncio.get_running_loop().time()
    async with Gateway() as gateway:
        await gateway.generate_video_async(video(simulator), VIDEO)

    assert asyncio.get_running_loop().time() - started >= 0.2
    assert simulator.counters("openai").polls == 2
