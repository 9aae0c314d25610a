"""What both of Luma's products say in error bodies and failed generations, as our errors. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._http._client import HttpResponse, shorten
from ...exceptions import (
    ContentModerationError,
    GenerationFailedError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    ValidationError,
)
from .._error_rules import account_error

if TYPE_CHECKING:
    from ...exceptions import TarashException

REFUSED = frozenset({400, 403, 413, 422})
NOT_FOUND = 404
FORBIDDEN = 403
MODERATION = re.compile(r"moderat|content polic|safety", re.IGNORECASE)
# Luma's words for an image that it could not even look at: mostly its URL was not open to Luma.
UNREAD = re.compile(r"failed to moderate|could not be fetched|unable to fetch", re.IGNORECASE)
CREDIT = re.compile(r"(?:insufficient|not enough|no) (?:credit|balance|fund)", re.IGNORECASE)
UNKNOWN_MODEL = re.compile(
    r"(?:unknown|invalid|unsupported) model|model .*(?:not found|not supported|does not exist)",
    re.IGNORECASE,
)
BAD_INPUT = frozenset({"image_too_large", "unsupported_format", "corrupt_input", "invalid_request"})
ADVICE_ON_URLS = "check that the URL opens without cookies or a login, for robots too"


def classify_answer(answer: HttpResponse) -> TarashException | None:
    """Return our error for what Luma says in an error body; None leaves it to the status."""
    about_account = account_error(answer)
    if about_account is not None:
        return about_account

    said = _detail(answer.body)
    facts: dict[str, Any] = {"raw_response": answer.body, "status_code": answer.status}
    if answer.status not in REFUSED or not said:
        return None

    about_media = _about_media(said, answer.body)
    if about_media is not None:
        return about_media

    if CREDIT.search(said):
        return QuotaExceededError(f"HTTP {answer.status}: {said} (top up the account)", **facts)

    if UNKNOWN_MODEL.search(said):
        return ModelNotFoundError(f"HTTP {answer.status}: {said} (check the model's id)", **facts)

    refused = ValidationError(f"Luma refused the input: {said}", raw_response=answer.body)
    return refused if answer.status != FORBIDDEN else None


def _about_media(said: str, raw: Any) -> TarashException | None:
    if UNREAD.search(said):
        return ValidationError(
            f"Luma could not read the input: {said} ({ADVICE_ON_URLS})", raw_response=raw
        )

    if MODERATION.search(said):
        return ContentModerationError(
            f"Luma's content filter refused: {said} (change the prompt or the images)",
            raw_response=raw,
            stage="input",
        )

    return None


def _detail(body: Any) -> str:
    """Return the text of `detail`: a sentence, or a list of objects with a place and a message."""
    detail = body.get("detail") if isinstance(body, dict) else None
    if isinstance(detail, list):
        return "; ".join(
            f"{'.'.join(map(str, one.get('loc') or ()))}: {one.get('msg')}"
            if isinstance(one, dict)
            else str(one)
            for one in detail
        )

    return str(detail) if detail else ""


def failure(generation: Mapping[str, Any]) -> TarashException:
    """Return our error for a generation that failed."""
    reason = generation.get("failure_reason")
    code = generation.get("failure_code")
    said = f"{reason or shorten(dict(generation))}" + (f" ({code})" if code else "")
    facts: dict[str, Any] = {"raw_response": dict(generation)}
    if code is None and UNREAD.search(said):
        return GenerationFailedError(
            f"Luma could not read an input image: {said} ({ADVICE_ON_URLS})", **facts
        )

    if code == "content_moderated" or (code is None and MODERATION.search(said)):
        return ContentModerationError(
            f"Luma's content filter refused: {said} (change the prompt or the images)",
            categories=(code,) if code else (),
            **facts,
        )

    if code == "budget_exhausted":
        return QuotaExceededError(f"Luma's budget is used up: {said} (raise it)", **facts)

    if code == "rate_limited":
        return RateLimitError(f"Luma was too busy: {said} (try again later)", **facts)

    if code in BAD_INPUT:
        return ValidationError(f"Luma can't use the input: {said}", **facts)

    return GenerationFailedError(f"Luma could not make it: {said}", **facts)
