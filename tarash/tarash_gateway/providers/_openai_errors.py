"""What OpenAI's error objects mean, in answers, in failed jobs and in results without media.

Azure OpenAI and compatible servers use the same objects with codes of their own. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from .._http._client import HttpResponse, parse_retry_after, shorten
from ..exceptions import (
    ContentModerationError,
    GenerationFailedError,
    HTTPError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    ValidationError,
)
from ._error_rules import account_error
from ._facts import mapping, objects
from ._filters import unsafe

Stage = Literal["input", "output"]

# Codes in lower case, without separators: `contentFilter` and `content_filter` are one.
MODERATION = frozenset(
    {
        "contentfilter",
        "contentmoderation",
        "contentpolicyviolation",
        "inputmoderation",
        "moderationblocked",
        "outputmoderation",
        "responsibleaipolicyviolation",
        "safetyviolation",
        "sentinelblock",
    }
)
QUOTA = frozenset(
    {"billinghardlimitreached", "insufficientcredits", "insufficientquota", "quotaexceeded"}
)
NO_MODEL = frozenset({"deploymentnotfound", "modelnotfound", "modelretired"})
TOO_MANY = frozenset({"ratelimitexceeded", "toomanyrequests", "429"})
REFUSED_INPUT = frozenset({400, 413, 415, 422})
GONE = frozenset({404, 410})
SAFETY_TEXT = (
    "safety system",
    "content management policy",
    "content policy",
    "content moderation",
)
STAGE_TEXTS: Mapping[Stage, tuple[str, ...]] = {
    "output": ("generated image", "generated video", "output"),
    "input": ("prompt", "input", "task failed"),
}
"""How Azure tells the two sides; nothing else in its answers does."""
VIOLATIONS = re.compile(r"safety_violations=\[([^\]]*)\]")


def classify_answer(answer: HttpResponse, provider: str) -> TarashException | None:
    """Return our error for what an error answer says; None leaves it to the status.

    Args:
        answer: The answer, of an error status.
        provider: The provider's name.
    """
    about_account = account_error(answer)
    if about_account is not None:
        return about_account

    error = error_of(answer.body)
    if error is None:
        return _no_model(answer, None, provider) if answer.status in GONE else None

    failure = _by_code(error, answer.body, answer.status, answer.retry_after)
    if failure is not None:
        return failure

    wrong_model = _code(error) in NO_MODEL or error.get("param") == "model"
    if answer.status in GONE or (wrong_model and answer.status in REFUSED_INPUT):
        return _no_model(answer, error, provider)

    about_input = error.get("param") or error.get("type") == "invalid_request_error"
    if answer.status in REFUSED_INPUT and about_input:
        place = f" ({error['param']})" if error.get("param") else ""
        return ValidationError(
            f"HTTP {answer.status}: the input was refused{place}: {_said(error)}",
            raw_response=answer.body,
        )

    return None


def job_error(error: Any, raw: Any) -> TarashException:
    """Return our error for a job that failed, or an answer that holds an error in place of one."""
    beside = mapping(raw).get("code") if isinstance(error, str) else None
    found = error_of({"error": error, "code": beside}) or {}
    headers = found.get("headers")
    wait = None
    if isinstance(headers, Mapping):
        lowered = {str(name).lower(): str(value) for name, value in headers.items()}
        wait = parse_retry_after(lowered.get("retry-after"))

    code = found.get("code")
    return _by_code(found, raw, None, wait) or GenerationFailedError(
        f"The generation failed{f' ({code})' if code else ''}: {_said(found)}",
        raw_response=raw,
        retry_after=wait,
    )


def no_media(raw: Any, kind: str) -> TarashException:
    """Return our error for a result without media: filtered out, or just not there."""
    error = error_of(raw)
    if error is not None:
        return job_error(error, raw)

    flag = next((said for one in objects(mapping(raw).get("data")) if (said := unsafe(one))), None)
    categories = tuple(dict.fromkeys(categories_in(raw))) or ((flag,) if flag else ())
    if categories:
        return ContentModerationError(
            f"The content filter removed the {kind}: {', '.join(categories)} (change the prompt)",
            raw_response=raw,
            stage="output",
            categories=categories,
        )

    return GenerationFailedError(
        f"The answer holds no {kind}: {shorten(raw)} (try again, or another model)",
        raw_response=raw,
    )


def error_of(body: Any) -> Mapping[str, Any] | None:
    """Return the error object of a body; None where there is none."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(error, str) and error and isinstance(body, Mapping):
        # Flat envelopes, like xAI's, have the code beside the words.
        code = body.get("code")
        return {"message": error, "code": code if isinstance(code, str) else None}

    return error if isinstance(error, Mapping) and error else None


def _by_code(
    error: Mapping[str, Any], raw: Any, status: int | None, wait: float | None
) -> TarashException | None:
    """Return our error where the code alone says what it is."""
    code = _code(error)
    said = f"HTTP {status}: {_said(error)}" if status else _said(error)
    if _is_moderation(error, code, status):
        return ContentModerationError(
            f"The content filter refused: {said} (change the prompt or the images)",
            raw_response=raw,
            stage=_stage(error, code),
            categories=_categories(error),
        )

    if code in QUOTA or _plain(error.get("type")) in QUOTA:
        return QuotaExceededError(
            f"{said} (top up the account, or use another provider)",
            raw_response=raw,
            status_code=status,
            # Also with a 429, which would pass: no waiting mends this.
            retryable=False,
        )

    if status is None and code in TOO_MANY:
        return RateLimitError(
            f"{said} (wait, or lower the number of concurrent jobs)",
            raw_response=raw,
            retry_after=wait,
        )

    return None


def _is_moderation(error: Mapping[str, Any], code: str, status: int | None) -> bool:
    inner = error.get("innererror")
    inner_code = _plain(inner.get("code")) if isinstance(inner, Mapping) else ""
    if code in MODERATION or inner_code in MODERATION or error.get("moderation_details"):
        return True

    # Older answers have no code of their own for it.
    said = _said(error).lower()
    by_text = any(text in said for text in SAFETY_TEXT) or bool(VIOLATIONS.search(said))
    return by_text and status in (None, 400, 403)


def _stage(error: Mapping[str, Any], code: str) -> Stage | None:
    details = error.get("moderation_details")
    stage = details.get("moderation_stage") if isinstance(details, Mapping) else None
    if stage in ("input", "output"):
        return "input" if stage == "input" else "output"

    if code.startswith(("input", "output")):
        return "input" if code.startswith("input") else "output"

    said = _said(error).lower() if stage is None else ""
    for name, texts in STAGE_TEXTS.items():
        if any(text in said for text in texts):
            return name

    return None


def _categories(error: Mapping[str, Any]) -> tuple[str, ...]:
    details = error.get("moderation_details")
    named = details.get("categories") if isinstance(details, Mapping) else None
    found = [str(one) for one in named] if isinstance(named, list) else []
    found += categories_in(error)
    for listed in VIOLATIONS.findall(_said(error)):
        found += [one.strip() for one in listed.split(",") if one.strip()]

    return tuple(dict.fromkeys(found))


def categories_in(value: Any) -> Iterator[str]:
    """Yield the names of what Azure's content filter objected to, wherever they stand."""
    if isinstance(value, list):
        for item in value:
            yield from categories_in(item)

    elif isinstance(value, Mapping):
        for name, item in value.items():
            if isinstance(item, Mapping) and item.get("filtered") is True:
                yield str(name)
            else:
                yield from categories_in(item)


def _no_model(answer: HttpResponse, error: Mapping[str, Any] | None, provider: str) -> HTTPError:
    said = _said(error) if error is not None else shorten(answer.body)
    hint = "check the model's id" if provider == "openai" else "model= is the deployment's name"
    return ModelNotFoundError(
        f"HTTP {answer.status}: {said} ({hint}, and base_url)",
        raw_response=answer.body,
        status_code=answer.status,
    )


def _code(error: Mapping[str, Any]) -> str:
    return _plain(error.get("code"))


def _plain(code: Any) -> str:
    return re.sub(r"[^a-z0-9]", "", str(code or "").lower())


def _said(error: Mapping[str, Any]) -> str:
    return shorten(str(error.get("message") or error.get("code") or "no reason was given"))
