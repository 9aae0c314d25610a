"""Google's words for what went wrong, in error bodies and in results, as our errors. Pure.

Envelopes: `{"error": {"code": 400, "status", "message", "details"}}`, and, in the Interactions API,
`{"error": {"code": "snake_case", "message"}}`.
"""

from __future__ import annotations

from .._error_conditions import When
from .._error_rules import ErrorRules

# Refusals have no code of their own in long-running operations and error bodies, only words.
REFUSAL = (
    r"usage guidelines|responsible ai|safety (?:filter|polic|setting|reason)|content polic|"
    r"sensitive words|prohibited (?:use|content)|blocked by|child safety|"
    r"\b(?:safety|moderation|blocklist|prohibited_content|content_filter\w*)\b"
)
# Said of a quota that no short wait fills again; details don't always come with the words.
USED_UP = r"\blimit:? 0\b(?!\.)|per[ _-]?(?:day|month)\b|PerDay"
NO_QUOTA = "error.details[].violations[].quotaValue"
TOO_MANY = frozenset({429})
REFUSED = frozenset({400, 403, 422})
RAISE = "raise the quota, or use another provider"

classify_answer = ErrorRules(
    title="Google",
    message=("error.message",),
    code=("error.code",),
    categories=r"\b\d{8}\b",  # the numbers that Google calls support codes
    # Before what any provider says of the account: Google says the same of a minute and of a day,
    # and names a short wait with both.
    rules=(
        ("quota", When(statuses=TOO_MANY, anywhere=USED_UP, of_jobs=False, advice=RAISE)),
        ("quota", When(statuses=TOO_MANY, where=NO_QUOTA, value="0$", advice=RAISE)),
        ("quota", When(statuses=TOO_MANY, code="(?i)quota_exceeded$", advice=RAISE)),
        ("rate", When(statuses=TOO_MANY)),
    ),
    moderation=(
        When(statuses=REFUSED, words=REFUSAL, of_jobs=False, stage="input"),
        # 3 is INVALID_ARGUMENT: the prompt was refused before anything was made.
        When(words=REFUSAL, code="3$", of_answers=False, stage="input"),
        When(words=REFUSAL, of_answers=False, stage="output"),
        When(code=f"(?i).*({REFUSAL})", of_answers=False, stage="output"),
    ),
    quota=(When(code="(8|quota_exceeded|budget_exceeded)$", of_answers=False, advice=RAISE),),
    unknown_model=(
        When(
            statuses=frozenset({404}),
            of_submits=True,
            advice="check the model's id, and on Vertex AI the location",
        ),
    ),
)
