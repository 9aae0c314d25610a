"""Two attempts of one chain at a time: the first good result counts, and the other one is stopped.

A second attempt begins only while the first is known to run: what may have been bought without an
answer is never bought a second time here. Each attempt runs in a task of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

from .._engine import kind_of, ledger_failed, settle, stop
from .._engine._attempt import Attempt
from .._engine._outcome_recorder import cancellation_note
from .._support._tracebacks import add_note
from ..exceptions import TarashException
from ._adapters import adapter_of

if TYPE_CHECKING:
    from .._data._exchange import Response
    from .._engine._progress import Deliver, Update
    from .._support._portal import Caller
    from ..ledger._contract import JobRecord, Outcome
    from ._chain import ChainRun

ENOUGH = 5.0
"""Jobs that have to have been seen before `p90` means anything."""
WATCHED_SECONDS = 1
"""Who only watches one of two attempts asks the ledger so often whether the other has won."""
LEFT_SECONDS = 2
"""Whoever cancels a second time waits so long for attempts that are being left."""

Work = Callable[[Attempt], Awaitable["Response | None"]]
Task = asyncio.Task["Response | None"]


def may_hedge(run: ChainRun) -> bool:
    """Tell whether the next config may start beside the current attempt, at some time."""
    head, following = run.calls[0].config, run.following()
    if head.hedge_after is None or head.failover != "always":
        return False

    if following is None or following.lost:
        return False

    # Nobody can stop a registered handler.
    return following.mocked or run.resources.registry.handler(following.config.provider) is None


def hedge_seconds(run: ChainRun, attempt: Attempt) -> float | None:
    """Return after how many seconds it does, since the provider has accepted; None for never."""
    after = run.calls[0].config.hedge_after
    if not isinstance(after, str):
        return after

    kind = kind_of(attempt.fitted or attempt.call)
    return run.resources.times.quantile(kind, 0.9, least=ENOUGH)


def certain(response: Response | None) -> Response:
    """Return the response of a run that was driven to its end."""
    if response is None:  # a run to its end returns one or raises
        raise TarashException("The job ended without a result")

    return response


def one_at_a_time(deliver: Deliver | None) -> Deliver | None:
    """Return what hands the updates of several attempts to a callback, one after the other."""
    if deliver is None:
        return None

    turn = asyncio.Lock()

    async def deliver_in_turn(update: Update) -> None:
        async with turn:
            await deliver(update)

    return deliver_in_turn


async def stop_leftovers(run: ChainRun) -> None:
    """Stop what a process has left running that ended between a result and its goodbye."""
    while run.leftovers:
        attempt = run.leftovers.pop()
        if attempt.operation is None:
            continue

        with anyio.CancelScope(shield=True):
            try:
                if attempt.is_certain:  # else it may be somebody else's
                    adapter = adapter_of(attempt.call, run.resources.registry)
                    await stop(adapter, attempt, attempt.operation, run.resources)

                outcome: Outcome = "cancelled" if attempt.cancel == "cancelled" else "detached"
                await settle(attempt, run.lease, outcome)
            except TarashException as error:
                attempt.log(logging.WARNING, "cancel_failed", error=error.message)


async def watched(
    run: ChainRun,
    look_up: Callable[[], Awaitable[JobRecord | None]],
    deliver: Deliver | None,
    caller: Caller | None,
) -> Response | None:
    """Return what the job comes to that a run watches; None where another attempt was faster.

    Args:
        run: A watcher's, of one attempt.
        look_up: Returns the job as its ledger has it.
        deliver: Hands updates to the user.
        caller: The thread of a blocking call.
    """
    if run.calls[0].config.hedge_after is None:
        return await run.go(deliver, caller)

    task = asyncio.ensure_future(run.go(deliver, caller))
    try:
        while True:
            done, _ = await asyncio.wait([task], timeout=WATCHED_SECONDS)
            if done:
                return task.result()

            record = await look_up()
            if record is not None and record.state not in ("open", "unknown"):
                return None
    finally:
        task.cancel()
        await asyncio.wait([task])


class Race:
    """The attempts of one job that are under way at a time."""

    def __init__(self, run: ChainRun, work: Work) -> None:
        self._run = run
        self._work = work
        self._tasks: dict[Task, Attempt] = {}
        self._errors: list[tuple[Attempt, TarashException]] = []
        self._timer: asyncio.Task[None] | None = None

    async def go(self, attempts: Sequence[Attempt]) -> Response:
        """Return the first result; the run's current attempt is the one that it is of.

        Args:
            attempts: Those that begin, or go on, at once; the run has them already.

        Raises:
            TarashException: All have failed; of several errors, one that ends the chain.
        """
        try:
            for attempt in attempts:
                self._start(attempt)

            if len(attempts) == 1:
                self._timer = asyncio.create_task(self._until_due(attempts[0]))

            response = await self._first_result()
        except GeneratorExit:
            raise  # thrown away, with a loop that has ended: `leave_behind` concludes each
        except BaseException as error:
            await self._leave_all(error)
            self._end()
            raise

        self._end()
        return response

    def _end(self) -> None:
        self._run.live = []
        if self._timer is not None:
            self._timer.cancel()

    def _start(self, attempt: Attempt) -> None:
        attempt.accepted = asyncio.Event()
        if attempt.operation is not None:
            attempt.accepted.set()

        self._tasks[asyncio.ensure_future(self._work(attempt))] = attempt
        self._run.live = list(self._tasks.values())

    async def _until_due(self, attempt: Attempt) -> None:
        assert attempt.accepted is not None  # noqa: S101  (`_start`)
        await attempt.accepted.wait()
        seconds = hedge_seconds(self._run, attempt)
        if seconds is None:
            await asyncio.Event().wait()  # it never is
            return

        assert attempt.operation is not None  # noqa: S101  (it was accepted)
        await asyncio.sleep(seconds - _age(attempt.operation.submitted_at))

    async def _first_result(self) -> Response:
        while self._tasks:
            waited = [*self._tasks, *([] if self._timer is None else [self._timer])]
            done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if self._timer in done:
                self._timer = None
                await self._start_next()
                continue

            ended = [(task, value) for task, value in self._tasks.items() if task in done]
            for task, attempt in ended:
                del self._tasks[task]
                self._take_error(task, attempt)

            winner = next(((t, one) for t, one in ended if t.exception() is None), None)
            if winner is not None:
                others = [(t, one) for t, one in ended if t is not winner[0]]
                return await self._won(*winner, others)

        raise self._last_error()

    def _take_error(self, task: Task, attempt: Attempt) -> None:
        """Note how an attempt failed; what is no failure of it ends the race.

        Raises:
            BaseException: A user's exit, say.
        """
        if task.cancelled():
            raise asyncio.CancelledError

        error = task.exception()
        if error is None:
            return

        if not isinstance(error, TarashException):
            raise error

        self._errors.append((attempt, error))
        if self._tasks:  # the others go on
            self._run.record(attempt, error)
            kind = type(error).__name__
            attempt.log(logging.WARNING, "failed", error_type=kind, error=error.message)

    async def _start_next(self) -> None:
        run = self._run
        first = run.current
        following = run.following() if may_hedge(run) else None
        if following is None or first.settled or first.done or await run.was_stopped():
            return

        try:
            await run.write_again()
        except Exception as failure:  # noqa: BLE001  (the next submit will say so)
            ledger_failed(run.lease, failure)

        second = Attempt(following)
        run.attempts.append(second)
        first.log(logging.INFO, "hedged", to=following.config.provider)
        self._start(second)

    async def _won(
        self, task: Task, winner: Attempt, others: Sequence[tuple[Task, Attempt]]
    ) -> Response:
        """Stop the others, and return the winner's response."""
        run = self._run
        run.put_last(winner)
        response = task.result()
        assert response is not None  # noqa: S101  (a race goes on until there is one)
        losers = [*self._tasks.items(), *others]
        for one, attempt in self._tasks.items():
            attempt.is_superseded = True
            one.cancel()

        if self._tasks:
            await asyncio.wait(self._tasks)

        self._tasks = {}
        for one, attempt in losers:
            if one.cancelled() or one.exception() is None:
                run.record(attempt, _superseded(attempt, winner))
            elif isinstance(failure := one.exception(), TarashException):
                run.record(attempt, failure)

        for attempt, error in self._errors:
            run.record(attempt, error)

        return response

    def _last_error(self) -> TarashException:
        """Return the error that counts: one that ends the chain, else the last."""
        attempt, error = next(
            (one for one in self._errors if not one[1].retryable), self._errors[-1]
        )
        self._run.put_last(attempt)
        for one, other in self._errors:
            if one is not attempt:
                self._run.record(one, other)

        return error

    async def _leave_all(self, error: BaseException) -> None:
        """Leave what is under way; whoever cancels once more leaves at once."""
        run = self._run
        tasks, self._tasks = self._tasks, {}
        for task in tasks:
            if not task.cancelling():  # by the end of the loop, say
                task.cancel()

        if tasks:
            try:
                await asyncio.wait(tasks)
            except asyncio.CancelledError:
                for task in tasks:
                    task.cancel()

                await asyncio.wait(tasks, timeout=LEFT_SECONDS)

        for task, attempt in tasks.items():
            if task.done() and not task.cancelled():
                task.exception()  # which nobody else asks for

            if isinstance(error, asyncio.CancelledError):
                add_note(error, cancellation_note(attempt))

        with_result = [one for one in run.attempts if one.response is not None]
        if with_result:  # paid for, and to be kept
            run.put_last(with_result[0])


def _superseded(attempt: Attempt, winner: Attempt) -> TarashException:
    """Return the error of an attempt that another one was faster than."""
    config = winner.call.config
    became = ", so this attempt was stopped"
    if attempt.response is not None:
        became = "; this attempt has a result all the same, which is paid for"
    elif attempt.cancel is not None:
        became += f"; the provider answered: {attempt.cancel}"

    error = TarashException(
        f"{config.provider} {config.model} was faster{became}",
        submission=attempt.submission or "not_sent",
        retryable=True,
    )
    attempt.complete(error)
    return error


def left_running(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Return attempts of another process that went on side by side when it ended."""
    return [
        attempt
        for attempt in attempts
        if attempt.outcome is None and attempt.unsafe and not attempt.settled
    ]


def _age(submitted_at: str) -> float:
    """Return the seconds since a job was submitted, maybe by another process."""
    try:
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(submitted_at)).total_seconds())
    except (TypeError, ValueError):
        return 0.0
