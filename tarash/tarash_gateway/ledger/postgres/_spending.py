"""What submits cost, and the budgets that they have to fit into, as PostgreSQL keeps them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zlib import crc32

from .._processes import now
from .._record_types import LONGEST_JUMP, OverBudgetError, is_new, totals_for
from .._sql._costs import Costs
from .._sql._rows import as_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from .._record_types import BudgetWindow, Intent
    from .._sql._base import Row, Transaction

SPENT = """
    SELECT COALESCE(sum(amount), 0) AS spent, count(*) - count(DISTINCT hour) AS surplus
    FROM tarash.spending_totals
    WHERE whose = %s AND hour >= COALESCE(date_trunc('hour', %s::timestamptz AT TIME ZONE 'UTC')
        AT TIME ZONE 'UTC', '-infinity')
"""
TIME = """
    SELECT greatest(clock_timestamp(), (
        SELECT max(at) FROM tarash.spending WHERE at <= clock_timestamp() + %s
    )) AS time
"""
MOST_CHANGES = 200
"""So many changes of a total are summed up anew by each submit, before one row is made of them."""
FOLDED_EACH = 100
"""Of submits without a budget, one in so many makes one row of the changes of its totals: else the
first budget after them would sum up each of them."""
FOLD = """
    WITH gone AS (
        DELETE FROM tarash.spending_totals WHERE whose = %s AND hour IN (
            SELECT hour FROM tarash.spending_totals WHERE whose = %s
            GROUP BY hour HAVING count(*) > 1
        )
        RETURNING whose, hour, amount
    )
    INSERT INTO tarash.spending_totals
    SELECT whose, hour, sum(amount) FROM gone GROUP BY whose, hour
"""
RESERVE = """
    INSERT INTO tarash.spending (
        intent, job, kind, provider, model, at, amount, currency, state, label_names, labels
    ) VALUES (
        %s, %s, %s, %s, %s, COALESCE(%s::timestamptz, clock_timestamp()), %s, %s, 'reserved', %s, %s
    )
    ON CONFLICT (intent) DO UPDATE SET at = excluded.at, amount = excluded.amount,
        currency = excluded.currency, state = excluded.state
"""


class DatabaseCosts(Costs):
    """What was spent, in one database; amounts are numbers without a limit."""

    def _reserve(self, transaction: Transaction, intent: Intent) -> None:
        quote = intent.quote or {}
        currency = quote.get("currency") or "USD"
        amount = self._as_kept(quote.get("high") or quote.get("low"))
        needed = amount if amount is not None and currency == "USD" else Decimal(0)
        at = None if is_new(intent, now()) else as_time(intent.created_at)  # else bought before
        if intent.budgets:
            # Whoever has the lock sees what all before it have reserved: each statement sees anew.
            transaction.lock("tarash budgets")
            # What an earlier try of it had reserved counts no more.
            transaction.run("DELETE FROM tarash.spending WHERE intent = %s", intent.id)
            if at is None:
                at = _time(transaction)

        full: set[str] = set()
        for budget in intent.budgets:
            window = budget if at is None else budget.at(at)
            spent = _spent(transaction, window, full)
            if amount != 0 and spent + needed > window.amount:  # what is free always fits
                raise OverBudgetError(window, spent)

        if not intent.budgets and crc32(intent.id.encode()) % FOLDED_EACH == 0:
            full.update(_totals_of(intent.labels))

        for whose in sorted(full):
            transaction.run(FOLD, whose, whose)

        transaction.run(
            RESERVE,
            intent.id, intent.job_id, intent.kind, intent.provider, intent.model,
            at, amount, currency,
            [json.dumps(name) for name in intent.labels], _pairs(intent.labels),
        )  # fmt: skip

    def _as_kept(self, amount: Any) -> Decimal | None:
        return None if amount is None else Decimal(str(amount))

    def _amount_in(self, row: Row) -> Decimal | None:
        amount: Decimal | None = row["amount"]
        return amount

    def _labels_in(self, row: Row) -> Mapping[str, str]:
        return dict(json.loads(pair) for pair in row["labels"])


def _time(transaction: Transaction) -> datetime:
    """Return the database's time, which is one for all machines, and is never put back."""
    row = transaction.first(TIME, LONGEST_JUMP)
    return now() if row is None else as_time(row["time"])


def _spent(transaction: Transaction, window: BudgetWindow, full: set[str]) -> Decimal:
    """Return what counts for a budget; add to `full` the totals that consist of many changes."""
    since = None if window.since is None else as_time(window.since)
    spent = Decimal(0)
    for sign, path in totals_for(window):
        whose = json.dumps(path[0] if len(path) == 1 else path) if path else ""
        row = transaction.first(SPENT, whose, since)
        if row is not None:
            spent += sign * row["spent"]
            if row["surplus"] > MOST_CHANGES:
                full.add(whose)

    return spent


def _totals_of(labels: Mapping[str, str]) -> list[str]:
    """Return the names of the totals that a submit changes."""
    return ["", *map(json.dumps, labels), *_pairs(labels)]


def _pairs(labels: Mapping[str, str]) -> list[str]:
    return [json.dumps([name, value]) for name, value in labels.items()]
