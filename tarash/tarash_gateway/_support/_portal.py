"""The background loop thread that runs coroutines for blocking callers. Knows nothing of the rest.

The only file that starts a thread. The thread is a daemon, starts with the first call, is forgotten
by a forked child, and ends with the interpreter whether it is idle or busy.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import inspect
import os
import queue
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")

STOP_SECONDS = 7
"""How long the interpreter's exit waits for running jobs to be cancelled at their providers."""

# A blocking wait without a limit can't be interrupted by Ctrl-C on Windows.
_GLANCE = 0.2 if sys.platform == "win32" else None


class Caller:
    """The thread that waits for a call: work that belongs to the user is handed back to it."""

    def __init__(self) -> None:
        self.last_words: str | None = None
        """What a cancelled coroutine has to say; a note on what interrupted the call."""
        self._thread = threading.get_ident()
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    def here(self) -> bool:
        """Tell whether the current thread is the caller's."""
        return threading.get_ident() == self._thread

    def post(self, work: Callable[[], None]) -> None:
        """Run something in the caller's thread, in order, without waiting for it."""
        self._work.put(work)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run something in the caller's thread and wait for what it returns."""
        future: Future[Result] = Future()

        def call() -> None:
            if not future.set_running_or_notify_cancel():
                return

            try:
                future.set_result(work())
            except StopIteration as error:
                # No future of asyncio takes it: whoever waits would wait for ever.
                stopped = RuntimeError("StopIteration")
                stopped.__cause__ = error
                future.set_exception(stopped)
            except Exception as error:  # noqa: BLE001  (handed on to whoever waits, as it is)
                future.set_exception(error)
            except BaseException as error:
                future.set_exception(RuntimeError(f"interrupted by {type(error).__name__}"))
                raise

        self.post(call)
        return await asyncio.wrap_future(future)

    def drain(self) -> None:
        """Run what is posted so far; for the caller's thread while it is busy with other work."""
        while True:
            try:
                work = self._work.get_nowait()
            except queue.Empty:
                return

            if work is not None:
                work()

    def finish(self) -> None:
        """Let `pump` return once all that was posted before has run."""
        self._work.put(None)

    def pump(self) -> None:
        """Run what is posted until `finish`."""
        while True:
            try:
                work = self._work.get(timeout=_GLANCE)
            except queue.Empty:
                continue

            if work is None:
                return

            work()


Function = Callable[[Caller], Coroutine[Any, Any, Result]]


class _Portal:
    """One background loop."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self.loop: asyncio.AbstractEventLoop
        self.thread = threading.Thread(target=self._run, name="tarash-gateway-loop", daemon=True)
        self.thread.start()
        self._ready.wait()

    def _run(self) -> None:
        # Not asyncio.Runner: its clean-up starts a thread, which a Python that exits may refuse.
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(self._main())
            loop.run_until_complete(_cancel_the_rest())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self._ready.set()
        await self._stop.wait()

    @property
    def stopping(self) -> bool:
        """Tell whether the interpreter is about to exit."""
        return self._stop is not None and self._stop.is_set()

    def stop(self) -> None:
        """Cancel what is running, close what belongs to the loop, end the thread."""
        if self._stop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._stop.set)
            self.thread.join(STOP_SECONDS)


async def _cancel_the_rest() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()

    await asyncio.gather(*tasks, return_exceptions=True)


class _Run(Generic[Result]):
    """One coroutine on the loop, and the thread that waits for it."""

    def __init__(self, portal: _Portal, function: Function[Result]) -> None:
        self._portal = portal
        self._function = function
        self._context = contextvars.copy_context()
        self._task: asyncio.Task[Result] | None = None
        self.caller = Caller()
        self.outcome: Future[Result] = Future()

    def begin(self) -> None:
        """Start the coroutine, in the context of the calling thread."""
        self._portal.loop.call_soon_threadsafe(self._begin)

    def cancel(self) -> None:
        """Cancel the coroutine; its clean-up goes on."""
        self._portal.loop.call_soon_threadsafe(self._cancel)

    def _begin(self) -> None:
        self._task = self._portal.loop.create_task(self._work(), context=self._context)
        self._task.add_done_callback(self._settle)

    async def _work(self) -> Result:
        # Called in here, so that what goes wrong in the call itself reaches the waiting thread.
        return await self._function(self.caller)

    def _cancel(self) -> None:
        if self._task is None:
            self.caller.finish()  # interrupted before it had begun
        else:
            self._task.cancel()

    def _settle(self, task: asyncio.Task[Result]) -> None:
        if self._portal.stopping:
            # The interpreter exits, so whoever waits is a daemon thread: it is not woken to print
            # a traceback about a cancellation that nobody asked for.
            return

        if task.cancelled():
            self.outcome.cancel()
        elif (error := task.exception()) is not None:
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(task.result())

        self.caller.finish()


_portal: _Portal | None = None
_lock = threading.Lock()


def _current() -> _Portal:
    global _portal  # noqa: PLW0603  (one background loop for the process is the point)
    with _lock:
        if _portal is None or not _portal.thread.is_alive():
            _portal = _Portal()
            atexit.register(_portal.stop)

        return _portal


def _forget() -> None:
    global _portal, _lock  # noqa: PLW0603  (a child has no such thread, maybe a held lock)
    _portal = None
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def call(function: Function[Result]) -> Result:
    """Run a coroutine function on the background loop and wait for its result.

    Context variables pass over; what the coroutine hands to its `Caller` runs in this thread.
    Ctrl-C cancels the coroutine and waits for its clean-up; a second Ctrl-C leaves at once.

    Raises:
        RuntimeError: Called from the background loop itself, where waiting would never end.
    """
    portal = _current()
    if threading.current_thread() is portal.thread:
        message = (
            "a blocking call inside the gateway's own event loop would wait for itself for ever; "
            "use the *_async function here"
        )
        raise RuntimeError(message)

    run = _Run(portal, function)
    try:
        run.begin()
        run.caller.pump()
    except BaseException as interruption:
        run.cancel()
        run.caller.pump()
        if run.caller.last_words is not None:
            interruption.add_note(run.caller.last_words)

        raise

    return run.outcome.result()


def run_on_loop(awaitable: Awaitable[Result]) -> Result:
    """Wait, in any other thread, for an awaitable to be done on the background loop."""

    async def wait() -> Result:
        return await awaitable

    return asyncio.run_coroutine_threadsafe(wait(), _current().loop).result()


def is_async(function: Callable[..., object]) -> bool:
    """Tell whether calling this returns a coroutine, as far as can be seen before calling it."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  (the method itself is looked at)
    )


def loop() -> asyncio.AbstractEventLoop:
    """Return the background loop, started if need be: for work that outlives a call."""
    return _current().loop
