"""What Runway's error bodies and failed tasks mean. Pure: reads answers, makes no exchange."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..._http._client import shorten, status_error
from ...exceptions import (
    ContentModerationError,
    GenerationFailedError,
    HTTPError,
    ModelNotFoundError,
    QuotaExceededError,
    TarashException,
    ValidationError,
)
from .._error_rules import account_error
from .models import successor_of

if TYPE_CHECKING:
    from ..._data._types import Billing
    from ..._http._client import HttpResponse

# Failure codes of input that no other try mends; codes are told by their beginning.
# https://docs.dev.runwayml.com/errors/task-failures/
REFUSED_INPUT = ("ASSET.", "THIRD_PARTY.INPUT_VALIDATION")
NO_CREDITS = re.compile(r"(not (have )?enough|insufficient|out of|no more) credits", re.IGNORECASE)
BAD_REQUEST = 400
NOT_FOUND = 404


def _credits(task: Mapping[str, Any]) -> float | None:
    cost = task.get("cost")
    found = cost.get("credits") if isinstance(cost, dict) else None
    return found if isinstance(found, int | float) else None


def billing_of(task: Mapping[str, Any]) -> Billing | None:
    """Return what a failed task costs: Runway states the credits that it kept."""
    spent = _credits(task)
    return None if spent is None else "certain" if spent else "none"


def failure_of(task: Mapping[str, Any]) -> TarashException:
    """Return the error of a task that ended without a result, by its failure code."""
    if task.get("status") == "CANCELLED":
        return GenerationFailedError(
            "The task was cancelled, though not by this call", raw_response=task, retryable=False
        )

    code = str(task.get("failureCode") or "")
    said = f"{task.get('failure') or 'Runway gives no reason'} ({code or 'no failure code'})"
    parts = code.split(".")
    if "SAFETY" in parts:
        return ContentModerationError(
            f"Runway's content filter refused: {said}; change the prompt or the media",
            raw_response=task,
            stage="output" if "OUTPUT" in parts else "input",
            categories=(code,),
        )

    if code.startswith(REFUSED_INPUT):
        return ValidationError(
            f"Runway refused the input: {said}; check size and format of the media",
            raw_response=task,
        )

    return GenerationFailedError(f"Runway could not make it: {said}", raw_response=task)


def classify_answer(answer: HttpResponse, model: str | None = None) -> TarashException | None:
    """Return our error for what Runway says in an error body; None leaves it to the status.

    Args:
        answer: With an error status.
        model: What was asked for, if it was a submit.
    """
    body = answer.body if isinstance(answer.body, dict) else {}
    said = body.get("error")
    if not isinstance(said, str):
        return account_error(answer)

    issues = [issue for issue in body.get("issues") or () if isinstance(issue, dict)]
    # Some messages name the issues already.
    news = [text for text in map(_issue, issues) if text and text not in said]
    told = "; ".join(filter(None, (said, *news)))
    facts: dict[str, Any] = {"raw_response": answer.body, "status_code": answer.status}
    if answer.status == BAD_REQUEST and NO_CREDITS.search(said):
        return QuotaExceededError(f"HTTP 400: {told} (buy credits in Runway's portal)", **facts)

    about_account = account_error(answer)
    if about_account is not None:
        return about_account

    if model and _is_about_model(answer, issues):
        successor = successor_of(model)
        advice = f"use {successor}" if successor else "check the model's id"
        return ModelNotFoundError(
            f"HTTP {answer.status}: Runway does not offer {model} here: {told} ({advice})", **facts
        )

    if answer.status == BAD_REQUEST:
        return ValidationError(f"Runway refused the request: {told}", raw_response=answer.body)

    return status_error(answer, told)


def _is_about_model(answer: HttpResponse, issues: Sequence[Mapping[str, Any]]) -> bool:
    named = any(issue.get("path") in (["model"], "model") for issue in issues)
    return answer.status == NOT_FOUND or (answer.status == BAD_REQUEST and named)


def _issue(issue: Mapping[str, Any]) -> str:
    path = issue.get("path")
    place = ".".join(map(str, path)) if isinstance(path, list) else path
    return f"{place}: {issue.get('message')}" if place else str(issue.get("message") or "")


def upload_error(answer: HttpResponse) -> TarashException:
    """Return the error for what the storage behind a signed address answers."""
    return HTTPError(
        f"The upload to Runway's storage failed (HTTP {answer.status}): {shorten(answer.body)}",
        raw_response=answer.body,
        status_code=answer.status,
        submission="not_sent",
    )
