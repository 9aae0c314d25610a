"""A job in the hands of whoever drives it: the ledger, and the name under which it is held."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from .._logging import event
from ..exceptions import TarashException
from ._limits import BEATS, CANCEL_SECONDS, FLUSH_SECONDS

if TYPE_CHECKING:
    from .._attempt import Attempt
    from .._records import JobState, Ledger, Outcome
    from .._types import JsonObject


@dataclass(frozen=True, slots=True)
class Hold:
    """Who drives a job. Only a holder submits, settles, and cancels by itself."""

    ledger: Ledger
    job_id: str
    holder: str
    """Empty for a mere watcher, who looks at a job that somebody else may hold."""

    @property
    def is_watcher(self) -> bool:
        """Whether this one only looks."""
        return not self.holder

    @property
    def keeps(self) -> bool:
        """Whether what is written down outlives the process."""
        return math.isfinite(self.ledger.lease_seconds)

    def taken_over(self) -> TarashException:
        """Return the error for a job that another process holds by now."""
        return TarashException(
            f"The job {self.job_id} was taken over by another process while this one stood still; "
            "that one goes on with it, and its result is there",
            submission="not_sent",
        )

    async def is_ours(self) -> bool:
        """Tell whether the job is still in our hands, or nobody's; then it is in ours again.

        We may have stood still for longer than the lease. A ledger that fails takes nothing away.
        """
        if not self.keeps:
            return True

        with anyio.CancelScope(shield=True), anyio.move_on_after(CANCEL_SECONDS):
            try:
                return await self.take()
            except Exception as error:  # noqa: BLE001  (the job at hand matters more)
                ledger_failed(self, error)

        return True

    async def take(self) -> bool:
        """Take the job into our hands, where it has not ended and no living holder has it."""
        if not await self.ledger.claim(self.job_id, self.holder):
            return False

        record = await self.ledger.get(self.job_id)
        if record is None or record.state in ("open", "unknown"):
            return True

        # Another process has ended it, and has the last word.
        await self.ledger.close(self.job_id, self.holder, record.state, record.result)
        return False

    async def close(
        self, state: JobState, result: JsonObject | None, *, free_key: bool, delivered: bool
    ) -> bool:
        """Write down how the job ended, and let go of it.

        Args:
            state: Where it stands from now on.
            result: What there is to tell whoever asks for it again.
            free_key: Whether its idempotency key may be used again.
            delivered: Whether there is a response, which is the job's end wherever nobody else
                goes on with it.

        Returns:
            Whether that was ours to do; also where the ledger fails.
        """
        facts = (self.job_id, self.holder, state, result)
        with anyio.CancelScope(shield=True), anyio.move_on_after(FLUSH_SECONDS):
            try:
                if await self.ledger.close(*facts, free_key=free_key):
                    return True

                if not (delivered and await self.is_ours()):
                    return False

                return await self.ledger.close(*facts, free_key=free_key)
            except Exception as error:  # noqa: BLE001  (a paid result matters more)
                ledger_failed(self, error)

        return True


async def settle(attempt: Attempt, hold: Hold, outcome: Outcome) -> None:
    """Write down how an attempt ended; a ledger that fails, or hangs, does not hold up a result."""
    if attempt.intent is None or hold.is_watcher:
        return

    with anyio.move_on_after(CANCEL_SECONDS, shield=True):
        try:
            await hold.ledger.settle(attempt.intent.id, attempt.submission, outcome)
        except Exception as error:  # noqa: BLE001  (a paid result matters more)
            attempt.log(logging.ERROR, "ledger_failed", error=f"{type(error).__name__}: {error}")


def kept_alive(hold: Hold) -> AbstractAsyncContextManager[None]:
    """Tell the ledger meanwhile that the holder is alive, where somebody could take its job."""
    return _beating(hold) if hold.keeps and not hold.is_watcher else nullcontext()


@asynccontextmanager
async def _beating(hold: Hold) -> AsyncIterator[None]:
    failure: BaseException | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(_beat, hold)
        try:
            yield
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001
            failure = error  # raised below, where no group wraps it

        group.cancel_scope.cancel()

    if failure is not None:
        raise failure


async def _beat(hold: Hold) -> None:
    while True:
        await anyio.sleep(hold.ledger.lease_seconds / BEATS)
        try:
            await hold.ledger.renew()
        except Exception as error:  # noqa: BLE001  (the next one may come through)
            ledger_failed(hold, error)


def ledger_failed(hold: Hold, error: Exception) -> None:
    """Log a ledger's failure that does not hold up a job that is paid for."""
    event(
        logging.ERROR,
        "ledger_failed",
        job_id=hold.job_id,
        error=f"{type(error).__name__}: {error}",
    )
