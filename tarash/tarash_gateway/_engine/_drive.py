"""One attempt with a built-in adapter, from its deadline's start to its one outcome."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

import anyio

from .. import _settings
from .._contract import Finished, Operation, Snapshot
from ..catalog import ModelSpec, lookup, retired, same_model_for
from ..exceptions import (
    GenerationFailedError,
    HTTPError,
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
)
from ..mapping import check_payload, fit
from ..media import prepare
from ..models import Adjustment
from ._limits import CANCEL_SECONDS
from ._submit import Submit
from ._watch import OutOfLooks, Watch, poll_floor

if TYPE_CHECKING:
    from .._attempt import Attempt, Progress
    from .._clients import ClientCache
    from .._contract import Adapter, Call, Ledger, Payload, Response
    from .._types import CancelAnswer
    from ..registry import Registry


@dataclass(frozen=True, slots=True)
class Resources:
    """What attempts share: made once by a gateway."""

    registry: Registry
    clients: ClientCache
    ledger: Ledger
    rng: Random


def fitted_call(call: Call, registry: Registry, adapter: Adapter) -> tuple[Call, ModelSpec]:
    """Return the call with its wishes bent to the model, and the model's spec. Pure.

    Raises:
        ValidationError: The model can't take the request.
    """
    config = call.config
    registered = registry.registered_mapping(config.provider)
    spec = lookup(config.provider, config.model, call.kind, registered, call.request)
    if call.mocked and spec.generic:
        return call, spec  # nothing is known to bend to, and the mock makes anything

    moved: tuple[Adjustment, ...] = ()
    other = same_model_for(spec, call.request) if config.auto_variant else None
    if other is not None:
        reason = f"{spec.model} can't take what is in the request, and {other} can"
        moved = (Adjustment(field="model", requested=spec.model, sent=other, reason=reason),)
        spec = lookup(config.provider, other, call.kind, registered)

    refine = getattr(adapter, "refine", None)
    if refine is not None:
        spec = refine(call, spec)

    request, adjustments = fit(call.request, spec, strict=config.strict)
    return replace(call, request=request, adjustments=(*moved, *adjustments)), spec


def checked_payload(adapter: Adapter, call: Call, spec: ModelSpec) -> Payload:
    """Return what would be sent, checked against the schema of the model's input. Pure.

    Raises:
        ValidationError: The model would refuse it; the message names the parameter.
    """
    payload = adapter.build(call, spec)
    if not call.mocked:
        check_payload(payload.body, spec.schema, spec.model, call.request.extra_params)

    return payload


async def drive(
    adapter: Adapter, attempt: Attempt, progress: Progress, resources: Resources
) -> Response:
    """Make one attempt with a built-in adapter.

    Raises:
        TarashException: It failed; the error carries the facts that decide what may follow.
    """
    config = attempt.call.config
    variable = resources.registry.environment_variable(config.provider)
    account = _settings.account(adapter, config, variable)
    call, spec = fitted_call(attempt.call, resources.registry, adapter)
    poll_floor(adapter, config)  # refused now, not when there is a job to look at
    for adjustment in call.adjustments:
        attempt.log(logging.WARNING, "adjusted", **adjustment.model_dump())

    note = None if call.mocked else retired(config.provider, spec.model)
    if note is not None:
        attempt.log(logging.WARNING, "model_retired", note=note)

    attempt.log(logging.INFO, "attempt_started")
    async with resources.clients.lease(adapter, account) as client:
        submit = Submit(adapter, client, attempt, resources.ledger, resources.rng)
        return await _Drive(adapter, call, spec, client, submit, progress, resources, attempt).run()


class _Drive:
    """One attempt under way."""

    def __init__(  # noqa: PLR0913, PLR0917  (made in one place, from what that place has)
        self,
        adapter: Adapter,
        call: Call,
        spec: ModelSpec,
        client: Any,
        submit: Submit,
        progress: Progress,
        resources: Resources,
        attempt: Attempt,
    ) -> None:
        self._adapter = adapter
        self._call = call
        self._config = call.config
        self._spec = spec
        self._client = client
        self._submit = submit
        self._progress = progress
        self._resources = resources
        self._attempt = attempt
        self._watch: Watch | None = None

    async def run(self) -> Response:
        outcome = "failed"
        try:
            response = await self._within_deadline()
            outcome = "completed"
        except anyio.get_cancelled_exc_class():
            outcome = await self._on_cancellation()
            raise
        except Exception as error:
            outcome = self._outcome()
            self._explain(error)
            raise
        finally:
            if self._submit.intended:
                await self._settle(outcome)

        return response

    def _explain(self, error: Exception) -> None:
        """Say of a model that is gone that it is: providers answer with a bare 404, or worse."""
        note = None if self._call.mocked else retired(self._config.provider, self._spec.model)
        if note is not None and isinstance(error, HTTPError | GenerationFailedError):
            error.message = f"{error.message} ({note})"
            error.args = (error.message,)

    async def _settle(self, outcome: str) -> None:
        submit, attempt = self._submit, self._attempt
        with anyio.CancelScope(shield=True), anyio.move_on_after(CANCEL_SECONDS):
            try:
                await self._resources.ledger.settle(submit.intent.id, attempt.submission, outcome)
            except Exception as error:  # noqa: BLE001  (a paid result matters more)
                attempt.log(
                    logging.ERROR, "ledger_failed", error=f"{type(error).__name__}: {error}"
                )

    async def _within_deadline(self) -> Response:
        limit = f"within {self._config.timeout:g} s"
        deadline = anyio.current_time() + self._config.timeout
        with anyio.CancelScope(deadline=deadline):
            try:
                return self._parse(await self._generate(deadline))
            except OutOfLooks:
                limit = f"after {self._config.max_poll_attempts} looks"

        return await self._past_the_limit(limit)

    async def _generate(self, deadline: float) -> Finished:
        request = await prepare(
            self._call.request,
            self._adapter.accepts,
            self._upload(),
            self._resources.clients.fetch,
        )
        self._call = replace(self._call, request=request)
        payload = checked_payload(self._adapter, self._call, self._spec)
        await self._submit.send(payload, self._call, deadline)
        if self._submit.finished is not None:
            return self._submit.finished

        if not self._call.mocked:  # which tells its whole sequence itself
            await self._progress.look(Snapshot("queued"))

        return await self._watching().until_done()

    def _upload(self) -> Callable[[Any], Awaitable[str]] | None:
        upload = getattr(self._adapter, "upload", None)
        if upload is None:
            return None

        async def send(media: Any) -> str:
            reference: str = await upload(self._client, media)
            return reference

        return send

    def _watching(self) -> Watch:
        if self._watch is None:
            operation = self._submit.operation
            if operation is None:
                raise TarashException("the adapter returned neither a job nor a result")

            self._watch = Watch(
                self._adapter,
                self._client,
                self._attempt,
                self._progress,
                operation,
                self._resources.rng,
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

    async def _past_the_limit(self, limit: str) -> Response:
        """Stop the job, or take its result where it is there after all."""
        if self._submit.finished is not None:
            return self._parse(self._submit.finished)

        operation = self._submit.operation
        if operation is not None and self._config.on_timeout == "cancel":
            await self._ask_to_cancel(operation)
            if self._attempt.cancel == "too_late":
                finished = await self._last_look()
                if finished is not None:
                    return self._parse(finished)

        raise TimeoutError(
            f"No result from {self._config.provider} {limit}; {self._what_now()}",
            timeout_seconds=self._config.timeout,
        )

    def _what_now(self) -> str:
        attempt = self._attempt
        if attempt.operation is None:
            if attempt.submission != "unknown":
                return "nothing was submitted; raise timeout= on the config, or check the network"

            return (
                "the submit had left and no answer came, so a job may run and be billed: look at "
                "the provider's dashboard before you try again"
            )

        if attempt.cancel is None:
            return (
                f"the job {attempt.request_id} goes on and may be billed; the error's operation "
                "identifies it, and submitting again buys a second one"
            )

        answers = {
            "cancelled": "was cancelled; what had run may be billed; raise timeout= to wait longer",
            "requested": "was asked to stop, and may still finish and be billed",
            "too_late": "had ended and is billed, and its result could not be read: look for it in "
            "the provider's dashboard",
            "unsupported": "could not be cancelled, and may still finish and be billed",
        }
        return f"the job {attempt.request_id} {answers[attempt.cancel]}"

    async def _ask_to_cancel(self, operation: Operation) -> None:
        answer: CancelAnswer = "unsupported"
        with anyio.CancelScope(shield=True), anyio.move_on_after(CANCEL_SECONDS):
            try:
                answer = await self._adapter.cancel(self._client, operation)
            except Exception as error:  # noqa: BLE001  (the outcome at hand matters more)
                self._attempt.log(logging.WARNING, "cancel_failed", error=str(error))

        self._attempt.cancel = answer
        self._attempt.log(logging.INFO, "cancel_answered", answer=answer)

    async def _last_look(self) -> Finished | None:
        with anyio.CancelScope(shield=True), anyio.move_on_after(CANCEL_SECONDS):
            return (await self._watching().look()).finished

        return None

    async def _on_cancellation(self) -> str:
        """Stop the job that nobody waits for any more; return how it ended, for the ledger."""
        operation = self._submit.operation
        if operation is None:
            return "unknown" if self._attempt.submission == "unknown" else "cancelled"

        if self._config.on_timeout == "detach":
            return "detached"

        await self._ask_to_cancel(operation)
        return self._outcome()

    def _outcome(self) -> str:
        """Return how a failed attempt ended: a job that may still be running is never `failed`."""
        attempt = self._attempt
        if attempt.submission == "unknown":
            return "unknown"

        if attempt.operation is None or attempt.settled:
            return "failed"

        return "cancelled" if attempt.cancel == "cancelled" else "detached"
