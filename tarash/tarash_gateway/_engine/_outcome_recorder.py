"""Records how an attempt ended, and asks its provider to stop a job that nobody waits for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

import anyio

from .._data._events import CancelAnswered, CancelAsked, Settled, Unknown
from .._data._exchange import Stopped
from .._support._loops import current_task
from .._support._shielded import start_shielded
from ._recording import facts_of
from ._search import Search, unsettled
from ._stopping import ask_to_stop
from ._submit import Submit
from ._timeouts import CANCEL_SECONDS, LEFT_SECONDS

if TYPE_CHECKING:
    from .._data._exchange import Call, Operation
    from ..exceptions import TarashException
    from ..ledger._contract import Intent, Outcome
    from ..providers._contract import Adapter
    from ._attempt import Attempt
    from ._fitting import EngineContext
    from ._lease import Lease

ClientLease = Callable[[], AbstractAsyncContextManager[Any]]
"""Lends the attempt's client."""


class OutcomeRecorder:
    """One attempt, as those see it who leave it, and what of it is let go of, or taken up."""

    _call: Call

    def __init__(  # noqa: PLR0913, PLR0917  (made in one place, from what that place has)
        self,
        adapter: Adapter,
        attempt: Attempt,
        client: Any,
        resources: EngineContext,
        lease: Lease,
        client_lease: ClientLease,
    ) -> None:
        self._adapter = adapter
        self._attempt = attempt
        self._config = attempt.call.config
        self._client = client
        self._lease = lease
        self._client_lease = client_lease
        self._search = Search(adapter, client, attempt, lease)
        self._submit = Submit(adapter, client, attempt, lease, resources.rng, self._search)
        self._task = current_task()
        self._is_left = False

    async def _stop_job(self, outcome: Outcome) -> Outcome:
        """Stop the job that nobody waits for any more; return how it ended, for the ledger.

        What is said to the provider is said to its end. Whoever cancels once more leaves at once,
        and what came of it is written down behind his back.
        """
        self._is_left = self._submit.is_under_way  # left for the second time already
        words = start_shielded(self.record_outcome())
        if self._is_left:
            return outcome

        try:
            with anyio.CancelScope(shield=True):
                await asyncio.wait([words])
        except asyncio.CancelledError:
            self._is_left = True
            raise

        return words.result()

    def _lighten(self) -> None:
        """Let go of what only a submit needs: it may be large, and the job may take long."""
        attempt = self._attempt
        if attempt.operation is None:
            return

        self._search.lighten()
        if attempt.lighten is not None:
            self._call = attempt.fitted = attempt.lighten(self._call)

    async def _recover(self, intent: Intent) -> None:
        """Look for the job of a process that ended between its submit and our knowing of it."""
        await self._attempt.apply(Unknown())
        self._search.recall(intent)
        if await self._search.adopt():
            return

        error = unsettled(self._attempt, intent)
        self._search.learn(error)
        raise error

    async def record_outcome(self) -> Outcome:
        """Say goodbye to the provider; return how the attempt ended."""
        async with self._client_lease():  # connections stay open as long as that takes
            await self._submit.over()
            outcome = await self._on_cancellation()
            if self._is_left and self._task is not None:
                await asyncio.wait([self._task], timeout=LEFT_SECONDS)
                await self._attempt.apply(settled(self._attempt, outcome))
                if outcome == "cancelled" and await self._lease.take():
                    await self._lease.close(outcome, None, free_key=False, delivered=False)

            return outcome

    async def _on_cancellation(self) -> Outcome:
        await self._search_once()
        operation = self._attempt.operation
        if operation is None and self._attempt.response is not None:
            return "completed"  # in the ledger, for whoever asks for it

        if operation is None:
            return "unknown" if self._attempt.submission == "unknown" else "cancelled"

        if self._attempt.done or not self._cancels or not await self._lease.is_ours():
            return "detached"

        await self._ask_to_cancel(operation, CancelAsked(reason="cancelled"))
        return self._outcome_of_stopping()

    def _outcome_of_stopping(self) -> Outcome:
        """Return how an attempt ended whose provider was asked to stop it, for its user's sake.

        Where the provider takes note of it, and says no more, a job that ends so has not failed:
        nobody wants another one in its place.
        """
        attempt = self._attempt
        outcome = self._outcome()
        is_noted = attempt.cancel == "requested" and not attempt.is_superseded
        return "stopped" if outcome == "detached" and is_noted else outcome

    @property
    def _cancels(self) -> bool:
        """Whether a job that nobody waits for any more is to be stopped.

        One that was found in a list may be somebody else's, who has asked for the same.
        """
        is_certain = self._attempt.is_certain and not self._lease.is_watcher
        wanted = self._config.on_timeout == "cancel" or self._attempt.is_superseded
        return wanted and is_certain

    async def _search_once(self) -> None:
        """Look once for a job whose answer was cut off, so that it can be named, and stopped."""
        attempt = self._attempt
        if attempt.operation is not None:
            return

        with anyio.CancelScope(shield=True), anyio.move_on_after(CANCEL_SECONDS):
            if attempt.tries and await self._search.is_named():  # refused, and made all the same
                await attempt.apply(Unknown(), intent=self._submit.intent)

            if attempt.submission == "unknown":
                await self._search.adopt(pauses=(0,))

    async def _ask_to_cancel(
        self, operation: Operation, asked: CancelAsked, limit: float = CANCEL_SECONDS
    ) -> None:
        await self._attempt.apply(asked)
        heard = [Stopped("unsupported")]
        with anyio.CancelScope(shield=True), anyio.move_on_after(limit):
            try:
                await ask_to_stop(
                    self._adapter, self._client, self._attempt, operation, heard.append
                )
            except Exception as error:  # noqa: BLE001  (the outcome at hand matters more)
                self._attempt.log(logging.WARNING, "cancel_failed", error=str(error))

        stopped = heard[-1]
        await self._attempt.apply(CancelAnswered(answer=stopped.answer, billing=stopped.billing))

    def _outcome(self) -> Outcome:
        """Return how a failed attempt ended: a job that may still be running is never `failed`."""
        attempt = self._attempt
        if attempt.submission == "unknown":
            return "unknown"

        if attempt.is_left:
            return "cancelled"  # as of one whose worker was stopped: it is sent later

        if attempt.operation is None or attempt.settled:
            return "failed"

        return "cancelled" if attempt.cancel == "cancelled" else "detached"


def settled(attempt: Attempt, outcome: Outcome, error: TarashException | None = None) -> Settled:
    """Return the event of an attempt's end."""
    submission = attempt.submission or (None if error is None else error.submission)
    if submission is None and outcome == "cancelled" and attempt.operation is None:
        submission = "not_sent"  # whatever leaves says so before it does

    return Settled(
        outcome=outcome,
        submission=submission,
        billing=attempt.billing(success=outcome == "completed"),
        cancel=attempt.cancel,
        cost=attempt.cost_of(success=outcome == "completed"),
        error=None if error is None else {**facts_of(error), "submission": submission},
    )


def cancellation_note(attempt: Attempt) -> str:
    """Return what a cancelled attempt leaves behind, in a sentence."""
    provider = attempt.call.config.provider
    if attempt.response is not None:
        return (
            f"Cancelled when the job {attempt.request_id} was done and paid for; it stays open in "
            "the ledger, and `resume` returns its result"
        )

    if attempt.done and attempt.operation is not None:
        return (
            f"Cancelled when the job {attempt.request_id} was done and paid for, before its result "
            "was fetched; `resume`, or the operation, fetches it"
        )

    if attempt.operation is None:
        is_sent = attempt.submission in ("unknown", "accepted")
        what = "a job may run and be billed" if is_sent else "nothing was bought"
        return f"Cancelled before {provider} named a job: {what}"

    if attempt.cancel is None:
        return f"Cancelled; the job {attempt.request_id} goes on at {provider} and will be billed"

    answer = f"Cancelled; {provider} answered for job {attempt.request_id}: {attempt.cancel}"
    sure = attempt.billing(success=False) == "none"
    risk = "what had run may" if attempt.cancel == "cancelled" else "it may still finish and"
    return answer if sure else f"{answer} ({risk} be billed)"
