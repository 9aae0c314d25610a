"""What submits cost, and the budgets that they have to fit into, as a file keeps them."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any

from .._processes import now
from .._record_types import OverBudgetError, is_new, never_back, totals_for
from .._sql._costs import Costs
from .._sql._rows import as_json, parsed
from ._dialect import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..._data._types import JsonObject
    from .._record_types import BudgetWindow, Intent
    from .._sql._base import Row, Transaction

LATEST = "SELECT at FROM spending ORDER BY at DESC LIMIT 1"
BILLIONTHS = Decimal(1_000_000_000)
# A sum of all amounts overflows; the sums of dollars and of what is left of them don't.
SPENT = """
    SELECT COALESCE(SUM(dollars), 0) AS dollars, COALESCE(SUM(billionths), 0) AS billionths
    FROM spending_totals WHERE whose = json_array({path}) AND hour >= ?
"""
RESERVE = """
    INSERT OR REPLACE INTO spending (
        intent, job, kind, provider, model, at, amount, currency, state, labels
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'reserved', ?)
"""
# Of a submit that was written down before spending was.
ADDED = """
    INSERT INTO spending (
        intent, job, kind, provider, model, at, amount, currency, state, labels
    )
    SELECT intents.id, job, intents.kind, provider, model, intents.created_at, ?, ?, ?, labels
    FROM intents JOIN jobs ON jobs.id = job WHERE intents.id = ?
"""


class FileCosts(Costs):
    """What was spent, in one file; amounts are whole billionths of their currency."""

    def _reserve(self, transaction: Transaction, intent: Intent) -> None:
        quote = intent.quote or {}
        currency = quote.get("currency") or "USD"
        amount = self._as_kept(quote.get("high") or quote.get("low"))
        # What an earlier try of it had reserved counts no more.
        transaction.run("DELETE FROM spending WHERE intent = ?", intent.id)
        at = _time_of(transaction, intent)
        for budget in intent.budgets:
            window = budget.at(at)
            spent = _spent(transaction, window)
            needed = amount if amount is not None and currency == "USD" else 0
            # What is free always fits.
            if amount != 0 and spent + needed > window.amount * BILLIONTHS:
                raise OverBudgetError(window, Decimal(spent) / BILLIONTHS)

        transaction.run(
            RESERVE,
            intent.id, intent.job_id, intent.kind, intent.provider, intent.model, at, amount,
            currency, as_json(dict(intent.labels)) if intent.labels else None,
        )  # fmt: skip

    def _set_cost(
        self, transaction: Transaction, intent_id: str, cost: JsonObject | None, state: str
    ) -> int:
        changed = super()._set_cost(transaction, intent_id, cost, state)
        if changed:
            return changed

        made = (None, "USD") if cost is None else (self._as_kept(cost["amount"]), cost["currency"])
        return transaction.run(ADDED, *made, state, intent_id)

    def _as_kept(self, amount: Any) -> int | None:
        """Return an amount as it is stored: rounded up, so that no budget is overspent by that."""
        if amount is None:
            return None

        return int((Decimal(str(amount)) * BILLIONTHS).to_integral_value(ROUND_CEILING))

    def _amount_in(self, row: Row) -> Decimal | None:
        return None if row["amount"] is None else Decimal(row["amount"]) / BILLIONTHS

    def _labels_in(self, row: Row) -> Mapping[str, str]:
        labels: Mapping[str, str] = parsed(row["labels"]) or {}
        return labels


def _time_of(transaction: Transaction, intent: Intent) -> datetime:
    """Return when an intent counts as spent: a clock that was put back reopens no period."""
    time = now()
    if not is_new(intent, time):
        return intent.created_at  # bought before, and written down once more

    row = transaction.first(LATEST)
    latest = None if row is None else datetime.fromisoformat(row["at"])
    return max(intent.created_at, never_back(time, latest)) if latest else intent.created_at


def _spent(transaction: Transaction, window: BudgetWindow) -> int:
    hour = "" if window.since is None else as_text(window.since)[:13]
    spent = 0
    for sign, path in totals_for(window):
        total = transaction.first(SPENT.format(path=", ".join("?" for _ in path)), *path, hour)
        if total is not None:
            spent += sign * (total["dollars"] * int(BILLIONTHS) + total["billionths"])

    return spent
