"""What OpenAI's error objects mean, in answers, in failed jobs and in results without media.

Azure OpenAI and compatible servers use the same objects with codes of their own. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._data._exchange import NO_MEDIA
from .._http._answer import shorten
from .._http._retry_after import parse_retry_after
from ..exceptions import ContentModerationError, GenerationFailedError
from ._error_conditions import Refusal, Stage, When
from ._error_rules import ErrorRules
from ._filters import unsafe
from ._result_facts import mapping, objects

if TYPE_CHECKING:
    from .._http._answer import HttpResponse
    from ..exceptions import TarashException

# Codes in lower case, without separators: `contentFilter` and `content_filter` are one.
MODERATION = (
    "(contentfilter|contentmoderation|contentpolicyviolation|inputmoderation|moderationblocked"
    "|outputmoderation|responsibleaipolicyviolation|safetyviolation|sentinelblock)$"
)
QUOTA = "(billinghardlimitreached|insufficientcredits|insufficientquota|quotaexceeded)$"
NO_MODEL = "(deploymentnotfound|modelnotfound|modelretired)$"
TOO_MANY = "(ratelimitexceeded|toomanyrequests|429)$"
REFUSED_INPUT = frozenset({400, 413, 415, 422})
VIOLATIONS = re.compile(r"safety_violations=\[([^\]]*)\]")
SAFETY_TEXT = (
    "safety system|content management policy|content policy|content moderation|safety_violations="
)
STAGE_TEXTS: Mapping[Stage, str] = {
    "output": "generated image|generated video|output",
    "input": "prompt|input|task failed",
}
"""How Azure tells the two sides; nothing else in its answers does."""


class OpenAIRules(ErrorRules):
    """The rules of OpenAI's wire: codes in several spellings, and details of the filter's."""

    __slots__ = ()

    def said(self, body: Any) -> str:
        """Return the message, with the parameter that it is about."""
        error = error_of(body) or {}
        words = error.get("message") or error.get("code")
        if not words:  # some other envelope, as servers of this wire have, and gateways before it
            return ErrorRules.said(self, body)

        message = shorten(str(words))
        return f"{message} ({error['param']})" if error.get("param") else message

    def code_of(self, body: Any) -> str:
        """Return the code without separators; of two, the one that speaks of the filter."""
        error = error_of(body) or {}
        codes = [_plain(level.get("code")) for level in (error, mapping(error.get("innererror")))]
        kinds = [code for code in (*codes, _plain(error.get("type"))) if re.match(QUOTA, code)]
        return next((code for code in codes if re.match(MODERATION, code)), (kinds or codes)[0])

    def moderated(self, when: When, refusal: Refusal) -> ContentModerationError:
        """Return the error for what the content filter refused."""
        error = super().moderated(when, refusal)
        error.categories = _categories(error_of(refusal.body) or {})
        return error

    def stage_of(self, refusal: Refusal) -> Stage | None:
        """Return whether the request or the result was refused; None where nothing tells."""
        stage = _moderation(error_of(refusal.body) or {}).get("moderation_stage")
        if stage in ("input", "output"):
            return "input" if stage == "input" else "output"

        if refusal.code.startswith(("input", "output")):
            return "input" if refusal.code.startswith("input") else "output"

        texts = STAGE_TEXTS.items() if stage is None else ()
        message = refusal.message.lower()
        return next((name for name, text in texts if re.search(text, message)), None)


RULES = OpenAIRules(
    title="The provider",
    moderation=(
        When(code=MODERATION),
        When(where="error.moderation_details"),
        # Older answers have no code of their own for it.
        When(words=SAFETY_TEXT, statuses=frozenset({400, 403})),
    ),
    quota=(When(code=QUOTA),),
    unknown_model=(
        When(statuses=frozenset({404, 410})),
        When(code=NO_MODEL, statuses=REFUSED_INPUT, of_jobs=False),
        When(where="error.param", value="model$", statuses=REFUSED_INPUT, of_jobs=False),
    ),
    rate=(When(code=TOO_MANY, of_answers=False),),
    invalid=(
        When(where="error.param", statuses=REFUSED_INPUT, of_jobs=False),
        When(
            where="error.type",
            value="invalid_request_error$",
            statuses=REFUSED_INPUT,
            of_jobs=False,
        ),
    ),
)


def rules_of(provider: str) -> OpenAIRules:
    """Return the rules of OpenAI, or of a resource where the model is a deployment."""
    hint = "check the model's id" if provider == "openai" else "model= is the deployment's name"
    conditions = (replace(when, advice=f"{hint}, and base_url") for when in RULES.unknown_model)
    return replace(RULES, unknown_model=tuple(conditions))


def classify_answer(answer: HttpResponse, provider: str) -> TarashException | None:
    """Return our error for what an error answer says; None leaves it to the status.

    Args:
        answer: The answer, of an error status.
        provider: The provider's name.
    """
    return rules_of(provider)(answer)


def job_error(error: Any, raw: Any) -> TarashException:
    """Return our error for a job that failed, or an answer that holds an error in place of one."""
    beside = mapping(raw).get("code") if isinstance(error, str) else None
    failure = RULES.failure({"error": error, "code": beside})
    headers = mapping(mapping(error).get("headers"))
    lowered = {str(name).lower(): str(value) for name, value in headers.items()}
    failure.retry_after = parse_retry_after(lowered.get("retry-after"))
    failure.raw_response = raw
    return failure


def no_media(raw: Any, kind: str) -> TarashException:
    """Return our error for a result without media: filtered out, or just not there."""
    error = error_of(raw)
    if error is not None:
        return job_error(error, raw)

    flag = next(
        (
            unsafe_flag
            for item in objects(mapping(raw).get("data"))
            if (unsafe_flag := unsafe(item))
        ),
        None,
    )
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
        code=NO_MEDIA,
    )


def error_of(body: Any) -> Mapping[str, Any] | None:
    """Return the error object of a body; None where there is none."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(error, str) and error and isinstance(body, Mapping):
        # Flat envelopes, like xAI's, have the code beside the words.
        code = body.get("code")
        return {"message": error, "code": code if isinstance(code, str) else None}

    return error if isinstance(error, Mapping) and error else None


def _moderation(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an error says of a refusal, which some give beside its code."""
    return mapping(error.get("moderation_details")) or error


def _categories(error: Mapping[str, Any]) -> tuple[str, ...]:
    named = _moderation(error).get("categories")
    names = [str(name) for name in named] if isinstance(named, list) else []
    names += categories_in(error)
    for listed in VIOLATIONS.findall(str(error.get("message") or "")):
        names += [name.strip() for name in listed.split(",") if name.strip()]

    return tuple(dict.fromkeys(names))


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


def _plain(code: Any) -> str:
    return re.sub(r"[^a-z0-9]", "", str(code or "").lower())
