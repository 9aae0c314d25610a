"""What a job has reserved that its ledger has forgotten: settled by whoever hears of its end."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, cast

from .._data._exchange import Call
from .._data._money import Quote
from .._engine import bounded, operation_named, settle_watched, take_seen
from .._engine._timeouts import CANCEL_SECONDS
from .._support._secrets import Keys
from ..ledger._contract import Intent
from ..models import (
    ImageGenerationConfig,
    ImageGenerationRequest,
    VideoGenerationConfig,
    VideoGenerationRequest,
)

if TYPE_CHECKING:
    from .._data._exchange import Operation, Snapshot
    from .._data._types import JsonObject, Outcome
    from .._engine import EngineContext
    from .._engine._attempt import Attempt
    from ..ledger._contract import JobRecord, Ledger, RememberingLedger, Spending
    from ..providers._contract import Adapter
    from ._chain import ChainRun

NOT_TOLD = "(the request is forgotten)"
UNDECIDED = frozenset({"reserved", "possible"})


async def recall(run: ChainRun) -> JobRecord | None:
    """Recall what an operation was to cost that is waited for without its job.

    Returns:
        The job that the ledger has of it; None where it has none.
    """
    attempt, ledger = run.current, run.resources.ledger
    operation = attempt.operation
    if operation is None:
        return None

    record = await ledger.find(operation.provider, operation.id)
    if record is not None:
        for entry in record.entries:
            if entry.operation == operation:
                attempt.intent = attempt.intent or entry.intent
                _take_quote(attempt, entry.intent.quote)

        return record

    row = None if attempt.call.mocked else await forgotten(operation, run)
    if row is not None:
        attempt.money.forgotten = row.intent_id
        _take_quote(attempt, row.quote or _bare(row))

    return None


async def recall_safely(run: ChainRun) -> None:
    """As `recall`; a ledger that fails, or is slow, holds up no job that is paid for."""
    with bounded(run.lease, CANCEL_SECONDS):
        await recall(run)


async def forgotten(operation: Operation, run: ChainRun) -> Spending | None:
    """Return what is still reserved for an operation whose job is forgotten."""
    call = run.current.call
    host = run.resources.makers(call).base_url(call.config)
    return await reserved(run.resources.ledger, operation.provider, operation.id, host or "")


async def reserved(
    ledger: Ledger, provider: str, operation_id: str, host: str = ""
) -> Spending | None:
    """Return what is still reserved for an operation; None where that is not one row."""
    if not callable(getattr(ledger, "spendings_of", None)):
        return None

    rows = await cast("RememberingLedger", ledger).spendings_of(provider, operation_id, host)
    left = [row for row in rows if row.state in UNDECIDED]
    return left[0] if len(left) == 1 else None


async def settle_seen(run: ChainRun, adapter: Adapter, seen: Snapshot) -> None:
    """Settle what one poll says has ended, where its job is forgotten."""
    if seen.status not in ("completed", "failed"):
        return

    attempt = run.current
    with bounded(run.lease, CANCEL_SECONDS):
        if await recall(run) is None and attempt.money.forgotten:
            take_seen(adapter, attempt, seen)
            outcome: Outcome = "completed" if seen.status == "completed" else "failed"
            await settle_watched(attempt, run.resources.ledger, outcome)


async def operation_of(
    row: Spending, operation_id: str, keys: Keys, resources: EngineContext
) -> tuple[Operation, VideoGenerationConfig | ImageGenerationConfig]:
    """Return the operation of a job that is forgotten, by its provider's name of it.

    Raises:
        TarashException: There is no key here that fits.
    """
    is_video = row.kind == "video"
    config_type = VideoGenerationConfig if is_video else ImageGenerationConfig
    request_type = VideoGenerationRequest if is_video else ImageGenerationRequest
    config = config_type(
        provider=row.provider, model=row.model, api_key=keys.get(row.provider), on_timeout="detach"
    )
    call = Call(row.kind, config, request_type(prompt=NOT_TOLD), operation_id)
    intent = Intent(row.intent_id, row.kind, row.provider, row.model, 1, row.job_id)
    return await operation_named(call, intent, operation_id, resources), config


def _take_quote(attempt: Attempt, quote: JsonObject | None) -> None:
    if attempt.money.quote is None and quote is not None:
        attempt.money.quote = Quote.model_validate(quote)


def _bare(row: Spending) -> JsonObject | None:
    """Return a quote of what is reserved, where the whole one was not kept."""
    if row.amount is None or row.amount == Decimal(0):
        return None

    return {"high": row.amount, "low": row.amount, "currency": row.currency}
