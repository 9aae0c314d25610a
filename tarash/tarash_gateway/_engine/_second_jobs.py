"""A second job of one submit: its provider refused a try, it seemed, and has made it all the same.

The next try, or the next config, has come to another job by then. So this one becomes a job of its
own in the ledger: open, perhaps to be paid for, there to be resumed or stopped, and never sent.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import anyio

from .._data._exchange import Operation, Payload
from .._data._hints import check_dashboard
from .._support._ids import generate_unique_id
from .._support._logging import event
from ..exceptions import TarashException
from ..ledger._contract import Intent, JobRecord, SubmissionRecord
from ._accounts import account_of
from ._attempt import Attempt
from ._entries import rewrite
from ._key_fingerprints import FINGERPRINT
from ._lease import ledger_failed

if TYPE_CHECKING:
    from .._data._exchange import Call
    from .._data._types import JsonObject
    from ..ledger._contract import Ledger
    from ..providers._contract import CallingBackAdapter
    from ._fitting import EngineContext
    from ._lease import Lease

MARK_CHARACTERS = 8
SECOND = "second_job"
"""Where the mark of its config has all that there is to know of it, so that it is never sent, and
found also where the process ended that wrote it down: `operation`, and of the submit, `host`,
`created_at` and `quote`. Earlier versions have the provider's id there.
"""
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
        chain=(
            {
                **config,
                FINGERPRINT: {**(config.get(FINGERPRINT) or {}), SECOND: _kept(intent, operation)},
            },
        ),
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


def _kept(intent: Intent, operation: Operation) -> JsonObject:
    return {
        "operation": operation.to_json(),
        "host": intent.host,
        "created_at": intent.created_at.isoformat(),
        "quote": intent.quote,
    }


def entries_of(record: JobRecord) -> tuple[SubmissionRecord, ...]:
    """Return a job's submits; of a second job, the whole one, though a part was written down."""
    second = _second_of(record.chain[0].get(FINGERPRINT) or {})
    if second is None or any(entry.operation is not None for entry in record.entries):
        return record.entries

    kept = Operation.from_json(second["operation"])
    intent = Intent(
        record.id,
        record.kind,
        kept.provider,
        record.chain[0]["model"],
        1,
        record.id,
        datetime.fromisoformat(second["created_at"]),
        host=second["host"],
        quote=second["quote"],
        labels=record.labels,
    )
    known = record.entries[0] if record.entries else SubmissionRecord(intent)
    return (replace(known, operation=kept, heard={**known.heard, **NAMED}),)


async def write_whole(attempt: Attempt, lease: Lease) -> None:
    """Write down what a process has left out that ended while it wrote a second job down."""
    if lease.is_watcher or _second_of(attempt.call.mark or {}) is None:
        return

    try:
        record = await lease.ledger.get(lease.job_id)
        if record is not None and entries_of(record) != record.entries:
            await rewrite(attempt, lease)
    except Exception as error:  # noqa: BLE001  (the job is paid for, written down or not)
        ledger_failed(lease, error)


def _second_of(mark: Mapping[str, Any]) -> dict[str, Any] | None:
    second = mark.get(SECOND)
    return second if isinstance(second, dict) else None


def unwritten(call: Call) -> TarashException | None:
    """Return why the submit of a job must not leave: it is a second one, and is not known whole.

    So earlier versions have left it, whose process ended while they wrote it down.
    """
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
    return {name: value for name, value in request.items() if not _refers(value)}


def _refers(value: Any) -> bool:
    if isinstance(value, dict):
        return value.keys() == {"sha256"} or any(_refers(one) for one in value.values())

    return isinstance(value, list) and any(_refers(one) for one in value)
