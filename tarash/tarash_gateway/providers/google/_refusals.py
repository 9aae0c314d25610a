"""Why a result of Google's holds no media: refused, filtered, failed, or without a word. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._data._exchange import NO_MEDIA
from ..._http._client import shorten
from ...exceptions import GenerationFailedError, TarashException
from .._error_conditions import Refusal, When
from .._result_facts import mapping, objects, text
from ._results import ENDED_BADLY, REFUSALS, filtered_of, reasons_in
from .errors import classify_answer

if TYPE_CHECKING:
    from ..._data._types import Billing
    from ...exceptions import ContentModerationError

MOST_WORDS = 2000
"""Characters of a model's own words in a message."""


def no_media(raw: Any, kind: str) -> TarashException:
    """Return the error for a result without media."""
    body = mapping(raw)
    error = image_refusal(body)
    if error is None and kind == "video":
        error = interaction_error(body) or operation_error(body)

    words = _text_of(body)
    return error or GenerationFailedError(
        f"Google answered without {kind}: {words or shorten(raw)}",
        raw_response=raw,
        code=None if words or body.get("error") else NO_MEDIA,
    )


def image_refusal(raw: Mapping[str, Any]) -> TarashException | None:
    """Return why images were refused, where they were: all of it comes with HTTP 200."""
    feedback = mapping(raw.get("promptFeedback"))
    if feedback.get("blockReason"):
        reason = str(feedback["blockReason"])
        message = str(feedback.get("blockReasonMessage") or reason)
        return refused(message, raw, stage="input", categories=(reason, *_blocked(feedback)))

    for candidate in objects(raw.get("candidates")):
        reason = str(candidate.get("finishReason"))
        if reason in REFUSALS:
            named = _blocked(candidate)
            message = str(candidate.get("finishMessage") or _text_of(raw) or reason)
            return refused(message, raw, categories=(reason, *named))

    reasons = reasons_in(raw)
    if reasons:
        return refused("; ".join(reasons), raw, billing="none")

    # Imagen leaves out what it filtered, down to nothing at all, and charges nothing for it.
    if "predictions" in raw and not raw["predictions"]:
        return refused("all images were filtered", raw, billing="none")

    return None


def _blocked(rated: Mapping[str, Any]) -> list[str]:
    """Return the categories for which something was blocked."""
    ratings = objects(rated.get("safetyRatings"))
    return [
        str(rating["category"])
        for rating in ratings
        if rating.get("blocked") and rating.get("category")
    ]


def _text_of(raw: Mapping[str, Any]) -> str:
    """Return what the model said in place of media."""
    parts = [
        part
        for candidate in objects(raw.get("candidates"))
        for part in objects(mapping(candidate.get("content")).get("parts"))
        if not part.get("thought")
    ]
    for step in objects(raw.get("steps")):
        if step.get("type", "model_output") == "model_output":
            parts += objects(step.get("content"))

    texts = [part["text"].strip() for part in parts if text(part.get("text"))]
    finish = [str(candidate.get("finishReason")) for candidate in objects(raw.get("candidates"))]
    words = " ".join([*texts, *finish])
    return words if len(words) <= MOST_WORDS else f"{words[:MOST_WORDS]}…"


def interaction_error(raw: Mapping[str, Any]) -> TarashException | None:
    """Return why an interaction that has ended holds no video."""
    errors = [*objects(raw.get("errors")), *_step_errors(raw)]
    status = str(raw.get("status"))
    if errors:
        return failed(errors[0], raw)

    if status in ENDED_BADLY:
        error = failed({"code": status, "message": "Google gave no reason"}, raw)
        if status == "cancelled":  # which only the account's owner can have done
            error.retryable = False

        return error

    # So shows a refusal, and a limit of the region: https://github.com/google-gemini/gemini-skills
    if mapping(raw.get("usage")).get("total_output_tokens") == 0:
        return refused(
            "completed without any output, which is how Google refuses content, and edits of "
            "uploaded videos in some regions",
            raw,
            categories=("no_output",),
        )

    return None


def _step_errors(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    errors = (step.get("error") for step in objects(raw.get("steps")))
    return [error for error in errors if isinstance(error, dict) and error]


def operation_error(raw: Mapping[str, Any]) -> TarashException | None:
    """Return why an operation that has ended holds no video."""
    error = mapping(raw.get("error"))
    if error:
        return failed(error, raw)

    filtered = filtered_of(raw)
    if filtered:
        reasons = "; ".join(filtered["reasons"])
        return refused(reasons or "all videos were filtered", raw, billing="none")

    return None


def refused(
    message: str,
    raw: Any,
    *,
    stage: Any = "output",
    categories: tuple[str, ...] = (),
    billing: Billing | None = None,
) -> ContentModerationError:
    """Return the error for content that Google will not make."""
    when = When(stage=stage, billing=billing)
    error = classify_answer.moderated(when, Refusal(None, raw, message))
    error.categories = (*categories, *error.categories)
    return error


def failed(error: Mapping[str, Any], raw: Any) -> TarashException:
    """Return the error of a job that failed, by the code and the words that it failed with."""
    failure = classify_answer.failure({"error": error})
    failure.raw_response = raw
    return failure
