"""Every error that the gateway raises, with the facts a caller needs to decide what to do next.

    TarashException
    ├── ValidationError (also ValueError)
    │   ├── UnsupportedOperationError (also NotImplementedError)
    │   └── CostLimitError           before anything was sent
    │       └── BudgetExceededError
    ├── ContentModerationError
    ├── HTTPError
    │   ├── AuthenticationError      401, 403
    │   ├── QuotaExceededError       402 and the providers' own codes
    │   ├── ModelNotFoundError       404 and what means the same
    │   └── RateLimitError           429
    ├── HTTPConnectionError (also ConnectionError)
    ├── TimeoutError (also the built-in one)
    ├── GenerationFailedError
    ├── PolicyRefusedError           before anything was sent
    ├── StorageError                 the ledger, or the cache of schemas
    └── MediaError                   the result is made, and paid for
        ├── SaveError
        ├── ProbeError (also ValueError)
        └── VerificationError

Errors hold data only: an operation, never a handle; never a key.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ._data._hints import Advised, Hint, text_of_hints
from ._data._types import Billing, Submission
from ._support._words import visible

if TYPE_CHECKING:
    from .models import (
        ExecutionMetadata,
        ImageGenerationResponse,
        Mismatch,
        Quote,
        VideoGenerationResponse,
    )

# Without TimeoutError: `import *` would hide the built-in one, of which ours is only a part.
__all__ = [
    "AuthenticationError",
    "BudgetExceededError",
    "ContentModerationError",
    "CostLimitError",
    "GenerationFailedError",
    "HTTPConnectionError",
    "HTTPError",
    "MediaError",
    "ModelNotFoundError",
    "PolicyRefusedError",
    "ProbeError",
    "QuotaExceededError",
    "RateLimitError",
    "SaveError",
    "StorageError",
    "TarashException",
    "UnsupportedOperationError",
    "ValidationError",
    "VerificationError",
]

RETRYABLE_STATUSES = frozenset({408, 425, 429})


class TarashException(Advised, Exception):  # noqa: N818  (the name users already catch)
    """Base of all errors of the gateway.

    Attributes:
        message: What went wrong and what to do next.
        provider: The provider's name, where one is concerned.
        model: The model's id, where one is concerned.
        request_id: The provider's job id where there is one, else ours.
        raw_response: The parsed body (or text) of the exchange that caused the error.
        retryable: Whether another provider of the chain may be tried.
        submission: How the submit ended (`not_sent`, `rejected`, `accepted`, `unknown`), or None
            where nothing was about to be submitted.
        retry_after: Seconds the provider asked us to wait, if it did.
        operation: The accepted job as plain JSON, enough to go on waiting; None if there is none.
        billing: Whether it costs money (`none`, `possible`, `certain`), where the provider's answer
            says so.
        execution_metadata: What each attempt of the chain did; set when a chain ends in an error.
        code: A stable word for what went wrong: its class's, or a more exact one.
        field: The field of the request or the config that is wrong, such as `image_list[0]`.
        hints: What to do about it, as data; the message ends with them.
    """

    retryable: bool
    default_retryable: ClassVar[bool] = False
    default_code: ClassVar[str] = "failed"

    def __init__(  # noqa: PLR0913  (facts are keywords, each read by callers)
        self,
        message: str,
        provider: str | None = None,
        model: str | None = None,
        request_id: str | None = None,
        raw_response: Any = None,
        *,
        retryable: bool | None = None,
        submission: Submission | None = None,
        retry_after: float | None = None,
        operation: Mapping[str, Any] | None = None,
        billing: Billing | None = None,
        code: str | None = None,
        field: str | None = None,
        hints: Sequence[Hint] = (),
    ) -> None:
        message = f"{message}{text_of_hints(hints)}"
        super().__init__(message)
        self.message = message
        self.code = self.default_code if code is None else code
        self.field = field
        self.hints = tuple(hints)
        self.provider = provider
        self.model = model
        self.request_id = request_id
        self.raw_response = raw_response
        self.retryable = self.default_retryable if retryable is None else retryable
        self.submission = submission
        self.retry_after = retry_after
        self.operation = operation
        self.billing = billing
        self.execution_metadata: ExecutionMetadata | Any = None

    def __str__(self) -> str:
        # A provider may have written a part of it, and whoever prints an error prints this.
        return visible(self.message)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.__dict__.copy()))


def _rebuild(kind: type[TarashException], message: str, facts: dict[str, Any]) -> TarashException:
    error = kind.__new__(kind, message)
    error.args = (message,)
    error.__dict__.update(facts)
    return error


class ValidationError(TarashException, ValueError):
    """The request can't be sent as it is: the message names the field and what is allowed."""

    default_code = "invalid_request"


class UnsupportedOperationError(ValidationError, NotImplementedError):
    """The provider or handler has no such operation (a video from an image-only provider, say)."""

    default_code = "unsupported_operation"


class CostLimitError(ValidationError):
    """The call could cost more than it may: nothing was sent.

    Attributes:
        quote: What it would cost.
        limit: US dollars that it may cost: what `max_cost` leaves after earlier attempts.
    """

    default_code = "cost_limit"

    def __init__(
        self,
        message: str,
        *args: Any,
        quote: Quote | None = None,
        limit: Decimal | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message, *args, **facts)
        self.quote = quote
        self.limit = limit


class BudgetExceededError(CostLimitError):
    """The call could cost more than a budget has left: nothing was sent.

    Attributes:
        renews_at: When the budget renews, in UTC; None for never.
    """

    default_code = "budget_exceeded"

    def __init__(
        self, message: str, *args: Any, renews_at: datetime | None = None, **facts: Any
    ) -> None:
        super().__init__(message, *args, **facts)
        self.renews_at = renews_at


class ContentModerationError(TarashException):
    """The provider's safety filter refused the request or its result.

    Attributes:
        stage: `input` where the request was refused, `output` where the result was, None if unsaid.
        categories: The provider's own names of what it objected to.
    """

    default_code = "content_moderation"

    def __init__(
        self,
        message: str,
        *args: Any,
        stage: Literal["input", "output"] | None = None,
        categories: Sequence[str] = (),
        **facts: Any,
    ) -> None:
        super().__init__(message, *args, **facts)
        self.stage = stage
        self.categories = tuple(categories)


class HTTPError(TarashException):
    """The provider answered with an error status.

    Attributes:
        status_code: The HTTP status, or None where a job failed with a provider's code instead.
    """

    default_code = "http_error"

    def __init__(  # noqa: PLR0913, PLR0917  (the base's and one more)
        self,
        message: str,
        provider: str | None = None,
        model: str | None = None,
        request_id: str | None = None,
        raw_response: Any = None,
        status_code: int | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message, provider, model, request_id, raw_response, **facts)
        self.status_code = status_code
        if facts.get("retryable") is None and status_code is not None:
            self.retryable = status_code in RETRYABLE_STATUSES or status_code >= 500  # noqa: PLR2004


class AuthenticationError(HTTPError):
    """The key is missing, wrong, or not allowed to do this."""

    default_code = "authentication_failed"


class QuotaExceededError(HTTPError):
    """The account has no credit or quota left: no waiting mends it, whatever its status."""

    default_code = "quota_exceeded"

    def __init__(self, message: str, *args: Any, **facts: Any) -> None:
        super().__init__(message, *args, **facts)
        if facts.get("retryable") is None:
            self.retryable = False


class ModelNotFoundError(HTTPError):
    """The provider doesn't know the model or the endpoint, or has retired it."""

    default_code = "model_not_found"


class RateLimitError(HTTPError):
    """Too many requests; `retry_after` says how long to wait, where the provider said so."""

    default_code = "rate_limited"
    default_retryable = True


class HTTPConnectionError(TarashException, ConnectionError):
    """No connection, or one that broke; `submission` tells whether money is at stake."""

    default_code = "connection_failed"
    default_retryable = True


class TimeoutError(TarashException, builtins.TimeoutError):  # noqa: A001  (the name users catch)
    """The attempt's deadline passed; `operation` holds the job, so that you can go on waiting.

    Attributes:
        timeout_seconds: The limit that passed, in seconds.
    """

    default_code = "timeout"
    default_retryable = True

    def __init__(  # noqa: PLR0913, PLR0917  (the base's and one more)
        self,
        message: str,
        provider: str | None = None,
        model: str | None = None,
        request_id: str | None = None,
        raw_response: Any = None,
        timeout_seconds: float | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message, provider, model, request_id, raw_response, **facts)
        self.timeout_seconds = timeout_seconds


class GenerationFailedError(TarashException):
    """The provider took the job and could not make the media."""

    default_code = "generation_failed"
    default_retryable = True


class PolicyRefusedError(TarashException):
    """A policy of the gateway refused the attempt before anything was sent.

    With `retryable` the next config of the chain is tried.
    """

    default_code = "refused_by_policy"
    default_retryable = True


class CircuitOpenError(PolicyRefusedError):
    """The provider has failed so often of late that the attempt was skipped: see `Breaker`.

    `retry_after` says when the next attempt goes out.
    """

    default_code = "circuit_open"


class StorageError(TarashException):
    """The ledger, or the cache of schemas, can't be read or written: no provider is to blame."""

    default_code = "storage_failed"


class MediaError(TarashException):
    """Something went wrong with media that are made already: making them again would cost again."""

    default_code = "media_failed"


class SaveError(MediaError):
    """A result could not be saved; the response still holds it.

    Attributes:
        saved: Where the other results were saved.
        failures: Why each of those could not be saved that are missing.
    """

    default_code = "save_failed"

    def __init__(
        self,
        message: str,
        *args: Any,
        saved: Sequence[str] = (),
        failures: Sequence[str] = (),
        **facts: Any,
    ) -> None:
        super().__init__(message, *args, **facts)
        self.saved = tuple(saved)
        self.failures = tuple(failures)


class ProbeError(MediaError, ValueError):
    """A file could not be looked at: it can't be read, or is no video or image."""

    default_code = "probe_failed"


class VerificationError(MediaError):
    """A result is not what was asked for; raised with `verify="raise"` only.

    Attributes:
        response: The whole result, which is paid for.
        mismatches: Where it differs from the request.
    """

    default_code = "verification_failed"

    def __init__(
        self,
        message: str,
        *args: Any,
        response: VideoGenerationResponse | ImageGenerationResponse | None = None,
        mismatches: Sequence[Mismatch] = (),
        **facts: Any,
    ) -> None:
        super().__init__(message, *args, **facts)
        self.response = response
        self.mismatches = tuple(mismatches)
