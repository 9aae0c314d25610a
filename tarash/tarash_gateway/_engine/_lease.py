"""A job in the hands of whoever drives it: the ledger, and the name under which it is held."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from .._support._logging import event
from .._support._loops import current_time
from .._support._shielded import retry_later
from ..exceptions import StorageError, TarashException
from ..ledger._contract import STOPPED
from ._timeouts import CANCEL_SECONDS, FLUSH_SECONDS, SURE_SECONDS

if TYPE_CHECKING:
    from .._data._types import JsonObject
    from ..ledger._contract import JobState, Ledger, SubmissionRecord
    from ._attempt import Attempt


@dataclass(frozen=True, slots=True)
class Lease:
    """Who drives a job. Only a holder submits, settles, and cancels by itself."""

    ledger: Ledger
    job_id: str
    owner_id: str
    """Empty for a mere watcher, who reads a job that somebody else may hold."""
    unwritten: list[Callable[[], Awaitable[Any]]] = field(default_factory=list, repr=False)
    """What the ledger could not write down yet."""
    heard_of: list[datetime] = field(default_factory=list, repr=False)
    """When the ledger has last heard of us, if it has."""

    @property
    def is_watcher(self) -> bool:
        """Whether this one only reads."""
        return not self.owner_id

    @property
    def keeps(self) -> bool:
        """Whether what is written down outlives the process."""
        return math.isfinite(self.ledger.lease_seconds)

    def confirm_alive(self, since: datetime) -> None:
        """Note that the ledger has heard of us.

        Args:
            since: Before it was asked to: we may have stood still ever since.
        """
        self.heard_of[:] = [since]

    def is_late(self) -> bool:
        """Tell whether the ledger has not heard of us for so long that others may go on.

        By the time of day, as in the ledger: it goes on while the machine sleeps.
        """
        if not self.keeps or not self.heard_of:
            return False

        sure = timedelta(seconds=max(self.ledger.lease_seconds, SURE_SECONDS))
        return datetime.now(UTC) - self.heard_of[0] > sure

    def taken_over(self) -> TarashException:
        """Return the error for a job that another process holds by now.

        How the submit ended is the attempt's to say: `Attempt.complete` puts it there.
        """
        return TarashException(
            f"The job {self.job_id} was taken over by another process while this one stood still; "
            "that one goes on with it, and its result is there",
        )

    def missing(self) -> StorageError:
        """Return the error for a job that the ledger does not know any more."""
        return StorageError(
            f"The ledger does not know the job {self.job_id} any more: its file or database was "
            "removed, or replaced by an older one. Nothing more is submitted; put it back before "
            "you order again",
        )

    async def write(self, work: Callable[[], Awaitable[Any]]) -> None:
        """Write something down now, or as soon as the ledger can; it holds up nothing else."""
        self.unwritten.append(work)
        await self.catch_up()

    async def catch_up(self) -> None:
        """Write down what could not be written down before, in the same order."""
        try:
            await self.write_all()
        except TarashException as error:
            ledger_failed(self, error)

    async def write_all(self) -> None:
        """As `catch_up`, for whoever goes on only where all of it is written down.

        Raises:
            TarashException: The ledger fails, and the rest would not come through either.
        """
        for work in list(self.unwritten):
            try:
                await work()
            except TarashException:
                raise
            except Exception as error:  # noqa: BLE001  (the job at hand matters more)
                ledger_failed(self, error)
            else:
                if work in self.unwritten:  # else somebody else was faster
                    self.unwritten.remove(work)

    async def is_ours(self) -> bool:
        """Tell whether the job is still in our hands, or nobody's; then it is in ours again.

        We may have stood still for longer than the lease. A ledger that fails, or has lost the job,
        takes nothing away.
        """
        if not self.keeps:
            return True

        with bounded(self, CANCEL_SECONDS):
            return await self.take()

        return True

    async def take(self) -> bool:
        """Take the job into our hands, where it has not ended and no living holder has it."""
        held = await self.ledger.claim(self.job_id, self.owner_id)
        if held is None:
            return True  # not in this ledger any more, so that nobody else can have it

        if not held:
            return False

        record = await self.ledger.get(self.job_id)
        if record is None or record.state in ("open", "unknown"):
            return True

        # Another process has ended it, and has the last word.
        await self.ledger.close(self.job_id, self.owner_id, record.state, record.result)
        return False

    async def let_go(self) -> bool:
        """Let go of a job that we drive no more, once what was heard of it is written down.

        Returns:
            Whether that is done; else the ledger fails still.
        """
        with bounded(self, FLUSH_SECONDS):
            await self.write_all()
            await self.ledger.close(self.job_id, self.owner_id, "open")
            return True

        return False

    async def close(
        self, state: JobState, result: JsonObject | None, *, free_key: bool, delivered: bool
    ) -> bool | None:
        """Write down how the job ended, and let go of it.

        Args:
            state: Where it stands from now on.
            result: What there is to tell whoever asks for it again.
            free_key: Whether its idempotency key may be used again.
            delivered: Whether there is a response, which is the job's end wherever nobody else
                goes on with it.

        Returns:
            Whether that was ours to do; also where the ledger fails, or is too slow: then it is
            written down as soon as the ledger can, while the event loop lives. None where the
            ledger does not know the job any more.
        """
        work = partial(self._close, state, result, free_key=free_key, delivered=delivered)
        with bounded(self, FLUSH_SECONDS):
            if self.unwritten:
                with bounded(self, FLUSH_SECONDS / 2):
                    await self.catch_up()

            held = await work()
            if self.unwritten:  # the ledger came back in between
                self._try_later(self.write_all)

            return held

        self._try_later(work)
        return True

    async def _close(
        self, state: JobState, result: JsonObject | None, *, free_key: bool, delivered: bool
    ) -> bool | None:
        ending = (self.job_id, self.owner_id, state, result)
        held = await self.ledger.close(*ending, free_key=free_key)
        if held is not False or not (delivered and await self.is_ours()):
            return held

        return await self.ledger.close(*ending, free_key=free_key)

    def _try_later(self, work: Callable[[], Awaitable[Any]]) -> None:
        """Have an end written down as soon as the ledger can: whoever waits has waited enough."""

        async def again() -> None:
            await self.catch_up()
            await work()
            await self.write_all()  # what failed a moment before the end came through

        def give_up(why: str) -> None:
            ledger_failed(self, StorageError(f"The end was not written down ({why})"))

        retry_later(self.ledger, again, give_up)

    async def keep(self, result: JsonObject | None) -> bool | None:
        """Write down that the job is open, whatever it was before, and let go of it.

        Args:
            result: What it came to, where nobody has got that.

        Returns:
            As `close`.
        """
        with bounded(self, FLUSH_SECONDS):
            await self.catch_up()
            held = await self.ledger.keep(self.job_id, self.owner_id, result)
            if held is not False:
                return held

            # It was closed a moment ago, and the user has not got the response after all.
            if await self.ledger.claim(self.job_id, self.owner_id):
                return await self.ledger.keep(self.job_id, self.owner_id, result)

            return True

        # By then others may have taken it up: it is theirs.
        self._try_later(partial(self.ledger.keep, self.job_id, self.owner_id, result))
        return True


@contextmanager
def bounded(lease: Lease, seconds: float) -> Iterator[anyio.CancelScope]:
    """Give a ledger so much time, whoever is cancelled meanwhile; log that it fails, or is slow.

    What it holds up matters more than it: a paid result, or whatever ends us.
    """
    with anyio.CancelScope(deadline=current_time() + seconds, shield=True) as limit:
        try:
            yield limit
        except Exception as error:  # noqa: BLE001  (as above)
            ledger_failed(lease, error)

    if limit.cancelled_caught:
        ledger_failed(lease, TimeoutError(f"it took longer than {seconds} s"))


def ledger_failed(lease: Lease, error: Exception) -> None:
    """Log a ledger's failure that does not hold up a job that is paid for."""
    event(
        logging.ERROR,
        "ledger_failed",
        job_id=lease.job_id,
        error=f"{type(error).__name__}: {error}",
    )


async def was_stopped(attempt: Attempt, lease: Lease) -> bool:
    """Tell whether somebody has stopped this attempt by a handle: here, or elsewhere."""
    if attempt.stopped or attempt.intent is None:
        return attempt.stopped

    entries = await _entries(lease)
    return any(_is_stopped(entry) for entry in entries if entry.intent.id == attempt.intent.id)


async def job_was_stopped(lease: Lease) -> bool:
    """Tell whether somebody has stopped any attempt of the job: then nobody wants another one."""
    return any(_is_stopped(entry) for entry in await _entries(lease))


def _is_stopped(entry: SubmissionRecord) -> bool:
    return entry.outcome == STOPPED or bool(entry.heard.get(STOPPED))


async def _entries(lease: Lease) -> tuple[SubmissionRecord, ...]:
    if not lease.job_id:
        return ()

    try:
        record = await lease.ledger.get(lease.job_id)
    except Exception as error:  # noqa: BLE001  (the failure at hand is what users must see)
        ledger_failed(lease, error)
        return ()

    return () if record is None else record.entries
