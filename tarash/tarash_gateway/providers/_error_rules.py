"""What a provider's error bodies mean, as data: which words, codes and statuses make which error.

Pure: from an answer, or the body of a failed job, to one of our errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._http._answer import (
    ERRORS_BY_STATUS,
    REFUSED_IN_WORDS,
    HttpResponse,
    is_page,
    shorten,
    status_error,
)
from .._support._paths import values_at
from ..exceptions import (
    AuthenticationError,
    ContentModerationError,
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    ModelNotFoundError,
    QuotaExceededError,
    RateLimitError,
    TarashException,
    ValidationError,
)
from ._error_conditions import OF_THE_ACCOUNT, Meaning, Refusal, Stage, When
from ._own_fields import is_own_error, own_fields

ADVICE: Mapping[Meaning, str] = {
    "moderation": "change the prompt or the images",
    "quota": "top up the account, or use another provider",
    "account": "check the key, and what it is allowed to do",
    "unknown_model": "check the model's id",
    "rate": "wait, or lower the number of concurrent jobs",
}
CLASSES: Mapping[Meaning, type[HTTPError]] = {
    "quota": QuotaExceededError,
    "account": AuthenticationError,
    "unknown_model": ModelNotFoundError,
    "rate": RateLimitError,
}
OK = 200
NOT_FOUND = 404
FIRST_ERROR = 300
STATUS_LIKE = re.compile(r"\d{1,3}")
"""A code that is a status of HTTP or of gRPC, and so names nothing."""
ALWAYS = When()
OF_THE_REQUEST = frozenset({"moderation", "invalid"})
"""What another request would mend."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorRules:
    """How one provider says that it refuses.

    `rules` come first, then what any provider's answer may say of the account, then the meanings
    in the order in which they stand here. The first whose conditions hold wins, and what none is
    about goes by its HTTP status alone.

    Attributes:
        title: How the provider is called in messages.
        message: Paths at which its words stand, the best first. The first name of each is one of
            the provider's error objects: a submit that is refused with one bought nothing, also
            with a 500. Names that fronts or jobs have, too, (`message`, `data`) don't count so.
        details: Paths of what stands beside the words, and is added where these don't name it.
        code: Paths at which its code stands.
        rules: Meanings with their conditions, which go before all others.
        moderation: When the content filter refused.
        of_output: When what was refused is what was made, and not what was asked for.
        categories: A pattern of the names by which the words tell what was objected to; else the
            code is one, unless it repeats a status.
        quota: When the account has nothing left: no pause mends it.
        account: When the key is wrong, or not allowed.
        unknown_model: When there is no such model.
        rate: When there were too many requests.
        invalid: When something else about the request is wrong.
        failed: When another try may succeed.
        hook: Has the first word; returns an error for what data can't say, else None.
    """

    title: str
    message: tuple[str, ...] = ("error.message", "error", "message", "detail")
    details: tuple[str, ...] = ()
    code: tuple[str, ...] = ("error.code", "error.type", "code")
    rules: tuple[tuple[Meaning, When], ...] = ()
    moderation: tuple[When, ...] = ()
    of_output: tuple[When, ...] = ()
    categories: str | None = None
    quota: tuple[When, ...] = ()
    account: tuple[When, ...] = ()
    unknown_model: tuple[When, ...] = ()
    rate: tuple[When, ...] = ()
    invalid: tuple[When, ...] = ()
    failed: tuple[When, ...] = ()
    hook: Callable[[HttpResponse, str, str], TarashException | None] | None = None

    @property
    def own_fields(self) -> frozenset[str]:
        """The names at the top of a body by which it is known as an error of the provider's."""
        return own_fields(self.message)

    def said(self, body: Any) -> str:
        """Return the provider's words; empty where there are none that can be read."""
        by_path = (texts for path in self.message if (texts := _texts_at(body, path)))
        texts = next(by_path, [])
        beside = [text for path in self.details for text in _texts_at(body, path)] if texts else []
        words = "; ".join(texts)
        more = "; ".join(text for text in beside if text not in words)
        return f"{words}: {more}" if more else words

    def code_of(self, body: Any) -> str:
        """Return the provider's code as text; empty where there is none."""
        for path in self.code:
            codes = [str(code) for code in values_at(body, path) if isinstance(code, str | int)]
            if any(codes):
                return ", ".join(codes)

        return ""

    def refusal_in(self, body: Any, status: int | None = None, model: str | None = None) -> Refusal:
        """Return a body as conditions see it: one that stands alone in a list, without the list."""
        is_one = isinstance(body, list) and len(body) == 1 and isinstance(body[0], dict)
        alone = body[0] if is_one else body
        return Refusal(status, alone, self.said(alone), self.code_of(alone), model)

    def first(self, refusal: Refusal) -> tuple[Meaning, When] | None:
        """Return the first rule whose conditions hold; None where only the status tells."""
        rules = (rule for rule in self._in_order() if rule[1].holds(refusal))
        rule_met = next((rule for rule in rules if not is_hearsay(*rule, refusal)), None)
        if rule_met is None or rule_met[0] not in OF_THE_REQUEST:
            return rule_met

        # A blocked account is said in the words of the filter, too, an unpaid one with a 400.
        return next((rule for rule in OF_THE_ACCOUNT if rule[1].holds(refusal)), rule_met)

    def _in_order(self) -> Iterator[tuple[Meaning, When]]:
        yield from self.rules
        yield from OF_THE_ACCOUNT
        meanings: tuple[tuple[Meaning, tuple[When, ...]], ...] = (
            ("moderation", self.moderation),
            ("quota", self.quota),
            ("account", self.account),
            ("unknown_model", self.unknown_model),
            ("rate", self.rate),
            ("invalid", self.invalid),
            ("failed", self.failed),
        )
        for meaning, conditions in meanings:
            for when in conditions:
                yield meaning, when

    def __call__(self, answer: HttpResponse, model: str | None = None) -> TarashException | None:
        """Return our error for an error answer; None leaves it to the status alone.

        Args:
            answer: With an error status.
            model: What was asked for, if it answers a submit.
        """
        error = self._error_of(answer, model)
        if error is None or model is None or error.submission is not None:
            return error

        if answer.status in REFUSED_IN_WORDS and is_own_error(answer.body, self.own_fields):
            error.submission = "rejected"

        return error

    def _error_of(self, answer: HttpResponse, model: str | None) -> TarashException | None:
        refusal = self.refusal_in(answer.body, answer.status, model)
        if self.hook is not None:
            by_hook = self.hook(answer, refusal.code, refusal.message)
            if by_hook is not None:
                return by_hook

        rule = self.first(refusal)
        # With 408 or 504, say, nobody knows what became of the request, whatever the words are.
        if rule is not None and rule[0] == "invalid" and answer.status not in REFUSED_IN_WORDS:
            return status_error(answer, refusal.message)

        if rule is None:
            return status_error(answer, refusal.message) if refusal.message else None

        error = self.made(*rule, refusal, answer.retry_after)
        if model is not None and error.submission is None and self._is_refused(rule, refusal):
            error.submission = "rejected"

        return self._as_it_came(error, answer.body)

    def _is_refused(self, rule: tuple[Meaning, When], refusal: Refusal) -> bool:
        """Tell whether a rule on the account is met where one on the request would be, too."""
        return rule in OF_THE_ACCOUNT and any(
            meaning in OF_THE_REQUEST and when.holds(refusal) for meaning, when in self._in_order()
        )

    def failure(self, body: Any) -> TarashException:
        """Return the error of a job that ended without a result, by what its body says."""
        refusal = self.refusal_in(body)
        meaning, when = self.first(refusal) or ("failed", ALWAYS)
        return self._as_it_came(self.made(meaning, when, refusal), body)

    @staticmethod
    def _as_it_came(error: TarashException, body: Any) -> TarashException:
        if isinstance(body, list):
            error.raw_response = body

        return error

    def refusal(self, body: Any, status: int | None = None) -> ContentModerationError:
        """Return the error for what the content filter refused."""
        return self.moderated(ALWAYS, self.refusal_in(body, status))

    def made(
        self, meaning: Meaning, when: When, refusal: Refusal, retry_after: float | None = None
    ) -> TarashException:
        """Return the error of one meaning."""
        if meaning == "moderation":
            return self.moderated(when, refusal)

        details: dict[str, Any] = {
            "raw_response": refusal.body,
            "retryable": when.retryable,
            "submission": "unknown" if meaning == "unknown" else when.submission,
            "billing": when.billing,
        }
        status, code = refusal.status, f" ({refusal.code})" if refusal.code else ""
        text = refusal.message or shorten(refusal.sentence or refusal.body)
        advice = when.advice or ADVICE.get(meaning)
        if meaning == "unknown_model" and when.advice is None and refusal.model is not None:
            advice = f"{advice}, {refusal.model!r}"

        text += f" ({advice})" if advice else ""
        if meaning == "invalid":
            what = "request" if status else f"input{code}"
            return ValidationError(f"{self.title} refused the {what}: {text}", **details)

        begins = f"HTTP {status}" if status else f"{self.title} could not make it{code}"
        if status and status < FIRST_ERROR:
            begins = f"{self.title} answered with an error{code}"

        if status is None and meaning in ("failed", "unknown"):
            return GenerationFailedError(f"{begins}: {text}", **details)

        details |= {
            "status_code": NOT_FOUND if meaning == "gone" else status,
            "retry_after": when.wait if retry_after is None else retry_after,
        }
        error = CLASSES.get(meaning, HTTPError)(f"{begins}: {text}", **details)
        error.lacks_subject = status is not None and status >= FIRST_ERROR
        return error

    def moderated(self, when: When, refusal: Refusal) -> ContentModerationError:
        """Return the error for what the content filter refused, under these conditions."""
        words, code = refusal.message, refusal.code
        named = re.findall(self.categories, words) if self.categories else []
        return ContentModerationError(
            f"{self.title}'s content filter refused: {words or code or 'no reason given'} "
            f"({when.advice or ADVICE['moderation']})",
            # Some refuse with nothing but a status: an answer came all the same.
            raw_response="" if refusal.body is None else refusal.body,
            stage=when.stage or self.stage_of(refusal),
            categories=named or ([code] if code and not STATUS_LIKE.fullmatch(code) else []),
            retryable=when.retryable,
            submission=when.submission,
            billing=when.billing,
        )

    def stage_of(self, refusal: Refusal) -> Stage | None:
        """Return whether the request or the result was refused; None where nothing tells."""
        if any(when.holds(refusal) for when in self.of_output):
            return "output"

        # A job may have been refused before the work or after it.
        return None if refusal.status is None else "input"


def is_hearsay(meaning: Meaning, when: When, refusal: Refusal) -> bool:
    """Tell whether it is no word of the provider's that its filter, or it, refused the request.

    With 504 or 524, say, nobody knows what became of the request, whatever the words are; and a
    page, or a status without a word of theirs, may be a front's. Some filters refuse by a status
    without a body.
    """
    if refusal.status is None or refusal.status < FIRST_ERROR:
        return False

    if meaning == "invalid":
        has_words = refusal.message or refusal.code or when.where or when.anywhere
        return is_page(refusal.body) or not has_words

    if meaning == "moderation" and is_page(refusal.body) and refusal.body is not None:
        return True

    is_told = when.code is None and when.where is None
    return meaning == "moderation" and is_told and refusal.status not in REFUSED_IN_WORDS


def upload_error(title: str, status: int | None, body: Any) -> TarashException:
    """Return the error of a failed upload to a provider's storage, which costs nothing.

    Args:
        title: How the provider is called.
        status: The HTTP status; None where no answer came.
        body: What came, without secrets.
    """
    at = "" if status is None else f" (HTTP {status})"
    message = f"The upload to {title}'s storage failed{at}: {shorten(body)}"
    if status is None:
        return HTTPConnectionError(message, submission="not_sent")

    kind = ERRORS_BY_STATUS.get(status, HTTPError)
    return kind(message, raw_response=body, status_code=status, submission="not_sent")


def _texts_at(body: Any, path: str) -> list[str]:
    """Return the sentences at a path: of one text, of several, or of a list of errors."""
    values = values_at(body, path)
    items = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    return [text.strip() for text in map(sentence_of, items) if text.strip()]


def sentence_of(item: Any) -> str:
    """Return one of several errors as text: a sentence, or a message with its place."""
    if not isinstance(item, Mapping):
        return item if isinstance(item, str) else ""

    place = item.get("loc") or item.get("path")
    named = ".".join(map(str, place)) if isinstance(place, list) else place
    message = item.get("msg") or item.get("message") or ""
    return f"{named}: {message}" if named else str(message)
