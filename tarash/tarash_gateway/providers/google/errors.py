"""Google's words for what went wrong, in error bodies and in results, as our errors. Pure.

Envelopes: `{"error": {"code": 400, "status", "message", "details"}}`, and, in the Interactions API,
`{"error": {"code": "snake_case", "message"}}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..._http._client import HttpResponse, status_error
from ...exceptions import (
    AuthenticationError,
    ContentModerationError,
    GenerationFailedError,
    HTTPError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
)

if TYPE_CHECKING:
    from ..._data._types import Billing

# Refusals have no code of their own in long-running operations and error bodies, only words.
REFUSAL = re.compile(
    r"usage guidelines|responsible ai|safety (?:filter|polic|setting|reason)|content polic|"
    r"sensitive words|prohibited (?:use|content)|blocked by|child safety|"
    r"\b(?:safety|moderation|blocklist|prohibited_content|content_filter\w*)\b",
    re.IGNORECASE,
)
SUPPORT_CODES = re.compile(r"\b\d{8}\b")
RATE_WORDS = ("rate_limit_exceeded", "resource_exhausted", "too_many_requests")
USED_UP = re.compile(r"\blimit:? 0\b(?!\.)|per[ _-]?(?:day|month)\b|PerDay", re.IGNORECASE)
"""Said of a quota that no short wait fills again; details don't always come with the words."""
ADVICE = "change the prompt or the images"


def classifier(model: str) -> Callable[[HttpResponse], TarashException | None]:
    """Return what reads the error bodies of a submit to this model."""

    def classify(answer: HttpResponse) -> TarashException | None:
        if answer.status == 404:  # noqa: PLR2004
            return _unknown_model(answer, model)

        return classify_answer(answer)

    return classify


def classify_answer(answer: HttpResponse) -> TarashException | None:
    """Return our error for what Google says in an error body; None leaves it to the status."""
    error = _error_of(answer.body)
    if error is None:
        return None

    message = str(error.get("message") or answer.body)
    words = {str(error.get(name)).lower() for name in ("code", "status")}
    details = [detail for detail in error.get("details") or () if isinstance(detail, dict)]
    facts: dict[str, Any] = {"raw_response": answer.body, "status_code": answer.status}
    said = f"HTTP {answer.status}: {message}"
    if answer.status == 429:  # noqa: PLR2004
        return _too_much(answer, words, details, said)

    if answer.status in (400, 403) and _reason(details) in ("API_KEY_INVALID", "API_KEY_EXPIRED"):
        return AuthenticationError(f"{said} (check the key)", **facts)

    if answer.status in (400, 403) and re.search(r"\bbill(?:ed|ing)\b", message, re.IGNORECASE):
        return QuotaExceededError(f"{said} (see to the project's billing)", **facts)

    if answer.status in (400, 403, 422) and REFUSAL.search(message):
        return refused(message, answer.body, stage="input")

    return status_error(answer, message)


def _error_of(body: Any) -> Mapping[str, Any] | None:
    if isinstance(body, list) and len(body) == 1:
        body = body[0]

    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else None


def _reason(details: list[dict[str, Any]]) -> str:
    return next((str(detail["reason"]) for detail in details if "reason" in detail), "")


def _too_much(
    answer: HttpResponse, words: set[str], details: list[dict[str, Any]], said: str
) -> HTTPError:
    """Tell a quota that is used up for the day from a rate that only wants patience."""
    violations = [violation for detail in details for violation in detail.get("violations") or ()]
    used_up = any(
        "PerDay" in str(violation.get("quotaId")) or str(violation.get("quotaValue")) == "0"
        for violation in violations
        if isinstance(violation, dict)
    )
    facts: dict[str, Any] = {
        "raw_response": answer.body,
        "status_code": answer.status,
        "retry_after": _retry_delay(details) or answer.retry_after,
    }
    if used_up or "quota_exceeded" in words or USED_UP.search(said):
        return QuotaExceededError(f"{said} (raise the quota, or use another provider)", **facts)

    return RateLimitError(f"{said} (wait, or lower the number of concurrent jobs)", **facts)


def _retry_delay(details: list[dict[str, Any]]) -> float | None:
    """Return the seconds of a google.rpc.RetryInfo: `{"retryDelay": "37s"}`."""
    for detail in details:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay")))
        if found is not None:
            return float(found[1])

    return None


def _unknown_model(answer: HttpResponse, model: str) -> HTTPError:
    error = _error_of(answer.body) or {}
    message = str(error.get("message") or f"{model} is not known")
    return ModelNotFoundError(
        f"HTTP 404: {message} (check the model's id, and on Vertex AI the location)",
        raw_response=answer.body,
        status_code=404,
        retry_after=answer.retry_after,
    )


def refused(
    message: str,
    raw: Any,
    *,
    stage: Any = "output",
    categories: tuple[str, ...] = (),
    billing: Billing | None = None,
) -> ContentModerationError:
    """Return the error for content that Google will not make."""
    codes = tuple(SUPPORT_CODES.findall(message))
    return ContentModerationError(
        f"Google's content filter refused: {message} ({ADVICE})",
        raw_response=raw,
        stage=stage,
        categories=(*categories, *codes),
        billing=billing,
    )


def failed(error: Mapping[str, Any], raw: Any) -> TarashException:
    """Return the error of a job that failed, by the code and the words that it failed with."""
    code, message = str(error.get("code") or "unknown"), str(error.get("message") or "no reason")
    if REFUSAL.search(f"{code} {message}"):
        # 3 is INVALID_ARGUMENT: the prompt was refused before anything was made.
        return refused(message, raw, stage="input" if code == "3" else "output")

    if code in ("8", "quota_exceeded", "budget_exceeded"):
        return QuotaExceededError(
            f"Google could not make it ({code}): {message} (raise the quota)", raw_response=raw
        )

    return GenerationFailedError(f"Google could not make it ({code}): {message}", raw_response=raw)
