"""What xAI's answers mean where they refuse: its two envelopes, and the filter's four faces.

Pure: from bodies to our errors. Knows no endpoint.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ...exceptions import ContentModerationError
from .._rest_errors import ErrorRules, When

if TYPE_CHECKING:
    from ..._data._types import Billing

MODERATION = r"moderat|usage.?guideline|content.?policy|safety.?check"
CHECK = re.compile(r"failed check: (\w+)", re.IGNORECASE)
REFUSED_INPUT = frozenset({400, 422})


class XaiRules(ErrorRules):
    """xAI's rules; its filter names the check that failed, and what it made is billed."""

    __slots__ = ()

    def refusal(self, body: Any, status: int | None = None) -> ContentModerationError:
        """Return the error for what the content filter refused."""
        said, code = self.said(body), self.code_of(body)
        # A job that the filter ended was made.
        after = status is None or any(one.holds(status, code, said, body) for one in self.of_output)
        told = said or "the result does not respect moderation"
        return ContentModerationError(
            f"xAI's content filter refused: {told} (change the prompt or the images)",
            raw_response=body,
            stage="output" if after else "input",
            categories=CHECK.findall(said) or ([code] if code else []),
            # What tells a cost was accepted, made and billed, whatever its status.
            submission="accepted" if ticks_of(body) else None,
        )


classify_answer = XaiRules(
    title="xAI",
    message=("error.message", "error", "data.0.reason"),
    code=("error.code", "error.type", "code"),
    moderation=(When(words=MODERATION), When(code=f"(?i).*({MODERATION})")),
    # Said of what was made, so after it was made; otherwise the filter refused the request.
    of_output=(
        When(words=r"imagine:content-moderated|generated|rejected by content"),
        When(code=r"(?i).*(imagine:content-moderated|generated|rejected by content)"),
    ),
    quota=(
        When(
            words=r"^(?!.*api.?key).*(\bcredits?\b|spending limit|balance|billing)",
            statuses=frozenset({402, 403, 429}),
            of_jobs=False,
        ),
    ),
    # A wrong key is a 400 with xAI.
    account=(When(words=r"api.?key", statuses=frozenset({400, 401, 403}), of_jobs=False),),
    unknown_model=(
        When(words=r"model\b.*(not found|does not exist)", statuses=REFUSED_INPUT, of_jobs=False),
    ),
    invalid=(When(words=".", statuses=REFUSED_INPUT, of_jobs=False),),
)


def filtered(item: Any) -> bool:
    """Tell whether a video or an image was made and then withheld."""
    if not isinstance(item, dict) or item.get("url") or item.get("b64_json"):
        return False

    return item.get("respect_moderation") is False or item.get("url") == ""


def ticks_of(body: Any) -> int | None:
    """Return what an answer says it cost, in ticks of 10^-10 dollars."""
    usage = body.get("usage") if isinstance(body, dict) else None
    ticks = usage.get("cost_in_usd_ticks") if isinstance(usage, dict) else None
    return ticks if isinstance(ticks, int) else None


def billing_of(body: Any) -> Billing | None:
    """Return whether a failure costs money, where the answer says so."""
    ticks = ticks_of(body)
    return None if ticks is None else "certain" if ticks else "none"
