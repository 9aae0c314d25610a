"""What xAI's answers mean where they refuse: two envelopes, and four faces of its filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._error_conditions import Refusal, When
from .._error_rules import ErrorRules
from .._facts import count, mapping

if TYPE_CHECKING:
    from ..._data._types import Billing
    from ...exceptions import ContentModerationError

MODERATION = r"moderat|usage.?guideline|content.?policy|safety.?check"
MADE = r"imagine:content-moderated|generated|rejected by content"
REFUSED_INPUT = frozenset({400, 422})


class XaiRules(ErrorRules):
    """xAI's rules; what its filter withholds may be made, and billed."""

    __slots__ = ()

    def moderated(self, when: When, refusal: Refusal) -> ContentModerationError:
        """Return the error for what the content filter refused."""
        error = super().moderated(when, refusal)
        # What tells a cost was accepted, made and billed, whatever its status.
        error.submission = "accepted" if ticks_of(refusal.body) else None
        return error


classify_answer = XaiRules(
    title="xAI",
    message=("error.message", "error", "data.0.reason"),
    moderation=(When(words=MODERATION), When(code=f"(?i).*({MODERATION})")),
    # Said of what was made; a job that the filter ended was made too.
    of_output=(When(words=MADE), When(code=f"(?i).*({MADE})"), When(of_answers=False)),
    categories=r"(?i)failed check: (\w+)",
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
    return count(mapping(mapping(body).get("usage")).get("cost_in_usd_ticks"))


def billing_of(body: Any) -> Billing | None:
    """Return whether a refusal costs money; None where the answer doesn't say."""
    ticks = ticks_of(body)
    return None if ticks is None else "certain" if ticks else "none"
