"""Runs a ledger's blocking work in threads, for any event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import anyio
from anyio import to_thread
from anyio.lowlevel import RunVar

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


class Threads:
    """The threads of one ledger; a part of it."""

    at_once = 1
    """Calls of one event loop at a time, in the order in which they came; more wait."""

    def __init__(self, name: str) -> None:
        self._limiter: RunVar[anyio.CapacityLimiter] = RunVar(name)

    async def _run(self, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Do the work in a thread; once it was begun it is waited for, cancelled or not."""
        if not threading.main_thread().is_alive():
            return work(*arguments)  # the interpreter exits, and starts no thread any more

        results: list[Result] = []
        errors: list[Exception] = []

        async def call() -> None:
            try:
                results.append(
                    await to_thread.run_sync(work, *arguments, limiter=self._loop_limiter())
                )
            except Exception as error:  # noqa: BLE001  (raised below, outside the group)
                errors.append(error)

        async with anyio.create_task_group() as group:
            group.start_soon(call)

        if errors:
            raise errors[0]

        if not results:
            raise anyio.get_cancelled_exc_class()  # the loop ends, and with it all that waits

        return results[0]

    def _loop_limiter(self) -> anyio.CapacityLimiter:
        try:
            return self._limiter.get()
        except LookupError:
            limiter = anyio.CapacityLimiter(self.at_once)
            self._limiter.set(limiter)
            return limiter
