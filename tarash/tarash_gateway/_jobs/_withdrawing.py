"""Takes back a job that was written down for a call which ended meanwhile, or lets go of it.

Nobody waits for it, and nothing of it was sent. Left as it is, it would be in the hands of this
process, where nobody drives it: the same idempotency key would wait for it for ever, and whoever
resumes what is unfinished later would buy it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .._engine import ledger_failed
from .._engine._lease import bounded
from .._engine._timeouts import CANCEL_SECONDS
from .._support._shielded import retry_later
from ..exceptions import StorageError
from ._queue import drop, keeps_state

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .._engine import Lease
    from ..ledger._contract import Ledger


_late: dict[tuple[int, str], Callable[[], Awaitable[None]]] = {}
"""What is to be taken back, by its ledger and id; of any loop."""


async def withdraw(lease: Lease, *, has_key: bool, is_queued: bool) -> None:
    """Take a job back now, or as soon as the ledger can; whoever has taken it up has it.

    Args:
        lease: Whose job it is.
        has_key: Whether others may wait for it by its idempotency key: they hear that it was
            cancelled.
        is_queued: Whether nobody holds it, so that a worker may have it.
    """
    work = partial(_withdraw, lease, has_key=has_key, is_queued=is_queued)
    with bounded(lease, CANCEL_SECONDS):
        await work()
        return

    withdraw_later(lease, has_key=has_key, is_queued=is_queued)


def withdraw_later(lease: Lease, *, has_key: bool, is_queued: bool) -> None:
    """Take a job back as soon as the ledger can; as `withdraw`."""
    place = (id(lease.ledger), lease.job_id)

    async def work() -> None:
        await _withdraw(lease, has_key=has_key, is_queued=is_queued)
        _late.pop(place, None)

    def give_up(why: str) -> None:
        _late.pop(place, None)
        ledger_failed(lease, StorageError(f"The job was not taken back ({why})"))

    _late[place] = work
    retry_later(lease.ledger, work, give_up)


async def was_withdrawn(ledger: Ledger, job_id: str) -> bool:
    """Take back a job that waits for that, so that its key is free; return whether it did."""
    work = _late.get((id(ledger), job_id))
    if work is None:
        return False

    await work()
    return True


def let_go_later(lease: Lease) -> None:
    """Let go of a job as soon as the ledger can; it may be in our hands, and nobody drives it."""

    async def again() -> None:
        await lease.write_all()
        await lease.ledger.close(lease.job_id, lease.owner_id, "open")

    def give_up(why: str) -> None:
        ledger_failed(lease, StorageError(f"The job was not let go of ({why})"))

    retry_later(lease.ledger, again, give_up)


async def _withdraw(lease: Lease, *, has_key: bool, is_queued: bool) -> None:
    ledger, job_id = lease.ledger, lease.job_id
    if is_queued and not await ledger.claim(job_id, lease.owner_id):
        return  # it was never written down, or a worker has it

    is_closed = await ledger.close(job_id, lease.owner_id, "cancelled", None, free_key=True)
    if is_queued and keeps_state(ledger):
        await drop(ledger, job_id)

    if is_closed and not has_key:
        await ledger.forget(job_id)
