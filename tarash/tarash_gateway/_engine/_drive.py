"""One attempt with a built-in adapter, from its deadline's start to its one outcome."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from .._data._events import CancelAsked, ErrorFacts, Polled
from .._data._exchange import RawResult, Snapshot
from .._data._media_info import Measures
from .._support import _durations
from .._support._loops import current_task, current_time
from .._support._secrets import secrets_of
from ..catalog import ModelSpec, mask_form_of
from ..exceptions import (
    GenerationFailedError,
    StorageError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
)
from ..media import has_media, prepare, rules_of
from ._accounts import account_of, has_secrets_of
from ._attempt import unforeseen
from ._callbacks import calling_back
from ._costing import take_cost
from ._fitting import checked_payload, fitted
from ._outcome_recorder import ClientLease, OutcomeRecorder, settled
from ._outlook import explain, log_model_warnings, what_now
from ._patience import limited_by
from ._poll_loop import OutOfPolls, PollLoop
from ._poll_values import poll_floor
from ._quoting import measured, quoted
from ._recording import facts_of
from ._result import read_result
from ._schemas import fetch_schema
from ._second_jobs import unwritten, write_whole
from ._spending import check_affordable
from ._timeouts import CANCEL_SECONDS, LAST_LOOK_SECONDS
from ._times import kind_of
from ._troubles import text_of_troubles
from ._trust import check_operation
from ._uploads import uploader

if TYPE_CHECKING:
    from .._data._exchange import Payload, Response
    from ..ledger._contract import Outcome
    from ..providers._contract import Adapter
    from ._attempt import Attempt
    from ._fitting import EngineContext
    from ._lease import Lease
    from ._progress import Progress


async def drive(  # noqa: PLR0913  (what an attempt is made of, each by name)
    adapter: Adapter,
    attempt: Attempt,
    progress: Progress,
    resources: EngineContext,
    lease: Lease,
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
        lease: In whose hands the job is.
        until_accepted: Whether to return when the provider has accepted the job.

    Returns:
        The response; None where the provider has accepted, and nobody waits for the rest yet.

    Raises:
        TarashException: It failed; the error carries the facts that decide what may follow.
    """
    since = current_time()
    config = attempt.call.config
    account = account_of(adapter, attempt, resources.registry)
    attempt.host, attempt.secrets = account.base_url, account.secrets
    if not has_secrets_of(account, config):
        attempt.secrets = attempt.secrets.and_of(secrets_of(config))

    begun = attempt.operation is not None or attempt.intent is not None
    if not begun:
        await fetch_schema(adapter, attempt, account, resources)

    spec = fitted(attempt, resources.registry, adapter)[1]  # not the call: its media are let go of
    poll_floor(adapter, config)  # refused now, not when there is a job to look at
    if attempt.operation is not None:
        check_operation(attempt.operation, account, adapter.needs)

    if not begun:
        log_model_warnings(attempt, spec)

    client_lease = partial(resources.clients.lease, adapter, account)
    async with client_lease() as client:
        run = _Drive(adapter, attempt, spec, client, progress, resources, lease, client_lease)
        response = await run.run(until_accepted=until_accepted)

    if response is not None and not begun and not attempt.call.mocked:
        call, seconds = attempt.fitted or attempt.call, current_time() - since
        _durations.record_duration(call.config.provider, call.config.model, seconds)
        if not run.has_polled:  # nobody watched a job of this kind, who would have noted it
            resources.times.record(kind_of(call), seconds)
            await resources.times.save(kind_of(call), resources.ledger)

    return response


async def conclude_interrupted(
    adapter: Adapter, attempt: Attempt, progress: Progress, resources: EngineContext, lease: Lease
) -> None:
    """Conclude an attempt whose event loop ended in the middle of it, as if it was cancelled."""
    account = account_of(adapter, attempt, resources.registry)
    client_lease = partial(resources.clients.lease, adapter, account)
    _, spec = fitted(attempt, resources.registry, adapter)
    async with client_lease() as client:
        run = _Drive(adapter, attempt, spec, client, progress, resources, lease, client_lease)
        await attempt.apply(settled(attempt, await run.record_outcome()))


class _Drive(OutcomeRecorder):
    """One attempt under way."""

    def __init__(  # noqa: PLR0913, PLR0917  (made in one place, from what that place has)
        self,
        adapter: Adapter,
        attempt: Attempt,
        spec: ModelSpec,
        client: Any,
        progress: Progress,
        resources: EngineContext,
        lease: Lease,
        client_lease: ClientLease,
    ) -> None:
        super().__init__(adapter, attempt, client, resources, lease, client_lease)
        self._submit.on_part = progress.partial
        self._call = attempt.fitted or attempt.call
        self._spec = spec
        self._progress = progress
        self._resources = resources
        self._watch: PollLoop | None = None

    async def run(self, *, until_accepted: bool) -> Response | None:
        attempt, end, response = self._attempt, None, None
        try:
            response = await self._within_deadline(until_accepted=until_accepted)
            end = None if response is None else settled(attempt, "completed")
        except Exception as error:
            if current_task() is not self._task:  # thrown away: nothing can be awaited here
                raise

            if not self._call.mocked:
                explain(error, self._config, self._spec)

            known = error if isinstance(error, TarashException) else unforeseen(error, attempt)[0]
            if attempt.settled:  # a failure may cost, and its provider say so
                take_cost(self._adapter, attempt, known.raw_response, {})

            end = settled(attempt, self._outcome(), None if attempt.is_left else known)
            raise
        except BaseException:  # a cancellation, or an exit of the user's out of a callback
            if current_task() is not self._task:
                raise

            is_new = attempt.operation is None and attempt.submission is None
            # Which a second one leaves as it is.
            end = settled(attempt, "cancelled" if is_new else self._outcome())
            end = settled(attempt, await self._stop_job(end.outcome))
            raise
        finally:
            attempt.parts.clear()
            if end is not None:
                await attempt.apply(end, response=response)
                await self._search.keep_late()

        return response

    @property
    def has_polled(self) -> bool:
        """Whether the provider was asked after the job."""
        return self._watch is not None and self._watch.has_polled

    async def _within_deadline(self, *, until_accepted: bool) -> Response | None:
        limit, may_look = f"within {self._config.timeout:g} s", True
        if self._attempt.deadline is None:
            self._attempt.deadline = current_time() + self._config.timeout

        with anyio.CancelScope(deadline=self._attempt.deadline) as scope:
            self._attempt.limits.append(scope)
            try:
                await self._be_accepted(self._attempt.deadline)
                self._lighten()
                self._attempt.leave()
                if until_accepted and self._attempt.finished is None:
                    return None

                return await self._parse(await self._until_done())
            except OutOfPolls:
                limit, may_look = f"after {self._config.max_poll_attempts} polls", False
                if self._attempt.permit is not None:
                    self._attempt.permit.counts = False
            finally:
                self._attempt.limits.remove(scope)

        return await self._past_the_limit(limit, may_look=may_look)

    async def _be_accepted(self, deadline: float) -> None:
        """Submit, unless that is done; a job whose answer was lost is looked for."""
        attempt = self._attempt
        if attempt.operation is not None or attempt.finished is not None:
            await write_whole(attempt, self._lease)
            if attempt.heard.get("tries") and attempt.is_certain:
                await self._search.keep_second()  # its process may have ended before it asked

            return

        if attempt.intent is not None:
            await self._recover(attempt.intent)
            return

        second = unwritten(self._call)
        if second is not None:
            raise second

        if self._call.lost:
            attempt.ledger_failed = True
            raise StorageError(f"Nothing was submitted: {self._call.lost}", submission="not_sent")

        plain = self._call.request
        await self._prepare_media()
        payload = checked_payload(self._adapter, self._call, self._spec)
        attempt.money.quote = quoted(self._call, self._spec, payload, attempt.money.measures)
        check_affordable(attempt, self._call, attempt.money.quote, self._adapter, self._spec)
        self._search.payload = payload
        try:
            asking = await self._asking(payload)
            await self._submit.send(payload, self._call, deadline, asking)
            if self._call.request is not plain:
                # Whoever reads the result needs no media as they were sent.
                self._call = attempt.fitted = replace(self._call, request=plain)
        except TarashException as error:
            if attempt.submission != "unknown" or not await self._search.adopt():
                self._search.learn(error)
                raise

    async def _prepare_media(self) -> None:
        """Measure the media, and bring them into a form that the provider takes."""
        attempt, request = self._attempt, self._call.request
        attempt.money.measures = Measures()
        if not has_media(request):
            return

        attempt.money.measures = await measured(self._call, self._spec)
        request, changes = await prepare(
            request,
            self._adapter.accepts,
            uploader(self._adapter, self._client),
            self._resources.clients.fetch,
            replace(rules_of(self._config), mask_form=mask_form_of(self._spec)),
        )
        for adjustment in changes:
            attempt.log(logging.WARNING, "adjusted", **adjustment.model_dump())

        adjustments = (*self._call.adjustments, *changes)
        self._call = attempt.fitted = replace(self._call, request=request, adjustments=adjustments)

    async def _asking(self, payload: Payload) -> Payload:
        """Return what is sent: the payload, with where to call back if the provider can."""
        callbacks = self._resources.callbacks
        asking = await calling_back(self._adapter, payload, self._call, callbacks, self._lease)
        self._attempt.called_back = asking is not None
        return payload if asking is None else asking

    async def _until_done(self) -> RawResult:
        if self._attempt.finished is not None:
            return self._attempt.finished

        if not self._call.mocked:  # which tells its whole sequence itself
            await self._progress.report(Snapshot(self._attempt.status or "queued"))

        try:
            return await self._watching().until_done()
        except GenerationFailedError as error:
            verdict = self._attempt.verdict
            if verdict is None or not self._attempt.settled:
                raise

            # A process stopped it at its deadline, and ended before it could write the answer down.
            raise verdict from error

    def _watching(self) -> PollLoop:
        if self._watch is None:
            operation = self._attempt.operation
            if operation is None:
                raise TarashException("the adapter returned neither a job nor a result")

            self._watch = PollLoop(
                self._adapter,
                self._client,
                self._attempt,
                self._progress,
                operation,
                self._resources,
                self._lease,
            )

        return self._watch

    async def _on_cancellation(self) -> Outcome:
        """Read the result that came after all, for the ledger to keep; else stop the job."""
        attempt = self._attempt
        if attempt.finished is None or not self._lease.keeps:
            return await super()._on_cancellation()

        try:
            response = await self._parse(attempt.finished)
        except TarashException as error:
            await attempt.apply(settled(attempt, self._outcome(), error))
            return self._outcome()

        await attempt.apply(settled(attempt, "completed"), response=response)
        return "completed"

    async def _parse(self, finished: RawResult) -> Response:
        attempt = self._attempt
        if attempt.operation is not None:
            await attempt.apply(Polled(status="completed", progress=100, final=True))

        read = attempt.response
        if read is not None and finished is attempt.finished:
            return read  # in the moment in which it came

        try:
            return read_result(self._adapter, attempt, self._call, finished)
        except TarashException as error:
            if error.billing is not None:
                await attempt.apply(Polled(status="failed", final=True, billing=error.billing))

            raise

    async def _past_the_limit(self, limit: str, *, may_look: bool) -> Response:
        """Take the job's result where it is there after all; else stop it."""
        if self._attempt.finished is not None:
            return await self._parse(self._attempt.finished)

        await self._search_once()
        operation = self._attempt.operation
        late = current_time() + CANCEL_SECONDS
        finished = await self._last_poll() if operation is not None and may_look else None
        stops = self._cancels and not self._attempt.done
        if operation is not None and finished is None and stops:
            if not await self._lease.is_ours():
                raise self._lease.taken_over()

            left = max(late - current_time(), CANCEL_SECONDS - LAST_LOOK_SECONDS)
            verdict: ErrorFacts = {**facts_of(self._late(limit)), "submission": "accepted"}
            asked = CancelAsked(reason="deadline", error=verdict)
            await self._ask_to_cancel(operation, asked, left)
            finished = await self._last_poll() if self._attempt.cancel == "too_late" else None

        if finished is not None:
            return await self._parse(finished)

        raise self._late(limit)

    def _late(self, limit: str) -> TimeoutError:
        troubles = None if self._watch is None else self._watch.troubles
        trouble = None if troubles is None else troubles.last
        became, hints = what_now(self._attempt)
        return TimeoutError(
            f"No result from {self._config.provider} {limit}{text_of_troubles(troubles)}; {became}",
            raw_response=None if trouble is None else trouble.raw_response,
            timeout_seconds=self._config.timeout,
            submission=self._attempt.submission or "not_sent",
            hints=hints,
        )

    async def _last_poll(self) -> RawResult | None:
        with (
            anyio.CancelScope(shield=True),
            anyio.move_on_after(LAST_LOOK_SECONDS) as scope,
            limited_by(self._attempt, scope),
        ):
            return (await self._watching().poll_once()).finished

        return None
