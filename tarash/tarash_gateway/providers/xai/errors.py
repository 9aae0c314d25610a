"""What xAI's answers mean where they refuse: its two envelopes, and the filter's four faces.

Pure: from bodies to our errors. Knows no endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._http._client import HttpResponse, status_error
from ...exceptions import (
    AuthenticationError,
    ContentModerationError,
    GenerationFailedError,
    ModelNotFoundError,
    QuotaExceededError,
    TarashException,
    ValidationError,
)
from .._error_rules import account_error

if TYPE_CHECKING:
    from ..._data._types import Billing

MODERATION = re.compile(r"moderat|usage.?guideline|content.?policy|safety.?check", re.IGNORECASE)
# Said of what was made, so after it was made; otherwise the filter refused the request.
OF_THE_OUTPUT = re.compile(
    r"imagine:content-moderated|generated|rejected by content", re.IGNORECASE
)
KEY = re.compile(r"api.?key", re.IGNORECASE)
MONEY = re.compile(r"\bcredits?\b|spending limit|balance|billing", re.IGNORECASE)
NO_MODEL = re.compile(r"model\b.*(not found|does not exist)", re.IGNORECASE)
CHECK = re.compile(r"failed check: (\w+)", re.IGNORECASE)

REFUSED_INPUT = frozenset({400, 422})
ABOUT_THE_KEY = frozenset({400, 401, 403})
ABOUT_MONEY = frozenset({402, 403, 429})


def classify_answer(answer: HttpResponse) -> TarashException:
    """Return our error for an error answer, by what it says and then by its status."""
    code, said = _told(answer.body)
    about_account = account_error(answer)
    if about_account is not None or said is None:
        return about_account or status_error(answer)

    if MODERATION.search(f"{code}: {said}"):
        return _refusal(code, said, answer.body)

    return _about_account(answer, said) or _about_input(answer, said) or status_error(answer, said)


def _about_account(answer: HttpResponse, said: str) -> TarashException | None:
    facts: dict[str, Any] = {"raw_response": answer.body, "status_code": answer.status}
    if answer.status in ABOUT_THE_KEY and KEY.search(said):
        # A wrong key is a 400 with xAI.
        return AuthenticationError(f"HTTP {answer.status}: {said} (check the key)", **facts)

    if answer.status in ABOUT_MONEY and MONEY.search(said):
        message = f"HTTP {answer.status}: {said} (top up the account, or use another provider)"
        return QuotaExceededError(message, retryable=False, **facts)

    return None


def _about_input(answer: HttpResponse, said: str) -> TarashException | None:
    if answer.status not in REFUSED_INPUT:
        return None

    if NO_MODEL.search(said):
        return ModelNotFoundError(
            f"HTTP {answer.status}: {said} (check the model's id)",
            raw_response=answer.body,
            status_code=answer.status,
        )

    return ValidationError(f"xAI refused the input: {said}", raw_response=answer.body)


def failure_of(
    body: Mapping[str, Any], reason: str | None = None
) -> ContentModerationError | GenerationFailedError:
    """Return the error for an answer that settles a job without its media."""
    code, said = _told(body)
    if reason is None and body.get("status") == "expired":
        return GenerationFailedError(
            "xAI no longer keeps the result: it expired", raw_response=body
        )

    if body.get("status") == "failed" and not MODERATION.search(f"{code}: {said}"):
        return GenerationFailedError(
            f"xAI could not make it ({code or 'no code'}): {said or 'no reason given'}",
            raw_response=body,
        )

    told = reason or said or "the result does not respect moderation"
    return _refusal(code, told, body, after=True)


def filtered(item: Any) -> bool:
    """Tell whether a video or an image was made and then withheld."""
    if not isinstance(item, dict) or item.get("url") or item.get("b64_json"):
        return False

    return item.get("respect_moderation") is False or item.get("url") == ""


def ticks_of(body: Any) -> int | None:
    """Return what an answer says it cost, in ticks of 10^-10 dollars."""
    usage = body.get("usage") if isinstance(body, dict) else None
    ticks = usage.get("cost_in_usd_ticks") if isinstance(usage, dict) else None
    return ticks if isinstance(ticks, int) else None


def billing_of(body: Any) -> Billing | None:
    """Return whether a failure costs money, where the answer says so."""
    ticks = ticks_of(body)
    return None if ticks is None else "certain" if ticks else "none"


def _refusal(
    code: str | None, said: str, body: Any, *, after: bool = False
) -> ContentModerationError:
    after = after or bool(OF_THE_OUTPUT.search(f"{code}: {said}"))
    categories = CHECK.findall(said) or ([code] if code else [])
    return ContentModerationError(
        f"xAI's content filter refused: {said} (change the prompt or the images)",
        raw_response=body,
        stage="output" if after else "input",
        categories=categories,
        # What tells a cost was accepted, made and billed, whatever its status.
        submission="accepted" if ticks_of(body) else None,
    )


def _told(body: Any) -> tuple[str | None, str | None]:
    """Return code and message of both envelopes: flat, and like OpenAI's."""
    if not isinstance(body, dict):
        return None, None

    error = body.get("error")
    if isinstance(error, dict):
        code, said = error.get("code") or error.get("type"), error.get("message")
    else:
        code, said = body.get("code"), error

    return (str(code) if code else None), (said if isinstance(said, str) else None)
