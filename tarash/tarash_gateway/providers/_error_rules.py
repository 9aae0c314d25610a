"""What an error body says of the account, whoever's it is: rules as data. Pure.

Many bodies speak of the account with the status or the words of something else: a daily limit with
a 429, a blocked resource in the words of the content filter. Only the words tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._http._answer import wait_in
from .._http._client import HttpResponse, shorten
from ..exceptions import AuthenticationError, HTTPError, QuotaExceededError

DEEPEST = 6
SAID = ("message", "detail", "error", "errors", "title", "msg", "failure", "reason")
"""Where bodies have words for people."""
CODES = ("code", "type", "status", "name", "error_type", "quotaId", "reason")
"""Where bodies have words for machines."""


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One way to say something of the account."""

    raises: type[HTTPError]
    statuses: frozenset[int]
    says: re.Pattern[str]
    """Searched in all that a body says, words and codes."""
    advice: str
    passes: bool = False
    """Whether it may pass soon: where the body says so, it is a rate limit like any other."""


def _rule(
    raises: type[HTTPError],
    statuses: Sequence[int],
    says: str,
    advice: str,
    *,
    passes: bool = False,
) -> ErrorRule:
    return ErrorRule(raises, frozenset(statuses), re.compile(says, re.IGNORECASE), advice, passes)


SOON = 600.0
"""Seconds; a limit that a body says is over within these is waited for, whatever its period."""
REFUSED = (400, 401, 402, 403, 409, 422, 429)
TOP_UP = "top up the account, or use another provider"
RULES = (
    _rule(
        QuotaExceededError,
        REFUSED,
        r"TOP_UP|top[ -]?up|exhausted balance|balance (?:is )?(?:exhausted|insufficient|too low"
        r"|not enough)|insufficient[ _](?:balance|credits?|funds?|quota)|not enough balance"
        r"|(?:not enough|out of|no more) credits?"
        r"|do(?:es)? not have enough credits|exceeded your current quota|billing[ _]hard[ _]limit"
        r"|credit balance is too low|spending limit|payment[ _]required|billing[ _]not[ _]active"
        r"|not active, please check your billing",
        TOP_UP,
    ),
    _rule(
        QuotaExceededError,
        (403, 429),
        r"(?:daily|monthly)\b[^.]{0,40}\b(?:limit|quota|cap)\b|per[ _]?day|per[ _]?month"
        r"|limit\b[^.]{0,40}\bper (?:day|month)",
        "wait for the next period, raise the limit, or use another provider",
        passes=True,
    ),
    _rule(
        QuotaExceededError,
        (403, 429),
        r"\blimit:? 0\b(?!\.)",
        "the account has no quota for this model: raise it, or use another provider",
    ),
    _rule(
        AuthenticationError,
        (401, 403),
        r"(?:resource|account|subscription|organi[sz]ation|project|user|key)\b[^.]{0,60}"
        r"\b(?:temporarily )?(?:blocked|suspended|deactivated|disabled|banned|terminated)\b",
        "no other request will pass either: see to the account, or ask the provider",
    ),
)


def account_error(answer: HttpResponse) -> HTTPError | None:
    """Return the error for an answer that speaks of the account; None for any other."""
    if not any(answer.status in rule.statuses for rule in RULES):
        return None

    every = list(_words(answer.body))
    said = " | ".join(every)
    for rule in RULES:
        if answer.status in rule.statuses and rule.says.search(said):
            if rule.passes and _is_over_soon(answer.body):
                continue

            shown = next((one for one in every if " " in one), None) or shorten(answer.body)
            return rule.raises(
                f"HTTP {answer.status}: {shorten(shown)} ({rule.advice})",
                raw_response=answer.body,
                status_code=answer.status,
                retryable=False,
                retry_after=answer.retry_after,
            )

    return None


def _is_over_soon(body: Any) -> bool:
    """Tell whether a body names a short wait: rolling limits of a day free up by the minute."""
    wait = wait_in(body)
    return wait is not None and wait <= SOON


def _words(body: Any, deep: int = DEEPEST) -> list[str]:
    """Return what a body says, its words for people first."""
    if isinstance(body, str):
        return [body]

    if not deep:
        return []

    if isinstance(body, list):
        return [word for one in body[:64] for word in _words(one, deep - 1)]

    if not isinstance(body, Mapping):
        return []

    named = [body[name] for name in (*SAID, *CODES) if name in body]
    holders = [one for name, one in body.items() if name in ("details", "violations")]
    return [word for one in (*named, *holders) for word in _words(one, deep - 1)]
