"""What a ledger's entry of an attempt says: what was heard of it, how it ended, what it cost."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

from .._data._hints import as_data
from ..ledger._contract import NOT_SENT, STOPPED
from ._lease import bounded
from ._received import write_received
from ._timeouts import CANCEL_SECONDS

if TYPE_CHECKING:
    from .._data._money import Cost
    from .._data._types import JsonObject
    from ..exceptions import TarashException
    from ..ledger._contract import Ledger, MoneyLedger, Outcome, RepricingLedger
    from ._attempt import Attempt
    from ._lease import Lease

FACTS = (
    "retryable", "submission", "status_code", "timeout_seconds", "operation", "code", "field",
)  # fmt: skip
"""What is kept of an error beside its message."""
ENDS = frozenset({"completed", "failed", "cancelled"})
"""Outcomes that a provider has reported; after the others a job may go on."""


async def settle(attempt: Attempt, lease: Lease, outcome: Outcome) -> None:
    """Write down how an attempt ended; a ledger that fails, or hangs, does not hold up a result."""
    if attempt.intent is None or lease.is_watcher:
        return

    await _write(lease, partial(_settle, attempt, lease.ledger, outcome))


async def settle_watched(attempt: Attempt, ledger: Ledger, outcome: Outcome) -> None:
    """Write down what a job has cost whose end was heard by somebody who only reads it.

    The money of a job that is forgotten, or that nobody drives, is settled: how the attempt ended
    is for whoever takes the job up to say. Whoever drives it settles it himself.
    """
    if outcome not in ENDS or not keeps_money(ledger):
        return

    intent, forgotten = attempt.intent, attempt.money.forgotten
    record = None
    if intent is not None and not forgotten:
        record = await ledger.get(intent.job_id)
        attempt.money.forgotten = "" if record is not None else intent.id

    if attempt.money.forgotten:
        await _settle(attempt, ledger, outcome)
        return

    cost = attempt.cost_of(success=outcome == "completed")
    state = _cost_state(attempt, cost, outcome)
    is_left = record is not None and record.state in ("open", "unknown") and not record.held
    if intent is None or cost is None or state == "possible" or not is_left:
        return

    if callable(getattr(ledger, "reprice", None)):
        figure = {"amount": str(cost.amount), "currency": cost.currency}
        await cast("RepricingLedger", ledger).reprice(intent.id, figure, state)


async def leave(attempt: Attempt, lease: Lease) -> None:
    """Write down that a submit has not left, so that whoever goes on with its job sends it.

    The ledger may have its intent, or not. Where somebody else drives the job by now, he has the
    last word.
    """
    if attempt.intent is not None and not lease.is_watcher:
        await _write(lease, partial(_leave, attempt, lease))


async def _leave(attempt: Attempt, lease: Lease) -> None:
    assert attempt.intent is not None  # noqa: S101  (`leave` looked)
    noted = (attempt.intent.id, lease.owner_id, {"tries": attempt.tries}, attempt.submission)
    if await lease.ledger.note(*noted):
        await _settle(attempt, lease.ledger, "cancelled")


async def settle_stopped(attempt: Attempt, ledger: Ledger) -> None:
    """Write down what a job has cost that was stopped by a handle: nobody may drive it any more."""
    try:
        await _settle(attempt, ledger, STOPPED)
    except Exception as error:  # noqa: BLE001  (the provider's answer is what the user asked for)
        attempt.log(logging.ERROR, "ledger_failed", error=f"{type(error).__name__}: {error}")


async def _settle(attempt: Attempt, ledger: Ledger, outcome: Outcome) -> None:
    intent_id = attempt.money.forgotten or (attempt.intent.id if attempt.intent else "")
    if not intent_id:
        return

    ending = (intent_id, attempt.submission, outcome)
    if not keeps_money(ledger):
        await ledger.settle(*ending)
        return

    cost = attempt.cost_of(success=outcome == "completed")
    await cast("MoneyLedger", ledger).settle(
        *ending,
        cost=None if cost is None else {"amount": str(cost.amount), "currency": cost.currency},
        cost_state=_cost_state(attempt, cost, outcome),
    )


def keeps_money(ledger: Ledger) -> bool:
    """Tell whether a ledger knows what submits cost, and takes that."""
    if not getattr(ledger, "keeps_money", False):
        return False

    kind = type(ledger)
    # What stands before a ledger may hand on what it has not itself.
    return _takes_costs(kind) if hasattr(kind, "settle") else _takes_a_cost(ledger.settle)


@cache
def _takes_costs(kind: type[Ledger]) -> bool:
    return _takes_a_cost(kind.settle)


def _takes_a_cost(settle: Callable[..., Any]) -> bool:
    """Tell whether a ledger's own `settle` takes a cost: a user's may be older than that."""
    known = inspect.signature(settle).parameters.values()
    return any(one.name == "cost" or one.kind is one.VAR_KEYWORD for one in known)


def _cost_state(attempt: Attempt, cost: Cost | None, outcome: Outcome) -> str:
    if outcome != "completed" and attempt.billing(success=False) == "possible":
        return "possible"

    if outcome in ("failed", "cancelled") and attempt.submission in (None, "not_sent"):
        return NOT_SENT

    return "estimated" if cost is None else cost.state


async def rewrite(attempt: Attempt, lease: Lease) -> None:
    """Write down once more what is known of an attempt, in a ledger that has lost it."""
    if attempt.intent is None:
        return

    # What is bought already has to fit into no budget any more.
    intent = replace(attempt.intent, budgets=())
    if not await lease.ledger.intend(intent, lease.owner_id):
        return

    if attempt.heard:
        await lease.ledger.note(intent.id, lease.owner_id, attempt.heard)

    if attempt.operation is not None:
        await lease.ledger.accept(intent.id, attempt.operation)
    elif attempt.finished is not None:
        await write_received(attempt, lease)

    if attempt.outcome is not None:
        await _settle(attempt, lease.ledger, attempt.outcome)


def error_record(error: TarashException) -> JsonObject:
    """Return an error as a ledger keeps it."""
    fields = {name: getattr(error, name) for name in FACTS if hasattr(error, name)}
    ids = {"provider": error.provider, "model": error.model, "request_id": error.request_id}
    hints = as_data(getattr(error, "hints", ()))
    return {
        "type": type(error).__name__, "message": error.message, **ids, **fields, "hints": hints
    }  # fmt: skip


async def record_response(attempt: Attempt, lease: Lease, heard: JsonObject) -> None:
    """Write down what was heard of a submit while its attempt goes on; as `settle`."""
    if attempt.intent is None or lease.is_watcher:
        return

    submission = attempt.submission if attempt.submission in ("rejected", "not_sent") else None
    noted = (attempt.intent.id, lease.owner_id, heard, submission)
    await _write(lease, partial(lease.ledger.note, *noted))


async def _write(lease: Lease, work: Callable[[], Awaitable[Any]]) -> None:
    with bounded(lease, CANCEL_SECONDS) as limit:
        await lease.write(work)

    if limit.cancelled_caught and not lease.keeps:
        lease.unwritten.clear()  # nobody comes back to it
