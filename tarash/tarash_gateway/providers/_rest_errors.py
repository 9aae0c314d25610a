"""What a provider's error bodies mean, as data: which words, codes and statuses make which error.

Pure: from an answer, or the body of a failed job, to one of our errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .._http._client import HttpResponse, status_error
from ..exceptions import (
    AuthenticationError,
    ContentModerationError,
    GenerationFailedError,
    HTTPError,
    ModelNotFoundError,
    QuotaExceededError,
    TarashException,
    ValidationError,
)
from ._error_rules import account_error

Meaning = Literal["moderation", "quota", "account", "unknown_model", "invalid"]
ADVICE: Mapping[Meaning, str] = {
    "moderation": "change the prompt or the images",
    "quota": "top up the account, or use another provider",
    "account": "check the key, and what it is allowed to do",
    "unknown_model": "check the model's id",
    "invalid": "change what was asked for",
}
CLASSES: Mapping[Meaning, type[HTTPError]] = {
    "quota": QuotaExceededError,
    "account": AuthenticationError,
    "unknown_model": ModelNotFoundError,
}
ALWAYS = re.compile("")


def at(body: Any, path: str) -> Any:
    """Return what stands at a dotted path (`error.message`, `issues.0.path`); None for nothing."""
    for name in path.split("."):
        if isinstance(body, Mapping):
            body = body.get(name)
        elif isinstance(body, list) and name.isdigit() and int(name) < len(body):
            body = body[int(name)]
        else:
            return None

    return body


def first_at(body: Any, paths: Sequence[str]) -> Any:
    """Return the first value at one of the paths that is neither None nor empty."""
    found = (at(body, path) for path in paths)
    return next((value for value in found if value not in (None, "", [], {})), None)


@dataclass(frozen=True, slots=True)
class When:
    """One set of conditions, all of which hold: an empty one holds always.

    Attributes:
        words: A pattern that is searched for in the message, without regard to case.
        code: A pattern that the provider's code has to match from its beginning.
        statuses: The HTTP statuses; empty for any. A failed job has none, and fits any.
        where: A path in the body at which something has to stand.
        of_jobs: Whether it may hold of a failed job too, which has no HTTP status.
    """

    words: str | None = None
    code: str | None = None
    statuses: frozenset[int] = frozenset()
    where: str | None = None
    of_jobs: bool = True

    def holds(self, status: int | None, code: str, said: str, body: Any) -> bool:
        """Tell whether the conditions hold."""
        if status is None and not self.of_jobs:
            return False

        if self.statuses and status is not None and status not in self.statuses:
            return False

        if self.words is not None and not re.search(self.words, said, re.IGNORECASE):
            return False

        if self.code is not None and not re.match(self.code, code):
            return False

        return self.where is None or at(body, self.where) not in (None, "", [], {})


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorRules:
    """How one provider says that it refuses.

    What every provider's answers may say of the account comes first. Then the meanings are gone
    through in the order in which they stand here; the first whose conditions hold wins, and what
    none is about goes by its HTTP status alone.

    Attributes:
        title: How the provider is called in messages.
        message: Paths at which its words stand, the best first.
        code: Paths at which its code stands.
        moderation: When the content filter refused.
        of_output: When what was refused is what was made, and not what was asked for.
        quota: When the account has nothing left: no pause mends it.
        account: When the key is wrong, or not allowed.
        unknown_model: When there is no such model.
        invalid: When something else about the request is wrong.
        hook: Has the first word; returns an error for what data can't say, else None.
    """

    title: str
    message: tuple[str, ...] = ("error.message", "error", "message", "detail")
    code: tuple[str, ...] = ("error.code", "error.type", "code")
    moderation: tuple[When, ...] = ()
    of_output: tuple[When, ...] = ()
    quota: tuple[When, ...] = ()
    account: tuple[When, ...] = ()
    unknown_model: tuple[When, ...] = ()
    invalid: tuple[When, ...] = ()
    hook: Callable[[HttpResponse, str, str], TarashException | None] | None = None

    def said(self, body: Any) -> str:
        """Return the provider's words; empty where there are none that can be read."""
        found = first_at(body, self.message)
        if isinstance(found, list):
            return "; ".join(str(one) for one in found)

        return found if isinstance(found, str) else ""

    def code_of(self, body: Any) -> str:
        """Return the provider's code as text; empty where there is none."""
        found = first_at(body, self.code)
        return str(found) if isinstance(found, str | int) else ""

    def meaning(self, status: int | None, body: Any) -> Meaning | None:
        """Return what an error is about; None where only its status tells."""
        said, code = self.said(body), self.code_of(body)
        meanings: tuple[tuple[Meaning, tuple[When, ...]], ...] = (
            ("moderation", self.moderation),
            ("quota", self.quota),
            ("account", self.account),
            ("unknown_model", self.unknown_model),
            ("invalid", self.invalid),
        )
        for meaning, conditions in meanings:
            if any(one.holds(status, code, said, body) for one in conditions):
                return meaning

        return None

    def __call__(self, answer: HttpResponse) -> TarashException | None:
        """Return our error for an error answer; None leaves it to the status alone."""
        said, code = self.said(answer.body), self.code_of(answer.body)
        found = None if self.hook is None else self.hook(answer, code, said)
        if found is not None:
            return found

        of_account = account_error(answer)
        if of_account is not None:
            return of_account

        meaning = self.meaning(answer.status, answer.body)
        if meaning is None:
            return status_error(answer, said) if said else None

        if meaning == "moderation":
            return self.refusal(answer.body, answer.status)

        if meaning == "invalid":
            return ValidationError(
                f"{self.title} refused the request: {said}", raw_response=answer.body
            )

        return CLASSES[meaning](
            f"HTTP {answer.status}: {said or code} ({ADVICE[meaning]})",
            raw_response=answer.body,
            status_code=answer.status,
        )

    def failure(self, body: Any) -> TarashException:
        """Return the error of a job that ended without a result, by what its body says."""
        said, code = self.said(body), self.code_of(body)
        meaning = self.meaning(None, body)
        if meaning == "moderation":
            return self.refusal(body)

        told = f"({code or 'no code'}): {said or 'no reason given'}"
        if meaning == "invalid":
            return ValidationError(f"{self.title} refused the input {told}", raw_response=body)

        return GenerationFailedError(f"{self.title} could not make it {told}", raw_response=body)

    def refusal(self, body: Any, status: int | None = None) -> ContentModerationError:
        """Return the error for what the content filter refused."""
        said, code = self.said(body), self.code_of(body)
        after = any(one.holds(status, code, said, body) for one in self.of_output)
        return ContentModerationError(
            f"{self.title}'s content filter refused: {said or code} ({ADVICE['moderation']})",
            raw_response=body,
            stage="output" if after else "input",
            categories=(code,) if code else (),
        )
