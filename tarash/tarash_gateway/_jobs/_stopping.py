"""Asks providers to stop whatever a job has under way: more than one attempt may be unfinished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._engine import settle_stopped, stop
from ..exceptions import TarashException
from ._adapters import adapter_of

if TYPE_CHECKING:
    from .._data._exchange import Operation
    from .._data._types import CancelAnswer
    from .._engine._attempt import Attempt
    from ..ledger._contract import JobRecord, Ledger
    from ._chain import ChainRun

ANSWERS: tuple[CancelAnswer, ...] = ("too_late", "requested", "unsupported", "cancelled")
"""Of several answers, the first of these is the job's: it is cancelled where all of it is."""


def unfinished(run: ChainRun) -> list[Attempt]:
    """Return what may run at a provider, oldest first; the current attempt in any case."""
    named = [attempt for attempt in run.attempts if attempt.operation is not None]
    return [one for one in named if one is run.current or (one.unsafe and not one.settled)]


async def stop_all(run: ChainRun, attempts: list[Attempt]) -> CancelAnswer:
    """Ask for each attempt to be stopped.

    Returns:
        What is the case for all of them.

    Raises:
        TarashException: A provider refuses to be asked; the others were asked all the same.
    """
    answers: list[CancelAnswer] = []
    refusal: TarashException | None = None
    for attempt in attempts:
        if attempt.operation is None:
            continue

        adapter = adapter_of(attempt.call, run.resources.registry)
        try:
            answers.append(await stop(adapter, attempt, attempt.operation, run.resources))
            await settle_stopped(attempt, run.resources.ledger)
        except TarashException as error:
            refusal = refusal or error

    if refusal is not None:
        raise refusal

    return min(answers, key=ANSWERS.index)


async def stop_the_next(record: JobRecord, ledger: Ledger) -> CancelAnswer:
    """Tell whoever is about to submit a refused job once more that nobody wants it.

    Args:
        record: A job in somebody's hands, of which no provider has accepted anything.
        ledger: Where they read it before they submit.

    Returns:
        `unsupported` where nothing was refused: it may be on its way at this moment.
    """
    refused = [entry for entry in record.entries if entry.submission in ("rejected", "not_sent")]
    for one in refused:
        await ledger.settle(one.intent.id, one.submission, "stopped")

    return "requested" if refused else "unsupported"


async def record_cancelled(record: JobRecord, operation: Operation, ledger: Ledger) -> None:
    """Write down that nobody wants the job: whoever waits for it reads it, and buys no other.

    Before the provider is asked, since the job may end for those who wait before we know.
    """
    for entry in record.entries:
        if entry.operation is not None and entry.operation.id == operation.id:
            await ledger.settle(entry.intent.id, "accepted", "stopped")
