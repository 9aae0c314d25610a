"""When an error body means what: conditions as data, and those that hold of anybody's. Pure.

Many bodies speak of the account with the status or the words of something else: a daily limit with
a 429, a blocked resource in the words of the content filter. Only the words tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .._data._types import Billing, Submission
from .._http._retry_after import wait_in
from .._support._paths import NOTHING, values_at

Meaning = Literal[
    "moderation", "quota", "account", "unknown_model", "invalid", "rate", "failed", "gone",
    "unknown",
]  # fmt: skip
Stage = Literal["input", "output"]

DEEPEST = 6
MOST_ITEMS = 64
FOR_PEOPLE = ("message", "detail", "error", "errors", "title", "msg", "failure", "reason")
FOR_MACHINES = ("code", "type", "status", "name", "error_type", "quotaId", "reason")
HOLDERS = ("details", "violations")
SOON = 600.0
"""Seconds; a limit that a body says is over within these is waited for, whatever its period."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer, or the body of a failed job, as conditions see it.

    Attributes:
        status: The HTTP status; None for a failed job.
        body: What came.
        message: The provider's words.
        code: Its code.
        model: What a submit asked for; None for every other exchange.
    """

    status: int | None
    body: Any
    message: str = ""
    code: str = ""
    model: str | None = None

    @property
    def sentence(self) -> str:
        """The best that there is for people: the message, else any words in the body."""
        texts = (text for text in words_in(self.body) if " " in text)
        return self.message or next(texts, "") or self.code


@dataclass(frozen=True, slots=True)
class When:
    """One set of conditions, all of which hold: an empty one holds always.

    Attributes:
        words: A pattern that is searched for in the message, without regard to case.
        code: A pattern that the provider's code has to match from its beginning.
        statuses: The HTTP statuses; empty for any. A failed job has none: it is judged by the other
            conditions, and where there are no others it is not meant.
        where: A path in the body at which something has to stand.
        value: A pattern that one of the values at `where` has to match from its beginning.
        of_jobs: Whether it may hold of a failed job too, which has no HTTP status.
        of_answers: Whether it may hold of an error answer too.
        of_submits: Whether it holds of the answer to a submit only.
        anywhere: A pattern that is searched for in all that the body says, codes too.
        lasting: Whether it holds only where the body names no short wait.
        advice: What the user can do about it; None for the usual advice.
        wait: Seconds to wait, where the answer names none.
        stage: Of a refusal by the content filter: whether the request or the result was refused.
        retryable: Whether another provider may be tried; None for what the error's class says.
        submission: How the submit ended; None where it goes by the status.
        billing: What it costs; None where nobody says.
        ends_job: Whether it settles the job, where it comes as an answer to a poll.
    """

    words: str | None = None
    code: str | None = None
    statuses: frozenset[int] = frozenset()
    where: str | None = None
    value: str | None = None
    of_jobs: bool = True
    of_answers: bool = True
    of_submits: bool = False
    anywhere: str | None = None
    lasting: bool = False
    advice: str | None = None
    wait: float | None = None
    stage: Stage | None = None
    retryable: bool | None = None
    submission: Submission | None = None
    billing: Billing | None = None
    ends_job: bool = False

    def holds(self, refusal: Refusal) -> bool:
        """Tell whether the conditions hold."""
        return (
            self._is_of(refusal.status, refusal.model)
            and (self.code is None or bool(re.match(self.code, refusal.code)))
            and _has(self.words, refusal.message)
            and (self.where is None or self._stands_in(refusal.body))
            and (self.anywhere is None or _has(self.anywhere, " | ".join(words_in(refusal.body))))
            and not (self.lasting and _is_over_soon(refusal.body))
        )

    def _is_of(self, status: int | None, model: str | None) -> bool:
        if status is None:
            others = (self.words, self.code, self.where, self.anywhere)
            return self.of_jobs and not self.of_submits and (any(others) or not self.statuses)

        fits = not self.statuses or status in self.statuses
        return self.of_answers and fits and (model is not None or not self.of_submits)

    def _stands_in(self, body: Any) -> bool:
        values = [value for value in values_at(body, self.where or "") if value not in NOTHING]
        return any(self.value is None or re.match(self.value, str(value)) for value in values)


def _has(pattern: str | None, text: str) -> bool:
    return pattern is None or bool(re.search(pattern, text, re.IGNORECASE))


def _is_over_soon(body: Any) -> bool:
    # Rolling limits of a day free up by the minute.
    wait = wait_in(body)
    return wait is not None and wait <= SOON


def words_in(body: Any, deep: int = DEEPEST) -> Iterator[str]:
    """Yield what a body says, its words for people first."""
    if isinstance(body, str):
        yield body
    elif isinstance(body, list) and deep:
        for item in body[:MOST_ITEMS]:
            yield from words_in(item, deep - 1)
    elif isinstance(body, Mapping) and deep:
        for name in (*FOR_PEOPLE, *FOR_MACHINES, *HOLDERS):
            if name in body:
                yield from words_in(body[name], deep - 1)


ON_LIMITS = frozenset({403, 429})
NO_CREDIT = (
    r"TOP_UP|top[ -]?up|exhausted balance|balance (?:is )?(?:exhausted|insufficient|too low"
    r"|not enough)|insufficient[ _](?:balance|credits?|funds?|quota)|not enough balance"
    r"|(?:not enough|out of|no more) credits?"
    r"|do(?:es)? not have enough credits|exceeded your current quota|billing[ _]hard[ _]limit"
    r"|credit balance is too low|spending limit|payment[ _]required|billing[ _]not[ _]active"
    r"|not active, please check your billing"
)
LONG_PERIOD = (
    r"(?:daily|monthly)\b[^.]{0,40}\b(?:limit|quota|cap)\b|per[ _]?day|per[ _]?month"
    r"|limit\b[^.]{0,40}\bper (?:day|month)"
)
BLOCKED = (
    r"(?:resource|account|subscription|organi[sz]ation|project|user|key)\b[^.]{0,60}"
    r"\b(?:temporarily )?(?:blocked|suspended|deactivated|disabled|banned|terminated)\b"
)
NOT_BILLED = (
    r"billing_disabled|\bbilled users\b|\bbilling account\b[^.]{0,80}\b(?:disabled|closed|absent)\b"
    r"|\b(?:enable|requires?|needs?|activate|set up) billing\b"
    r"|\bbilling (?:must be|(?:is|has) not(?: been)?) (?:enabled|activated|set up)\b"
)
BAD_KEY = (
    r"\bapi[ _]key[ _](?:is )?(?:invalid|expired|not valid)\b"
    r"|\b(?:invalid|incorrect|expired)[ _]api[ _]key\b"
)
OF_THE_ACCOUNT: tuple[tuple[Meaning, When], ...] = (
    (
        "quota",
        When(
            anywhere=NO_CREDIT,
            statuses=frozenset({400, 401, 402, 403, 409, 422, 429}),
            of_jobs=False,
        ),
    ),
    (
        "quota",
        When(
            anywhere=LONG_PERIOD,
            statuses=ON_LIMITS,
            of_jobs=False,
            lasting=True,
            advice="wait for the next period, raise the limit, or use another provider",
        ),
    ),
    (
        "quota",
        When(
            anywhere=r"\blimit:? 0\b(?!\.)",
            statuses=ON_LIMITS,
            of_jobs=False,
            advice="the account has no quota for this model: raise it, or use another provider",
        ),
    ),
    (
        "account",
        When(
            anywhere=BAD_KEY,
            statuses=frozenset({400, 403}),
            of_jobs=False,
            advice="check the key",
        ),
    ),
    (
        "quota",
        When(
            anywhere=NOT_BILLED,
            statuses=frozenset({400, 403}),
            of_jobs=False,
            advice="see to the billing of the account or its project",
        ),
    ),
    (
        "account",
        When(
            anywhere=BLOCKED,
            statuses=frozenset({401, 403}),
            of_jobs=False,
            advice="no other request will pass either: see to the account, or ask the provider",
        ),
    ),
)
"""What any provider's answer may say of the account."""
