"""What a declared provider's refusals mean: the first of its rules that holds. Pure."""

from __future__ import annotations

import re
from typing import Any

from ..._http._client import HttpResponse, shorten
from ...exceptions import (
    AuthenticationError,
    ContentModerationError,
    GenerationFailedError,
    HTTPError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    ValidationError,
)
from .._rest_errors import ErrorRules
from ._model import Errors, ProviderDeclaration
from ._names import every, holds, one
from ._stages import Rule

CLASSES: dict[str, type[HTTPError]] = {
    "quota": QuotaExceededError,
    "account": AuthenticationError,
    "unknown_model": ModelNotFoundError,
    "rate": RateLimitError,
}


GONE = 404


class DeclaredRules:
    """The rules of one provider, over statuses, codes, paths and words."""

    def __init__(self, said: ProviderDeclaration) -> None:
        self._errors: Errors = said.errors
        self._title = said.title

    def rest(self) -> ErrorRules:
        """Return the rules in the form that `RestAdapter` has."""
        errors = self._errors
        return ErrorRules(
            title=self._title,
            message=errors.message,
            code=errors.code,
            hook=lambda answer, _code, _said: self.of_answer(answer),
        )

    def is_refusal(self, body: Any) -> bool:
        """Tell whether a body that came with a good status is an error all the same."""
        return any(holds(flag, body) for flag in self._errors.inside)

    def of_answer(self, answer: HttpResponse) -> TarashException | None:
        """Return the error of an answer by the first rule that holds; None where none does."""
        rule = self._rule(answer.status, answer.body)
        return None if rule is None else self._made(rule, answer.body, answer.status)

    def ends_job(self, answer: HttpResponse) -> bool:
        """Tell whether an error that answers a poll is the provider's verdict on the job."""
        rule = self._rule(answer.status, answer.body)
        return rule is not None and rule.ends_job

    def is_gone(self, answer: HttpResponse) -> bool:
        """Tell whether an answer to a poll says that there is no such job."""
        rule = self._rule(answer.status, answer.body)
        return rule is not None and rule.means == "gone"

    def inside(self, answer: HttpResponse, *, paid: bool = False) -> TarashException:
        """Return the error in an answer with a good status; one that nobody names is unknown."""
        found = self.of_answer(answer)
        if found is None:
            said = self._said(answer.body) or shorten(answer.body)
            found = HTTPError(
                f"{self._title} answered with an error that no rule names: {said}",
                raw_response=answer.body,
                status_code=answer.status,
                retryable=True,
            )
            found.submission = "unknown" if paid else None
        elif paid and found.submission is None:
            found.submission = "rejected"

        return found

    def of_job(self, body: Any) -> TarashException:
        """Return the error of a job that ended without a result."""
        rule = self._rule(None, body)
        told = self._said(body) or "no reason given"
        if rule is not None and rule.means in ("moderation", "invalid"):
            return self._made(rule, body, None)

        return GenerationFailedError(
            f"{self._title} could not make it: {told}",
            raw_response=body,
            retryable=None if rule is None else rule.retryable,
        )

    def kept_back(self, body: Any) -> ContentModerationError:
        """Return the error of a result that a filter has kept back."""
        told = self._said(body) or "the result was kept back"
        return ContentModerationError(
            f"{self._title}'s content filter refused: {told} (change the prompt or the images)",
            stage="output",
            raw_response=body,
            billing=self.billing_of(body),
        )

    def billing_of(self, body: Any) -> Any:
        """Return what a failed job costs, where the declaration says so."""
        rule = self._rule(None, body)
        return (rule.billing if rule is not None else None) or self._errors.failed_billing

    def _said(self, body: Any) -> str:
        found = (text for path in self._errors.message for text in every(body, path))
        return next((text for text in found if isinstance(text, str) and text), "")

    def _rule(self, status: int | None, body: Any) -> Rule | None:
        codes = (one(body, path) for path in self._errors.code)
        code = next((str(found) for found in codes if isinstance(found, str | int)), "")
        said = self._said(body) or (body if isinstance(body, str) else "")
        for rule in self._errors.rules:
            if rule.status and status is not None and status not in rule.status:
                continue

            if rule.code is not None and not re.fullmatch(rule.code, code):
                continue

            if rule.words is not None and not re.search(rule.words, said, re.IGNORECASE):
                continue

            if rule.at is None or one(body, rule.at) not in (None, "", [], {}):
                return rule

        return None

    def _made(self, rule: Rule, body: Any, status: int | None) -> TarashException:
        told = self._said(body) or shorten(body)
        facts: dict[str, Any] = {
            "raw_response": body,
            "submission": rule.submission,
            "billing": rule.billing,
        }
        if rule.retryable is not None:
            facts["retryable"] = rule.retryable

        if rule.means == "moderation":
            return ContentModerationError(
                f"{self._title}'s content filter refused: {told} (change the prompt or the images)",
                stage="output" if rule.of_output else "input",
                **facts,
            )

        if rule.means == "invalid":
            return ValidationError(f"{self._title} refused the request: {told}", **facts)

        if rule.means == "unknown":
            facts["submission"] = "unknown"

        made = CLASSES.get(rule.means, HTTPError)
        status = GONE if rule.means == "gone" else status
        return made(f"HTTP {status}: {told}", status_code=status or 200, **facts)
