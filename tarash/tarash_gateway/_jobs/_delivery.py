"""The last step of a call: its result is finalized, and only then reported as completed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ..exceptions import TarashException, VerificationError
from ..media._finalize import finalize_result
from ._callbacks import report_last

if TYPE_CHECKING:
    from .._data._exchange import Response
    from .._engine._progress import Progress
    from .._support._portal import Caller
    from ._ending import Ending

Save = Callable[["Response"], Awaitable[None]]
_save: ContextVar[Save | None] = ContextVar("_save", default=None)


@contextmanager
def saved_by(save: Save) -> Iterator[None]:
    """Have results put where they are to be before the ledger closes their jobs.

    A process that dies meanwhile leaves the job open, and so does a `save` that raises: whoever
    resumes it gets its result.

    Args:
        save: Called with the response of each job that is driven from here, once that is completed;
            what it raises is raised to whoever waits. Not called for a job that had ended before,
            or that another process drives.
    """
    token = _save.set(save)
    try:
        yield
    finally:
        _save.reset(token)


async def handed_over(run: Ending, progress: Progress, caller: Caller | None) -> None:
    """Save and compare a run's response, as its configs say, and report it as it is returned.

    Args:
        run: The run; its response becomes the one that the user gets.
        progress: Where its last update goes.
        caller: The thread of a blocking call; None for the async API.

    Raises:
        VerificationError: `verify="raise"`, and the result is not what was asked for.
        Exception: What the caller's own `saved_by` raised: the result is made, and not saved.
    """
    # Whoever only watches leaves saving to the one who drives the job.
    saves = not (run.lease.is_watcher and run.lease.job_id)
    attempt, response = run.current, run.response
    assert response is not None  # noqa: S101  (whoever calls has one)
    try:
        run.response = response = await finalize_result(
            response,
            request=attempt.call.request,
            config=attempt.call.config,
            head=run.calls[0].config,
            log=attempt.log,
            makers=run.resources.makers(attempt.call),
            saves=saves,
        )
    except VerificationError as error:
        run.response = error.response  # which is paid for, and what there is to keep
        attempt.log(logging.ERROR, "failed", error_type=type(error).__name__, error=error.message)
        await progress.failed(error.message, error.raw_response)
        raise
    except asyncio.CancelledError as error:
        note = error.__notes__[-1]
        if caller is not None:
            caller.cancellation_note = note

        await report_last(progress, attempt, note)
        raise
    except Exception as error:
        message = error.message if isinstance(error, TarashException) else type(error).__name__
        await progress.failed(f"The result is made, and could not be handed over: {message}")
        raise

    attempt.log(logging.INFO, "completed")
    await progress.completed(response)
    save = _save.get() if saves else None
    if save is not None:
        run.is_unsaved = True
        await save(response)
        run.is_unsaved = False
