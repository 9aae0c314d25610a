"""Errors as clients read them: OpenAI's shape, with our code, hints, submission and billing.

A client of OpenAI's retries 408, 409, 429 and 5xx by itself, so that each answer says whether that
is safe: what may have been bought is never sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse

from ..exceptions import (
    AuthenticationError,
    ContentModerationError,
    CostLimitError,
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    ModelNotFoundError,
    PolicyRefusedError,
    QuotaExceededError,
    RateLimitError,
    StorageError,
    TarashException,
    ValidationError,
)
from ..exceptions import TimeoutError as GatewayTimeoutError
from ._words import HTTP, Words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    429: "rate_limit_error",
}
FIRST_SERVER_ERROR = 500
NO_RETRY, RETRY = {"x-should-retry": "false"}, {"x-should-retry": "true"}
LONGEST_WAIT = 120
"""Seconds; clients give up where they are asked to wait for longer."""
UNKNOWN_MODEL = frozenset({"unknown_provider", "unknown_model", "model_not_found"})
NOT_SET_UP = frozenset({"no_base_url", "not_installed"})
"""Codes of providers that whoever runs the gateway has not set up."""
ACCOUNT = "upstream_account"
"""The code of a provider that refuses the gateway's own account."""


class Refusal(Exception):  # noqa: N818  (an answer, not a mistake of ours)
    """An error answer."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.headers = dict(headers or {})
        self.facts = facts
        self.unknown_name: str | None = None
        """A model's name without its provider: whoever answers may look for who has it."""

    def suggest(self, models: Sequence[str]) -> None:
        """Name the models that may be meant, in the place of any other advice."""
        if models:
            name = self.unknown_name
            self.message = f"There is no model {name!r}; did you mean {' or '.join(models)}?"
            self.facts["suggestions"] = list(models)

    def body(self) -> dict[str, Any]:
        """Return the answer's JSON."""
        default = "invalid_request_error" if self.status < FIRST_SERVER_ERROR else "server_error"
        error = {
            "message": self.message,
            "type": TYPES.get(self.status, default),
            "param": self.param,
            "code": self.code,
        }
        return {"error": {**error, **self.facts}}

    def answer(self) -> JSONResponse:
        """Return the answer."""
        return JSONResponse(sendable(self.body()), self.status, self.headers)


def sendable(value: Any) -> Any:
    """Return a value whose text can be sent: halves of characters are replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()

    if isinstance(value, dict):
        return {sendable(name): sendable(inner) for name, inner in value.items()}

    return [sendable(entry) for entry in value] if isinstance(value, list | tuple) else value


def missing(what: str) -> Refusal:
    """Return the answer for something that is not there, or another key's."""
    return Refusal(404, "not_found", f"There is no such {what}")


def final(status: int, code: str, message: str, param: str | None = None, **facts: Any) -> Refusal:
    """Return the answer to a request that is not to be sent again as it is."""
    return Refusal(status, code, message, param=param, headers=NO_RETRY, **facts)


def invalid(message: str, param: str | None = None) -> Refusal:
    """Return the answer for a request that can't be understood."""
    return final(400, "invalid_request", message, param=param)


def refusal_of(error: TarashException) -> Refusal:
    """Return what is said to a client of an error of the library."""
    status, code = _status(error), error.code
    if code in NOT_SET_UP:
        return _not_set_up(error)

    if status == 502 and isinstance(error, AuthenticationError | QuotaExceededError):  # noqa: PLR2004
        return _account(error)

    safe = error.submission in (None, "not_sent", "rejected") and error.operation is None
    is_full = isinstance(error, PolicyRefusedError)  # which has waited for as long as it may
    again = safe and not is_full and (status == 429 or status >= FIRST_SERVER_ERROR)  # noqa: PLR2004
    headers = {"x-should-retry": "true" if again else "false"}
    if again and error.retry_after is not None and error.retry_after <= LONGEST_WAIT:
        headers["retry-after-ms"] = str(max(0, round(error.retry_after * 1000)))
        headers["retry-after"] = str(max(0, round(error.retry_after)))

    return Refusal(
        status,
        code,
        HTTP.error_text(error),
        param=HTTP.param(error),
        headers=headers,
        **facts_of(error, HTTP),
    )


def facts_of(error: TarashException, words: Words) -> dict[str, Any]:
    """Return what our errors have beside OpenAI's fields."""
    advice = [(hint.action, words.advice(hint)) for hint in error.hints]
    fields: dict[str, Any] = {
        "submission": error.submission,
        "billing": error.billing,
        "hints": [{"action": action, "text": text} for action, text in advice if text],
        "provider": error.provider,
        "provider_request_id": error.request_id,
    }
    if isinstance(error, ContentModerationError):
        fields["moderation"] = {"stage": error.stage, "categories": list(error.categories)}

    return fields


def _account(error: TarashException) -> Refusal:
    """Return the answer where the gateway's account is refused: not the client's to mend."""
    message = (
        f"{error.provider} refuses the account of this gateway ({error.code}): whoever runs the "
        "gateway has to look at its key or its credit; nothing was made"
    )
    if error.code == "no_key":
        message = (
            f"This gateway has no key for {error.provider} (no_key): whoever runs the gateway has "
            "to set one, and `tarash providers` names its variable; nothing was sent"
        )

    fields = {"submission": error.submission, "billing": error.billing, "provider": error.provider}
    return final(502, ACCOUNT, message, **fields)


def _not_set_up(error: TarashException) -> Refusal:
    """Return the answer where the gateway can't ask a provider yet."""
    message = (
        f"{error.provider} is not set up on this gateway ({error.code}): whoever runs the gateway "
        "has to say where it is, or install what it needs; nothing was made"
    )
    return final(502, "not_set_up", message, provider=error.provider)


def _status(error: TarashException) -> int:
    if error.code in UNKNOWN_MODEL or isinstance(error, ModelNotFoundError):
        return 404

    for kinds, status in STATUSES:
        if isinstance(error, kinds):
            return status

    if isinstance(error, HTTPError) and error.submission == "rejected":
        code = error.status_code or 0
        return 400 if 400 <= code < FIRST_SERVER_ERROR else 502  # noqa: PLR2004

    return 502


STATUSES: tuple[tuple[Any, int], ...] = (
    (CostLimitError, 402),
    ((ValidationError, ContentModerationError), 400),
    ((AuthenticationError, QuotaExceededError), 502),
    (RateLimitError, 429),
    (PolicyRefusedError, 429),
    (StorageError, 503),
    (GatewayTimeoutError, 504),
    ((HTTPConnectionError, GenerationFailedError), 502),
)
