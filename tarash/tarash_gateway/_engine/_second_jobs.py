"""A second job of one submit: its provider refused a try, it seemed, and has made it all the same.

The next try, or the next config, has come to another job by then. So this one becomes a job of its
own in the ledger: open, perhaps to be paid for, there to be resumed or stopped, and never sent.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import anyio

from .._data._exchange import Payload
from .._data._hints import check_dashboard
from .._support._ids import generate_unique_id
from .._support._logging import event
from ..exceptions import TarashException
from ..ledger._records import Intent, JobRecord
from ._accounts import account_of
from ._attempt import Attempt
from ._marks import MARK

if TYPE_CHECKING:
    from .._data._exchange import Call, Operation
    from ..ledger._records import Ledger
    from ..providers._contract import CallingBackAdapter
    from ._fitting import EngineContext

MARK_CHARACTERS = 8
SECOND = "second_job"
"""Where the mark of its config has its id, so that it is never sent."""
NAMED = {"adopted": True, "named": True}
"""What is noted of a job that its provider has named, at an address of the submit's own."""


async def operation_named(
    call: Call, intent: Intent, job_id: str, resources: EngineContext
) -> Operation:
    """Return the job of a submit by the id under which its provider has called about it.

    Raises:
        TarashException: There is no key here that fits.
    """
    adapter = resources.registry.adapter(call.config.provider)
    attempt = Attempt(call, intent=intent)
    account = account_of(adapter, attempt, resources.registry)
    payload = payload_of(intent) or Payload(call.config.model, {})
    async with resources.clients.lease(adapter, account) as client:
        calling_back = cast("CallingBackAdapter", adapter)
        return calling_back.job_named(client, payload, attempt.call, job_id)


def payload_of(intent: Intent) -> Payload | None:
    """Return what was sent; None where that was not kept."""
    return None if intent.payload is None else Payload(**intent.payload)


async def keep_second(
    ledger: Ledger, first: JobRecord, intent: Intent, operation: Operation
) -> str | None:
    """Write down a job of a submit that has come to another one, or to none.

    Args:
        ledger: Where.
        first: The job whose submit it was.
        intent: The submit.
        operation: What the provider has made of it beside.

    Returns:
        The id of the job in the ledger; None where the ledger has it already.
    """
    if await ledger.find(operation.provider, operation.id, intent.host) is not None:
        return None

    digest = hashlib.sha256(f"{operation.provider} {operation.id}".encode()).hexdigest()
    name = f"{intent.id}-again-{digest[:MARK_CHARACTERS]}"
    config = first.chain[intent.attempt_number - 1]
    record = JobRecord(
        id=name,
        kind=first.kind,
        chain=({**config, MARK: {**(config.get(MARK) or {}), SECOND: operation.id}},),
        request=_without_media(first.request),  # it is never sent
        fingerprint=first.fingerprint,
        labels=first.labels,
    )
    # Without budgets, into which it need not fit: it is bought already.
    own = replace(intent, id=name, job_id=name, attempt_number=1, budgets=())
    with anyio.CancelScope(shield=True):  # whoever called about it may go away meanwhile
        if not await _write(ledger, record, own, operation):
            return None

    event(
        logging.WARNING,
        "second_job",
        job_id=first.id,
        provider=operation.provider,
        operation_id=operation.id,
        kept_as=name,
    )
    return name


async def _write(ledger: Ledger, record: JobRecord, intent: Intent, operation: Operation) -> bool:
    """Write it down, also where a process has ended in the middle of that; return whether."""
    owner = generate_unique_id()
    if await ledger.get(record.id) is None:
        await ledger.open(record, owner, {})
    elif not await ledger.claim(record.id, owner):
        return False  # somebody is writing it down

    try:
        await ledger.intend(intent, owner)
        await ledger.accept(intent.id, operation, adopted=True)
        await ledger.note(intent.id, owner, NAMED)
    finally:
        await ledger.close(record.id, owner, "open")  # for its provider's next call, at least

    return True


def unwritten(call: Call) -> TarashException | None:
    """Return why the submit of a job must not leave: it is such a second job, not all written."""
    second = (call.mark or {}).get(SECOND)
    if second is None:
        return None

    return TarashException(
        f"A process ended while it wrote down that {call.config.provider} had made a second job of "
        f"a submit, {second}: it may run and be billed, and nothing more is bought for it",
        submission="unknown",
        hints=[check_dashboard()],
    )


def _without_media(request: Any) -> Any:
    """Return a stored request without what refers to bytes, which a closed job no longer has."""
    return {name: one for name, one in request.items() if not _refers(one)}


def _refers(value: Any) -> bool:
    if isinstance(value, dict):
        return value.keys() == {"sha256"} or any(_refers(one) for one in value.values())

    return isinstance(value, list) and any(_refers(one) for one in value)
