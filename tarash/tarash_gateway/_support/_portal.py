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
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, Generic, TypeVar, cast

from ._tracebacks import add_note, surfaced
from ._warnings import warn

Result = TypeVar("Result")

STOP_SECONDS = 7
"""How long the interpreter's exit waits for running jobs to be cancelled at their providers."""

_GLANCE = 0.2 if sys.platform == "win32" else 0.5
"""Seconds after which a thread that waits wakes: a wait without a limit hears no Ctrl-C on
Windows, and nowhere an exception that another thread has injected (`PyThreadState_SetAsyncExc`)."""


class Caller:
    """The thread that waits for a call: work that belongs to the user is handed back to it."""

    def __init__(self) -> None:
        self.cancellation_note: str | None = None
        """What a cancelled coroutine has to say; a note on what interrupted the call."""
        self._thread = threading.get_ident()
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._is_finished = False

    def here(self) -> bool:
        """Tell whether the current thread is the caller's."""
        return threading.get_ident() == self._thread

    def interrupt(self, error: BaseException) -> None:
        """Raise something in the caller's thread, which ends the call as Ctrl-C does."""

        def raises() -> None:
            raise error

        self._work.put(raises)

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
        self._is_finished = True
        self._work.put(None)

    def pump(self, is_alive: Callable[[], bool], *, leaving: bool = False) -> None:
        """Run what is posted until `finish`.

        The mark in the queue only wakes: it may be lost to an exception that is injected into this
        thread in the moment in which it is taken.

        Args:
            is_alive: Tells whether anybody is left who could finish.
            leaving: Whether the call is interrupted already: what a callback raises then, other
                than a second Ctrl-C, does not cut the goodbye short.
        """
        while True:
            try:
                work = self._work.get(timeout=_GLANCE)
            except queue.Empty:
                # What was posted in this very moment, before the end, has still to run.
                if (self._is_finished or not is_alive()) and self._work.empty():
                    return

                if not leaving and _ended_by_ctrl_c():
                    raise KeyboardInterrupt from None

                continue

            if work is None:
                return

            try:
                work()
            except KeyboardInterrupt:
                raise
            except BaseException:
                if not leaving:
                    raise


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
            while not (self.stopping or loop.is_closed()):
                # Only `stop` ends it: a callback may have stopped the loop that it found itself on,
                # or left something in it that ends loops.
                with suppress(BaseException):
                    loop.run_until_complete(self._main())

            loop.run_until_complete(_cancel_the_rest())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    async def _main(self) -> None:
        self._stop = self._stop or asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self._ready.set()
        await self._stop.wait()

    @property
    def stopping(self) -> bool:
        """Tell whether the interpreter is about to exit."""
        return self._stop is not None and self._stop.is_set()

    def is_there(self) -> bool:
        """Tell whether what waits for this may still be woken; at exit it is not to be."""
        return self.stopping or self.thread.is_alive()

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
        self._exit: BaseException | None = None
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
        try:
            return await self._function(self.caller)
        except (SystemExit, KeyboardInterrupt) as error:
            # Meant for the waiting thread: out of a task they would end the loop, and with it every
            # other call.
            self._exit = error
            raise asyncio.CancelledError from None

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

        if self._exit is not None:
            self.outcome.set_exception(self._exit)
        elif task.cancelled():
            self.outcome.cancel()
        elif (error := task.exception()) is not None:
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(task.result())

        self.caller.finish()


_portal: _Portal | None = None
# Taken again by what a garbage collection ends in the middle of it.
_lock = threading.RLock()


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
    _lock = threading.RLock()


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

    with surfaced():
        return _outcome(_Run(portal, function), portal)


def _ended_by_ctrl_c() -> bool:
    """Tell whether the program is over, by Ctrl-C, and only waits for its other threads.

    It waits for all of a generation then, and nobody is left who could want the result: threads of
    a loop's executor are not ended by a cancelled `asyncio.to_thread`, nor are any others.
    """
    main = threading.main_thread()
    is_told = getattr(sys, "last_type", None) is KeyboardInterrupt and not hasattr(sys, "ps1")
    if not is_told or threading.current_thread() is main:
        return False

    # Pools are waited for before the main thread counts as ended: all that it does is to wait.
    frame = sys._current_frames().get(main.ident or 0)  # noqa: SLF001  (documented)
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back

    at = None if frame is None else (frame.f_globals.get("__name__"), frame.f_code.co_name)
    return not main.is_alive() or at == ("threading", "_shutdown")


def _outcome(run: _Run[Result], portal: _Portal) -> Result:
    try:
        run.begin()
        run.caller.pump(portal.is_there)
    except BaseException as interruption:
        run.cancel()
        run.caller.pump(portal.is_there, leaving=True)
        if run.caller.cancellation_note is not None:
            add_note(interruption, run.caller.cancellation_note)
            if _ended_by_ctrl_c():
                warn(f"Ctrl-C has ended the program. {run.caller.cancellation_note}")

        raise

    if not run.outcome.done():
        raise RuntimeError("the gateway's event loop has ended in the middle of a call")

    try:
        return run.outcome.result()
    except CancelledError as ended:  # by whoever has closed the gateway
        if run.caller.cancellation_note is not None:
            add_note(ended, run.caller.cancellation_note)

        raise


def run_on_loop(awaitable: Awaitable[Result]) -> Result:
    """Wait, in any other thread, for an awaitable to be done on the background loop."""
    exits: list[BaseException] = []

    async def wait() -> Result | None:
        try:
            return await awaitable
        except (SystemExit, KeyboardInterrupt) as error:  # as in `_Run._work`
            exits.append(error)
            return None

    future = asyncio.run_coroutine_threadsafe(wait(), _current().loop)
    while True:
        try:
            result = future.result(_GLANCE)
            break
        except TimeoutError:
            if future.done():
                raise  # its own

    if exits:
        raise exits[0]

    return cast("Result", result)


def is_async(function: Callable[..., object]) -> bool:
    """Tell whether calling this returns a coroutine, as far as can be seen before calling it."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  (the method itself is looked at)
    )


def running() -> asyncio.AbstractEventLoop | None:
    """Return the background loop, where there is one."""
    return None if _portal is None else _portal.loop


def loop() -> asyncio.AbstractEventLoop:
    """Return the background loop, started if need be: for work that outlives a call."""
    return _current().loop
