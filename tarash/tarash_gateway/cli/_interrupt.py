"""Runs one coroutine to its end, and lets Ctrl-C and SIGTERM cancel it instead of cutting it off.

The first signal cancels: what runs asks the provider to stop, and hears the answer. The second one
leaves at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TypeVar

from ._errors import Exit

Result = TypeVar("Result")
Handler = Callable[[int, FrameType | None], None]

LEAVING = (
    "Left at once: a job that runs at the provider goes on, and may be billed; `tarash jobs ls` "
    "shows it\n"
)
SHOW_CURSOR = "\x1b[?25h\r\n"
CODES = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}


class Stopped(Exception):  # noqa: N818  (no error: somebody wanted it)
    """A signal ended the run, and its clean-up is done."""

    def __init__(self, code: Exit, cancellation_note: str | None) -> None:
        super().__init__(code.name)
        self.code = code
        self.cancellation_note = cancellation_note
        """What was cancelled left behind, where the gateway says so."""


def run(work: Coroutine[Any, Any, Result], on_stop: Callable[[], None]) -> Result:
    """Run a coroutine on an event loop of its own.

    Args:
        work: What to run.
        on_stop: Called on the loop at the first signal, before the cancellation.

    Raises:
        Stopped: A signal came, and the work ended by it.
    """
    signals: list[int] = []
    cancellation_note: list[str] = []

    async def supervised() -> Result:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop() -> None:
            on_stop()
            if task is not None:
                task.cancel()

        def handle(number: int, _frame: FrameType | None) -> None:
            signals.append(number)
            if len(signals) > 1:
                leave(number)

            loop.call_soon_threadsafe(stop)

        with _handling(handle):
            try:
                return await work
            except asyncio.CancelledError as error:
                cancellation_note.extend(getattr(error, "__notes__", ()))
                raise

    try:
        with asyncio.Runner() as runner:
            return runner.run(supervised())
    except asyncio.CancelledError:
        if not signals:
            raise

        code = CODES[signal.Signals(signals[0])]
        raise Stopped(code, cancellation_note[-1] if cancellation_note else None) from None


def leave(number: int) -> None:
    """End the process now, whatever is under way."""
    if sys.__stderr__ is not None:  # else the number may be another file's by now
        farewell = (SHOW_CURSOR if sys.stderr.isatty() else "") + LEAVING
        with suppress(OSError):
            os.write(2, farewell.encode())

    os._exit(CODES[signal.Signals(number)])


@contextmanager
def _handling(handler: Handler) -> Iterator[None]:
    """Handle both signals meanwhile; one that is ignored, as under nohup, stays ignored."""
    before = {
        number: signal.signal(number, handler)
        for number in CODES
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
