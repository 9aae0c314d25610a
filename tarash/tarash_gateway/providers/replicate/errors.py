"""What Replicate says in error bodies and failed predictions, as our errors. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..._http._client import HttpResponse, shorten
from ...exceptions import (
    ContentModerationError,
    HTTPError,
    ModelNotFoundError,
    RateLimitError,
    ValidationError,
)
from .._error_rules import account_error

if TYPE_CHECKING:
    from ...exceptions import TarashException

THROTTLED = re.compile(r"(\d+(?:\.\d+)?)\s*s(?:ec|\b)")
CODE = re.compile(r"\((E\d{3,4})\)")
MODERATION = re.compile(
    r"\bE005\b|\bnsfw\b|flagged as sensitive|sensitive (?:content|information|words)"
    r"|content polic|content moderation|moderated|(?:failed|blocked by) moderation",
    re.IGNORECASE,
)
GONE = frozenset({404, 410})
INVALID = frozenset({400, 422})
RATE_LIMITED = 429
LONGEST_PAUSE = 3600
"""Seconds: a larger reset is a point in time."""


def moderation(said: str, raw: Any) -> ContentModerationError | None:
    """Return the error for a text that speaks of the content filter."""
    if not MODERATION.search(said):
        return None

    # "The input or output was flagged" leaves open which of the two it was.
    about_output = "output" in said.lower() and "input" not in said.lower()
    return ContentModerationError(
        f"Replicate's content filter refused: {said} (change the prompt or the images)",
        raw_response=raw,
        stage="output" if about_output or "nsfw" in said.lower() else None,
        categories=tuple(CODE.findall(said)),
    )


def classify_answer(answer: HttpResponse, model: str | None = None) -> TarashException | None:
    """Return our error for what Replicate says in an error body; None leaves it to the status."""
    about_account = account_error(answer)
    if about_account is not None:
        return about_account

    body = answer.body if isinstance(answer.body, dict) else {}
    said = ": ".join(str(body[name]).strip() for name in ("title", "detail") if body.get(name))
    facts: dict[str, Any] = {"raw_response": answer.body, "status_code": answer.status}
    if answer.status == RATE_LIMITED:
        return RateLimitError(
            f"HTTP 429: {said or shorten(answer.body)} (wait, or lower the number of jobs)",
            retry_after=_retry_after(answer, said),
            **facts,
        )

    if answer.status in GONE and model is not None:
        return _unknown_model(f"HTTP {answer.status}: {said or shorten(answer.body)}", facts)

    return _refusal(answer, said, model, facts) if answer.status in INVALID and said else None


def _refusal(
    answer: HttpResponse, said: str, model: str | None, facts: dict[str, Any]
) -> TarashException:
    moderated = moderation(said, answer.body)
    if moderated is not None:
        moderated.stage = "input"
        return moderated

    if "version" in str(answer.body.get("title", "")).lower() and model is not None:
        return _unknown_model(f"HTTP {answer.status}: {said}", facts)

    if "input" in said.lower():
        return ValidationError(f"Replicate refused the input: {said}", raw_response=answer.body)

    return HTTPError(f"HTTP {answer.status}: {said}", **facts)


def _unknown_model(said: str, facts: dict[str, Any]) -> ModelNotFoundError:
    advice = "check the model's id; one that is not official needs a version: owner/name:version"
    return ModelNotFoundError(f"{said} ({advice})", **facts)


def _retry_after(answer: HttpResponse, said: str) -> float | None:
    """Return the seconds until the limit is over: by its header, else by the text."""
    if answer.retry_after is not None:
        return answer.retry_after

    reset = answer.headers.get("ratelimit-reset", "")
    found = THROTTLED.search(said)
    if reset.isdigit() and int(reset) <= LONGEST_PAUSE:  # else it is a point in time
        return float(reset)

    return float(found[1]) if found else None
