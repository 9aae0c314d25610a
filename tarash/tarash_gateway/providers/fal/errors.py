"""What fal's error bodies and failed jobs mean; which of the two a body is, tells `verdict`."""

from __future__ import annotations

from .._error_conditions import When
from .._error_rules import ErrorRules

# https://fal.ai/docs/model-apis/errors
# Failures of the model or of fal's machines: another try may succeed, so the chain may move on.
FAILURES = (
    "internal_server_error|generation_timeout|downstream_service_error"
    "|downstream_service_unavailable|no_media_generated"
)
FILTERED = r"(?:.*, )?content_policy_violation(?:,|$)"
REFUSED_FOR = r"safety violation|blocked due to safety|harmful content"
REFUSED = frozenset({400, 422})
OF_THE_INPUT = "detail[].loc.0"

classify_answer = ErrorRules(
    title="fal",
    message=("detail", "error"),
    code=("detail[].type", "error_type"),
    rules=(
        ("moderation", When(code=FILTERED, where=OF_THE_INPUT, value="body$", stage="input")),
        ("moderation", When(code=FILTERED, where="detail[].type", stage="output")),
        ("moderation", When(code=FILTERED, of_answers=False)),
        # Models of others hand on their own words, under a code of any other mistake.
        (
            "moderation",
            When(
                words=REFUSED_FOR,
                statuses=REFUSED,
                where=OF_THE_INPUT,
                value="body$",
                stage="input",
            ),
        ),
        # Only a model's own words are of the input, and those are a list.
        (
            "invalid",
            When(
                code=rf"(?!.*(?:{FAILURES})).",
                where="detail[].type",
                statuses=REFUSED,
                of_jobs=False,
            ),
        ),
    ),
    # fal tells an empty balance by its text only.
    quota=(When(words="balance", statuses=frozenset({403}), of_jobs=False),),
    # Only the account's owner can have done so.
    failed=(
        When(
            code="client_cancelled$",
            of_answers=False,
            retryable=False,
            advice="it was cancelled at fal",
        ),
    ),
)
