"""What Replicate says in error bodies and failed predictions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .._error_conditions import When
from .._error_rules import ErrorRules
from .._facts import mapping

if TYPE_CHECKING:
    from ..._http._client import HttpResponse

THROTTLED = re.compile(r"(\d+(?:\.\d+)?)\s*s(?:ec|\b)")
LONGEST_PAUSE = 3600
"""Seconds: a larger reset is a point in time."""
INVALID = frozenset({400, 422})
MODERATION = (
    r"\bE005\b|\bnsfw\b|flagged as sensitive|sensitive (?:content|information|words)"
    r"|content polic|content moderation|moderated|(?:failed|blocked by) moderation"
)
NEEDS_VERSION = "check the model's id; one that is not official needs a version: owner/name:version"


class ReplicateRules(ErrorRules):
    """Replicate's rules: words in two parts, and a pause in three places."""

    __slots__ = ()

    def said(self, body: Any) -> str:
        """Return the title and the detail; of a prediction, its error."""
        parts = [str(part).strip() for name in self.message if (part := mapping(body).get(name))]
        return ": ".join(parts)

    def wait(self, answer: HttpResponse) -> float | None:
        """Return the seconds until the limit is over: by its headers, else by the text."""
        if answer.retry_after is not None or answer.status != 429:  # noqa: PLR2004
            return answer.retry_after

        reset = answer.headers.get("ratelimit-reset", "")
        if reset.isdigit() and int(reset) <= LONGEST_PAUSE:
            return float(reset)

        match = THROTTLED.search(self.said(answer.body))
        return float(match[1]) if match else None


classify_answer = ReplicateRules(
    title="Replicate",
    message=("title", "detail", "error"),
    code=(),
    moderation=(
        When(words=MODERATION, statuses=INVALID, of_jobs=False),
        # "The input or output was flagged" leaves open which of the two it was.
        When(words=MODERATION, of_answers=False),
    ),
    of_output=(When(words=r"nsfw|^(?!.*input).*output", of_answers=False),),
    categories=r"\((E\d{3,4})\)",
    unknown_model=(
        When(statuses=frozenset({404, 410}), of_submits=True, advice=NEEDS_VERSION),
        When(
            words=r"^[\w ]*version[\w ]*(:|$)",
            where="title",
            statuses=INVALID,
            of_submits=True,
            advice=NEEDS_VERSION,
        ),
    ),
    rate=(When(statuses=frozenset({429}), of_jobs=False),),
    invalid=(When(words="input", statuses=INVALID, of_jobs=False),),
    failed=(
        # Its deadline passed before the work began.
        When(
            where="status",
            value="aborted",
            billing="none",
            advice="Replicate gave the job up before it began; try again",
        ),
        # Only the account's owner can have done that.
        When(
            where="status",
            value="canceled",
            retryable=False,
            advice="it was cancelled at Replicate; what had run is billed",
        ),
    ),
)
