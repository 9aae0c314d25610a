"""`tarash worker`: works the queue of a ledger until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

from .._jobs._gateway import Gateway
from .._support._collector import collecting_seldom
from . import _terminal as terminal
from ._errors import CommandError, Exit
from ._ledger import MEMORY, VARIABLE, opened, shown, url_of, written_once


def work(ledger: str | None, concurrency: int, grace: float, *, until_empty: bool) -> int:
    """Work until SIGTERM or Ctrl-C; a second signal cuts the grace short.

    Raises:
        CommandError: The ledger is this process's memory.
        ValidationError: The URL is none of a ledger.
        StorageError: The ledger can't be read.
    """
    if url_of(ledger) == MEMORY:
        raise CommandError(
            f"nobody else can enqueue jobs in {MEMORY}, which is this process's own",
            f"give --ledger, or set {VARIABLE}: sqlite:///jobs.db or postgresql://…; within a "
            "program, call gateway.work_async()",
        )

    gateway = Gateway(ledger=opened(ledger))
    place = shown(ledger)
    asyncio.run(_work(gateway, place, concurrency, grace, until_empty=until_empty))
    terminal.hint("the worker has ended; what it left goes on with the next one")
    return Exit.DONE


async def _work(
    gateway: Gateway, place: str, concurrency: int, grace: float, *, until_empty: bool
) -> None:
    # A ledger that is away later is waited for; one that was never there is a mistake.
    await gateway.list_jobs_async(limit=1)
    await written_once(gateway.ledger)
    terminal.hint(f"working the queue of {place}; Ctrl-C ends it")
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(
        gateway.work_async(concurrency=concurrency, grace=grace, until_empty=until_empty)
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # on Windows
            loop.add_signal_handler(number, task.cancel)

    try:
        with collecting_seldom(), suppress(asyncio.CancelledError):
            await task
    finally:
        await gateway.aclose()
        await gateway.ledger.aclose()
