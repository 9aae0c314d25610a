"""Bodies as people reported them, of the newer providers above all: what each comes to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    ContentModerationError,
    GenerationFailedError,
    HTTPError,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_image,
    generate_video,
)
from tests.media.raw import Asked, answer, serving

MODELS = {
    "alibaba": "wan2.6-t2v",
    "bfl": "flux-2-pro",
    "bytedance": "seedance-1-0-pro-250528",
    "fal": "fal-ai/veo3.1",
    "google": "veo-3.1-generate-preview",
    "kling": "kling-v2-6",
    "minimax": "MiniMax-Hailuo-2.3",
    "openrouter": "google/veo-3.1",
    "recraft": "recraftv3",
    "replicate": "google/veo-3.1",
    "together": "google/veo-3.0",
    "wavespeed": "wavespeed-ai/wan-2.2/t2v-720p",
}
OF_IMAGES = {"bfl", "recraft"}
ACCEPTED: dict[str, Any] = {
    "alibaba": {"output": {"task_id": "j1", "task_status": "PENDING"}, "request_id": "r"},
    "bfl": {"id": "j1", "polling_url": "/v1/get_result?id=j1"},
    "bytedance": {"id": "j1"},
    "fal": {"request_id": "j1"},
    "google": {"name": "models/veo-3.1-generate-preview/operations/o1"},
    "kling": {"code": 0, "request_id": "r", "data": {"task_id": "j1", "task_status": "submitted"}},
    "minimax": {"task_id": "j1", "base_resp": {"status_code": 0, "status_msg": "success"}},
    "openrouter": {"id": "j1", "status": "pending"},
    "replicate": {"id": "j1", "status": "starting", "urls": {}},
    "together": {"id": "j1", "status": "queued"},
    "wavespeed": {"code": 200, "data": {"id": "j1", "status": "created", "outputs": []}},
}
Moderated, Quota, Failed = ContentModerationError, QuotaExceededError, GenerationFailedError


def said(body: Any, status: int) -> bytes:
    if isinstance(body, str):
        return answer(body.encode(), f"{status} X", Content_Type="text/plain")

    return answer(json.dumps(body).encode(), f"{status} X", Content_Type="application/json")


def minimax(code: int, words: str, **facts: Any) -> dict[str, Any]:
    return {"base_resp": {"status_code": code, "status_msg": words}, **facts}


def error(code: str, words: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": words}}


def failure(provider: str, answers: Any) -> TarashException:
    """Generate at a server that answers so, and return what comes of it."""
    is_image = provider in OF_IMAGES
    with serving(answers) as server:
        config: Any = (ImageGenerationConfig if is_image else VideoGenerationConfig)(
            provider=provider,
            model=MODELS[provider],
            api_key="id:a-secret-key",
            base_url=server.url,
            poll_interval=0.02,
            max_poll_attempts=6,
            max_retries=0,
            provider_config={"min_poll_interval": 0.01},
        )
        with pytest.raises(TarashException) as caught:
            made(config, is_image=is_image)

    return caught.value


def made(config: Any, *, is_image: bool) -> object:
    if is_image:
        return generate_image(config, ImageGenerationRequest(prompt="A cat"))

    return generate_video(config, VideoGenerationRequest(prompt="A cat"))


def bill(error: TarashException) -> str:
    assert error.execution_metadata is not None
    return error.execution_metadata.attempts[-1].billing


# A 429 that is no matter of waiting, a 200 that is a refusal: what people took for the other one.
REFUSALS: list[tuple[str, int, Any, type[TarashException]]] = [
    ("kling", 429, {"code": 1102, "message": "Account balance not enough"}, Quota),
    ("kling", 429, {"code": 1303, "message": "parallel task over the limit"}, RateLimitError),
    ("kling", 400, {"code": 1301, "message": "Trigger strategy"}, Moderated),
    ("minimax", 200, minimax(1008, "insufficient balance", task_id=""), Quota),
    ("minimax", 200, minimax(1026, "input new_sensitive", task_id=""), Moderated),
    ("minimax", 200, minimax(1002, "rate limit"), RateLimitError),
    ("minimax", 200, minimax(2049, "invalid api key"), AuthenticationError),
    ("bytedance", 403, error("AccountOverdueError", "an overdue balance"), Quota),
    ("bytedance", 429, error("SetLimitExceeded", "the set limit is reached"), Quota),
    ("bytedance", 404, error("ModelNotOpen", "not activated"), ModelNotFoundError),
    ("alibaba", 400, {"code": "Arrearage", "message": "not in good standing"}, Quota),
    ("alibaba", 400, {"code": "DataInspectionFailed", "message": "inappropriate"}, Moderated),
    ("wavespeed", 403, {"code": 403, "message": "insufficient credits, top up"}, Quota),
    ("recraft", 400, {"code": "not_enough_credits", "message": "not enough credits"}, Quota),
]


@pytest.mark.parametrize(("provider", "status", "body", "kind"), REFUSALS)
def test_a_refusal_is_what_its_code_says_and_buys_nothing(
    provider: str, status: int, body: Any, kind: type[TarashException]
) -> None:
    submits = []

    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.method == "POST":
            submits.append(asked)
            return [said(body, status)]

        return [said({}, 200)]

    caught = failure(provider, answers)
    assert type(caught) is kind
    assert (len(submits), caught.submission, bill(caught)) == (1, "rejected", "none")
    assert caught.retryable is (kind is RateLimitError)


ENDS: list[tuple[str, Any, type[TarashException], str]] = [
    (
        "kling",
        {
            "code": 0,
            "data": {
                "task_id": "j1",
                "task_status": "failed",
                "task_status_msg": "Failure to pass the risk control system",
            },
        },
        Moderated,
        "possible",
    ),
    (
        "minimax",
        minimax(1027, "output new_sensitive", status="Fail", task_id="j1"),
        Moderated,
        "possible",
    ),
    (
        "bytedance",
        {
            "status": "failed",
            **error("OutputVideoSensitiveContentDetected.PolicyViolation", "may be copyrighted"),
        },
        Moderated,
        "none",
    ),
    (
        "bytedance",
        {"status": "failed", **error("OutputAudioSensitiveContentDetected", "is sensitive")},
        Moderated,
        "none",
    ),
    (
        "alibaba",
        {
            "output": {
                "task_id": "j1",
                "task_status": "FAILED",
                "code": "DataInspectionFailed",
                "message": "bad",
            }
        },
        Moderated,
        "none",
    ),
    (
        "wavespeed",
        {
            "data": {
                "id": "j1",
                "status": "failed",
                "error": "Content flagged as potentially sensitive.",
            }
        },
        Moderated,
        "possible",
    ),
    ("bfl", {"id": "j1", "status": "Content Moderated", "result": None}, Moderated, "possible"),
    (
        "openrouter",
        {"id": "j1", "status": "failed", "error": "Upstream refused: content policy"},
        Moderated,
        "possible",
    ),
    (
        "google",
        {
            "name": "o1",
            "done": True,
            "response": {
                "raiMediaFilteredCount": 1,
                "raiMediaFilteredReasons": ["You will not be charged. Support codes: 42237218"],
            },
        },
        Moderated,
        "none",
    ),
    ("google", {"name": "o1", "done": True, "response": {}}, Failed, "possible"),
    ("replicate", {"id": "j1", "status": "failed", "error": "Queue is full"}, Failed, "possible"),
]


@pytest.mark.parametrize(("provider", "body", "kind", "billing"), ENDS)
def test_an_end_that_only_a_poll_tells_is_the_jobs_own(
    provider: str, body: Any, kind: type[TarashException], billing: str
) -> None:
    def answers(asked: Asked, _number: int) -> list[bytes]:
        return [said(ACCEPTED[provider] if asked.method == "POST" else body, 200)]

    caught = failure(provider, answers)
    assert type(caught) is kind
    assert (caught.submission, bill(caught)) == ("accepted", billing)


# --------------------------------------------------------------------------------------------- fal
def fal(status: dict[str, Any], result: Any) -> TarashException:
    def answers(asked: Asked, _number: int) -> list[bytes]:
        if asked.method == "POST":
            return [said(ACCEPTED["fal"], 200)]

        return [said(status, 200) if "/status" in asked.target else said(*result)]

    return failure("fal", answers)


def test_the_words_of_a_makers_filter_are_moderation_under_any_code() -> None:
    words = "Request blocked due to safety violations (harmful content). Modify your input."
    detail = [{"loc": ["body", "prompt"], "msg": words, "type": "value_error"}]
    caught = fal({"status": "COMPLETED", "request_id": "j1"}, ({"detail": detail}, 422))
    assert isinstance(caught, Moderated)
    assert (caught.stage, caught.retryable) == ("input", False)


def test_a_status_of_failed_is_as_final_as_its_result() -> None:
    detail = [{"loc": ["body", "prompt"], "msg": "too long", "type": "string_too_long"}]
    caught = fal({"status": "FAILED", "request_id": "j1"}, ({"detail": detail}, 422))
    assert "too long" in str(caught)
    assert caught.submission == "accepted"


@pytest.mark.parametrize(
    "body", ["error code: 1003", "<!DOCTYPE html><title>Access denied</title>"]
)
@pytest.mark.parametrize("provider", ["fal", "together", "kling", "replicate"])
def test_a_firewalls_refusal_does_not_accuse_the_key(provider: str, body: str) -> None:
    caught = failure(provider, lambda _asked, _number: [said(body, 403)])
    assert isinstance(caught, HTTPError)
    assert "the key may be good" in str(caught)
    assert "check what the key" not in str(caught)
