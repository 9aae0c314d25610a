"""The last step of a call: its result is finalized, and only then reported as completed."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ..exceptions import TarashException, VerificationError
from ..media._finalize import finalize_result
from ._callbacks import tell_last

if TYPE_CHECKING:
    from .._engine._progress import Progress
    from .._support._portal import Caller
    from ._ending import Ending


async def handed_over(run: Ending, progress: Progress, caller: Caller | None) -> None:
    """Save and compare a run's response, as its configs say, and report it as it is returned.

    Args:
        run: The run; its response becomes the one that the user gets.
        progress: Where its last update goes.
        caller: The thread of a blocking call; None for the async API.

    Raises:
        VerificationError: `verify="raise"`, and the result is not what was asked for.
    """
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
            # Whoever only watches leaves that to the one who drives the job.
            saves=not (run.lease.is_watcher and run.lease.job_id),
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

        await tell_last(progress, attempt, note)
        raise
    except Exception as error:
        message = error.message if isinstance(error, TarashException) else type(error).__name__
        await progress.failed(f"The result is made, and could not be handed over: {message}")
        raise

    attempt.log(logging.INFO, "completed")
    await progress.completed(response)
