"""What submits cost, and what they leave behind; within a transaction of the ledger.

How amounts and labels stand in rows, and how budgets are summed up, each kind of database has its
own way of.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .._record_types import Spending
from ._base import Base
from ._rows import as_time, intact, parsed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from ..._data._types import JsonObject
    from .._record_types import Intent
    from ._base import Row, Transaction

BETWEEN = "SELECT * FROM tarash.spending WHERE at >= %s AND at < %s ORDER BY at"
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
OF_FORGOTTEN = """
    SELECT * FROM tarash.spending WHERE operation_id = %s AND operation_provider = %s
        AND (%s::text = '' OR COALESCE(host, '') IN ('', %s::text)) ORDER BY at DESC
"""
UNDECIDED = """
    SELECT 1 AS found FROM tarash.spending WHERE intent = %s AND state IN ('reserved', 'possible')
"""
# What a job leaves behind that is forgotten: nothing was bought by a submit that was refused, and
# any other one may be billed.
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


class Costs(Base):
    """What was spent, in one database."""

    def reprice(self, intent_id: str, cost: JsonObject, cost_state: str) -> None:
        """Write down what a submit has cost, however it had ended."""
        self._write(lambda transaction: self._set_cost(transaction, intent_id, cost, cost_state))

    def spendings(self, since: datetime | None, until: datetime | None) -> list[Spending]:
        """Return what was spent in a time, oldest first."""
        return self._spendings(BETWEEN, as_time(since or FIRST), as_time(until or LAST))

    def spendings_of(self, provider: str, operation_id: str, host: str) -> list[Spending]:
        """Return what was spent on an operation whose job is forgotten, the newest first."""
        return self._spendings(OF_FORGOTTEN, operation_id, provider, host, host)

    def _spendings(self, query: str, *values: Any) -> list[Spending]:
        rows: Sequence[Row] = self._read(lambda transaction: transaction.all(query, *values))
        with self._readable():
            return [self._spending(row) for row in rows]

    def _spending(self, row: Row) -> Spending:
        with intact(f"spending of {row['intent']!r}"):
            return Spending(
                intent_id=row["intent"],
                job_id=row["job"],
                kind=row["kind"],
                provider=row["provider"],
                model=row["model"],
                at=as_time(row["at"]),
                amount=self._amount_in(row),
                currency=row["currency"],
                state=row["state"],
                labels=self._labels_in(row),
                quote=parsed(row["quote"]),
            )

    def _set_cost(
        self, transaction: Transaction, intent_id: str, cost: JsonObject | None, state: str
    ) -> int:
        """Write down what a submit has cost, in place of what was reserved; return in how many."""
        if cost is None:
            query = "UPDATE tarash.spending SET state = %s WHERE intent = %s"
            return transaction.run(query, state, intent_id)

        return transaction.run(
            "UPDATE tarash.spending SET amount = %s, currency = %s, state = %s WHERE intent = %s",
            self._as_kept(cost["amount"]),
            cost["currency"],
            state,
            intent_id,
        )

    def _set_cost_of_forgotten(
        self, transaction: Transaction, intent_id: str, cost: JsonObject | None, state: str
    ) -> None:
        """Write down what a submit has cost whose job is gone, unless that is known."""
        if transaction.first(UNDECIDED, intent_id) is not None:
            self._set_cost(transaction, intent_id, cost, state)

    @abstractmethod
    def _reserve(self, transaction: Transaction, intent: Intent) -> None:
        """Reserve what a submit may cost.

        Raises:
            OverBudgetError: It does not fit into one of its budgets.
        """

    @abstractmethod
    def _as_kept(self, amount: Any) -> Any:
        """Return an amount as it stands in a row."""

    @abstractmethod
    def _amount_in(self, row: Row) -> Decimal | None:
        """Return the amount of a row; None where nobody knows."""

    @abstractmethod
    def _labels_in(self, row: Row) -> Mapping[str, str]:
        """Return the labels of a row."""


def leave(transaction: Transaction, job_ids: list[str]) -> None:
    """Decide what is reserved for jobs that are about to be forgotten."""
    transaction.run(FREED, job_ids)
    transaction.run(LEFT, job_ids)
