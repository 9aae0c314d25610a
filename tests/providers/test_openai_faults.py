"""OpenAI's adapter where the wire goes wrong: one submit, the right error, no key shown."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import traceback
from collections.abc import Coroutine, Iterator
from typing import Any

import httpx2
import openai
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
    Registry,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    ValidationError,
    VideoGenerationConfig,
    VideoGenerationRequest,
)
from tarash.tarash_gateway._clients import ClientCache
from tarash.tarash_gateway._contract import Account, Wire, current_wire
from tarash.tarash_gateway._sdk import exchange
from tarash.tarash_gateway._settings import account
from tarash.tarash_gateway.ledger import MemoryLedger
from tarash.tarash_gateway.testing import Fault, Script, Simulator, Step

CANARY = "sk-canary-5c1f0e7b9a"
VIDEO = VideoGenerationRequest(prompt="A cat")
IMAGE = ImageGenerationRequest(prompt="A cat")
Config = VideoGenerationConfig | ImageGenerationConfig
PROVIDERS = ["openai", "azure-openai"]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(PROVIDERS) as running:
        yield running


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def settings(simulator: Simulator, provider: str, **facts: Any) -> dict[str, Any]:
    return {
        "provider": provider,
        "api_key": CANARY,
        "base_url": simulator.base_url(provider),
        "poll_interval": 0.05,
        "timeout": 10,
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
    account = Account("openai", "https://example.invalid/v1", CANARY)

    async def send() -> None:
        raise openai.APITimeoutError(request=request)

    token = current_wire.set(Wire(sent=True))
    with pytest.raises(HTTPConnectionError) as caught:
        await exchange(send, account, openai.APIConnectionError)

    current_wire.reset(token)
    assert caught.value.submission == "unknown"


@pytest.mark.parametrize("provider_name", PROVIDERS)
async def test_a_key_is_checked_for_free(simulator: Simulator, provider_name: str) -> None:
    adapter: Any = Registry().adapter(provider_name)
    asked = account(adapter, video(simulator, provider_name), None)
    clients = ClientCache()
    async with clients.lease(adapter, asked) as client:
        await adapter.check(client)
        simulator.keys[provider_name] = {"another"}
        with pytest.raises(AuthenticationError):
            await adapter.check(client)

    await clients.aclose()
    assert simulator.counters(provider_name).submits == 0


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


@pytest.mark.parametrize("make", [video, image])
async def test_a_job_or_an_image_that_is_moderated(
    simulator: Simulator, provider: str, make: Any
) -> None:
    simulator.script(provider, Script(outcome="moderated"))
    error = await failure(make(simulator, provider, fallback_configs=(make(simulator, provider),)))

    assert isinstance(error, ContentModerationError)
    assert error.raw_response == simulator.jobs(provider)[0].result_body
    assert simulator.counters(provider).submits == 1


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
async def test_a_failed_job(simulator: Simulator, provider: str) -> None:
    simulator.script(provider, Script(outcome="failed", error_message="Out of paint"))
    error = await failure(video(simulator, provider))

    assert isinstance(error, GenerationFailedError)
    assert "Out of paint" in error.message
    assert error.raw_response == simulator.jobs(provider)[0].result_body
    assert error.request_id == simulator.jobs(provider)[0].id
    assert error.submission == "accepted"


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


@pytest.mark.parametrize("make", [video, image])
async def test_a_result_without_media(simulator: Simulator, make: Any) -> None:
    simulator.script("openai", Script(outcome="no_media"))
    error = await failure(make(simulator))

    assert isinstance(error, GenerationFailedError)
    assert error.raw_response == simulator.jobs("openai")[0].result_body


async def test_a_lost_job(simulator: Simulator) -> None:
    simulator.script("openai", Script(outcome="lost"))
    error = await failure(video(simulator))

    assert isinstance(error, HTTPError)
    assert error.status_code == 404
    assert error.operation is not None
    assert error.operation["id"] == simulator.jobs("openai")[0].id
    assert simulator.counters("openai").accepted == 1


# ----------------------------------------------------------------------------------------- statuses
@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, ValidationError, False),
        (401, AuthenticationError, False),
        (402, QuotaExceededError, False),
        (403, AuthenticationError, False),
        (404, ModelNotFoundError, False),
        (408, HTTPError, True),
        (409, HTTPError, False),
        (422, HTTPError, False),
        (429, RateLimitError, True),
        (500, HTTPError, True),
        (502, HTTPError, True),
        (503, HTTPError, True),
    ],
)
@pytest.mark.parametrize("make", [video, image])
async def test_statuses_of_a_submit(
    simulator: Simulator, make: Any, status: int, kind: type[TarashException], retryable: bool
) -> None:
    simulator.fail("openai", "submit", Fault.status(status))
    error = await failure(make(simulator))

    assert type(error) is kind
    assert error.retryable is retryable
    assert error.submission == ("unknown" if status in (408, 502) else "rejected")
    assert simulator.counters("openai").accepted == 0


async def test_a_rate_limit_is_waited_out(simulator: Simulator) -> None:
    body = envelope(code="rate_limit_exceeded", type="requests")
    fault = Fault.status(429, body, {"retry-after-ms": "150"}, retry_after=60)
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
    ("fault", "kind"),
    [
        (Fault.reset_after(), HTTPConnectionError),
        (Fault.foreign_body("[]", "application/json"), HTTPError),
        (Fault.status(302, headers={"Location": "https://elsewhere.example/"}), HTTPError),
    ],
)
async def test_an_unsettled_submit_is_never_sent_again(
    simulator: Simulator, make: Any, fault: Fault, kind: type[TarashException]
) -> None:
    simulator.fail("openai", "list", Fault.status(500), times=None)
    simulator.fail("openai", "submit", fault)
    error = await failure(make(simulator, max_retries=2))

    assert isinstance(error, kind)
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
@pytest.mark.parametrize("step", ["poll", "result"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(500),
        Fault.status(429, retry_after=0),
        Fault.reset_after(),
        Fault.truncate(),
        Fault.foreign_body(),
    ],
)
async def test_a_bad_look_never_loses_the_job(
    simulator: Simulator, step: Step, fault: Fault
) -> None:
    simulator.fail("openai", step, fault)
    async with Gateway() as gateway:
        response = await gateway.generate_video_async(video(simulator), VIDEO)

    assert response.status == "completed"
    assert simulator.counters("openai").accepted == 1


async def test_the_servers_pace_is_kept(simulator: Simulator) -> None:
    body = {"id": "x", "status": "in_progress", "progress": 10}
    fault = Fault.status(200, body, {"openai-poll-after-ms": "400"})
    simulator.fail("openai", "poll", fault)
    started = asyncio.get_running_loop().time()
    async with Gateway() as gateway:
        await gateway.generate_video_async(video(simulator), VIDEO)

    assert asyncio.get_running_loop().time() - started > 0.4
    assert simulator.counters("openai").polls == 2


# ------------------------------------------------------------------------ deadline and cancellation
async def test_a_deadline_says_that_nothing_could_be_cancelled(simulator: Simulator) -> None:
    simulator.script("openai", Script(outcome="never"))
    error = await failure(video(simulator, timeout=0.5))

    assert isinstance(error, TimeoutError)
    assert "could not be cancelled" in error.message
    assert error.operation is not None
    assert error.execution_metadata is not None
    assert error.execution_metadata.attempts[0].cancel == "unsupported"
    assert json.loads(json.dumps(error.operation)) == error.operation


async def test_an_image_past_the_deadline_is_unknown(simulator: Simulator) -> None:
    simulator.script("openai", Script(outcome="never"))
    error = await failure(image(simulator, timeout=0.4, max_retries=2))

    assert isinstance(error, TimeoutError)
    assert error.submission == "unknown"
    assert simulator.counters("openai").submits == 1


async def test_cancellation_leaves_no_connection(simulator: Simulator) -> None:
    simulator.script("openai", Script(outcome="never"))
    async with Gateway() as gateway:
        task = asyncio.create_task(gateway.generate_video_async(video(simulator), VIDEO))
        while simulator.counters("openai").polls == 0:  # noqa: ASYNC110  (counted in a thread)
            await asyncio.sleep(0.02)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    await asyncio.sleep(0.05)
    assert simulator.counters("openai").open_connections == 0


def test_loops_leave_no_connection(simulator: Simulator, provider: str) -> None:
    async def both() -> None:
        gateway = Gateway()
        await gateway.generate_video_async(video(simulator, provider), VIDEO)
        await gateway.generate_image_async(image(simulator, provider), IMAGE)

    for _ in range(2):
        asyncio.run(both())

    assert simulator.counters(provider).accepted == 4


# ---------------------------------------------------------------------------------------- secrets
def shown(error: BaseException) -> list[str]:
    found = ["".join(traceback.format_exception(error)), repr(pickle.dumps(error))]
    link: BaseException | None = error
    while link is not None:
        found += [str(link), repr(link), repr(vars(link)), repr(link.args)]
        link = link.__cause__ or link.__context__

    return found


@pytest.mark.parametrize(
    ("make", "step"), [(video, "submit"), (video, "poll"), (video, "result"), (image, "submit")]
)
@pytest.mark.parametrize("status", [400, 401, 500])
async def test_an_echoed_key_is_not_spread(  # noqa: PLR0913, PLR0917  (one case)
    simulator: Simulator,
    provider: str,
    make: Any,
    step: Step,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    simulator.fail(provider, step, Fault.echo_key(status), times=None)
    ledger = MemoryLedger()
    error = await failure(make(simulator, provider, timeout=0.5), Gateway(ledger=ledger))

    texts = [*shown(error), *(str(vars(record)) for record in caplog.records)]
    texts += [record.getMessage() for record in caplog.records]
    assert not any(CANARY in text for text in [*texts, str(ledger.entries())])
