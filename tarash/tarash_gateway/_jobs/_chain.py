"""Walks the chain of configs until one delivers: one loop for videos and images alike.

Decides who is tried next and keeps the record; how an attempt is made is the engine's business.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from .._data._events import AttemptStarted, Unknown
from .._data._hints import use_function
from .._data._made_by import keep_config
from .._engine import (
    EngineContext,
    Lease,
    admitted,
    conclude_interrupted,
    drive,
    handle,
    job_was_stopped,
    kept_alive,
    ledger_failed,
)
from .._engine._attempt import Attempt, unforeseen
from .._engine._audience import Audience, Observers
from .._engine._outcome_recorder import cancellation_note, settled
from .._engine._progress import Progress
from .._engine._spending import budgets_of, check_handler, last_word, limit_of
from .._support._loops import current_task, current_time
from .._support._tracebacks import add_note
from .._support._warnings import asking_line
from ..exceptions import CostLimitError, TarashException, UnsupportedOperationError
from ._adapters import adapter_of
from ._callbacks import heard_by, report_last
from ._delivery import handed_over
from ._ending import Ending, outcome_of, verdict_of
from ._hedging import Race, certain, left_running, may_hedge, one_at_a_time, stop_leftovers

if TYPE_CHECKING:
    from .._data._exchange import Call, Response
    from .._engine._progress import Deliver
    from .._support._portal import Caller
    from ..ledger._contract import JobState


class ChainRun(Ending):
    """One job on its way along its chain, in the hands of whoever drives it."""

    def __init__(self, calls: list[Call], resources: EngineContext, lease: Lease) -> None:
        super().__init__(calls, resources, lease)
        self.kept: Response | None = None
        """What it came to, where the ledger has that and nobody has got it yet."""
        self._pending: list[Attempt] = []
        """Unfinished attempts, oldest first, that are settled before anything else is bought."""
        self._progress_of: dict[int, Progress] = {}
        self._observers = Observers(())

    def resume(self, attempts: list[Attempt]) -> None:
        """Go on after what another run of this job did."""
        done = [attempt for attempt in attempts if attempt.status == "completed"]
        unfinished = [] if done else [attempt for attempt in attempts if attempt.is_unfinished]
        last = done[-1:] or unfinished[-1:] or attempts[-1:]
        self.attempts = [attempt for attempt in attempts if attempt is not last[0]] + last
        self._pending = unfinished[:-1]
        if self.calls[0].config.hedge_after is not None:
            side_by_side = left_running(attempts)
            self.leftovers = side_by_side if done else []
            self.live = side_by_side if last[0] in side_by_side and not done else []
            self._pending = [one for one in self._pending if one not in self.live]

        self._records = [attempt.metadata(verdict_of(attempt)) for attempt in self.attempts[:-1]]

    async def go(
        self, deliver: Deliver | None, caller: Caller | None, *, until_accepted: bool = False
    ) -> Response | None:
        """Go on until a config delivers, or until a provider has accepted the job.

        Args:
            deliver: Hands updates to the user.
            caller: The thread of a blocking call; None for the async API.
            until_accepted: Whether to return as soon as a provider has accepted.

        Returns:
            The response; None where a provider has accepted and nobody waits yet.

        Raises:
            TarashException: The last attempt's error, with what every attempt did.
        """
        state: JobState | None = None
        self.failure = None
        task = current_task()
        self._observers = Observers(self.resources.observers, caller)
        try:
            async with kept_alive(self):
                self.response = await self._deliver(deliver, caller, until_accepted)
                progress = self._progress_of.get(self.current.call.attempt_number)
                if self.response is not None and progress is not None:
                    await handed_over(self, progress, caller)
        except TarashException as error:
            self.failure = error
            self.is_unwanted = await self.was_stopped()
            state = self.state_after()
            raise
        except BaseException as error:  # a cancellation, say, or a user's exit out of a callback
            state = self.state_after(cancelled=not isinstance(error, Exception))
            raise
        else:
            state = "open" if self.response is None else "completed"
        finally:
            held = current_task() is task and await self.end(state or self.state_after())

        is_elsewhere = self.current.operation is not None  # else only we have it
        if self.response is not None and not held and is_elsewhere:
            followed = self.lease.taken_over()
            self.current.complete(followed)
            raise self._with_earlier_bills(followed, self.current)

        return self.response

    async def leave_behind(self) -> None:
        """Conclude the job on another loop than its own, which ended in the middle of it."""
        if self.lease.is_watcher:
            return

        for attempt in self.live or [self.current]:
            await self._leave_one_behind(attempt)

        await self.end(self.state_after(cancelled=True))

    async def _leave_one_behind(self, attempt: Attempt) -> None:
        registry = self.resources.registry
        call = attempt.call
        if call.mocked or registry.handler(call.config.provider) is None:
            adapter = adapter_of(call, registry)
            progress = Progress(attempt, None)
            with registry.in_force():
                await conclude_interrupted(adapter, attempt, progress, self.resources, self.lease)
        else:
            await attempt.apply(Unknown())  # nobody knows how far a handler came

        attempt.log(logging.WARNING, "cancelled", answer=attempt.cancel, loop="closed")

    async def _deliver(
        self, deliver: Deliver | None, caller: Caller | None, until_accepted: bool
    ) -> Response | None:
        if self._started is None:
            self._started = current_time()

        await stop_leftovers(self)
        await self.settle_concluded()
        if self.kept is not None:
            return await self._report_kept(self.kept, deliver)

        may_buy = True
        failed: TarashException | None = None
        while True:
            self.forget(self.current)
            error: TarashException | None = None
            try:
                response = await self._compete(deliver, caller, until_accepted)
            except TarashException as failure:
                error = failure

            attempt = self.current
            if error is None and response is None:
                return None

            self.record(attempt, error)
            if error is None:
                assert response is not None  # noqa: S101  (the return above)
                changes: dict[str, Any] = {"execution_metadata": self.execution_metadata(attempt)}
                if attempt.operation is not None:
                    changes["operation"] = attempt.operation.to_json()

                return response.model_copy(update=changes)

            error.execution_metadata = self.execution_metadata(None)
            # What may still run or be found is settled first, also where the chain ends here.
            may_buy = may_buy and error.retryable
            following = self._take_pending() or (await self._next(error) if may_buy else None)
            goes_on = following is not None or (self.lease.is_watcher and self.may_follow(error))
            level = logging.WARNING if goes_on else logging.ERROR
            attempt.log(level, "failed", error_type=type(error).__name__, error=error.message)
            if following is None:
                raise last_word(error, failed)

            failed = failed if isinstance(error, CostLimitError) else error
            provider = following.call.config.provider
            attempt.log(logging.WARNING, "fallback", error=error.message, to=provider)
            await heard_by(caller)
            self.attempts.append(following)

    async def _compete(
        self, deliver: Deliver | None, caller: Caller | None, until_accepted: bool
    ) -> Response | None:
        """Make the current attempt, and maybe another one beside it."""
        attempts = [one for one in self.live if one is not self.current] + [self.current]
        if until_accepted or self.lease.is_watcher or not (len(attempts) > 1 or may_hedge(self)):
            return await self._attempt(self.current, deliver, caller, until_accepted)

        in_turn = one_at_a_time(deliver)
        work = partial(self._attempt, deliver=in_turn, caller=caller, until_accepted=False)
        return await Race(self, work).go(attempts)

    def _take_pending(self) -> Attempt | None:
        """Return the next attempt that another process has left unfinished."""
        if self.lease.is_watcher or not self._pending:
            return None

        attempt = self._pending.pop()
        self.attempts = [one for one in self.attempts if one is not attempt]
        return attempt

    async def _next(self, error: TarashException) -> Attempt | None:
        """Return an attempt with the chain's next config, where one may follow."""
        following = self.following()
        if following is None or not await self._moves_on(error, following):
            return None

        try:
            await self.write_again()
        except Exception as failure:  # noqa: BLE001  (the next submit will say so)
            ledger_failed(self.lease, failure)

        return Attempt(following)

    async def _report_kept(self, response: Response, deliver: Deliver | None) -> Response:
        """Return a result that another process had in its hands when it ended."""
        keep_config(response, self.current.call.config, self.resources.makers(self.current.call))
        attempt = self.current
        self._progress_of[attempt.call.attempt_number] = Progress(attempt, deliver)
        attempt.audience = Audience(self.lease, self._observers, asking_line())
        await attempt.apply(settled(attempt, "completed"), response=response)
        if response.execution_metadata is None:
            self._records.append(attempt.metadata(None))
            changes = {"execution_metadata": self.execution_metadata(attempt)}
            response = response.model_copy(update=changes)

        return response

    def following(self) -> Call | None:
        """Return the first call of the chain that has not been tried, unless we only watch."""
        tried = max(attempt.call.attempt_number for attempt in self.attempts)
        return self.calls[tried] if tried < len(self.calls) and self.may_buy else None

    async def _moves_on(self, error: TarashException, following: Call) -> bool:
        ended = any(one.is_over and not verdict_of(one).retryable for one in self.attempts)
        if ended or not error.retryable or await self.was_stopped():
            return False

        other = f"{following.config.provider} {following.config.model}"
        if following.lost:
            error.amend(after=f" ({other} was not tried: {following.lost})")
            return False

        head = self.calls[0].config
        if head.failover == "when_safe" and any(attempt.unsafe for attempt in self.attempts):
            error.amend(after=f" (failover='when_safe': {other} was not tried, to not pay twice)")
            return False

        return True

    async def was_stopped(self) -> bool:
        """Tell whether somebody has stopped the job by a handle: then nobody wants the next."""
        return any(attempt.stopped for attempt in self.attempts) or await job_was_stopped(
            self.lease
        )

    async def _attempt(
        self,
        attempt: Attempt,
        deliver: Deliver | None,
        caller: Caller | None,
        until_accepted: bool,
    ) -> Response | None:
        progress = self._progress_of[attempt.call.attempt_number] = Progress(attempt, deliver)
        attempt.audience = Audience(self.lease, self._observers, asking_line())
        failure: TarashException
        cause: BaseException | None
        task = current_task()
        attempt.lighten, attempt.is_queued = self.lighten, self.stays_open
        attempt.money.budgets = budgets_of(self.calls[0], self.resources.budgets)
        attempt.money.limit = limit_of(self.calls[0], attempt.call, self._others(attempt))
        try:
            return await self._make(attempt, progress, caller, until_accepted)
        except TarashException as error:
            failure, cause = error, error.__cause__
        except Exception as error:  # (a user's ledger or mapper may raise anything)
            if current_task() is not task:  # thrown away: nobody hears it
                raise

            failure, cause = unforeseen(error, attempt)
        except BaseException as error:  # a cancellation, or an exit of the user's
            if current_task() is not task:
                raise

            stays = self.state_after(cancelled=True) == "open"  # nobody has stopped it
            level, name = (logging.INFO, "left_open") if stays else (logging.WARNING, "cancelled")
            attempt.log(level, name, answer=attempt.cancel)
            note = cancellation_note(attempt)
            add_note(error, note)
            if caller is not None:
                caller.cancellation_note = note

            await report_last(progress, attempt, note)
            raise
        finally:
            attempt.lighten = None  # which holds this chain, and the chain its attempts

        attempt.complete(failure)
        self._with_earlier_bills(failure, attempt)
        if not attempt.audience.has_ended and not attempt.is_over:
            attempt.announce(settled(attempt, outcome_of(attempt), failure))

        await progress.failed(failure.message, failure.raw_response)
        # Outside the handlers above, so that a cause with a secret in it is not the context.
        raise failure from cause

    async def _make(
        self,
        attempt: Attempt,
        progress: Progress,
        caller: Caller | None,
        until_accepted: bool,
    ) -> Response | None:
        call = attempt.call
        registry = self.resources.registry
        handler = None if call.mocked else registry.handler(call.config.provider)
        if attempt.is_over:
            raise verdict_of(attempt)

        begun = attempt.operation is not None or attempt.intent is not None
        await attempt.apply(AttemptStarted(resumed=begun))
        attempt.leave()
        adapter = adapter_of(call, registry) if handler is None else None
        if adapter is None and (until_accepted or attempt.operation is not None):
            raise UnsupportedOperationError(
                f"The handler registered for {call.config.provider!r} makes a {call.kind} in one "
                "piece, so there is no job to hand out",
                submission="not_sent",
                code="no_jobs",
                hints=[use_function(call.kind)],
            )

        del call  # its media may be let go of while this waits
        around = (attempt, progress, self.resources, self.lease)
        async with admitted(adapter, *around, may_skip=self.following() is not None):
            if handler is not None:
                check_handler(attempt)
                return await handle(handler, attempt, progress, caller, self.lease)

            assert adapter is not None  # noqa: S101  (there is no handler)
            return await drive(adapter, *around, until_accepted=until_accepted)

    def _others(self, attempt: Attempt) -> list[Attempt]:
        return [one for one in self.attempts if one is not attempt]

    def _with_earlier_bills(self, error: TarashException, attempt: Attempt) -> TarashException:
        """Return the error with a word on earlier attempts that may be billed."""
        paid = [
            f"{other.call.config.provider} {other.request_id}"
            for other in self._others(attempt)
            if other.billing(success=False) != "none"
        ]
        if paid:
            error.amend(after=f" (an earlier attempt may be billed: {', '.join(paid)})")

        return error


def watcher(run: ChainRun) -> ChainRun:
    """Return a run that only reads what the current attempt of another run comes to."""
    attempt = run.current
    seen = replace(attempt, started=current_time(), deadline=None, settled=False)
    watching = ChainRun(run.calls, run.resources, replace(run.lease, owner_id=""))
    watching.attempts = [seen]
    return watching


async def report_end(run: ChainRun, deliver: Deliver | None) -> Response:
    """Hand a run's response, which is there, to whoever else waits for it."""
    response = certain(run.response)
    await Progress(run.current, deliver).completed(response)
    return response
