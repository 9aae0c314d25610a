"""One heartbeat for all jobs that an event loop drives in one ledger.

A ledger counts a holder as alive while its process says so. That is one statement for thousands of
jobs, and one task: each job that waits had a task group of its own before, which took a sixth of
its memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import Context, copy_context
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from anyio.lowlevel import RunVar

from .._support._logging import event
from .._support._loops import current_task
from ._lease import ledger_failed
from ._timeouts import BEATS, FAILED_BEATS

if TYPE_CHECKING:
    from ..ledger._contract import Ledger
    from ._lease import Lease


class Driven(Protocol):
    """A job in somebody's hands."""

    @property
    def lease(self) -> Lease:
        """Who drives it."""
        ...

    @property
    def is_behind(self) -> bool:
        """Whether the ledger may lack something of it."""
        ...

    async def write_again(self) -> None:
        """Make sure that the ledger still has the job."""
        ...


def kept_alive(job: Driven) -> AbstractAsyncContextManager[None]:
    """Tell the ledger meanwhile that the holder is alive, where somebody could take its job.

    What could not be written down of the job is tried again meanwhile, too.
    """
    return _Kept(job) if job.lease.keeps and not job.lease.is_watcher else nullcontext()


class _Kept:
    """One job among those of its loop and ledger; as small as can be."""

    __slots__ = ("_context", "_heart", "_task", "_writing", "job")

    def __init__(self, job: Driven) -> None:
        self.job = job
        self._writing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._task = current_task()
        self._context = copy_context()
        self._heart = _heart_of(self.job.lease.ledger)
        self._heart.take(self)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        is_ours = current_task() is self._task  # else it is thrown away: nothing can be awaited
        beating = self._heart.drop(self, stops=is_ours)
        if is_ours:
            await _over([one for one in (self._writing, beating) if one is not None])

    def catch_up(self) -> None:
        """Write down what the ledger may lack, unless that is under way."""
        if self._writing is None and self.job.is_behind:
            # As if the job did it: what its user has bound to the log is bound.
            self._writing = asyncio.create_task(self._catch_up(), context=self._context)

    async def _catch_up(self) -> None:
        try:
            for work in (self.job.write_again, self.job.lease.catch_up):
                try:
                    await work()
                except Exception as error:  # noqa: BLE001  (the next time it may come through)
                    ledger_failed(self.job.lease, error)
        finally:
            self._writing = None


class _Heart:
    """The jobs of one event loop in one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._jobs: dict[_Kept, None] = {}  # in the order in which they came
        self._beating: asyncio.Task[None] | None = None

    def take(self, job: _Kept) -> None:
        """Beat for one more."""
        self._jobs[job] = None
        if self._beating is None or self._beating.done():
            # Of no job, so that none's facts are in the log of all.
            self._beating = asyncio.create_task(self._go_on(), context=Context())

    def drop(self, job: _Kept, *, stops: bool) -> asyncio.Task[None] | None:
        """Beat for one less.

        Args:
            job: The one.
            stops: Whether the heart may be stopped at once, where it was the last.

        Returns:
            What is to be waited for.
        """
        self._jobs.pop(job, None)
        if self._jobs or not stops:
            return None

        beating, self._beating = self._beating, None
        _forget(self)
        return beating

    async def _go_on(self) -> None:
        pause = self.ledger.lease_seconds / BEATS
        while self._jobs:
            await asyncio.sleep(pause)
            is_said = await self._renew()
            pause = self.ledger.lease_seconds / (BEATS if is_said else FAILED_BEATS)
            for job in list(self._jobs):
                job.catch_up()

        _forget(self)

    async def _renew(self) -> bool:
        """Say that we are alive; nothing else that is written to the ledger says so for certain."""
        since, jobs = datetime.now(UTC), [one.job for one in self._jobs]
        try:
            await self.ledger.renew()
        except Exception as error:  # noqa: BLE001  (the next one may come through)
            _log_failure(jobs, error)
            return False

        for job in jobs:
            # After a long stop, others may have it: what has not left is written down anew.
            if not job.lease.is_late():
                job.lease.confirm_alive(since)

        return True


def _log_failure(jobs: Sequence[Driven], error: Exception) -> None:
    """Log that the ledger could not hear of us: once, not for each of thousands of jobs."""
    if len(jobs) == 1:
        ledger_failed(jobs[0].lease, error)
    else:
        raised = f"{type(error).__name__}: {error}"
        event(logging.ERROR, "ledger_failed", jobs=len(jobs), error=raised)


async def _over(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Stop tasks, and wait until they have ended, however often that is cancelled."""
    cancelled: asyncio.CancelledError | None = None
    for task in tasks:
        task.cancel()

    while any(not one.done() for one in tasks):
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError as error:
            cancelled = error

    if cancelled is not None:
        raise cancelled


_hearts: RunVar[dict[int, _Heart]] = RunVar("_hearts")


def _heart_of(ledger: Ledger) -> _Heart:
    """Return the heart of the running loop for a ledger, by its identity: it may be a user's."""
    try:
        hearts = _hearts.get()
    except LookupError:
        hearts = {}
        _hearts.set(hearts)

    heart = hearts.get(id(ledger))
    if heart is None:
        heart = hearts[id(ledger)] = _Heart(ledger)

    return heart


def _forget(heart: _Heart) -> None:
    """Forget a heart that beats for nobody; the next job of its ledger begins with another."""
    hearts = _hearts.get()
    if hearts.get(id(heart.ledger)) is heart:
        del hearts[id(heart.ledger)]
