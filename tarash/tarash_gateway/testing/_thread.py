"""A daemon thread with an event loop that serves until it is asked to stop.

Blocking tests, subprocesses and several event loops at once can then all talk to one simulator.
It must not know what is served.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

_JOIN_SECONDS = 15.0


class ServerThread:
    """Runs an async context manager on a loop of its own, from `start` to `stop`.

    Args:
        serve: Makes the context manager; it is entered and left on the thread's loop.
    """

    def __init__(self, serve: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        self._serve = serve
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="tarash-simulator", daemon=True)

    def start(self) -> None:
        """Start, and return when it serves; what prevented that is raised here."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join(_JOIN_SECONDS)
            raise self._failure

    def stop(self) -> None:
        """Stop, and return when everything is closed."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)

        self._thread.join(_JOIN_SECONDS)
        if self._thread.is_alive():
            raise RuntimeError(
                f"The simulator's thread did not end within {_JOIN_SECONDS:g} s. "
                "Is stop() called from the simulator's own thread?"
            )

        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._main())
        except BaseException as failure:  # noqa: BLE001 - raised in the thread that starts or stops
            self._failure = failure
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self._serve():
            self._ready.set()
            await self._stop.wait()
