"""Asks again what jobs have cost: providers give back, and settle, after the end of a job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from .._data._money import Cost, CostChange
from .._data._types import ApiKeys
from .._support._secrets import Keys
from ..exceptions import TarashException, ValidationError
from ..ledger._contract import AnyLedger
from ._adapters import adapter_of
from ._entry_points import blocking, warm_up
from ._resources import GatewayContext
from ._spend import moment

if TYPE_CHECKING:
    from .._data._exchange import Snapshot
    from .._engine import EngineContext
    from .._engine._attempt import Attempt
    from ..ledger._contract import RepricingLedger, Spending, SubmissionRecord

UNCERTAIN = frozenset({"reported", "possible"})
"""States of costs that may move: the provider may lower its figure, or has not named one yet."""


class LateCosts:
    """What `Gateway` has of it."""

    _shared: GatewayContext

    async def refresh_costs_async(
        self,
        ledger: AnyLedger | None = None,
        *,
        since: datetime | timedelta = timedelta(days=1),
        api_keys: ApiKeys | None = None,
    ) -> list[CostChange]:
        """Ask providers again what jobs have cost whose figure may have moved, and write it down.

        Each job is asked after once; that buys nothing. Its new figure takes the place of the one
        before, in reports and in budgets. A provider that can't be asked leaves what was there.

        Args:
            ledger: Where the jobs are written down, in place of the gateway's ledger.
            since: The first submit that counts, or how long ago that is.
            api_keys: As in `resume_all_async`.

        Returns:
            What has changed.

        Raises:
            ValidationError: The ledger takes no later figures.
        """
        keys = Keys.taken(api_keys)
        del api_keys  # errors' frames are shown
        with self._shared.at_work():
            await warm_up()
            resources = self._shared.resources(ledger)
            return await _refreshed(resources, moment(since), keys)

    def refresh_costs(
        self,
        ledger: AnyLedger | None = None,
        *,
        since: datetime | timedelta = timedelta(days=1),
        api_keys: ApiKeys | None = None,
    ) -> list[CostChange]:
        """Blocking form of `refresh_costs_async`."""
        keys = Keys.taken(api_keys)
        del api_keys
        work = blocking(lambda _: self.refresh_costs_async(ledger, since=since, api_keys=keys))
        return cast("list[CostChange]", work)


async def _refreshed(
    resources: EngineContext, since: datetime | None, keys: Keys
) -> list[CostChange]:
    used = resources.ledger
    if not callable(getattr(used, "reprice", None)):
        raise ValidationError(f"{type(used).__name__} takes no later figures of costs (reprice)")

    changes = []
    ledger = cast("RepricingLedger", used)
    for row in await ledger.spendings(since):
        if row.state not in UNCERTAIN:
            continue

        try:
            cost = await _asked_again(row, resources, keys)
        except TarashException:
            continue  # which leaves what is there

        if cost is None or (cost.amount, cost.currency, cost.state) == _figures(row):
            continue

        money = {"amount": str(cost.amount), "currency": cost.currency}
        await ledger.reprice(row.intent_id, money, cost.state)
        changes.append(
            CostChange(
                job_id=row.job_id,
                provider=row.provider,
                model=row.model,
                before=row.amount,
                after=cost.amount,
                currency=cost.currency,
                state=cost.state,
            )
        )

    return changes


def _figures(row: Spending) -> tuple[Any, ...]:
    return row.amount, row.currency, row.state


async def _asked_again(row: Spending, resources: EngineContext, keys: Keys) -> Cost | None:
    """Return what a provider says now of a job's cost; None where it says nothing of it."""
    from .._engine import poll_once
    from ._restore_attempts import attempts_of
    from ._store import calls_of

    record = await resources.ledger.get(row.job_id)
    entries = () if record is None else record.entries
    entry = next((one for one in entries if one.intent.id == row.intent_id), None)
    if record is None or entry is None or entry.operation is None:
        return None

    registry = resources.registry
    calls = await calls_of(record, resources.ledger, keys)
    attempt = attempts_of(record, calls)[entries.index(entry)]
    if attempt.call.mocked or registry.handler(row.provider) is not None:
        return None

    adapter = adapter_of(attempt.call, registry)
    # Of what may have been billed, each provider's verdict tells whether it was.
    if row.state == "reported" and "reported_cost" not in adapter.abilities:
        return None

    with registry.in_force():
        seen = await poll_once(adapter, attempt, entry.operation, resources)

    # Without a word of its end, it may have come as late as its call could wait.
    ended = _end_of(entry) or row.at + timedelta(seconds=attempt.call.config.timeout)
    return _cost_in(adapter, attempt, seen, (datetime.now(UTC) - ended).total_seconds())


def _end_of(entry: SubmissionRecord) -> datetime | None:
    """Return when an attempt ended; None where that was not written down."""
    ended_at = entry.heard.get("ended_at")
    return None if ended_at is None else datetime.fromisoformat(ended_at)


def _cost_in(adapter: Any, attempt: Attempt, seen: Snapshot, age: float) -> Cost | None:
    """Return what a poll says of a job's cost, so many seconds after its end."""
    if seen.status not in ("completed", "failed"):
        return None

    from .._engine import take_seen

    attempt.money.reported = None  # what was heard before
    take_seen(adapter, attempt, seen)
    if attempt.money.reported is not None:
        return attempt.money.reported

    if seen.refunded_within is not None:
        is_back = age >= seen.refunded_within  # that much later it has given back what it took
        attempt.billing_told = "none" if is_back else "possible"

    free = seen.status == "failed" and attempt.billing(success=False) == "none"
    return attempt.cost_of(success=False) if free else None
