"""One attempt with a built-in adapter, from its deadline's start to its one outcome."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio

from .. import _durations, _settings
from .._contract import Finished, Operation, Snapshot
from .._warnings import warn
from ..catalog import TYPO, ModelSpec, near_ids, retired
from ..exceptions import (
    GenerationFailedError,
    HTTPError,
    ModelNotFoundError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
)
from ..media import prepare, rules_of
from ._fitting import checked_payload, fitted
from ._hold import note, settle, told_of
from ._learn import learn
from ._limits import CANCEL_SECONDS, LAST_LOOK_SECONDS
from ._search import Search, unsettled
from ._submit import Submit
from ._troubles import said, what_now
from ._trust import check_operation
from ._uploads import uploader
from ._watch import OutOfLooks, Watch, poll_floor

if TYPE_CHECKING:
    from .._attempt import Attempt, Progress
    from .._contract import Adapter, Response
    from .._records import Intent, Outcome
    from .._types import CancelAnswer
    from ._fitting import Resources
    from ._hold import Hold


async def drive(  # noqa: PLR0913  (what an attempt is made of, each by name)
    adapter: Adapter,
    attempt: Attempt,
    progress: Progress,
    resources: Resources,
    hold: Hold,
    *,
    until_accepted: bool = False,
) -> Response | None:
    """Make one attempt with a built-in adapter, or what is left of it.

    Args:
        adapter: How to talk to the provider.
        attempt: Its facts. One that has an operation is only looked at; one that has an intent and
            nothing else is looked for in the provider's list, and never sent again.
        progress: Where its updates go.
        resources: What attempts share.
        hold: In whose hands the job is.
        until_accepted: Whether to return when the provider has accepted the job.

    Returns:
        The response; None where the provider has accepted, and nobody waits for the rest yet.

    Raises:
        TarashException: It failed; the error carries the facts that decide what may follow.
    """
    config = attempt.call.config
    variable = resources.registry.environment_variable(config.provider)
    account = _settings.account(adapter, config, variable)
    attempt.host = account.base_url
    begun = attempt.operation is not None or attempt.intent is not None
    if not begun:
        await learn(adapter, attempt, account, resources)

    call, spec = fitted(attempt, resources.registry, adapter)
    poll_floor(adapter, config)  # refused now, not when there is a job to look at
    if attempt.operation is not None:
        check_operation(attempt.operation, account)

    if not begun:
        for adjustment in call.adjustments:
            attempt.log(logging.WARNING, "adjusted", **adjustment.model_dump())

        note = None if call.mocked else retired(config.provider, spec.model)
        if note is not None:
            attempt.log(logging.WARNING, "model_retired", note=note)
            warn(note)

        attempt.log(logging.INFO, "attempt_started")

    async with resources.clients.lease(adapter, account) as client:
        one = _Drive(adapter, attempt, spec, client, progress, resources, hold)
        response = await one.run(until_accepted=until_accepted)

    if response is not None and not begun and not call.mocked:
        _durations.note(config.provider, config.model, anyio.current_time() - attempt.started)

    return response


class _Drive:
    """One attempt under way."""

    def __init__(  # noqa: PLR0913, PLR0917  (made in one place, from what that place has)
        self,
        adapter: Adapter,
        attempt: Attempt,
        spec: ModelSpec,
        client: Any,
        progress: Progress,
        resources: Resources,
        hold: Hold,
    ) -> None:
        self._adapter = adapter
        self._attempt = attempt
        self._call = attempt.fitted or attempt.call
        self._config = attempt.call.config
        self._spec = spec
        self._client = client
        self._progress = progress
        self._resources = resources
        self._hold = hold
        self._search = Search(adapter, client, attempt, hold)
        self._watch: Watch | None = None

    async def run(self, *, until_accepted: bool) -> Response | None:
        outcome: Outcome | None = None
        try:
            response = await self._within_deadline(until_accepted=until_accepted)
            self._attempt.response = response
            outcome = "completed" if response is not None else None
        except (anyio.get_cancelled_exc_class(), SystemExit, KeyboardInterrupt):
            outcome = self._outcome()  # which a second one leaves as it is
            outcome = await self._on_cancellation()
            raise
        except Exception as error:
            outcome = self._outcome()
            self._explain(error)
            await self._note(error)
            raise
        finally:
            if outcome is not None:
                await settle(self._attempt, self._hold, outcome)

        return response

    async def _note(self, error: Exception) -> None:
        """Write down why it failed: whoever comes next goes on along the chain, or ends it."""
        if not isinstance(error, TarashException):
            return  # which the orchestrator turns into one that ends the chain

        attempt = self._attempt
        told = {**told_of(error), "submission": attempt.submission or error.submission}
        billing = attempt.billing(success=False)
        await note(
            attempt, self._hold, error=told, billing=billing, cancel=attempt.cancel, retry_at=None
        )

    def _explain(self, error: Exception) -> None:
        """Say of a model that it is gone, or what its id is like: providers say a bare 404."""
        if self._call.mocked or not isinstance(error, HTTPError | GenerationFailedError):
            return

        provider, model = self._config.provider, self._spec.model
        note = retired(provider, model)
        if note is None and self._spec.doubt is not None and isinstance(error, ModelNotFoundError):
            near = near_ids(provider, model, alike=TYPO)
            note = f"did you mean {' or '.join(near)}?" if near else None

        if note is not None:
            error.message = f"{error.message} ({note})"
            error.args = (error.message,)

    async def _within_deadline(self, *, until_accepted: bool) -> Response | None:
        limit, may_look = f"within {self._config.timeout:g} s", True
        if self._attempt.deadline is None:
            self._attempt.deadline = anyio.current_time() + self._config.timeout

        with anyio.CancelScope(deadline=self._attempt.deadline):
            try:
                await self._be_accepted(self._attempt.deadline)
                if until_accepted and self._attempt.finished is None:
                    return None

                return self._parse(await self._until_done())
            except OutOfLooks:
                limit, may_look = f"after {self._config.max_poll_attempts} looks", False

        return await self._past_the_limit(limit, may_look=may_look)

    async def _be_accepted(self, deadline: float) -> None:
        """Submit, unless that is done; a job whose answer was lost is looked for."""
        attempt = self._attempt
        if attempt.operation is not None or attempt.finished is not None:
            return

        if attempt.intent is not None:
            await self._recover(attempt.intent)
            return

        request, changes = await prepare(
            self._call.request,
            self._adapter.accepts,
            uploader(self._adapter, self._client),
            self._resources.clients.fetch,
            rules_of(self._config),
        )
        for adjustment in changes:
            attempt.log(logging.WARNING, "adjusted", **adjustment.model_dump())

        adjustments = (*self._call.adjustments, *changes)
        self._call = attempt.fitted = replace(self._call, request=request, adjustments=adjustments)
        payload = checked_payload(self._adapter, self._call, self._spec)
        self._search.payload = payload
        try:
            await Submit(
                self._adapter, self._client, attempt, self._hold, self._resources.rng
            ).send(payload, self._call, deadline)
        except TarashException as error:
            if attempt.submission != "unknown" or not await self._search.adopt():
                self._search.tell(error)
                raise

    async def _recover(self, intent: Intent) -> None:
        """Look for the job of a process that ended between its submit and our knowing of it."""
        self._attempt.submission = "unknown"
        self._search.recall(intent)
        if await self._search.adopt():
            return

        error = unsettled(self._attempt, intent)
        self._search.tell(error)
        raise error

    async def _until_done(self) -> Finished:
        if self._attempt.finished is not None:
            return self._attempt.finished

        if not self._call.mocked:  # which tells its whole sequence itself
            await self._progress.look(Snapshot(self._attempt.status or "queued"))

        try:
            return await self._watching().until_done()
        except GenerationFailedError as error:
            verdict = self._attempt.verdict
            if verdict is None or not self._attempt.settled:
                raise

            # A process stopped it at its deadline, and ended before it could write the answer down.
            raise verdict from error

    def _watching(self) -> Watch:
        if self._watch is None:
            operation = self._attempt.operation
            if operation is None:
                raise TarashException("the adapter returned neither a job nor a result")

            self._watch = Watch(
                self._adapter,
                self._client,
                self._attempt,
                self._progress,
                operation,
                self._resources.rng,
                self._hold,
            )

        return self._watch

    def _parse(self, finished: Finished) -> Response:
        self._attempt.settled = True
        try:
            response = self._adapter.parse(self._call, finished)
        except TarashException:
            raise
        except Exception as error:
            raise TarashException(
                f"The job is done, and its result can't be read ({type(error).__name__}: {error}); "
                "raw_response holds it",
                raw_response=finished.raw,
            ) from error

        facts = {"request_id": self._attempt.request_id, "adjustments": self._call.adjustments}
        return response.model_copy(update=facts)

    async def _past_the_limit(self, limit: str, *, may_look: bool) -> Response:
        """Take the job's result where it is there after all; else stop it."""
        if self._attempt.finished is not None:
            return self._parse(self._attempt.finished)

        await self._search_once()
        operation = self._attempt.operation
        late = anyio.current_time() + CANCEL_SECONDS
        finished = await self._last_look() if operation is not None and may_look else None
        if operation is not None and finished is None and self._cancels:
            if not await self._hold.is_ours():
                raise self._hold.taken_over()

            left = max(late - anyio.current_time(), CANCEL_SECONDS - LAST_LOOK_SECONDS)
            verdict = told_of(self._late(limit))
            await note(self._attempt, self._hold, error={**verdict, "submission": "accepted"})
            await self._ask_to_cancel(operation, left)
            finished = await self._last_look() if self._attempt.cancel == "too_late" else None

        if finished is not None:
            return self._parse(finished)

        raise self._late(limit)

    def _late(self, limit: str) -> TimeoutError:
        trouble = None if self._watch is None else self._watch.troubles.last
        ends = f"{limit}{said(trouble)}; {what_now(self._attempt)}"
        return TimeoutError(
            f"No result from {self._config.provider} {ends}",
            raw_response=None if trouble is None else trouble.raw_response,
            timeout_seconds=self._config.timeout,
            submission=self._attempt.submission or "not_sent",
        )

    @property
    def _cancels(self) -> bool:
        """Whether a job that nobody waits for any more is to be stopped.

        One that was found in a list may be somebody else's, who has asked for the same.
        """
        is_certain = not self._attempt.adopted and not self._hold.is_watcher
        return self._config.on_timeout == "cancel" and is_certain

    async def _search_once(self) -> None:
        """Look once for a job whose answer was cut off, so that it can be named, and stopped."""
        if self._attempt.submission == "unknown" and self._attempt.operation is None:
            with anyio.CancelScope(shield=True), anyio.move_on_after(CANCEL_SECONDS):
                await self._search.adopt(pauses=(0,))

    async def _ask_to_cancel(self, operation: Operation, limit: float = CANCEL_SECONDS) -> None:
        answer: CancelAnswer = "unsupported"
        with anyio.CancelScope(shield=True), anyio.move_on_after(limit):
            try:
                answer = await self._adapter.cancel(self._client, operation)
            except Exception as error:  # noqa: BLE001  (the outcome at hand matters more)
                self._attempt.log(logging.WARNING, "cancel_failed", error=str(error))

        self._attempt.cancel = answer
        self._attempt.log(logging.INFO, "cancel_answered", answer=answer)

    async def _last_look(self) -> Finished | None:
        with anyio.CancelScope(shield=True), anyio.move_on_after(LAST_LOOK_SECONDS):
            return (await self._watching().look()).finished

        return None

    async def _on_cancellation(self) -> Outcome:
        """Stop the job that nobody waits for any more; return how it ended, for the ledger."""
        await self._search_once()
        operation = self._attempt.operation
        if operation is None:
            return "unknown" if self._attempt.submission == "unknown" else "cancelled"

        if not self._cancels or not await self._hold.is_ours():
            return "detached"

        await self._ask_to_cancel(operation)
        return self._outcome()

    def _outcome(self) -> Outcome:
        """Return how a failed attempt ended: a job that may still be running is never `failed`."""
        attempt = self._attempt
        if attempt.submission == "unknown":
            return "unknown"

        if attempt.operation is None or attempt.settled:
            return "failed"

        return "cancelled" if attempt.cancel == "cancelled" else "detached"
