"""The one error of a webhook that is not taken: why, in a word for programs and in a sentence."""

from __future__ import annotations

from typing import Any, Literal

from ..exceptions import TarashException

Reason = Literal[
    "body_encoded",
    "body_too_large",
    "header_malformed",
    "header_missing",
    "no_key",
    "not_ours",
    "signature_wrong",
    "too_old",
    "unreadable",
]

STATUSES: dict[Reason, int] = {
    "body_encoded": 415,
    "body_too_large": 413,
    "header_malformed": 401,
    "header_missing": 401,
    "no_key": 503,
    "not_ours": 404,
    "signature_wrong": 401,
    "too_old": 401,
    "unreadable": 400,
}


class WebhookRefusedError(TarashException):
    """A webhook was not taken; nothing was asked of the provider because of it.

    Attributes:
        reason: Why: `header_missing`, `header_malformed`, `signature_wrong`, `too_old` (or from the
            future), `no_key` (the provider's keys can't be had now), `not_ours` (the address is not
            one that we gave out), `unreadable`, `body_too_large`, or
            `body_encoded` (it is compressed, which no provider does).
    """

    default_code = "webhook_refused"

    @property
    def http_status(self) -> int:
        """The status to answer the sender with: one that lets it try again where that may help."""
        return STATUSES[self.reason]

    def __init__(self, message: str, *args: Any, reason: Reason, **facts: Any) -> None:
        super().__init__(message, *args, **facts)
        self.reason: Reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.message, self.reason), self.__dict__.copy()


def _again(message: str, reason: Reason) -> WebhookRefusedError:
    return WebhookRefusedError(message, reason=reason)
