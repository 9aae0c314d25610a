"""Closes jobs that no run drives: the one that was cancelled, and the one that was delivered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .._engine import settle
from .._support._ids import generate_unique_id
from ..exceptions import TarashException
from ._store import ending_of, holds_media

if TYPE_CHECKING:
    from .._data._exchange import Response
    from .._engine import Lease
    from ..ledger._contract import JobRecord
    from ._chain import ChainRun


async def close_delivered(run: ChainRun, record: JobRecord, response: Response) -> None:
    """Close the job of a token that was waited for to its end."""
    last = record.entries[-1] if record.entries else None
    if last is None or record.state != "open" or last.operation != run.current.operation:
        return

    lease = _lease_of(run, record)
    if await lease.take():
        await settle(run.current, lease, "completed")
        result = ending_of(record.kind, response, None, again=holds_media(response))
        await lease.close("completed", result, free_key=False, delivered=True)


async def close_cancelled(run: ChainRun, record: JobRecord) -> None:
    """Close a cancelled job that nobody waits for."""
    lease = _lease_of(run, record)
    if await lease.take():
        name = run.current.request_id
        error = TarashException(f"The job {name} was cancelled", submission="accepted")
        run.current.complete(error)
        result = ending_of(record.kind, None, error)
        await lease.close("cancelled", result, free_key=False, delivered=False)


def _lease_of(run: ChainRun, record: JobRecord) -> Lease:
    return replace(run.lease, job_id=record.id, owner_id=generate_unique_id())
