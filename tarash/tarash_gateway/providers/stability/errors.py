"""What Stability AI's error bodies mean."""

from __future__ import annotations

from .._error_conditions import When
from .._error_rules import ErrorRules

BLOCKED_SECONDS = 60
"""How long the API blocks a key that sent too much; it says so in its documentation only."""

classify_answer = ErrorRules(
    title="Stability AI",
    message=("errors", "message"),
    code=("name",),
    moderation=(When(code="(content_moderation|public_figure|copyrighted_content)$"),),
    invalid=(When(code="(bad_request|invalid_language|payload_too_large)$"),),
    rate=(
        When(
            statuses=frozenset({429}),
            of_jobs=False,
            wait=BLOCKED_SECONDS,
            advice="it takes 150 requests in 10 s, and blocks the key for a minute",
        ),
    ),
)
