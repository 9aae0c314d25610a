"""What Runway's error bodies and failed tasks mean."""

from __future__ import annotations

from .._error_conditions import When
from .._error_rules import ErrorRules

SAFETY = r"(?:.*\.)?SAFETY(?:\.|$)"
BAD_REQUEST = frozenset({400})

# Failure codes are read by their parts. https://docs.dev.runwayml.com/errors/task-failures/
classify_answer = ErrorRules(
    title="Runway",
    message=("error", "failure"),
    details=("issues",),
    code=("failureCode",),
    rules=(
        (
            "quota",
            When(
                words="(not (have )?enough|insufficient|out of|no more) credits",
                statuses=BAD_REQUEST,
                of_jobs=False,
                advice="buy credits in Runway's portal",
            ),
        ),
        (
            "failed",
            When(
                where="status",
                value="CANCELLED",
                of_answers=False,
                retryable=False,
                advice="it was cancelled, though not by this call",
            ),
        ),
    ),
    moderation=(
        When(code=SAFETY, where="failureCode", value=r".*\bOUTPUT\b", stage="output"),
        When(code=SAFETY, stage="input"),
    ),
    unknown_model=(
        When(statuses=frozenset({404}), of_submits=True, words="."),
        When(statuses=BAD_REQUEST, of_submits=True, where="issues[].path", value=r"\W*model\W*$"),
    ),
    # Input that no other try mends.
    invalid=(
        When(statuses=BAD_REQUEST, words=".", of_jobs=False),
        When(
            code=r"ASSET\.|THIRD_PARTY\.INPUT_VALIDATION",
            advice="check size and format of the media",
        ),
    ),
)
