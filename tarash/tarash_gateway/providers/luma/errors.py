"""What both of Luma's products say in error bodies and failed generations."""

from __future__ import annotations

from .._error_conditions import When
from .._error_rules import ErrorRules

REFUSED = frozenset({400, 403, 413, 422})
NO_CODE = "$"
# Luma's words for an image that it could not even read: mostly its URL was not open to Luma.
UNREAD = "failed to moderate|could not be fetched|unable to fetch"
MODERATION = "moderat|content polic|safety"
UNKNOWN_MODEL = (
    "(?:unknown|invalid|unsupported) model|model .*(?:not found|not supported|does not exist)"
)
URLS = "check that the URL opens without cookies or a login, for robots too"

classify_answer = ErrorRules(
    title="Luma",
    message=("detail", "failure_reason"),
    code=("failure_code",),
    rules=(
        ("invalid", When(words=UNREAD, statuses=REFUSED, of_jobs=False, advice=URLS)),
        ("failed", When(words=UNREAD, code=NO_CODE, of_answers=False, advice=URLS)),
    ),
    moderation=(
        When(code="content_moderated$"),
        When(words=MODERATION, code=NO_CODE, statuses=REFUSED),
    ),
    quota=(
        When(
            words="(?:insufficient|not enough|no) (?:credit|balance|fund)",
            statuses=REFUSED,
            of_jobs=False,
        ),
        When(code="budget_exhausted$", advice="raise the budget"),
    ),
    rate=(When(code="rate_limited$", advice="try again later"),),
    unknown_model=(When(words=UNKNOWN_MODEL, statuses=REFUSED, of_jobs=False),),
    invalid=(
        When(code="(image_too_large|unsupported_format|corrupt_input|invalid_request)$"),
        When(words=".", statuses=REFUSED - {403}, of_jobs=False),
    ),
)
failure = classify_answer.failure
