"""Bodies that providers sent: which error each is, whether it may be tried again, and when."""

from __future__ import annotations

from typing import Any

import pytest

from tarash.tarash_gateway import (
    AuthenticationError,
    ContentModerationError,
    HTTPError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    ValidationError,
)
from tarash.tarash_gateway._http._answer import HttpResponse, status_error
from tarash.tarash_gateway.providers import _openai_errors, luma, xai
from tarash.tarash_gateway.providers._declared._rules import DeclaredRules
from tarash.tarash_gateway.providers._folders import declaration
from tarash.tarash_gateway.providers.fal import errors as _fal_errors
from tarash.tarash_gateway.providers.google import errors as google_errors
from tarash.tarash_gateway.providers.replicate import errors as _replicate_errors
from tarash.tarash_gateway.providers.runway import errors as _runway_errors
from tarash.tarash_gateway.providers.stability import adapter as stability

READERS: dict[str, Any] = {
    "azure-openai": lambda answer: _openai_errors.classify_answer(answer, "azure-openai"),
    "fal": _fal_errors.classify_answer,
    "google": google_errors.classify_answer,
    "luma": DeclaredRules.of(declaration(luma.__name__)),
    "openai": lambda answer: _openai_errors.classify_answer(answer, "openai"),
    "replicate": _replicate_errors.classify_answer,
    "runway": _runway_errors.classify_answer,
    "stability": stability.classify_answer,
    "xai": DeclaredRules.of(declaration(xai.__name__)),
}


def envelope(code: str, message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "type": None, "param": None, **more}}


def model_error(kind: str) -> dict[str, Any]:
    return {"detail": [{"loc": ["body", "prompt"], "msg": "no", "type": kind}]}


BLOCKED = (
    "Your resource has been temporarily blocked because we detected behavior that may violate our "
    "content policy. Please correct your behavior and contact us."
)
PER_DAY = {
    "error": {
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "message": "You exceeded your current quota, please check your plan.",
        "details": [
            {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},
            {"retryDelay": "37s"},
        ],
    }
}
THROTTLED = "Request was throttled. Your rate limit resets in ~8s."
Invalid, Moderated, NoAccess = ValidationError, ContentModerationError, AuthenticationError
NoModel, Quota, TooMany = ModelNotFoundError, QuotaExceededError, RateLimitError
ROWS: list[tuple[str, int, Any, type[TarashException], bool]] = [
    ("azure-openai", 403, envelope("Forbidden", BLOCKED), NoAccess, False),
    ("azure-openai", 400, envelope("contentFilter", "filtered"), Moderated, False),
    ("azure-openai", 404, envelope("DeploymentNotFound", "none"), NoModel, False),
    ("azure-openai", 401, envelope("401", "Access denied"), NoAccess, False),
    ("azure-openai", 429, envelope("429", "Slow down"), TooMany, True),
    ("openai", 400, envelope("moderation_blocked", "no"), Moderated, False),
    ("openai", 400, envelope("sentinel_block", "no"), Moderated, False),
    ("openai", 429, envelope("insufficient_quota", "You exceeded it"), Quota, False),
    ("openai", 400, envelope("billing_hard_limit_reached", "Reached"), Quota, False),
    ("openai", 429, envelope("rate_limit_exceeded", "Slow down"), TooMany, True),
    ("openai", 401, envelope("invalid_api_key", "Incorrect key"), NoAccess, False),
    ("openai", 400, envelope("invalid_value", "no", param="size"), Invalid, False),
    ("openai", 400, envelope("invalid_value", "no", param="model"), NoModel, False),
    ("openai", 403, envelope("x", "Your organization has been disabled"), NoAccess, False),
    ("openai", 500, envelope("server_error", "oops"), HTTPError, True),
    ("fal", 403, {"detail": "User is locked. Reason: TOP_UP."}, Quota, False),
    ("fal", 403, {"detail": "User is locked. Reason: Exhausted balance."}, Quota, False),
    ("fal", 403, {"detail": "Forbidden"}, NoAccess, False),
    ("fal", 422, model_error("content_policy_violation"), Moderated, False),
    ("fal", 422, model_error("image_too_small"), Invalid, False),
    ("fal", 429, {"detail": "Too many"}, TooMany, True),
    ("fal", 503, {"detail": "x", "error_type": "runner_scheduling_failure"}, HTTPError, True),
    ("google", 429, PER_DAY, Quota, False),
    ("google", 429, envelope("rate_limit_exceeded", "Slow down"), TooMany, True),
    ("google", 429, envelope("quota_exceeded", "Used up"), Quota, False),
    ("google", 402, envelope("payment_required", "Pay"), Quota, False),
    ("google", 403, envelope("permission_denied", "No"), NoAccess, False),
    ("runway", 429, {"error": "Your daily task limit has been reached."}, Quota, False),
    ("runway", 400, {"error": "You do not have enough credits to run this."}, Quota, False),
    ("runway", 400, {"error": "Validation of body failed"}, Invalid, False),
    ("runway", 401, {"error": "Unauthorized"}, NoAccess, False),
    ("runway", 429, {"error": "Rate limit exceeded"}, TooMany, True),
    ("replicate", 429, {"detail": THROTTLED, "retry_after": 8}, TooMany, True),
    ("replicate", 402, {"title": "Insufficient credit", "detail": "Buy"}, Quota, False),
    ("replicate", 422, {"detail": "- input.prompt: required"}, Invalid, False),
    ("replicate", 401, {"title": "Unauthenticated", "detail": "No"}, NoAccess, False),
    ("replicate", 403, {"detail": "Your account has been suspended."}, NoAccess, False),
    ("luma", 402, {"detail": "Insufficient credits"}, Quota, False),
    ("luma", 400, {"detail": "Insufficient credits"}, Quota, False),
    ("luma", 403, {"detail": "Your account is suspended or deactivated"}, NoAccess, False),
    ("luma", 422, {"detail": "image_ref[0] could not be fetched"}, Invalid, False),
    ("luma", 400, {"detail": "400: Advanced moderation failed"}, Moderated, False),
    ("luma", 429, {"detail": "Too many concurrent jobs"}, TooMany, True),
    ("stability", 403, {"name": "content_moderation", "errors": ["x"]}, Moderated, False),
    ("stability", 402, {"name": "payment_required", "errors": ["x"]}, Quota, False),
    ("stability", 400, {"name": "bad_request", "errors": ["image: is required"]}, Invalid, False),
    ("stability", 401, {"name": "unauthorized", "errors": ["x"]}, NoAccess, False),
    ("stability", 429, {"name": "rate_limit_exceeded", "errors": ["x"]}, TooMany, True),
    ("xai", 400, {"code": "x", "error": "Incorrect API key provided"}, NoAccess, False),
    ("xai", 403, {"code": "x", "error": "Your team has used all credits"}, Quota, False),
    (
        *("xai", 400),
        {"code": "imagine:content-moderated", "error": "Generated video rejected by it"},
        *(Moderated, False),
    ),
    ("xai", 429, {"code": "x", "error": "Too many requests"}, TooMany, True),
    ("xai", 422, {"code": "x", "error": "missing field"}, Invalid, False),
    *(
        (provider, 429, body, Quota, False)
        for provider in READERS
        for body in ({"error": "Daily limit reached"}, {"detail": "Monthly quota exceeded"})
        if provider != "google"
    ),
]


def of_google(message: str, *details: dict[str, Any], status: str = "RESOURCE_EXHAUSTED") -> Any:
    return {"error": {"code": 0, "message": message, "status": status, "details": list(details)}}


def flat(code: str, error: str) -> dict[str, str]:
    return {"code": code, "error": error}


def named(name: str, *errors: str) -> dict[str, Any]:
    return {"id": "1", "name": name, "errors": list(errors)}


RATE, DAILY = "rate_limit_exceeded", "Rate limit reached on requests per day (RPD): Limit 200, "
RESETS = "Please try again in "
ROLLING = f"{DAILY}Used 200, Requested 1. {RESETS}"
SAFETY = "Your request was rejected as a result of our safety system."
UNVERIFIED = "Your organization must be verified to use the model `gpt-image-1`."
INACTIVE = "Your account is not active, please check your billing details on our website."
POLICY = "The response was filtered due to the prompt triggering a content management policy."
NO_CREDITS = "Your newly created team doesn't have any credits or licenses yet."
SPENT = "Your team has either used all available credits or reached its monthly spending limit."
LOW = "Your rate limit for creating predictions is reduced to 6 requests per minute while you have "
PER_MODEL = (
    "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model."
)
PER_MINUTE = {"violations": [{"quotaId": "PredictLongRunningRequestsPerMinutePerProject"}]}
ZERO = "Quota exceeded for metric: free_tier_requests, limit: 0, model: x. Please retry in 37.5s."
BILLED = "This API method requires billing to be enabled."
STOPPED = "Consumer 'api_key:x' has been suspended."
REPORTED: list[tuple[str, int, Any, type[TarashException], bool]] = [
    ("openai", 429, envelope(RATE, "images per minute. Limit: 5/1min. Current: 6"), TooMany, True),
    ("openai", 429, envelope(RATE, "images per minute. Limit: 0/1min. Current: 1"), Quota, False),
    ("openai", 429, envelope(RATE, f"{ROLLING}7m12s."), TooMany, True),
    ("openai", 429, envelope(RATE, f"{ROLLING}120ms."), TooMany, True),
    ("openai", 429, envelope(RATE, f"{ROLLING}8h12m0s."), Quota, False),
    ("openai", 429, envelope(RATE, f"{ROLLING}21m36s."), Quota, False),
    ("openai", 429, envelope("billing_not_active", INACTIVE), Quota, False),
    ("openai", 429, envelope("", INACTIVE), Quota, False),
    ("openai", 403, envelope("", UNVERIFIED), NoAccess, False),
    ("openai", 401, envelope("account_deactivated", "A deactivated account"), NoAccess, False),
    ("openai", 400, envelope("content_policy_violation", SAFETY), Moderated, False),
    ("openai", 400, envelope("", SAFETY), Moderated, False),
    ("openai", 402, {"error": {"message": "Insufficient credits.", "code": 402}}, Quota, False),
    ("openai", 400, envelope("insufficient_credits", "Buy some"), Quota, False),
    ("openai", 404, flat("model_not_found", "no such model"), NoModel, False),
    ("openai", 400, flat("content_policy_violation", "no"), Moderated, False),
    ("azure-openai", 400, envelope("content_filter", POLICY, param="prompt"), Moderated, False),
    ("azure-openai", 400, envelope("content_policy_violation", SAFETY), Moderated, False),
    ("azure-openai", 429, envelope("429", "Please retry after 30 seconds."), TooMany, True),
    ("fal", 403, {"detail": "User is locked. Reason: Admin lock."}, NoAccess, False),
    ("google", 429, [of_google(PER_MODEL)], TooMany, True),
    ("google", 429, of_google("Your current quota", PER_MINUTE), TooMany, True),
    ("google", 429, of_google("Resource has been exhausted (e.g. check quota)."), TooMany, True),
    ("google", 429, of_google("The service is temporarily out of capacity."), TooMany, True),
    ("google", 429, of_google(ZERO), Quota, False),
    ("google", 429, of_google("limit 'GenerateRequestsPerDay' of service x"), Quota, False),
    ("google", 400, of_google("API key", {"reason": "API_KEY_INVALID"}), NoAccess, False),
    ("google", 403, of_google(BILLED, status="PERMISSION_DENIED"), Quota, False),
    ("google", 403, of_google(STOPPED, status="PERMISSION_DENIED"), NoAccess, False),
    ("google", 503, of_google("The model is overloaded.", status="UNAVAILABLE"), HTTPError, True),
    ("replicate", 429, {"detail": f"{LOW}less than $5.0.", "retry_after": 5}, TooMany, True),
    ("replicate", 402, {"title": "Monthly spend limit reached", "detail": "x"}, Quota, False),
    ("replicate", 402, {"title": "Free time limit reached", "detail": "x"}, Quota, False),
    ("replicate", 404, {"detail": "The resource could not be found."}, NoModel, False),
    ("runway", 429, {"error": "You have reached your daily task limit for x."}, Quota, False),
    ("xai", 429, flat("Some resource has been exhausted", SPENT), Quota, False),
    ("xai", 403, flat("The caller does not have permission", NO_CREDITS), Quota, False),
    ("xai", 403, flat("x:spending-limit", "You have run out of credits."), Quota, False),
    ("xai", 400, flat("x", "Generated image rejected by content moderation."), Moderated, False),
    ("stability", 402, named("payment_required", "You lack sufficient credits"), Quota, False),
    ("stability", 429, named(RATE, "timed out for 60 seconds"), TooMany, True),
    (
        "luma",
        400,
        {"detail": "400: Prompt not allowed: advanced moderation failed"},
        Moderated,
        False,
    ),
    ("luma", 429, {"detail": "The maximum number of concurrent generations"}, TooMany, True),
]
"""More bodies, shortened: some from public trackers, the others written in the same forms."""


def error_of(provider: str, status: int, body: Any, headers: Any = None) -> TarashException:
    answer = HttpResponse(status, headers or {}, body, is_json=True)
    found: TarashException = READERS[provider](answer) or status_error(answer)
    return found


@pytest.mark.parametrize(("provider", "status", "body", "kind", "retryable"), ROWS + REPORTED)
def test_a_body_is_the_error_that_it_says(
    provider: str, status: int, body: Any, kind: type[TarashException], retryable: bool
) -> None:
    error = error_of(provider, status, body)
    assert (type(error), error.retryable) == (kind, retryable)
    assert error.raw_response == body


@pytest.mark.parametrize(
    ("body", "wait"),
    [
        ({"detail": "x", "retry_after": 8}, 8),
        ({"detail": THROTTLED}, 8),
        ({"detail": "Please try again in 6m0s."}, 360),
        ({"detail": "Please try again in 120ms."}, 0.12),
        ({"detail": "Please try again in 1h2m3s."}, 3723),
        ({"detail": "Please try again after 51.84 seconds."}, 51.84),
        ({"error": {"message": "Please retry after 30 seconds."}}, 30),
        ({"error": {"message": "no", "retry_after": "12"}}, 12),
        ({"detail": "Slow down"}, None),
        ({"retry_after": True}, None),
        ({"retry_after": [1]}, None),
    ],
)
def test_a_pause_that_a_body_asks_for_is_kept(body: Any, wait: float | None) -> None:
    assert HttpResponse(429, {}, body, is_json=True).retry_after == wait
    assert error_of("fal", 429, body).retry_after == wait


def test_a_header_has_the_word_over_a_body() -> None:
    headers = {"Retry-After": "3"}
    assert HttpResponse(429, headers, {"retry_after": 8}, is_json=True).retry_after == 3
