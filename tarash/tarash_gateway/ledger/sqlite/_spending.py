"""What submits cost, and the budgets that they have to fit into; within a write of the ledger."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any

from .._facts import OverBudgetError, Spending, is_new, never_back, totals_for
from .._processes import now
from .._rows import as_json
from ._rows import as_text

if TYPE_CHECKING:
    import sqlite3

    from ..._data._types import JsonObject
    from .._records import BudgetWindow, Intent

LATEST = "SELECT at FROM spending ORDER BY at DESC LIMIT 1"
OF_FORGOTTEN = """
    SELECT * FROM spending WHERE operation_id = ? AND operation_provider = ?
        AND (? = '' OR COALESCE(host, '') IN ('', ?)) ORDER BY at DESC
"""
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
# What a job leaves behind that is forgotten: nothing was bought by a submit that was refused, and
# any other one may be billed.
FREED = """
    UPDATE spending SET amount = 0, currency = 'USD', state = 'settled'
    WHERE state = 'reserved' AND intent IN (
        SELECT id FROM intents
        WHERE job = ? AND operation IS NULL AND submission IN ('not_sent', 'rejected')
    )
"""
LEFT = """
    UPDATE spending SET state = 'possible'
    WHERE state = 'reserved' AND intent IN (SELECT id FROM intents WHERE job = ?)
"""
# Of a submit that was written down before spending was.
ADDED = """
    INSERT INTO spending (
        intent, job, kind, provider, model, at, amount, currency, state, labels
    )
    SELECT intents.id, job, intents.kind, provider, model, intents.created_at, ?, ?, ?, labels
    FROM intents JOIN jobs ON jobs.id = job WHERE intents.id = ?
"""


def reserve(connection: sqlite3.Connection, intent: Intent) -> None:
    """Reserve what a submit may cost.

    Raises:
        OverBudgetError: It does not fit into one of its budgets.
    """
    quote = intent.quote or {}
    currency = quote.get("currency") or "USD"
    amount = _billionths(quote.get("high") or quote.get("low"))
    # What an earlier try of it had reserved counts no more.
    connection.execute("DELETE FROM spending WHERE intent = ?", (intent.id,))
    at = _time_of(connection, intent)
    for asked in intent.budgets:
        window = asked.at(at)
        spent = _spent(connection, window)
        needed = amount if amount is not None and currency == "USD" else 0
        if amount != 0 and spent + needed > window.amount * BILLIONTHS:  # what is free always fits
            raise OverBudgetError(window, Decimal(spent) / BILLIONTHS)

    connection.execute(
        RESERVE,
        (
            intent.id, intent.job_id, intent.kind, intent.provider, intent.model,
            as_text(at), amount, currency,
            as_json(dict(intent.labels)) if intent.labels else None,
        ),
    )  # fmt: skip


def _time_of(connection: sqlite3.Connection, intent: Intent) -> datetime:
    """Return when an intent counts as spent: a clock that was put back reopens no period."""
    time = now()
    if not is_new(intent, time):
        return intent.created_at  # bought before, and written down once more

    row = connection.execute(LATEST).fetchone()
    latest = None if row is None else datetime.fromisoformat(row["at"])
    return max(intent.created_at, never_back(time, latest)) if latest else intent.created_at


def _spent(connection: sqlite3.Connection, window: BudgetWindow) -> int:
    hour = "" if window.since is None else as_text(window.since)[:13]
    spent = 0
    for sign, path in totals_for(window):
        query = SPENT.format(path=", ".join("?" for _ in path))
        total = connection.execute(query, (*path, hour)).fetchone()
        spent += sign * (total["dollars"] * int(BILLIONTHS) + total["billionths"])

    return spent


def set_cost(
    connection: sqlite3.Connection, intent_id: str, cost: JsonObject | None, state: str
) -> None:
    """Write down what a submit has cost, in place of what was reserved for it."""
    if cost is None:
        made: tuple[Any, ...] = (None, "USD", state, intent_id)
        query, values = "UPDATE spending SET state = ? WHERE intent = ?", made[2:]
    else:
        made = (_billionths(cost["amount"]), cost["currency"], state, intent_id)
        query = "UPDATE spending SET amount = ?, currency = ?, state = ? WHERE intent = ?"
        values = made

    if not connection.execute(query, values).rowcount:
        connection.execute(ADDED, made)


def set_cost_of_forgotten(
    connection: sqlite3.Connection, intent_id: str, cost: JsonObject | None, state: str
) -> None:
    """Write down what a submit has cost whose job is gone, unless that is known."""
    query = "SELECT 1 FROM spending WHERE intent = ? AND state IN ('reserved', 'possible')"
    if connection.execute(query, (intent_id,)).fetchone() is not None:
        set_cost(connection, intent_id, cost, state)


def leave(connection: sqlite3.Connection, job_id: str) -> None:
    """Decide what is reserved for a job that is about to be forgotten."""
    connection.execute(FREED, (job_id,))
    connection.execute(LEFT, (job_id,))


def spendings(
    connection: sqlite3.Connection, since: datetime | None, until: datetime | None
) -> list[Spending]:
    """Return what was spent in a time, oldest first."""
    first = "" if since is None else as_text(since)
    last = "9999" if until is None else as_text(until)
    rows = connection.execute(
        "SELECT * FROM spending WHERE at >= ? AND at < ? ORDER BY at", (first, last)
    )
    return [_spending(row) for row in rows]


def spendings_of(
    connection: sqlite3.Connection, provider: str, operation_id: str, host: str
) -> list[Spending]:
    """Return what was spent on an operation whose job is forgotten, the newest first."""
    rows = connection.execute(OF_FORGOTTEN, (operation_id, provider, host, host))
    return [_spending(row) for row in rows]


def _spending(row: sqlite3.Row) -> Spending:
    return Spending(
        intent_id=row["intent"],
        job_id=row["job"],
        kind=row["kind"],
        provider=row["provider"],
        model=row["model"],
        at=datetime.fromisoformat(row["at"]),
        amount=None if row["amount"] is None else Decimal(row["amount"]) / BILLIONTHS,
        currency=row["currency"],
        state=row["state"],
        labels=json.loads(row["labels"]) if row["labels"] else {},
        quote=json.loads(row["quote"]) if row["quote"] else None,
    )


def _billionths(amount: Any) -> int | None:
    """Return an amount as it is stored: rounded up, so that no budget is overspent by rounding."""
    if amount is None:
        return None

    return int((Decimal(str(amount)) * BILLIONTHS).to_integral_value(ROUND_CEILING))
