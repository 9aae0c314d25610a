"""Calls the users' progress callbacks, each in the place where it belongs; none loses a job."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import anyio

from .._support import _portal
from .._support._logging import event
from .._support._warnings import PACKAGE, warn
from .._support._words import with_article

if TYPE_CHECKING:
    from .._engine._attempt import Attempt
    from .._engine._progress import Deliver, Progress, Update
    from .._support._portal import Caller


CALLBACK_SECONDS = 5
"""How long a blocking call's callback may hold up the next config of the chain."""
GOODBYE_SECONDS = 1
"""How long a user's callback may hold up a cancellation."""
MAKERS = frozenset({"ProgressBar", "progress_bar"})
"""What makes a callback, and is none."""


def misuse_of(on_progress: object) -> str | None:
    """Return a sentence on what can't be a progress callback; None for one that can."""
    if on_progress is None:
        return None

    if not callable(on_progress):
        return (
            f"on_progress is {with_article(type(on_progress).__name__)}, which can't be called; "
            "give a function that takes an update"
        )

    ours = str(getattr(on_progress, "__module__", None)).startswith(PACKAGE)
    name = getattr(on_progress, "__name__", "")
    if ours and name in MAKERS:
        return (
            f"on_progress={name} would take each update for a label; write "
            "on_progress=progress_bar(), with parentheses"
        )

    return None


def to_caller(on_progress: Callable[..., Any] | None, caller: Caller | None) -> Deliver | None:
    """Return what hands updates to a callback; None where there is no callback.

    One that can't be a callback is warned of, and left out: the job may be on its way already.

    Args:
        on_progress: The callback, sync or async.
        caller: The thread of a blocking call, where a sync callback runs; None for the async API.
    """
    wrong = misuse_of(on_progress)
    if wrong is not None:
        warn(f"{wrong} (the job goes on without)")

    if on_progress is None or wrong is not None:
        return None

    async def on_loop(update: Any) -> None:
        try:
            await call_back(on_progress, update)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if caller is None:
                raise

            # It is meant for the thread that waits, not for the loop of everybody's calls.
            caller.interrupt(error)

    if caller is None or _portal.is_async(on_progress):
        return on_loop

    async def in_thread(update: Any) -> None:
        caller.post(lambda: call_back_blocking(on_progress, update, _portal.run_on_loop))

    return in_thread


async def call_back(callback: Callable[[Any], Any], update: Update) -> None:
    """Call a user's callback, sync or async; one that raises is logged and loses nothing.

    What is no `Exception` is no mistake: it ends the call (`sys.exit`, a test that fails, a page
    that is run anew), and the job is stopped as for a cancellation.
    """
    called = False
    try:
        result = callback(update)
        called = True
        if inspect.isawaitable(result):
            await result
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if not called or task is None or task.cancelling():
            raise

        # Nobody cancelled us: the callback awaited something of its own that was cancelled.
        _log_failure(callback, update, error)
    except Exception as error:  # noqa: BLE001  (a user's mistake must not lose a paid job)
        _log_failure(callback, update, error)


def call_back_blocking(
    callback: Callable[[Any], Any], update: Update, wait: Callable[[Awaitable[Any]], Any]
) -> None:
    """Call a user's callback in a thread; `wait` sees to an awaitable that it returns."""
    try:
        result = callback(update)
        if inspect.isawaitable(result):
            wait(result)
    except Exception as error:  # noqa: BLE001  (as above)
        _log_failure(callback, update, error)


_warned: WeakSet[Any] = WeakSet()


def _log_failure(callback: Callable[[Any], Any], update: Update, error: BaseException) -> None:
    """Log a mistake of a callback, and warn of it once, since few applications show logs."""
    failure = f"{type(error).__name__}: {error}"
    event(logging.ERROR, "progress_callback_failed", request_id=update.request_id, error=failure)
    own = getattr(callback, "__func__", callback)  # a bound method is a new object each time
    with suppress(TypeError):  # nothing can refer to it weakly
        if own in _warned:
            return

        _warned.add(own)

    name = getattr(own, "__qualname__", type(own).__name__)
    warn(f"The progress callback {name!r} raised {failure} (said once; the job goes on)")


async def heard_by(caller: Caller | None) -> None:
    """Let the thread of a blocking call hear of a failure before anything else is bought.

    A callback that leaves the call there leaves it in time.
    """
    if caller is not None:
        with anyio.move_on_after(CALLBACK_SECONDS):
            await caller.run(lambda: None)


async def report_last(progress: Progress, attempt: Attempt, last_words: str) -> None:
    """Tell the user's callback that the attempt was cancelled, unless it takes too long."""
    try:
        with anyio.CancelScope(shield=True), anyio.move_on_after(GOODBYE_SECONDS):
            await progress.failed(last_words)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001  (it may leave by each update; it has left once)
        attempt.log(logging.DEBUG, "callback_left", error=type(error).__name__)
