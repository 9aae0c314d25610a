"""Writes the events of an attempt down in its ledger: what was heard, when it was heard."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, cast

from .._data._events import (
    Accepted,
    Adopted,
    AttemptEvent,
    CancelAsked,
    ErrorFacts,
    Rejected,
    Settled,
    Submitting,
)
from ..exceptions import StorageError, TarashException
from ..ledger._contract import OverBudgetError
from ._budgets import exceeded
from ._entries import error_record, leave, record_response, settle, settle_watched
from ._lease import bounded
from ._received import write_received
from ._timeouts import CANCEL_SECONDS

if TYPE_CHECKING:
    from .._data._types import JsonObject
    from ._attempt import Attempt
    from ._lease import Lease


def facts_of(error: TarashException) -> ErrorFacts:
    """Return an error as events carry it."""
    return cast("ErrorFacts", error_record(error))


def heard_of(event: AttemptEvent) -> JsonObject:
    """Return what a ledger keeps of an event beside how the submit and the attempt ended."""
    match event:
        case Rejected(error=dict() as error, retry_at=at) if at is not None:
            return {"error": error, "tries": event.tries, "retry_at": at.isoformat()}
        case CancelAsked(error=dict() as error):
            return {"error": error}
        case Settled(error=dict() as error):
            ending = {"billing": event.billing, "cancel": event.cancel, "retry_at": None}
            return {"error": error, **ending, **_cost_of(event), **_end_of(event)}
        case Settled(outcome="stopped"):
            return {"cancel": event.cancel, **_end_of(event)}
        case Adopted(named=named):
            # Whatever was heard before: it was refused in vain.
            return {"adopted": True, "named": named, "error": None, "retry_at": None}

    return {}


def _end_of(event: Settled) -> JsonObject:
    """Return when a job ended that may be billed: some providers give back in a time after that."""
    return {"ended_at": datetime.now(UTC).isoformat()} if event.billing == "possible" else {}


def _cost_of(event: Settled) -> JsonObject:
    """Return what a provider says that a failure has cost; a mere estimate is made anew."""
    cost = event.cost
    if cost is None or cost.state == "estimated":
        return {}

    return {"cost": cost.model_dump(mode="json", exclude={"lines"}, exclude_none=True)}


async def record(attempt: Attempt, event: AttemptEvent) -> None:
    """Write an event down, by whoever holds the job.

    Raises:
        TarashException: A submit is about to leave, and the ledger did not take it.
    """
    lease = attempt.audience.lease
    if lease is not None and lease.is_watcher and isinstance(event, Settled):
        with bounded(lease, CANCEL_SECONDS):
            await settle_watched(attempt, lease.ledger, event.outcome)

    if lease is None or attempt.intent is None:
        return

    if isinstance(event, Submitting):
        await _intend(attempt, lease)
    elif isinstance(event, Accepted) and event.operation is not None:
        # The job is paid for, written down or not.
        await lease.write(partial(lease.ledger.accept, attempt.intent.id, event.operation))
    elif isinstance(event, Accepted):
        await write_received(attempt, lease)
    elif isinstance(event, Settled) and attempt.is_left:
        await leave(attempt, lease)
    else:
        heard = heard_of(event)
        if heard:
            await record_response(attempt, lease, heard)

        if isinstance(event, Settled):
            await settle(attempt, lease, event.outcome)


async def _intend(attempt: Attempt, lease: Lease) -> None:
    """Write down that the submit leaves; whoever has been followed meanwhile sends nothing."""
    assert attempt.intent is not None  # noqa: S101  (`record` looked)
    since = datetime.now(UTC)
    attempt.ledger_failed = True  # until it answers, also where this is cancelled meanwhile
    try:
        await lease.write_all()  # else the try before would look as if it had left
        held = await lease.ledger.intend(attempt.intent, lease.owner_id)
    except OverBudgetError as error:
        if not attempt.tries:  # else the refused try stands there, and is to be settled
            attempt.intent = None

        attempt.ledger_failed = False
        raise exceeded(error, attempt) from None
    except StorageError:
        raise
    except TarashException:
        attempt.ledger_failed = False  # it refuses this one, and would do so again
        raise

    attempt.ledger_failed = False
    if held:
        lease.confirm_alive(since)
        return

    attempt.intent = None
    raise lease.missing() if held is None else lease.taken_over()
