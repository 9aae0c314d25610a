"""Walks the chain of configs until one delivers: one loop for videos and images alike.

Decides who is tried next and keeps the record; how an attempt is made is the engine's business.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from ._attempt import Attempt, Progress
from ._contract import Call
from ._engine import Resources, checked_payload, drive, fitted_call, handle
from ._http import join
from ._ids import generate_unique_id
from ._secrets import Secrets
from ._settings import base_url
from .exceptions import TarashException
from .media import plan_media
from .models import ExecutionMetadata, GenerationPlan

if TYPE_CHECKING:
    from ._attempt import Deliver
    from ._contract import Adapter, Config, Request, Response
    from ._portal import Caller
    from ._types import Kind
    from .registry import Registry

GOODBYE_SECONDS = 1
"""How long a user's callback may hold up a cancellation."""


async def run(  # noqa: PLR0913  (what a call is made of, each by name)
    kind: Kind,
    config: Config,
    request: Request,
    *,
    resources: Resources,
    deliver: Deliver | None = None,
    caller: Caller | None = None,
) -> Response:
    """Generate with the first config of the chain that delivers.

    Args:
        kind: What to make.
        config: The chain's head; its fallbacks follow, depth first.
        request: What is wanted.
        resources: What attempts share.
        deliver: Hands updates to the user.
        caller: The thread of a blocking call; None for the async API.

    Raises:
        TarashException: The last attempt's error, with what every attempt did.
    """
    calls = _calls(kind, config, request, resources.registry)
    started = anyio.current_time()
    attempts: list[Attempt] = []
    records = []
    for number, call in enumerate(calls, 1):
        attempt = Attempt(call)
        attempts.append(attempt)
        error: TarashException | None = None
        try:
            response = await _attempt(attempt, resources, deliver, caller)
        except TarashException as failure:
            error = failure

        records.append(attempt.metadata(error))
        metadata = ExecutionMetadata(
            total_attempts=number,
            successful_attempt=number if error is None else None,
            attempts=tuple(records),
            fallback_triggered=number > 1,
            configs_in_chain=len(calls),
            total_elapsed_seconds=anyio.current_time() - started,
        )
        if error is None:
            return response.model_copy(update={"execution_metadata": metadata})

        following = calls[number].config if number < len(calls) else None
        if following is None or not _moves_on(error, attempts, following):
            error.execution_metadata = metadata
            raise error

        attempt.log(logging.WARNING, "fallback", error=error.message, to=following.provider)

    raise AssertionError("a chain holds at least one config")  # the loop returns or raises


def _chain(config: Config) -> Iterator[Config]:
    yield config
    for fallback in config.fallback_configs:
        yield from _chain(fallback)


def _calls(kind: Kind, config: Config, request: Request, registry: Registry) -> list[Call]:
    """Return one call for each config; a provider that nobody knows is found before any is sent."""
    calls = [
        Call(kind, one, request, generate_unique_id(), number)
        for number, one in enumerate(_chain(config), 1)
    ]
    for call in calls:
        if not call.mocked:
            registry.check_known(call.config.provider)

    return calls


def _moves_on(error: TarashException, attempts: list[Attempt], following: Config) -> bool:
    if not error.retryable:
        return False

    head = attempts[0].call.config
    if head.failover == "when_safe" and any(attempt.unsafe for attempt in attempts):
        other = f"{following.provider} {following.model}"
        note = f" (failover='when_safe': {other} was not tried, to not pay twice)"
        error.message += note
        error.args = (error.message,)
        return False

    return True


async def _attempt(
    attempt: Attempt, resources: Resources, deliver: Deliver | None, caller: Caller | None
) -> Response:
    progress = Progress(attempt, deliver)
    failure: TarashException
    cause: BaseException | None
    try:
        response = await _make(attempt, progress, resources, caller)
    except TarashException as error:
        failure, cause = error, error.__cause__
    except Exception as error:  # noqa: BLE001  (a ledger or a mapper of the user may raise anything)
        failure, cause = _unforeseen(error, attempt)
    except anyio.get_cancelled_exc_class() as error:
        attempt.log(logging.WARNING, "cancelled", answer=attempt.cancel)
        goodbye = _goodbye(attempt)
        error.add_note(goodbye)
        if caller is not None:
            caller.last_words = goodbye

        with anyio.CancelScope(shield=True), anyio.move_on_after(GOODBYE_SECONDS):
            await progress.failed(goodbye)

        raise
    else:
        attempt.log(logging.INFO, "completed")
        await progress.completed(response)
        return response

    attempt.complete(failure)
    attempt.log(logging.ERROR, "failed", error_type=type(failure).__name__, error=failure.message)
    await progress.failed(failure.message, failure.raw_response)
    # Outside the handlers above, so that a cause with a secret in it is not kept as the context.
    raise failure from cause


def _unforeseen(error: Exception, attempt: Attempt) -> tuple[TarashException, BaseException]:
    config = attempt.call.config
    secrets = Secrets([config.api_key])
    message = f"Unforeseen {type(error).__name__}: {secrets.text(str(error))}"
    submission = attempt.submission or "not_sent"
    return TarashException(message, submission=submission), secrets.error(error)


def _goodbye(attempt: Attempt) -> str:
    provider = attempt.call.config.provider
    if attempt.operation is None:
        sent = attempt.submission in ("unknown", "accepted")
        what = "a job may run and be billed" if sent else "nothing was bought"
        return f"Cancelled before {provider} told us of a job: {what}"

    if attempt.cancel is None:
        return f"Cancelled; the job {attempt.request_id} goes on at {provider} and will be billed"

    told = f"Cancelled; {provider} answered for job {attempt.request_id}: {attempt.cancel}"
    sure = attempt.billing(success=False) == "none"
    return told if sure else f"{told} (it may still finish and be billed)"


async def _make(
    attempt: Attempt, progress: Progress, resources: Resources, caller: Caller | None
) -> Response:
    call = attempt.call
    handler = None if call.mocked else resources.registry.handler(call.config.provider)
    if handler is not None:
        return await handle(handler, attempt, progress, caller)

    return await drive(_adapter(call, resources.registry), attempt, progress, resources)


def _adapter(call: Call, registry: Registry, *, need_extra: bool = True) -> Adapter:
    if call.mocked:
        from .providers.mock import adapter

        return adapter

    return registry.adapter(call.config.provider, need_extra=need_extra)


def plan(kind: Kind, config: Config, request: Request, registry: Registry) -> GenerationPlan:
    """Return what would be sent for each config of the chain. Pure: needs no key and no network.

    Raises:
        ValidationError: A provider is unknown, or its model can't take the request.
    """
    plans = [_plan_one(kind, one, request, registry) for one in _chain(config)]
    return plans[0].model_copy(update={"fallbacks": tuple(plans[1:])})


def _plan_one(kind: Kind, config: Config, request: Request, registry: Registry) -> GenerationPlan:
    call = Call(kind, config, request, generate_unique_id())
    if not call.mocked:
        registry.check_known(config.provider)
        if registry.handler(config.provider) is not None:
            return GenerationPlan(
                provider=config.provider,
                model=config.model,
                endpoint="(registered handler)",
                method="call",
                payload=plan_media(request).model_dump(exclude_defaults=True),
            )

    adapter = _adapter(call, registry, need_extra=False)
    call, spec = fitted_call(call, registry, adapter)
    payload = checked_payload(adapter, replace(call, request=plan_media(call.request)), spec)
    return GenerationPlan(
        provider=config.provider,
        model=spec.model,
        endpoint=join(base_url(adapter, config), payload.path),
        method=payload.method,
        payload=payload.body,
        adjustments=call.adjustments,
    )
