"""One attempt with a handler that the application registered: sync or async, whole or in part."""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from .._data._events import Accepted, Rejected, Settled, Submitting, Unknown
from .._data._hints import check_dashboard
from .._support._logging import event
from .._support._loops import current_time
from .._support._secrets import secrets_of
from ..exceptions import (
    TarashException,
    TimeoutError,  # noqa: A004  (ours is the built-in one too)
    UnsupportedOperationError,
)
from ..ledger._contract import Intent
from ..models import ImageGenerationResponse, VideoGenerationResponse
from ._attempt import unforeseen
from ._budgets import kept_quote, windows_for
from ._outcome_recorder import settled
from ._recording import facts_of

if TYPE_CHECKING:
    from .._data._exchange import Response
    from .._data._types import Submission
    from .._support._portal import Caller
    from ..ledger._contract import Outcome
    from ..models import ProviderHandler
    from ._attempt import Attempt
    from ._lease import Lease
    from ._progress import Progress, Update


async def handle(
    handler: ProviderHandler,
    attempt: Attempt,
    progress: Progress,
    caller: Caller | None,
    lease: Lease,
) -> Response:
    """Make one attempt with a registered handler.

    Args:
        handler: What the application registered.
        attempt: The attempt's facts.
        progress: Where its updates go.
        caller: The thread of a blocking call, where sync methods run; None for the async API,
            where they run in a worker thread.
        lease: In whose hands the job is.

    Raises:
        TarashException: The handler raised it, or raised something else, which is its cause; or a
            process ended in the middle of it, so that nobody knows what it bought.
    """
    if attempt.intent is not None:
        await attempt.apply(Unknown())
        raise TarashException(
            f"The handler of {attempt.call.config.provider!r} was cut off in the middle of its "
            "work, so something may have been bought: look there before you try again",
            submission="unknown",
        )

    await _be_written_down(attempt, lease)
    response: Response | None = None
    end: Settled | None = None
    try:
        response = await _handle(handler, attempt, progress, caller)
        end = settled(attempt, "completed")
    except TarashException as error:
        end = settled(attempt, "unknown" if attempt.submission == "unknown" else "failed", error)
        raise
    finally:
        await attempt.apply(end or settled(attempt, "unknown"), response=response)

    return response


async def _be_written_down(attempt: Attempt, lease: Lease) -> None:
    """Write down that the handler is about to be called.

    Raises:
        TarashException: The ledger did not take it, so that it is not called.
    """
    try:
        await attempt.apply(Submitting(), intent=_intent(attempt, lease))
    except Exception as error:
        known = error if isinstance(error, TarashException) else unforeseen(error, attempt)[0]
        is_left = attempt.is_left
        outcome: Outcome = "cancelled" if is_left else "failed"
        await attempt.apply(settled(attempt, outcome, None if is_left else known))
        raise
    except BaseException:  # a cancellation
        await attempt.apply(settled(attempt, "cancelled"))
        raise


def _intent(attempt: Attempt, lease: Lease) -> Intent:
    call = attempt.call
    return Intent(
        call.request_id,
        call.kind,
        call.config.provider,
        call.config.model,
        call.attempt_number,
        lease.job_id,
        quote=kept_quote(attempt.money.quote),
        labels=call.labels,
        budgets=windows_for(attempt.money.budgets, call, datetime.now(UTC)),
    )


async def _handle(
    handler: ProviderHandler, attempt: Attempt, progress: Progress, caller: Caller | None
) -> Response:
    config = attempt.call.config
    failure: TarashException
    started = current_time()
    try:
        response = _checked(await _call(handler, attempt, progress, caller), attempt)
    except TarashException as error:
        # A handler that doesn't say may have bought something, unless nothing else could help.
        unsaid: Submission | None = "unknown" if error.retryable else None
        await _conclude(attempt, error.submission or unsaid, error)
        failure, cause = error, error.__cause__
    except NotImplementedError as error:
        failure, cause = _unsupported(attempt, str(error)), error
    except Exception as error:  # noqa: BLE001  (a handler may raise anything)
        await attempt.apply(Unknown())
        late = current_time() - started >= config.timeout
        if late and isinstance(error, builtins.TimeoutError):
            failure, cause = _too_late(attempt), None
        else:
            failure, cause = _wrapped(error, attempt)
    except BaseException:
        await attempt.apply(Unknown())  # nobody knows how far it came
        raise
    else:
        await attempt.apply(Accepted(finished=True))
        return response

    # Outside the handlers above, so that a cause with a secret in it is not kept as the context.
    raise failure from cause


async def _conclude(
    attempt: Attempt, submission: Submission | None, error: TarashException
) -> None:
    """Say how the submit ended, as far as a handler's error does."""
    if submission == "unknown":
        await attempt.apply(Unknown(error=facts_of(error)))
    elif submission == "accepted":
        await attempt.apply(Accepted())
    elif submission is not None:
        await attempt.apply(Rejected(submission=submission, error=facts_of(error)))


async def _call(
    handler: ProviderHandler, attempt: Attempt, progress: Progress, caller: Caller | None
) -> Response:
    call = attempt.call
    name = f"generate_{call.kind}"
    blocking = getattr(handler, name, None)
    coroutine = getattr(handler, f"{name}_async", None)
    reports = _Reports(progress, caller)
    if coroutine is not None and (caller is None or blocking is None):
        with anyio.fail_after(call.config.timeout):
            response: Response = await coroutine(call.config, call.request, reports.report)
    elif blocking is None:
        raise NotImplementedError
    else:
        work: Callable[[], Response] = partial(blocking, call.config, call.request, reports.report)
        if caller is not None:
            # In the caller's own thread nothing can cut it short, and its result is kept.
            response = await caller.run(work)
        else:
            with anyio.fail_after(call.config.timeout):
                response = await to_thread.run_sync(work, abandon_on_cancel=True)

    await reports.delivered()
    return response


def _checked(response: Any, attempt: Attempt) -> Response:
    kind = attempt.call.kind
    due = VideoGenerationResponse if kind == "video" else ImageGenerationResponse
    if isinstance(response, due):
        return response

    raise TypeError(f"it returned {type(response).__name__}, and a {due.__name__} was due")


class _Reports:
    """What a handler reports its updates to, from whichever thread, awaited or not."""

    def __init__(self, progress: Progress, caller: Caller | None) -> None:
        self._progress = progress
        self._caller = caller
        self._loop = asyncio.get_running_loop()
        self._under_way: list[asyncio.Task[None]] = []

    def report(self, update: Update) -> Awaitable[None]:
        """Pass an update on."""
        if _running_loop() is self._loop:
            task = self._loop.create_task(self._forward(update))
            self._under_way.append(task)
            return task

        asyncio.run_coroutine_threadsafe(self._forward(update), self._loop).result()
        if self._caller is not None and self._caller.here():
            self._caller.drain()  # the user's callback belongs to this thread, which is busy here

        return _Done()

    async def delivered(self) -> None:
        """Wait for updates that the handler did not wait for."""
        for task in self._under_way:
            await task

    async def _forward(self, update: Update) -> None:
        try:
            await self._progress.forward(update)
        except Exception as error:  # noqa: BLE001  (a malformed update must not lose a paid job)
            event(logging.ERROR, "update_malformed", error=f"{type(error).__name__}: {error}")


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class _Done:
    """An awaitable that is done, for handlers that await what a callback returns."""

    def __await__(self) -> Any:
        return iter(())


def _unsupported(attempt: Attempt, reason: str) -> UnsupportedOperationError:
    call = attempt.call
    hint = f": {reason}" if reason else ""
    return UnsupportedOperationError(
        f"The provider {call.config.provider!r} makes no {call.kind}s{hint}; use another provider",
        submission="not_sent",
    )


def _too_late(attempt: Attempt) -> TimeoutError:
    config = attempt.call.config
    return TimeoutError(
        f"No result from {config.provider} within {config.timeout:g} s; its handler may still be "
        "at work, and what it makes may be billed",
        timeout_seconds=config.timeout,
        hints=[check_dashboard()],
    )


def _wrapped(error: Exception, attempt: Attempt) -> tuple[TarashException, BaseException]:
    config = attempt.call.config
    secrets = secrets_of(config)
    failure = TarashException(
        f"The handler of {config.provider} raised {type(error).__name__}: "
        f"{secrets.text(str(error))}",
        retryable=False,
    )
    return failure, secrets.error(error)
