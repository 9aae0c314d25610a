"""The budgets that a submit has to fit into, and what its refusal says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from .._data._money import written
from ..exceptions import BudgetExceededError
from ..ledger._contract import BudgetWindow, OverBudgetError

if TYPE_CHECKING:
    from .._data._budgets import Budget
    from .._data._exchange import Call
    from .._data._money import Quote
    from .._data._types import JsonObject
    from ._attempt import Attempt


SHOWN = {"basis", "source", "date", "confidence"}
"""Of a quote's parts, what is for people; by the rest, a provider's count becomes money later."""


def windows_for(budgets: Sequence[Budget], call: Call, now: datetime) -> tuple[BudgetWindow, ...]:
    """Return the budgets that one call has to fit into, as they are at a time."""
    if call.mocked:
        return ()

    windows = []
    for budget in budgets:
        since, until = budget.period(now)
        label = None if budget.label is None else (budget.label, call.labels.get(budget.label, ""))
        windows.append(BudgetWindow(budget.amount, str(budget), since, until, label, budget.per))

    return tuple(windows)


def kept_quote(quote: Quote | None) -> JsonObject | None:
    """Return a quote as a ledger keeps it; nothing where nothing is known."""
    if quote is None or quote.low is None:
        return None

    kept = _kept.get(quote)
    if kept is None:
        kept = _kept[quote] = quote.model_dump(
            mode="json", exclude={"lines": {"__all__": SHOWN}}, exclude_defaults=True
        )

    return kept


_kept: WeakKeyDictionary[Quote, JsonObject] = WeakKeyDictionary()
"""As kept; jobs that share a quote share this, too."""


def exceeded(error: OverBudgetError, attempt: Attempt) -> BudgetExceededError:
    """Return the error of a submit that does not fit into a budget."""
    config, quote, window = attempt.call.config, attempt.money.quote, error.window
    left = max(window.amount - error.spent, Decimal(0))
    whose = "" if window.label is None else f" ({window.label[0]} {window.label[1]!r})"
    renews = "never renews"
    if window.until is not None:
        renews = f"renews at {window.until:%Y-%m-%d %H:%M} UTC"

    return BudgetExceededError(
        f"The budget of {window.name}{whose} has {written(left, 'USD')} left, and "
        f"{config.provider} {config.model} would cost {quote}, so nothing was sent; it "
        f"{renews}",
        config.provider,
        config.model,
        attempt.call.request_id,
        quote=quote,
        limit=left,
        renews_at=window.until,
        submission="not_sent",
        retryable=attempt.call.attempt_number > 1,
    )
