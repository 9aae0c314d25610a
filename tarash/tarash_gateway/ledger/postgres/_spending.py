"""What submits cost, and the budgets that they have to fit into; within a transaction."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zlib import crc32

from .._facts import LONGEST_JUMP, OverBudgetError, Spending, is_new, totals_for
from .._processes import now
from ._rows import as_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ..._data._types import JsonObject
    from .._facts import BudgetWindow, Intent
    from ._database import Row, Transaction

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
OF_FORGOTTEN = """
    SELECT * FROM tarash.spending WHERE operation_id = %s AND operation_provider = %s
        AND (%s = '' OR COALESCE(host, '') IN ('', %s)) ORDER BY at DESC
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
# As in SQLite: nothing was bought by a submit that was refused, any other one may be billed.
FREED = """
    UPDATE tarash.spending SET amount = 0, currency = 'USD', state = 'settled'
    WHERE state = 'reserved' AND intent IN (
        SELECT id FROM tarash.intents WHERE job = ANY(%s)
            AND operation IS NULL AND submission IN ('not_sent', 'rejected')
    )
"""
LEFT = """
    UPDATE tarash.spending SET state = 'possible'
    WHERE state = 'reserved' AND intent IN (SELECT id FROM tarash.intents WHERE job = ANY(%s))
"""
UNDECIDED = """
    SELECT 1 AS found FROM tarash.spending WHERE intent = %s AND state IN ('reserved', 'possible')
"""


def reserve(transaction: Transaction, intent: Intent) -> None:
    """Reserve what a submit may cost.

    Raises:
        OverBudgetError: It does not fit into one of its budgets.
    """
    quote = intent.quote or {}
    currency = quote.get("currency") or "USD"
    upper = quote.get("high") or quote.get("low")
    amount = None if upper is None else Decimal(str(upper))
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
    for asked in intent.budgets:
        window = asked if at is None else asked.at(at)
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


def set_cost(transaction: Transaction, intent_id: str, cost: JsonObject | None, state: str) -> None:
    """Write down what a submit has cost, in place of what was reserved for it."""
    if cost is None:
        transaction.run("UPDATE tarash.spending SET state = %s WHERE intent = %s", state, intent_id)
        return

    transaction.run(
        "UPDATE tarash.spending SET amount = %s, currency = %s, state = %s WHERE intent = %s",
        Decimal(str(cost["amount"])),
        cost["currency"],
        state,
        intent_id,
    )


def set_cost_of_forgotten(
    transaction: Transaction, intent_id: str, cost: JsonObject | None, state: str
) -> None:
    """Write down what a submit has cost whose job is gone, unless that is known."""
    if transaction.first(UNDECIDED, intent_id) is not None:
        set_cost(transaction, intent_id, cost, state)


def leave(transaction: Transaction, job_ids: list[str]) -> None:
    """Decide what is reserved for jobs that are about to be forgotten."""
    transaction.run(FREED, job_ids)
    transaction.run(LEFT, job_ids)


def spendings(
    transaction: Transaction, since: datetime | None, until: datetime | None
) -> list[Spending]:
    """Return what was spent in a time, oldest first."""
    rows = transaction.all(
        """
        SELECT * FROM tarash.spending WHERE at >= COALESCE(%s::timestamptz, '-infinity')
            AND at < COALESCE(%s::timestamptz, 'infinity') ORDER BY at
        """,
        None if since is None else as_time(since),
        None if until is None else as_time(until),
    )
    return [_spending(row) for row in rows]


def spendings_of(
    transaction: Transaction, provider: str, operation_id: str, host: str
) -> list[Spending]:
    """Return what was spent on an operation whose job is forgotten, the newest first."""
    rows = transaction.all(OF_FORGOTTEN, operation_id, provider, host, host)
    return [_spending(row) for row in rows]


def _spending(row: Row) -> Spending:
    fields: dict[str, Any] = {
        name: row[name] for name in ("kind", "provider", "model", "amount", "currency", "state")
    }
    labels = (json.loads(pair) for pair in row["labels"])
    return Spending(
        **fields,
        intent_id=row["intent"],
        job_id=row["job"],
        at=as_time(row["at"]),
        labels=dict(labels),
        quote=json.loads(row["quote"]) if row["quote"] else None,
    )
