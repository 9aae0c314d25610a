"""Google's words for what went wrong, in error bodies and in results, as our errors. Pure.

Envelopes: `{"error": {"code": 400, "status", "message", "details"}}`, and, in the Interactions API,
`{"error": {"code": "snake_case", "message"}}`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .._error_conditions import Refusal, When
from .._error_rules import ErrorRules

if TYPE_CHECKING:
    from ...exceptions import ContentModerationError

# Refusals have no code of their own in long-running operations and error bodies, only words.
REFUSAL = (
    r"usage guidelines|responsible ai|safety (?:filter|polic|setting|reason)|content polic|"
    r"sensitive words|prohibited (?:use|content)|blocked by|child safety|"
    r"\b(?:safety|moderation|blocklist|prohibited_content|content_filter\w*)\b"
)
SUPPORT_CODES = re.compile(r"\b\d{8}\b")
# Said of a quota that no short wait fills again; details don't always come with the words.
USED_UP = r"\blimit:? 0\b(?!\.)|per[ _-]?(?:day|month)\b|PerDay"
TOO_MANY = frozenset({429})
REFUSED = frozenset({400, 403})
OF_QUOTA = "error.details[].violations[]"
RAISE = "raise the quota, or use another provider"


class GoogleRules(ErrorRules):
    """Google's rules: an error may stand in a list, and its categories are numbers."""

    __slots__ = ()

    def moderated(self, when: When, refusal: Refusal) -> ContentModerationError:
        """Return the error for content that Google will not make."""
        error = super().moderated(when, refusal)
        error.categories = tuple(SUPPORT_CODES.findall(refusal.message))
        return error


classify_answer = GoogleRules(
    title="Google",
    message=("error.message",),
    code=("error.code",),
    # Before what any provider says of the account: Google says the same of a minute and of a day.
    rules=(
        (
            "unknown_model",
            When(
                statuses=frozenset({404}),
                of_submits=True,
                advice="check the model's id, and on Vertex AI the location",
            ),
        ),
        *(
            ("quota", when)
            for when in (
                When(
                    statuses=TOO_MANY, where=f"{OF_QUOTA}.quotaId", value=".*PerDay", advice=RAISE
                ),
                When(statuses=TOO_MANY, where=f"{OF_QUOTA}.quotaValue", value="0$", advice=RAISE),
                When(statuses=TOO_MANY, code="(?i)quota_exceeded$", advice=RAISE),
                When(statuses=TOO_MANY, words=USED_UP, of_jobs=False, advice=RAISE),
            )
        ),
        ("rate", When(statuses=TOO_MANY)),
        (
            "account",
            When(
                statuses=REFUSED,
                where="error.details[].reason",
                value="API_KEY_(INVALID|EXPIRED)$",
                advice="check the key",
            ),
        ),
        (
            "quota",
            When(
                statuses=REFUSED,
                words=r"\bbill(?:ed|ing)\b",
                of_jobs=False,
                advice="see to the project's billing",
            ),
        ),
        (
            "moderation",
            When(statuses=REFUSED | {422}, words=REFUSAL, of_jobs=False, stage="input"),
        ),
        # 3 is INVALID_ARGUMENT: the prompt was refused before anything was made.
        ("moderation", When(words=REFUSAL, code="3$", of_answers=False, stage="input")),
        ("moderation", When(words=REFUSAL, of_answers=False, stage="output")),
        ("moderation", When(code=f"(?i).*({REFUSAL})", of_answers=False, stage="output")),
        (
            "quota",
            When(
                code="(8|quota_exceeded|budget_exceeded)$",
                of_answers=False,
                advice="raise the quota",
            ),
        ),
    ),
)
