"""What fal's error bodies say: which error of ours, and whether a job or only a call failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from ..._data._exchange import Snapshot
from ..._http._answer import ERRORS_BY_STATUS, HttpResponse, shorten, status_error
from ...exceptions import (
    ContentModerationError,
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    QuotaExceededError,
    TarashException,
    ValidationError,
)
from .._error_rules import account_error

if TYPE_CHECKING:
    from ..._data._types import Billing
    from ..._http._client import HttpClient

# Failures of the model or of fal's machines: another try may succeed, so the chain may move on.
# https://fal.ai/docs/model-apis/errors
GENERATION_FAILURES = frozenset(
    {
        "internal_server_error",
        "generation_timeout",
        "downstream_service_error",
        "downstream_service_unavailable",
        "no_media_generated",
    }
)
MODERATION = "content_policy_violation"
CANCELLED = "client_cancelled"
# Answers to the call for a result that speak of the call, not of the job.
ABOUT_THE_CALL = frozenset({401, 402, 403, 404, 408, 425, 429})
STILL_AT_WORK = "in progress"
UNPROCESSABLE = 422
FIRST_SERVER_ERROR = 500
BAD_REQUEST = 400
NOT_FOUND = 404


def verdict(answer: HttpResponse, status: Mapping[str, Any]) -> Snapshot:
    """Return what an error status of the result says about the job."""
    body = answer.body if isinstance(answer.body, dict) else {}
    failed = bool(status.get("error") or status.get("error_type"))
    in_progress = answer.status == BAD_REQUEST and STILL_AT_WORK in str(body.get("detail"))
    if in_progress and not failed:
        # Status and result may come from machines that do not agree yet.
        return Snapshot("processing", raw=status)

    if _about_the_call(answer, body, status, failed=failed):
        trouble = classify_answer(answer) or status_error(answer)
        # Some endpoints put a model's refusal into a sentence: believed where it stays.
        denied = answer.is_json and answer.status in (BAD_REQUEST, UNPROCESSABLE)
        pause = trouble.retry_after
        return Snapshot("processing", raw=status, retry_after=pause, trouble=trouble, denied=denied)

    error = classify_answer(answer) or _failure(answer, body, status)
    # https://fal.ai/docs/faq: errors of fal's side are never billed, a 422 may be.
    billing: Billing = "none" if answer.status >= FIRST_SERVER_ERROR else "possible"
    return Snapshot("failed", raw=status, error=error, billing=billing)


def _about_the_call(
    answer: HttpResponse, body: Mapping[str, Any], status: Mapping[str, Any], *, failed: bool
) -> bool:
    """Tell a failed call for a result from the result of a failed job: both are an error status."""
    if failed:
        told, said = status.get("error_type"), body.get("error_type")
        return bool(told and said and told != said)

    # Only a model's own words are a verdict, and those are a list; or the status has told it.
    detail = body.get("detail")
    return answer.status in ABOUT_THE_CALL or not isinstance(detail, list)


def _failure(
    answer: HttpResponse, body: Mapping[str, Any], status: Mapping[str, Any]
) -> TarashException:
    """Return the error of a failed job whose result does not settle its class."""
    kinds, said = _told(body.get("detail"))
    kind = status.get("error_type") or kinds or f"HTTP {answer.status}"
    said = said or status.get("error") or shorten(status)
    raw = answer.body if body.get("detail") is not None else status
    if kind == MODERATION:
        return ContentModerationError(
            f"fal's content filter refused: {said} (change the prompt or the images)",
            raw_response=raw,
            categories=(MODERATION,),
        )

    if kind == CANCELLED:  # only the account's owner can have done so
        message = f"The job was cancelled at fal: {said} ({kind})"
        return GenerationFailedError(message, raw_response=raw, retryable=False)

    return GenerationFailedError(f"fal could not make it ({kind}): {said}", raw_response=raw)


def _told(detail: Any) -> tuple[str, str]:
    """Return the types and the messages of an error body's detail, whichever envelope it has."""
    if not isinstance(detail, list):
        return "", str(detail or "")

    parts = [part for part in detail if isinstance(part, dict)]
    said = [
        ": ".join(filter(None, [".".join(map(str, _place(part))), str(part.get("msg"))]))
        for part in parts
    ]
    return ", ".join(str(part.get("type", "")) for part in parts), "; ".join(said)


def _place(detail: Mapping[str, Any]) -> list[Any]:
    """Return which part of the input or output a model's error is about."""
    place = detail.get("loc")
    return place if isinstance(place, list) else []


def classify_answer(answer: HttpResponse) -> TarashException | None:
    """Return our error for what fal says in an error body; None leaves it to the status."""
    detail = answer.body.get("detail") if isinstance(answer.body, dict) else None
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        return _model_error(answer, detail)

    about_account = account_error(answer)
    if about_account is not None or not isinstance(detail, str):
        return about_account

    # fal tells an empty balance by its text only.
    if answer.status == 403 and "balance" in detail.lower():  # noqa: PLR2004
        return QuotaExceededError(
            f"HTTP 403: {detail} (top up the account, or use another provider)",
            raw_response=answer.body,
            status_code=answer.status,
        )

    if answer.status in (BAD_REQUEST, UNPROCESSABLE):
        return HTTPError(
            f"HTTP {answer.status}: {detail}", raw_response=answer.body, status_code=answer.status
        )

    return None


def _model_error(answer: HttpResponse, details: list[dict[str, Any]]) -> TarashException | None:
    details = [detail for detail in details if isinstance(detail, dict)]
    kinds = [str(detail.get("type", "")) for detail in details]
    named, said = _told(details)
    if MODERATION in kinds:
        return ContentModerationError(
            f"fal's content filter refused: {said} (change the prompt or the images)",
            raw_response=answer.body,
            stage=_stage(details[kinds.index(MODERATION)]),
            categories=(MODERATION,),
        )

    failures = GENERATION_FAILURES.intersection(kinds)
    if answer.status in (BAD_REQUEST, UNPROCESSABLE) and not failures:
        return ValidationError(f"fal refused the input ({named}): {said}", raw_response=answer.body)

    return None


def _stage(detail: Mapping[str, Any]) -> Literal["input", "output"]:
    return "input" if _place(detail)[:1] == ["body"] else "output"


def upload_error(status: int | None, said: str, client: HttpClient) -> TarashException:
    """Return the error of a failed upload to fal's storage, which costs nothing."""
    message = f"The upload to fal's storage failed: {client.account.secrets.text(said)}"
    if status is None:
        return HTTPConnectionError(message, submission="not_sent")

    kind = ERRORS_BY_STATUS.get(status, HTTPError)
    return kind(message, status_code=status, submission="not_sent")
