"""What the calls of one gateway share, made with the first of them; and how they are ended."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, cast
from weakref import WeakSet

from .exceptions import TarashException
from .registry import Registry, default_registry

if TYPE_CHECKING:
    import asyncio
    from typing import Any

    from ._engine import Resources
    from ._records import AnyLedger, Ledger

VARIABLE = "TARASH_LEDGER"
GOODBYE_SECONDS = 7
"""How long cancelled calls may take to speak to their providers."""


class Shared:
    """The registry, clients and ledger of one gateway, and the calls under way."""

    def __init__(self, registry: Registry | None = None, ledger: AnyLedger | None = None) -> None:
        self.registry = default_registry if registry is None else registry
        self._ledger = ledger
        self._made: Resources | None = None
        self._lock = threading.Lock()
        self._running: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._closing = False

    def resources(self, ledger: AnyLedger | None = None) -> Resources:
        """Return what calls share.

        Args:
            ledger: For this call, in place of the gateway's own.
        """
        with self._lock:  # many threads may make their first call at once
            if self._made is None:
                self._made = self._make()

            return self._made if ledger is None else replace(self._made, ledger=_opened(ledger))

    def _make(self) -> Resources:
        from ._clients import ClientCache
        from ._engine import Resources
        from .ledger import MemoryLedger

        given = self._ledger if self._ledger is not None else os.environ.get(VARIABLE) or None
        ledger = MemoryLedger() if given is None else _opened(given)
        return Resources(self.registry, ClientCache(), ledger, Random())

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Count the current task as under way.

        Raises:
            TarashException: The gateway takes no more work.
        """
        import asyncio

        if self._closing:
            raise TarashException(
                "The gateway is shutting down and takes no more work; nothing was submitted",
                submission="not_sent",
            )

        task = asyncio.current_task()
        if task is None or task in self._running:
            yield
            return

        self._running.add(task)
        try:
            yield
        finally:
            self._running.discard(task)

    async def aclose(self, grace: float | None) -> None:
        """Close the running loop's connections; with `grace`, end its calls before."""
        if grace is not None:
            self._closing = True
            await self._end(grace)

        if self._made is not None:
            await self._made.clients.aclose()
            if grace is not None:
                await self._made.ledger.aclose()

    async def _end(self, grace: float) -> None:
        import asyncio

        here = asyncio.get_running_loop()
        mine = asyncio.current_task()
        tasks = {one for one in list(self._running) if one.get_loop() is here and one is not mine}
        if not tasks:
            return

        _, late = await asyncio.wait(tasks, timeout=grace)
        for task in late:
            task.cancel()

        if late:
            await asyncio.wait(late, timeout=GOODBYE_SECONDS)


def _opened(ledger: AnyLedger) -> Ledger:
    if not isinstance(ledger, str | os.PathLike) and hasattr(ledger, "intend"):
        return ledger

    from .ledger import open_ledger

    return open_ledger(cast("str | os.PathLike[str]", ledger))


default = Shared()
"""What the module's functions share."""
