"""What Replicate says in error bodies and failed predictions."""

from __future__ import annotations

from .._error_conditions import When
from .._error_rules import ErrorRules

INVALID = frozenset({400, 422})
MODERATION = (
    r"\bE005\b|\bnsfw\b|flagged as sensitive|sensitive (?:content|information|words)"
    r"|content polic|content moderation|moderated|(?:failed|blocked by) moderation"
)
NEEDS_VERSION = "check the model's id; one that is not official needs a version: owner/name:version"


classify_answer = ErrorRules(
    title="Replicate",
    message=("title", "detail", "error"),
    details=("detail", "error"),
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
