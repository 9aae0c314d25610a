"""How a job ends: what is written down of it, and kept for whoever has not got the result yet.

Walking the chain is the orchestrator's business.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from .._engine import FLUSH_SECONDS, EngineContext, Lease, ledger_failed, rewrite, settle
from .._engine._attempt import Attempt
from ..exceptions import (
    GenerationFailedError,
    ModelNotFoundError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
)
from ..models import ExecutionMetadata
from ._drop_media import lightened
from ._store import ending_of, holds_media, record_of

if TYPE_CHECKING:
    from .._data._exchange import Call, Response
    from ..ledger._contract import JobState, Outcome
    from ..models import AttemptMetadata


def verdict_of(attempt: Attempt) -> TarashException:
    """Return why an attempt of another process failed, as far as that was written down."""
    return attempt.verdict or TarashException(
        f"The attempt ended in another process ({attempt.submission or 'not submitted'})",
        submission=attempt.submission,
    )


def outcome_of(attempt: Attempt) -> Outcome:
    """Return how an attempt ended that this run could not even begin with."""
    if attempt.submission == "unknown":
        return "unknown"

    if attempt.is_left:
        return "cancelled"

    return "detached" if attempt.unsafe else "failed"


LEAVING = (asyncio.CancelledError, SystemExit, KeyboardInterrupt)
"""What ends a call from outside, whatever it has come to."""


class Ending:
    """One job's facts, and its end in the ledger."""

    def __init__(self, calls: list[Call], resources: EngineContext, lease: Lease) -> None:
        self.calls = calls
        self.resources = resources
        self.lease = lease
        self.attempts: list[Attempt] = []
        self.response: Response | None = None
        self.failure: TarashException | None = None
        self.is_unwanted = False
        """Whether somebody has asked its provider to stop it, as far as that was looked for."""
        self.key: str | None = None
        """The idempotency key by which somebody may ask for the result again."""
        self.is_worked = False
        """Whether a worker drives it, for somebody who asks the ledger for the result."""
        self.stays_open = False
        """Whether others go on with it where a call ends from outside and nothing is bought yet."""
        self.was_open = True
        """Whether the ledger had it as open when it was taken up."""
        self.is_unsaved = False
        """Whether there is a result that its user wanted saved before the job ends."""
        self.only_settles = False
        """Whether nobody waits: what has been bought is settled, and nothing more is bought."""
        self.live: list[Attempt] = []
        """Attempts that are under way side by side."""
        self.leftovers: list[Attempt] = []
        """What another process has left running beside a result."""
        self._generation = lease.ledger.generation
        self._records: list[AttemptMetadata] = []
        self._started: float | None = None

    @property
    def may_buy(self) -> bool:
        """Whether a further config may be tried."""
        return not (self.lease.is_watcher or self.only_settles)

    @property
    def current(self) -> Attempt:
        """The attempt that is under way, or the last one."""
        if not self.attempts:
            self.attempts.append(Attempt(self.calls[0]))

        return self.attempts[-1]

    def put_last(self, attempt: Attempt) -> None:
        """Make one of several attempts the current one: it has the last word."""
        self.attempts = [one for one in self.attempts if one is not attempt] + [attempt]

    def record(self, attempt: Attempt, error: TarashException | None) -> None:
        """Note what an attempt has come to, in place of what was noted of it before."""
        self.forget(attempt)
        self._records.append(attempt.metadata(error))

    def forget(self, attempt: Attempt) -> None:
        """Drop what was noted of an attempt: it may have been waited for before."""
        number = attempt.call.attempt_number
        self._records = [record for record in self._records if record.attempt_number != number]

    def execution_metadata(self, successful: Attempt | None) -> ExecutionMetadata:
        """Return what all attempts have done."""
        started = anyio.current_time() if self._started is None else self._started
        return ExecutionMetadata(
            total_attempts=len(self._records),
            successful_attempt=None if successful is None else successful.call.attempt_number,
            attempts=tuple(sorted(self._records, key=lambda one: one.attempt_number)),
            fallback_triggered=len(self._records) > 1,
            configs_in_chain=len(self.calls),
            total_elapsed_seconds=anyio.current_time() - started,
        )

    def state_after(self, *, cancelled: bool = False) -> JobState:
        """Return where the job stands after a failure: what may still run is unfinished."""
        is_last = self.current.call.attempt_number == len(self.calls)
        if self.only_settles and not is_last and self._undelivered is None:
            return "open"  # the next config is bought by whoever waits

        if self.is_unsaved or (cancelled and self._undelivered is not None):
            return "open"  # paid for, and nobody has got it

        if self.response is not None:
            return "completed"  # what failed came after the result

        if any(attempt.operation and attempt.unsafe for attempt in self.attempts):
            return "open"

        if any(attempt.submission == "unknown" for attempt in self.attempts):
            return "unknown"

        # An order that somebody was promised is others' to go on with, whoever drove it; and where
        # the ledger has failed before it was sent.
        was_stopped = self._was_stopped
        is_put_off = self.current.is_left and not self.is_unwanted
        left: JobState = "open" if self.stays_open and not was_stopped else "cancelled"
        return left if cancelled or was_stopped or is_put_off else "failed"

    @property
    def _was_stopped(self) -> bool:
        """Whether it has ended because somebody stopped it by a handle.

        A provider that only takes note of it (`requested`) says so by a job that failed, or that is
        not there any more.
        """
        if any(attempt.stopped and attempt.cancel == "cancelled" for attempt in self.attempts):
            return True

        ends = (GenerationFailedError, ModelNotFoundError)
        return self.is_unwanted and isinstance(self.failure, ends)

    @property
    def _undelivered(self) -> Response | None:
        return self.response or self.current.response

    def may_follow(self, error: TarashException) -> bool:
        """Tell whether the job may go on after what we have seen fail: its ledger knows, then.

        Of two attempts side by side, the one that was stopped resembles one that somebody has
        cancelled, and whatever fails one of them ends nothing while the other one runs.
        """
        if isinstance(error, TimeoutError):
            return False

        if self.calls[0].config.hedge_after is not None:
            return True

        return error.retryable and self.current.call.attempt_number < len(self.calls)

    def lighten(self, call: Call) -> Call:
        """Let go of the media of a call that was accepted, where the ledger has them.

        Where a further config may follow, they are kept for it.
        """
        light = lightened(call.request)
        if len(self.calls) > 1 or not self.lease.keeps or light is None:
            return call

        why = "its media were let go of when a provider had accepted them"
        self.calls = [replace(self.calls[0], request=light, lost=why)]
        self.current.call = replace(self.current.call, request=light, lost=why)
        return replace(call, request=light)

    async def settle_concluded(self) -> None:
        """Write down how attempts ended whose process ended before it could: budgets go by it."""
        for attempt in self.attempts:
            if attempt.is_concluded and attempt.outcome is not None:
                attempt.is_concluded = False
                await settle(attempt, self.lease, attempt.outcome)

    async def end(self, state: JobState) -> bool:
        """Write down how it ended; return whether that was ours to do."""
        if self.lease.is_watcher:
            return True

        self.current.conclude(state)
        undelivered = self._undelivered if state == "open" else None
        try:
            if undelivered is not None:
                await self._keep(undelivered)
                return True

            if state == "open" and not self.was_open:
                return await self.lease.keep(None) is not False

            if state == "open" and self.is_worked and self.lease.unwritten:
                # Not before that is written down: the next one would take it for in doubt.
                await self.lease.let_go()
                return True

            return await self._close(state)
        except LEAVING:
            if state == "completed" and self.response is not None:
                await self._keep(self.response)  # the user will not get it

            raise

    async def _close(self, state: JobState) -> bool:
        free = state in ("failed", "cancelled") and all(
            attempt.billing(success=False) == "none" for attempt in self.attempts
        )
        result = None
        several = self.failure is not None and len(self.attempts) > 1
        # Of several attempts only one has the last word, and who watches may have seen another.
        if self.lease.keeps or self.is_worked or self.key is not None or several:
            again = self.response is not None and self._lasting(self.response) is None
            result = ending_of(self.calls[0].kind, self.response, self.failure, again=again)

        delivered = self.response is not None
        held = await self.lease.close(state, result, free_key=free, delivered=delivered)
        if held is None:
            with anyio.CancelScope(shield=True), anyio.move_on_after(FLUSH_SECONDS):
                try:
                    await self.write_again(certain=True)
                except Exception as error:  # noqa: BLE001  (a paid result matters more)
                    ledger_failed(self.lease, error)

            held = await self.lease.close(state, result, free_key=free, delivered=delivered)

        return held is not False

    async def _keep(self, response: Response) -> None:
        """Leave the job open with its result, which was paid for."""
        self.response = None
        kept = self._lasting(response)
        await self.lease.keep(None if kept is None else ending_of(self.calls[0].kind, kept, None))

    def _lasting(self, response: Response | None) -> Response | None:
        """Return what is worth keeping of a response: nothing that its operation fetches again."""
        if response is None or (self.current.operation is not None and holds_media(response)):
            return None

        return response

    @property
    def is_behind(self) -> bool:
        """Whether the ledger may lack something of it."""
        return bool(self.lease.unwritten) or self.lease.ledger.generation != self._generation

    async def write_again(self, *, certain: bool = False) -> None:
        """Write the job down again where the ledger's file was removed or replaced.

        Args:
            certain: Whether the ledger is known to have lost it.
        """
        ledger, lease = self.lease.ledger, self.lease
        generation = ledger.generation
        if generation == self._generation and not certain:
            return

        if await ledger.get(lease.job_id) is None:
            record, media = await record_of(self.calls, self.key, self.resources.registry)
            if await ledger.open(record, lease.owner_id, media) is None:
                for attempt in self.attempts:
                    await rewrite(attempt, lease)

        self._generation = generation
