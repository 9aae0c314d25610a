"""What submits cost, in memory: for all calls of one process."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from .._data._types import JsonObject
from ._memory_states import MemoryStates
from ._processes import now
from ._record_types import (
    BudgetWindow,
    Intent,
    OverBudgetError,
    Spending,
    SubmissionRecord,
    is_new,
    never_back,
    totals_for,
    totals_with,
)

LONGEST_SPENDING = 100_000
"""Submits whose cost is remembered."""
UNDECIDED = frozenset({"reserved", "possible"})
"""What may have been spent, or not."""
Hours = dict[datetime, Decimal]


class MemorySpending(MemoryStates):
    """What `MemoryLedger` has of it."""

    keeps_money = True

    def __init__(self) -> None:
        super().__init__()
        self._spent: dict[str, Spending] = {}
        self._totals: defaultdict[tuple[str, ...], Hours] = defaultdict(dict)
        """Dollars that were spent in each hour: of everything, and by label."""
        self._latest: datetime | None = None
        self._of_forgotten: dict[tuple[str, str], tuple[Intent, ...]] = {}
        """The intents of operations whose jobs are forgotten."""

    async def reprice(self, intent_id: str, cost: JsonObject, cost_state: str) -> None:
        """Write down a later figure; see `RepricingLedger.reprice`."""
        with self._lock:
            self._set_cost(intent_id, cost, cost_state)

    async def spendings(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> list[Spending]:
        """Return what was spent in a time, oldest first, also by jobs that are forgotten."""
        with self._lock:
            spent = [
                spending
                for spending in self._spent.values()
                if (since is None or spending.at >= since)
                and (until is None or spending.at < until)
            ]

        return sorted(spent, key=lambda spending: spending.at)

    async def spendings_of(
        self, provider: str, operation_id: str, host: str = ""
    ) -> list[Spending]:
        """Return what was spent on an operation whose job is forgotten, the newest first."""
        with self._lock:
            forgotten = self._of_forgotten.get((provider, operation_id), ())
            return [
                replace(self._spent[intent.id], quote=intent.quote)
                for intent in reversed(forgotten)
                if intent.id in self._spent and (not host or intent.host in ("", host))
            ]

    def _reserve(self, intent: Intent) -> None:
        quote = intent.quote or {}
        upper, currency = quote.get("high") or quote.get("low"), quote.get("currency") or "USD"
        amount = None if upper is None else Decimal(str(upper))
        made = Spending(
            intent_id=intent.id,
            job_id=intent.job_id,
            kind=intent.kind,
            provider=intent.provider,
            model=intent.model,
            at=self._time_of(intent),
            amount=amount,
            currency=currency,
            labels=intent.labels,
        )
        # What an earlier try of it had reserved counts no more.
        before = self._spent.get(intent.id)
        self._total(before, -1)
        for asked in intent.budgets:
            window = asked.at(made.at)
            spent = self._counted(window)
            if amount != 0 and spent + _dollars(made) > window.amount:  # what is free always fits
                self._total(before, 1)
                raise OverBudgetError(window, spent)

        self._spent.pop(intent.id, None)
        while len(self._spent) >= LONGEST_SPENDING:
            # It counts for its budgets all the same.
            del self._spent[next(iter(self._spent))]

        self._latest = made.at if self._latest is None else max(self._latest, made.at)
        self._spent[intent.id] = made
        self._total(made, 1)

    def _time_of(self, intent: Intent) -> datetime:
        """Return when an intent counts as spent: a clock that was put back reopens no period."""
        time = now()
        is_late = self._latest is not None and is_new(intent, time)
        made = intent.created_at
        return max(made, never_back(time, self._latest)) if is_late else made

    def _counted(self, window: BudgetWindow) -> Decimal:
        since = None if window.since is None else _hour(window.since)
        return sum(
            (
                sign * amount
                for sign, path in totals_for(window)
                for hour, amount in self._totals.get(path, {}).items()
                if since is None or hour >= since
            ),
            Decimal(0),
        )

    def _total(self, spending: Spending | None, sign: int) -> None:
        if spending is None or not _dollars(spending):
            return

        hour = _hour(spending.at)
        for path in totals_with(spending.labels):
            hours = self._totals[path]
            hours[hour] = hours.get(hour, Decimal(0)) + sign * _dollars(spending)

    def _set_cost(self, intent_id: str, cost: JsonObject | None, state: str | None) -> None:
        spent = self._spent.get(intent_id)
        if spent is None or state is None:
            return

        changed = replace(spent, state=state)
        if cost is not None:
            amount, currency = Decimal(cost["amount"]), cost["currency"]
            changed = replace(changed, amount=amount, currency=currency)

        self._spent[intent_id] = changed
        self._total(spent, -1)
        self._total(changed, 1)

    def _leave(self, entry: SubmissionRecord) -> None:
        """Decide what is reserved for a submit whose job is forgotten: it may have been bought."""
        spent = self._spent.get(entry.intent.id)
        if spent is None or spent.state not in UNDECIDED:
            return

        if entry.operation is not None:
            name = (entry.operation.provider, entry.operation.id)
            kept = replace(entry.intent, payload=None)
            self._of_forgotten[name] = (*self._of_forgotten.pop(name, ()), kept)
            while len(self._of_forgotten) > LONGEST_SPENDING:
                del self._of_forgotten[next(iter(self._of_forgotten))]

        if spent.state != "reserved":
            return

        is_free = entry.operation is None and entry.submission in {"not_sent", "rejected"}
        nothing = {"amount": "0", "currency": "USD"} if is_free else None
        self._set_cost(entry.intent.id, nothing, "settled" if is_free else "possible")


def _dollars(spending: Spending) -> Decimal:
    """Return what counts for budgets."""
    if spending.amount is None or spending.currency != "USD":
        return Decimal(0)

    return spending.amount


def _hour(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
